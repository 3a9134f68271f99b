internal import AuditEvents

/// For each class of events, the rules that can match it and what is left of their conditions: computed when the first event
/// of the class comes, by putting what the class decides into the conditions.
///
/// - A class is what the cheap fields say: stage, verb, response code, decision, whether there are a time, bodies and
///   unusual annotations, and which of the checks on resource, subresource, namespace and user hold. Most events leave here:
///   no rule is left for their class.
/// - Bounds: beyond `classLimit` classes, or what they take, all are forgotten and computed anew.
struct RuleClasses: ~Copyable {
  /// A rule that can match, and where the code of what is left of its condition begins.
  struct Candidate {
    let rule: Int32
    let start: Int32
  }
  /// A rule that could match if the bodies were complete, and what it sees at the levels Metadata and Request; at
  /// RequestResponse it sees all.
  struct Question {
    let rule: Int32
    let sights: (metadata: RuleSight, request: RuleSight)
  }
  /// The candidates of all classes, one after another.
  private(set) var candidates: [Candidate] = []
  /// The program's code, behind it that of the classes.
  private(set) var code: [Program.Instruction]

  private var graph: DecidedGraph
  private let codes: CodeClasses
  private var resource: TextClasses
  private var subresource: TextClasses
  private var namespace: TextClasses
  private var user: TextClasses

  // Open addressing; a key is never 0.
  private var keys: [UInt64]
  private var numbers: [Int32]
  /// For each class, where its candidates begin; one more than there are classes.
  private var starts: [Int32] = [0]
  /// What classes of events are about: as `candidates`.
  private(set) var questions: [Question] = []
  private var questionStarts: [Int32] = [0]
  /// The class of the last event.
  private var current = 0
  private var seen = SeenMarks()
  /// Whether rules read bodies, and answers among them.
  private let absences: Program.Absence

  static let classLimit = 4096
  private static let slots = 16384
  private static let candidateLimit = 1 << 18
  private static let codeLimit = 1 << 19

  init(_ program: Program) {
    graph = DecidedGraph(program)
    codes = CodeClasses(program)
    resource = TextClasses(.resource, program.checks(on: .resource), sets: 128, bytes: 48)
    subresource = TextClasses(.subresource, program.checks(on: .subresource), sets: 32, bytes: 32)
    namespace = TextClasses(.namespace, program.checks(on: .namespace), sets: 512, bytes: 64)
    user = TextClasses(.user, program.checks(on: .user), sets: 2048, bytes: 96)
    code = program.code
    absences = program.checks.reduce(into: []) { $0.formUnion($1.absence.intersection(.bodies)) }
    keys = Array(repeating: 0, count: Self.slots)
    numbers = Array(repeating: -1, count: Self.slots)
    graph.own(resource, at: 0)
    graph.own(subresource, at: 1)
    graph.own(namespace, at: 2)
    graph.own(user, at: 3)
  }

  /// Where in `candidates` those of the event stand.
  mutating func rules(for event: borrowing AuditEvent, _ program: borrowing Program) -> Range<Int> {
    // One number for all that is known, never 0.
    var key: UInt64 = 1 << 4 | UInt64(event.stage.rawValue)
    key = key << 6 | UInt64(event.verb.rawValue)
    key = key << 2 | UInt64(event.decision.rawValue)
    key = key << 1 | (event.hasTime ? 1 : 0)
    key = key << 1 | (event.isOrdered && event.bodies.isEmpty ? 1 : 0)
    key = key << 1 | (event.hasUsualAnnotations ? 1 : 0)
    key = key << 8 | UInt64(truncatingIfNeeded: codes.number(of: event))
    key = key << 10 | UInt64(truncatingIfNeeded: resource.number(of: event, program))
    key = key << 10 | UInt64(truncatingIfNeeded: subresource.number(of: event, program))
    key = key << 10 | UInt64(truncatingIfNeeded: namespace.number(of: event, program))
    key = key << 10 | UInt64(truncatingIfNeeded: user.number(of: event, program))
    var slot = Self.slot(key)
    while keys[slot] != key {
      if numbers[slot] < 0 { return compute(key, program) }
      slot = (slot &+ 1) & (Self.slots &- 1)
    }
    let number = Int(numbers[slot])
    current = number
    return Int(starts[number])..<Int(starts[number &+ 1])
  }

  /// Where in `questions` those of the last event stand, once for each level and stamp; nil later. A stamp whose lowest bits
  /// differ disturbs no other.
  @inline(__always)
  mutating func unseenQuestions(at level: Level, stamp: UInt32) -> Range<Int>? {
    guard seen.isNew(current, level, stamp) else { return nil }
    return Int(questionStarts[current])..<Int(questionStarts[current &+ 1])
  }

