/// Whether the head of a request is written in the one way that every reader takes alike.
///
/// libmicrohttpd before 1.0 forgives: it takes LF alone for the end of a line, joins folded lines, takes a name with a blank
/// behind it for another name, and ends a value at a zero byte. Somebody else who reads the same bytes, a proxy say, may see
/// other headers in them, and cut the connection into requests at other places. So such a head is refused, whatever it says.
///
/// - Source: RFC 9112, sections 2.2, 3, 5.1 and 5.2; RFC 9110, sections 5.5 and 5.6.2.
enum HeadForm {
  /// - Parameters:
  ///   - head: from the method to the end of the empty line, as the library leaves it in its memory: the blanks of the first
  ///     line, the first colon of each further line, each CR before an LF and each LF are zeros, and so may be signs of the
  ///     query.
  ///   - targetCount: how long the target was before the library took it apart.
  static func isPlain(_ head: [UInt8], targetCount: Int) -> Bool {
    let method = head.prefix { isTokenByte($0) }.count
    guard targetCount > 0, method > 0, method + 1 + targetCount < head.count, head[method] == 0 else { return false }
    var rest = head[(method + 1 + targetCount)...]
    guard takeZeros(1, of: &rest), rest.starts(with: "HTTP/1.".utf8) else { return false }
    rest = rest.dropFirst(8)
    guard takeZeros(2, of: &rest) else { return false }
    while let first = rest.first, first != 0 {
      rest = rest.drop { isTokenByte($0) }
      guard takeZeros(1, of: &rest) else { return false }
      rest = rest.drop { isValueByte($0) }
      guard takeZeros(2, of: &rest) else { return false }
    }
    return takeZeros(2, of: &rest) && rest.isEmpty
  }

  /// Whether a target holds nothing that ends or bends a line.
  static func isPlainTarget(_ target: some Collection<UInt8>) -> Bool {
    target.allSatisfy { $0 > 0x20 && $0 != 0x7F }
  }

  /// The path of a target without its query: itself, or what follows the authority in the absolute form, which every
  /// server has to take. The authority is not looked at, like `Host`: there is one site here.
  static func path(of target: String) -> String {
    for scheme in ["http://", "https://"] where target.lowercased().hasPrefix(scheme) {
      let path = target.dropFirst(scheme.count).drop { $0 != "/" }
      return path.isEmpty ? "/" : String(path)
    }
    return target
  }

  private static func takeZeros(_ count: Int, of rest: inout ArraySlice<UInt8>) -> Bool {
    guard rest.count >= count, rest.prefix(count).allSatisfy({ $0 == 0 }) else { return false }
    rest = rest.dropFirst(count)
    return true
  }

  /// A byte of a method or of a header's name.
  private static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }

  /// A byte of a header's value: no control but the tab.
  private static func isValueByte(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7F || byte == 0x09 }
}
