internal import CRE2

/// A compiled regular expression: RE2's POSIX syntax, matched against a whole text in linear time.
///
/// Owned by one `Pattern` for its whole life; matching changes only caches that RE2 locks itself.
@safe final class Regex: @unchecked Sendable {
  // SAFETY: made in `init`, freed in `deinit`, never copied out. Unchecked: RE2's matching is safe from several threads.
  private let raw: OpaquePointer
  let pattern: [UInt8]

  /// The most memory that one expression's program and caches take.
  static let memoryBytes: Int64 = 8 << 20

  struct Malformed: Error { let reason: String }

  init(_ pattern: [UInt8]) throws(Malformed) {
    var reason = [CChar](repeating: 0, count: 200)
    let made = unsafe pattern.withUnsafeBufferPointer { bytes -> OpaquePointer? in
      return unsafe reason.withUnsafeMutableBufferPointer { room in
        guard let error = room.baseAddress else { return nil }
        return unsafe kae_re2_new(bytes.baseAddress, bytes.count, Self.memoryBytes, error, room.count)
      }
    }
    guard let made = unsafe made else {
      let text = reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      throw Malformed(reason: String(decoding: text, as: UTF8.self))
    }
    unsafe raw = made
    self.pattern = pattern
  }
  deinit { unsafe kae_re2_free(raw) }

  /// Whether all of `text`, which must be UTF-8, matches.
  func matches(_ text: borrowing Span<UInt8>) -> Bool {
    unsafe text.withUnsafeBufferPointer { bytes in
      unsafe kae_re2_matches(raw, bytes.baseAddress, bytes.count) != 0
    }
  }
}
