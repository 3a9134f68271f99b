/// A condition as it is written, macros not yet looked up.
indirect enum Condition: Sendable {
  case all([Condition])
  case any([Condition])
  case not(Condition)
  case macro(String, PlacedText.Origin)
  case check(CheckText)
}

/// One comparison as it is written.
struct CheckText: Sendable {
  let left: OperandText
  let comparison: Comparison
  let modifier: Modifier?
  let right: RightText
  let origin: PlacedText.Origin
}

/// What is compared with.
enum RightText: Sendable {
  case nothing
  case value([UInt8])
  case list([[UInt8]])
  case operand(OperandText)
}

/// A field, a literal inside a transformer, or what a transformer makes of others.
indirect enum OperandText: Sendable {
  case field(FieldText)
  case literal([UInt8])
  case transformed(Transformer, [OperandText], PlacedText.Origin)
}

struct FieldText: Sendable, Hashable {
  let name: String
  let argument: [UInt8]?
  let origin: PlacedText.Origin

  static func == (a: FieldText, b: FieldText) -> Bool { a.name == b.name && a.argument == b.argument }
  func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(argument)
  }
}

/// The operators, by the words of the language.
enum Comparison: String, Sendable, CaseIterable {
  case exists
  case equal = "="
  case notEqual = "!="
  case less = "<"
  case lessOrEqual = "<="
  case greater = ">"
  case greaterOrEqual = ">="
  case contains, icontains, startswith, endswith
  case bcontains, bstartswith
  case glob, iglob, regex
  case isIn = "in"
  case intersects, pmatch

  /// Takes a list on its right.
  var isForLists: Bool { self == .isIn || self == .intersects || self == .pmatch }
  /// Takes a number on its right.
  var isOrder: Bool { self == .less || self == .lessOrEqual || self == .greater || self == .greaterOrEqual }
}

/// How many values on the right must satisfy the operator.
enum Modifier: String, Sendable, CaseIterable { case anyof, oneof, allof }

/// Functions of fields.
enum Transformer: String, Sendable, CaseIterable {
  case tolower, toupper, b64, basename, len, join, concat

  /// How many operands it takes.
  var operands: ClosedRange<Int> {
    switch self {
    case .tolower, .toupper, .b64, .basename, .len: 1...1
    case .join: 2...2
    case .concat: 2...32
    }
  }
}
