internal import AWS

/// Reads what EKS says of a cluster's logging: five types, in groups that are on or off together.
public enum EKSLogging {
  /// All types there are, in the order in which people read them.
  public static let types = ["audit", "api", "authenticator", "controllerManager", "scheduler"]

  /// Each type's state.
  ///
  /// A type is on where some group that is on names it; else it is off where some group that is off names it. EKS names
  /// every type in one group or another: one that is in none is off too, but only where each group is whole. A group that
  /// does not say its types, or whether it is on, proves nothing: it may be the one that names it.
  static func read(_ groups: [EKSCluster.LogSetup]?) -> [LogType] {
    let groups = groups ?? []
    let isWhole =
      groups.allSatisfy { $0.types != nil && $0.isEnabled != nil }
      && groups.contains { $0.types?.contains(where: types.contains) == true }
    return types.map { type in
      func isNamed(where isEnabled: Bool) -> Bool {
        groups.contains { $0.isEnabled == isEnabled && $0.types?.contains(type) == true }
      }
      let isExported: Bool? = isNamed(where: true) ? true : isNamed(where: false) || isWhole ? false : nil
      return LogType(name: type, isAudit: type == "audit", isExported: isExported)
    }
  }

  /// Writes what is known of a cluster into its facts.
  static func fill(_ facts: inout ClusterFacts, from cluster: EKSCluster) {
    if facts.account.isEmpty { facts.account = cluster.account }
    guard !cluster.isConnected else {
      facts.isApplicable = false
      return
    }
    facts.logTypes = read(cluster.logging)
    switch cluster.status {
    case "ACTIVE", "UPDATING":
      if facts.logTypes.contains(where: { $0.isExported == nil }) { facts.doubt = .notReported }
    default:
      facts.doubt = .notReady
      facts.doubtText = "its status is \(cluster.status.isEmpty ? "not said" : cluster.status)"
    }
  }
}
