/// A 128-bit secret that keys hash tables and digests, so that no client can aim at them.
public struct SipKey: Sendable, Hashable {
  public let k0: UInt64
  public let k1: UInt64

  public init(_ k0: UInt64, _ k1: UInt64) {
    self.k0 = k0
    self.k1 = k1
  }

  /// A fresh key from the system's generator (the one behind `getrandom`).
  public static func random() -> SipKey {
    var generator = SystemRandomNumberGenerator()
    return SipKey(generator.next(), generator.next())
  }
}
