/// A JSON value, read the plain way: for expectations in files, and as a second opinion on what is JSON.
indirect enum JSONTree: Equatable {
  case null
  case bool(Bool)
  case number(String)
  case string(String)
  case list([JSONTree])
  case object([String: JSONTree])

  subscript(key: String) -> JSONTree? {
    if case .object(let members) = self { return members[key] }
    return nil
  }
  var integer: Int? {
    if case .number(let text) = self { return Int(text) }
    return nil
  }
  var members: [String: JSONTree] {
    if case .object(let members) = self { return members }
    return [:]
  }
  var elements: [JSONTree] {
    if case .list(let elements) = self { return elements }
    return []
  }
  var text: String? {
    if case .string(let text) = self { return text }
    return nil
  }
  /// An object whose values are numbers.
  var numbers: [String: Int] { members.compactMapValues(\.integer) }

  /// The value that `bytes` are; nil when they are no JSON.
  static func parse(_ bytes: [UInt8]) -> JSONTree? {
    var parser = Parser(bytes: bytes)
    guard let value = parser.value() else { return nil }
    parser.passWhiteSpace()
    return parser.at == bytes.count ? value : nil
  }

  private struct Parser {
    let bytes: [UInt8]
    var at = 0

    mutating func passWhiteSpace() {
      while at < bytes.count, [0x20, 0x0a, 0x0d, 0x09].contains(bytes[at]) { at += 1 }
    }

    mutating func take(_ byte: UInt8) -> Bool {
      passWhiteSpace()
      guard at < bytes.count, bytes[at] == byte else { return false }
      at += 1
      return true
    }

    mutating func take(word: String) -> Bool {
      guard bytes[at...].starts(with: word.utf8) else { return false }
      at += word.utf8.count
      return true
    }

    mutating func value() -> JSONTree? {
      passWhiteSpace()
      guard at < bytes.count else { return nil }
      switch bytes[at] {
      case UInt8(ascii: "{"): return object()
      case UInt8(ascii: "["): return list()
      case UInt8(ascii: "\""): return string().map { .string($0) }
      case UInt8(ascii: "t"): return take(word: "true") ? .bool(true) : nil
      case UInt8(ascii: "f"): return take(word: "false") ? .bool(false) : nil
      case UInt8(ascii: "n"): return take(word: "null") ? .null : nil
      default: return number()
      }
    }

    private mutating func number() -> JSONTree? {
      let start = at
      while at < bytes.count, "+-.0123456789eE".utf8.contains(bytes[at]) { at += 1 }
      let text = String(decoding: bytes[start..<at], as: UTF8.self)
      return text.wholeMatch(of: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/) == nil ? nil : .number(text)
    }

    private mutating func list() -> JSONTree? {
      at += 1
      var out: [JSONTree] = []
      if take(UInt8(ascii: "]")) { return .list(out) }
      repeat {
        guard let element = value() else { return nil }
        out.append(element)
      } while take(UInt8(ascii: ","))
      return take(UInt8(ascii: "]")) ? .list(out) : nil
    }

    private mutating func object() -> JSONTree? {
      at += 1
      var out: [String: JSONTree] = [:]
      if take(UInt8(ascii: "}")) { return .object(out) }
      repeat {
        passWhiteSpace()
        guard at < bytes.count, bytes[at] == UInt8(ascii: "\""), let key = string(), take(UInt8(ascii: ":")),
          let member = value()
        else { return nil }
        out[key] = member
      } while take(UInt8(ascii: ","))
      return take(UInt8(ascii: "}")) ? .object(out) : nil
    }

    private mutating func string() -> String? {
      at += 1
      var units: [UInt16] = []
      var plain: [UInt8] = []
      func flush(_ units: inout [UInt16], _ plain: inout [UInt8]) {
        units += Array(String(decoding: plain, as: UTF8.self).utf16)
        plain = []
      }
      while at < bytes.count {
        let byte = bytes[at]
        at += 1
        if byte == UInt8(ascii: "\"") {
          flush(&units, &plain)
          return String(decoding: units, as: UTF16.self)
        }
        guard byte == UInt8(ascii: "\\") else {
          plain.append(byte)
          continue
        }
        flush(&units, &plain)
        guard at < bytes.count else { return nil }
        let kind = bytes[at]
        at += 1
        switch kind {
        case UInt8(ascii: "u"):
          guard at + 4 <= bytes.count else { return nil }
          let digits = String(decoding: bytes[at..<at + 4], as: UTF8.self)
          guard digits.allSatisfy(\.isHexDigit), let unit = UInt16(digits, radix: 16) else { return nil }
          units.append(unit)
          at += 4
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): units.append(UInt16(kind))
        case UInt8(ascii: "b"): units.append(8)
        case UInt8(ascii: "f"): units.append(12)
        case UInt8(ascii: "n"): units.append(10)
        case UInt8(ascii: "r"): units.append(13)
        case UInt8(ascii: "t"): units.append(9)
        default: return nil
        }
      }
      return nil
    }
  }
}
