/// A small seeded generator: the same seed gives the same run, so that a failing test argument is a reproduction.
public struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// An integer from `range`, every one as likely.
  public mutating func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

  /// True once in `n` calls on average.
  public mutating func oneIn(_ n: Int) -> Bool { pick(1...n) == 1 }

  /// `count` bytes, each of `range`.
  public mutating func bytes(_ count: Int, in range: ClosedRange<UInt8> = 0...255) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: range, using: &self) }
  }

  /// A number from 0 to `n - 1`.
  public mutating func below(_ n: Int) -> Int { pick(0...(n - 1)) }

  /// True `percent` times in a hundred.
  public mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

  /// One of `items`.
  public mutating func pick<T>(_ items: [T]) -> T { items[below(items.count)] }
}
