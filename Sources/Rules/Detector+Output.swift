public import AuditEvents
internal import Diagnostics

extension Detector {
  /// The most that an output takes.
  static var outputBytesLimit: Int { 8192 }

  /// What a rule prints of the event that was evaluated last: missing fields as `<NA>`, lists as `(a,b)`. Ill-formed UTF-8 is
  /// replaced, control characters are escaped, and what is too long is cut.
  public mutating func output(of rule: Int, _ event: borrowing AuditEvent) -> String {
    var text = ""
    for part in outputs[rule].parts where text.utf8.count <= Self.outputBytesLimit {
      switch part {
      case .text(let literal): text += literal
      case .operand(let operand, let isList, let width): text += printed(operand, isList, width, event)
      }
    }
    return SafeText.escaped(text, limitBytes: Self.outputBytesLimit)
  }

  private mutating func printed(_ operand: Int32, _ isList: Bool, _ width: Int?, _ event: borrowing AuditEvent)
    -> String
  {
    let values = valueBytes(operand, event)
    let texts = values.map { String(decoding: $0, as: UTF8.self) }
    var text = texts.first ?? "<NA>"
    if isList, !texts.isEmpty { text = "(" + texts.joined(separator: ",") + ")" }
    guard let width else { return text }
    let cut = String(decoding: text.utf8.prefix(width), as: UTF8.self)
    return cut + String(repeating: " ", count: max(0, width - cut.utf8.count))
  }
}
