internal import Crypto

extension [UInt8] {
  /// Appends a number as eight bytes, the lowest first.
  mutating func append(word: UInt64) {
    for shift in stride(from: UInt64(0), to: 64, by: 8) { append(UInt8(truncatingIfNeeded: word >> shift)) }
  }

  mutating func append(_ digest: Digest) {
    append(word: digest.low)
    append(word: digest.high)
  }

  /// The number that stands at `offset`, or nil beyond the end.
  func word(at offset: Int) -> UInt64? {
    guard offset + 8 <= count else { return nil }
    return self[offset..<offset + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  func digest(at offset: Int) -> Digest? {
    guard let low = word(at: offset), let high = word(at: offset + 8) else { return nil }
    return Digest((low, high))
  }
}
