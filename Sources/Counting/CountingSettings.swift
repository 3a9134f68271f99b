internal import Metrics

/// What counting is told: plain values, checked by whoever reads the configuration.
///
/// - Source: DESIGN.md, sections 3 and 4. Every limit there has a name here.
public struct CountingSettings: Sendable {
  /// The sliding windows, at most `windowLimit`.
  public var windows = [
    WindowSpan(name: "5m", seconds: 300), WindowSpan(name: "15m", seconds: 900), WindowSpan(name: "1h", seconds: 3600),
  ]
  /// How far behind a feed may be and still be shown with full windows, seconds; nil is unlimited (`replay`).
  public var maxLagSeconds: Int64? = 900
  /// The clock is the newest event time so far, arrival times and expiry are ignored: `replay`.
  public var followsEventTime = false
  /// Whose entries in `sourceIPs` are passed over, from the last one backwards.
  public var trustedProxies: [AddressRange] = []
  /// Named classes of requests, at most `trackedObjectLimit`.
  public var trackedObjects = TrackedObject.builtIn
  /// The detection rules that are loaded, by the numbers under which their matches are counted.
  public var detectionRules: [DetectionRule] = []
  /// Clusters with series of their own; events of further ones count under `(other)`.
  public var clusterLimit = Families.clusterLimit
  /// Limits of the bounded families.
  public var limits = SeriesLimits()
  /// Series shown for one window family, window and cluster; the rest is merged into the overflow series.
  public var shownSeriesPerWindow = Families.windowSeriesLimit
  /// A series without a change for this long may be dropped when its family is over 80 % full.
  public var idleSeconds: Int64 = 24 * 3600
  /// What users and source IPs are shown and kept as; nil for their names. What is counted does not change with it.
  public var pseudonyms: Pseudonyms?
  /// How much windowed detection rules may remember.
  public var windowLimits = WindowLimits()
  /// Whether events are kept as evidence of what they were counted as.
  public var keepsEvidence = false
  /// The names of the inputs, in the order of their indices.
  public var inputs: [String] = []

  public init() {}

  /// More windows than this are not counted; configuration refuses them.
  public static let windowLimit = 6
  /// More tracked objects than this are not matched; configuration refuses them.
  public static let trackedObjectLimit = 64
}

/// One sliding window.
public struct WindowSpan: Sendable, Hashable {
  /// The label value, such as `5m`.
  public var name: String
  /// Its length, a positive multiple of `paneCount`, so that a pane is whole seconds.
  public var seconds: Int64
  /// Panes in a window: its grain is a thirtieth.
  public static let paneCount: Int64 = 30

  public init(name: String, seconds: Int64) {
    self.name = name
    self.seconds = seconds
  }

  /// The width of a pane, seconds.
  var paneSeconds: Int64 { max(1, seconds / Self.paneCount) }
}

/// A detection rule, as far as counting knows it.
public struct DetectionRule: Sendable, Hashable {
  public var name: String
  /// From 0, the worst, to 7.
  public var priority: Int
  /// One that is not is shown only where it was counted before.
  public var isEnabled: Bool
  /// Of a rule that counts in a window: it matches when that reaches its threshold.
  public var window: DetectionWindow?

  public init(name: String, priority: Int, isEnabled: Bool = true, window: DetectionWindow? = nil) {
    self.name = name
    self.window = window
    self.priority = priority
    self.isEnabled = isEnabled
  }

  /// The label `priority`: the words of Falco, whole and in lower case.
  public static var priorities: [String] { priorityLabels.map { $0.description } }

  static let priorityLabels: [StaticString] = [
    "emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug",
  ]
}

/// How many series a family may hold.
public struct FamilyLimit: Sendable, Hashable {
  public var perCluster: Int
  public var inAll: Int
  public init(perCluster: Int, inAll: Int) {
    self.perCluster = perCluster
    self.inAll = inAll
  }
}

/// The limits of the bounded families. What is folded into `(other)` does not count against them: the folded series are
/// bounded by the labels that are left.
public struct SeriesLimits: Sendable, Hashable {
  public var requests = FamilyLimit(perCluster: Families.counterSeriesLimit, inAll: 20_000)
  public var denied = FamilyLimit(perCluster: Families.deniedSeriesLimit, inAll: 25_000)
  public var serverErrors = FamilyLimit(perCluster: Families.counterSeriesLimit, inAll: 10_000)
  public var rbacMutations = FamilyLimit(perCluster: Families.counterSeriesLimit, inAll: 10_000)
  public var tracked = FamilyLimit(perCluster: Families.counterSeriesLimit, inAll: 10_000)
  public var trackedInWindow = FamilyLimit(perCluster: Families.counterSeriesLimit, inAll: 10_000)
  public var impersonated = FamilyLimit(perCluster: Families.counterSeriesLimit, inAll: 10_000)
  public var detections = FamilyLimit(perCluster: Families.counterSeriesLimit, inAll: 20_000)
  /// Source IPs with a count of distinct users of their own.
  public var distinctUsers = FamilyLimit(perCluster: 1024, inAll: 2048)
  /// Accounts and regions of clouds with series of their own; records of further ones count under `(other)`.
  public var cloudPlaces = Families.cloudPlaceLimit
  /// The next three are by account and region instead of cluster.
  public var cloudAPICalls = FamilyLimit(perCluster: Families.counterSeriesLimit, inAll: 10_000)
  public var loggingChanges = FamilyLimit(perCluster: Families.counterSeriesLimit, inAll: 10_000)
  public var roleAssumptions = FamilyLimit(perCluster: Families.counterSeriesLimit, inAll: 10_000)
  /// Denied series of users that one source IP may hold.
  public var usersPerSourceIP = 64
  /// Denied series that one user may hold; and impersonated users of one user.
  public var sourceIPsPerUser = 64
  /// Denied series of IPv6 addresses in one /64 before it is counted as one.
  public var seriesPerIPv6Network = 16
  /// Resource names among the server errors of one cluster.
  public var resourcesPerCluster = 512
  /// Entries of the sketch of refused users, of all source IPs together.
  var sketchEntries = UserSketch.entryLimit
  public init() {}
}
