import TestSupport
import Testing

/// The same events in every wrapping: the same counts, to the last series.
@Suite struct ShapesTests {
  static let plain = Result {
    try Program.replay(["-"], input: try GeneratedLog.shared.get().bytes).countedLines
  }

  @Test(arguments: [
    "no-last-line-feed", "windows", "concatenated", "pretty", "reversed-keys", "node-prefix", "event-lists",
    "event-list", "pretty-event-list", "array", "gzip", "gzip-members", "shipper-text", "shipper-object",
    "shipper-message",
    "cri", "otlp", "cloudwatch", "awslogs", "kinesis", "aks", "aks-lines",
  ])
  func theSameEventsCountTheSame(shape: String) throws {
    let log = try GeneratedLog.shared.get()
    let shaped = try Program.python("reshape.py", [shape], input: log.bytes)
    try Files.withTemporaryFolder { folder in
      try Files.write(shaped, to: folder + "/audit.log")
      let page = try Program.replay([folder + "/audit.log"])
      let plain = try Self.plain.get()
      #expect(plain.count > 100)
      expectSame(page.countedLines, plain)
      expectBalance(page)
    }
  }

  /// Records of AKS' two categories hold the same events: each counts once.
  @Test func bothCategoriesOfAKSCountOnce() throws {
    let log = try GeneratedLog.shared.get()
    let shaped = try Program.python("reshape.py", ["aks-both-categories"], input: log.bytes)
    let page = try Program.replay(["-"], input: shaped)
    let repeated = shaped.split(separator: UInt8(ascii: "\n")).count - log.lines.count
    #expect(page.sum("kube_audit_events_duplicate_total") == repeated)
    #expect(repeated > 500)
    let accounts: Set = ["kube_audit_events_duplicate_total", "kube_audit_events_received_total"]
    func counted(_ lines: [String]) -> [String] { lines.filter { !accounts.contains(String($0.prefix { $0 != " " })) } }
    expectSame(counted(page.countedLines), counted(try Self.plain.get()))
    expectBalance(page)
  }
}
