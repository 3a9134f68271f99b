internal import AuditEvents

/// Which of the checks on one text of events hold, as a number: texts of which the same checks hold are of one class. Texts
/// seen lately are remembered with their class, so that a text is compared with what rules ask for once in a while.
struct TextClasses {
  /// Nothing is known of it.
  static let unknown = 0
  /// The text is missing: no check on it holds.
  static let missing = 1
  static let limit = 1000

  let which: EventText
  /// Checks of the program, in the order in which `answers` has them.
  let checks: [Int32]
  /// For each class, for each check, whether it holds; nothing for `unknown`.
  private var answers: [Bool] = []
  private var numbers: [[Bool]: Int] = [:]
  private var scratch: [Bool] = []

  private let memory: TextMemory

  private static let answersLimit = 1 << 20

  /// - Parameters:
  ///   - sets: of four texts each that are remembered, a power of two.
  ///   - bytes: of longer texts nothing is known.
  init(_ which: EventText, _ checks: [Int32], sets: Int, bytes: Int) {
    self.which = which
    self.checks = checks
    memory = TextMemory(sets: checks.isEmpty ? 0 : sets, bytes: bytes)
    answers = Array(repeating: false, count: checks.count * 2)
    numbers[Array(repeating: false, count: checks.count)] = Self.missing
  }

  /// Whether the check at `place` of `checks` holds in a class, which is not `unknown`.
  func answer(_ number: Int, _ place: Int) -> Bool { answers[number * checks.count + place] }

  /// The class of an event's text.
  @inline(__always)
  mutating func number(of event: borrowing AuditEvent, _ program: borrowing Program) -> Int {
    if checks.isEmpty { return Self.missing }
    let text = EventReader.text(which, of: event)
    if text.isEmpty { return Self.missing }
    if text.isEscaped || text.count > memory.bytes { return Self.unknown }
    let fold = text.fold
    if let known = memory.number(of: text, fold) { return known }
    return learn(text, fold, program)
  }

  /// The class of a text that is not empty, if it is remembered; `unknown` if it never is.
  @inline(__always)
  func remembered(_ text: Text) -> Int? {
    if text.isEscaped || text.count > memory.bytes { return Self.unknown }
    return memory.number(of: text, text.fold)
  }

  /// Remembers a text for which the checks' answers were found.
  mutating func learn(_ text: Text, _ answers: [Bool]) -> Int {
    let number = classify(answers)
    memory.remember(text, text.fold, number)
    return number
  }

  @inline(never)
  private mutating func learn(_ text: Text, _ fold: UInt64, _ program: borrowing Program) -> Int {
    scratch.removeAll(keepingCapacity: true)
    for check in checks {
      scratch.append(text.withSpan { program.satisfies(program.checks[Int(check)], $0) })
    }
    let number = classify(scratch)
    memory.remember(text, fold, number)
    return number
  }

  private mutating func classify(_ found: [Bool]) -> Int {
    if let known = numbers[found] { return known }
    let number = numbers.count + 1
    guard number < Self.limit, answers.count + checks.count <= Self.answersLimit else { return Self.unknown }
    numbers[found] = number
    answers += found
    return number
  }
}

extension Program {
  /// The checks that one text of an event decides.
  func checks(on text: EventText) -> [Int32] {
    checks.indices.filter { index in
      guard checks[index].right < 0, case .text(text) = checks[index].fast else { return false }
      return true
    }.map(Int32.init)
  }
}
