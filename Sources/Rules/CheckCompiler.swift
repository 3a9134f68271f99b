/// Turns checks as written into checks as evaluated: fields looked up, constants stored, operators held to their types.
struct CheckCompiler {
  private(set) var program = Program()
  private var operands: [OperandKey: Int32] = [:]
  private var checks: [CheckKey: Int32] = [:]
  private var constants: [[UInt8]: Int32] = [:]
  /// What is odd and loads, with where it stands.
  private(set) var notes: [(kind: RuleWarning.Kind, what: String, origin: PlacedText.Origin)] = []

  private indirect enum OperandKey: Hashable {
    case field(String, [UInt8])
    case literal([UInt8])
    case transformed(Transformer, [Int32])
  }

  private struct CheckKey: Hashable {
    let operand: Int32
    let comparison: Comparison
    let modifier: Modifier?
    let constants: [[UInt8]]
    let right: Int32
  }

  /// What a check needs to know of an operand.
  private struct Kind {
    let number: Int32
    let isList: Bool
    let isNumber: Bool
    let cost: Int
  }

  /// The check's number and about what it costs.
  mutating func compile(_ check: CheckText) throws(ConditionFailure) -> (number: Int32, cost: Int) {
    let left = try operand(check.left)
    let name = check.comparison.rawValue
    try hold(check, left)
    var values: [[UInt8]] = []
    var right: Int32 = -1
    var cost = left.cost
    switch check.right {
    case .nothing: break
    case .value(let value): values = [value]
    case .list(let list): values = check.comparison.isForLists && check.comparison != .pmatch ? Self.sorted(list) : list
    case .operand(let text):
      let other = try operand(text)
      guard check.comparison != .regex, check.comparison != .pmatch, check.modifier == nil else {
        throw failure("\(name) cannot compare with a field", "a value", check.origin)
      }
      guard other.isNumber == left.isNumber else {
        throw failure("a number is compared with a text", "two of one kind", check.origin)
      }
      guard !other.isList || check.comparison.isForLists else {
        throw failure("\(name) compares with a list", "in or intersects, or one value", check.origin)
      }
      right = other.number
      cost += other.cost
    }
    note(check, values)
    if left.isNumber {
      for index in values.indices { values[index] = try decimal(values[index], check) }
      if check.comparison.isForLists { values = Self.sorted(values) }
    }
    cost += check.comparison == .regex ? 60 : values.count / 4
    let key = CheckKey(
      operand: left.number, comparison: check.comparison, modifier: check.modifier, constants: values, right: right)
    if let known = checks[key] { return (known, cost) }
    var made = Program.Check(
      operand: left.number, comparison: check.comparison, modifier: check.modifier, first: 0,
      count: Int32(values.count), right: right, isNumber: left.isNumber)
    made.first = try store(values, check, isNumber: left.isNumber)
    let number = Int32(program.checks.count)
    program.checks.append(made)
    checks[key] = number
    return (number, cost)
  }

  /// By length, then by bytes: a set is searched by halves.
  static func sorted(_ list: [[UInt8]]) -> [[UInt8]] {
    Set(list).sorted { a, b in a.count != b.count ? a.count < b.count : a.lexicographicallyPrecedes(b) }
  }

  // MARK: - What is allowed

  private mutating func hold(_ check: CheckText, _ left: Kind) throws(ConditionFailure) {
    let name = check.comparison.rawValue
    switch check.comparison {
    case .bcontains, .bstartswith:
      throw failure("\(name) compares bytes, and no field here has bytes", "contains or startswith", check.origin)
    case .exists, .isIn, .intersects: return
    case .contains where left.isList && check.modifier == nil:
      // Rules written before list fields were lists.
      notes.append((.deprecated, "contains on a list field is deprecated: write intersects (…)", check.origin))
    default:
      guard !left.isList else {
        throw failure("\(name) does not take a list field", "exists, in or intersects", check.origin)
      }
    }
    guard left.isNumber else { return }
    let isNumeric = check.comparison.isOrder || check.comparison == .equal || check.comparison == .notEqual
    guard isNumeric || check.comparison == .isIn else {
      throw failure("\(name) does not take a number", "= != < <= > >= in", check.origin)
    }
  }

