/// The escapes of label values in both exposition formats: backslash, quote and line feed.
/// - Source: Prometheus text format 0.0.4; OpenMetrics 1.0, "ABNF".
enum LabelEscaping {
  /// Appends `value`, escaped.
  static func append(_ value: some Sequence<UInt8>, to out: inout [UInt8]) {
    for byte in value {
      switch byte {
      case UInt8(ascii: "\\"), UInt8(ascii: "\""):
        out.append(UInt8(ascii: "\\"))
        out.append(byte)
      case UInt8(ascii: "\n"):
        out.append(UInt8(ascii: "\\"))
        out.append(UInt8(ascii: "n"))
      default: out.append(byte)
      }
    }
  }

  /// The same into a buffer.
  static func append(_ value: [UInt8], to out: inout LabelBuffer) {
    for byte in value {
      if byte == UInt8(ascii: "\n") {
        out.append(literal: "\\n")
      } else {
        if byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "\"") { out.append(UInt8(ascii: "\\")) }
        out.append(byte)
      }
    }
  }
}

/// Rendered labels, read again.
public enum LabelText {
  /// `name="value"`, escaped.
  public static func text(_ name: String, _ value: String) -> [UInt8] {
    var text = Array("\(name)=\"".utf8)
    LabelEscaping.append(value.utf8, to: &text)
    text.append(UInt8(ascii: "\""))
    return text
  }

  /// Takes `name="value",…` apart and undoes the escapes. Reads only what this project has written.
  public static func split(_ text: [UInt8]) -> [(name: String, value: String)] {
    var labels: [(name: String, value: String)] = []
    var at = 0
    while at < text.count, let equals = text[at...].firstIndex(of: UInt8(ascii: "=")) {
      let name = String(decoding: text[at..<equals], as: UTF8.self)
      var value: [UInt8] = []
      at = equals + 2
      while at < text.count, text[at] != UInt8(ascii: "\"") {
        if text[at] == UInt8(ascii: "\\"), at + 1 < text.count {
          at += 1
          value.append(text[at] == UInt8(ascii: "n") ? UInt8(ascii: "\n") : text[at])
        } else {
          value.append(text[at])
        }
        at += 1
      }
      at += 2
      labels.append((name, String(decoding: value, as: UTF8.self)))
    }
    return labels
  }
}
