internal import AuditEvents

/// Reads a parameter out of a request's URI as the API server does: pairs that are not well-formed are passed over, `+` is
/// a blank. Several values of one key are joined by blanks: the words of a command.
enum URIParameter {
  static func read(_ key: [UInt8], of uri: Text, into store: inout ValueStore) {
    let start = store.bytes.count
    store.write(unescaped: uri)
    let end = store.bytes.count
    var isFound = false
    var at = start
    while at < end, store.bytes[at] != UInt8(ascii: "?") { at += 1 }
    while at < end {
      var pairEnd = at + 1
      while pairEnd < end, store.bytes[pairEnd] != UInt8(ascii: "&") { pairEnd += 1 }
      if let value = value(of: key, at + 1..<pairEnd, in: store.bytes) {
        if isFound { store.write(0x20) }
        isFound = true
        decode(value, into: &store)
      }
      at = pairEnd
    }
    // The values stand behind the URI: move them to its place.
    let count = store.bytes.count - end
    for i in 0..<count { store.move(end + i, to: start + i) }
    store.truncate(to: start + count)
    if isFound { store.endValue() }
  }

  /// Where the value of a pair stands if its key is `key` and both are well-formed.
  private static func value(of key: [UInt8], _ pair: Range<Int>, in bytes: [UInt8]) -> Range<Int>? {
    var equals = pair.lowerBound
    while equals < pair.upperBound, bytes[equals] != UInt8(ascii: "=") { equals += 1 }
    guard !pair.isEmpty else { return nil }
    var matched = 0
    var at = pair.lowerBound
    while at < pair.upperBound {
      guard bytes[at] != UInt8(ascii: ";"), let next = unit(at, pair.upperBound, in: bytes) else { return nil }
      if at < equals {
        guard matched < key.count, key[matched] == next.byte else { return nil }
        matched += 1
      }
      at += next.count
    }
    return matched == key.count ? min(equals + 1, pair.upperBound)..<pair.upperBound : nil
  }

  /// One byte and how many it is written with; nil for a broken escape.
  private static func unit(_ at: Int, _ end: Int, in bytes: [UInt8]) -> (byte: UInt8, count: Int)? {
    switch bytes[at] {
    case UInt8(ascii: "+"): return (0x20, 1)
    case UInt8(ascii: "%"):
      guard at + 2 < end, let high = digit(bytes[at + 1]), let low = digit(bytes[at + 2]) else { return nil }
      return (high << 4 | low, 3)
    default: return (bytes[at], 1)
    }
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    if ConditionLexer.isDigit(byte) { return byte - 0x30 }
    let lower = byte | 0x20
    return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : nil
  }

  private static func decode(_ value: Range<Int>, into store: inout ValueStore) {
    var at = value.lowerBound
    while at < value.upperBound, let next = unit(at, value.upperBound, in: store.bytes) {
      store.write(next.byte)
      at += next.count
    }
  }
}
