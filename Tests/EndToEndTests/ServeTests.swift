import TestSupport
import Testing

/// However events come in, `serve` counts what `replay` counts.
@Suite struct ServeTests {
  private static let replayed = Result { try Program.replay(["-"], input: try GeneratedLog.shared.get().bytes) }

  private func expectReplayed(_ page: Page, sourceLocation: SourceLocation = #_sourceLocation) throws {
    expectSame(page.countedLines, try Self.replayed.get().countedLines, sourceLocation: sourceLocation)
    expectBalance(page, sourceLocation: sourceLocation)
  }

  @Test(arguments: [false, true])
  func aFileCountsAsReplayed(isGzip: Bool) throws {
    let log = try GeneratedLog.shared.get()
    try Files.withTemporaryFolder { folder in
      let path = folder + (isGzip ? "/audit.log.gz" : "/audit.log")
      try Files.write(isGzip ? Program.python("reshape.py", ["gzip"], input: log.bytes) : log.bytes, to: path)
      let exporter = try Exporter(["--input.file", path])
      try expectReplayed(exporter.page(received: log.lines.count))
    }
  }

  @Test func standardInputCountsAsReplayed() throws {
    let log = try GeneratedLog.shared.get()
    let exporter = try Exporter(["--input.stdin"], input: .bytes(log.bytes))
    try expectReplayed(exporter.page(received: log.lines.count))
    #expect(exporter.process.isRunning, "the end of the input is not the end of the exporter")
  }

  @Test func aPipeIsReadAsItIsWritten() throws {
    let exporter = try Exporter(["--input.stdin"], input: .pipe)
    for (first, wanted) in [(0, 10), (10, 20), (20, 30)] {
      try exporter.process.send(Event.lines(first..<wanted))
      try exporter.page(received: wanted)
    }
    exporter.process.closeInput()
    #expect(try exporter.scrape().sum("kube_audit_requests_total") == 30)
  }

  /// The API server's batches, in either encoding; a batch that comes again, in either encoding, is known.
  @Test(arguments: [false, true])
  func theWebhookCountsAsReplayed(isGzip: Bool) throws {
    let log = try GeneratedLog.shared.get()
    let lists = try Program.python("reshape.py", ["event-lists"], input: log.bytes).split(separator: UInt8(ascii: "\n"))
    #expect(lists.count == 8)
    let exporter = try Exporter(webhook: true)
    for list in lists { #expect(try push(Array(list), isGzip: isGzip, exporter).status == 200) }
    // Whoever has the answer finds the events counted: no waiting here.
    let page = try exporter.scrape()
    try expectReplayed(page)
    for list in lists.prefix(3) {
      for isGzip in [false, true] { #expect(try push(Array(list), isGzip: isGzip, exporter).status == 200) }
    }
    let again = try exporter.page("duplicates") { $0.sum("kube_audit_events_duplicate_total") >= 2_400 }
    #expect(again.sum("kube_audit_events_duplicate_total") == 2_400)
    #expect(
      again.sums("kube_audit_requests_total", by: ["code", "verb"])
        == page.sums("kube_audit_requests_total", by: ["code", "verb"]))
    #expect(again.sum("kube_audit_push_requests_total", ["code": "200"]) == 14)
    expectBalance(again)
  }

  private func push(_ body: [UInt8], isGzip: Bool, _ exporter: Exporter) throws -> Answer {
    guard isGzip else { return try exporter.push(body) }
    let gzip = try Program.tool("gzip", package: "gzip")
    let packed = try Process.run([gzip, "-1", "-c"], input: body).output
    return try exporter.push(packed, ["-H", "Content-Encoding: gzip"])
  }

  /// The same batch under another cluster's path is another batch.
  @Test func clustersOfTheWebhookAreTold() throws {
    try Files.withTemporaryFolder { folder in
      let exporter = try Exporter(
        configuration: "inputs:\n  webhook:\n    clusters: [prod, \"eu-west:staging\"]\n", folder: folder, webhook: true
      )
      let body = Event.list((0..<5).map { Event(number: $0).json })
      for path in ["/webhook", "/webhook/prod", "/webhook/eu-west:staging", "/webhook/eu-west%3Astaging"] {
        #expect(try exporter.push(body, to: path).status == 200)
      }
      let page = try exporter.scrape()
      #expect(
        page.sums("kube_audit_requests_total", by: ["k8s_cluster"])
          == ["default": 5, "prod": 5, "eu-west:staging": 5])
      #expect(page.sum("kube_audit_events_duplicate_total") == 5)
    }
  }
}
