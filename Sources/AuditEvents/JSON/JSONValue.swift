/// A value inside an event's JSON: where it begins, read further only when asked.
///
/// Borrowed, like the `Text` it was made of: valid only while the decoder's call lasts. What cannot be read is absent:
/// members and elements end at the first byte that is not JSON, and at the end of a text that was cut short.
public struct JSONValue {
  /// What its first byte promises.
  public enum Kind: Sendable { case object, array, string, number, bool, null, none }

  let start: BytePointer
  let limit: BytePointer
  private let keys: KeyScratch

  init(start: BytePointer, limit: BytePointer, keys: KeyScratch) {
    self.start = start
    self.limit = limit
    self.keys = keys
  }

  public var kind: Kind {
    guard start < limit else { return .none }
    switch start.byte {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
    case UInt8(ascii: "n"): return .null
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
    default: return .none
    }
  }

  /// Its bytes: of a string what stands between the quotes, of anything else all of it. Empty when it cannot be read to
  /// its end.
  public var text: Text {
    guard kind == .string else {
      guard let end = end else { return .empty }
      return start.text(to: end, isEscaped: false)
    }
    var isEscaped = false
    guard let quote = (start + 1).closingQuoteOfLong(&isEscaped), quote < limit else { return .empty }
    return (start + 1).text(to: quote, isEscaped: isEscaped)
  }

  /// How many bytes behind the first of `text`, of which it is part, it begins.
  public func place(in text: Text) -> Int { start - text.start }

  /// Whether it can be read to its end.
  public var isWhole: Bool { end != nil }

  /// The place behind it.
  private var end: BytePointer? {
    guard start < limit else { return nil }
    var scanner = ValueScanner(limit: limit, depthLimit: JSONReader.depthLimit, keys: keys)
    // A number that ends at the limit may go on behind it; one that stands alone does not.
    let end = scanner.unchecked(start)
    return end.flatMap { $0 <= limit ? $0 : nil }
  }

  /// A walk over its members in their order; of no object, nothing.
  public func members() -> Members {
    Members(place: kind == .object ? start + 1 : limit, limit: limit, keys: keys)
  }

  /// A walk over its elements in their order; of no array, nothing.
  public func elements() -> Elements {
    Elements(place: kind == .array ? start + 1 : limit, limit: limit, keys: keys)
  }

  /// The member of that name, escapes of keys undone; the last, if there are several.
  public func member(_ name: borrowing Span<UInt8>) -> JSONValue? {
    var found: JSONValue?
    var members = members()
    while let member = members.next() {
      if member.key.isUnescaped(name) { found = member.value }
    }
    return found
  }

  /// A member of an object.
  public struct Member {
    /// What stands between its quotes.
    public let key: Text
    public let value: JSONValue
    /// All bytes of the value.
    public let extent: Text
  }

  /// The members of an object, one after another.
  public struct Members {
    fileprivate var place: BytePointer
    fileprivate let limit: BytePointer
    fileprivate let keys: KeyScratch
    private var isFirst = true
    private var closing: BytePointer?

    fileprivate init(place: BytePointer, limit: BytePointer, keys: KeyScratch) {
      self.place = place
      self.limit = limit
      self.keys = keys
    }

    /// What stands behind the object, when the walk came to its end; nil before, and when it stopped early.
    public var rest: Text? { closing.map { ($0 + 1).text(to: limit, isEscaped: false) } }

