/// What transformers make of values. Without an input there is no output.
enum Transforming {
  /// Pushes what `transformer` makes of its operands' values, which have been read.
  static func apply(_ transformer: Transformer, _ parts: [Range<Int>], isList: Bool, into store: inout ValueStore) {
    guard let input = parts.first else { return }
    switch transformer {
    case .len: length(of: input, isList: isList, into: &store)
    case .join:
      guard parts.count == 2, !input.isEmpty, !parts[1].isEmpty else { return }
      for value in parts[1] {
        if value > parts[1].lowerBound { store.write(again: store.range(of: input.lowerBound)) }
        store.write(again: store.range(of: value))
      }
      store.endValue()
    case .concat:
      guard parts.allSatisfy({ !$0.isEmpty }) else { return }
      for part in parts { store.write(again: store.range(of: part.lowerBound)) }
      store.endValue()
    case .tolower, .toupper, .b64, .basename:
      for value in input { one(transformer, store.range(of: value), into: &store) }
    }
  }

  private static func one(_ transformer: Transformer, _ range: Range<Int>, into store: inout ValueStore) {
    let start = store.bytes.count
    switch transformer {
    case .tolower:
      store.write(again: range)
      store.map(from: start, Bytes.lower)
    case .toupper:
      store.write(again: range)
      store.map(from: start, Bytes.upper)
    case .b64: guard decodeBase64(range, into: &store) else { return store.truncate(to: start) }
    default:
      var from = range.lowerBound
      for at in range where store.bytes[at] == UInt8(ascii: "/") { from = at + 1 }
      store.write(again: from..<range.upperBound)
    }
    store.endValue()
  }

  /// Elements of a list; characters of a text, ill-formed bytes counting one each.
  private static func length(of values: Range<Int>, isList: Bool, into store: inout ValueStore) {
    guard let first = values.first else { return }
    guard !isList else {
      store.write(String(values.count))
      return store.endValue()
    }
    var count = 0
    for at in store.range(of: first) where store.bytes[at] & 0xc0 != 0x80 { count += 1 }
    store.write(String(count))
    store.endValue()
  }

  /// Padding may be missing; anything else out of place fails.
  private static func decodeBase64(_ range: Range<Int>, into store: inout ValueStore) -> Bool {
    var end = range.upperBound
    while end > range.lowerBound, range.upperBound - end < 2, store.bytes[end - 1] == UInt8(ascii: "=") { end -= 1 }
    var bits: UInt32 = 0
    var held = 0
    for at in range.lowerBound..<end {
      guard let value = sextet(store.bytes[at]) else { return false }
      bits = bits << 6 | value
      held += 6
      if held >= 8 {
        held -= 8
        store.write(UInt8(truncatingIfNeeded: bits >> UInt32(held)))
      }
    }
    return held < 6
  }

  private static func sextet(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - 0x41)
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - 0x61 + 26)
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - 0x30 + 52)
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
