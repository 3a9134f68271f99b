import Glibc
import TestSupport
import Testing

/// Windowed rules through the real program: the bundled ones with the events that fire them and those that nearly do
/// (`Tests/Detections/windowed.jsonl`), and one that is killed in the middle.
@Suite struct WindowedRulesTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let rule: String
    /// The last of these fires the rule.
    let fires: [String]
    /// How they differ: in one thing. None of these does.
    let nearly: String
    let almost: [String]
    var testDescription: String { rule }
  }

  static let cases = Result { () throws -> [Case] in
    let file = String(decoding: try Files.read(Files.beside("../Detections/windowed.jsonl")), as: UTF8.self)
    return try file.split(separator: "\n").map { line in
      let test = try JSON.parse(String(line))
      func events(_ key: String) -> [String] { (test[key]?.array ?? []).compactMap(\.string) }
      return Case(
        rule: test["rule"]?.string ?? "", fires: events("fires"), nearly: test["nearly"]?.string ?? "",
        almost: events("almost"))
    }
  }

  /// Each windowed rule that matches, with the time of the event to the second.
  private func matches(_ events: [String]) throws -> [String] {
    let windowed = Set(try DetectionRulesTests.Rule.all().filter(\.isWindowed).map(\.name))
    return try Files.withTemporaryFolder { folder in
      try Files.write(Array(events.map { $0 + "\n" }.joined().utf8), to: folder + "/events.jsonl")
      let outcome = try Program.run(
        ["rules", "test", DetectionRulesTests.rules, "--events", folder + "/events.jsonl", "--format", "json"])
      #expect(outcome.status == 0 && outcome.errorText.isEmpty, "\(outcome.errorText)")
      return try outcome.outputText.split(separator: "\n").compactMap { line in
        let match = try JSON.parse(String(line))
        guard let rule = match["rule"]?.string, windowed.contains(rule) else { return nil }
        return rule + " " + (match["time"]?.string ?? "").prefix(19)
      }
    }
  }

  @Test func everyWindowedRuleHasItsEvents() throws {
    let cases = try Self.cases.get()
    #expect(cases.map(\.rule) == (try DetectionRulesTests.Rule.all().filter(\.isWindowed).map(\.name)))
    #expect(cases.count >= 9 && cases.allSatisfy { !$0.nearly.isEmpty && !$0.almost.isEmpty })
  }

  @Test(arguments: try cases.get()) func itFiresWithTheLastAndNearlyDoesNot(_ test: Case) throws {
    let last = try #require(test.fires.last)
    let time = try #require(last.firstRange(of: "\"stageTimestamp\":\"")).upperBound
    #expect(try matches(test.fires) == ["\(test.rule) \(last[time...].prefix(19))"])
    #expect(try matches(test.almost) == [], "\(test.nearly)")
    // Late and in another order, the same values are reached.
    let disordered = Array(test.fires.dropLast().reversed()) + [last]
    #expect(try matches(disordered).last == "\(test.rule) \(last[time...].prefix(19))")
  }

  /// Through `replay`, as a count and as a match.
  @Test func replayMatchesAsWell() throws {
    let test = try #require(try Self.cases.get().first { $0.rule == "many-secrets-read" })
    let input = Array(test.fires.map { $0 + "\n" }.joined().utf8)
    let page = try Program.replay(["-"], input: input, options: ["--rules", DetectionRulesTests.rules])
    #expect(page.sum("kube_audit_detections_total", ["rule": test.rule]) == 1)
    let lines = try Program.run(
      ["replay", "--rules", DetectionRulesTests.rules, "--matches", "jsonl", "-"], input: input
    ).outputText.split(separator: "\n").filter { $0.contains("\"\(test.rule)\"") }
    #expect(lines.count == 1 && lines.first?.contains("\"name\":\"api\"") == true, "\(lines)")
  }

  /// Events one by one, a kill -9 after some of them: the rule matches with the one that reaches its threshold, once.
  @Test(arguments: [1, 3, 5]) func aKillInTheMiddleChangesNothing(_ before: Int) throws {
    try Files.withTemporaryFolder { folder in
      let rules = """
        - rule: many
          desc: d
          condition: ka.verb = get and ka.stage = ResponseComplete
          output: o
          priority: CRITICAL
          source: k8s_audit
          over: 9m
          by: [source_ip]
          distinct: ka.uri
          at_least: 6

        """
      try Files.write(Array(rules.utf8), to: folder + "/rules.yaml")
      let arguments = ["--input.file", folder + "/audit.log", "--rules.file", folder + "/rules.yaml"]
      let now = Event.now
      let log = (0..<8).map { number in
        String(decoding: Event(number: number, time: now).line, as: UTF8.self)
          .replacing("\"requestURI\":\"", with: "\"requestURI\":\"/\(number)")
      }
      try Files.write(Array(log.prefix(before).joined().utf8), to: folder + "/audit.log")
      let first = try Exporter(arguments, storage: folder + "/data")
      _ = try first.page(received: before)
      // What comes now may be committed, or not.
      try Files.write(Array(log[before..<before + 1].joined().utf8), to: folder + "/audit.log", append: true)
      first.process.signal(SIGKILL)
      _ = try first.process.waitForExit()
      let second = try Exporter(arguments, storage: folder + "/data")
      #expect(try second.page(received: before + 1).sum("kube_audit_detections_total") == (before < 5 ? 0 : 1))
      try Files.write(Array(log[(before + 1)...].joined().utf8), to: folder + "/audit.log", append: true)
      let page = try second.page(received: 8)
      #expect(page.sum("kube_audit_detections_total", ["rule": "many", "priority": "critical"]) == 1)
      #expect(page.sum("kube_audit_window_detections", ["rule": "many", "window": "15m"]) == 1)
      #expect(page.sum("kube_audit_rule_window_bytes") > 0 && page.sum("kube_audit_rule_window_overflow_total") == 0)
    }
  }
}
