internal import Diagnostics
internal import YAML

/// Reads the items of rules files: their shape, not their meaning. What is wrong is noted, and reading goes on.
struct ItemReader {
  var sources: SourceMap
  private(set) var failures: [Failure] = []
  private(set) var warnings: [RuleWarning] = []
  let file: Int
  private var fileName: String { sources.files[file].name }

  init(sources: SourceMap, file: Int) {
    self.sources = sources
    self.file = file
  }

  /// More failures than this help nobody.
  static let failureLimit = 50

  mutating func items(limits: RuleLimits) -> [RuleItem] {
    var yaml = YAMLDocument.Limits()
    yaml.bytes = limits.bytes
    let roots: [YAMLNode]
    do throws(Failures) {
      roots = try YAMLDocument.parseAll(sources.files[file].bytes, file: fileName, limits: yaml)
    } catch {
      failures += error.all
      return []
    }
    var items: [RuleItem] = []
    for root in roots where !root.isNull {
      guard case .sequence(let nodes) = root.value else {
        fail(root, "the document is \(root.kind)", "Write a list of lists, macros and rules")
        continue
      }
      // A dash with nothing behind it is a slip that files in the field have.
      for node in nodes where !node.isNull {
        if let item = item(node) { items.append(item) }
      }
    }
    return items
  }

