public import Crypto

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// Bytes being put together, in memory that is kept from one use to the next: label values and rendered rows.
///
/// Grows as needed and never shrinks; label values are bounded, so it stays below 8 KiB.
public struct LabelBuffer: Sendable {
  private var storage = [UInt8](repeating: 0, count: 256)
  public private(set) var count = 0

  public init() {}

  public var isEmpty: Bool { count == 0 }

  /// A copy of the bytes.
  public var bytes: [UInt8] { Array(storage[..<count]) }

  public mutating func clear() { count = 0 }

  public mutating func append(_ byte: UInt8) {
    if count == storage.count { grow(1) }
    storage[count] = byte
    count &+= 1
  }

  public mutating func append(_ other: LabelBuffer) {
    // SAFETY: `count` bytes of the other's storage are lent to the call.
    unsafe other.storage.withUnsafeBufferPointer {
      unsafe append(raw: UnsafeBufferPointer(rebasing: $0[..<other.count]))
    }
  }

  public mutating func append(_ other: [UInt8]) {
    // SAFETY: lent to the call.
    unsafe other.withUnsafeBufferPointer { unsafe append(raw: $0) }
  }

  public mutating func append(_ other: ArraySlice<UInt8>) {
    // SAFETY: lent to the call.
    unsafe other.withUnsafeBufferPointer { unsafe append(raw: $0) }
  }

  /// Appends a constant.
  public mutating func append(literal: StaticString) {
    // SAFETY: a literal's bytes live as long as the process.
    unsafe append(raw: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
  }

  /// Appends a copy of raw memory.
  @unsafe public mutating func append(raw: UnsafeBufferPointer<UInt8>) {
    guard let source = raw.baseAddress else { return }
    if storage.count - count < raw.count { grow(raw.count) }
    let start = count
    // SAFETY: `start + raw.count` bytes are there, by the line above.
    unsafe storage.withUnsafeMutableBufferPointer { target in
      if let base = target.baseAddress { unsafe memcpy(base + start, source, raw.count) }
    }
    count &+= raw.count
  }

  /// SipHash-1-3 of the bytes.
  public func hash(key: SipKey) -> UInt64 { SipHash.hash13(storage.span.extracting(..<count), key: key) }

  /// Whether the bytes are those of `other` from `start` on.
  func isEqual(to other: [UInt8], from start: Int) -> Bool {
    guard start >= 0, start + count <= other.count else { return false }
    // SAFETY: `count` bytes are readable in both: the first by definition, the second by the line above.
    return unsafe storage.withUnsafeBufferPointer { mine in
      unsafe other.withUnsafeBufferPointer { theirs in
        guard let a = mine.baseAddress, let b = theirs.baseAddress else { return count == 0 }
        return unsafe memcmp(a, b + start, count) == 0
      }
    }
  }

  /// Appends the bytes to an array.
  func write(to out: inout [UInt8]) { out.append(contentsOf: storage[..<count]) }

  private mutating func grow(_ more: Int) {
    storage.append(contentsOf: repeatElement(0, count: max(more, storage.count)))
  }
}
