public import AWS

/// What is read of CloudWatch Logs.
public struct CloudWatchSettings: Sendable, Equatable {
  /// The log groups of one account and region.
  public struct Target: Sendable, Hashable {
    public var place: AWSPlace
    /// What the names of the groups begin with.
    public var logGroupPrefix = "/aws/eks/"
    /// What stands before the names of its clusters, so that equal names of two accounts stay apart.
    public var clusterPrefix = ""

    public init(_ place: AWSPlace) { self.place = place }
  }

  /// None: the input is off.
  public var targets: [Target] = []
  /// What the names of the streams begin with.
  public var streamPrefix = "kube-apiserver-audit"
  /// How often each group is asked for what is new.
  public var pollSeconds: Int64 = 30
  /// How late an event may come to CloudWatch and still be counted.
  public var overlapSeconds: Int64 = 600
  /// How far back the first run begins.
  public var lookBackSeconds: Int64 = 300
  /// How often groups are looked for.
  public var discoverySeconds: Int64 = 300
  /// Of each operation, account and region.
  public var requestsPerSecond = 2
  /// The longest line that the decoder takes.
  public var lineBytesLimit = 16 << 20

  public init() {}

  var reader: LogGroupReader.Settings {
    var settings = LogGroupReader.Settings()
    settings.overlap = overlapSeconds * 1000
    settings.nearOverlap = min(60_000, settings.overlap / 2)
    settings.sweepInterval = settings.overlap / 2
    return settings
  }
}
