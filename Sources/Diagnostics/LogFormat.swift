/// How a log line is written.
public enum LogFormat: String, Sendable, CaseIterable {
  /// `ts=… level=info msg="input stopped" path=/var/log/audit.log`
  case logfmt
  /// `{"ts":"…","level":"info","msg":"input stopped","path":"/var/log/audit.log"}`
  case json

  /// One line, with its line feed. Keys are reduced to letters, digits and `._-/`; a value is cut after `valueBytesLimit`.
  func line(_ pairs: [(key: String, value: String)]) -> [UInt8] {
    var out: [UInt8] = []
    if self == .json { out.append(UInt8(ascii: "{")) }
    for (at, pair) in pairs.enumerated() {
      if at > 0 { out.append(UInt8(ascii: self == .json ? "," : " ")) }
      let value = Self.cut(pair.value)
      switch self {
      case .logfmt:
        out.append(contentsOf: Self.key(pair.key).utf8)
        out.append(UInt8(ascii: "="))
        out.append(contentsOf: (Self.isBare(value) ? value : Self.quoted(value)).utf8)
      case .json:
        out.append(contentsOf: (Self.quoted(Self.key(pair.key)) + ":" + Self.quoted(value)).utf8)
      }
    }
    if self == .json { out.append(UInt8(ascii: "}")) }
    out.append(UInt8(ascii: "\n"))
    return out
  }

  static let valueBytesLimit = 8192

  private static func cut(_ value: String) -> String {
    guard value.utf8.count > valueBytesLimit else { return value }
    var out = ""
    var bytes = 0
    for scalar in value.unicodeScalars {
      bytes += UTF8.width(scalar)
      if bytes > valueBytesLimit { break }
      out.unicodeScalars.append(scalar)
    }
    return out + "…"
  }

  private static func key(_ key: String) -> String {
    let kept = key.unicodeScalars.prefix(64).map { scalar -> Character in
      switch scalar {
      case "a"..."z", "A"..."Z", "0"..."9", ".", "_", "-", "/": Character(scalar)
      default: "_"
      }
    }
    return kept.isEmpty ? "_" : String(kept)
  }

  /// Whether a value needs no quotes in logfmt.
  private static func isBare(_ value: String) -> Bool {
    !value.isEmpty
      && value.unicodeScalars.allSatisfy {
        $0 != " " && $0 != "=" && $0 != "\"" && $0 != "\\" && $0 != "\u{FFFD}" && !SafeText.isUnsafe($0)
          && !$0.properties.isWhitespace
      }
  }

  /// A JSON string, quotes included; unsafe characters are escaped. A logfmt reader knows the same escapes.
  public static func quoted(_ value: String) -> String {
    var out = "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\r": out += "\\r"
      case "\t": out += "\\t"
      case _ where SafeText.isUnsafe(scalar):
        for unit in UTF16.encode(scalar) ?? .init() {
          let digits = String(unit, radix: 16)
          out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }
}
