/// The texts of elements in an XML answer of STS or EC2, by their path. Small: no attributes, no namespaces, no entities of
/// its own.
///
/// - Shape: `["AssumeRoleResponse/AssumeRoleResult/Credentials/AccessKeyId": "AKIA…"]`; of a path that comes twice the
///   first one, and from `texts` all of them.
/// - Limit: elements nest at most `depthLimit` deep.
/// - Errors: nil when the text is no such XML, or ends before it is whole.
enum XMLText {
  static let depthLimit = 32

  static func elements(_ bytes: [UInt8]) -> [String: String]? {
    all(bytes)?.reduce(into: [:]) { found, element in
      if found[element.path] == nil { found[element.path] = element.text }
    }
  }

  /// The texts of all elements with this path, in their order.
  static func texts(_ bytes: [UInt8], at path: String) -> [String]? {
    all(bytes)?.filter { $0.path == path }.map(\.text)
  }

  private static func all(_ bytes: [UInt8]) -> [(path: String, text: String)]? {
    guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
    var found: [(path: String, text: String)] = []
    var path: [Substring] = []
    var rest = Substring(text)
    var content = Substring()
    while let open = rest.firstIndex(of: "<") {
      content = rest[..<open]
      guard let close = rest[open...].firstIndex(of: ">") else { return nil }
      let tag = rest[rest.index(after: open)..<close]
      rest = rest[rest.index(after: close)...]
      if tag.first == "?" || tag.first == "!" { continue }
      let name = tag.drop { $0 == "/" }.prefix { !$0.isWhitespace && $0 != "/" }
      if name.isEmpty { return nil }
      if tag.first == "/" {
        guard path.last == name, let value = unescaped(content) else { return nil }
        found.append((path.joined(separator: "/"), value))
        path.removeLast()
      } else if tag.last != "/" {
        guard path.count < depthLimit else { return nil }
        path.append(name)
      }
    }
    return path.isEmpty && !found.isEmpty ? found : nil
  }

  private static func unescaped(_ text: Substring) -> String? {
    guard text.contains("&") else { return String(text) }
    var out = ""
    var rest = text
    while let mark = rest.firstIndex(of: "&") {
      guard let end = rest[mark...].firstIndex(of: ";") else { return nil }
      out += rest[..<mark]
      switch rest[rest.index(after: mark)..<end] {
      case "amp": out += "&"
      case "lt": out += "<"
      case "gt": out += ">"
      case "quot": out += "\""
      case "apos": out += "'"
      case let name where name.hasPrefix("#"):
        let number = name.dropFirst()
        let code = number.first == "x" ? UInt32(number.dropFirst(), radix: 16) : UInt32(number)
        guard let scalar = code.flatMap({ Unicode.Scalar($0) }) else { return nil }
        out.unicodeScalars.append(scalar)
      default: return nil
      }
      rest = rest[rest.index(after: end)...]
    }
    return out + rest
  }
}