  @inline(__always)
  private static func slot(_ key: UInt64) -> Int {
    Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> 50)
  }

  // MARK: - Computing

  /// What a key says.
  private func known(_ key: UInt64) -> DecidedGraph.Known {
    var left = key
    func take(_ bits: UInt64) -> Int {
      defer { left >>= bits }
      return Int(left & (1 << bits - 1))
    }
    var known = DecidedGraph.Known()
    known.user = take(10)
    known.namespace = take(10)
    known.subresource = take(10)
    known.resource = take(10)
    known.code = take(8)
    if take(1) == 1 { known.missing.insert(.unusualAnnotations) }
    if take(1) == 1 { known.missing.formUnion(.bodies) }
    known.hasTime = take(1) == 1
    known.decision = take(2)
    known.verb = take(6)
    known.stage = take(4)
    return known
  }

  @inline(never)
  private mutating func compute(_ key: UInt64, _ program: borrowing Program) -> Range<Int> {
    if starts.count > Self.classLimit || candidates.count > Self.candidateLimit || code.count > Self.codeLimit
      || questions.count > Self.candidateLimit
    {
      forget(program)
    }
    graph.decide(known(key), codes, [resource, subresource, namespace, user], program)
    for rule in program.ruleNodes.indices where program.isEnabled[rule] {
      let node = program.ruleNodes[rule]
      guard !graph.isFalse(node) else { continue }
      let start = graph.emit(node, into: &code) ?? program.ruleStarts[rule]
      candidates.append(Candidate(rule: Int32(rule), start: start))
    }
    ask(known(key), program)
    let number = starts.count - 1
    current = number
    starts.append(Int32(candidates.count))
    questionStarts.append(Int32(questions.count))
    var slot = Self.slot(key)
    while numbers[slot] >= 0 { slot = (slot &+ 1) & (Self.slots &- 1) }
    keys[slot] = key
    numbers[slot] = Int32(number)
    return Int(starts[number])..<candidates.count
  }

  /// Finds the rules that events of a class are about, whatever bodies they have.
  private mutating func ask(_ known: DecidedGraph.Known, _ program: borrowing Program) {
    var known = known
    known.missing.subtract(.bodies)
    let texts = [resource, subresource, namespace, user]
    let first = questions.count
    graph.foresee(known, codes, texts, leavingOut: absences, program)
    for rule in program.ruleNodes.indices where program.isEnabled[rule] {
      let sight = graph.sight(of: program.ruleNodes[rule])
      guard !sight.isEmpty else { continue }
      let atRequest = absences.contains(.responseObject) ? sight : [.matches]
      questions.append(Question(rule: Int32(rule), sights: (sight, atRequest)))
    }
    // Where no rule reads answers, there is nothing that Request leaves out.
    guard absences.contains(.responseObject) else { return }
    graph.foresee(known, codes, texts, leavingOut: .responseObject, program)
    for at in first..<questions.count {
      let sight = graph.sight(of: program.ruleNodes[Int(questions[at].rule)])
      questions[at] = Question(rule: questions[at].rule, sights: (questions[at].sights.metadata, sight))
    }
  }

  private mutating func forget(_ program: borrowing Program) {
    for slot in keys.indices {
      keys[slot] = 0
      numbers[slot] = -1
    }
    starts = [0]
    candidates.removeAll(keepingCapacity: true)
    questionStarts = [0]
    questions.removeAll(keepingCapacity: true)
    seen = SeenMarks()
    code.removeLast(code.count - program.code.count)
  }

  /// For each rule whether no more than one of the stages that a request has can match it.
  static func matchOneStage(_ program: Program) -> [Bool] {
    var graph = DecidedGraph(program)
    let codes = CodeClasses(program)
    var stages = [Int](repeating: 0, count: program.ruleNodes.count)
    for stage in Stage.allCases where stage != .unknown {
      graph.decide(DecidedGraph.Known(stage: Int(stage.rawValue)), codes, [], program)
      for rule in stages.indices where !graph.isFalse(program.ruleNodes[rule]) { stages[rule] += 1 }
    }
    return stages.map { $0 <= 1 }
  }
}

extension AuditEvent {
  /// Whether it has a time that fields can print.
  var hasTime: Bool { time != AuditEvent.absentTime && time >= 0 }
}

/// Response codes of which the same checks hold.
struct CodeClasses {
  /// Nothing is known of it.
  static let unknown = 0
  private var numbers: [UInt8]
  /// One code of each class.
  private(set) var samples: [Int] = [-1]

  init(_ program: Program) {
    let checks = program.checks.filter { $0.right < 0 && $0.fast.isCode }
    numbers = Array(repeating: UInt8(Self.unknown), count: 600)
    var known: [[UInt8]: Int] = [:]
    for code in numbers.indices {
      let answers = checks.map { program.answers[Int($0.answers) + code] }
      if known[answers] == nil, samples.count < 255 {
        known[answers] = samples.count
        samples.append(code)
      }
      numbers[code] = UInt8(known[answers] ?? Self.unknown)
    }
  }

  func number(of event: borrowing AuditEvent) -> Int { Int(numbers[Int(min(event.code, 599))]) }
}

extension Program.FastSource {
  var isCode: Bool {
    if case .code = self { return true }
    return false
  }
}
