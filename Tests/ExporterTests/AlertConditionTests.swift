import Glibc
import Metrics
import TestSupport
import Testing
import YAML

@testable import Exporter

/// A rule of `alerts/rules`, as Prometheus would read it.
struct BundledRule {
  let name: String
  let expression: String
  let severity: String
  let lasting: String
  let summary: String
  let runbook: String

  /// Every alert of every file.
  static func all() throws -> [BundledRule] {
    let folder = Files.beside("../../alerts/rules")
    let files = try Process.run(["sh", "-c", "ls '\(folder)'"]).outputText.split(separator: "\n")
    return try files.filter { $0.hasSuffix(".yml") || $0.hasSuffix(".yaml") }.flatMap { file in
      let root = try YAMLDocument.parse(Files.read("\(folder)/\(file)"), file: String(file))
      return root["groups"].items.flatMap { $0["rules"].items }.filter { $0["alert"].text != "" }.map(Self.init)
    }
  }

  private init(_ rule: YAMLNode) {
    name = rule["alert"].text
    expression = rule["expr"].text.split { " \n".contains($0) }.joined(separator: " ")
    severity = rule["labels"]["severity"].text
    lasting = rule["for"].text
    summary = rule["annotations"]["summary"].text
    runbook = rule["annotations"]["runbook_url"].text
  }
}

extension YAMLNode {
  fileprivate static let nothing = YAMLNode(.sequence([]), line: 0, column: 0)

  fileprivate subscript(_ key: String) -> YAMLNode {
    guard case .mapping(let entries) = value else { return Self.nothing }
    return entries.first { $0.key == key }?.value ?? Self.nothing
  }

  fileprivate var items: [YAMLNode] {
    if case .sequence(let items) = value { items } else { [] }
  }

  fileprivate var text: String {
    if case .scalar(let scalar) = value { scalar.text } else { "" }
  }
}

