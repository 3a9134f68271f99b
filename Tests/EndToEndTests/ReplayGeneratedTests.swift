import TestSupport
import Testing

/// `replay` of logs whose counts the generator knows.
@Suite struct ReplayGeneratedTests {
  @Test(arguments: ["mixed", "metadata"])
  func countsAreTheGenerators(profile: String) throws {
    let log = try GeneratedLog(events: 20_000, profile: profile)
    try Files.withTemporaryFolder { folder in
      try Files.write(log.bytes, to: folder + "/audit.log")
      let page = try Program.replay([folder + "/audit.log"])
      Expected.expectGenerated(page, log.expected)
      expectBalance(page)
      #expect(page.sum("kube_audit_input_bytes_total") == log.bytes.count)
      #expect(page.sum("kube_audit_events_rejected_total") == 0)
    }
  }

  @Test func everyFormatHasTheSameNumbers() throws {
    let log = try GeneratedLog.shared.get()
    let page = try Program.replay(["-"], input: log.bytes)
    let json = try Program.run(["replay", "--format", "json", "-"], input: log.bytes)
    #expect(json.status == 0)
    let families = try #require(JSON.parse(json.output)["families"]?.array)
    var series: [String: Double] = [:]
    for family in families {
      let name = family["name"]?.string ?? ""
      for sample in family["samples"]?.array ?? [] {
        let labels = (sample["labels"]?.object ?? [:]).compactMapValues(\.string)
        series["\(name) \(labels.sorted { $0.key < $1.key })"] = sample["value"]?.number
      }
    }
    let wanted = page.samples.filter { $0.name.hasPrefix("kube_audit_") && !$0.name.contains("exporter") }
    #expect(wanted.count > 500)
    for sample in wanted {
      let key = "\(sample.name) \(sample.labels.sorted { $0.key < $1.key })"
      #expect(series[key] == sample.value, "\(key)")
    }
    let table = try Program.run(["replay", "-"], input: log.bytes)
    #expect(table.status == 0)
    let words = Set(table.outputText.split { $0.isWhitespace }.map { $0.filter { $0 != "," } })
    for count in page.sums("kube_audit_requests_total", by: ["code"]).values {
      #expect(words.contains(String(count)), "the table lacks \(count):\n\(table.outputText)")
    }
  }

  @Test func severalFilesAreCountedTogether() throws {
    let first = try GeneratedLog(events: 300, profile: "metadata", seed: 21)
    let second = try GeneratedLog(events: 300, profile: "mixed", seed: 22)
    try Files.withTemporaryFolder { folder in
      try Files.write(first.bytes, to: folder + "/a.log")
      try Files.write(second.bytes, to: folder + "/b.log")
      let both = try Program.replay([folder + "/a.log", folder + "/b.log"])
      let joined = try Program.replay(["-"], input: first.bytes + second.bytes)
      #expect(both.countedLines == joined.countedLines)
      #expect(both.sum("kube_audit_events_received_total") == 600)
    }
  }

  @Test func aFileThatIsNotThereIsAFailureThatNamesIt() throws {
    let outcome = try Program.run(["replay", "--format", "openmetrics", "/nonexistent/audit.log"])
    #expect(outcome.status == 1)
    #expect(outcome.errorText.contains("/nonexistent/audit.log"))
  }

  /// An archive that was cut: what is whole is counted, and the exit code says that it was not all.
  @Test func aCutArchiveIsCountedAsFarAsItGoes() throws {
    try Files.withTemporaryFolder { folder in
      let path = folder + "/audit.log.gz"
      let packed = try Program.python("reshape.py", ["gzip"], input: GeneratedLog.shared.get().bytes)
      try Files.write(Array(packed.prefix(packed.count / 2)), to: path)
      let outcome = try Program.run(["replay", "--format", "openmetrics", path])
      #expect(outcome.status == 1)
      #expect(outcome.errorText.contains(path), "\(outcome.errorText)")
      let page = try Page(outcome.outputText)
      #expect((1_000..<2_500).contains(page.sum("kube_audit_events_received_total")))
      expectBalance(page)
    }
  }

  @Test func aReplayThatGoesWellSaysNothingElse() throws {
    for format in ["table", "json", "openmetrics"] {
      let outcome = try Program.run(["replay", "--format", format, "-"], input: Event.lines(0..<3))
      #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errorText)")
      #expect(!outcome.output.isEmpty)
    }
  }
}
