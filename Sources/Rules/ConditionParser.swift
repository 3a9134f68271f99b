/// Parses a condition whose lists already stand in it.
///
/// - Grammar: `or` binds weaker than `and`, `and` weaker than `not`; a check is a field or transformer, an operator and what
///   is compared with; an identifier is a macro.
/// - Source: falcosecurity/libs `userspace/libsinsp/filter/parser.h`.
struct ConditionParser {
  private var lexer: ConditionLexer
  private let depthLimit: Int
  private var depth = 0

  /// What stands at `text`, all of it.
  static func parse(_ text: PlacedText, depthLimit: Int) throws(ConditionFailure) -> Condition {
    var parser = ConditionParser(lexer: ConditionLexer(text), depthLimit: depthLimit)
    let condition = try parser.alternatives()
    guard parser.lexer.isAtEnd else {
      throw parser.lexer.failure("the condition does not go on like this", expected: "'and', 'or' or the end")
    }
    return condition
  }

  /// The field or transformer that begins at a byte of an output, and where it ends. Of a field's name that there is not,
  /// what stands behind the longest one that there is belongs to the text.
  static func operand(
    in text: PlacedText, at start: Int, sign: Int
  ) throws(ConditionFailure) -> (operand: OperandText, end: Int) {
    var lexer = ConditionLexer(text, at: start)
    if var name = lexer.fieldName() {
      while RuleField.byName[name] == nil, let point = name.lastIndex(of: "."), name[..<point].contains(".") {
        name = String(name[..<point])
      }
      if RuleField.byName[name] != nil { lexer = ConditionLexer(text, at: start + name.utf8.count) }
      var parser = ConditionParser(lexer: lexer, depthLimit: 20)
      let field = try parser.field(name, text.origin(at: sign))
      return (.field(field), parser.lexer.at)
    }
    var parser = ConditionParser(lexer: lexer, depthLimit: 20)
    guard let operand = try parser.operand() else {
      throw ConditionFailure(
        what: "no field follows %", expected: "a field, or %% for the sign", origin: text.origin(at: sign))
    }
    return (operand, parser.lexer.at)
  }

  /// Reads an operand that is the whole of a text.
  static func wholeOperand(_ text: PlacedText) throws(ConditionFailure) -> OperandText {
    var parser = ConditionParser(lexer: ConditionLexer(text, at: 0), depthLimit: 20)
    guard let operand = try parser.operand() else {
      throw ConditionFailure(
        what: "\(quoted(String(decoding: text.bytes, as: UTF8.self))) is no field",
        expected: "a field, a transformer of one, or \(RuleWindow.sourceIP)", origin: text.origin(at: 0))
    }
    parser.lexer.blanks()
    guard parser.lexer.at == text.bytes.count else {
      throw parser.lexer.failure("something follows the field", expected: "one field")
    }
    return operand
  }

  private init(lexer: ConditionLexer, depthLimit: Int) {
    self.lexer = lexer
    self.depthLimit = depthLimit
  }

  // MARK: - Joining

  private mutating func alternatives() throws(ConditionFailure) -> Condition {
    depth += 1
    defer { depth -= 1 }
    guard depth <= depthLimit else {
      throw lexer.failure("brackets nest more than \(depthLimit) deep", expected: "a simpler condition")
    }
    var parts = [try conjunction()]
    while lexer.take("or") { parts.append(try behind("or")) }
    return parts.count == 1 ? parts[0] : .any(parts)
  }

  private mutating func conjunction() throws(ConditionFailure) -> Condition {
    lexer.blanks()
    var parts = [try negation()]
    lexer.blanks()
    while lexer.take("and") { parts.append(try behind("and")) }
    return parts.count == 1 ? parts[0] : .all(parts)
  }

  /// What follows `and` or `or`: blanks, or a bracket.
  private mutating func behind(_ word: String) throws(ConditionFailure) -> Condition {
    let part: Condition
    if lexer.blanks() {
      part = word == "or" ? try conjunction() : try negation()
    } else if lexer.take("(") {
      part = try bracketed()
    } else {
      throw lexer.failure("'\(word)' runs into what follows it", expected: "a blank or '('")
    }
    lexer.blanks()
    return part
  }

  private mutating func negation() throws(ConditionFailure) -> Condition {
    var isNegated = false
    lexer.blanks()
    while lexer.takeNot() { isNegated.toggle() }
    let part: Condition
    if lexer.take("not(") {
      isNegated.toggle()
      part = try bracketed()
    } else {
      part = try check()
    }
    return isNegated ? .not(part) : part
  }

  /// What stands behind an opening bracket, and the closing one.
  private mutating func bracketed() throws(ConditionFailure) -> Condition {
    let condition = try alternatives()
    lexer.blanks()
    guard lexer.take(")") else { throw lexer.failure("a bracket is not closed", expected: "')', 'and' or 'or'") }
    return condition
  }

  // MARK: - Checks

  private mutating func check() throws(ConditionFailure) -> Condition {
    lexer.blanks()
    if lexer.take("(") { return try bracketed() }
    let origin = lexer.origin
    if let left = try operand() { return .check(try comparison(left, origin)) }
    if let name = lexer.identifier() { return .macro(name, origin) }
    throw lexer.failure(
      lexer.isAtEnd ? "the condition ends too early" : "no check begins here",
      expected: "'(', 'not', a field, a transformer or a macro")
  }

