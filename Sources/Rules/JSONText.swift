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

  /// The value as JSON; with `indent`, a line for each member and element, two blanks a level. Written token by token: what is
  /// nested deeply costs no more than what is not.
  static func writeJSON(_ value: JSONValue, indent: Int?, into store: inout ValueStore) {
    var tokens = value.tokens()
    var depth = indent ?? 0
    // Behind an opening bracket a line begins only if something follows.
    var isOpened = false
    while !store.isFull, let token = tokens.next() {
      if case .close(let bracket) = token {
        depth -= 1
        if indent != nil, !isOpened { line(depth, into: &store) }
        isOpened = false
        store.write(bracket)
        continue
      }
      if isOpened, indent != nil { line(depth, into: &store) }
      isOpened = false
      switch token {
      case .open(let bracket):
        depth += 1
        isOpened = true
        store.write(bracket)
      case .comma:
        store.write(UInt8(ascii: ","))
        if indent != nil { line(depth, into: &store) }
      case .colon: store.write(indent == nil ? ":" : ": ")
      case .string(let text): writeString(text, into: &store)
      case .scalar(let text): store.write(raw: text)
      case .close: break
      }
    }
  }

  private static func line(_ depth: Int, into store: inout ValueStore) {
    store.write(0x0a)
    for _ in 0..<2 * max(0, depth) { store.write(0x20) }
  }

  private static func writeString(_ text: Text, into store: inout ValueStore) {
    store.write(UInt8(ascii: "\""))
    store.write(escaped: text)
    store.write(UInt8(ascii: "\""))
  }
}
