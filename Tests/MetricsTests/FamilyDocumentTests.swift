import Glibc
import Metrics
import TestSupport
import Testing

/// docs/metrics.md as it is generated.
@Suite struct FamilyDocumentTests {
  let page = FamilyDocument.markdown()
  var lines: [Substring] { page.split(separator: "\n", omittingEmptySubsequences: false) }

  @Test func everyFamilyHasItsRowAndItsSection() throws {
    for family in Families.all {
      #expect(lines.filter { $0.hasPrefix("| [`\(family.name)`]") }.count == 1)
      let start = try #require(lines.firstIndex(of: "### \(family.name)"))
      let section = lines[(start + 1)...].prefix { !$0.hasPrefix("#") }
      #expect(section.contains(Substring(family.help)))
      for label in family.labels { #expect(section.contains { $0.contains("`\(label.rawValue)`") }) }
      if let limit = family.seriesLimit { #expect(section.contains { $0.hasPrefix("- Limit: \(limit) series") }) }
    }
    for label in Label.allCases { #expect(lines.contains { $0.hasPrefix("| `\(label.rawValue)` | ") }) }
  }

  /// The committed page is the generated one; `RECORD_GOLDEN=1` writes it anew, and such a run fails.
  @Test func committedPageIsFresh() throws {
    let path = Files.beside("../../docs/metrics.md")
    if unsafe getenv("RECORD_GOLDEN") != nil {
      try Files.write(Array(page.utf8), to: path)
      Issue.record("recorded \(path): read the difference and run again without RECORD_GOLDEN")
    }
    let isFresh = try Files.read(path) == Array(page.utf8)
    #expect(isFresh, "docs/metrics.md is not what the family table says: write it anew")
  }

  @Test func linksLeadToHeadings() {
    let headings = Set(
      lines.filter { $0.hasPrefix("#") }.map { line in
        String(line.drop { $0 == "#" }.dropFirst().lowercased().map { $0 == " " ? "-" : $0 })
      })
    var links = 0
    for match in page.matches(of: /\]\(#([^)]*)\)/) {
      #expect(headings.contains(String(match.1)), "no heading for #\(match.1)")
      links += 1
    }
    #expect(links > Families.all.count)
  }

  @Test func blocksAreClosedAndBlankLinesSingle() {
    #expect(lines.filter { $0.hasPrefix("```") }.count.isMultiple(of: 2))
    #expect(!page.contains("\n\n\n") && page.hasSuffix("\n") && !page.hasSuffix("\n\n"))
    #expect(lines.allSatisfy { !$0.hasSuffix(" ") && !$0.contains("\t") })
  }

  /// Names in prose and queries are names of the table, and labels in selectors are the family's.
  @Test func everyNameIsInTheTable() {
    let histograms = Families.all.filter { $0.kind == .histogram }
    let names = Set(Families.all.map(\.name) + histograms.map { $0.name + "_bucket" })
    for match in page.matches(of: /\b(kube_audit_[a-z0-9_]*[a-z0-9]|process_[a-z0-9_]+)\b/) {
      let known = names.contains(String(match.0)) || match.0 == "kube_audit_events"
      #expect(known, "\(match.0) is no family")
    }
    for match in page.matches(of: /(kube_audit_[a-z0-9_]+)\{([a-z_]+)="/) {
      let labels = Families.all.first { $0.name == match.1 }?.labels.map(\.rawValue) ?? []
      #expect(labels.contains(String(match.2)), "\(match.1) has no label \(match.2)")
    }
  }

  /// The PromQL blocks of the page.
  private var queries: [String] { page.matches(of: /```promql\n([^`]*)\n```/).map { String($0.1) } }

  @Test func promtoolReadsEveryQuery() throws {
    #expect(queries.count == Families.all.filter { $0.query != nil }.count + 1)
    var rules = "groups:\n  - name: documented\n    rules:\n"
    for (at, query) in queries.enumerated() {
      rules += "      - record: documented:query\(at)\n        expr: |-\n          \(query)\n"
    }
    try Files.withTemporaryFolder { folder in
      try Files.write(Array(rules.utf8), to: folder + "/rules.yml")
      let check = try promtool(["check", "rules", folder + "/rules.yml"])
      #expect(check.status == 0, "\(check.errorText)")
    }
  }

  /// The accounting query is silent while the sum is right and names the input where it is not.
  @Test func accountingQueryFindsWhatIsMissing() throws {
    let query = try #require(queries.last)
    let parts = ["counted", "not_a_request", "duplicate", "ignored", "rejected", "dropped"]
    var test = "evaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n"
    for (input, received) in [("right", 22), ("wrong", 23)] {
      test += "      - {series: 'kube_audit_events_received_total{input=\"\(input)\"}', values: '\(received)'}\n"
      for (at, part) in parts.enumerated() {
        test +=
          "      - {series: 'kube_audit_events_\(part)_total{input=\"\(input)\", reason=\"r\"}', values: '\(at)'}\n"
      }
      test += "      - {series: 'kube_audit_events_ignored_total{input=\"\(input)\", reason=\"s\"}', values: '7'}\n"
    }
    test += "    promql_expr_test:\n      - expr: |-\n          \(query)\n        eval_time: 0m\n        exp_samples:\n"
    test += "          - {labels: '{input=\"wrong\"}', value: 23}\n"
    try Files.withTemporaryFolder { folder in
      try Files.write(Array(test.utf8), to: folder + "/test.yml")
      let run = try promtool(["test", "rules", folder + "/test.yml"])
      #expect(run.status == 0, "\(run.outputText) \(run.errorText)")
    }
  }
}
