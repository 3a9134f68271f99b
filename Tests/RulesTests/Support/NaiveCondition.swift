import Glibc
import TestSupport

/// A condition as a tree, its text, and what it means: written down a second time, slowly, over a tree of JSON.
indirect enum NaiveCondition {
  case all([NaiveCondition])
  case any([NaiveCondition])
  case not(NaiveCondition)
  case exists(NaiveField)
  case compare(NaiveField, String, [String])
  case modified(NaiveField, String, String, [String])
  case number(NaiveField, String, Int)

  /// As a rules file has it.
  var text: String {
    switch self {
    case .all(let parts): "(" + parts.map(\.text).joined(separator: " and ") + ")"
    case .any(let parts): "(" + parts.map(\.text).joined(separator: " or ") + ")"
    case .not(let part): "not " + part.text
    case .exists(let field): field.text + " exists"
    case .compare(let field, let word, let values):
      ["in", "intersects", "pmatch"].contains(word)
        ? "\(field.text) \(word) (\(values.map(Self.quoted).joined(separator: ", ")))"
        : "\(field.text) \(word) \(Self.quoted(values[0]))"
    case .modified(let field, let word, let modifier, let values):
      "\(field.text) \(word) \(modifier) (\(values.map(Self.quoted).joined(separator: ",")))"
    case .number(let field, let word, let value): "len(\(field.text)) \(word) \(value)"
    }
  }

  private static func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }

  func matches(_ event: JSON) -> Bool {
    switch self {
    case .all(let parts): parts.allSatisfy { $0.matches(event) }
    case .any(let parts): parts.contains { $0.matches(event) }
    case .not(let part): !part.matches(event)
    case .exists(let field): !field.values(event).isEmpty
    case .compare(let field, let word, let values):
      Self.compare(field.values(event), word, values)
    case .modified(let field, let word, let modifier, let values):
      Self.modified(field.values(event), word, modifier, values)
    case .number(let field, let word, let value):
      Self.length(field, event).map { Self.order($0, word, value) } ?? false
    }
  }

  private static func compare(_ found: [String], _ word: String, _ values: [String]) -> Bool {
    guard let first = found.first else { return false }
    switch word {
    case "in": return found.allSatisfy { value in values.contains { same(value, $0) } }
    case "intersects": return found.contains { value in values.contains { same(value, $0) } }
    case "pmatch": return values.contains { isPrefix($0, of: first) }
    default: return one(first, word, values[0])
    }
  }

  private static func modified(_ found: [String], _ word: String, _ modifier: String, _ values: [String]) -> Bool {
    guard let first = found.first else { return false }
    let count = values.filter { one(first, word, $0) }.count
    return modifier == "anyof" ? count > 0 : modifier == "oneof" ? count == 1 : count == values.count
  }

  /// Texts are bytes: characters that look the same are not.
  private static func same(_ a: String, _ b: String) -> Bool { Array(a.utf8) == Array(b.utf8) }

  private static func one(_ value: String, _ word: String, _ other: String) -> Bool {
    let (a, b) = (Array(value.utf8), Array(other.utf8))
    switch word {
    case "=": return a == b
    case "!=": return a != b
    case "contains": return contains(a, b)
    case "icontains": return contains(a.map(lower), b.map(lower))
    case "startswith": return a.starts(with: b)
    case "endswith": return a.reversed().starts(with: b.reversed())
    case "glob": return unsafe fnmatch(other, value, 0) == 0
    case "iglob":
      let (pattern, text) = (
        String(decoding: b.map(lower), as: UTF8.self), String(decoding: a.map(lower), as: UTF8.self)
      )
      return unsafe fnmatch(pattern, text, 0) == 0
    case "regex": return expression(other, value)
    default: return false
    }
  }

  private static func lower(_ byte: UInt8) -> UInt8 { byte >= 65 && byte <= 90 ? byte + 32 : byte }

  private static func contains(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    (0...max(0, a.count - b.count)).contains { a.dropFirst($0).starts(with: b) }
  }

  private static func isPrefix(_ prefix: String, of path: String) -> Bool {
    let (wanted, parts) = (prefix.split(separator: "/"), path.split(separator: "/"))
    return wanted.count <= parts.count
      && zip(wanted, parts).allSatisfy { pattern, part in
        pattern.contains { "*?[".contains($0) }
          ? unsafe fnmatch(String(pattern), String(part), 0) == 0 : pattern == part
      }
  }

  private static func expression(_ pattern: String, _ text: String) -> Bool {
    var compiled = unsafe regex_t()
    guard unsafe regcomp(&compiled, "^(\(pattern))$", REG_EXTENDED | REG_NOSUB) == 0 else { return false }
    defer { unsafe regfree(&compiled) }
    // The C library reads bytes here, RE2 characters.
    let single = String(String.UnicodeScalarView(text.unicodeScalars.map { $0.isASCII ? $0 : "~" }))
    return unsafe regexec(&compiled, single, 0, nil, 0) == 0
  }

  private static func length(_ field: NaiveField, _ event: JSON) -> Int? {
    let values = field.values(event)
    guard let first = values.first else { return nil }
    return field.isList ? values.count : first.unicodeScalars.count
  }

  private static func order(_ a: Int, _ word: String, _ b: Int) -> Bool {
    switch word {
    case "<": a < b
    case "<=": a <= b
    case ">": a > b
    case ">=": a >= b
    case "!=": a != b
    default: a == b
    }
  }
}

