public import AWS

/// What is read of Kinesis Data Streams.
public struct KinesisSettings: Sendable, Equatable {
  /// One stream.
  public struct Target: Sendable, Hashable {
    /// Its name, or its ARN.
    public var stream: String
    public var place: AWSPlace
    /// What stands before the names of its clusters, so that equal names of two accounts stay apart.
    public var clusterPrefix = ""
    /// The cluster of records that name none; nil for the default one.
    public var cluster: String?

    public init(stream: String, place: AWSPlace) {
      self.stream = stream
      self.place = place
    }

    /// The account of the role or of the ARN; empty where neither is said.
    var account: String {
      guard place.account.isEmpty else { return place.account }
      let parts = stream.split(separator: ":", omittingEmptySubsequences: false)
      return parts.count == 6 ? String(parts[4]) : ""
    }

    /// Its name alone.
    var name: String { String(stream.split(separator: "/").last ?? "") }
  }

  /// From where on the first run reads.
  public enum Start: Sendable, Equatable {
    case latest
    case trimHorizon
    /// Milliseconds since the epoch.
    case time(Int64)
  }

  /// An answer has 10 MiB of records, which base64 makes a third longer, and their names.
  public static let answerBytesLimit = 16 << 20

  /// None: the input is off.
  public var targets: [Target] = []
  public var start = Start.latest
  /// How often a shard is asked for what is new.
  public var pollSeconds: Int64 = 1

  public init() {}
}
