/// The audit log is exported. Without it this exporter has nothing to count.
public enum AuditLogCheck: Check {
  public static let id = "audit-log"
  public static let rule: String? = nil
  public static let title = "The audit log is exported"
  public static let isDeciding = true

  public static func evaluate(_ facts: ClusterFacts) -> Finding? {
    if let doubt = facts.doubt, facts.isAuditExported == nil || doubt != .notReported { return .unknown(doubt) }
    switch facts.isAuditExported {
    case true?: return .satisfied
    case false?:
      return .violated("the audit log is off", remedy: ControlPlaneLogsCheck.remedy(facts, types: ["audit"]))
    case nil: return .unknown(.notReported)
    }
  }
}
