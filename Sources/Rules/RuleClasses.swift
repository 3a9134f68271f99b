internal import AuditEvents

/// For each class of events (stage, verb, resource) the rules that can match it: computed when the first event of the class
/// comes, by putting what the class decides into the rules' conditions.
struct RuleClasses: ~Copyable {
  /// Rules, the lists of all classes one after another.
  private(set) var list: [Int32] = []
  /// For each class, where its rules stand in `list`; -1 when not computed yet.
  private var starts: [Int32]
  private var ends: [Int32]
  private let resourceCount: Int
  private var nodes: [Knowledge]

  private enum Knowledge: UInt8 { case unknown, no, yes, notComputed }

  init(_ program: Program) {
    // A resource of the table, another one, none, and one whose name cannot be compared.
    resourceCount = program.resources.words.count + 3
    let count = Stage.allCases.count * Verb.allCases.count * resourceCount
    starts = Array(repeating: -1, count: count)
    ends = Array(repeating: -1, count: count)
    nodes = Array(repeating: .notComputed, count: program.nodes.count)
  }

  /// The number of the event's word in its vocabulary.
  @inline(__always)
  static func word(_ source: Program.FastSource, _ event: borrowing AuditEvent) -> Int {
    switch source {
    case .stage: Int(event.stage.rawValue)
    case .verb: Int(event.verb.rawValue)
    case .decision: Int(event.decision.rawValue)
    default: Int(min(event.code, 599))
    }
  }

  /// Where in `list` the rules of the event's class stand.
  mutating func rules(for event: borrowing AuditEvent, _ program: borrowing Program) -> Range<Int> {
    let resource = resource(event, program)
    let stage = Int(event.stage.rawValue)
    let verb = Int(event.verb.rawValue)
    let number = (stage * Verb.allCases.count + verb) * resourceCount + resource
    if starts[number] < 0 { compute(number, stage, verb, resource, program) }
    return Int(starts[number])..<Int(ends[number])
  }

  private func resource(_ event: borrowing AuditEvent, _ program: borrowing Program) -> Int {
    let known = program.resources.words.count
    let text = event.resource
    if text.isEmpty { return known + 1 }
    if text.isEscaped { return known + 2 }
    return text.withSpan { program.resources.number(of: $0) } ?? known
  }

  // MARK: - Computing

  private mutating func compute(
    _ number: Int, _ stage: Int, _ verb: Int, _ resource: Int, _ program: borrowing Program
  ) {
    decide(stage, verb, resource, program)
    starts[number] = Int32(list.count)
    for rule in program.ruleNodes.indices
    where program.isEnabled[rule] && nodes[Int(program.ruleNodes[rule])] != .no {
      list.append(Int32(rule))
    }
    ends[number] = Int32(list.count)
  }

  /// For each rule whether no more than one of the stages that a request has can match it.
  static func matchOneStage(_ program: Program) -> [Bool] {
    var classes = RuleClasses(program)
    var stages = [Int](repeating: 0, count: program.ruleNodes.count)
    for stage in Stage.allCases where stage != .unknown {
      classes.decide(Int(stage.rawValue), -1, -1, program)
      for rule in stages.indices where classes.nodes[Int(program.ruleNodes[rule])] != .no { stages[rule] += 1 }
    }
    return stages.map { $0 <= 1 }
  }

  /// What is known of each node for a class; of a verb or resource below 0 nothing is known.
  private mutating func decide(_ stage: Int, _ verb: Int, _ resource: Int, _ program: borrowing Program) {
    for node in nodes.indices { nodes[node] = .notComputed }
    for node in nodes.indices {
      nodes[node] =
        switch program.nodes[node] {
        case .constant(let value): value ? .yes : .no
        case .check(let check): knowledge(program.checks[Int(check)], stage, verb, resource, program)
        case .not(let part): negation(nodes[Int(part)])
        case .all(let parts): join(parts, deciding: .no, other: .yes)
        case .any(let parts): join(parts, deciding: .yes, other: .no)
        }
    }
  }

  private func negation(_ part: Knowledge) -> Knowledge {
    switch part {
    case .yes: .no
    case .no: .yes
    default: .unknown
    }
  }

  private func join(_ parts: [Int32], deciding: Knowledge, other: Knowledge) -> Knowledge {
    var isKnown = true
    for part in parts {
      if nodes[Int(part)] == deciding { return deciding }
      if nodes[Int(part)] == .unknown { isKnown = false }
    }
    return isKnown ? other : .unknown
  }

  private func knowledge(
    _ check: Program.Check, _ stage: Int, _ verb: Int, _ resource: Int, _ program: borrowing Program
  ) -> Knowledge {
    switch check.fast {
    case .stage: return answer(program.answers[Int(check.answers) + stage])
    case .verb: return verb < 0 ? .unknown : answer(program.answers[Int(check.answers) + verb])
    case .text(.resource) where check.right < 0 && resource >= 0:
      let known = program.resources.words.count
      if resource < known {
        let word = program.resources.words[resource]
        let isSatisfied = program.satisfies(check, word.span)
        return isSatisfied ? .yes : .no
      }
      if resource == known + 1 { return .no }
      guard resource == known, isDecided(check, program) else { return .unknown }
      return check.comparison == .notEqual ? .yes : .no
    default: return .unknown
    }
  }

  /// Whether a resource that is not in the table decides the check: all its constants are there.
  private func isDecided(_ check: Program.Check, _ program: borrowing Program) -> Bool {
    guard [.equal, .notEqual, .isIn, .intersects].contains(check.comparison), check.modifier == nil else {
      return false
    }
    for index in check.first..<check.first + check.count {
      let range = program.constant(index)
      // No resource is empty.
      if range.isEmpty { continue }
      if program.resources.number(of: program.constantBytes.span.extracting(range)) == nil { return false }
    }
    return true
  }

  private func answer(_ answer: UInt8) -> Knowledge {
    switch answer {
    case Program.Answer.no: .no
    case Program.Answer.yes: .yes
    default: .unknown
    }
  }
}
