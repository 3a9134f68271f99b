/// Moves over the bytes of a condition, token by token, and keeps the place.
struct ConditionLexer {
  let text: PlacedText
  private(set) var at: Int

  init(_ text: PlacedText, at: Int = 0) {
    self.text = text
    self.at = at
  }

  private var bytes: [UInt8] { text.bytes }
  var isAtEnd: Bool { at >= text.bytes.count }
  var origin: PlacedText.Origin { text.origin(at: at) }

  private func byte(_ offset: Int) -> UInt8? { offset < text.bytes.count ? text.bytes[offset] : nil }

  // MARK: - Classes of bytes

  static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 9 || byte == 8 || byte == 0x0d || byte == 0x0a }
  static func isLetter(_ byte: UInt8) -> Bool { byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a }
  static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
  static func isWord(_ byte: UInt8) -> Bool { isLetter(byte) || isDigit(byte) || byte == UInt8(ascii: "_") }

  /// A byte of a value without quotes.
  static func isBare(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "="),
      UInt8(ascii: ","), 0x20, 9, 0x0a, 0x0b, 0x0c, 0x0d:
      return false
    default: return true
    }
  }

  /// A byte of an argument in brackets without quotes.
  static func isArgument(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "\""), UInt8(ascii: "'"), 0x20, 9, 0x0a, 0x0b, 0x0c, 0x0d:
      return false
    default: return true
    }
  }

  /// Whether a whole name can stand for a macro.
  static func isIdentifier(_ name: String) -> Bool {
    guard let first = name.utf8.first, isLetter(first) else { return false }
    return name.utf8.allSatisfy { isWord($0) }
  }

  // MARK: - Tokens

  /// Passes over blanks; whether there were any.
  @discardableResult mutating func blanks() -> Bool {
    let start = at
    while let next = byte(at), Self.isBlank(next) { at += 1 }
    return at > start
  }

  /// Takes `literal` if it stands here.
  mutating func take(_ literal: String) -> Bool {
    let end = at + literal.utf8.count
    guard end <= text.bytes.count, text.bytes[at..<end].elementsEqual(literal.utf8) else { return false }
    at = end
    return true
  }

  /// Takes a word of the language, behind which no other byte of a word may stand.
  mutating func takeWord(_ word: String) -> Bool {
    let utf8 = Array(word.utf8)
    guard at + utf8.count <= text.bytes.count, text.bytes[at..<at + utf8.count].elementsEqual(utf8) else {
      return false
    }
    if let next = byte(at + utf8.count), Self.isWord(next) || next == UInt8(ascii: ".") { return false }
    at += utf8.count
    return true
  }

  /// `not` and the blanks behind it.
  mutating func takeNot() -> Bool {
    let start = at
    guard take("not") else { return false }
    if blanks() { return true }
    at = start
    return false
  }

  mutating func identifier() -> String? {
    guard let first = byte(at), Self.isLetter(first) else { return nil }
    let start = at
    while let next = byte(at), Self.isWord(next) { at += 1 }
    return String(decoding: text.bytes[start..<at], as: UTF8.self)
  }

  /// Two identifiers or more with points between them.
  mutating func fieldName() -> String? {
    let start = at
    var end: Int?
    guard identifier() != nil else { return nil }
    while byte(at) == UInt8(ascii: ".") {
      at += 1
      guard identifier() != nil else { break }
      end = at
    }
    at = end ?? start
    return end.map { String(decoding: text.bytes[start..<$0], as: UTF8.self) }
  }

  /// The name of a transformer and its opening bracket.
  mutating func transformer() -> Transformer? {
    let start = at
    if let name = identifier(), let found = Transformer(rawValue: name), take("(") { return found }
    at = start
    return nil
  }

  mutating func bareValue() -> [UInt8]? { run(Self.isBare) }
  mutating func bareArgument() -> [UInt8]? { run(Self.isArgument) }

  private mutating func run(_ belongs: (UInt8) -> Bool) -> [UInt8]? {
    let start = at
    while let next = byte(at), belongs(next) { at += 1 }
    return at > start ? Array(text.bytes[start..<at]) : nil
  }

  /// A number: decimal, with a fraction and an exponent, or hexadecimal.
  mutating func number() -> [UInt8]? {
    let start = at
    if byte(at) == UInt8(ascii: "0"), let x = byte(at + 1), x | 0x20 == UInt8(ascii: "x") {
      at += 2
      if run({ Self.isDigit($0) || ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x66) }) != nil {
        return Array(text.bytes[start..<at])
      }
      at = start
    }
    if byte(at) == UInt8(ascii: "+") || byte(at) == UInt8(ascii: "-") { at += 1 }
    guard run(Self.isDigit) != nil else {
      at = start
      return nil
    }
    if byte(at) == UInt8(ascii: ".") {
      at += 1
      _ = run(Self.isDigit)
    }
    if let e = byte(at), e | 0x20 == UInt8(ascii: "e"), let sign = byte(at + 1),
      sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"), let digit = byte(at + 2), Self.isDigit(digit)
    {
      at += 2
      _ = run(Self.isDigit)
    }
    return Array(text.bytes[start..<at])
  }

  /// Whether quotes begin here.
  var isAtQuote: Bool { byte(at) == UInt8(ascii: "\"") || byte(at) == UInt8(ascii: "'") }

  /// A text in quotes, escapes undone.
  mutating func quotedValue() throws(ConditionFailure) -> [UInt8] {
    let start = at
    let quote = text.bytes[at]
    at += 1
    var value: [UInt8] = []
    while let next = byte(at) {
      at += 1
      if next == quote { return value }
      guard next == UInt8(ascii: "\\") else {
        value.append(next)
        continue
      }
      value.append(try escape(quote))
    }
    at = start
    throw failure("the quotes that open here are not closed", expected: "the closing quote")
  }

  private mutating func escape(_ quote: UInt8) throws(ConditionFailure) -> UInt8 {
    let letter = byte(at)
    at += 1
    switch letter {
    case UInt8(ascii: "b"): return 8
    case UInt8(ascii: "f"): return 12
    case UInt8(ascii: "n"): return 10
    case UInt8(ascii: "r"): return 13
    case UInt8(ascii: "t"): return 9
    // A backslash before a blank stands for itself, and takes the blank: old files rely on it.
    case UInt8(ascii: "\\"), UInt8(ascii: " "): return UInt8(ascii: "\\")
    case UInt8(ascii: "/"): return UInt8(ascii: "/")
    case quote: return quote
    default:
      at -= 2
      throw failure("this escape is not known", expected: #"one of \b \f \n \r \t \\ \/ and the quote itself"#)
    }
  }

  func failure(_ what: String, expected: String) -> ConditionFailure {
    ConditionFailure(what: what, expected: expected, origin: origin)
  }
}

/// Where a condition breaks the language, and what could have stood there.
struct ConditionFailure: Error {
  let what: String
  /// Empty when nothing particular was.
  let expected: String
  let origin: PlacedText.Origin
  /// It names a field that there is not: a rule may ask to be left out then.
  var isUnknownField = false
}
