/// What an audit policy lets one rule see of the requests that it is about.
public struct PolicyFinding: Sendable {
  public enum Status: String, Sendable, CaseIterable {
    /// All that it asks for is logged.
    case evaluable
    /// It does not match some of what it should.
    case partlyBlind = "partly blind"
    /// It never matches.
    case blind
    /// It matches because bodies are missing.
    case noisy
    /// There are too many kinds of requests to look at.
    case undecided
  }

  /// What makes it so.
  public enum Fault: String, Sendable {
    /// The request is not logged.
    case notLogged = "not logged"
    /// Its level leaves out the bodies that the rule asks for.
    case tooLow = "too low"
    /// The same, and the rule takes what is missing for what it looks for.
    case noisy
    /// The stages that the rule asks for are omitted.
    case stageOmitted = "stage omitted"
  }

  /// A rule of the policy that is to blame.
  public struct Cause: Sendable, Hashable {
    /// Its line; nil where no rule is for such requests, which are not logged then.
    public let line: Int?
    /// Nil for None.
    public let level: RuleField.Level?
    public let fault: Fault
  }

  /// Index of `RuleSet.rules`.
  public let rule: Int
  public let status: Status
  /// Sorted by line.
  public let causes: [Cause]
  /// Rules that mend it when they stand before those that are to blame, as lines of YAML.
  public let mending: [String]
}

extension RuleSet {
  /// Asks what a policy lets the rules see that are switched on.
  ///
  /// - Method: of each field that the rule or the policy asks for, the words that either of them names, and one for any
  ///   other. Of all combinations in which the rule can match, the policy's rule is looked up.
  /// - Limits: parts of a condition are taken as independent of each other, so that what cannot happen may be looked at;
  ///   `combinationsLimit` combinations a rule, beyond which it is undecided.
  public func check(_ policy: AuditPolicy, combinationsLimit: Int = 200_000) -> [PolicyFinding] {
    let table = PolicyTable(policy)
    let graph = DecidedGraph(program)
    return rules.indices.filter { rules[$0].isEnabled }.map { rule in
      var walk = PolicyWalk(
        table, SupposedRule(program, graph, program.ruleNodes[rule]), combinationsLimit: combinationsLimit)
      return walk.finding(rule: rule)
    }
  }

  /// The rules of a policy that each rule needs beside level Metadata, as lines of YAML; none for most.
  public var neededPolicies: [[String]] {
    let table = PolicyTable(AuditPolicy(rules: [AuditPolicy.Rule(level: .metadata)]))
    let graph = DecidedGraph(program)
    return zip(program.ruleNodes, neededLevels).enumerated().map { rule, needed in
      guard needed.1 > .metadata else { return [] }
      var walk = PolicyWalk(table, SupposedRule(program, graph, needed.0), combinationsLimit: 20_000)
      return walk.finding(rule: rule).mending
    }
  }
}

/// A policy and the words that it names.
struct PolicyTable {
  let policy: AuditPolicy
  let resources: Set<String>
  let subresources: Set<String>
  let groups: Set<String>
  let verbs: Set<String>
  let users: Set<String>
  let userGroups: Set<String>
  let namespaces: Set<String>
  let names: Set<String>
  let paths: Set<String>

  init(_ policy: AuditPolicy) {
    self.policy = policy
    func gather(_ part: (AuditPolicy.Rule) -> [String]) -> Set<String> { Set(policy.rules.flatMap(part)) }
    let entries = policy.rules.flatMap(\.resources)
    let parts = entries.flatMap(\.resources).map { $0.split(separator: "/", maxSplits: 1).map { String($0) } }
    resources = Set(parts.compactMap(\.first)).subtracting(["*"])
    subresources = Set(parts.filter { $0.count > 1 }.map { $0[1] }).subtracting(["*"])
    groups = Set(entries.map(\.group)).subtracting(["*", ""])
    verbs = gather(\.verbs)
    users = gather(\.users)
    userGroups = gather(\.userGroups)
    namespaces = gather(\.namespaces)
    names = Set(entries.flatMap(\.resourceNames))
    paths = gather(\.nonResourceURLs)
  }
}
