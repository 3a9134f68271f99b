internal import Diagnostics
internal import Rules
import Glibc

/// What `rules list` and `rules check` print.
enum RuleList {
  static func summary(_ rules: RuleSet) -> String {
    let enabled = rules.rules.count(where: \.isEnabled)
    var text = "SUCCESS: \(enabled) rules"
    if enabled < rules.rules.count { text += ", \(rules.rules.count - enabled) switched off" }
    if rules.skippedRules > 0 { text += ", \(rules.skippedRules) of other sources passed over" }
    return text + "\n"
  }

  static func table(_ rules: RuleSet) -> String {
    var table = TextTable(["priority", "rule", "enabled", "needs", "below", "tags", "at"], numeric: [])
    table.rows = zip(rules.rules, needs(rules)).map { rule, needs in
      let below = needs.below.map { "\($0.level.label): \($0.sight.words)" }.joined(separator: ", ")
      return [
        rule.priority.label, rule.name, rule.isEnabled ? "yes" : "no", needs.level.label, below,
        rule.tags.joined(separator: " "), at(rule),
      ]
    }
    return table.text(columns: Terminal.columns(STDOUT_FILENO))
  }

  /// The audit level that each rule needs, and what it is at those below.
  private static func needs(
    _ rules: RuleSet
  ) -> [(level: RuleField.Level, below: [(level: RuleField.Level, sight: RuleSight)])] {
    let sights = RuleField.Level.all.map { rules.sights(at: $0) }
    return rules.neededLevels.enumerated().map { rule, needed in
      (needed, RuleField.Level.all.filter { $0 < needed }.map { ($0, sights[$0.rawValue][rule]) })
    }
  }

  /// `{"rules": [{"name", "description", "priority", "enabled", "level", "below", "tags", "output", "file", "line"}]}`, and of a
  /// windowed rule `"window": {"over", "by", "distinct", "at_least", "learn"}`, spans in seconds.
  static func json(_ rules: RuleSet) -> String {
    let rows = zip(rules.rules, needs(rules)).map { rule, needs in
      let (file, line) = place(rule)
      let tags = rule.tags.map(LogFormat.quoted).joined(separator: ",")
      let below = needs.below.map { "\"\($0.level.label)\":\"\($0.sight.words)\"" }.joined(separator: ",")
      return " {\"name\":\(LogFormat.quoted(rule.name)),\"description\":\(LogFormat.quoted(rule.description)),"
        + "\"priority\":\"\(rule.priority.label)\",\"enabled\":\(rule.isEnabled),"
        + "\"level\":\"\(needs.level.label)\",\"below\":{\(below)},\"tags\":[\(tags)],"
        + "\"output\":\(LogFormat.quoted(rule.output)),\(window(rule))\"file\":\(LogFormat.quoted(file)),\"line\":\(line)}"
    }
    return "{\"rules\":[" + (rows.isEmpty ? "" : "\n" + rows.joined(separator: ",\n") + "\n") + "]}\n"
  }

  private static func window(_ rule: Rule) -> String {
    guard let window = rule.window else { return "" }
    func list(_ fields: [String]) -> String { "[" + fields.map(LogFormat.quoted).joined(separator: ",") + "]" }
    return "\"window\":{\"over\":\(window.seconds),\"by\":\(list(window.by)),\"distinct\":\(list(window.distinct)),"
      + "\"at_least\":\(window.atLeast),\"learn\":\(window.learnSeconds)},"
  }

  private static func at(_ rule: Rule) -> String {
    let (file, line) = place(rule)
    return "\(file):\(line)"
  }

  private static func place(_ rule: Rule) -> (file: String, line: Int) {
    if case .text(let file, let line, _) = rule.place { return (file, line) }
    return ("", 0)
  }
}
