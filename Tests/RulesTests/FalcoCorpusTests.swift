import Rules
import TestSupport
import Testing

/// Falco's own regression tests for Kubernetes audit rules (Tests/Corpora/falco/falco_tests.json): rules files, a trace,
/// and what must be found.
@Suite struct FalcoCorpusTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let trace: String
    let rules: [String]
    /// `none`, `some`, or nothing is asserted.
    let detections: String
    let priorities: [String]
    let ruleCounts: [String: Int]
    let isForeign: Bool

    init(_ suite: String, _ test: JSON) {
      testDescription = suite + "/" + (test["test"]?.string ?? "")
      trace = test["trace"]?.string ?? ""
      rules = (test["rules"]?.array ?? []).compactMap(\.string)
      detections = test["detections"]?.string ?? ""
      priorities = (test["levels_some"]?.array ?? []).compactMap(\.string)
      ruleCounts = (test["rule_counts"]?.object ?? [:]).compactMapValues(\.int)
      isForeign = test["stderr_matches"] != nil
    }
  }

  static let folder = Corpora.folder + "/falco"

  static let cases: [Case] = {
    guard let bytes = try? Files.read(folder + "/falco_tests.json"), let tests = try? JSON.parse(bytes) else {
      return []
    }
    var cases: [Case] = []
    for (suite, content) in (tests["suites"]?.object ?? [:]).sorted(by: { $0.key < $1.key }) {
      for test in content["tests"]?.array ?? [] { cases.append(Case(suite, test)) }
    }
    return cases
  }()

  static func load(_ names: [String]) throws -> RuleSet {
    try RuleSet.load(names.map { RuleFile(name: $0, bytes: try Files.read("\(folder)/\($0)")) })
  }

  /// Each list of files, loaded once for all tests that name it.
  static let loaded = Dictionary(
    Set(cases.map(\.rules)).map { names in (names, Result { try load(names) }) },
    uniquingKeysWith: { first, _ in first })

  @Test func allFound() { #expect(Self.cases.count == 90) }

  @Test(arguments: cases)
  func regression(_ test: Case) throws {
    let rules = try #require(Self.loaded[test.rules]).get()
    let trace = try Files.read("\(Self.folder)/\(test.trace)")
    let all = counts(rules, trace)
    for (rule, count) in test.ruleCounts { #expect(all[rule] == count, "\(rule)") }
    if test.detections == "some" { #expect(!all.isEmpty) }
    if test.detections == "none" { #expect(all.isEmpty) }
    let seen = Set(rules.rules.filter { all[$0.name] != nil }.map(\.priority))
    for word in test.priorities {
      let priority = try #require(Priority(word))
      #expect(seen.contains(priority))
    }
    #expect(forEachEvent(of: trace) { _ in } == (test.isForeign ? 0 : 1))
    // The first of those that match, in the order of the files.
    let first = counts(rules, trace, .first)
    #expect(first.count == min(1, all.count))
    #expect(first.keys.first == rules.rules.first { all[$0.name] != nil }?.name)
  }

  @Test(arguments: [
    ["rules/newest/k8s_audit_rules-0.18.0.yaml"], ["rules/current/k8s_audit_rules.yaml"],
    ["rules/falco_rules.yaml", "rules/current/k8s_audit_rules.yaml"],
  ])
  func filesLoad(_ names: [String]) throws {
    let rules = try Self.load(names)
    #expect(rules.rules.count >= 40)
    for warning in rules.warnings {
      // Lists are there to be filled by users; the file of system calls is of another source.
      #expect([.unused, .unknownSource, .deprecated].contains(warning.kind), "\(warning)")
    }
    #expect((rules.skippedRules > 0) == (names.count > 1))
    #expect(rules.warnings.filter { $0.kind == .unknownSource }.count == (names.count > 1 ? 1 : 0))
  }
}
