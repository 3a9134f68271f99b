internal import Diagnostics

/// Compiles collected items: expands lists, parses conditions, looks macros up, joins all into one graph.
struct RuleCompiler {
  struct Compiled {
    var rules: [Rule] = []
    var outputs: [OutputFormat] = []
    var windows: [WindowParts?] = []
    var skippedRules = 0
    var program = Program()
  }

  private let collector: RuleCollector
  private let sources: SourceMap
  private let limits: RuleLimits
  private(set) var warnings: [RuleWarning] = []
  private var failures: [Failure] = []
  private var expansion: ListExpansion
  private var checks = CheckCompiler()
  private var graph: ExpressionGraph
  private var windows = WindowCompiler()
  private var macros: [MacroState]
  private var usedMacros: Set<Int> = []
  private var usedLists: Set<String> = []

  /// How deep the condition stands that is being compiled, and the rule it belongs to.
  private var depth = 0
  private var currentPlace = Failure.Place.process
  private static let depthLimit = 500

  private enum MacroState {
    case parsed(Condition)
    case broken
    case inProgress
    case compiled(Int32)
  }

  /// A condition that cannot be compiled; said already.
  private struct Stopped: Error {}

  init(_ collector: RuleCollector, sources: SourceMap, limits: RuleLimits) {
    self.collector = collector
    self.sources = sources
    self.limits = limits
    graph = ExpressionGraph(nodesLimit: limits.nodes)
    var lists = ListTable(collector.lists, itemsLimit: limits.listItems)
    expansion = ListExpansion(lists.expanded(), bytesLimit: limits.conditionBytes)
    usedLists = lists.used
    macros = collector.macros.all.map { _ in .broken }
    if lists.isOverrun, let first = collector.lists.all.first {
      fail(
        "the lists hold more than \(limits.listItems) items, or nest more than \(ListTable.depthLimit) deep",
        "Shorten them",
        sources.place(first.item.place))
    }
  }

  mutating func compile() throws(Failures) -> Compiled {
    var compiled = Compiled()
    hold(collector.rules.all.count, to: limits.rules, "rules")
    hold(collector.macros.all.count, to: limits.macros, "macros")
    hold(collector.lists.all.count, to: limits.lists, "lists")
    guard failures.isEmpty else { throw Failures(failures) }
    parseMacros()
    skipOthers(&compiled)
    var roots: [Int32] = []
    for entry in collector.rules.all where entry.item.source == RuleCollector.source {
      guard let root = try? compile(entry.item, &compiled) else { continue }
      roots.append(root)
    }
    guard failures.isEmpty else { throw Failures(Array(failures.prefix(ItemReader.failureLimit))) }
    for note in checks.notes { warn(note.kind, note.what, sources.place(note.origin)) }
    warnUnused()
    compiled.program = checks.finish()
    compiled.program.isEnabled = compiled.rules.map(\.isEnabled)
    compiled.program.windows = compiled.windows
    graph.emit(roots, into: &compiled.program)
    return compiled
  }

  private mutating func hold(_ count: Int, to limit: Int, _ what: String) {
    guard count > limit, let file = sources.files.first else { return }
    fail("there are \(count) \(what), more than \(limit)", "Give fewer files", .path(file.name))
  }

  // MARK: - Macros

  private mutating func parseMacros() {
    for (number, entry) in collector.macros.all.enumerated() {
      guard let condition = try? parse(entry.item.condition) else { continue }
      macros[number] = .parsed(condition)
      look(at: condition, visibility: entry.visibility)
    }
  }

  /// Holds the macros that a macro's condition names to what it sees.
  private mutating func look(at condition: Condition, visibility: Int) {
    switch condition {
    case .check: return
    case .not(let part): look(at: part, visibility: visibility)
    case .all(let parts), .any(let parts): for part in parts { look(at: part, visibility: visibility) }
    case .macro(let name, let origin): _ = find(name, visibility: visibility, origin)
    }
  }

  private mutating func find(_ name: String, visibility: Int, _ origin: PlacedText.Origin) -> Int? {
    if let number = collector.macros.number(of: name), collector.macros.all[number].index < visibility {
      usedMacros.insert(number)
      return number
    }
    let isLater = collector.macros.number(of: name) != nil
    let what = isLater ? "macro \(quoted(name)) is defined later" : "there is no macro \(quoted(name))"
    let known =
      collector.lists.number(of: name) != nil ? "it is a list: lists stand behind 'in'" : "a macro defined before"
    fail(ConditionFailure(what: what, expected: known, origin: origin))
    return nil
  }