  /// A missing field never equals anything, `<NA>` neither.
  private mutating func note(_ check: CheckText, _ values: [[UInt8]]) {
    let isEquality = [.equal, .notEqual, .isIn, .intersects].contains(check.comparison)
    guard isEquality, values.contains(Array("<NA>".utf8)) else { return }
    let what = "a missing field never equals <NA>: write 'exists' or 'not … exists'"
    notes.append((.unsafeNotAvailable, what, check.origin))
  }

  /// A number's constant, as decimal digits.
  private func decimal(_ value: [UInt8], _ check: CheckText) throws(ConditionFailure) -> [UInt8] {
    let text = String(decoding: value, as: UTF8.self)
    let isHex = text.hasPrefix("0x") || text.hasPrefix("0X")
    guard let number = isHex ? UInt64(text.dropFirst(2), radix: 16) : Bytes.number(value.span) else {
      throw failure("\(quoted(text)) is no whole number", "digits, or 0x and hexadecimal digits", check.origin)
    }
    return Array(String(number).utf8)
  }

  private func failure(_ what: String, _ expected: String, _ origin: PlacedText.Origin) -> ConditionFailure {
    ConditionFailure(what: what, expected: expected, origin: origin)
  }

  // MARK: - Operands

  private mutating func operand(_ text: OperandText) throws(ConditionFailure) -> Kind {
    switch text {
    case .literal(let value):
      let number = intern(.literal(value)) { .literal(value) }
      return Kind(number: number, isList: false, isNumber: false, cost: 1)
    case .field(let field): return try self.field(field)
    case .transformed(let transformer, let parts, let origin):
      var kinds: [Kind] = []
      for part in parts { kinds.append(try operand(part)) }
      return try transformed(transformer, kinds, origin)
    }
  }

  /// An operand of an output.
  mutating func outputOperand(_ text: OperandText) throws(ConditionFailure) -> (number: Int32, isList: Bool) {
    let kind = try operand(text)
    return (kind.number, kind.isList)
  }

  private mutating func transformed(
    _ transformer: Transformer, _ parts: [Kind], _ origin: PlacedText.Origin
  ) throws(ConditionFailure) -> Kind {
    let name = transformer.rawValue
    guard parts.allSatisfy({ !$0.isNumber }) else {
      throw failure("\(name) does not take a number", "a text", origin)
    }
    if transformer == .concat || transformer == .join && parts[0].isList {
      guard parts.allSatisfy({ !$0.isList }) else {
        throw failure("\(name) does not take a list here", "a text", origin)
      }
    }
    let numbers = parts.map(\.number)
    let number = intern(.transformed(transformer, numbers)) {
      .transformed(transformer, numbers, isListFirst: parts[0].isList)
    }
    let isElementwise = ![.len, .join, .concat].contains(transformer)
    return Kind(
      number: number, isList: isElementwise && parts[0].isList, isNumber: transformer == .len,
      cost: parts.reduce(20) { $0 + $1.cost })
  }

  private mutating func intern(_ key: OperandKey, _ make: () -> Program.Operand) -> Int32 {
    if let known = operands[key] { return known }
    let number = Int32(program.operands.count)
    program.operands.append(make())
    operands[key] = number
    return number
  }

  private mutating func field(_ text: FieldText) throws(ConditionFailure) -> Kind {
    guard let field = RuleField.byName[text.name] else {
      throw ConditionFailure(
        what: "there is no field \(quoted(text.name))", expected: FieldNames.nearest(text.name), origin: text.origin,
        isUnknownField: true)
    }
    var plan = try Self.plan(field, text)
    // What most rules ask first: the decoder has read it, and it tells which rules are left.
    if plan.pointer == [Self.stageKey], let stage = RuleField.byName["ka.stage"] {
      plan = Program.FieldPlan(field: stage)
    }
    program.paths.place(&plan)
    let number = intern(.field(text.name, text.argument ?? [])) { .field(plan) }
    // An index picks one value; the field stays a list.
    return Kind(number: number, isList: field.isList, isNumber: field.isNumber, cost: Self.cost(plan.field))
  }

  /// A field with its argument held to what the field takes.
  private static let stageKey = Array("stage".utf8)

