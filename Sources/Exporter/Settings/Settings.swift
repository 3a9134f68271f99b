internal import AWS
internal import Counting
internal import Diagnostics
internal import Inputs
internal import Logging
internal import Posture

/// Everything that can be set, as plain values: checked, complete, defaults filled in. `Schema` says which key and flag sets
/// which value; the values here are the defaults.
struct Settings: Sendable, Equatable {
  /// Clusters that must log; those that are never heard from can be alerted on.
  var clusters: [Cluster] = []
  /// As it was set; `clusterName` is what holds.
  var givenClusterName: String?
  /// The directory of the state; empty to keep it in memory.
  var storagePath = "data"
  var inputs = Inputs()
  var web = Web()
  var log = Log()
  var limits = Limits()
  /// As it was set; `queueBudgetBytes` is what holds.
  var queueLimitBytes: Int?
  /// Spans of the sliding windows, seconds, ascending.
  var windowSeconds: [Int64] = [300, 900, 3600]
  var maxLagSeconds: Int64 = 900
  /// Networks in canonical notation, `10.0.0.0/8`; single addresses carry `/32` or `/128`.
  var trustedProxies: [String] = []
  /// Besides the built-in ones.
  var trackedObjects: [TrackedObject] = []
  var detection = Detection()
  /// What is asked of clouds about the clusters' logging.
  var posture = PostureSettings()
  /// The file of the key that users and source IPs are hidden with; empty to show their names.
  var pseudonymKeyFile = ""

  struct Cluster: Sendable, Hashable {
    var name: String
  }

  struct Inputs: Sendable, Equatable {
    var files: [File] = []
    /// Where to begin in a file that is there at the start.
    var fileStart = Start.beginning
    var stdin = false
    var webhook = Webhook()
    var firehose = Firehose()
    var kinesis = Kinesis()
    var cloudwatch = CloudWatch()
    var cloudtrail = CloudTrail()

    struct File: Sendable, Hashable {
      /// A path or a pattern.
      var path: String
      /// The cluster of its events; nil for `clusterName`.
      var cluster: String?
    }
    enum Start: String, Sendable, CaseIterable { case beginning, end }
  }

  struct Webhook: Sendable, Equatable {
    /// Empty: the webhook is off.
    var listenAddresses: [ListenAddress] = []
    /// A web configuration file of its own; empty for plain HTTP without authentication.
    var configFile = ""
    /// Who may write, once pushes are authenticated.
    var writers: [Writer] = []
    /// Whether a listener without authentication may be reached from other machines.
    var isInsecure = false
    /// Names that `/webhook/<cluster>` takes besides `clusters` and `clusterName`.
    var clusters: [String] = []
    /// The largest body as it arrives, and after decompression.
    var bodyLimitBytes = 64 << 20
    var decodedLimitBytes = 64 << 20

    /// What somebody proves to be.
    enum Credential: Sendable, Hashable {
      /// Of `basic_auth_users`.
      case user(String)
      /// A subject alternative name or the common name of a verified client certificate.
      case certificate(String)
    }

    struct Writer: Sendable, Hashable {
      var credential: Credential
      var clusters: [String]
    }
  }

  struct CloudWatch: Sendable, Equatable {
    /// Empty: CloudWatch Logs is not read.
    var targets: [Target] = []
    var streamPrefix = "kube-apiserver-audit"
    var pollSeconds: Int64 = 30
    /// How late events may come to CloudWatch.
    var overlapSeconds: Int64 = 600
    /// How far back the first run begins.
    var lookBackSeconds: Int64 = 300
    var discoverySeconds: Int64 = 300
    /// Of each operation, account and region.
    var requestsPerSecond = 2

    /// Log groups of one account and region.
    struct Target: Sendable, Hashable {
      var place: AWSPlace
      var logGroupPrefix = "/aws/eks/"
      /// What stands before the names of its clusters.
      var clusterPrefix = ""
    }
  }

  struct CloudTrail: Sendable, Equatable {
    /// Empty: CloudTrail is not asked.
    var targets: [AWSPlace] = []
    var pollSeconds: Int64 = 60
    /// How late events may be shown.
    var overlapSeconds: Int64 = 1_800
    /// How far back the first run begins.
    var lookBackSeconds: Int64 = 900
  }

  struct Firehose: Sendable, Equatable {
    /// Empty: nothing is taken from Firehose.
    var listenAddresses: [ListenAddress] = []
    /// Who may deliver.
    var accessKeys: [AccessKey] = []
    /// Whether anybody may.
    var isInsecure = false
    /// The cluster of records that name none; nil for the only one of the key, else `clusterName`.
    var cluster: String?

    /// A key that Firehose sends with each request, and where it is found; the key itself is in no settings.
    struct AccessKey: Sendable, Hashable {
      var place: Place
      /// The clusters whose events it may write; nil for all.
      var clusters: [String]?

      enum Place: Sendable, Hashable {
        case file(String)
        case variable(String)
      }
    }
  }

  struct Kinesis: Sendable, Equatable {
    /// Empty: no stream is read.
    var targets: [KinesisSettings.Target] = []
    var start = KinesisSettings.Start.latest
    var pollSeconds: Int64 = 1
  }

  /// The detection rules.
  struct Detection: Sendable, Equatable {
    /// In their order; none: nothing is detected.
    var files: [String] = []
    var matching = Matching.all

    enum Matching: String, Sendable, CaseIterable { case all, first }
  }

