internal import AuditEvents
import Glibc

/// Short texts seen lately, each with a number: sets of four, of which the oldest makes room.
///
/// Whoever chooses texts can make them meet in one set; each then costs as much as one never seen, and no more.
@safe final class TextMemory {
  /// The longest text that is remembered.
  let bytes: Int
  private let setMask: Int
  private let entryStride: Int
  private let setStride: Int

  // SAFETY: `setMask + 1` sets of `setStride` bytes, all of them zero at first, from `init` to `deinit`. A set is four folds (8
  // bytes each), four counts and four numbers (4 bytes each), and the bytes of four texts, `entryStride` apart. A set's number
  // is masked, and a text is compared and copied only when it has at most `bytes`.
  private let entries: UnsafeMutableRawPointer
  private static let ways = 4
  private static let countsOffset = ways * 8
  private static let numbersOffset = countsOffset + ways * 4
  private static let bytesOffset = numbersOffset + ways * 4

  /// - Parameters:
  ///   - sets: a power of two, or 0, when nothing is to be remembered.
  init(sets: Int, bytes: Int) {
    precondition(sets & (sets - 1) == 0)
    self.bytes = sets == 0 ? 0 : bytes
    setMask = max(0, sets - 1)
    entryStride = (bytes + 15) & ~15
    setStride = Self.bytesOffset + Self.ways * entryStride
    let size = max(1, sets) * setStride
    unsafe entries = .allocate(byteCount: size, alignment: 64)
    unsafe memset(entries, 0, size)
  }
  deinit { unsafe entries.deallocate() }

  @inline(__always) @unsafe
  private func set(_ fold: UInt64) -> UnsafeMutableRawPointer {
    unsafe entries + (Int(truncatingIfNeeded: fold) & setMask) &* setStride
  }

  /// The number of a text, which is not empty, if it is remembered.
  @inline(__always)
  func number(of text: Text, _ fold: UInt64) -> Int? {
    guard text.count <= bytes, let raw = unsafe text.raw.baseAddress else { return nil }
    let set = unsafe set(fold)
    for way in 0..<Self.ways where unsafe set.load(fromByteOffset: way &* 8, as: UInt64.self) == fold {
      let count = unsafe set.load(fromByteOffset: Self.countsOffset &+ way &* 4, as: UInt32.self)
      if unsafe Int(count) == text.count
        && memcmp(set + (Self.bytesOffset &+ way &* entryStride), raw, text.count) == 0
      {
        return unsafe Int(set.load(fromByteOffset: Self.numbersOffset &+ way &* 4, as: UInt32.self))
      }
    }
    return nil
  }

  /// Remembers a text and its number.
  func remember(_ text: Text, _ fold: UInt64, _ number: Int) {
    guard text.count <= bytes, let raw = unsafe text.raw.baseAddress else { return }
    let set = unsafe set(fold)
    for (offset, size) in [
      (0, 8), (Self.countsOffset, 4), (Self.numbersOffset, 4), (Self.bytesOffset, entryStride),
    ] {
      unsafe memmove(set + offset + size, set + offset, (Self.ways - 1) * size)
    }
    unsafe set.storeBytes(of: fold, as: UInt64.self)
    unsafe set.storeBytes(of: UInt32(text.count), toByteOffset: Self.countsOffset, as: UInt32.self)
    unsafe set.storeBytes(of: UInt32(number), toByteOffset: Self.numbersOffset, as: UInt32.self)
    unsafe memcpy(set + Self.bytesOffset, raw, text.count)
  }
}
