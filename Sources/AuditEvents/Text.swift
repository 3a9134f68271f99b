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

  /// Whether the raw bytes are these.
  public func equals(_ bytes: [UInt8]) -> Bool {
    guard count == bytes.count else { return false }
    for i in 0..<count where unsafe base[i] != bytes[i] { return false }
    return true
  }

  /// Where it begins, for this module's scanners.
  @inline(__always) var start: BytePointer { unsafe BytePointer(base) }

  /// A number made of all its bytes, for tables of texts seen lately: equal texts have equal ones, and whoever wants two others
  /// to have equal ones will find some.
  @inlinable public var fold: UInt64 {
    // SAFETY: each word begins inside the text, behind which 16 bytes are readable.
    let start = unsafe UnsafeRawPointer(base)
    let count = count
    guard count > 0 else { return 0 }
    var fold = UInt64(truncatingIfNeeded: count)
    var at = 0
    while at &+ 8 < count {
      let word = unsafe (start + at).loadUnaligned(as: UInt64.self)
      fold = (fold ^ word) &* 0x9e37_79b9_7f4a_7c15
      fold ^= fold &>> 32
      at &+= 8
    }
    // The last word, without what is behind the text.
    let last = unsafe (start + at).loadUnaligned(as: UInt64.self).littleEndian
    fold = (fold ^ (last &<< UInt64(truncatingIfNeeded: 64 &- 8 &* (count &- at)))) &* 0x9e37_79b9_7f4a_7c15
    return fold ^ fold &>> 32
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

  /// Whether `literal` stands at its end.
  func hasSuffix(_ literal: StaticString) -> Bool {
    count >= literal.utf8CodeUnitCount && (start + (count - literal.utf8CodeUnitCount)).matches(literal)
  }

  /// The object that the last `literal` opens, up to its last bracket but one; the literal ends in `{"`, and does not stand in
  /// the first 16 bytes.
  func beforeLastBracket(after literal: StaticString) -> Text {
    var block = start + (count - 17)
    while start < block {
      var hits = block.mask16(UInt8(ascii: ":")) & (block + 1).mask16(UInt8(ascii: "{"))
      while hits != 0 {
        let bit = 31 - hits.leadingZeroBitCount
        let place = block + bit
        let first = place + (3 - literal.utf8CodeUnitCount)
        if start <= first, first.matches(literal) { return (place + 1).text(to: start + (count - 1), isEscaped: false) }
        hits &= ~(1 << UInt32(bit))
      }
      block += -16
    }
    return .empty
  }

  /// A copy as a `String`, escapes not undone, ill-formed bytes replaced. For tests and error paths.
  public var description: String { unsafe String(decoding: raw, as: UTF8.self) }
}
