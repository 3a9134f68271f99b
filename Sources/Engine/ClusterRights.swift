internal import AuditEvents

/// The clusters whose events a batch may hold.
///
/// - Cost: events of one envelope have one cluster, so the last answer is kept; another name is searched for among all.
struct ClusterRights {
  private let names: [[UInt8]]
  private let allowsUnnamed: Bool
  /// Where the name stands that was found last.
  private var last = 0

  /// - Parameter unnamed: the cluster of events whose wrapping names none.
  init(_ clusters: Set<String>, unnamed: String) {
    names = clusters.sorted().map { Array($0.utf8) }
    allowsUnnamed = clusters.contains(unnamed)
  }

  /// Whether events of the cluster that a wrapping names may be counted. A name with escapes is none of those that are set.
  mutating func allows(_ cluster: Text) -> Bool {
    if cluster.isEmpty { return allowsUnnamed }
    if last < names.count, cluster.equals(names[last]) { return true }
    guard let found = names.firstIndex(where: { cluster.equals($0) }) else { return false }
    last = found
    return true
  }
}
