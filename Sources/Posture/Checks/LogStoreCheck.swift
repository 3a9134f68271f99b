/// What is exported arrives somewhere, and can be read there.
public enum LogStoreCheck: Check {
  public static let id = "log-group"
  public static let rule: String? = nil
  public static let title = "The cluster's log group is there and can be read"
  public static let isDeciding = false

  public static func evaluate(_ facts: ClusterFacts) -> Finding? {
    // Where no log is exported there need not be a place for it.
    guard facts.doubt == nil, facts.isAuditExported == true else { return nil }
    switch facts.store {
    case .unknown(let doubt): return .unknown(doubt)
    case .missing:
      return .violated(
        "the audit log is on, and the log group /aws/eks/\(facts.name)/cluster is not there",
        remedy: "Wait some minutes if logging was just turned on; else find who deleted it, and make it again")
    case .found(let store) where !store.isReadable:
      return .violated(
        "\(store.name) is of the infrequent-access class, whose events cannot be read one by one",
        remedy: "A class cannot be changed: delete the group and make one of its name in the standard class")
    case .found: return .satisfied
    }
  }
}
