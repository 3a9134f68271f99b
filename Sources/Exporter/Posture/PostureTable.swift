internal import Diagnostics
internal import Posture

/// What `posture check` prints for people: a row a cluster, then what fails and the remedy, then how many there are.
struct PostureTable {
  private let reports: [RegionReport]

  init(_ reports: [RegionReport]) { self.reports = reports }

  private var clusters: [ClusterFacts] { reports.flatMap(\.clusters) }

  func text(columns: Int) -> String {
    var table = TextTable(["ACCOUNT", "REGION", "CLUSTER", "STATUS", "OFF", "RULE"], numeric: [])
    for cluster in clusters { table.rows.append(row(cluster)) }
    return table.text(columns: columns) + problems() + places() + summary()
  }

  private static func status(_ cluster: ClusterFacts) -> String { LoggingStatus(cluster)?.rawValue ?? "not applicable" }

  private func row(_ cluster: ClusterFacts) -> [String] {
    let failing = CheckList.judge(cluster).filter { $0.isDeciding && $0.finding != .satisfied }
    return [
      cluster.account, cluster.region, cluster.name, Self.status(cluster),
      LoggingStatus(cluster) == .unknown ? "" : cluster.missingTypes.joined(separator: ","),
      failing.map(\.rule).joined(separator: " "),
    ]
  }

  /// Each rule that fails, by cluster, and what to do. Of the audit log, which is one of all types, nothing is said twice.
  private func problems() -> String {
    clusters.map { cluster in
      let failing = CheckList.judge(cluster).filter { $0.finding != .satisfied && $0.id != AuditLogCheck.id }
      guard !failing.isEmpty else { return "" }
      let account = cluster.account.isEmpty ? "" : ", account \(cluster.account)"
      return "\n" + Self.line("\(cluster.name) in \(cluster.region)\(account)")
        + failing.map { judgement in
          let advice = judgement.isDeciding ? "" : ", advice"
          switch judgement.finding {
          case .satisfied: return ""
          case .violated(let what, let remedy):
            return Self.line("  \(judgement.rule)\(advice): \(what)") + Self.line("    \(remedy)")
          case .unknown(let doubt):
            let said = cluster.doubtText.isEmpty || !judgement.isDeciding ? "" : " (\(cluster.doubtText))"
            return Self.line("  \(judgement.rule)\(advice): not known, \(doubt.text)\(said)")
              + Self.line("    \(doubt.remedy)")
          }
        }.joined()
    }.joined()
  }

  /// Regions whose clusters are not known.
  private func places() -> String {
    reports.map { report in
      guard let doubt = report.doubt else { return "" }
      let place = report.region.isEmpty ? "The regions" : "The clusters of \(report.region)"
      let account = report.account.isEmpty ? "" : ", account \(report.account)"
      return "\n" + Self.line("\(place)\(account) are not known: \(doubt.text) (\(report.doubtText))")
        + Self.line("    \(doubt.remedy)")
    }.joined()
  }

  private func summary() -> String {
    let counts = Dictionary(grouping: clusters, by: Self.status).mapValues(\.count)
    let words = (LoggingStatus.allCases.map(\.rawValue) + ["not applicable"]).compactMap { word in
      counts[word].map { "\($0) \(word)" }
    }
    let regions = reports.filter { $0.doubt == nil }.count
    let what = clusters.count == 1 ? "1 cluster" : "\(clusters.count) clusters"
    let place = regions == 1 ? "1 region" : "\(regions) regions"
    return "\n\(what) in \(place)\(words.isEmpty ? "" : ": " + words.joined(separator: ", "))\n"
  }

  /// What a cloud said does not reach a terminal as it came.
  private static func line(_ text: String) -> String { SafeText.escaped(text, limitBytes: 1000) + "\n" }
}