    /// The next member whose value can be read to its end.
    public mutating func next() -> Member? {
      var scanner = ValueScanner(limit: limit, depthLimit: JSONReader.depthLimit, keys: keys)
      var at = scanner.passWhiteSpace(place)
      if !isFirst {
        guard at < limit, at.byte == UInt8(ascii: ",") else { return stop(at) }
        at = scanner.passWhiteSpace(at + 1)
      }
      isFirst = false
      var isEscaped = false
      guard at < limit, at.byte == UInt8(ascii: "\""), let quote = (at + 1).closingQuoteOfLong(&isEscaped),
        quote < limit
      else { return stop(at) }
      let key = (at + 1).text(to: quote, isEscaped: isEscaped)
      at = scanner.passWhiteSpace(quote + 1)
      guard at < limit, at.byte == UInt8(ascii: ":") else { return stop(limit) }
      at = scanner.passWhiteSpace(at + 1)
      guard let end = scanner.unchecked(at), end <= limit else { return stop(limit) }
      place = end
      return Member(
        key: key, value: JSONValue(start: at, limit: limit, keys: keys), extent: at.text(to: end, isEscaped: false))
    }

    private mutating func stop(_ at: BytePointer) -> Member? {
      if at < limit, at.byte == UInt8(ascii: "}") { closing = at }
      place = limit
      return nil
    }
  }

  /// The elements of an array, one after another.
  public struct Elements {
    fileprivate var place: BytePointer
    fileprivate let limit: BytePointer
    fileprivate let keys: KeyScratch
    private var isFirst = true

    fileprivate init(place: BytePointer, limit: BytePointer, keys: KeyScratch) {
      self.place = place
      self.limit = limit
      self.keys = keys
    }

    /// The next element that can be read to its end.
    public mutating func next() -> JSONValue? {
      var scanner = ValueScanner(limit: limit, depthLimit: JSONReader.depthLimit, keys: keys)
      var at = scanner.passWhiteSpace(place)
      if !isFirst {
        guard at < limit, at.byte == UInt8(ascii: ",") else { return stop() }
        at = scanner.passWhiteSpace(at + 1)
      }
      isFirst = false
      guard at < limit, let end = scanner.unchecked(at), end <= limit else { return stop() }
      place = end
      return JSONValue(start: at, limit: limit, keys: keys)
    }

    private mutating func stop() -> JSONValue? {
      place = limit
      return nil
    }
  }
}

/// Lends an event's JSON to be read further than the decoder did. One serves one thread.
public struct JSONReader: ~Copyable {
  /// As deep as the decoder reads.
  static let depthLimit = 200
  private let keys = KeyScratch()

  public init() {}
  deinit { keys.free() }

  /// The value that begins at the first byte of `text`, such as `AuditEvent.json`; `text` must come from a decoder.
  public func root(_ text: Text) -> JSONValue {
    JSONValue(start: text.start, limit: text.start + text.count, keys: keys)
  }

  /// The value that begins `place` bytes behind the first of `text`.
  public func value(at place: Int, of text: Text) -> JSONValue {
    precondition(place >= 0 && place <= text.count)
    return JSONValue(start: text.start + place, limit: text.start + text.count, keys: keys)
  }
}

extension Text {
  /// Whether its content, escapes undone, is `bytes`.
  public func isUnescaped(_ bytes: borrowing Span<UInt8>) -> Bool {
    guard isEscaped else {
      guard bytes.count == count else { return false }
      for i in 0..<count where start[i] != bytes[i] { return false }
      return true
    }
    guard bytes.count <= count else { return false }
    var place = start
    let end = start + count
    var at = 0
    while place < end {
      let unit = Unescape.next(&place)
      guard at + unit.count <= bytes.count else { return false }
      for i in 0..<unit.count where bytes[at + i] != unit[i] { return false }
      at += unit.count
    }
    return at == bytes.count
  }

  /// Lends its raw bytes for a call.
  @inlinable @inline(__always)
  public func withSpan<R>(_ body: (borrowing Span<UInt8>) -> R) -> R {
    // SAFETY: the bytes outlive this text, and the span cannot outlive `body`.
    let bytes = unsafe raw
    return body(unsafe Span(_unsafeElements: bytes))
  }

  /// Appends its raw bytes to `out`.
  public func appendRaw(to out: inout [UInt8]) { unsafe out.append(contentsOf: raw) }

