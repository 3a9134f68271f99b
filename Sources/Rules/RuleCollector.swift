internal import Diagnostics

/// Puts the items of all files together: what is defined, redefined, appended to and overridden.
///
/// A later item of a name takes the place of the earlier one, position included; from then on it sees what was defined up
/// to the later position.
struct RuleCollector {
  struct Entry<Item: Sendable>: Sendable {
    var item: Item
    /// Its position among all items: that of the first of its name.
    let index: Int
    /// What it sees: items with a smaller index.
    var visibility: Int
  }

  private(set) var lists = NamedEntries<ListItem>()
  private(set) var macros = NamedEntries<MacroItem>()
  private(set) var rules = NamedEntries<RuleDefinition>()
  private(set) var failures: [Failure] = []
  private(set) var warnings: [RuleWarning] = []
  private var position = 0
  private let sources: SourceMap

  static let source = "k8s_audit"
  private static let defaultSource = "syscall"

  init(sources: SourceMap) { self.sources = sources }

  mutating func add(_ item: RuleItem) {
    position += 1
    switch item {
    case .engineVersion(let version, let place):
      guard version > EngineVersion.supported else { return }
      fail(
        place, "the file needs engine \(version), and the language is read as of \(EngineVersion.supported)",
        "Use a file for an older engine, or a newer version of this program")
    case .plugins(let requirements): for requirement in requirements { check(requirement) }
    case .list(let list): add(list)
    case .macro(let macro): add(macro)
    case .rule(let rule): add(rule)
    }
  }

  private mutating func check(_ requirement: PluginRequirement) {
    let known = requirement.alternatives.filter { PluginRequirement.known[$0.name] != nil }
    guard let first = known.first else {
      let names = requirement.alternatives.map { quoted($0.name) }.joined(separator: " or ")
      return warn(
        .unknownPlugin, requirement.place, "plugin \(names) is not read here: rules of its source are skipped")
    }
    let isMet = known.contains { need in
      PluginRequirement.known[need.name].map { $0.major == need.version.major && $0 >= need.version } ?? false
    }
    if !isMet, let has = PluginRequirement.known[first.name] {
      fail(
        requirement.place, "the file needs \(first.name) \(first.version), and its fields are read as of \(has)",
        "Use a file for an older plugin, or a newer version of this program")
    }
  }

  // MARK: - Lists and macros

  private mutating func add(_ list: ListItem) {
    guard let override = list.override else { return lists.define(list, list.name, position) }
    let isThere = lists.change(list.name, position) { old in
      old.items = override == .append ? old.items + list.items : list.items
    }
    if !isThere { failMissing("list", list.name, list.place) }
  }

  private mutating func add(_ macro: MacroItem) {
    guard let override = macro.override else { return macros.define(macro, macro.name, position) }
    let isThere = macros.change(macro.name, position) { old in
      if override == .append {
        Self.append(macro.condition, to: &old.condition)
      } else {
        old.condition = macro.condition
      }
    }
    if !isThere { failMissing("macro", macro.name, macro.place) }
  }

  /// With one blank between.
  private static func append(_ more: PlacedText, to text: inout PlacedText) {
    text.append(" ", of: more.origin(at: 0))
    text.append(more)
  }

  // MARK: - Rules

  private mutating func add(_ rule: RuleDefinition) {
    if let overrides = rule.overrides { return override(rule, overrides) }
    if rule.condition == nil, rule.output == nil, rule.description == nil, rule.priority == nil {
      let isThere = rules.change(rule.name, position) { $0.isEnabled = rule.isEnabled }
      if !isThere { failMissing("rule", rule.name, rule.place) }
      return
    }
    var rule = rule
    if let earlier = rules[rule.name] {
      let source = earlier.item.source ?? Self.defaultSource
      if let other = rule.source, other != source {
        return fail(
          rule.place, "rule \(quoted(rule.name)) was of source \(quoted(source)) before",
          "Keep its source, or rename it")
      }
      rule.source = source
    }
    for exception in rule.exceptions ?? [] { check(exception) }
    rules.define(rule, rule.name, position)
  }

