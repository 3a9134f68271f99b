internal import AuditEvents
import Glibc

/// Short texts seen lately, each with a number: sets of two, of which the older one makes room.
///
/// Whoever chooses texts can make them meet in one set; each then costs as much as one never seen, and no more.
@safe final class TextMemory {
  /// The longest text that is remembered.
  let bytes: Int
  private let setMask: Int
  private let stride: Int

  // SAFETY: `sets * 2` entries of `stride` bytes, all of them zero at first, from `init` to `deinit`. An entry is the text's
  // fold (8 bytes), its count (4), its number (4) and its bytes. A set's number is masked with `sets - 1`, and a text is
  // compared and copied only when it has at most `bytes`.
  private let entries: UnsafeMutableRawPointer
  private static let headBytes = 16

  /// - Parameters:
  ///   - sets: a power of two, or 0, when nothing is to be remembered.
  init(sets: Int, bytes: Int) {
    precondition(sets & (sets - 1) == 0)
    self.bytes = sets == 0 ? 0 : bytes
    setMask = max(0, sets - 1)
    stride = (Self.headBytes + bytes + 15) & ~15
    let size = max(1, sets) * 2 * stride
    unsafe entries = .allocate(byteCount: size, alignment: 16)
    unsafe memset(entries, 0, size)
  }
  deinit { unsafe entries.deallocate() }

  /// The number of a text, which is not empty, if it is remembered.
  @inline(__always)
  func number(of text: Text, _ fold: UInt64) -> Int? {
    guard text.count <= bytes else { return nil }
    let newer = unsafe entries + (Int(truncatingIfNeeded: fold) & setMask) &* 2 &* stride
    if let number = unsafe number(of: text, fold, at: newer) { return number }
    return unsafe number(of: text, fold, at: newer + stride)
  }

  @inline(__always) @unsafe
  private func number(of text: Text, _ fold: UInt64, at entry: UnsafeMutableRawPointer) -> Int? {
    guard unsafe entry.load(as: UInt64.self) == fold,
      unsafe Int(entry.load(fromByteOffset: 8, as: UInt32.self)) == text.count, let bytes = unsafe text.raw.baseAddress,
      unsafe memcmp(entry + Self.headBytes, bytes, text.count) == 0
    else { return nil }
    return unsafe Int(entry.load(fromByteOffset: 12, as: UInt32.self))
  }

  /// Remembers a text and its number.
  func remember(_ text: Text, _ fold: UInt64, _ number: Int) {
    guard text.count <= self.bytes, let bytes = unsafe text.raw.baseAddress else { return }
    let newer = unsafe entries + (Int(truncatingIfNeeded: fold) & setMask) &* 2 &* stride
    unsafe memcpy(newer + stride, newer, stride)
    unsafe newer.storeBytes(of: fold, as: UInt64.self)
    unsafe newer.storeBytes(of: UInt32(text.count), toByteOffset: 8, as: UInt32.self)
    unsafe newer.storeBytes(of: UInt32(number), toByteOffset: 12, as: UInt32.self)
    unsafe memcpy(newer + Self.headBytes, bytes, text.count)
  }
}
