internal import AuditEvents

/// The rules' expressions with what is known of a class of events put into them.
struct DecidedGraph {
  /// What is known; below 0, or 0 in `texts` and `code`, nothing.
  struct Known {
    var stage = -1
    var verb = -1
    var decision = -1
    /// Of `CodeClasses`.
    var code = CodeClasses.unknown
    var hasTime: Bool?
    var missing: Program.Absence = []
    /// Of `TextClasses`: resource, subresource, namespace, user.
    var resource = TextClasses.unknown
    var subresource = TextClasses.unknown
    var namespace = TextClasses.unknown
    var user = TextClasses.unknown
  }

  enum Answer: UInt8 { case unknown, no, yes }

  /// A node of the graph; its parts stand in `parts`.
  struct Node {
    let kind: Kind
    let first: Int32
    let count: Int32
  }
  enum Kind: UInt8 { case constant, check, not, all, any }

  private(set) var nodes: [Node] = []
  private(set) var parts: [Int32] = []
  private var answers: [Answer]
  /// Of `foresee`.
  var foresights: [Foresight] = []
  /// For each check, the text that decides it (-1 for none), and its place among that text's checks.
  private var owners: [Int8]
  private var places: [Int32]

  /// More code of one rule in one class is not written: the rule's own serves.
  private static let codeLimit = 1000

  init(_ program: Program) {
    for node in program.nodes {
      let first = Int32(parts.count)
      switch node {
      case .constant(let value): nodes.append(Node(kind: .constant, first: value ? 1 : 0, count: 0))
      case .check(let check): nodes.append(Node(kind: .check, first: check, count: 0))
      case .not(let part): nodes.append(Node(kind: .not, first: part, count: 0))
      case .all(let inner), .any(let inner):
        parts += inner
        var kind = Kind.any
        if case .all = node { kind = .all }
        nodes.append(Node(kind: kind, first: first, count: Int32(inner.count)))
      }
    }
    answers = Array(repeating: .unknown, count: nodes.count)
    owners = Array(repeating: -1, count: program.checks.count)
    places = Array(repeating: 0, count: program.checks.count)
  }

  /// The checks of `text` are decided by its classes, which `decide` gets at this place.
  mutating func own(_ text: TextClasses, at owner: Int8) {
    for (place, check) in text.checks.enumerated() {
      owners[Int(check)] = owner
      places[Int(check)] = Int32(place)
    }
  }

  func isFalse(_ node: Int32) -> Bool { answers[Int(node)] == .no }

  // MARK: - Deciding

  /// Finds out what each node is.
  mutating func decide(_ known: Known, _ codes: CodeClasses, _ texts: [TextClasses], _ program: borrowing Program) {
    for index in nodes.indices {
      let node = nodes[index]
      answers[index] =
        switch node.kind {
        case .constant: node.first == 1 ? .yes : .no
        case .check: answer(Int(node.first), known, codes, texts, program)
        case .not: negation(answers[Int(node.first)])
        case .all: join(node, deciding: .no, other: .yes)
        case .any: join(node, deciding: .yes, other: .no)
        }
    }
  }

  private func negation(_ part: Answer) -> Answer {
    switch part {
    case .yes: .no
    case .no: .yes
    case .unknown: .unknown
    }
  }

  private func join(_ node: Node, deciding: Answer, other: Answer) -> Answer {
    var isKnown = true
    for at in node.first..<node.first + node.count {
      let answer = answers[Int(parts[Int(at)])]
      if answer == deciding { return deciding }
      if answer == .unknown { isKnown = false }
    }
    return isKnown ? other : .unknown
  }

  func answer(
    _ number: Int, _ known: Known, _ codes: CodeClasses, _ texts: [TextClasses], _ program: borrowing Program
  ) -> Answer {
    let check = program.checks[number]
    guard check.absence.isDisjoint(with: known.missing) else { return .no }
    guard check.right < 0 else { return .unknown }
    switch check.fast {
    case .stage: return word(check, known.stage, program)
    case .verb: return word(check, known.verb, program)
    case .decision: return word(check, known.decision, program)
    case .code: return word(check, codes.samples[known.code], program)
    case .hasTime:
      guard let hasTime = known.hasTime else { return .unknown }
      return hasTime && check.comparison == .exists ? .yes : .no
    case .text:
      let owner = Int(owners[number])
      guard owner >= 0, owner < texts.count else { return .unknown }
      let textClass = [known.resource, known.subresource, known.namespace, known.user][owner]
      guard textClass != TextClasses.unknown else { return .unknown }
      return texts[owner].answer(textClass, Int(places[number])) ? .yes : .no
    case .none: return .unknown
    }
  }

  private func word(_ check: Program.Check, _ word: Int, _ program: borrowing Program) -> Answer {
    guard word >= 0 else { return .unknown }
    switch program.answers[Int(check.answers) + word] {
    case Program.Answer.no: return .no
    case Program.Answer.yes: return .yes
    default: return .unknown
    }
  }

  // MARK: - Code

  /// Writes code for what is left of a node; answers where it begins, or nil when it would be too long.
  func emit(_ node: Int32, into code: inout [Program.Instruction]) -> Int32? {
    let end = code.count
    let start = emit(node, Program.isTrue, Program.isFalse, end + Self.codeLimit, into: &code)
    guard code.count <= end + Self.codeLimit else {
      code.removeLast(code.count - end)
      return nil
    }
    return start
  }

  /// Writes from the end to the beginning; once there is more than `limit`, nothing of use.
  private func emit(
    _ number: Int32, _ onTrue: Int32, _ onFalse: Int32, _ limit: Int, into code: inout [Program.Instruction]
  ) -> Int32 {
    switch answers[Int(number)] {
    case .yes: return onTrue
    case .no: return onFalse
    case .unknown: break
    }
    guard code.count <= limit else { return onFalse }
    let node = nodes[Int(number)]
    switch node.kind {
    case .constant: return onFalse
    case .check:
      code.append(Program.Instruction(subject: node.first, onTrue: onTrue, onFalse: onFalse))
      return Int32(code.count - 1)
    case .not: return emit(node.first, onFalse, onTrue, limit, into: &code)
    case .all, .any:
      var next = node.kind == .all ? onTrue : onFalse
      for at in (node.first..<node.first + node.count).reversed() {
        let part = parts[Int(at)]
        // A part that is known and does not decide is left out.
        if answers[Int(part)] != .unknown { continue }
        next =
          node.kind == .all
          ? emit(part, next, onFalse, limit, into: &code) : emit(part, onTrue, next, limit, into: &code)
      }
      return next
    }
  }
}