  /// A field or a transformer, if one begins here.
  private mutating func operand() throws(ConditionFailure) -> OperandText? {
    let origin = lexer.origin
    if let name = lexer.fieldName() { return .field(try field(name, origin)) }
    guard let transformer = lexer.transformer() else { return nil }
    depth += 1
    defer { depth -= 1 }
    guard depth <= depthLimit else {
      throw lexer.failure("brackets nest more than \(depthLimit) deep", expected: "a simpler condition")
    }
    var operands: [OperandText] = []
    repeat { operands.append(try transformedOperand(transformer)) } while lexer.take(",")
    guard lexer.take(")") else { throw lexer.failure("a transformer is not closed", expected: "')'") }
    guard transformer.operands.contains(operands.count) else {
      throw ConditionFailure(
        what: "\(transformer.rawValue) has \(operands.count) operands", expected: "\(transformer.operands.lowerBound)",
        origin: origin)
    }
    return .transformed(transformer, operands, origin)
  }

  private mutating func transformedOperand(_ transformer: Transformer) throws(ConditionFailure) -> OperandText {
    lexer.blanks()
    defer { lexer.blanks() }
    if lexer.isAtQuote, transformer == .join || transformer == .concat { return .literal(try lexer.quotedValue()) }
    if let operand = try operand() { return operand }
    throw lexer.failure("no operand of \(transformer.rawValue) begins here", expected: "a field or a transformer")
  }

  private mutating func field(_ name: String, _ origin: PlacedText.Origin) throws(ConditionFailure) -> FieldText {
    guard lexer.take("[") else { return FieldText(name: name, argument: nil, origin: origin) }
    var argument: [UInt8]?
    if lexer.isAtQuote { argument = try lexer.quotedValue() } else { argument = lexer.bareArgument() }
    guard let argument else {
      throw lexer.failure("the field's argument is empty", expected: "a text without blanks, or one in quotes")
    }
    guard lexer.take("]") else { throw lexer.failure("the field's argument is not closed", expected: "']'") }
    return FieldText(name: name, argument: argument, origin: origin)
  }

  private mutating func comparison(
    _ left: OperandText, _ origin: PlacedText.Origin
  ) throws(ConditionFailure) -> CheckText {
    lexer.blanks()
    guard let comparison = comparisonWord() else {
      let known = Comparison.allCases.map(\.rawValue).joined(separator: " ")
      throw lexer.failure("no operator stands here", expected: "one of \(known)")
    }
    if comparison == .exists {
      return CheckText(left: left, comparison: .exists, modifier: nil, right: .nothing, origin: origin)
    }
    lexer.blanks()
    let modifier = comparison.isForLists || comparison.isOrder ? nil : modifier()
    let right: RightText
    if modifier != nil || comparison.isForLists {
      right = try list()
    } else if comparison.isOrder {
      right = try number()
    } else {
      right = try value()
    }
    return CheckText(left: left, comparison: comparison, modifier: modifier, right: right, origin: origin)
  }

  private mutating func comparisonWord() -> Comparison? {
    if lexer.take("==") || lexer.take("=") { return .equal }
    if lexer.take("!=") { return .notEqual }
    if lexer.take("<=") { return .lessOrEqual }
    if lexer.take("<") { return .less }
    if lexer.take(">=") { return .greaterOrEqual }
    if lexer.take(">") { return .greater }
    return Comparison.allCases.first {
      $0.rawValue.utf8.first.map(ConditionLexer.isLetter) == true && lexer.takeWord($0.rawValue)
    }
  }

  /// A modifier only when a list follows: the words are values too.
  private mutating func modifier() -> Modifier? {
    let start = lexer
    for modifier in Modifier.allCases where lexer.takeWord(modifier.rawValue) {
      lexer.blanks()
      var ahead = lexer
      if ahead.take("(") { return modifier }
      lexer = start
    }
    return nil
  }

  // MARK: - What is compared with

  /// A field behind `val(`, or a transformer.
  private mutating func rightOperand() throws(ConditionFailure) -> OperandText? {
    if lexer.take("val(") {
      lexer.blanks()
      let origin = lexer.origin
      guard let name = lexer.fieldName() else { throw lexer.failure("no field stands in val", expected: "a field") }
      let field = try field(name, origin)
      lexer.blanks()
      guard lexer.take(")") else { throw lexer.failure("val is not closed", expected: "')'") }
      return .field(field)
    }
    let start = lexer
    guard lexer.transformer() != nil else { return nil }
    lexer = start
    return try operand()
  }

  private mutating func value() throws(ConditionFailure) -> RightText {
    if let operand = try rightOperand() { return .operand(operand) }
    if lexer.isAtQuote { return .value(try lexer.quotedValue()) }
    if let bare = lexer.bareValue() { return .value(bare) }
    throw lexer.failure("no value stands here", expected: "a value, one in quotes, val(FIELD) or a transformer")
  }

  private mutating func number() throws(ConditionFailure) -> RightText {
    if let operand = try rightOperand() { return .operand(operand) }
    if let number = lexer.number() { return .value(number) }
    throw lexer.failure("no number stands here", expected: "a number, val(FIELD) or a transformer")
  }

  private mutating func list() throws(ConditionFailure) -> RightText {
    if let operand = try rightOperand() { return .operand(operand) }
    guard lexer.take("(") else {
      // A name that no list has is a list of itself, as in the reference.
      if let name = lexer.identifier() { return .list([Array(name.utf8)]) }
      throw lexer.failure("no list stands here", expected: "'(a, b)' or the name of a list")
    }
    lexer.blanks()
    var values: [[UInt8]] = []
    if lexer.take(")") { return .list(values) }
    repeat {
      lexer.blanks()
      if lexer.isAtQuote {
        values.append(try lexer.quotedValue())
      } else if let bare = lexer.bareValue() {
        values.append(bare)
      } else {
        throw lexer.failure("no value stands here", expected: "a value of the list")
      }
      lexer.blanks()
    } while lexer.take(",")
    guard lexer.take(")") else { throw lexer.failure("the list is not closed", expected: "',' or ')'") }
    return .list(values)
  }
}
