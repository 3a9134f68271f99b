public import AuditEvents

/// Evaluates rules on events, one after another. One serves one thread; memory is allocated for the first events of each
/// kind and kept.
///
/// - Cost: an event's cheap fields name a class (`RuleClasses`); for each class it is computed once which rules can match at
///   all, and what is left of their conditions. Of that, checks are evaluated when they are reached, those that read JSON at
///   most once.
public struct Detector: ~Copyable {
  /// Which matching rules are told.
  public enum Matching: Sendable {
    /// Every one.
    case all
    /// The first in the order of the files, as Falco does by default.
    case first
  }

  let program: Program
  let outputs: [OutputFormat]
  private let matching: Matching
  private var reader: EventReader
  private(set) var values: ValueStore
  private var hasValues = false
  /// For each check and shared expression, the event that it was answered for, doubled, and the answer.
  private var results: [UInt32]
  private var event: UInt32 = 0
  private var classes: RuleClasses
  /// Which checks on the user agent hold; the event for which that was found, and its class.
  private var agents: TextClasses
  private var agentEvent: UInt32 = 0
  private var agentClass = TextClasses.unknown
  /// For each search, the event that it was made in, and the words it found; nil when that event needs a closer look.
  private var searchedEvents: [UInt32]
  private var foundWords: [UInt64?]
  /// The same of the words in bodies.
  private var bodiesEvent: UInt32 = 0
  private var wordsInBodies: UInt64?
  /// The rules that matched the last event: indices of `RuleSet.rules`, rising.
  public private(set) var matches: [Int] = []
  /// Events of which a field was too large to be read: its checks were answered as if it were missing.
  public private(set) var overrunEvents: UInt64 = 0

  /// - Parameter hostName: what `evt.hostname` is; without one that field is missing.
  public init(_ rules: RuleSet, matching: Matching = .all, hostName: String = "") {
    program = rules.program
    outputs = rules.outputs
    self.matching = matching
    reader = EventReader(hostName: hostName, program.paths)
    values = ValueStore(operands: program.operands.count)
    results = Array(repeating: 0, count: program.checks.count + program.sharedStarts.count)
    classes = RuleClasses(program)
    agents = TextClasses(.userAgent, program.agentChecks, sets: 512, bytes: 128)
    searchedEvents = Array(repeating: 0, count: program.searches.count)
    foundWords = Array(repeating: nil, count: program.searches.count)
    matches.reserveCapacity(program.ruleStarts.count)
  }

  /// Evaluates the rules on one event; `matches` tells which ones match. How many those are.
  @discardableResult
  public mutating func detect(_ event: borrowing AuditEvent) -> Int {
    if !matches.isEmpty { matches.removeAll(keepingCapacity: true) }
    begin(event)
    var isFirstFound = false
    for index in classes.rules(for: event, program) {
      let candidate = classes.candidates[index]
      if isFirstFound, program.windows[Int(candidate.rule)] == nil { continue }
      guard run(candidate.start, event) else { continue }
      matches.append(Int(candidate.rule))
      // A windowed rule counts for itself: whether it will match is not known here, so it neither hides nor is hidden.
      if matching == .first, program.windows[Int(candidate.rule)] == nil { isFirstFound = true }
    }
    if values.isOverrun { overrunEvents &+= 1 }
    return matches.count
  }

  /// The values of a field of this event, each as it would print; nil for a name or argument that there is not. Meant for
  /// explanations and outputs, not for every event.
  public mutating func fieldValues(_ name: String, _ argument: [UInt8]? = nil, of event: borrowing AuditEvent)
    -> [[UInt8]]?
  {
    guard let field = RuleField.byName[name],
      var plan = try? CheckCompiler.plan(
        field, FieldText(name: name, argument: argument, origin: .init(piece: 0, offset: 0)))
    else { return nil }
    var store = ValueStore(operands: 1)
    reader.prepare(&plan)
    reader.read(plan, of: event, into: &store)
    // It may be another event than the one that was evaluated last.
    reader.forget()
    return (0..<store.mark.values).map { Array(store.bytes[store.range(of: $0)]) }
  }

  @inline(__always)
  mutating func unseenQuestions(at level: Level, stamp: UInt32) -> Range<Int>? {
    classes.unseenQuestions(at: level, stamp: stamp)
  }

  func question(_ number: Int) -> RuleClasses.Question { classes.questions[number] }

  private mutating func begin(_ event: borrowing AuditEvent) {
    if hasValues { values.clear() }
    hasValues = false
    reader.begin(event)
    self.event &+= 1
    // One bit is the answer's: before the number overflows, all answers are forgotten.
    if self.event >= 1 << 29 {
      for index in results.indices { results[index] = 0 }
      for index in searchedEvents.indices { searchedEvents[index] = 0 }
      agentEvent = 0
      bodiesEvent = 0
      self.event = 1
    }
  }

  // MARK: - Code

  private mutating func run(_ start: Int32, _ event: borrowing AuditEvent) -> Bool {
    var place = start
    while place >= 0 {
      let step = classes.code[Int(place)]
      place = answer(step.subject, event) ? step.onTrue : step.onFalse
    }
    return place == Program.isTrue
  }

  mutating func answer(_ subject: Int32, _ event: borrowing AuditEvent) -> Bool {
    let checks = Int32(program.checks.count)
    if subject < checks {
      let check = program.checks[Int(subject)]
      if check.agent >= 0 {
        let known = agentClass(of: event)
        if known != TextClasses.unknown { return agents.answer(known, Int(check.agent)) }
      }
      if let answer = answerAtHand(check, event) { return answer }
    }
    let known = results[Int(subject)]
    if known >> 1 == self.event { return known & 1 != 0 }
    let answer =
      subject < checks
      ? evaluate(program.checks[Int(subject)], event) : run(program.sharedStarts[Int(subject - checks)], event)
    results[Int(subject)] = self.event << 1 | (answer ? 1 : 0)
    return answer
  }

