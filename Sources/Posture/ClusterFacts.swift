/// A cloud whose clusters are looked at: the label `cloud_provider`.
public enum CloudProvider: String, Sendable, CaseIterable { case aws }

/// A kind of log that a cluster's control plane writes, and whether it is exported.
public struct LogType: Sendable, Hashable {
  /// The provider's own name, `audit`: the label `log_type`.
  public let name: String
  /// Whether it is the audit log, without which nothing else is counted.
  public let isAudit: Bool
  /// Nil where nobody knows.
  public var isExported: Bool?

  public init(name: String, isAudit: Bool, isExported: Bool?) {
    self.name = name
    self.isAudit = isAudit
    self.isExported = isExported
  }
}

/// Why something is not known: a bounded word. None of them is ever taken for good.
public enum Doubt: String, Sendable, CaseIterable, Error {
  case accessDenied = "access_denied"
  /// No credentials could be had.
  case credentials
  case throttled, timeout
  /// No connection, or none that can be trusted.
  case unreachable
  case serverError = "server_error"
  case refused
  /// What came is not what the service answers.
  case unreadable
  /// The region is not switched on for the account.
  case regionOff = "region_off"
  /// A list of clusters that is not whole.
  case incompleteList = "incomplete_list"
  /// The cluster is being made or taken down.
  case notReady = "not_ready"
  /// The answer does not say.
  case notReported = "not_reported"
  /// More clusters than are looked at.
  case clustersLimit = "clusters_limit"

  /// For people.
  public var text: String {
    switch self {
    case .accessDenied: "access is denied"
    case .credentials: "there are no credentials"
    case .throttled: "too many requests"
    case .timeout: "no answer in time"
    case .unreachable: "the service cannot be reached"
    case .serverError: "the service failed"
    case .refused: "the service refused"
    case .unreadable: "the answer cannot be read"
    case .regionOff: "the region is not switched on for this account"
    case .incompleteList: "the list of clusters is not whole"
    case .notReady: "the cluster is being made or taken down"
    case .notReported: "the answer does not say"
    case .clustersLimit: "there are more clusters than are looked at"
    }
  }
}

/// Where a cluster's log is kept.
public struct LogStore: Sendable, Hashable {
  /// `/aws/eks/prod/cluster`.
  public let name: String
  /// Nil where events are kept for ever.
  public let retentionSeconds: Int64?
  /// Whether its events can be read one by one: not in CloudWatch's infrequent-access class.
  public let isReadable: Bool

  public init(name: String, retentionSeconds: Int64?, isReadable: Bool) {
    self.name = name
    self.retentionSeconds = retentionSeconds
    self.isReadable = isReadable
  }
}

/// What is known of one cluster at one instant: plain values, whatever the provider. Checks judge these.
public struct ClusterFacts: Sendable, Hashable {
  public let provider: CloudProvider
  /// Empty while it is not known.
  public var account: String
  public let region: String
  /// The cluster's own name.
  public let name: String
  /// What it is called in metrics: its name behind the prefix that the configuration gives.
  public let label: String
  /// The role by which it is reached; nil for the process' own credentials.
  public var roleARN: String?
  /// Whether the provider exports logs of it at all: not of a cluster that runs elsewhere and is only shown there.
  public var isApplicable = true
  /// Each once, in the provider's order; empty where nothing is known.
  public var logTypes: [LogType] = []
  /// Why the log types are not known, as far as they are not.
  public var doubt: Doubt?
  /// For people: what the service said.
  public var doubtText = ""

  /// What is known of a cluster's log store.
  public enum Store: Sendable, Hashable {
    case unknown(Doubt)
    case missing
    case found(LogStore)
  }
  public var store = Store.unknown(.notReported)

  public init(provider: CloudProvider, account: String, region: String, name: String, label: String) {
    self.provider = provider
    self.account = account
    self.region = region
    self.name = name
    self.label = label
  }

  /// The audit log's state; nil where nobody knows.
  public var isAuditExported: Bool? { logTypes.first(where: \.isAudit)?.isExported }

  /// Types that are off, and types of which nobody knows.
  public var missingTypes: [String] { logTypes.filter { $0.isExported == false }.map(\.name) }
  public var unknownTypes: [String] { logTypes.filter { $0.isExported == nil }.map(\.name) }
}

/// How a cluster logs, in one word: the label `status`.
public enum LoggingStatus: String, Sendable, CaseIterable {
  /// Every type of log is exported.
  case enabled
  /// The audit log is, another is not.
  case degraded
  /// The audit log is not exported.
  case disabled
  /// It is exported, and no event of it has arrived for long.
  case silent
  /// Nobody knows. Never counted as good.
  case unknown

  /// What the provider's answers make of a cluster; nil where the provider exports no logs of it.
  ///
  /// - Invariant: `enabled` only when every type is known to be exported.
  public init?(_ facts: ClusterFacts) {
    guard facts.isApplicable else { return nil }
    let isWhole = facts.doubt == nil || facts.doubt == .notReported
    switch facts.isAuditExported {
    case _ where !isWhole: self = .unknown
    case nil: self = .unknown
    case false?: self = .disabled
    case true? where !facts.missingTypes.isEmpty: self = .degraded
    case true?: self = facts.unknownTypes.isEmpty ? .enabled : .unknown
    }
  }

  /// The same, joined with what has arrived.
  ///
  /// - Parameter isSilent: whether events should have arrived and did not.
  public func joined(isSilent: Bool) -> LoggingStatus {
    isSilent && (self == .enabled || self == .degraded) ? .silent : self
  }
}
