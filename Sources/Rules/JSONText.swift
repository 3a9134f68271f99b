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
    store.write(escaped: text)
    store.write(UInt8(ascii: "\""))
  }
}
