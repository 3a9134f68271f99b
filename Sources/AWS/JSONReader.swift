/// Walks a JSON document of an AWS service, strictly: what is not RFC 8259 is an error, and so is what comes after it.
///
/// The decoder of audit events has readers of its own, which walk borrowed, padded memory; answers of services are few and
/// small, and this one stays within what the compiler proves.
/// - Limit: objects and arrays nest at most `depthLimit` deep.
struct JSONReader: ~Copyable {
  /// Where it is no JSON, or not the JSON that was asked for.
  struct Malformed: Error, Equatable { let offset: Int }

  static let depthLimit = 64
  private let bytes: [UInt8]
  private var at = 0
  private var depth = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Reads the whole document with `body`, which must take one value.
  static func read<R>(_ bytes: [UInt8], _ body: (inout JSONReader) throws(Malformed) -> R) throws(Malformed) -> R {
    var reader = JSONReader(bytes)
    let result = try body(&reader)
    reader.passSpace()
    guard reader.at == bytes.count else { throw Malformed(offset: reader.at) }
    return result
  }

  /// Where the next value begins.
  var position: Int {
    mutating get {
      passSpace()
      return at
    }
  }

  /// Takes an object: `body` is called with each key, and must take or skip its value.
  mutating func object(_ body: (String, inout JSONReader) throws(Malformed) -> Void) throws(Malformed) {
    try open("{")
    if !takes("}") {
      repeat {
        passSpace()
        let key = try string()
        try expect(":")
        try body(key, &self)
      } while takes(",")
      try expect("}")
    }
    depth -= 1
  }

  /// Takes an array: `body` is called before each element, and must take or skip it.
  mutating func array(_ body: (inout JSONReader) throws(Malformed) -> Void) throws(Malformed) {
    try open("[")
    if !takes("]") {
      repeat { try body(&self) } while takes(",")
      try expect("]")
    }
    depth -= 1
  }

  /// Takes a string, or `null` as nil.
  mutating func optionalString() throws(Malformed) -> String? { try takesNull() ? nil : string() }

  /// Takes `null` if that comes next. Answers whether it did.
  mutating func takesNull() throws(Malformed) -> Bool {
    passSpace()
    guard peek == UInt8(ascii: "n") else { return false }
    try word("null")
    return true
  }

  /// Takes a string.
  mutating func string() throws(Malformed) -> String {
    passSpace()
    guard peek == UInt8(ascii: "\"") else { throw Malformed(offset: at) }
    at += 1
    let start = at
    while let byte = peek, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { at += 1 }
    var content = Array(bytes[start..<at])
    while let byte = peek, byte != UInt8(ascii: "\"") {
      guard byte >= 0x20 else { throw Malformed(offset: at) }
      at += 1
      if byte == UInt8(ascii: "\\") { try escape(into: &content) } else { content.append(byte) }
    }
    guard peek != nil, let text = String(validating: content, as: UTF8.self) else { throw Malformed(offset: at) }
    at += 1
    return text
  }

  /// Takes a number. Fractions of those that have some are cut off.
  mutating func integer() throws(Malformed) -> Int64 {
    passSpace()
    let range = try number()
    let text = String(decoding: bytes[range], as: UTF8.self)
    if let value = Int64(text) { return value }
    guard let value = Double(text), let whole = Int64(exactly: value.rounded(.towardZero)) else {
      throw Malformed(offset: range.lowerBound)
    }
    return whole
  }

  /// Takes `true` or `false`.
  mutating func bool() throws(Malformed) -> Bool {
    passSpace()
    let isTrue = peek == UInt8(ascii: "t")
    try word(isTrue ? "true" : "false")
    return isTrue
  }

  /// Passes over a value of any kind. Answers where it stands.
  @discardableResult
  mutating func skip() throws(Malformed) -> Range<Int> {
    passSpace()
    let start = at
    switch peek {
    case UInt8(ascii: "{"): try object { (_, reader) throws(Malformed) in try reader.skip() }
    case UInt8(ascii: "["): try array { (reader) throws(Malformed) in try reader.skip() }
    case UInt8(ascii: "\""): _ = try string()
    case UInt8(ascii: "t"): try word("true")
    case UInt8(ascii: "f"): try word("false")
    case UInt8(ascii: "n"): try word("null")
    default: _ = try number()
    }
    return start..<at
  }

  private var peek: UInt8? { at < bytes.count ? bytes[at] : nil }

  private mutating func passSpace() {
    while let byte = peek, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { at += 1 }
  }

  private mutating func takes(_ character: Unicode.Scalar) -> Bool {
    passSpace()
    guard peek == UInt8(ascii: character) else { return false }
    at += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(Malformed) {
    guard takes(character) else { throw Malformed(offset: at) }
  }

  private mutating func open(_ bracket: Unicode.Scalar) throws(Malformed) {
    guard depth < Self.depthLimit else { throw Malformed(offset: at) }
    try expect(bracket)
    depth += 1
  }

  private mutating func word(_ word: String) throws(Malformed) {
    guard bytes[at...].starts(with: word.utf8) else { throw Malformed(offset: at) }
    at += word.utf8.count
  }

  private mutating func number() throws(Malformed) -> Range<Int> {
    let start = at
    if peek == UInt8(ascii: "-") { at += 1 }
    let first = at
    try digits()
    guard bytes[first] != UInt8(ascii: "0") || at == first + 1 else { throw Malformed(offset: first) }
    if peek == UInt8(ascii: ".") {
      at += 1
      try digits()
    }
    if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
      at += 1
      if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { at += 1 }
      try digits()
    }
    return start..<at
  }

  private mutating func digits() throws(Malformed) {
    let start = at
    while let byte = peek, byte >= 0x30, byte <= 0x39 { at += 1 }
    if at == start { throw Malformed(offset: at) }
  }

  private mutating func escape(into content: inout [UInt8]) throws(Malformed) {
    guard let byte = peek else { throw Malformed(offset: at) }
    at += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "f"): content.append(0x0c)
    case UInt8(ascii: "n"): content.append(0x0a)
    case UInt8(ascii: "r"): content.append(0x0d)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "u"):
      var units = [try codeUnit()]
      if UTF16.isLeadSurrogate(units[0]), bytes[at...].starts(with: "\\u".utf8) {
        let mark = at
        at += 2
        let second = try codeUnit()
        // Half a pair becomes U+FFFD; what follows it is read by itself.
        if UTF16.isTrailSurrogate(second) { units.append(second) } else { at = mark }
      }
      content += String(decoding: units, as: UTF16.self).utf8
    default: throw Malformed(offset: at - 1)
    }
  }

  private mutating func codeUnit() throws(Malformed) -> UInt16 {
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw Malformed(offset: at)
      }
      unit = unit << 4 | UInt16(digit)
      at += 1
    }
    return unit
  }
}