  struct Web: Sendable, Equatable {
    var listenAddresses = [ListenAddress(host: "", port: 10_403)]
    /// A web configuration file; empty for plain HTTP without authentication.
    var configFile = ""
    var telemetryPath = "/metrics"
    /// Empty, or `http://host/prefix` without a slash at its end.
    var externalURL = ""
    /// As it was set; `prefix` is what holds.
    var routePrefix: String?
    var isLifecycleEnabled = false
    /// Scrapes served at a time; 0 for no limit.
    var requestsLimit = 40

    /// Empty, or `/path` without a slash at its end: as set, else the external URL's path.
    var prefix: String { routePrefix ?? URLText.path(of: externalURL) }

    /// What links begin with, as a browser sees it: a proxy may have stripped the route's prefix from the external path.
    var linkPrefix: String { externalURL.isEmpty ? prefix : URLText.path(of: externalURL) }
  }

  struct Log: Sendable, Equatable {
    var level = LogLevel.info
    var format = LogFormat.logfmt
  }

  enum LogLevel: String, Sendable, CaseIterable {
    case debug, info, warn, error
    /// The same in swift-log's words.
    var logger: Logger.Level {
      switch self {
      case .debug: .debug
      case .info: .info
      case .warn: .warning
      case .error: .error
      }
    }
  }

  /// A class of requests to count by itself. Nil matches everything.
  struct TrackedObject: Sendable, Hashable {
    var name: String
    /// Empty is the core group.
    var group: String?
    var resource: String
    /// The empty text is the resource itself.
    var subresources: [String]? = [""]
    var namespace: String?
    var objectName: String?
    /// Lower case; nil for every verb.
    var verbs: [String]? = TrackedObject.changes

    static let changes = ["create", "update", "patch", "delete", "deletecollection"]
  }

  /// The cluster of events whose wrapping and input name none.
  var clusterName: String { givenClusterName ?? "default" }

  /// The clusters that are named somewhere for events to come of: those that `kube_audit_cluster_expected` shows. A
  /// `cluster.name` that was given counts where an input leaves events without another.
  var expectedClusters: [String] {
    let webhook = inputs.webhook.listenAddresses.isEmpty ? nil : inputs.webhook
    var names = clusters.map(\.name) + (webhook?.clusters ?? []) + inputs.files.compactMap(\.cluster)
    if !inputs.firehose.listenAddresses.isEmpty {
      names += inputs.firehose.accessKeys.flatMap { $0.clusters ?? [] } + (inputs.firehose.cluster.map { [$0] } ?? [])
    }
    names += inputs.kinesis.targets.compactMap(\.cluster)
    let leavesUnnamed =
      inputs.stdin || inputs.files.contains { $0.cluster == nil } || webhook.map { $0.clusters.isEmpty } ?? false
    if leavesUnnamed, let givenClusterName { names.append(givenClusterName) }
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }

  /// The clusters that a push may name.
  var webhookClusters: [String] { [clusterName] + clusters.map(\.name) + inputs.webhook.clusters }

  /// What arrival is held against: where nothing is read, nothing is missed.
  var arrival: Arrival { Arrival(silentAfterSeconds: hasAuditInput ? posture.silentAfterSeconds : 0) }

  /// Whose clusters the command `posture` looks at: those that are looked at anyway, else those that are read, else all
  /// that the process' own credentials reach.
  var postureTargets: [PostureTarget] {
    var read: [PostureTarget] = []
    for target in inputs.cloudwatch.targets where !read.contains(where: { $0.place == target.place }) {
      read.append(PostureTarget(target.place, clusterPrefix: target.clusterPrefix))
    }
    let all = posture.targets.isEmpty ? read : posture.targets
    return all.isEmpty ? [PostureTarget(AWSPlace(region: EKSAuditor.everyRegion))] : all
  }

  /// Whether any input is configured.
  var hasInput: Bool { hasAuditInput || !inputs.cloudtrail.targets.isEmpty }

  /// Whether any of them brings audit events of clusters.
  private var hasAuditInput: Bool {
    !inputs.files.isEmpty || inputs.stdin || !pushAddresses.isEmpty || !inputs.cloudwatch.targets.isEmpty
      || !inputs.kinesis.targets.isEmpty
  }

  /// The addresses of the listener for those who push: each takes whatever may be pushed.
  var pushAddresses: [ListenAddress] {
    let webhook = inputs.webhook.listenAddresses
    return webhook + inputs.firehose.listenAddresses.filter { !webhook.contains($0) }
  }

  /// The budget of everything between the inputs and the counters. Unless set: 4 MiB, and while pushes are taken the
  /// largest body twice besides (as it arrives, and decoded), so that the API server's largest batch never has to wait for
  /// an empty queue: a batch refused five times is lost. It is a limit and not a reservation.
  var queueBudgetBytes: Int {
    let webhook =
      inputs.webhook.listenAddresses.isEmpty ? 0 : inputs.webhook.bodyLimitBytes + inputs.webhook.decodedLimitBytes
    let firehose = inputs.firehose.listenAddresses.isEmpty ? 0 : 2 * FirehoseSettings().bodyBytesLimit
    return queueLimitBytes ?? (4 << 20) + max(webhook, firehose)
  }
}

extension Settings {
  /// Bounds of what is counted and shown; DESIGN.md, sections 3 and 4.
  struct Limits: Sendable, Equatable {
    var eventBytes = 16 << 20
    var clusters = CountingSettings().clusterLimit
    /// Of the bounded families.
    var series = SeriesLimits()
    var shownSeries = CountingSettings().shownSeriesPerWindow
    var idleSeconds = CountingSettings().idleSeconds
    var evidenceBytes = 4 << 20
    var ruleWindows = WindowLimits()
  }
}
