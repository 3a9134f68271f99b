/// A keyed 128-bit digest: what names a body or an event without anybody else being able to aim at it.
struct Digest: Hashable, Sendable {
  let low: UInt64
  let high: UInt64

  init(_ words: (low: UInt64, high: UInt64)) {
    low = words.low
    high = words.high
  }
}
