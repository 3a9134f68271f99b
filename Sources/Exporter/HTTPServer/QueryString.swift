/// The parameters of a request's query, as forms and links write them: `name=value&…`, `+` for a blank, percent signs undone.
///
/// - Source: URL Standard, "application/x-www-form-urlencoded parsing".
struct QueryString: Sendable, Equatable {
  /// In the order they came; text that is no UTF-8 is repaired.
  let parameters: [(name: String, value: String)]

  /// - Parameter text: without the question mark.
  init(_ text: some StringProtocol) {
    parameters = text.utf8.split(separator: UInt8(ascii: "&")).map { pair in
      let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
      return (Self.decoded(pair[..<equals]), Self.decoded(pair[equals...].dropFirst()))
    }
  }

  static func == (left: QueryString, right: QueryString) -> Bool {
    left.parameters.elementsEqual(right.parameters) { $0 == $1 }
  }

  /// A value as it has to be written in a link.
  static func encoded(_ value: String) -> String {
    var out = ""
    for byte in value.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        out.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        out += "%" + (digits.count == 1 ? "0" : "") + digits
      }
    }
    return out
  }

  private static func decoded(_ text: some Collection<UInt8>) -> String {
    var out: [UInt8] = []
    var rest = Array(text)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2,
        let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        out.append(code)
        rest = rest.dropFirst(2)
      } else {
        out.append(byte == UInt8(ascii: "+") ? 0x20 : byte)
      }
    }
    return String(decoding: out, as: UTF8.self)
  }
}