  private mutating func compileMacro(_ number: Int, _ origin: PlacedText.Origin) throws -> Int32 {
    switch macros[number] {
    case .compiled(let node): return node
    case .broken: throw Stopped()
    case .inProgress:
      fail(ConditionFailure(what: "the macro refers to itself", expected: "macros without a circle", origin: origin))
      throw Stopped()
    case .parsed(let condition):
      macros[number] = .inProgress
      do {
        let node = try compile(condition, visibility: collector.macros.all[number].visibility)
        macros[number] = .compiled(node)
        return node
      } catch {
        // A field that there is not may be asked for by a rule that is left out then: every rule hears of it.
        macros[number] = error is ConditionFailure ? .parsed(condition) : .broken
        throw error
      }
    }
  }

  // MARK: - Conditions

  private mutating func parse(_ text: PlacedText) throws -> Condition {
    do throws(ConditionFailure) {
      return try ConditionParser.parse(try expansion.expand(text), depthLimit: limits.depth)
    } catch {
      fail(error)
      throw Stopped()
    }
  }

  private mutating func compile(_ condition: Condition, visibility: Int) throws -> Int32 {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthLimit else {
      fail("conditions and their macros nest more than \(Self.depthLimit) deep", "Nest less deeply", currentPlace)
      throw Stopped()
    }
    do {
      switch condition {
      case .macro(let name, let origin):
        guard let number = find(name, visibility: visibility, origin) else { throw Stopped() }
        return try compileMacro(number, origin)
      case .check(let text):
        let check = try checks.compile(text)
        return try graph.check(check.number, cost: check.cost)
      case .not(let part): return try graph.not(try compile(part, visibility: visibility))
      case .all(let parts):
        var numbers: [Int32] = []
        for part in parts { numbers.append(try compile(part, visibility: visibility)) }
        return try graph.all(numbers)
      case .any(let parts):
        var numbers: [Int32] = []
        for part in parts { numbers.append(try compile(part, visibility: visibility)) }
        return try graph.any(numbers)
      }
    } catch let full as ExpressionGraph.Full {
      fail(full.what, "Give fewer or simpler rules", currentPlace)
      throw Stopped()
    }
  }

  /// Compiles a rule; its root. Nothing is added to `compiled` when it cannot be.
  private mutating func compile(_ rule: RuleDefinition, _ compiled: inout Compiled) throws -> Int32 {
    guard let condition = rule.condition, let output = rule.output, let priority = rule.priority else {
      throw Stopped()
    }
    currentPlace = sources.place(rule.place)
    do {
      let text = try ExceptionCondition.condition(condition, rule.exceptions ?? [])
      let root = try compile(try parse(text), visibility: .max)
      let placed = PlacedText(output.value, piece: condition.origin(at: 0).piece)
      let format = try parseOutput(placed, output.place, skips: rule.skipsUnknownFields == true)
      let window = try windows.compile(rule, root: root, graph, &checks)
      compiled.windows.append(window?.parts)
      compiled.rules.append(
        Rule(
          name: rule.name, description: rule.description ?? "", priority: priority, output: output.value,
          tags: rule.tags ?? [], isEnabled: rule.isEnabled ?? true, window: window?.window,
          place: sources.place(rule.place)))
      compiled.outputs.append(format)
      return root
    } catch let failure as ConditionFailure {
      if failure.isUnknownField, rule.skipsUnknownFields == true {
        warn(
          .unknownField, "rule \(quoted(rule.name)) is left out: \(failure.what)", sources.place(failure.origin))
      } else {
        fail(failure)
      }
      throw Stopped()
    } catch let malformed as WindowCompiler.Malformed {
      fail(malformed.what, malformed.remedy, sources.place(malformed.place))
      throw Stopped()
    } catch let malformed as ExceptionCondition.Malformed {
      fail(malformed.what, malformed.remedy, sources.place(malformed.place))
      throw Stopped()
    }
  }

