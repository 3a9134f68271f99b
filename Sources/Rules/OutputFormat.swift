/// A rule's output: text with fields in it.
///
/// `%field`, `%field[argument]`, `%20field` (cut or padded to 20 bytes), `%toupper(field)`, and `%%` for the sign itself.
struct OutputFormat: Sendable {
  enum Part: Sendable {
    case text(String)
    /// An operand of the program; whether it prints as a list; its width, if one is given.
    case operand(Int32, isList: Bool, width: Int?)
  }

  let parts: [Part]

  static let partsLimit = 200
  private static let widthLimit = 4096

  /// - Errors: a sign without a field, or a field that there is not.
  static func parse(_ text: PlacedText, _ compiler: inout CheckCompiler) throws(ConditionFailure) -> OutputFormat {
    let bytes = text.bytes
    var parts: [Part] = []
    var literal: [UInt8] = []
    var at = 0
    while at < bytes.count {
      guard bytes[at] == UInt8(ascii: "%") else {
        literal.append(bytes[at])
        at += 1
        continue
      }
      let sign = at
      at += 1
      if at < bytes.count, bytes[at] == UInt8(ascii: "%") {
        literal.append(bytes[at])
        at += 1
        continue
      }
      let digits = bytes[at...].prefix { ConditionLexer.isDigit($0) }
      at += digits.count
      let found = try ConditionParser.operand(in: text, at: at, sign: sign)
      guard parts.count < partsLimit else {
        throw ConditionFailure(
          what: "the output has more than \(partsLimit) parts", expected: "", origin: text.origin(at: sign))
      }
      if !literal.isEmpty { parts.append(.text(String(decoding: literal, as: UTF8.self))) }
      literal.removeAll()
      let operand = try compiler.outputOperand(found.operand)
      let width = Bytes.number(Array(digits).span).map { Int(min($0, UInt64(widthLimit))) }
      parts.append(.operand(operand.number, isList: operand.isList, width: width))
      at = found.end
    }
    if !literal.isEmpty { parts.append(.text(String(decoding: literal, as: UTF8.self))) }
    return OutputFormat(parts: parts)
  }
}