  // MARK: - Checks

  /// Which checks on the user agent hold: found once an event, and for an agent once in a while.
  private mutating func agentClass(of event: borrowing AuditEvent) -> Int {
    if agentEvent == self.event { return agentClass }
    agentEvent = self.event
    let text = event.userAgent
    if text.isEmpty {
      agentClass = TextClasses.missing
    } else if let known = agents.remembered(text) {
      agentClass = known
    } else {
      // Meanwhile nothing is known, so that they are evaluated.
      agentClass = TextClasses.unknown
      var answers: [Bool] = []
      for check in program.agentChecks { answers.append(answer(check, event)) }
      agentClass = agents.learn(text, answers)
    }
    return agentClass
  }

  /// What the decoder's fields answer; nil when the JSON must be read.
  @inline(__always)
  private func answerAtHand(_ check: Program.Check, _ event: borrowing AuditEvent) -> Bool? {
    let word: Int
    switch check.fast {
    case .none: return nil
    case .stage: word = Int(event.stage.rawValue)
    case .verb: word = Int(event.verb.rawValue)
    case .decision: word = Int(event.decision.rawValue)
    case .code: word = Int(min(event.code, 599))
    case .text(let which):
      let text = EventReader.text(which, of: event)
      if text.isEmpty { return false }
      return text.isEscaped ? nil : text.withSpan { program.satisfies(check, $0) }
    case .hasTime: return event.hasTime && check.comparison == .exists
    }
    let answer = program.answers[Int(check.answers) + word]
    return answer == Program.Answer.look ? nil : answer == Program.Answer.yes
  }

  private mutating func evaluate(_ check: Program.Check, _ event: borrowing AuditEvent) -> Bool {
    if check.bodyWords != 0, let found = bodyWords(event), found & check.bodyWords == 0 { return false }
    if check.right >= 0 { return compareOperands(check, event) }
    if check.search >= 0, let found = found(by: Int(check.search), event) { return found & check.searchedWords != 0 }
    let range = read(check.operand, event)
    return satisfies(check, range)
  }

  /// Which of the words without which checks do not hold stand in the event's bodies; nil when that cannot be told.
  private mutating func bodyWords(_ event: borrowing AuditEvent) -> UInt64? {
    if bodiesEvent != self.event {
      bodiesEvent = self.event
      let isTold = event.isOrdered && event.origin != .gke
      wordsInBodies = isTold ? program.bodyWords.occurrences(in: event.bodies) : nil
    }
    return wordsInBodies
  }

  /// Which of its words a search finds; nil when it cannot tell.
  private mutating func found(by search: Int, _ event: borrowing AuditEvent) -> UInt64? {
    if searchedEvents[search] != self.event {
      searchedEvents[search] = self.event
      let json = reader.structure(program.searches[search].node, event)
      foundWords[search] = json.flatMap { program.searches[search].words.occurrences(in: $0) }
    }
    return foundWords[search]
  }

  /// A list satisfies `in` when all of its values do, anything else when one does.
  private func satisfies(_ check: Program.Check, _ range: Range<Int>) -> Bool {
    if check.comparison == .exists { return !range.isEmpty }
    let needsAll = check.comparison == .isIn
    for value in range {
      let satisfies = program.satisfies(check, values.bytes.span.extracting(values.range(of: value)))
      if satisfies != needsAll { return satisfies }
    }
    return needsAll && !range.isEmpty
  }

  private mutating func compareOperands(_ check: Program.Check, _ event: borrowing AuditEvent) -> Bool {
    let left = read(check.operand, event)
    let right = read(check.right, event)
    guard !left.isEmpty, !right.isEmpty else { return false }
    let needsAll = check.comparison == .isIn
    for value in left {
      let satisfies = right.contains { compare(check, value, $0) }
      if satisfies != needsAll { return satisfies }
    }
    return needsAll
  }

  private func compare(_ check: Program.Check, _ left: Int, _ right: Int) -> Bool {
    let value = values.bytes.span.extracting(values.range(of: left))
    let other = values.bytes.span.extracting(values.range(of: right))
    guard check.isNumber else {
      return Program.satisfies(check.comparison.isForLists ? .equal : check.comparison, value, other)
    }
    guard let number = Bytes.number(value), let limit = Bytes.number(other) else { return false }
    return Program.satisfiesNumber(check.comparison, number, limit)
  }

  /// The values of an operand of the event that was evaluated last.
  mutating func valueBytes(_ operand: Int32, _ event: borrowing AuditEvent) -> [[UInt8]] {
    read(operand, event).map { Array(values.bytes[values.range(of: $0)]) }
  }

  /// The values of an operand, read when they are asked for the first time.
  mutating func read(_ operand: Int32, _ event: borrowing AuditEvent) -> Range<Int> {
    hasValues = true
    if let known = values.values(of: operand) { return known }
    var parts: [Range<Int>] = []
    var mark = values.mark
    switch program.operands[Int(operand)] {
    case .literal(let text):
      values.write(text)
      values.endValue()
    case .field(let plan): reader.read(plan, of: event, into: &values)
    case .transformed(let transformer, let operands, let isListFirst):
      for part in operands { parts.append(read(part, event)) }
      mark = values.mark
      Transforming.apply(transformer, parts, isList: isListFirst, into: &values)
    }
    values.finish(operand, since: mark)
    return values.values(of: operand) ?? 0..<0
  }
}