@Suite struct AlertConditionTests {
  /// The page and the rules say the same, of every alert.
  @Test func everyRuleIsJudgedAsItIsWrittenOrNamedAsNotJudged() throws {
    let rules = try BundledRule.all()
    #expect(rules.map(\.name).sorted() == (AlertConditions.all.map(\.name) + AlertConditions.unjudged).sorted())
    for condition in AlertConditions.all {
      let rule = try #require(rules.first { $0.name == condition.name })
      #expect(condition.expression == rule.expression)
      #expect(condition.severity.rawValue == rule.severity, "\(rule.name)")
      #expect(condition.lasting == rule.lasting, "\(rule.name)")
      #expect(condition.summary == rule.summary, "\(rule.name)")
    }
    for rule in rules { #expect(rule.runbook == Page.runbook(rule.name, of: Version.projectURL)) }
  }

  /// What the page leaves out is what Alertmanager keeps to itself.
  @Test func inhibitionsAreThoseOfAlertmanager() throws {
    let path = Files.beside("../../alerts/alertmanager.example.yml")
    let root = try YAMLDocument.parse(Files.read(path), file: path)
    let names = AlertConditions.all.map(\.name)
    func named(_ matchers: YAMLNode) throws -> [String] {
      let text = try #require(matchers.items.first).text
      let pattern = try Regex(String(text.drop { $0 != "\"" }.dropFirst().dropLast()))
      return names.filter { $0.wholeMatch(of: pattern) != nil }
    }
    var wanted: Set<String> = []
    for rule in root["inhibit_rules"].items {
      let labels = rule["equal"].items.map(\.text).filter { $0 != "instance" }
      for source in try named(rule["source_matchers"]) {
        for target in try named(rule["target_matchers"]) { wanted.insert("\(source) \(target) \(labels)") }
      }
    }
    let ours = AlertConditions.inhibitions.map { "\($0.source) \($0.target) \($0.labels.map(\.rawValue))" }
    #expect(Set(ours) == wanted)
  }

  @Test(arguments: AlertConditions.all.map(\.name))
  func holdsFromItsThresholdOnAndNotBefore(name: String) throws {
    let condition = try #require(AlertConditions.all.first { $0.name == name })
    let term = condition.term
    for step in [-1.0, 0, 1] {
      let value = term.threshold + step * (term.threshold < 1 && term.threshold > 0 ? 0.01 : 1)
      let now = 1_800_000_000.0
      var readings = reading(value, of: term, nowSeconds: now)
      if case .and(let other) = condition.restriction {
        #expect(condition.findings(in: readings, nowSeconds: now).isEmpty, "the other half does not hold")
        if term.whole == nil {
          readings[other.query.family].append(labels(for: other.query), other.threshold)
        } else {
          readings = reading(value, of: term, outOf: other.threshold, nowSeconds: now)
        }
      }
      let isHolding =
        switch term.comparison {
        case .atLeast: step >= 0
        case .above: step > 0
        case .equal: step == 0
        }
      let findings = condition.findings(in: readings, nowSeconds: now)
      #expect(findings.count == (isHolding ? 1 : 0), "\(value)")
      #expect(findings.allSatisfy { abs($0.value - value) < 1e-6 })
      if case .unless(let query) = condition.restriction {
        var excepted = Readings()
        excepted[term.query.family].append(labels(for: term.query, query), value)
        if query.family != term.query.family { excepted[query.family].append(labels(for: query), 1) }
        #expect(condition.findings(in: excepted, nowSeconds: now).isEmpty)
      }
    }
  }

  /// What makes a term have this value; of a share, out of fewer than any floor demands.
  private func reading(
    _ value: Double, of term: AlertCondition.Term, outOf whole: Double = 100, nowSeconds now: Double
  ) -> Readings {
    var readings = Readings()
    guard let all = term.whole else {
      readings[term.query.family].append(labels(for: term.query), term.isAge ? now - value : value)
      return readings
    }
    readings[term.query.family].append(labels(for: term.query), value * whole)
    readings[all.family].append(labels(for: all), whole - value * whole)
    return readings
  }

  /// Labels that the matchers of all the queries let through.
  private func labels(for queries: SampleQuery...) -> [(Label, String)] {
    var labels: [Label: String] = [:]
    for query in queries {
      for label in query.labels where labels[label] == nil { labels[label] = "x" }
      for matcher in query.matchers {
        switch matcher {
        case .equals(let label, let value): labels[label] = value
        case .isOneOf(let label, let values): labels[label] = values[values.count - 1]
        case .begins(let label, let starts): labels[label] = starts[starts.count - 1] + "x"
        case .differs, .beginsOtherwise: break
        }
      }
    }
    return labels.sorted { $0.key.rawValue < $1.key.rawValue }.map { ($0.key, $0.value) }
  }

  /// Requests refused by the authorizer within five minutes, of one cluster.
  private func refused(_ rows: [(user: String, address: String, count: Double)]) -> [String: [[String]]] {
    var readings = Readings()
    for row in rows {
      readings[.windowDeniedRequests].append(
        [
          (.window, "5m"), (.cluster, "k"), (.code, "403"), (.reason, "authorization"), (.user, row.user),
          (.sourceIP, row.address),
        ], row.count)
    }
    let found = AlertConditions.findings(in: readings, nowSeconds: 0).map {
      ($0.condition.name, $0.labels.map(\.value))
    }
    return Dictionary(grouping: found, by: \.0).mapValues { $0.map(\.1) }
  }

  /// Forty-nine refusals from each of sixty addresses are as much one credential as fifty from one.
  @Test func oneUserOfManyAddressesIsOneFinding() {
    let found = refused((0..<60).map { ("mallory", "10.0.0.\($0)", 49) })
    #expect(found == ["KubeAuditForbiddenFromManySources": [["k", "mallory"]]])
  }

  @Test func theClustersOwnUsersHaveAThresholdOfTheirOwn() {
    let users = ["system:node:a", "system:serviceaccount:kube-system:x", "system:kube-scheduler"]
    #expect(refused(users.map { ($0, "10.0.0.1", 499) }) == [:])
    #expect(refused([(users[0], "10.0.0.1", 500)]) == ["KubeAuditForbiddenSystemSpike": [["k", users[0], "10.0.0.1"]]])
    let near = ["system:nodes", "system:serviceaccount:kube-systemx:x", "a:system:node:b"]
    #expect(refused(near.map { ($0, "10.0.0.1", 50) })["KubeAuditForbiddenSpike"]?.count == 3)
  }

  @Test func whatHasNoNameIsATicketAndWhatHasOnePages() {
    #expect(refused([("(other)", "(other)", 900)]) == ["KubeAuditForbiddenUnnamed": [["k"]]])
    #expect(refused([("(other)", "10.0.0.1", 60)]) == ["KubeAuditForbiddenSpike": [["k", "(other)", "10.0.0.1"]]])
    #expect(refused([("mallory", "(other)", 60)]) == ["KubeAuditForbiddenSpike": [["k", "mallory", "(other)"]]])
  }

  /// One who is left out by name wakes nobody, and two sources of one user are two.
  @Test func whoIsLeftOutAndWhoIsToldApart() {
    var readings = Readings()
    for (user, address, reason, count) in [
      ("system:anonymous", "a", "authorization", 500.0), ("u", "a", "authorization", 30),
      ("u", "b", "authorization", 49),
      ("v", "a", "authorization", 30), ("v", "a", "admission", 900), ("w", "c", "authorization", 51),
    ] {
      for code in ["403", "401"] {
        readings[.windowDeniedRequests].append(
          [
            (.window, "5m"), (.cluster, "k"), (.code, code), (.reason, reason), (.user, user), (.sourceIP, address),
          ], code == "403" ? count : count == 30 && user == "v" ? 20 : 0)
      }
    }
    let found = AlertConditions.findings(in: readings, nowSeconds: 0).filter {
      $0.condition.name == "KubeAuditForbiddenSpike"
    }
    #expect(found.map { $0.labels.map(\.value) } == [["k", "w", "c"], ["k", "v", "a"]])
    #expect(found.map(\.value) == [51, 50])
  }
}
