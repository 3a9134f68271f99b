import Glibc
import TestSupport
import Testing

/// Detection rules through the real program: files in, metrics out.
@Suite struct RulesTests {
  private static let detections = "kube_audit_detections_total"
  private static let inWindow = "kube_audit_window_detections"
  private static let reloaded = "kube_audit_exporter_config_last_reload_successful"

  /// One rule that reads of pods match, at every stage.
  private static func rule(_ name: String, _ condition: String = "ka.verb = get") -> String {
    "- rule: \(name)\n  desc: d\n  condition: \(condition)\n  output: o\n  priority: INFO\n  source: k8s_audit\n"
  }

  private func write(_ text: String, _ path: String) throws { try Files.write(Array(text.utf8), to: path) }

  /// By rule, those at 0 too.
  private func counts(_ page: Page) -> [String: Int] {
    var counts: [String: Int] = [:]
    for sample in page.samples(Self.detections) { counts[sample.labels["rule"] ?? "", default: 0] += Int(sample.value) }
    return counts
  }

  // MARK: - Falco's own cases

  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let trace: String
    let rules: [String]
    let detections: String
    let counts: [String: Int]

    init(_ suite: String, _ test: JSON) {
      testDescription = suite + "/" + (test["test"]?.string ?? "")
      trace = test["trace"]?.string ?? ""
      rules = (test["rules"]?.array ?? []).compactMap(\.string)
      detections = test["detections"]?.string ?? ""
      counts = (test["rule_counts"]?.object ?? [:]).compactMapValues(\.int)
    }
  }

  static let cases = Result { () throws -> [Case] in
    let tests = try JSON.parse(try Files.read(Files.beside("../Corpora/falco/falco_tests.json")))
    var cases: [Case] = []
    for (suite, content) in (tests["suites"]?.object ?? [:]).sorted(by: { $0.key < $1.key }) {
      for test in content["tests"]?.array ?? [] { cases.append(Case(suite, test)) }
    }
    return cases
  }

  @Test func allCasesAreFound() throws { #expect(try Self.cases.get().count == 90) }

  @Test(arguments: try cases.get())
  func replayCountsWhatFalcoExpects(_ test: Case) throws {
    let folder = Files.beside("../Corpora/falco/")
    let page = try Program.replay([folder + test.trace], options: test.rules.flatMap { ["--rules", folder + $0] })
    let found = counts(page)
    for (rule, count) in test.counts { #expect(found[rule] == count, "\(rule)") }
    let sum = found.values.reduce(0, +)
    if test.detections == "some" { #expect(sum > 0) }
    if test.detections == "none" { #expect(sum == 0) }
    #expect(page.sum(Self.inWindow, ["window": "1h"]) == sum, "all of a trace is within the hour")
  }

  @Test func everyFormatTellsDetections() throws {
    try Files.withTemporaryFolder { folder in
      try write(Self.rule("reads") + Self.rule("never", "ka.verb = nothing"), folder + "/rules.yaml")
      let log = Event.lines(0..<1200)
      let options = ["--rules", folder + "/rules.yaml", "-"]
      let table = try Program.run(["replay"] + options, input: log).outputText
      #expect(table.contains("\nDetections\ncount  priority       rule\n1,200  informational  reads\n"), "\(table)")
      let json = try JSON.parse(try Program.run(["replay", "--format", "json"] + options, input: log).output)
      let family = json["families"]?.array?.first { $0["name"]?.string == Self.detections }
      #expect(family?["samples"]?.array?.count == 2)
      let page = try Program.replay(["-"], input: log, options: ["--rules", folder + "/rules.yaml"])
      #expect(counts(page) == ["reads": 1200, "never": 0])
      #expect(try counts(Program.replay(["-"], input: log)) == [:], "without rules there is none")
    }
  }

  // MARK: - serve

  @Test func aFileIsCountedAndRestarted() throws {
    try Files.withTemporaryFolder { folder in
      try write(Self.rule("reads") + Self.rule("never", "ka.verb = nothing"), folder + "/rules.yaml")
      let now = Event.now
      let events = (0..<30).flatMap { Event(number: $0, time: now).line }
      try Files.write(events, to: folder + "/audit.log")
      let arguments = ["--input.file", folder + "/audit.log", "--rules.file", folder + "/rules.yaml"]
      let first = try Exporter(arguments, storage: folder + "/data")
      let page = try first.page(received: 30)
      #expect(counts(page) == ["reads": 30, "never": 0])
      #expect(page.sum(Self.inWindow, ["window": "5m", "rule": "reads", "priority": "informational"]) == 30)
      let promtool = try Program.tool("promtool", package: "prometheus")
      let judged = try Process.run([promtool, "check", "metrics"], input: Array(page.text.utf8))
      #expect(judged.status == 0 && judged.errorText.isEmpty, "\(judged.errorText)")
      first.process.signal(SIGTERM)
      #expect(try first.process.waitForExit() == 0)
      let second = try Exporter(arguments, storage: folder + "/data")
      let again = try second.page("what was counted") { $0.sum(Self.detections) > 0 }
      #expect(counts(again) == ["reads": 30, "never": 0])
      #expect(again.sum(Self.inWindow, ["window": "1h", "rule": "reads"]) == 30)
    }
  }

  @Test func aReloadTakesOtherRulesAndRefusesBadOnes() throws {
    try Files.withTemporaryFolder { folder in
      let path = folder + "/rules.yaml"
      try write(Self.rule("first"), path)
      let exporter = try Exporter(["--input.stdin", "--rules.file", path, "--web.enable-lifecycle"], input: .pipe)
      try exporter.process.send(Event.lines(0..<10))
      #expect(counts(try exporter.page(received: 10)) == ["first": 10])

      try write(Self.rule("second") + Self.rule("broken", "ka.vreb = get"), path)
      let refused = try curl(exporter.url + "/-/reload", ["-X", "POST"])
      #expect(refused.status == 500)
      #expect(refused.text.contains("\(path), line 9, column 14: there is no field"), "\(refused.text)")
      try exporter.process.send(Event.lines(10..<20))
      let kept = try exporter.page(received: 20)
      #expect(counts(kept) == ["first": 20] && kept.value(Self.reloaded) == 0)

      try write(Self.rule("second"), path)
      exporter.process.signal(SIGHUP)
      try exporter.page("a reload") { $0.value(Self.reloaded) == 1 && counts($0)["second"] == 0 }
      try exporter.process.send(Event.lines(20..<30))
      #expect(counts(try exporter.page(received: 30)) == ["first": 20, "second": 10])
    }
  }

  /// Each match that is counted is printed, in each format, more than are laid out at once.
  @Test func everyMatchIsPrinted() throws {
    try Files.withTemporaryFolder { folder in
      let path = folder + "/a log.jsonl"
      try write(
        Self.rule("all \"reads\"").replacing("output: o", with: "output: \"%ka.user.name read\"\n  tags: [mitre]")
          + Self.rule("of bob", "ka.user.name = bob"), folder + "/rules.yaml")
      try Files.write(Event.lines(0..<1100) + Event.lines(1100..<1101, user: "bob"), to: path)
      func matches(_ format: String, _ more: [String] = []) throws -> TestSupport.Process.Outcome {
        try Program.run(["replay", "--rules", folder + "/rules.yaml", "--matches", format] + more + [path])
      }
      let table = try matches("table")
      #expect(table.outputText.split(separator: "\n").count == 1102 + 3, "three parts, each with a header")
      let lines = try matches("jsonl").output.split(separator: UInt8(ascii: "\n")).map { try JSON.parse($0) }
      #expect(lines.count == 1102)
      #expect(lines.count { $0["rule"]?.string == "all \"reads\"" && $0["file"]?.string == path } == 1101)
      #expect(lines.last?["rule"]?.string == "of bob" && lines.last?["user"]?.string == "bob")
      #expect(lines.first?["output"]?.string == "alice read" && lines.first?["tags"]?.array?.first?.string == "mitre")
      let sarif = try JSON.parse(try matches("sarif").output)
      #expect(sarif["version"]?.string == "2.1.0")
      let run = try #require(sarif["runs"]?.array?.first)
      let rules = run["tool"]?["driver"]?["rules"]?.array?.compactMap { $0["id"]?.string } ?? []
      let results = run["results"]?.array ?? []
      #expect(rules == ["all \"reads\"", "of bob"] && results.count == 1102)
      for result in results {
        #expect(result["ruleId"]?.string == rules[result["ruleIndex"]?.int ?? 0])
        #expect(["error", "warning", "note"].contains(result["level"]?.string))
        #expect(result["message"]?["text"]?.string?.isEmpty == false)
      }
      let place = results.first?["locations"]?.array?.first?["physicalLocation"]?["artifactLocation"]?["uri"]?.string
      #expect(place == "file://" + path.replacing(" ", with: "%20"))

      // Under pseudonyms the rule's own words are left out.
      try Files.write(Array("0123456789abcdef0123456789abcdef\n".utf8), to: folder + "/key")
      #expect(unsafe chmod(folder + "/key", 0o600) == 0)
      for format in ["table", "jsonl", "sarif"] {
        let hidden = try matches(format, ["--pseudonyms.key-file", folder + "/key"])
        #expect(hidden.status == 0 && !hidden.outputText.contains("alice"), "\(hidden.errorText)")
      }
      #expect(try Program.run(["replay", "--matches", "jsonl", path]).errorText.contains("no rules are loaded"))
      try write(Self.rule("never", "ka.verb = nothing"), folder + "/rules.yaml")
      #expect(try matches("table").outputText == "No rule has matched.\n")
      #expect(try JSON.parse(try matches("sarif").output)["runs"]?.array?.first?["results"]?.array?.isEmpty == true)
    }
  }

  @Test func badRulesAreRefusedAtTheStart() throws {
    try Files.withTemporaryFolder { folder in
      try write(Self.rule("broken", "ka.vreb = get"), folder + "/rules.yaml")
      for arguments in [
        ["--input.stdin", "--storage.path", "", "--rules.file"], ["--config.check", "--input.stdin", "--rules.file"],
        ["replay", "-", "--rules"], ["rules", "check"],
      ] {
        let outcome = try Program.run(arguments + [folder + "/rules.yaml"])
        #expect(outcome.status == 1 && outcome.outputText.isEmpty, "\(arguments)")
        #expect(outcome.errorText.contains("/rules.yaml, line 3, column 14: there is no field"), "\(outcome.errorText)")
      }
    }
  }
}