  /// Appends its content to `out`, escapes undone.
  public func appendUnescaped(to out: inout [UInt8]) {
    forEachRun(into: &out) { unit, out in
      for i in 0..<unit.count { out.append(unit[i]) }
    }
  }

  /// Appends it to `out` as a JSON string without the quotes, escaped where JSON demands it and nowhere else: equal
  /// contents become equal bytes.
  public func appendEscaped(to out: inout [UInt8]) {
    if isEscapedAsDemanded { return appendRaw(to: &out) }
    let first = out.count
    forEachRun(into: &out) { unit, out in
      guard unit.count == 1 else {
        for i in 0..<unit.count { out.append(unit[i]) }
        return
      }
      Unescape.appendEscaped(unit[0], to: &out)
    }
    // Control characters without an escape are let pass by the decoder, and rare.
    guard out[first...].contains(where: { $0 < 0x20 }) else { return }
    let written = Array(out[first...])
    out.removeLast(written.count)
    for byte in written {
      if byte < 0x20 { Unescape.appendEscaped(byte, to: &out) } else { out.append(byte) }
    }
  }

  /// Whether it stands as `appendEscaped` writes it: as what Kubernetes writes nearly always does.
  private var isEscapedAsDemanded: Bool {
    var least = UInt8.max
    for at in 0..<count { least = min(least, start[at]) }
    guard least >= 0x20 || count == 0 else { return false }
    guard isEscaped else { return true }
    var place = start
    let end = start + count
    while place < end, let stop = place.find(UInt8(ascii: "\\"), before: end) {
      switch (stop + 1).byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"),
        UInt8(ascii: "r"), UInt8(ascii: "t"):
        place = stop + 2
      default: return false
      }
    }
    return true
  }

  /// Appends what stands between escapes, and hands out what each escape stands for.
  @inline(__always)
  private func forEachRun(into out: inout [UInt8], _ body: (Unescape.Unit, inout [UInt8]) -> Void) {
    guard isEscaped else { return unsafe out.append(contentsOf: raw) }
    var place = start
    let end = start + count
    while place < end {
      let stop = place.find(UInt8(ascii: "\\"), before: end) ?? end
      // SAFETY: both lie in this text, `stop` not before `place`.
      unsafe out.append(contentsOf: UnsafeBufferPointer(start: place.raw, count: stop - place))
      place = stop
      while place < end, place.byte == UInt8(ascii: "\\") { body(Unescape.next(&place), &out) }
    }
  }
}

extension Unescape {
  /// Up to four bytes.
  struct Unit {
    fileprivate var bytes: UInt32 = 0
    fileprivate(set) var count = 0

    subscript(at: Int) -> UInt8 { UInt8(truncatingIfNeeded: bytes >> UInt32(8 * at)) }
  }

  /// Appends one byte as JSON has it inside a string.
  static func appendEscaped(_ byte: UInt8, to out: inout [UInt8]) {
    let letter: UInt8
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): letter = byte
    case 8: letter = UInt8(ascii: "b")
    case 9: letter = UInt8(ascii: "t")
    case 10: letter = UInt8(ascii: "n")
    case 12: letter = UInt8(ascii: "f")
    case 13: letter = UInt8(ascii: "r")
    case ..<0x20:
      let digits = Array("0123456789abcdef".utf8)
      out += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      return
    default: return out.append(byte)
    }
    out.append(UInt8(ascii: "\\"))
    out.append(letter)
  }

  /// The byte or the escape at `place`, which a scan has checked; moves behind it.
  static func next(_ place: inout BytePointer) -> Unit {
    var unit = Unit()
    // SAFETY: at most 4 bytes are written.
    unit.count = unsafe withUnsafeMutablePointer(to: &unit.bytes) { room in
      unsafe UnsafeMutableRawPointer(room).withMemoryRebound(to: UInt8.self, capacity: 4) { out in
        unsafe one(&place, into: out)
      }
    }
    return unit
  }
}
