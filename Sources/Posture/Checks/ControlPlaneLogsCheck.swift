/// Every type of the control plane's log is exported.
///
/// - Source: EKS-003 of the Conformity catalogue: API, audit, authenticator, controller manager and scheduler.
public enum ControlPlaneLogsCheck: Check {
  public static let id = "control-plane-logs"
  public static let rule: String? = "EKS-003"
  public static let title = "All types of the control plane's log are exported"
  public static let isDeciding = true

  public static func evaluate(_ facts: ClusterFacts) -> Finding? {
    if let doubt = facts.doubt, doubt != .notReported { return .unknown(doubt) }
    let missing = facts.missingTypes
    if !missing.isEmpty {
      let verb = missing.count == 1 ? "is" : "are"
      return .violated("\(missing.joined(separator: ", ")) \(verb) off", remedy: remedy(facts, types: missing))
    }
    return facts.logTypes.isEmpty || !facts.unknownTypes.isEmpty ? .unknown(.notReported) : .satisfied
  }

  /// The command that has them exported.
  static func remedy(_ facts: ClusterFacts, types: [String]) -> String {
    "kube-audit-exporter posture enable --cluster \(facts.name) --region \(facts.region) --types "
      + types.joined(separator: ",") + (facts.roleARN.map { " --role-arn \($0)" } ?? "")
  }
}
