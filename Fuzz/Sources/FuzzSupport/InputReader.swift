/// Takes an input apart: choices from its beginning, content from the rest. Behind the end everything is 0.
public struct InputReader {
  private var rest: ArraySlice<UInt8>

  public init(_ bytes: [UInt8]) { rest = bytes[...] }

  public var isAtEnd: Bool { rest.isEmpty }

  public mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

  /// One of `count` choices.
  public mutating func choice(_ count: Int) -> Int { Int(byte()) % count }

  /// A number of two bytes.
  public mutating func number() -> Int { Int(byte()) << 8 | Int(byte()) }

  /// A number of eight bytes.
  public mutating func word() -> UInt64 { (0..<8).reduce(0) { word, _ in word << 8 | UInt64(byte()) } }

  /// The next bytes, fewer where the input ends.
  public mutating func take(_ count: Int) -> [UInt8] {
    defer { rest = rest.dropFirst(count) }
    return Array(rest.prefix(count))
  }

  /// Everything that is left.
  public mutating func takeRest() -> [UInt8] { take(rest.count) }
}
