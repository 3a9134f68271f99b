public import Diagnostics
public import Transport

/// What was found in one region of one account.
public struct RegionReport: Sendable, Equatable {
  public let provider: CloudProvider
  /// Empty while it is not known.
  public var account: String
  /// Empty where it is not even known which regions there are.
  public let region: String
  public var clusters: [ClusterFacts] = []
  /// Whether every cluster was listed and asked for.
  public var isWhole = true
  /// Why the list of clusters is missing or not whole.
  public var doubt: Doubt?
  /// For people: what the service said.
  public var doubtText = ""
  /// The same of log groups.
  public var storesText = ""
  /// When it was last whole.
  public var lastSuccess: Microseconds?
  /// By the names of clusters, types of log as they were last known.
  public var lastKnown: [String: [LogType]] = [:]
  /// By the names of clusters, since when the audit log has been known to be on, as far as this process knows.
  public var auditSince: [String: Microseconds] = [:]

  public init(provider: CloudProvider, account: String, region: String) {
    self.provider = provider
    self.account = account
    self.region = region
  }

  /// A region of which nothing could be asked.
  public static func failed(account: String, region: String, _ failure: CallFailure) -> RegionReport {
    var report = RegionReport(provider: .aws, account: account, region: region)
    report.fail(Doubt(failure, isProven: false), failure.text)
    return report
  }

  mutating func fail(_ doubt: Doubt, _ text: String) {
    isWhole = false
    self.doubt = doubt
    doubtText = text
  }

  /// This report with what is still known from the one before it.
  ///
  /// A cluster that is not listed any more is forgotten only where the list is whole; else it stays, and nothing is known
  /// of it. What was known of each type stays as the last known answer.
  func following(_ former: RegionReport?, at now: Microseconds) -> RegionReport {
    var report = self
    report.lastSuccess = isWhole ? now : former?.lastSuccess
    if report.account.isEmpty { report.account = former?.account ?? "" }
    if let doubt {
      let names = Set(clusters.map(\.name))
      for cluster in former?.clusters ?? [] where !names.contains(cluster.name) {
        var cluster = cluster
        (cluster.doubt, cluster.doubtText) = (doubt, doubtText)
        report.clusters.append(cluster)
      }
    }
    for cluster in report.clusters {
      let isKnown = cluster.doubt == nil || cluster.doubt == .notReported
      let before = former?.lastKnown[cluster.name] ?? []
      report.lastKnown[cluster.name] =
        isKnown ? Self.merged(before, cluster.logTypes) : before.isEmpty ? cluster.logTypes : before
      guard cluster.isAuditExported == true || !isKnown else { continue }
      let since = former?.auditSince[cluster.name] ?? (isKnown ? now : nil)
      if let since { report.auditSince[cluster.name] = since }
    }
    return report
  }

  /// New answers; where there is none, the one before.
  private static func merged(_ before: [LogType], _ now: [LogType]) -> [LogType] {
    now.map { type in
      var type = type
      if type.isExported == nil { type.isExported = before.first { $0.name == type.name }?.isExported }
      return type
    }
  }
}
