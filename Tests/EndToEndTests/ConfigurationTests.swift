import TestSupport
import Testing

/// The configuration file, the flags, and what is said about mistakes in either.
@Suite struct ConfigurationTests {
  private func check(_ text: String, _ arguments: [String] = []) throws -> Process.Outcome {
    try Files.withTemporaryFolder { folder in
      try Files.write(Array(text.utf8), to: folder + "/exporter.yaml")
      return try Program.run(
        ["--config.check", "--config.file", folder + "/exporter.yaml"] + arguments)
    }
  }

  @Test func aGoodFileIsFoundGood() throws {
    let good = """
      cluster:
        name: prod
      clusters: [{name: prod}, {name: staging}]
      inputs:
        file:
          - /var/log/kubernetes/audit.log
          - {path: "/var/log/nodes/*/audit.log", cluster: staging}
      windows: [5m, 15m, 1h, 6h]
      limits:
        denied:
          series_per_cluster: 1000
      """
    let outcome = try check(good)
    #expect(outcome.status == 0, "\(outcome.errorText)")
    #expect(outcome.outputText.contains("SUCCESS"))
  }

  /// Every mistake at once, each with its line, what is wrong and what to do.
  @Test func everyMistakeIsTold() throws {
    let bad = """
      inputs:
        fle: [/var/log/audit.log]
        stdin: maybe
      windows: [5m, 15m]
      max_lag: 3parsecs
      queue:
        limit_bytes: 12
      log:
        level: loud
      """
    let outcome = try check(bad)
    #expect(outcome.status == 1)
    let lines = outcome.errorText.split(separator: "\n")
    let rows = [
      (line: 2, words: ["inputs.fle", "inputs.file"]), (line: 3, words: ["inputs.stdin", "maybe", "true or false"]),
      (line: 4, words: ["windows", "1h"]), (line: 5, words: ["max_lag", "3parsecs"]),
      (line: 7, words: ["queue.limit_bytes", "12", "1MiB"]), (line: 9, words: ["log.level", "loud", "debug"]),
    ]
    for row in rows {
      let line = lines.first { $0.contains(row.words[0]) }
      let text = try #require(line, "nothing about \(row.words[0]):\n\(outcome.errorText)")
      #expect(text.contains("exporter.yaml, line \(row.line)"), "\(text)")
      for word in row.words { #expect(text.contains(word), "no \(word) in: \(text)") }
    }
    #expect(lines.count == rows.count, "\(outcome.errorText)")
  }

  @Test func mistakesOfTheCommandLineAreTold() throws {
    let value = try Program.run(["serve", "--input.stdin", "--web.max-requests", "many"])
    #expect(value.status == 1 && value.errorText.contains("--web.max-requests"), "\(value.errorText)")
    let nothing = try Program.run(["serve", "--web.listen-address", "127.0.0.1:0"])
    #expect(nothing.status == 1 && nothing.errorText.contains("--input.file"), "\(nothing.errorText)")
    let missing = try Program.run(["serve", "--config.file", "/nonexistent.yaml"])
    #expect(missing.status == 1 && missing.errorText.contains("/nonexistent.yaml"), "\(missing.errorText)")
    let flag = try Program.run(["serve", "--input.fil", "x"])
    #expect(flag.status == 2 && flag.errorText.contains("--input.file"), "\(flag.errorText)")
    let file = try Program.run(["replay", "--format", "xml", "-"])
    #expect(file.status == 2 && file.errorText.contains("openmetrics"), "\(file.errorText)")
  }

  @Test func aFileThatIsNoYAMLIsRefusedWithItsPlace() throws {
    let outcome = try check("inputs:\n  file: [unclosed\nlog: {}\n")
    #expect(outcome.status == 1)
    #expect(outcome.errorText.contains("exporter.yaml, line "), "\(outcome.errorText)")
    #expect(try check("").status == 1, "an empty file has no input")
    #expect(try check("", ["--input.stdin"]).status == 0)
  }

  @Test func flagsWinOverTheFile() throws {
    try Files.withTemporaryFolder { folder in
      let configuration = """
        cluster:
          name: of-the-file
        web:
          telemetry_path: /of-the-file
          enable_lifecycle: true
        """
      let exporter = try Exporter(
        ["--input.stdin", "--cluster.name", "of-the-flag", "--web.telemetry-path", "/metrics"],
        configuration: configuration, folder: folder, input: .bytes(Event.lines(0..<3)))
      let page = try exporter.page(received: 3)
      #expect(page.sums("kube_audit_requests_total", by: ["k8s_cluster"]) == ["of-the-flag": 3])
      #expect(try curl(exporter.url + "/of-the-file").status == 404)
      // What no flag says, the file says.
      #expect(try curl(exporter.url + "/-/reload", ["-X", "POST"]).status == 200)
    }
  }

  @Test func whatIsConfiguredIsCounted() throws {
    try Files.withTemporaryFolder { folder in
      let configuration = """
        tracked_objects: [{name: all-pods, resource: pods, verbs: ["*"]}]
        trusted_proxies: [10.0.0.0/8]
        limits:
          denied: {series_per_cluster: 4}
        """
      let log = (0..<20).flatMap { Event(user: "user-\($0)", sourceIP: "203.0.113.\($0)", code: 403, number: $0).line }
      let proxied = Event(sourceIP: "198.51.100.9\",\"10.1.2.3", code: 401, number: 99).line
      try Files.write(log + proxied, to: folder + "/audit.log")
      let page = try Program.replay([folder + "/audit.log"], options: try self.file(configuration, folder))
      #expect(page.sum("kube_audit_tracked_requests_total", ["object": "all-pods"]) == 21)
      let denied = "kube_audit_denied_requests_total"
      #expect(page.sum(denied) == 21, "limits fold, they lose nothing")
      #expect(page.samples(denied).count < 8)
      #expect(page.sum(denied, ["user": "(other)", "source_ip": "(other)"]) > 10)
      #expect(page.sum("kube_audit_series_overflow_total") > 10)
      #expect(page.sum("kube_audit_series_limit", ["family": denied]) > 0)
    }
    let proxied = Event(sourceIP: "198.51.100.9\",\"10.1.2.3", code: 401).line
    let plain = try Program.replay(["-"], input: proxied)
    #expect(plain.sums("kube_audit_denied_requests_total", by: ["source_ip"]) == ["10.1.2.3": 1])
    try Files.withTemporaryFolder { folder in
      let options = try file("trusted_proxies: [10.0.0.0/8]\n", folder)
      let trusting = try Program.replay(["-"], input: proxied, options: options)
      #expect(trusting.sums("kube_audit_denied_requests_total", by: ["source_ip"]) == ["198.51.100.9": 1])
    }
  }

  private func file(_ configuration: String, _ folder: String) throws -> [String] {
    try Files.write(Array(configuration.utf8), to: folder + "/exporter.yaml")
    return ["--config.file", folder + "/exporter.yaml"]
  }
}
