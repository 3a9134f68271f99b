/// SipHash: a keyed hash, so that whoever does not know the key can neither aim at a table nor at a digest.
///
/// - Shape: 1-3 for tables in memory, 2-4 for what is shown or stored (64 bits, or 128).
/// - Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF"; the test vectors of its reference code.
public enum SipHash {
  /// SipHash-1-3, 64 bits.
  public static func hash13(_ bytes: Span<UInt8>, key: SipKey) -> UInt64 {
    var state = SipState(key, isWide: false)
    let last = state.absorb(bytes, rounds: 1)
    state.mix(last, rounds: 1)
    return state.finish(rounds: 3)
  }

  /// SipHash-1-3 of two words, for keys that are numbers.
  public static func hash13(_ a: UInt64, _ b: UInt64, key: SipKey) -> UInt64 {
    var state = SipState(key, isWide: false)
    state.mix(a.littleEndian, rounds: 1)
    state.mix(b.littleEndian, rounds: 1)
    state.mix(16 << 56, rounds: 1)
    return state.finish(rounds: 3)
  }

  /// SipHash-2-4, 64 bits.
  public static func hash24(_ bytes: Span<UInt8>, key: SipKey) -> UInt64 {
    var state = SipState(key, isWide: false)
    let last = state.absorb(bytes, rounds: 2)
    state.mix(last, rounds: 2)
    return state.finish(rounds: 4)
  }

  /// SipHash-2-4, 128 bits: `low` is the first half of the reference code's output.
  public static func hash24x128(_ bytes: Span<UInt8>, key: SipKey) -> (low: UInt64, high: UInt64) {
    var state = SipState(key, isWide: true)
    let last = state.absorb(bytes, rounds: 2)
    state.mix(last, rounds: 2)
    return state.finishWide()
  }
}

/// SipHash-2-4, 64 bits, of bytes that come one by one.
public struct SipStream: Sendable {
  private var state: SipState
  private var word: UInt64 = 0
  private var count: UInt64 = 0

  public init(key: SipKey) { state = SipState(key, isWide: false) }

  public mutating func append(_ byte: UInt8) {
    word |= UInt64(byte) &<< (8 &* (count & 7))
    count &+= 1
    if count & 7 == 0 {
      state.mix(word, rounds: 2)
      word = 0
    }
  }

  /// The hash of what was appended.
  public consuming func finish() -> UInt64 {
    state.mix(word | count &<< 56, rounds: 2)
    return state.finish(rounds: 4)
  }
}

/// The four words of the algorithm.
struct SipState: Sendable {
  private var v0, v1, v2, v3: UInt64

  init(_ key: SipKey, isWide: Bool) {
    v0 = key.k0 ^ 0x736f_6d65_7073_6575
    v1 = key.k1 ^ 0x646f_7261_6e64_6f6d ^ (isWide ? 0xee : 0)
    v2 = key.k0 ^ 0x6c79_6765_6e65_7261
    v3 = key.k1 ^ 0x7465_6462_7974_6573
  }

  /// Mixes in all whole words and answers the last one: the bytes that are left, and the length in its top byte.
  @inline(__always)
  mutating func absorb(_ text: Span<UInt8>, rounds: Int) -> UInt64 {
    // SAFETY: the same bytes, read as such; a UInt8 has no padding.
    let bytes = unsafe text.bytes
    let count = bytes.byteCount
    var at = 0
    while at &+ 8 <= count {
      // SAFETY: `at + 8 <= count`, and any eight bytes are a UInt64.
      let word = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: at, as: UInt64.self)
      mix(UInt64(littleEndian: word), rounds: rounds)
      at &+= 8
    }
    var last = UInt64(truncatingIfNeeded: count) &<< 56
    var shift: UInt64 = 0
    while at < count {
      // SAFETY: `at < count`.
      last |= UInt64(unsafe bytes.unsafeLoad(fromUncheckedByteOffset: at, as: UInt8.self)) &<< shift
      shift &+= 8
      at &+= 1
    }
    return last
  }

  @inline(__always)
  mutating func mix(_ word: UInt64, rounds: Int) {
    v3 ^= word
    for _ in 0..<rounds { round() }
    v0 ^= word
  }

  @inline(__always)
  mutating func finish(rounds: Int) -> UInt64 {
    v2 ^= 0xff
    for _ in 0..<rounds { round() }
    return v0 ^ v1 ^ v2 ^ v3
  }

  mutating func finishWide() -> (low: UInt64, high: UInt64) {
    v2 ^= 0xee
    for _ in 0..<4 { round() }
    let low = v0 ^ v1 ^ v2 ^ v3
    v1 ^= 0xdd
    for _ in 0..<4 { round() }
    return (low, v0 ^ v1 ^ v2 ^ v3)
  }

  @inline(__always)
  private mutating func round() {
    v0 &+= v1
    v2 &+= v3
    v1 = rotate(v1, 13) ^ v0
    v3 = rotate(v3, 16) ^ v2
    v0 = rotate(v0, 32)
    v2 &+= v1
    v0 &+= v3
    v1 = rotate(v1, 17) ^ v2
    v3 = rotate(v3, 21) ^ v0
    v2 = rotate(v2, 32)
  }

  @inline(__always)
  private func rotate(_ x: UInt64, _ bits: UInt64) -> UInt64 { x &<< bits | x &>> (64 &- bits) }
}
