import AuditEvents

/// The seeded generator of random programs: SplitMix64.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64
  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }

  mutating func below(_ n: Int) -> Int { Int(next() % UInt64(n)) }
  mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
  mutating func pick<T>(_ items: [T]) -> T { items[below(items.count)] }
}

/// Bytes that a `Text` may borrow as long as this lives.
@safe final class HeldText {
  // SAFETY: `count + 16` initialised bytes from `init` to `deinit`.
  private let start: UnsafeMutablePointer<UInt8>
  private let count: Int

  init(_ bytes: [UInt8]) {
    count = bytes.count
    unsafe start = .allocate(capacity: count + 16)
    unsafe start.initialize(repeating: 0x22, count: count + 16)
    for (i, byte) in bytes.enumerated() { unsafe start[i] = byte }
  }

  deinit { unsafe start.deallocate() }

  var text: Text {
    let isEscaped = unsafe UnsafeBufferPointer(start: start, count: count).contains(UInt8(ascii: "\\"))
    return unsafe Text(start, count: count, isEscaped: isEscaped)
  }
}
