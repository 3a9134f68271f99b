public import AuditEvents
public import Crypto
internal import Diagnostics

/// Makes label values of what clients wrote.
///
/// The value of a label is the text with JSON's escapes undone and UTF-8 repaired, in which what cannot be seen
/// (controls, bidirectional and zero-width characters, line separators) is written as `\u202e` or `\U000e0001`. One
/// that begins with `(` or `\` gets a backslash before it, so that nobody can forge a reserved word such as `(other)`.
/// At most `bytesLimit` bytes; a longer one is cut on a character and ends in `…` and 8 hex digits of its keyed hash.
///
/// - Source: DESIGN.md, "Label values".
public struct LabelValue: Sendable {
  /// The longest label value, bytes, before exposition's escapes.
  public static let bytesLimit = 256
  /// What is kept of a longer one: the mark and the hash take 11 bytes.
  private static let keptBytes = bytesLimit - 11

  private let key: SipKey
  private var value: [UInt8] = []
  /// The longest prefix of `value` that may be kept when it is cut.
  private var keptCount = 0
  private var hash: SipStream

  /// - Parameter key: keys the hash of values that were cut. Keep it, and they stay the same.
  public init(key: SipKey) {
    self.key = key
    hash = SipStream(key: key)
    value.reserveCapacity(Self.bytesLimit + 16)
  }

  /// Appends the escaped label value of `text` to `out`; `reserved` when it is empty.
  public mutating func append(_ text: borrowing Text, whenEmpty reserved: StaticString, to out: inout LabelBuffer) {
    guard !text.isEmpty else { return out.append(literal: reserved) }
    // SAFETY: `text` lends its bytes for this call.
    let raw = unsafe text.raw
    if !text.isEscaped, unsafe Self.isPlain(raw) {
      unsafe out.append(raw: raw)
    } else {
      unsafe sanitise(raw, isEscaped: text.isEscaped)
      LabelEscaping.append(value, to: &out)
    }
  }

  /// The same for a part of a text; not empty.
  public mutating func append(_ text: borrowing Text, part: Range<Int>, to out: inout LabelBuffer) {
    // SAFETY: `text` lends its bytes for this call; the range is checked by the slice.
    let raw = unsafe UnsafeBufferPointer(rebasing: text.raw[part])
    if !text.isEscaped, unsafe !raw.isEmpty && Self.isPlain(raw) {
      unsafe out.append(raw: raw)
    } else {
      unsafe sanitise(raw, isEscaped: text.isEscaped)
      LabelEscaping.append(value, to: &out)
    }
  }

  /// The same for a text from the configuration, which is no JSON.
  public mutating func append(configured text: String, whenEmpty reserved: StaticString, to out: inout LabelBuffer) {
    guard !text.isEmpty else { return out.append(literal: reserved) }
    let bytes = Array(text.utf8)
    // SAFETY: the array outlives the closure.
    unsafe bytes.withUnsafeBufferPointer { unsafe sanitise($0, isEscaped: false) }
    LabelEscaping.append(value, to: &out)
  }

  /// Appends what a part of a text says, as UTF-8: escapes undone, ill-formed UTF-8 repaired, nothing escaped and nothing cut.
  public static func appendContent(of text: borrowing Text, part: Range<Int>, to out: inout [UInt8]) {
    // SAFETY: `text` lends its bytes for this call; the range is checked by the slice.
    var reader = unsafe ScalarReader(UnsafeBufferPointer(rebasing: text.raw[part]), isEscaped: text.isEscaped)
    while let value = reader.next() {
      guard let scalar = Unicode.Scalar(value) else { continue }
      out.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }
  }

  /// Whether a text is its own label value, escaped: visible ASCII, short, and nothing that needs a backslash.
  private static func isPlain(_ raw: UnsafeBufferPointer<UInt8>) -> Bool {
    guard raw.count <= bytesLimit, unsafe raw[0] != UInt8(ascii: "(") else { return false }
    var at = 0
    while at + 8 <= raw.count {
      // SAFETY: eight bytes from `at` are within `raw`.
      let word = unsafe UnsafeRawPointer(raw.baseAddress.unsafelyUnwrapped).loadUnaligned(
        fromByteOffset: at, as: UInt64.self)
      if hasSpecial(word) { return false }
      at += 8
    }
    while at < raw.count {
      if unsafe hasSpecial(every * 0x61 ^ UInt64(raw[at] ^ 0x61)) { return false }
      at += 1
    }
    return true
  }

  private static let every: UInt64 = 0x0101_0101_0101_0101

  /// Whether one of eight bytes is a control, a quote, a backslash, DEL or not ASCII.
  @inline(__always)
  private static func hasSpecial(_ word: UInt64) -> Bool {
    func hasZero(_ x: UInt64) -> UInt64 { (x &- every) & ~x }
    let quote = hasZero(word ^ every &* 0x22)
    let backslash = hasZero(word ^ every &* 0x5c)
    let delete = hasZero(word ^ every &* 0x7f)
    let control = (word &- every &* 0x20) & ~word
    return (quote | backslash | delete | control | word) & (every &* 0x80) != 0
  }

  /// Fills `value`. Never holds more than the limit, however long the text is.
  private mutating func sanitise(_ raw: UnsafeBufferPointer<UInt8>, isEscaped: Bool) {
    value.removeAll(keepingCapacity: true)
    keptCount = 0
    hash = SipStream(key: key)
    var reader = unsafe ScalarReader(raw, isEscaped: isEscaped)
    var total = 0
    var isFirst = true
    while let scalar = reader.next() {
      if isFirst, scalar == 0x28 || scalar == 0x5c { emit(0x5c, &total) }
      isFirst = false
      write(scalar, &total)
      if total <= Self.keptBytes { keptCount = total }
    }
    guard total > Self.bytesLimit else { return }
    value.removeLast(value.count - keptCount)
    value.append(contentsOf: [0xe2, 0x80, 0xa6])
    let digest = hash.finish()
    for shift in stride(from: 28, through: 0, by: -4) {
      value.append(Self.hexDigit(UInt32(truncatingIfNeeded: digest) >> UInt32(shift)))
    }
  }

  private mutating func write(_ scalar: UInt32, _ total: inout Int) {
    if Invisible.contains(scalar) {
      emit(0x5c, &total)
      emit(scalar > 0xffff ? UInt8(ascii: "U") : UInt8(ascii: "u"), &total)
      for shift in stride(from: scalar > 0xffff ? 28 : 12, through: 0, by: -4) {
        emit(Self.hexDigit(scalar >> UInt32(shift)), &total)
      }
    } else if scalar < 0x80 {
      emit(UInt8(truncatingIfNeeded: scalar), &total)
    } else {
      let length = scalar < 0x800 ? 2 : scalar < 0x10000 ? 3 : 4
      let lead: UInt32 = length == 2 ? 0xc0 : length == 3 ? 0xe0 : 0xf0
      emit(UInt8(truncatingIfNeeded: lead | scalar >> UInt32(6 * (length - 1))), &total)
      for i in stride(from: length - 2, through: 0, by: -1) {
        emit(UInt8(truncatingIfNeeded: 0x80 | scalar >> UInt32(6 * i) & 0x3f), &total)
      }
    }
  }

  private mutating func emit(_ byte: UInt8, _ total: inout Int) {
    hash.append(byte)
    total += 1
    if value.count < Self.bytesLimit { value.append(byte) }
  }

  private static func hexDigit(_ nibble: UInt32) -> UInt8 {
    let digit = UInt8(truncatingIfNeeded: nibble & 15)
    return digit < 10 ? 0x30 + digit : 0x57 + digit
  }
}
