/// How what the windows hold is spread over time: for a page, which draws it. Never part of a scrape.
///
/// - Shape: each list of panes has `axis.count` numbers, the oldest first; its sum is the value of the window named
///   `window`, exactly. Rows are the few that a page shows; `Table.count` says how many there are.
public struct Trends: Sendable {
  /// The scale of time that all panes share.
  public struct Axis: Sendable, Hashable {
    /// Where the first pane begins, seconds since the epoch.
    public var firstSecond: Int64 = 0
    public var paneSeconds: Int64 = 1
    public var count = 0
    public init() {}
  }

  /// One row: series that have something in common, or one alone.
  public struct Row: Sendable {
    public var panes: [UInt64]
    /// In the window of the panes, and in the short one.
    public var total: UInt64
    public var recent: UInt64
    /// How many different ones of the other kind: the source IPs of a user, the users of a source IP, and those
    /// of an object in each cluster.
    public var others: Int
    /// Its largest series with their totals, the largest first.
    public var parts: SampleSet

    public init(panes: [UInt64], total: UInt64, recent: UInt64, others: Int, parts: SampleSet) {
      self.panes = panes
      self.total = total
      self.recent = recent
      self.others = others
      self.parts = parts
    }
  }

  /// The rows to show, and how many there are.
  public struct Table: Sendable {
    public var rows: [Row]
    public var count: Int

    public init(rows: [Row] = [], count: Int = 0) {
      self.rows = rows
      self.count = count
    }
  }

  /// What one cluster was asked.
  public struct Cluster: Sendable {
    public var name: String
    public var requests: [UInt64]
    public var serverErrors: [UInt64]
    public var denied: [UInt64]

    public init(name: String, requests: [UInt64], serverErrors: [UInt64], denied: [UInt64]) {
      self.name = name
      self.requests = requests
      self.serverErrors = serverErrors
      self.denied = denied
    }
  }

  public var axis = Axis()
  /// The names of the windows of `total` and `recent`; empty when none is configured.
  public var window = ""
  public var recentWindow = ""
  /// Every cluster that was heard.
  public var clusters: [Cluster] = []
  /// By cluster and user, and by cluster and source IP: half of them those refused most in the short window, then those
  /// refused most in all; in the order of the short window.
  public var refusedUsers = Table()
  public var refusedSourceIPs = Table()
  /// Series of RBAC mutations, the latest first.
  public var rbacMutations = Table()
  /// By name of the tracked object, over all clusters, the rarest first.
  public var trackedObjects = Table()

  public init() {}
}
