internal import Diagnostics

/// Where an item, a key or a value begins.
struct ItemPlace: Sendable, Equatable {
  let file: Int
  let line: Int
  let column: Int
}

/// Whether a later item takes the place of an earlier one's part, or goes behind it.
enum Override: String, Sendable { case append, replace }

/// One item of a rules file, as it is written: nothing is looked up yet.
enum RuleItem: Sendable {
  case engineVersion(EngineVersion, ItemPlace)
  case plugins([PluginRequirement])
  case list(ListItem)
  case macro(MacroItem)
  case rule(RuleDefinition)
}

struct ListItem: Sendable {
  let name: String
  let place: ItemPlace
  var items: [String]
  var override: Override?
}

struct MacroItem: Sendable {
  let name: String
  let place: ItemPlace
  var condition: PlacedText
  var override: Override?
}

/// Keys that are not there are nil.
struct RuleDefinition: Sendable {
  let name: String
  let place: ItemPlace
  var condition: PlacedText?
  var output: Value<String>?
  var description: String?
  var priority: Priority?
  var source: String?
  var isEnabled: Bool?
  var tags: [String]?
  var exceptions: [RuleException]?
  var skipsUnknownFields: Bool?
  /// The keys of a windowed rule.
  var window: WindowDefinition?
  /// Part of an earlier rule: which key does what. Nil for a rule of its own.
  var overrides: [String: Override]?

  /// A value and where it stands.
  struct Value<Wrapped: Sendable>: Sendable {
    var value: Wrapped
    var place: ItemPlace
  }
}

struct RuleException: Sendable {
  let name: String
  let place: ItemPlace
  var fields: ExceptionEntry?
  var comparisons: ExceptionEntry?
  var values: [ExceptionEntry]
  /// Where errors of the generated condition are told.
  var origin: PlacedText.Origin
}

/// A single value or a list of them.
enum ExceptionEntry: Sendable, Equatable {
  case one(String)
  case many([ExceptionEntry])

  var items: [ExceptionEntry] {
    switch self {
    case .one: [self]
    case .many(let items): items
    }
  }
  var text: String? { if case .one(let text) = self { text } else { nil } }
}

/// How urgent a match is, from 0, the worst.
public enum Priority: Int, Sendable, CaseIterable, Comparable {
  case emergency, alert, critical, error, warning, notice, informational, debug

  /// The word as metrics show it: whole and in lower case.
  public var label: String { String(describing: self) }

  /// The word of a rules file in any case; `info` means informational.
  public init?(_ word: String) {
    let lower = word.lowercased()
    guard let found = Self.allCases.first(where: { $0.label == (lower == "info" ? "informational" : lower) }) else {
      return nil
    }
    self = found
  }

  public static func < (a: Priority, b: Priority) -> Bool { a.rawValue < b.rawValue }
}

/// Three numbers; a version with more behind them, `1.2.3-rc1`, counts as the three.
struct EngineVersion: Sendable, Comparable, CustomStringConvertible {
  let major: Int
  let minor: Int
  let patch: Int

  /// The language as of this engine is read.
  static let supported = EngineVersion(major: 0, minor: 63, patch: 0)

  init(major: Int, minor: Int, patch: Int) {
    self.major = major
    self.minor = minor
    self.patch = patch
  }

  /// `0.26.0`.
  init?(_ text: String) {
    let core = text.prefix { $0 != "-" && $0 != "+" }
    let numbers = core.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
    guard numbers.count == 3, let major = numbers[0], let minor = numbers[1], let patch = numbers[2],
      min(major, minor, patch) >= 0
    else { return nil }
    self.init(major: major, minor: minor, patch: patch)
  }

  var description: String { "\(major).\(minor).\(patch)" }

  static func < (a: EngineVersion, b: EngineVersion) -> Bool {
    (a.major, a.minor, a.patch) < (b.major, b.minor, b.patch)
  }
}

/// A plugin that a file needs, and those that do as well.
struct PluginRequirement: Sendable {
  struct Version: Sendable {
    let name: String
    let version: EngineVersion
  }
  let place: ItemPlace
  let alternatives: [Version]

  /// The plugins whose fields are read here, as of these versions.
  static let known: [String: EngineVersion] = [
    "k8saudit": EngineVersion(major: 0, minor: 18, patch: 0), "json": EngineVersion(major: 0, minor: 7, patch: 4),
    "k8saudit-aks": EngineVersion(major: 0, minor: 6, patch: 0),
    "k8saudit-eks": EngineVersion(major: 0, minor: 12, patch: 0),
    "k8saudit-gke": EngineVersion(major: 0, minor: 9, patch: 0),
    "k8saudit-ovh": EngineVersion(major: 0, minor: 6, patch: 0),
  ]
}
