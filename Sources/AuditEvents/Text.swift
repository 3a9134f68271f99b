internal import CIntrinsics

/// Borrowed bytes of an event: what stands between the quotes of a JSON string, escapes not undone.
///
/// Valid only while the decoder's call into an `EventSink` lasts: the bytes belong to the input's buffer or to the
/// decoder's scratch space. Copy what must outlive it. At least 16 bytes after `count` are readable (their content
/// means nothing), so that block reads need no bounds check. Escapes have been checked: every backslash begins a whole
/// one.
@safe public struct Text {
  // SAFETY: points into a `ByteBuffer` or decoder scratch that outlives the sink's call; null never, empty text points
  // at a static byte block.
  @usableFromInline let base: UnsafePointer<UInt8>
  // The count, doubled, and one more when escaped: a text then takes two words, and events are copied less.
  @usableFromInline let packed: UInt

  /// How many bytes.
  @inlinable public var count: Int { Int(packed >> 1) }
  /// Whether a backslash occurs, so that the content differs from the bytes.
  @inlinable public var isEscaped: Bool { packed & 1 != 0 }

  /// A text of `count` bytes at `start`, which must stay readable (and 16 bytes more) for as long as the text is used.
  @inlinable @unsafe
  public init(_ start: UnsafePointer<UInt8>, count: Int, isEscaped: Bool) {
    unsafe base = start
    packed = UInt(bitPattern: count) << 1 | (isEscaped ? 1 : 0)
  }

  /// Nothing: an absent or empty string.
  public static var empty: Text { unsafe Text(kae_empty_block(), count: 0, isEscaped: false) }

  /// Whether it holds no byte.
  @inlinable public var isEmpty: Bool { count == 0 }

  /// The raw bytes, for the few files that work on pointers.
  @inlinable @unsafe public var raw: UnsafeBufferPointer<UInt8> {
    unsafe UnsafeBufferPointer(start: base, count: count)
  }

  /// Whether the raw bytes equal `literal`'s; meant for literals without characters that JSON escapes.
  @inlinable public func equals(_ literal: StaticString) -> Bool {
    guard count == literal.utf8CodeUnitCount else { return false }
    let other = unsafe literal.utf8Start
    for i in 0..<count where unsafe base[i] != other[i] { return false }
    return true
  }

  /// Where it begins, for this module's scanners.
  @inline(__always) var start: BytePointer { unsafe BytePointer(base) }

  /// How many words `word` has.
  @inlinable public var wordCount: Int { (count &+ 7) >> 3 }

  /// Its bytes 8 by 8, as numbers; behind the last byte are zeros. `at` is below `wordCount`.
  @inlinable public func word(_ at: Int) -> UInt64 {
    precondition(at >= 0 && at < wordCount)
    // SAFETY: the word begins inside the text, behind which 16 bytes are readable.
    let word = unsafe UnsafeRawPointer(base + 8 &* at).loadUnaligned(as: UInt64.self).littleEndian
    let left = count &- 8 &* at
    return left >= 8 ? word : word & (1 << UInt64(8 &* left) &- 1)
  }

  /// Where `part`, which borrows bytes of this text, begins in it.
  public func place(of part: Text) -> Int { part.start - start }

  /// What stands at these places, which lie in it.
  public func part(_ places: Range<Int>) -> Text {
    precondition(places.lowerBound >= 0 && places.upperBound <= count)
    return (start + places.lowerBound).text(to: start + places.upperBound, isEscaped: isEscaped)
  }

  /// Whether `literal`, at most 64 bytes, stands at its beginning.
  public func hasPrefix(_ literal: StaticString) -> Bool {
    count >= literal.utf8CodeUnitCount && start.matches(literal)
  }

  /// A copy as a `String`, escapes not undone, ill-formed bytes replaced. For tests and error paths.
  public var description: String { unsafe String(decoding: raw, as: UTF8.self) }
}