  private mutating func override(_ rule: RuleDefinition, _ overrides: [String: Override]) {
    guard let earlier = rules[rule.name] else { return failMissing("rule", rule.name, rule.place) }
    var new = earlier.item
    if let condition = rule.condition {
      if overrides["condition"] == .append, var old = new.condition {
        Self.append(condition, to: &old)
        new.condition = old
      } else {
        new.condition = condition
      }
    }
    if let output = rule.output {
      let old = new.output.map { $0.value + " " } ?? ""
      new.output = overrides["output"] == .append ? .init(value: old + output.value, place: output.place) : output
    }
    if let description = rule.description {
      let old = new.description.map { $0 + " " } ?? ""
      new.description = overrides["desc"] == .append ? old + description : description
    }
    if let tags = rule.tags {
      let old = overrides["tags"] == .append ? new.tags ?? [] : []
      new.tags = old + tags.filter { !old.contains($0) }
    }
    if let exceptions = rule.exceptions { override(&new, exceptions, appends: overrides["exceptions"] == .append) }
    if let window = rule.window {
      var changed = new.window ?? WindowDefinition()
      changed.override(with: window, overrides)
      new.window = changed
    }
    new.priority = rule.priority ?? new.priority
    new.isEnabled = rule.isEnabled ?? new.isEnabled
    new.skipsUnknownFields = rule.skipsUnknownFields ?? new.skipsUnknownFields
    _ = rules.change(rule.name, position) { $0 = new }
  }

  private mutating func override(_ rule: inout RuleDefinition, _ exceptions: [RuleException], appends: Bool) {
    guard appends else {
      for exception in exceptions { check(exception) }
      rule.exceptions = exceptions
      return
    }
    var all = rule.exceptions ?? []
    for exception in exceptions {
      guard let at = all.firstIndex(where: { $0.name == exception.name }) else {
        check(exception)
        if exception.values.isEmpty {
          fail(exception.place, "the new exception \(quoted(exception.name)) has no values", "Write values")
        }
        all.append(exception)
        continue
      }
      if exception.fields != nil || exception.comparisons != nil {
        fail(exception.place, "exception \(quoted(exception.name)) has its fields and comps", "Append values alone")
      }
      all[at].values += exception.values
    }
    rule.exceptions = all
  }

  private mutating func check(_ exception: RuleException) {
    do throws(ExceptionCondition.Malformed) {
      try ExceptionCondition.check(exception)
    } catch {
      fail(error.place, error.what, error.remedy)
    }
  }

  // MARK: - What is wrong

  private mutating func failMissing(_ kind: String, _ name: String, _ place: ItemPlace) {
    fail(place, "there is no earlier \(kind) \(quoted(name))", "Define it before, or give its file first")
  }

  private mutating func fail(_ place: ItemPlace, _ what: String, _ remedy: String) {
    guard failures.count < ItemReader.failureLimit else { return }
    failures.append(Failure(.rules, what, at: sources.place(place), remedy: remedy))
  }

  private mutating func warn(_ kind: RuleWarning.Kind, _ place: ItemPlace, _ what: String) {
    warnings.append(RuleWarning(kind: kind, what: what, place: sources.place(place)))
  }
}

extension SourceMap {
  func place(_ place: ItemPlace) -> Failure.Place {
    .text(file: files[place.file].name, line: place.line, column: place.column)
  }
}

/// Entries by name, in the order of their first definition.
struct NamedEntries<Item: Sendable>: Sendable {
  private(set) var all: [RuleCollector.Entry<Item>] = []
  private var numbers: [String: Int] = [:]

  subscript(name: String) -> RuleCollector.Entry<Item>? { numbers[name].map { all[$0] } }

  func number(of name: String) -> Int? { numbers[name] }

  mutating func define(_ item: Item, _ name: String, _ position: Int) {
    if let number = numbers[name] {
      all[number].item = item
      all[number].visibility = position
    } else {
      numbers[name] = all.count
      all.append(RuleCollector.Entry(item: item, index: position, visibility: position))
    }
  }

  /// Changes the entry of that name; whether there is one.
  mutating func change(_ name: String, _ position: Int, _ body: (inout Item) -> Void) -> Bool {
    guard let number = numbers[name] else { return false }
    body(&all[number].item)
    all[number].visibility = position
    return true
  }
}
