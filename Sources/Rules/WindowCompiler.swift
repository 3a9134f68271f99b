internal import Crypto
internal import Diagnostics

/// Turns the keys of a windowed rule into what is read of an event, and gives the rule its fingerprint.
struct WindowCompiler {
  /// What is wrong with the keys, and where.
  struct Malformed: Error {
    let what: String
    let remedy: String
    let place: ItemPlace
  }

  /// Digests of nodes that are known.
  private var digests: [Int32: UInt128] = [:]

  /// - Parameter root: the rule's condition in `graph`, whose checks are in `checks`.
  /// - Errors: `Malformed`; a field that there is not, as in a condition.
  mutating func compile(
    _ rule: RuleDefinition, root: Int32, _ graph: ExpressionGraph, _ checks: inout CheckCompiler
  ) throws -> (window: RuleWindow, parts: WindowParts)? {
    guard let keys = rule.window, let place = keys.place else { return nil }
    guard let over = keys.over else {
      throw Malformed(
        what: "the rule has keys of a window and no over", remedy: "Add over: the span, such as 9m", place: place)
    }
    guard let atLeast = keys.atLeast else {
      throw Malformed(
        what: "the rule has over and no at_least", remedy: "Add at_least: the threshold", place: over.place)
    }
    let parts = WindowParts(
      by: try Self.parts(keys.by, "by", &checks), distinct: try Self.parts(keys.distinct, "distinct", &checks))
    if let distinct = keys.distinct, distinct.value.isEmpty {
      throw Malformed(
        what: "distinct is an empty list", remedy: "Write fields, or leave it out to count requests",
        place: distinct.place)
    }
    var writer = DigestWriter()
    writer.write(Array(rule.name.utf8))
    writer.write(digest(of: root, graph, checks.program))
    writer.write(UInt64(over.value))
    writer.write(UInt64(atLeast.value))
    for list in [parts.by, parts.distinct] {
      writer.write(UInt64(list.count))
      for part in list { writer.write(checks.program.identity(of: part)) }
    }
    let window = RuleWindow(
      seconds: over.value, by: Self.texts(keys.by), distinct: Self.texts(keys.distinct), atLeast: atLeast.value,
      learnSeconds: keys.learn?.value ?? 0, fingerprint: writer.digest)
    return (window, parts)
  }

  private static func texts(_ list: RuleDefinition.Value<[PlacedText]>?) -> [String] {
    (list?.value ?? []).map { String(decoding: $0.bytes, as: UTF8.self) }
  }

  private static func parts(
    _ list: RuleDefinition.Value<[PlacedText]>?, _ key: String, _ checks: inout CheckCompiler
  ) throws -> [WindowPart] {
    guard let list else { return [] }
    guard list.value.count <= RuleWindow.fieldsLimit else {
      throw Malformed(
        what: "\(key) has \(list.value.count) fields", remedy: "Write at most \(RuleWindow.fieldsLimit)",
        place: list.place)
    }
    var parts: [WindowPart] = []
    for text in list.value {
      if text.bytes.elementsEqual(RuleWindow.sourceIP.utf8) {
        parts.append(.sourceIP)
      } else {
        let operand = try checks.outputOperand(try ConditionParser.wholeOperand(text)).number
        if case .field(let plan) = checks.program.operands[Int(operand)], case .text(let which) = plan.field.source {
          parts.append(.text(which, operand))
        } else {
          parts.append(.operand(operand))
        }
      }
    }
    return parts
  }

  /// What a condition means: the same for the same checks joined in the same way, whatever lists, macros and orders they were
  /// written with.
  private mutating func digest(of node: Int32, _ graph: ExpressionGraph, _ program: Program) -> UInt128 {
    if let known = digests[node] { return known }
    var writer = DigestWriter()
    switch graph.nodes[Int(node)] {
    case .constant(let value): writer.write([value ? 1 : 0])
    case .check(let check):
      writer.write([2])
      writer.write(program.identity(of: program.checks[Int(check)]))
    case .not(let part):
      writer.write([3])
      writer.write(digest(of: part, graph, program))
    case .all(let parts), .any(let parts):
      if case .all = graph.nodes[Int(node)] { writer.write([4]) } else { writer.write([5]) }
      for part in parts.map({ digest(of: $0, graph, program) }).sorted() { writer.write(part) }
    }
    digests[node] = writer.digest
    return writer.digest
  }
}

/// Bytes that a digest is made of. The length of a text goes before it, so that no two different things write the same.
private struct DigestWriter {
  private var bytes: [UInt8] = []
  /// No secret: a fingerprint tells rules apart, and must be the same at the next start.
  private static let key = SipKey(0x7275_6c65_2077_696e, 0x646f_7773_2031_2e30)

  mutating func write(_ number: UInt64) {
    for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
  }

  mutating func write(_ number: UInt128) {
    write(UInt64(truncatingIfNeeded: number))
    write(UInt64(truncatingIfNeeded: number >> 64))
  }

  mutating func write(_ text: [UInt8]) {
    write(UInt64(text.count))
    bytes += text
  }

  var digest: UInt128 {
    let (low, high) = SipHash.hash24x128(bytes.span, key: Self.key)
    return UInt128(high) << 64 | UInt128(low)
  }
}

extension Program {
  /// What a check asks for, as bytes that are the same for the same question.
  fileprivate func identity(of check: Check) -> [UInt8] {
    var parts = [identity(of: check.operand), Array(check.comparison.rawValue.utf8)]
    parts.append(Array((check.modifier?.rawValue ?? "").utf8))
    if check.right >= 0 { return Self.joined(parts + [identity(of: check.right)]) }
    for index in check.first..<check.first + check.count where check.comparison != .exists {
      if check.isNumber {
        parts.append(Array(String(numbers[Int(index)]).utf8))
      } else if check.comparison == .regex {
        parts.append(expressions[Int(index)].pattern)
      } else {
        parts.append(Array(constantBytes[constant(index)]))
      }
    }
    return Self.joined(parts)
  }

  fileprivate func identity(of part: WindowPart) -> [UInt8] {
    switch part {
    case .sourceIP: Array(RuleWindow.sourceIP.utf8)
    case .text(_, let operand), .operand(let operand): identity(of: operand)
    }
  }

  private func identity(of operand: Int32) -> [UInt8] {
    switch operands[Int(operand)] {
    case .literal(let bytes): Self.joined([[0], bytes])
    case .field(let plan):
      Self.joined([[1], Array(plan.field.name.utf8), Array("\(plan.index ?? -1)".utf8), plan.key])
    case .transformed(let transformer, let parts, _):
      Self.joined([[2], Array(transformer.rawValue.utf8)] + parts.map { identity(of: $0) })
    }
  }

  private static func joined(_ parts: [[UInt8]]) -> [UInt8] {
    parts.flatMap { part in
      Array("\(part.count):".utf8) + part
    }
  }
}
