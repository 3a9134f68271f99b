internal import AuditEvents

/// What is supposed of a request: for some of its fields, a word; nothing for the others.
struct Supposition {
  /// A field that policies ask for.
  enum Field: Int, CaseIterable, Sendable { case resource, subresource, group, verb, user, namespace, name, uri }

  /// One text, or any of many.
  enum Word: Hashable, Sendable {
    case missing
    case text([UInt8])
    /// Any text that begins so and with no longer beginning, and is no text that anybody asks for.
    case beginning([UInt8])

    /// As a policy knows it; of many texts one.
    var text: String {
      switch self {
      case .missing: ""
      case .text(let bytes): String(decoding: bytes, as: UTF8.self)
      case .beginning(let bytes): String(decoding: bytes + Self.filler, as: UTF8.self)
      }
    }

    /// What no name has.
    static let filler: [UInt8] = [1]
  }

  private var words = [Word?](repeating: nil, count: Field.allCases.count)
  /// Nil for any.
  var stage: Stage?

  subscript(field: Field) -> Word? {
    get { words[field.rawValue] }
    set { words[field.rawValue] = newValue }
  }

  /// Whether nothing of a request but its head is there, whatever the level: its body has not been read, and the answer
  /// not been written.
  var isBare: Bool { stage == .requestReceived || self[.user] == .missing }
}

extension Program {
  /// The field that a check on one value of an event asks for.
  func field(of check: Check) -> Supposition.Field? {
    guard check.right < 0, !check.isNumber, case .field(let plan) = operands[Int(check.operand)] else { return nil }
    switch plan.field.source {
    case .verb: return .verb
    case .text(.user): return .user
    case .text(.requestURI): return .uri
    case .text(.resource): return .resource
    case .text(.subresource): return .subresource
    case .text(.namespace): return .namespace
    case .text(.name): return .name
    case .json(.pointer) where plan.pointer == [Array("objectRef".utf8), Array("apiGroup".utf8)]: return .group
    default: return nil
    }
  }

  /// What a check is of a request of which this is supposed, when a level leaves `absent` out.
  func foresight(of check: Check, _ supposed: Supposition, leavingOut absent: Absence) -> Foresight {
    if supposed.isBare, !check.absence.isDisjoint(with: .bodies) { return .no }
    if supposed.stage == .responseStarted, check.absence.contains(.responseObject) { return .no }
    if !check.absence.isDisjoint(with: absent) { return .missing }
    guard check.right < 0 else { return .unknown }
    switch check.fast {
    case .stage: return supposed.stage.map { word(check, Int($0.rawValue)) } ?? .unknown
    case .code, .decision: return supposed.stage == .requestReceived ? .no : .unknown
    case .hasTime: return check.comparison == .exists ? .yes : .no
    default: break
    }
    if let field = field(of: check), let word = supposed[field] { return foresight(of: check, field, word) }
    if supposed[.user] == .missing, asksForUser(check) { return .no }
    return .unknown
  }

  private func word(_ check: Check, _ word: Int) -> Foresight {
    switch answers[Int(check.answers) + word] {
    case Answer.no: .no
    case Answer.yes: .yes
    default: .unknown
    }
  }

  fileprivate func foresight(of check: Check, _ field: Supposition.Field, _ word: Supposition.Word) -> Foresight {
    switch word {
    case .missing: return .no
    case .text(let text):
      if field == .uri { return ofPath(check, text) }
      return satisfies(check, text.span) ? .yes : .no
    case .beginning(let text):
      if check.comparison == .exists { return .yes }
      guard Self.isDecidedByBeginnings(check.comparison) else { return .unknown }
      return satisfies(check, (text + Supposition.Word.filler).span) ? .yes : .no
    }
  }

  /// A path is known; whether a query follows is not.
  private func ofPath(_ check: Check, _ path: [UInt8]) -> Foresight {
    if check.comparison == .exists { return .yes }
    guard Self.isDecidedByBeginnings(check.comparison) else { return .unknown }
    let alone = satisfies(check, path.span)
    // Constants with a query in them may hold of one and not of the other.
    let hasQuery = (check.first..<check.first + check.count).contains { constantBytes[constant($0)].contains(0x3f) }
    if hasQuery || satisfies(check, (path + [0x3f] + Supposition.Word.filler).span) != alone { return .unknown }
    return alone ? .yes : .no
  }

  /// Whether a text that equals no constant is decided by the longest constant that it begins with.
  private static func isDecidedByBeginnings(_ comparison: Comparison) -> Bool {
    [.equal, .notEqual, .isIn, .intersects, .startswith].contains(comparison)
  }

  private func asksForUser(_ check: Check) -> Bool {
    guard case .field(let plan) = operands[Int(check.operand)] else { return false }
    if case .json(.elements(.user, _)) = plan.field.source { return true }
    return false
  }

  /// The words of a field of which a check tells something: its texts, and the beginnings that it asks for.
  func words(of check: Check) -> [Supposition.Word] {
    var texts = (check.first..<check.first + check.count).map { Array(constantBytes[constant($0)]) }
    // Of a URI, its path.
    if field(of: check) == .uri { texts = texts.map { Array($0.prefix { $0 != 0x3f }) } }
    switch check.comparison {
    case .equal, .notEqual, .isIn, .intersects: return texts.map { .text($0) }
    case .startswith: return texts.map { .beginning($0) } + texts.map { .text($0) }
    default: return []
    }
  }
}

/// One rule's condition, asked what it is of requests of which something is supposed.
struct SupposedRule {
  private let program: Program
  private let root: Int32
  private let nodes: [Int]
  let checks: [Program.Check]
  /// The fields that it asks for.
  let asked: Set<Supposition.Field>
  private var graph: DecidedGraph

  /// - Parameter graph: of the program.
  init(_ program: Program, _ graph: DecidedGraph, _ root: Int32) {
    self.program = program
    self.graph = graph
    self.root = root
    nodes = graph.nodes(of: root)
    checks = nodes.compactMap { number in
      if case .check(let check) = program.nodes[number] { return program.checks[Int(check)] }
      return nil
    }
    asked = Set(checks.compactMap { program.field(of: $0) })
  }

  mutating func sight(_ supposed: Supposition, leavingOut absent: Program.Absence) -> RuleSight {
    graph.foresee(nodes) { _, check in
      program.foresight(of: program.checks[check], supposed, leavingOut: absent)
    }
    return graph.sight(of: root)
  }

  /// What its checks on some fields are of words of them, those of other fields left out.
  func answers(_ fields: [Supposition.Field], _ supposed: Supposition) -> [UInt8] {
    checks.compactMap { check in
      guard let field = program.field(of: check), fields.contains(field), let word = supposed[field] else { return nil }
      return program.foresight(of: check, field, word).pairs
    }
  }

  /// The words of a field that its condition names.
  func words(_ field: Supposition.Field) -> Set<Supposition.Word> {
    Set(checks.filter { program.field(of: $0) == field }.flatMap { program.words(of: $0) })
  }
}
