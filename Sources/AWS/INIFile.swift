/// The profiles of `~/.aws/config` or `~/.aws/credentials`.
///
/// - Shape: `[section]`, `key = value`, lines that begin with `#` or `;` are comments, and so is what follows white space
///   and one of them. Indented lines are parts of the value above, settings of settings, and nothing here needs them. Of
///   a section that comes twice all keys count, of a key that comes twice the last.
/// - Source: docs.aws.amazon.com/sdkref, "Shared config and credentials files".
struct INIFile: Sendable, Equatable {
  /// Where a file cannot be read as this.
  struct Malformed: Error, Equatable {
    /// From 1.
    let line: Int
    let what: String
  }

  /// Keys in lower case, by the section's name as it stands.
  private(set) var sections: [String: [String: String]] = [:]

  init() {}

  init(_ text: String) throws(Malformed) {
    var section: String?
    // Both ends of line: "\r\n" is one character of its own.
    let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    for (number, line) in zip(1..., lines) {
      let isIndented = line.first == " " || line.first == "\t"
      let content = Self.withoutComment(line)
      if content.isEmpty || isIndented && section != nil { continue }
      if content.first == "[" {
        guard content.last == "]" else { throw Malformed(line: number, what: "a section without `]`") }
        let name = Self.trimmed(content.dropFirst().dropLast())
        section = name
        sections[name, default: [:]] = sections[name] ?? [:]
        continue
      }
      guard let equals = content.firstIndex(of: "="), equals != content.startIndex else {
        throw Malformed(line: number, what: "neither a section nor `key = value`")
      }
      guard let section else { throw Malformed(line: number, what: "a key before the first section") }
      let key = Self.trimmed(content[..<equals]).lowercased()
      sections[section]?[key] = Self.trimmed(content[content.index(after: equals)...])
    }
  }

  private static func withoutComment(_ line: Substring) -> Substring {
    var isAfterSpace = true
    for at in line.indices {
      if isAfterSpace, line[at] == "#" || line[at] == ";" { return Substring(trimmed(line[..<at])) }
      isAfterSpace = line[at] == " " || line[at] == "\t"
    }
    return Substring(trimmed(line))
  }

  private static func trimmed(_ text: Substring) -> String {
    func isSpace(_ character: Character) -> Bool { character == " " || character == "\t" }
    return String(String(text.drop(while: isSpace).reversed().drop(while: isSpace)).reversed())
  }
}
