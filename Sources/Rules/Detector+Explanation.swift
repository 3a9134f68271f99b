public import AuditEvents
internal import Diagnostics

/// Why a rule matches an event or does not: its condition, clause by clause.
public struct Explanation: Sendable {
  /// `all of`, `any of`, `not`, or a comparison as the language writes it.
  public let clause: String
  public let isTrue: Bool
  /// Of a comparison, what the event has in that field; empty where it is missing.
  public let values: [String]
  /// Of `all of`, `any of` and `not`.
  public let parts: [Explanation]

  /// Clauses of one explanation; what would be more is left out.
  public static let clausesLimit = 2_000
  static let textBytesLimit = 300
  static let valuesLimit = 20
}

extension Detector {
  /// Explains a rule, also one that is switched off, on the event that was evaluated last. Macros and lists stand in it as
  /// what they mean, equal parts together and cheap ones first: as they are evaluated.
  public mutating func explain(_ rule: Int, _ event: borrowing AuditEvent) -> Explanation {
    var left = Explanation.clausesLimit
    return explain(node: program.ruleNodes[rule], event, &left)
  }

  private mutating func explain(node: Int32, _ event: borrowing AuditEvent, _ left: inout Int) -> Explanation {
    left -= 1
    switch program.nodes[Int(node)] {
    case .constant(let value):
      return Explanation(clause: value ? "always" : "never", isTrue: value, values: [], parts: [])
    case .check(let number):
      let check = program.checks[Int(number)]
      let isTrue = answer(number, event)
      let values = valueBytes(check.operand, event).prefix(Explanation.valuesLimit).map(Program.shown)
      return Explanation(clause: program.text(check), isTrue: isTrue, values: Array(values), parts: [])
    case .not(let part):
      let part = explain(node: part, event, &left)
      return Explanation(clause: "not", isTrue: !part.isTrue, values: [], parts: [part])
    case .all(let parts):
      let parts = explain(parts, leftOut: true, event, &left)
      return Explanation(clause: "all of", isTrue: parts.allSatisfy(\.isTrue), values: [], parts: parts)
    case .any(let parts):
      let parts = explain(parts, leftOut: false, event, &left)
      return Explanation(clause: "any of", isTrue: parts.contains(where: \.isTrue), values: [], parts: parts)
    }
  }

  /// - Parameter leftOut: the answer of what is left out, such that it decides nothing.
  private mutating func explain(
    _ nodes: [Int32], leftOut: Bool, _ event: borrowing AuditEvent, _ left: inout Int
  ) -> [Explanation] {
    var parts: [Explanation] = []
    for node in nodes {
      guard left > 0 else {
        parts.append(
          Explanation(clause: "… \(nodes.count - parts.count) more", isTrue: leftOut, values: [], parts: []))
        break
      }
      parts.append(explain(node: node, event, &left))
    }
    return parts
  }
}

extension Program {
  /// A comparison as the language writes it, cut where it is long.
  fileprivate func text(_ check: Check) -> String {
    var text = operandText(check.operand) + " "
    if let modifier = check.modifier { text += modifier.rawValue + " " }
    text += check.comparison.rawValue
    if check.right >= 0 { return text + " val(" + operandText(check.right) + ")" }
    if check.comparison == .exists { return text }
    let constants = (check.first..<check.first + check.count).prefix(Explanation.valuesLimit).map { index in
      if check.isNumber { return String(numbers[Int(index)]) }
      if check.comparison == .regex { return Self.shown(expressions[Int(index)].pattern) }
      return Self.shown(Array(constantBytes[constant(index)]))
    }
    let isList = check.comparison.isForLists || check.count != 1
    let more = Int(check.count) > constants.count ? ", … \(Int(check.count) - constants.count) more" : ""
    return text + " " + (isList ? "(" + constants.joined(separator: ", ") + more + ")" : constants[0])
  }

  private func operandText(_ operand: Int32) -> String {
    switch operands[Int(operand)] {
    case .literal(let bytes): return Self.shown(bytes)
    case .field(let plan):
      if let index = plan.index { return "\(plan.field.name)[\(index)]" }
      return plan.key.isEmpty ? plan.field.name : "\(plan.field.name)[\(Self.shown(plan.key))]"
    case .transformed(let transformer, let parts, _):
      return transformer.rawValue + "(" + parts.map { operandText($0) }.joined(separator: ", ") + ")"
    }
  }

  fileprivate static func shown(_ bytes: [UInt8]) -> String {
    SafeText.escaped(String(decoding: bytes, as: UTF8.self), limitBytes: Explanation.textBytesLimit)
  }
}