  static func plan(_ field: RuleField, _ text: FieldText) throws(ConditionFailure) -> Program.FieldPlan {
    var plan = Program.FieldPlan(field: field)
    let name = quoted(field.name)
    switch (field.argument, text.argument) {
    case (.none, nil), (.index, nil): break
    case (.none, _):
      throw ConditionFailure(what: "field \(name) takes no argument", expected: "no brackets", origin: text.origin)
    case (.key, nil):
      throw ConditionFailure(what: "field \(name) needs an argument", expected: "[key]", origin: text.origin)
    case (.index, let argument?):
      guard argument.allSatisfy(ConditionLexer.isDigit), argument.count == 1 || argument.first != 0x30,
        let index = Bytes.number(argument.span), index < UInt64(Int32.max)
      else {
        throw ConditionFailure(what: "the index of \(name) is none", expected: "[0], [1], …", origin: text.origin)
      }
      plan.index = Int(index)
    case (.key, let argument?):
      plan.key = argument
      if field.source == .json(.pointer) { plan.pointer = JSONPointer.tokens(argument) }
    }
    return plan
  }

  /// In no unit: what the decoder has is cheap, what stands in bodies is dear.
  private static func cost(_ field: RuleField) -> Int {
    switch field.source {
    case .stage, .verb, .code, .decision: 1
    case .text(.resource), .text(.subresource), .text(.namespace): 2
    case .text: 4
    case .json(.general), .json(.constant): 3
    case .json: field.level == .metadata ? 60 : 300
    }
  }

  // MARK: - Constants

  private mutating func store(
    _ values: [[UInt8]], _ check: CheckText, isNumber: Bool
  ) throws(ConditionFailure) -> Int32 {
    if isNumber {
      let first = Int32(program.numbers.count)
      program.numbers += values.compactMap { Bytes.number($0.span) }
      return first
    }
    guard check.comparison == .regex else {
      let first = Int32(program.constantStarts.count - 1)
      for value in values {
        program.constantBytes += value
        program.constantStarts.append(Int32(program.constantBytes.count))
      }
      return first
    }
    let first = Int32(program.expressions.count)
    for value in values {
      do throws(Regex.Malformed) {
        program.expressions.append(try Regex(value))
      } catch {
        throw failure("the regular expression is not one: \(error.reason)", "RE2's POSIX syntax", check.origin)
      }
    }
    return first
  }

  /// Ends compiling: what must be known of all checks is computed.
  mutating func finish() -> Program {
    program.makeAnswers()
    program.makeSearches()
    program.findDependencies()
    program.makeBodyWords()
    return program
  }
}

/// RFC 6901; the slash before the first token may be left out.
enum JSONPointer {
  static func tokens(_ text: [UInt8]) -> [[UInt8]] {
    guard !text.isEmpty else { return [] }
    let path = text.first == UInt8(ascii: "/") ? text.dropFirst() : text[...]
    return path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map(unescaped)
  }

  private static func unescaped(_ token: ArraySlice<UInt8>) -> [UInt8] {
    var out: [UInt8] = []
    var isTilde = false
    for byte in token {
      if isTilde {
        isTilde = false
        if byte == UInt8(ascii: "0") || byte == UInt8(ascii: "1") {
          out.append(byte == UInt8(ascii: "0") ? UInt8(ascii: "~") : UInt8(ascii: "/"))
          continue
        }
        out.append(UInt8(ascii: "~"))
      }
      if byte == UInt8(ascii: "~") { isTilde = true } else { out.append(byte) }
    }
    if isTilde { out.append(UInt8(ascii: "~")) }
    return out
  }
}

/// Which field was meant.
enum FieldNames {
  static func nearest(_ name: String) -> String {
    let best = RuleField.all.map { (distance($0.name, name), $0.name) }.min { $0 < $1 }
    guard let best, best.0 <= 4 else { return "a ka., jevt. or evt. field" }
    return best.1
  }

  private static func distance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.utf8.prefix(80)), Array(b.utf8.prefix(80)))
    var row = Array(0...b.count)
    for i in a.indices {
      var corner = row[0]
      row[0] = i + 1
      for j in b.indices {
        let above = row[j + 1]
        row[j + 1] = min(above + 1, row[j] + 1, corner + (a[i] == b[j] ? 0 : 1))
        corner = above
      }
    }
    return row[b.count]
  }
}
