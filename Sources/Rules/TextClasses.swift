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

  // What is remembered: sets of two texts each, found by hash; the older one makes room.
  private var hashes: [UInt64]
  private var words: [UInt64]
  private var classes: [UInt16]
  private let setMask: Int
  private let stride: Int

  private static let answersLimit = 1 << 20

  /// - Parameters:
  ///   - sets: pairs of texts that are remembered, a power of two.
  ///   - bytes: of longer texts nothing is known, a multiple of 8.
  init(_ which: EventText, _ program: Program, sets: Int, bytes: Int) {
    self.which = which
    checks = program.checks.indices.filter { program.checks[$0].isOnText(which) }.map(Int32.init)
    setMask = sets - 1
    // Before the words of each text, its length.
    stride = bytes / 8 + 1
    let entries = checks.isEmpty ? 0 : 2 * sets
    hashes = Array(repeating: 0, count: entries)
    classes = Array(repeating: UInt16(Self.unknown), count: entries)
    words = Array(repeating: 0, count: entries * stride)
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
    let count = text.wordCount
    if text.isEscaped || count >= stride { return Self.unknown }
    var hash = UInt64(truncatingIfNeeded: text.count)
    for at in 0..<count {
      hash = (hash ^ text.word(at)) &* 0x9e37_79b9_7f4a_7c15
      hash ^= hash >> 29
    }
    let first = 2 * (Int(truncatingIfNeeded: hash) & setMask)
    if hashes[first] == hash, isRemembered(text, at: first) { return Int(classes[first]) }
    if hashes[first + 1] == hash, isRemembered(text, at: first + 1) { return Int(classes[first + 1]) }
    return learn(text, hash, at: first, program)
  }

  @inline(__always)
  private func isRemembered(_ text: Text, at entry: Int) -> Bool {
    let start = entry * stride
    guard words[start] == UInt64(truncatingIfNeeded: text.count) else { return false }
    for at in 0..<text.wordCount where words[start &+ 1 &+ at] != text.word(at) { return false }
    return true
  }

  @inline(never)
  private mutating func learn(_ text: Text, _ hash: UInt64, at first: Int, _ program: borrowing Program) -> Int {
    let number = classify(text, program)
    // The newer one of two stands first.
    hashes[first + 1] = hashes[first]
    classes[first + 1] = classes[first]
    let start = first * stride
    for at in 0..<stride { words[start + stride + at] = words[start + at] }
    hashes[first] = hash
    classes[first] = UInt16(number)
    words[start] = UInt64(truncatingIfNeeded: text.count)
    for at in 0..<text.wordCount { words[start + 1 + at] = text.word(at) }
    return number
  }

  private mutating func classify(_ text: Text, _ program: borrowing Program) -> Int {
    scratch.removeAll(keepingCapacity: true)
    for check in checks {
      scratch.append(text.withSpan { program.satisfies(program.checks[Int(check)], $0) })
    }
    if let known = numbers[scratch] { return known }
    let number = numbers.count + 1
    guard number < Self.limit, answers.count + checks.count <= Self.answersLimit else { return Self.unknown }
    numbers[scratch] = number
    answers += scratch
    return number
  }
}

extension Program.Check {
  /// Whether a text of the event decides it.
  func isOnText(_ which: EventText) -> Bool {
    guard right < 0, case .text(which) = fast else { return false }
    return true
  }
}
