/// One thing that a cluster should have: pure, facts in, an answer out.
///
/// Each is a file in `Checks/` and a line in `CheckList`.
public protocol Check: Sendable {
  /// Kebab case, stable for ever.
  static var id: String { get }
  /// The catalogue's own name of the rule, where it is one that others publish: `EKS-003`.
  static var rule: String? { get }
  /// What should be, a sentence without a full stop.
  static var title: String { get }
  /// Whether it decides the cluster's status. What does not is advice.
  static var isDeciding: Bool { get }
  /// Judges; nil where the check is not for clusters of this kind.
  static func evaluate(_ facts: ClusterFacts) -> Finding?
}

/// What a check answers.
public enum Finding: Sendable, Equatable {
  case satisfied
  /// What is wrong, and what to do; without a full stop.
  case violated(String, remedy: String)
  /// Could not be judged, which is never fine.
  case unknown(Doubt)
}

/// A check's answer for one cluster.
public struct Judgement: Sendable, Equatable {
  public let id: String
  /// What it is called: the catalogue's name where it has one.
  public let rule: String
  public let title: String
  public let isDeciding: Bool
  public let finding: Finding
}

/// Every check there is, written out.
public enum CheckList {
  public static let all: [any Check.Type] = [
    AuditLogCheck.self, ControlPlaneLogsCheck.self, LogStoreCheck.self, LogRetentionCheck.self,
  ]

  /// What all checks that are meant for this cluster answer, in their order.
  public static func judge(_ facts: ClusterFacts) -> [Judgement] {
    guard facts.isApplicable else { return [] }
    return all.compactMap { check in
      check.evaluate(facts).map {
        Judgement(
          id: check.id, rule: check.rule ?? check.id, title: check.title, isDeciding: check.isDeciding, finding: $0)
      }
    }
  }
}
