internal import AuditEvents

/// Writes a JSON value as text: a string as it is, anything else as JSON.
enum JSONText {
  /// The value as one value of a field. White space between values is left out; strings are escaped where JSON demands it
  /// and nowhere else, so that equal values are equal texts.
  static func write(_ value: JSONValue, into store: inout ValueStore) {
    if value.kind == .string {
      store.write(unescaped: value.text)
    } else {
      writeJSON(value, indent: nil, into: &store)
    }
  }

  /// The value as JSON; with `indent`, a line for each member and element, two blanks a level.
  static func writeJSON(_ value: JSONValue, indent: Int?, into store: inout ValueStore) {
    guard !store.isFull else { return }
    switch value.kind {
    case .object:
      var members = value.members()
      var isFirst = true
      store.write(UInt8(ascii: "{"))
      while let member = members.next() {
        separate(isFirst, indent, into: &store)
        isFirst = false
        writeString(member.key, into: &store)
        store.write(indent == nil ? ":" : ": ")
        writeJSON(member.value, indent: indent.map { $0 + 1 }, into: &store)
      }
      close(UInt8(ascii: "}"), isEmpty: isFirst, indent, into: &store)
    case .array:
      var elements = value.elements()
      var isFirst = true
      store.write(UInt8(ascii: "["))
      while let element = elements.next() {
        separate(isFirst, indent, into: &store)
        isFirst = false
        writeJSON(element, indent: indent.map { $0 + 1 }, into: &store)
      }
      close(UInt8(ascii: "]"), isEmpty: isFirst, indent, into: &store)
    case .string: writeString(value.text, into: &store)
    case .number, .bool, .null: store.write(raw: value.text)
    case .none: break
    }
  }

  private static func separate(_ isFirst: Bool, _ indent: Int?, into store: inout ValueStore) {
    if !isFirst { store.write(UInt8(ascii: ",")) }
    if let indent { line(indent + 1, into: &store) }
  }

  private static func close(_ bracket: UInt8, isEmpty: Bool, _ indent: Int?, into store: inout ValueStore) {
    if let indent, !isEmpty { line(indent, into: &store) }
    store.write(bracket)
  }

  private static func line(_ indent: Int, into store: inout ValueStore) {
    store.write(0x0a)
    for _ in 0..<2 * indent { store.write(0x20) }
  }

  private static func writeString(_ text: Text, into store: inout ValueStore) {
    store.write(UInt8(ascii: "\""))
    let start = store.bytes.count
    store.write(unescaped: text)
    // Mostly there is nothing to escape, and the text stands already.
    if store.bytes[start...].contains(where: { needsEscape($0) }) {
      let plain = Array(store.bytes[start...])
      store.truncate(to: start)
      for byte in plain { writeEscaped(byte, into: &store) }
    }
    store.write(UInt8(ascii: "\""))
  }

  private static func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
  }

  private static func writeEscaped(_ byte: UInt8, into store: inout ValueStore) {
    switch byte {
    case UInt8(ascii: "\""): store.write(#"\""#)
    case UInt8(ascii: "\\"): store.write(#"\\"#)
    case 8: store.write(#"\b"#)
    case 9: store.write(#"\t"#)
    case 10: store.write(#"\n"#)
    case 12: store.write(#"\f"#)
    case 13: store.write(#"\r"#)
    case ..<0x20:
      let digits = String(byte, radix: 16)
      store.write(#"\u"# + String(repeating: "0", count: 4 - digits.count) + digits)
    default: store.write(byte)
    }
  }
}
