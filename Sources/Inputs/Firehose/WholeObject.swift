internal import AuditEvents
import Glibc

/// Tells an object of JSON that was cut on its way, which is to be sent again, and not to be counted as far as it came.
enum WholeObject {
  /// Whether the brackets of one object, and nothing else, are closed at the end. What is between them is the decoder's matter.
  static func isOne(_ bytes: ByteBuffer) -> Bool {
    // SAFETY: the content is looked at while it is lent.
    unsafe bytes.withBytes { unsafe isOne($0) }
  }

  @unsafe private static func isOne(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    var depth = 0
    var at = 0
    var hasEnded = false
    while at < bytes.count {
      let byte = unsafe bytes[at]
      at += 1
      switch byte {
      case 0x20, 0x09, 0x0A, 0x0D: continue
      case _ where hasEnded: return false
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        guard depth > 0 || byte == UInt8(ascii: "{") else { return false }
        depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        guard depth >= 0 else { return false }
        hasEnded = depth == 0
      case UInt8(ascii: "\""):
        guard depth > 0, let end = unsafe end(ofString: bytes, from: at) else { return false }
        at = end
      default: guard depth > 0 else { return false }
      }
    }
    return hasEnded
  }

  /// Behind the string whose content begins at `start`; nil when it has no end. Records are long strings without escapes.
  @unsafe private static func end(ofString bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
    guard let base = bytes.baseAddress else { return nil }
    var at = start
    // SAFETY: the search stays between `at` and the end of the bytes.
    while at < bytes.count, let found = unsafe memchr(base + at, 0x22, bytes.count - at) {
      let quote = unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
      var first = quote
      while first > at, unsafe bytes[first - 1] == UInt8(ascii: "\\") { first -= 1 }
      at = quote + 1
      if (quote - first) % 2 == 0 { return at }
    }
    return nil
  }
}
