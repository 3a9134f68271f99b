/// What rules compile to: checks that are evaluated at most once an event, and code that says which check comes next.
///
/// Everything that is looked at for an event stands in flat arrays of plain numbers.
struct Program: Sendable {
  /// One step: evaluate `subject`, go on at the place that its answer names.
  struct Instruction: Sendable {
    /// A check, or, at `checks.count` and above, a shared expression.
    let subject: Int32
    let onTrue: Int32
    let onFalse: Int32
  }
  static let isTrue: Int32 = -1
  static let isFalse: Int32 = -2

  /// A field and what is done to it, as a check needs it.
  struct Check: Sendable {
    var operand: Int32
    var comparison: Comparison
    var modifier: Modifier?
    /// Constants, in `constants`.
    var first: Int32
    var count: Int32
    /// The table of answers for each word of a closed vocabulary, or -1.
    var answers: Int32 = -1
    /// What it is compared with, when that is no constant, or -1.
    var right: Int32 = -1
    var isNumber: Bool
    /// What the decoder has of the operand; with `right`, nothing that counts.
    var fast = FastSource.none
  }

  /// What of an event is at hand without reading its JSON.
  enum FastSource: Sendable {
    case none, stage, verb, code, decision
    /// Whether the event has a time decides.
    case hasTime
    case text(EventText)
  }

  /// Where an operand's values come from.
  enum Operand: Sendable {
    case field(FieldPlan)
    case literal([UInt8])
    case transformed(Transformer, [Int32], isListFirst: Bool)
  }

  /// A field with its argument, read once.
  struct FieldPlan: Sendable {
    let field: RuleField
    /// `[2]`; nil for all.
    var index: Int?
    /// `[key]`, empty when there is none.
    var key: [UInt8] = []
    /// The reference tokens of a JSON pointer.
    var pointer: [[UInt8]] = []
  }

  var operands: [Operand] = []
  var checks: [Check] = []
  /// All bytes of constants, and where each begins; one more than there are constants.
  var constantBytes: [UInt8] = []
  var constantStarts: [Int32] = [0]
  var numbers: [UInt64] = []
  var expressions: [Regex] = []
  /// `Answer` for each word, table after table.
  var answers: [UInt8] = []
  var code: [Instruction] = []
  /// Where the code of each shared expression begins.
  var sharedStarts: [Int32] = []
  /// Where the code of each rule begins; `isTrue` and `isFalse` for rules that always or never match.
  var ruleStarts: [Int32] = []
  /// Rules that are evaluated.
  var isEnabled: [Bool] = []
  /// The expressions behind the code: what is known of a class of requests decides them.
  var nodes: [ExpressionGraph.Node] = []
  var ruleNodes: [Int32] = []
  var resources = WordTable([])

  /// An answer of a table: no, yes, or look at the event.
  enum Answer { static let no: UInt8 = 0, yes: UInt8 = 1, look: UInt8 = 2 }

  func constant(_ index: Int32) -> Range<Int> {
    Int(constantStarts[Int(index)])..<Int(constantStarts[Int(index) + 1])
  }
}

/// A few words and their numbers: which one is this?
struct WordTable: Sendable {
  let words: [[UInt8]]
  /// Open addressing; -1 is free.
  private var slots: [Int16]

  static let limit = 60

  init(_ words: [[UInt8]]) {
    self.words = words
    slots = [Int16](repeating: -1, count: 256)
    for (index, word) in words.enumerated() {
      var slot = Self.hash(word.span)
      while slots[slot] >= 0 { slot = (slot + 1) & 255 }
      slots[slot] = Int16(index)
    }
  }

  private static func hash(_ word: borrowing Span<UInt8>) -> Int {
    guard !word.isEmpty else { return 0 }
    let middle = word[word.count / 2]
    return (word.count &* 31 &+ Int(word[0]) &* 7 &+ Int(middle) &* 131 &+ Int(word[word.count - 1]) &* 17) & 255
  }

  func number(of word: borrowing Span<UInt8>) -> Int? {
    var slot = Self.hash(word)
    while slots[slot] >= 0 {
      let candidate = words[Int(slots[slot])]
      if Bytes.areEqual(candidate.span, word) { return Int(slots[slot]) }
      slot = (slot + 1) & 255
    }
    return nil
  }
}