/// A field and how it is read off a tree.
struct NaiveField {
  let text: String
  let isList: Bool
  let values: @Sendable (JSON) -> [String]

  static let all: [NaiveField] = [
    word("ka.verb", ["verb"]), word("ka.stage", ["stage"]), word("ka.user.name", ["user", "username"]),
    word("ka.target.resource", ["objectRef", "resource"]), word("ka.target.name", ["objectRef", "name"]),
    word("ka.target.namespace", ["objectRef", "namespace"]), word("ka.useragent", ["userAgent"]),
    word("ka.target.subresource", ["objectRef", "subresource"]), word("ka.uri", ["requestURI"]),
    NaiveField(text: "ka.response.code", isList: false) { event in
      at(event, ["responseStatus", "code"])?.int.map { [String($0)] } ?? []
    },
    text("ka.auth.reason", ["annotations", "authorization.k8s.io/reason"]),
    text("jevt.value[/requestObject/roleRef/name]", ["requestObject", "roleRef", "name"]),
    text("jevt.value[/requestObject/metadata/name]", ["requestObject", "metadata", "name"]),
    list("ka.user.groups", ["user", "groups"]), list("ka.sourceips", ["sourceIPs"]),
    NaiveField(text: "ka.req.role.rules.verbs", isList: true) { event in
      (at(event, ["requestObject", "rules"])?.array ?? []).flatMap { strings(at($0, ["verbs"])) }
    },
  ]

  private static func at(_ event: JSON, _ path: [String]) -> JSON? {
    var value: JSON? = event
    for name in path { value = value?[name] }
    return value
  }

  /// Values that are texts; the random events that these tests use have no others in these places.
  private static func strings(_ value: JSON?) -> [String] { (value?.array ?? []).compactMap(\.string) }

  private static func word(_ name: String, _ path: [String]) -> NaiveField {
    NaiveField(text: name, isList: false) { event in
      at(event, path)?.string.map { $0.isEmpty ? [] : [$0] } ?? []
    }
  }
  private static func text(_ name: String, _ path: [String]) -> NaiveField {
    NaiveField(text: name, isList: false) { event in at(event, path)?.string.map { [$0] } ?? [] }
  }
  private static func list(_ name: String, _ path: [String]) -> NaiveField {
    NaiveField(text: name, isList: true) { event in strings(at(event, path)) }
  }
}