  /// An output's own text has no pieces: what is wrong in it is told at its beginning.
  private mutating func parseOutput(
    _ text: PlacedText, _ place: ItemPlace, skips: Bool
  ) throws -> OutputFormat {
    do throws(ConditionFailure) {
      return try OutputFormat.parse(text, &checks)
    } catch {
      if skips, error.isUnknownField { throw error }
      fail("in the output, " + error.what, expectation(error.expected), sources.place(place))
      throw Stopped()
    }
  }

  // MARK: - Other sources and what nobody uses

  private mutating func skipOthers(_ compiled: inout Compiled) {
    var counts: [String: Int] = [:]
    var places: [String: Failure.Place] = [:]
    for entry in collector.rules.all {
      let source = entry.item.source ?? "syscall"
      guard source != RuleCollector.source else { continue }
      compiled.skippedRules += 1
      counts[source, default: 0] += 1
      if places[source] == nil { places[source] = sources.place(entry.item.place) }
      for word in ListExpansion.words(entry.item.condition?.bytes ?? []) {
        let name = String(decoding: word, as: UTF8.self)
        if let number = collector.macros.number(of: name) { usedMacros.insert(number) }
        usedLists.insert(name)
      }
      for exception in entry.item.exceptions ?? [] { noteLists(exception.values) }
    }
    for (source, count) in counts.sorted(by: { $0.key < $1.key }) {
      guard let place = places[source] else { continue }
      warn(.unknownSource, "\(count) rules of source \(quoted(source)) are skipped", place)
    }
  }

  private mutating func noteLists(_ values: [ExceptionEntry]) {
    for value in values {
      if let text = value.text { usedLists.insert(text) } else { noteLists(value.items) }
    }
  }

  private mutating func warnUnused() {
    for index in expansion.used { usedLists.insert(collector.lists.all[index].item.name) }
    for entry in collector.lists.all where !usedLists.contains(entry.item.name) {
      warn(.unused, "list \(quoted(entry.item.name)) is not used", sources.place(entry.item.place))
    }
    for (number, entry) in collector.macros.all.enumerated() where !usedMacros.contains(number) {
      warn(.unused, "macro \(quoted(entry.item.name)) is not used", sources.place(entry.item.place))
    }
  }

  // MARK: - What is wrong

  private func expectation(_ expected: String) -> String { expected.isEmpty ? "" : "Expected " + expected }

  private mutating func fail(_ failure: ConditionFailure) {
    fail(failure.what, expectation(failure.expected), sources.place(failure.origin))
  }

  private mutating func fail(_ what: String, _ remedy: String, _ place: Failure.Place) {
    let failure = Failure(.rules, what, at: place, remedy: remedy)
    guard failures.count < ItemReader.failureLimit, !failures.contains(failure) else { return }
    failures.append(failure)
  }

  private mutating func warn(_ kind: RuleWarning.Kind, _ what: String, _ place: Failure.Place) {
    guard warnings.count < RuleSet.warningLimit else { return }
    warnings.append(RuleWarning(kind: kind, what: what, place: place))
  }
}

/// Lists with the items of lists that they name.
private struct ListTable {
  private let entries: NamedEntries<ListItem>
  private let itemsLimit: Int
  private var done: [Int: [String]] = [:]
  private var inProgress: Set<Int> = []
  private var total = 0
  private(set) var used: Set<String> = []
  private(set) var isOverrun = false
  static let depthLimit = 100

  init(_ entries: NamedEntries<ListItem>, itemsLimit: Int) {
    self.entries = entries
    self.itemsLimit = itemsLimit
  }

  mutating func expanded() -> [(name: String, items: [String])] {
    entries.all.indices.map { (entries.all[$0].item.name, items($0)) }
  }

  /// A list's name among the items of another stands for its items if it was defined before; in a circle it is a text.
  private mutating func items(_ number: Int) -> [String] {
    if let known = done[number] { return known }
    guard !isOverrun, inProgress.count < Self.depthLimit else {
      isOverrun = true
      return []
    }
    inProgress.insert(number)
    var items: [String] = []
    for item in entries.all[number].item.items {
      if let inner = entries.number(of: item), entries.all[inner].index < entries.all[number].visibility,
        !inProgress.contains(inner)
      {
        used.insert(item)
        items += self.items(inner)
      } else {
        items.append(item)
      }
    }
    inProgress.remove(number)
    total += items.count
    if total > itemsLimit { isOverrun = true }
    done[number] = items
    return items
  }
}
