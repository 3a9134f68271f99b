internal import AuditEvents

/// Walks over the kinds of requests that one rule is about, and asks a policy for each how it is logged.
///
/// What the rule and the policy cannot tell apart is one kind. A branch ends as soon as the rule cannot match in it.
struct PolicyWalk {
  private let table: PolicyTable
  private var rule: SupposedRule
  private let choices: PolicyChoices
  private let combinationsLimit: Int
  private var combinations = 0

  private var supposed = Supposition()
  /// What was found out since something was supposed that the rule asks for.
  private var found = Found()
  private var request = AuditPolicy.Request()
  private var kind = 0
  private var verb = 0
  private var path = 0

  private var hasMatch = false
  private var causes: Set<PolicyFinding.Cause> = []
  private var mending = PolicyMending()

  init(_ table: PolicyTable, _ rule: SupposedRule, combinationsLimit: Int) {
    self.table = table
    self.rule = rule
    self.combinationsLimit = combinationsLimit
    choices = PolicyChoices(table, rule)
  }

  mutating func finding(rule number: Int) -> PolicyFinding {
    for kind in choices.kinds.indices {
      self.kind = kind
      let chosen = choices.kinds[kind].first
      suppose(.resource, chosen.resource)
      suppose(.subresource, chosen.subresource)
      suppose(.group, chosen.group)
      request.resource = chosen.resource.text
      request.subresource = chosen.subresource.text
      request.group = chosen.group.text
      guard canMatch() else { continue }
      walkVerbs()
    }
    let isUndecided = combinations >= combinationsLimit
    return PolicyFinding(
      rule: number, status: isUndecided ? .undecided : status,
      causes: causes.sorted {
        ($0.line ?? .max, $0.level?.rawValue ?? -1, $0.fault.rawValue)
          < ($1.line ?? .max, $1.level?.rawValue ?? -1, $1.fault.rawValue)
      },
      mending: mending.lines(choices))
  }

  private var status: PolicyFinding.Status {
    if causes.isEmpty { return .evaluable }
    if !hasMatch { return .blind }
    return causes.contains { $0.fault == .noisy } ? .noisy : .partlyBlind
  }

  private struct Found {
    var canMatch: Bool?
    var possibleStages: [Stage]?
    var sights: [Asked: RuleSight] = [:]
    struct Asked: Hashable {
      let stages: [Stage]
      let level: RuleField.Level
    }
  }

  private mutating func suppose(_ field: Supposition.Field, _ word: Supposition.Word?) {
    let wasBare = supposed.isBare
    supposed[field] = word
    if rule.asked.contains(field) || wasBare != supposed.isBare { found = Found() }
  }

  /// Whether it could match some request of which that is supposed, whatever its level.
  private mutating func canMatch() -> Bool {
    combinations += 1
    guard combinations < combinationsLimit else { return false }
    if let known = found.canMatch { return known }
    let canMatch = !rule.sight(supposed, leavingOut: .bodies).isEmpty
    found.canMatch = canMatch
    return canMatch
  }

  // MARK: - Field by field

  private mutating func walkVerbs() {
    for verb in choices.verbs.indices {
      self.verb = verb
      suppose(.verb, choices.verbs[verb].first)
      request.verb = choices.verbs[verb].first.text
      guard KnownResources.mayBe(request.verb, request.resource, request.subresource) else { continue }
      if canMatch() { walkUsers() }
    }
    suppose(.verb, nil)
  }

  private mutating func walkUsers() {
    for user in choices.users {
      suppose(.user, user.name)
      request.user = user.name == .missing ? nil : user.name.text
      request.groups = user.groups
      if canMatch() { walkNamespaces() }
    }
    suppose(.user, nil)
  }

