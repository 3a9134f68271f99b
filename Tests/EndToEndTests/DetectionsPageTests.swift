import TestSupport
import Testing

/// `docs/detections.md` says of every entry of the catalogue and of every rule what is true.
@Suite struct DetectionsPageTests {
  private typealias Rule = DetectionRulesTests.Rule

  private static func page() throws -> [String] {
    String(decoding: try Files.read(Files.beside("../../docs/detections.md")), as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
  }

  /// The cells of the table of entries.
  private static func rows() throws -> [[String]] {
    try page().filter { $0.hasPrefix("| kae-") }.map { line in
      line.split(separator: "|").map { cell in
        String(cell.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
      }
    }
  }

  /// `name` of `[name](target)`.
  private static func link(_ cell: String) -> (name: String, target: String) {
    let parts = cell.dropFirst().dropLast().split(separator: "](")
    return parts.count == 2 ? (String(parts[0]), String(parts[1])) : ("", "")
  }

  @Test func tagsSayEntryTechniqueAndLevel() throws {
    for rule in try Rule.all() {
      #expect(rule.tags.count == 3, "\(rule.name)")
      #expect(try /kae-[01][0-9]{2}/.wholeMatch(in: rule.entry) != nil, "\(rule.name)")
      #expect(try /T1[0-9]{3}(\.[0-9]{3})?/.wholeMatch(in: rule.technique) != nil, "\(rule.name)")
      #expect(["Metadata", "Request", "RequestResponse"].contains(rule.level), "\(rule.name)")
      #expect(try /[a-z0-9]+(-[a-z0-9]+)*/.wholeMatch(in: rule.name) != nil, "it is an anchor of the page")
    }
  }

  /// Both ways: each rule has its row, and each row its rule, alert or reason.
  @Test func theTableIsTheRules() throws {
    let rules = try Rule.all()
    let rows = try Self.rows()
    #expect(Set(rows.map { $0[0] }).count == 95)
    for rule in rules {
      let priority = rule.isEnabled ? rule.priority : rule.priority + ", off"
      let row = [rule.entry, "[\(rule.name)](#\(rule.name))", priority, rule.level, rule.technique]
      #expect(rows.contains { [$0[0]] + $0.dropFirst(2) == row }, "\(row)")
    }
    for row in rows {
      let (name, target) = Self.link(row[2])
      if target == "../alerts/runbooks/\(name).md" {
        #expect(row[3] == "page" || row[3] == "ticket")
      } else if name == "not detected" {
        #expect(try Self.page().contains { $0.hasPrefix("- **\(row[0])**, ") }, "\(row[0]) has no reason")
      } else {
        #expect(rules.contains { $0.name == name && $0.entry == row[0] }, "\(name) is no rule")
      }
    }
    let undetected = Set(rows.filter { Self.link($0[2]).name == "not detected" }.map { $0[0] })
    #expect(undetected.isDisjoint(with: rows.filter { Self.link($0[2]).name != "not detected" }.map { $0[0] }))
  }

  @Test func everyRuleHasItsRunbookLines() throws {
    let page = try Self.page()
    for rule in try Rule.all() {
      let start = try #require(page.firstIndex(of: "### \(rule.name)"), "\(rule.name) has no section")
      let section = page[(start + 1)...].prefix { !$0.hasPrefix("#") }
      for line in ["- **Look first**: ", "- **Usually harmless**: ", "- **Tune**: "] {
        #expect(section.contains { $0.hasPrefix(line) && $0.count > line.count }, "\(rule.name) lacks \(line)")
      }
    }
  }

  /// The example of tuning loads behind the rules, without a warning.
  @Test func theExampleOfTuningLoads() throws {
    let page = try Self.page()
    let start = try #require(page.firstIndex(of: "```yaml"))
    let text = page[(start + 1)...].prefix { $0 != "```" }.map { $0 + "\n" }.joined()
    try Files.withTemporaryFolder { folder in
      try Files.write(Array(text.utf8), to: folder + "/mine.yaml")
      for mine in [folder + "/mine.yaml", DetectionRulesTests.tuning] {
        let outcome = try Program.run(["rules", "check", "--strict", DetectionRulesTests.rules, mine])
        #expect(outcome.status == 0 && outcome.errorText.isEmpty, "\(outcome.errorText)")
      }
    }
    #expect(try Program.run(["rules", "check", "--strict", DetectionRulesTests.rules]).status == 0)
  }
}
