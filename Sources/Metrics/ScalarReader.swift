/// Reads the Unicode scalars of a JSON string's raw bytes: escapes undone, ill-formed UTF-8 and lone surrogates
/// replaced by U+FFFD (one for each maximal part that could have begun a character, as the Unicode Standard recommends
/// in 3.9).
@safe struct ScalarReader {
  // SAFETY: borrowed for the reader's life; every access is
  // checked against `count`.
  private let raw: UnsafeBufferPointer<UInt8>
  private let count: Int
  private let isEscaped: Bool
  private var at = 0

  static let replacement: UInt32 = 0xfffd

  @unsafe init(_ raw: UnsafeBufferPointer<UInt8>, isEscaped: Bool) {
    unsafe self.raw = raw
    count = raw.count
    self.isEscaped = isEscaped
  }

  /// The next scalar; nil at the end.
  mutating func next() -> UInt32? {
    guard at < count else { return nil }
    let byte = unsafe raw[at]
    if byte < 0x80 {
      at += 1
      return isEscaped && byte == UInt8(ascii: "\\") ? escape() : UInt32(byte)
    }
    return multibyte(byte)
  }

  private func peek(_ offset: Int) -> UInt8? {
    at + offset < count ? unsafe raw[at + offset] : nil
  }

  /// What stands behind a backslash. JSON allows nothing else; a decoder that let it pass gets the backslash itself.
  private mutating func escape() -> UInt32 {
    guard let kind = peek(0) else { return 0x5c }
    switch kind {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
      at += 1
      return UInt32(kind)
    case UInt8(ascii: "b"): return simple(0x08)
    case UInt8(ascii: "f"): return simple(0x0c)
    case UInt8(ascii: "n"): return simple(0x0a)
    case UInt8(ascii: "r"): return simple(0x0d)
    case UInt8(ascii: "t"): return simple(0x09)
    case UInt8(ascii: "u"): return codeUnits() ?? 0x5c
    default: return 0x5c
    }
  }

  private mutating func simple(_ scalar: UInt32) -> UInt32 {
    at += 1
    return scalar
  }

  /// `uXXXX`, and the low surrogate that follows a high one.
  private mutating func codeUnits() -> UInt32? {
    guard let unit = fourDigits(at + 1) else { return nil }
    at += 5
    guard unit & 0xf800 == 0xd800 else { return unit }
    guard unit < 0xdc00, peek(0) == UInt8(ascii: "\\"), peek(1) == UInt8(ascii: "u"), let low = fourDigits(at + 2),
      low & 0xfc00 == 0xdc00
    else { return Self.replacement }
    at += 6
    return 0x10000 + (unit & 0x3ff) << 10 + (low & 0x3ff)
  }

  private func fourDigits(_ start: Int) -> UInt32? {
    guard start + 4 <= count else { return nil }
    var value: UInt32 = 0
    for i in start..<start + 4 {
      let byte = unsafe raw[i]
      switch byte {
      case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
      case 0x41...0x46: value = value << 4 | UInt32(byte - 0x37)
      case 0x61...0x66: value = value << 4 | UInt32(byte - 0x57)
      default: return nil
      }
    }
    return value
  }

  /// The scalar that begins with a byte of 0x80 and more (Unicode Standard, table 3-7).
  private mutating func multibyte(_ lead: UInt8) -> UInt32 {
    at += 1
    let trailing: Int
    var lower: UInt8 = 0x80
    var upper: UInt8 = 0xbf
    switch lead {
    case 0xc2...0xdf: trailing = 1
    case 0xe0...0xef:
      trailing = 2
      if lead == 0xe0 { lower = 0xa0 }
      if lead == 0xed { upper = 0x9f }
    case 0xf0...0xf4:
      trailing = 3
      if lead == 0xf0 { lower = 0x90 }
      if lead == 0xf4 { upper = 0x8f }
    default: return Self.replacement
    }
    var scalar = UInt32(lead) & (0x3f >> UInt32(trailing))
    for _ in 0..<trailing {
      guard let byte = peek(0), byte >= lower, byte <= upper else { return Self.replacement }
      scalar = scalar << 6 | UInt32(byte & 0x3f)
      (lower, upper) = (0x80, 0xbf)
      at += 1
    }
    return scalar
  }
}