  private mutating func walkNamespaces() {
    let known = KnownResources.all[request.resource]
    for namespace in request.resource.isEmpty ? [.missing] : choices.namespaces {
      if let known, let namespace, request.resource != "namespaces" {
        // A list may be of all namespaces.
        let isOfAll = namespace == .missing && !["list", "watch", "deletecollection"].contains(request.verb)
        if known.isNamespaced ? isOfAll : namespace != .missing { continue }
      }
      suppose(.namespace, namespace)
      request.namespace = namespace?.text ?? ""
      if canMatch() { walkNames() }
    }
    suppose(.namespace, nil)
  }

  private mutating func walkNames() {
    for name in request.resource.isEmpty ? [.missing] : choices.names {
      suppose(.name, name)
      // What is created has its name in the body, which the policy does not see.
      let isInBody = request.verb == "create" && request.subresource.isEmpty
      request.name = isInBody ? "" : name?.text ?? ""
      if canMatch() { walkPaths() }
    }
    suppose(.name, nil)
  }

  private mutating func walkPaths() {
    guard request.resource.isEmpty else { return look() }
    for path in choices.paths.indices {
      self.path = path
      suppose(.uri, choices.paths[path].first)
      request.path = choices.paths[path].first?.text ?? ""
      if canMatch() { look() }
    }
    suppose(.uri, nil)
  }

  // MARK: - One kind of requests

  private static let stages: [Stage] = [.requestReceived, .responseStarted, .responseComplete, .panic]

  /// Asks the policy.
  private mutating func look() {
    let possible = possibleStages()
    guard !possible.isEmpty else { return }
    let number = table.policy.rule(for: request)
    guard let number, let level = table.policy.rules[number].level else {
      return blame(number.map { table.policy.rules[$0].line }, nil, .notLogged, possible)
    }
    let line = table.policy.rules[number].line
    let logged = possible.filter { !table.policy.rules[number].omitStages.contains($0) }
    let sight = sight(logged, level)
    // The last event of a request is the one that is sure to come.
    let last: Stage = supposed[.user] == .missing ? .responseStarted : .responseComplete
    if possible.contains(last), !logged.contains(last) { blameStages(line, level, [last]) }
    if sight.contains(.matches) {
      hasMatch = true
      if sight.isNoisy { blame(line, level, .noisy, logged) }
      if sight.isPartlyBlind { blame(line, level, .tooLow, logged) }
    } else if self.sight(logged, .requestResponse).contains(.matches) {
      blame(line, level, .tooLow, logged)
    } else if logged.count < possible.count, !possible.contains(last) {
      blameStages(line, level, possible)
    }
  }

  private mutating func blameStages(_ line: Int, _ level: RuleField.Level, _ omitted: [Stage]) {
    causes.insert(PolicyFinding.Cause(line: line, level: level, fault: .stageOmitted))
    mending.stages[line, default: []].formUnion(omitted)
  }

  /// The stages at which the rule can match.
  private mutating func possibleStages() -> [Stage] {
    if let known = found.possibleStages { return known }
    // A failed authentication has one event.
    let stages = supposed[.user] == .missing ? [.responseStarted] : Self.stages
    let possible = stages.filter { stage in
      supposed.stage = stage
      return !rule.sight(supposed, leavingOut: .bodies).isEmpty
    }
    supposed.stage = nil
    found.possibleStages = possible
    return possible
  }

  private mutating func sight(_ stages: [Stage], _ level: RuleField.Level) -> RuleSight {
    let asked = Found.Asked(stages: stages, level: level)
    if let known = found.sights[asked] { return known }
    var sight: RuleSight = []
    for stage in stages {
      supposed.stage = stage
      sight.formUnion(rule.sight(supposed, leavingOut: level.leavesOut))
    }
    supposed.stage = nil
    found.sights[asked] = sight
    return sight
  }

  private mutating func blame(
    _ line: Int?, _ level: RuleField.Level?, _ fault: PolicyFinding.Fault, _ stages: [Stage]
  ) {
    causes.insert(PolicyFinding.Cause(line: line, level: level, fault: fault))
    let needed = RuleField.Level.all.first { sight(stages, $0).isClear } ?? .requestResponse
    mending.add(needed, kind: kind, verb: verb, path: request.resource.isEmpty ? path : nil)
  }
}
