/// A JSON value, read strictly (RFC 8259): for expected results and for what child processes print.
public enum JSON: Sendable, Equatable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSON])
  /// Of repeated keys the last one counts.
  case object([String: JSON])

  public struct Malformed: Error, Equatable {
    public let offset: Int
  }

  /// Reads one document; nothing but white space may follow it.
  public static func parse(_ bytes: some Collection<UInt8>) throws(Malformed) -> JSON {
    var reader = JSONReader(bytes: Array(bytes))
    let value = try reader.value(depth: 0)
    reader.skipSpace()
    guard reader.at == reader.bytes.count else { throw Malformed(offset: reader.at) }
    return value
  }

  public static func parse(_ text: String) throws(Malformed) -> JSON { try parse(Array(text.utf8)) }

  /// The member of an object; nil when there is none or this is no object.
  public subscript(_ key: String) -> JSON? { object?[key] }

  /// The element of an array; nil when there is none or this is no array.
  public subscript(_ index: Int) -> JSON? {
    guard let array, array.indices.contains(index) else { return nil }
    return array[index]
  }

  public var string: String? { if case .string(let value) = self { value } else { nil } }
  public var number: Double? { if case .number(let value) = self { value } else { nil } }
  public var int: Int? { number.flatMap { Int(exactly: $0) } }
  public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  public var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
  public var object: [String: JSON]? { if case .object(let value) = self { value } else { nil } }
}

private struct JSONReader {
  let bytes: [UInt8]
  var at = 0

  private static let depthLimit = 500

  mutating func skipSpace() {
    while at < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[at]) { at += 1 }
  }

  mutating func value(depth: Int) throws(JSON.Malformed) -> JSON {
    guard depth < Self.depthLimit else { throw JSON.Malformed(offset: at) }
    skipSpace()
    switch peek {
    case UInt8(ascii: "{"): return .object(try object(depth: depth))
    case UInt8(ascii: "["): return .array(try array(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return .number(try number())
    }
  }

  private var peek: UInt8? { at < bytes.count ? bytes[at] : nil }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard peek == UInt8(ascii: character) else { return false }
    at += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(JSON.Malformed) {
    guard take(character) else { throw JSON.Malformed(offset: at) }
  }

  private mutating func word(_ word: String, _ value: JSON) throws(JSON.Malformed) -> JSON {
    guard bytes[at...].starts(with: word.utf8) else { throw JSON.Malformed(offset: at) }
    at += word.utf8.count
    return value
  }

  private mutating func object(depth: Int) throws(JSON.Malformed) -> [String: JSON] {
    var members: [String: JSON] = [:]
    try expect("{")
    if take("}") { return members }
    repeat {
      skipSpace()
      let key = try string()
      try expect(":")
      members[key] = try value(depth: depth + 1)
    } while take(",")
    try expect("}")
    return members
  }

  private mutating func array(depth: Int) throws(JSON.Malformed) -> [JSON] {
    var elements: [JSON] = []
    try expect("[")
    if take("]") { return elements }
    repeat { elements.append(try value(depth: depth + 1)) } while take(",")
    try expect("]")
    return elements
  }

  private mutating func number() throws(JSON.Malformed) -> Double {
    let start = at
    while let byte = peek, "+-.eE0123456789".utf8.contains(byte) { at += 1 }
    let text = String(decoding: bytes[start..<at], as: UTF8.self)
    // What Double reads and JSON does not allow: a sign or a point first or last, a leading zero.
    let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
    let integer = digits.prefix { $0.isNumber }
    let pointed = digits.dropFirst(integer.count)
    guard !integer.isEmpty, integer == "0" || !integer.hasPrefix("0"), let value = Double(text),
      !pointed.hasPrefix(".") || pointed.dropFirst().first?.isNumber == true
    else { throw JSON.Malformed(offset: start) }
    return value
  }

  private mutating func string() throws(JSON.Malformed) -> String {
    guard peek == UInt8(ascii: "\"") else { throw JSON.Malformed(offset: at) }
    at += 1
    var content: [UInt8] = []
    while let byte = peek, byte != UInt8(ascii: "\"") {
      guard byte >= 0x20 else { throw JSON.Malformed(offset: at) }
      at += 1
      if byte == UInt8(ascii: "\\") { try escape(into: &content) } else { content.append(byte) }
    }
    guard peek != nil, let text = String(validating: content, as: UTF8.self) else { throw JSON.Malformed(offset: at) }
    at += 1
    return text
  }

  private mutating func escape(into content: inout [UInt8]) throws(JSON.Malformed) {
    guard let byte = peek else { throw JSON.Malformed(offset: at) }
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
        // A lone lead: what follows is read by itself, the lead becomes U+FFFD below.
        if UTF16.isTrailSurrogate(second) { units.append(second) } else { at = mark }
      }
      content += String(decoding: units, as: UTF16.self).utf8
    default: throw JSON.Malformed(offset: at - 1)
    }
  }

  private mutating func codeUnit() throws(JSON.Malformed) -> UInt16 {
    let digits = bytes[at...].prefix(4)
    guard digits.count == 4, !digits.contains(where: { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }),
      let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw JSON.Malformed(offset: at) }
    at += 4
    return unit
  }
}
