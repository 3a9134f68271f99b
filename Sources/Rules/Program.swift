internal import AuditEvents

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
    /// Without any of these it reads nothing; it does not hold then.
    var absence: Absence = []
    /// Its place among the checks on the user agent, or -1.
    var agent: Int32 = -1
    /// The search, of `searches`, that answers it, or -1; and which of its words, a bit each.
    var search: Int32 = -1
    var searchedWords: UInt64 = 0
    /// Words of `bodyWords`, a bit each: with none of them in the bodies it does not hold. 0: nothing is known.
    var bodyWords: UInt64 = 0
  }

  /// Parts of an event of which it is known, without looking, that they are not there. An operand that reads one of them has
  /// no value then.
  struct Absence: OptionSet, Sendable {
    let rawValue: UInt8
    static let requestObject = Absence(rawValue: 1)
    static let responseObject = Absence(rawValue: 2)
    /// All annotations but the authorizer's.
    static let unusualAnnotations = Absence(rawValue: 4)
    static let bodies: Absence = [.requestObject, .responseObject]
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
    /// Where it stands, in `FieldPaths`.
    var node = FieldPaths.nowhere
    /// Where what it falls back to stands.
    var otherNode = FieldPaths.nowhere
  }

  var operands: [Operand] = []
  var paths = FieldPaths()
  var checks: [Check] = []
  /// All bytes of constants, and where each begins; one more than there are constants.
  var constantBytes: [UInt8] = []
  var constantStarts: [Int32] = [0]
  var numbers: [UInt64] = []
  var expressions: [Regex] = []
  /// Words that checks look for in one object or array, together.
  struct Search: Sendable {
    /// Where it stands, in `paths`.
    let node: Int32
    let words: WordSearch
  }
  var searches: [Search] = []
  /// Words of which checks on bodies need one.
  var bodyWords = WordSearch([])
  /// Checks that the user agent alone decides.
  var agentChecks: [Int32] = []
  /// `Answer` for each word, table after table.
  var answers: [UInt8] = []
  var code: [Instruction] = []
  /// Where the code of each shared expression begins.
  var sharedStarts: [Int32] = []
  /// Where the code of each rule begins; `isTrue` and `isFalse` for rules that always or never match.
  var ruleStarts: [Int32] = []
  /// Rules that are evaluated.
  var isEnabled: [Bool] = []
  /// What windowed rules read of an event; nil for a rule that is none.
  var windows: [WindowParts?] = []
  /// The expressions behind the code: what is known of a class of requests decides them.
  var nodes: [ExpressionGraph.Node] = []
  var ruleNodes: [Int32] = []

  /// An answer of a table: no, yes, or look at the event.
  enum Answer { static let no: UInt8 = 0, yes: UInt8 = 1, look: UInt8 = 2 }

  func constant(_ index: Int32) -> Range<Int> {
    Int(constantStarts[Int(index)])..<Int(constantStarts[Int(index) + 1])
  }
}