  private mutating func item(_ node: YAMLNode) -> RuleItem? {
    guard case .mapping(let entries) = node.value else {
      fail(node, "an item is \(node.kind)", "Write '- rule: NAME' and its keys, or a list or macro")
      return nil
    }
    let keys = Dictionary(entries.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    if let entry = keys["required_engine_version"] { return engineVersion(entry) }
    if let entry = keys["required_plugin_versions"] { return plugins(entry) }
    if let entry = keys["list"] { return list(entry, keys) }
    if let entry = keys["macro"] { return macro(entry, keys) }
    if let entry = keys["rule"] { return rule(entry, keys) }
    warn(.unknownItem, node.line, node.column, "an item of an unknown kind is passed over")
    return nil
  }

  // MARK: - Items

  private mutating func engineVersion(_ entry: YAMLEntry) -> RuleItem? {
    guard let text = string(entry) else { return nil }
    let version = Int(text).flatMap { $0 >= 0 ? EngineVersion(major: 0, minor: $0, patch: 0) : nil }
    guard let version = version ?? EngineVersion(text) else {
      fail(entry.value, "\(quoted(text)) is no engine version", "Write a number, or three: 0.26.0")
      return nil
    }
    return .engineVersion(version, place(entry.value))
  }

  private mutating func plugins(_ entry: YAMLEntry) -> RuleItem? {
    guard case .sequence(let nodes) = entry.value.value else {
      fail(entry.value, "required_plugin_versions is \(entry.value.kind)", "Write a list of names and versions")
      return nil
    }
    var requirements: [PluginRequirement] = []
    for node in nodes {
      guard let first = plugin(node) else { continue }
      var alternatives = [first]
      if case .mapping(let entries) = node.value, let more = entries.first(where: { $0.key == "alternatives" }) {
        guard case .sequence(let others) = more.value.value else {
          fail(more.value, "alternatives is \(more.value.kind)", "Write a list of names and versions")
          continue
        }
        for other in others {
          guard let version = plugin(other) else { continue }
          if alternatives.contains(where: { $0.name == version.name }) {
            fail(other, "plugin \(quoted(version.name)) is named twice", "Keep one of the two")
          }
          alternatives.append(version)
        }
      }
      requirements.append(PluginRequirement(place: place(node), alternatives: alternatives))
    }
    return .plugins(requirements)
  }

  private mutating func plugin(_ node: YAMLNode) -> PluginRequirement.Version? {
    guard case .mapping(let entries) = node.value,
      let name = entries.first(where: { $0.key == "name" }).flatMap({ string($0) }),
      let text = entries.first(where: { $0.key == "version" }).flatMap({ string($0) })
    else {
      fail(node, "a required plugin has no name or no version", "Write name and version")
      return nil
    }
    guard let version = EngineVersion(text) else {
      fail(node, "\(quoted(text)) is no version", "Write three numbers: 0.7.0")
      return nil
    }
    return PluginRequirement.Version(name: name, version: version)
  }

  private mutating func list(_ entry: YAMLEntry, _ keys: [String: YAMLEntry]) -> RuleItem? {
    guard let name = name(entry) else { return nil }
    expect(keys, ["list", "items", "append", "override"])
    let override = wholeOverride(keys, key: "items")
    guard let items = keys["items"] else {
      fail(entry.value, "list \(quoted(name)) has no items", "Write items: [a, b]")
      return nil
    }
    guard let texts = strings(items) else { return nil }
    if name.contains(where: { "()\"'=, \t\r\n".contains($0) }) {
      warn(
        .invalidName, entry.value.line, entry.value.column, "list name \(quoted(name)) cannot be used in a condition")
    }
    return .list(ListItem(name: name, place: place(entry.value), items: texts, override: override))
  }

  private mutating func macro(_ entry: YAMLEntry, _ keys: [String: YAMLEntry]) -> RuleItem? {
    guard let name = name(entry) else { return nil }
    expect(keys, ["macro", "condition", "append", "override"])
    let override = wholeOverride(keys, key: "condition")
    guard let condition = keys["condition"] else {
      fail(entry.value, "macro \(quoted(name)) has no condition", "Write condition: …")
      return nil
    }
    guard let text = placed(condition) else { return nil }
    if !ConditionLexer.isIdentifier(name) {
      warn(
        .invalidName, entry.value.line, entry.value.column, "macro name \(quoted(name)) cannot be used in a condition")
    }
    return .macro(MacroItem(name: name, place: place(entry.value), condition: text, override: override))
  }

  /// What `append: true` or `override` says about the one key of a list or macro.
  private mutating func wholeOverride(_ keys: [String: YAMLEntry], key: String) -> Override? {
    let appends = isAppended(keys)
    guard let entry = keys["override"] else { return appends ? .append : nil }
    let overrides = overrides(entry, allowed: [key: [.append, .replace]], keys)
    return overrides[key]
  }

  /// The deprecated `append: true`.
  private mutating func isAppended(_ keys: [String: YAMLEntry]) -> Bool {
    guard let entry = keys["append"], let value = bool(entry), value else { return false }
    warn(.deprecated, entry.line, entry.column, "append: true is deprecated: write override: with append for each key")
    if keys["override"] != nil {
      fail(entry.value, "append and override stand in one item", "Keep override")
    }
    return true
  }

  private mutating func overrides(
    _ entry: YAMLEntry, allowed: [String: Set<Override>], _ keys: [String: YAMLEntry]
  ) -> [String: Override] {
    guard case .mapping(let entries) = entry.value.value else {
      fail(entry.value, "override is \(entry.value.kind)", "Write a key and append or replace for it")
      return [:]
    }
    var found: [String: Override] = [:]
    for member in entries {
      let word = string(member) ?? ""
      guard let kind = Override(rawValue: word), allowed[member.key]?.contains(kind) == true else {
        let known = allowed.keys.sorted().joined(separator: ", ")
        fail(member.value, "\(quoted(member.key)) cannot be overridden by \(quoted(word))", "Keys are \(known)")
        continue
      }
      if keys[member.key] == nil {
        fail(
          member.value, "\(member.key) is to be overridden and is not there", "Write \(member.key): … beside override")
      }
      found[member.key] = kind
    }
    return found
  }

  // MARK: - Rules

  static let ruleKeys: Set = [
    "rule", "condition", "output", "desc", "priority", "source", "enabled", "tags", "exceptions", "capture",
    "capture_duration", "warn_evttypes", "skip-if-unknown-filter", "override", "append",
  ]

  private static let ruleOverrides: [String: Set<Override>] = {
    var allowed: [String: Set<Override>] = [:]
    for key in ["condition", "output", "desc", "tags", "exceptions"] { allowed[key] = [.append, .replace] }
    for key in ["priority", "enabled", "capture", "capture_duration", "warn_evttypes", "skip-if-unknown-filter"] {
      allowed[key] = [.replace]
    }
    for key in windowKeys { allowed[key] = ["by", "distinct"].contains(key) ? [.append, .replace] : [.replace] }
    return allowed
  }()

  private mutating func rule(_ entry: YAMLEntry, _ keys: [String: YAMLEntry]) -> RuleItem? {
    guard let name = name(entry) else { return nil }
    expect(keys, Self.ruleKeys.union(Self.windowKeys))
    var rule = RuleDefinition(name: name, place: place(entry.value))
    rule.condition = keys["condition"].flatMap { placed($0) }
    rule.output = keys["output"].flatMap { output in
      string(output).map { .init(value: $0, place: place(output.value)) }
    }
    rule.description = keys["desc"].flatMap { string($0) }
    rule.priority = keys["priority"].flatMap { priority($0) }
    rule.source = keys["source"].flatMap { string($0) }
    rule.isEnabled = keys["enabled"].flatMap { bool($0) }
    rule.tags = keys["tags"].flatMap { strings($0) }
    rule.exceptions = keys["exceptions"].flatMap { exceptions($0) }
    rule.window = window(keys)
    rule.skipsUnknownFields = keys["skip-if-unknown-filter"].flatMap { bool($0) }
    for key in ["capture", "warn_evttypes"] { _ = keys[key].flatMap { bool($0) } }
    if isAppended(keys) {
      rule.overrides = ["condition": .append, "exceptions": .append].filter { keys[$0.key] != nil }
      if keys["condition"] == nil, keys["exceptions"] == nil {
        fail(entry.value, "rule \(quoted(name)) appends nothing", "Write a condition or exceptions")
      }
    } else if let entry = keys["override"] {
      rule.overrides = overrides(entry, allowed: Self.ruleOverrides, keys)
      for key in keys.keys.sorted() where Self.ruleOverrides[key] != nil && rule.overrides?[key] == nil {
        if let member = keys[key] {
          fail(member.value, "\(key) stands beside override, which does not name it", "Add \(key): append or replace")
        }
      }
    } else {
      checkWhole(entry, keys)
    }
    return .rule(rule)
  }

  /// A rule of its own has four keys; with none of them and `enabled` it switches an earlier one.
  private mutating func checkWhole(_ entry: YAMLEntry, _ keys: [String: YAMLEntry]) {
    let needed = ["condition", "output", "desc", "priority"]
    let missing = needed.filter { keys[$0] == nil }
    if missing.count == needed.count, let enabled = keys["enabled"] {
      warn(.deprecated, enabled.line, enabled.column, "enabled alone is deprecated: write override: {enabled: replace}")
    } else if !missing.isEmpty {
      fail(entry.value, "the rule has no \(missing.joined(separator: ", no "))", "Add it, or override an earlier rule")
    }
  }

  private mutating func priority(_ entry: YAMLEntry) -> Priority? {
    guard let text = string(entry) else { return nil }
    if let priority = Priority(text) { return priority }
    let known = Priority.allCases.map(\.label).joined(separator: ", ")
    fail(entry.value, "\(quoted(text)) is no priority", "Write one of \(known)")
    return nil
  }

  private mutating func exceptions(_ entry: YAMLEntry) -> [RuleException]? {
    guard case .sequence(let nodes) = entry.value.value else {
      if entry.value.isNull { return [] }
      fail(entry.value, "exceptions is \(entry.value.kind)", "Write a list of name, fields, comps and values")
      return nil
    }
    var found: [RuleException] = []
    for node in nodes {
      guard let exception = exception(node) else { continue }
      if found.contains(where: { $0.name == exception.name }) {
        warn(.duplicateException, node.line, node.column, "exception \(quoted(exception.name)) is there twice")
      }
      found.append(exception)
    }
    return found
  }

  private mutating func exception(_ node: YAMLNode) -> RuleException? {
    guard case .mapping(let entries) = node.value,
      let name = entries.first(where: { $0.key == "name" }).flatMap({ string($0) })
    else {
      fail(node, "an exception has no name", "Write - name: … with fields and values")
      return nil
    }
    let keys = Dictionary(entries.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    expect(keys, ["name", "fields", "comps", "values"])
    var values: [ExceptionEntry] = []
    if let entry = keys["values"], !entry.value.isNull {
      guard case .sequence(let nodes) = entry.value.value else {
        fail(entry.value, "values is \(entry.value.kind)", "Write a list")
        return nil
      }
      values = nodes.compactMap { self.entry($0, depth: 0) }
    }
    let text = sources.add(name, file: file, line: node.line, column: node.column)
    return RuleException(
      name: name, place: place(node), fields: keys["fields"].flatMap { entry($0.value, depth: 1) },
      comparisons: keys["comps"].flatMap { entry($0.value, depth: 1) }, values: values, origin: text.origin(at: 0))
  }

  /// A tuple's element may itself be a list.
  private mutating func entry(_ node: YAMLNode, depth: Int) -> ExceptionEntry? {
    switch node.value {
    case .scalar(let scalar): return .one(scalar.text)
    case .sequence(let nodes) where depth < 2: return .many(nodes.compactMap { entry($0, depth: depth + 1) })
    default:
      fail(node, "a value of an exception is \(node.kind)", "Write a single value or a list")
      return nil
    }
  }

  // MARK: - Values

  private mutating func name(_ entry: YAMLEntry) -> String? {
    guard let name = string(entry) else { return nil }
    guard !name.isEmpty else {
      fail(entry.value, "the \(entry.key) has no name", "Write \(entry.key): NAME")
      return nil
    }
    return name
  }

  mutating func string(_ entry: YAMLEntry) -> String? {
    if case .scalar(let scalar) = entry.value.value { return scalar.text }
    fail(entry.value, "\(entry.key) is \(entry.value.kind)", "Write a single value")
    return nil
  }

  private mutating func placed(_ entry: YAMLEntry) -> PlacedText? {
    guard let text = string(entry) else { return nil }
    return sources.add(text, file: file, line: entry.value.line, column: entry.value.column)
  }

  private mutating func bool(_ entry: YAMLEntry) -> Bool? {
    guard let text = string(entry) else { return nil }
    switch text.lowercased() {
    case "true", "yes", "on", "y": return true
    case "false", "no", "off", "n": return false
    default:
      fail(entry.value, "\(entry.key) is \(quoted(text))", "Write true or false")
      return nil
    }
  }

  private mutating func strings(_ entry: YAMLEntry) -> [String]? {
    if entry.value.isNull { return [] }
    guard case .sequence(let nodes) = entry.value.value else {
      fail(entry.value, "\(entry.key) is \(entry.value.kind)", "Write a list: [a, b]")
      return nil
    }
    return nodes.compactMap { node in
      if case .scalar(let scalar) = node.value { return scalar.text }
      fail(node, "an item of \(entry.key) is \(node.kind)", "Write a single value")
      return nil
    }
  }

  // MARK: - What is wrong

  private mutating func expect(_ keys: [String: YAMLEntry], _ known: Set<String>) {
    for (key, entry) in keys.sorted(by: { $0.value.line < $1.value.line }) where !known.contains(key) {
      warn(.unknownKey, entry.line, entry.column, "key \(quoted(key)) is not known and passed over")
    }
  }

  func place(_ node: YAMLNode) -> ItemPlace { ItemPlace(file: file, line: node.line, column: node.column) }

  mutating func fail(_ node: YAMLNode, _ what: String, _ remedy: String) {
    guard failures.count < Self.failureLimit else { return }
    failures.append(
      Failure(.rules, what, at: .text(file: fileName, line: node.line, column: node.column), remedy: remedy))
  }

  private mutating func warn(_ kind: RuleWarning.Kind, _ line: Int, _ column: Int, _ what: String) {
    guard warnings.count < RuleSet.warningLimit else { return }
    warnings.append(RuleWarning(kind: kind, what: what, place: .text(file: fileName, line: line, column: column)))
  }
}

/// A name of a file, made harmless and short, in quotes.
func quoted(_ text: String) -> String { "'" + SafeText.escaped(text, limitBytes: 80) + "'" }
