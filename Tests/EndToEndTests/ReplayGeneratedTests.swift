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
    let document = try JSON.parse(json.output)
    let table = try Program.run(["replay", "-"], input: log.bytes)
    #expect(table.status == 0)
    let words = Set(table.outputText.split { !$0.isNumber })
    for code in page.sums("kube_audit_requests_total", by: ["code"]).values {
      #expect(words.contains(Substring(String(code))), "the table lacks \(code):\n\(table.outputText)")
    }
    #expect(document.object?.isEmpty == false)
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
}
