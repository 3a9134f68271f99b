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

  /// Many API servers push at once: every batch is answered and counted once.
  @Test func pushesAtTheSameTimeAreAllCounted() throws {
    let exporter = try Exporter(webhook: true)
    let url = "http://127.0.0.1:\(try #require(exporter.pushPort))/webhook"
    let pushes = try (0..<24).map { push in
      let items = (0..<50).map { Event(user: "server-\(push)", number: 50 * push + $0).json }
      return try RunningProcess(
        ["curl", "-s", "--noproxy", "*", "-w", "%{http_code}", "--data-binary", "@-", url],
        input: .bytes(Event.list(items)))
    }
    for push in pushes {
      #expect(try push.waitForExit() == 0)
      #expect(push.outputText == "200")
    }
    let page = try exporter.page(received: 1_200)
    #expect(page.sum("kube_audit_requests_total") == 1_200)
    expectBalance(page)
  }

  /// A spike that is going on shows in every window, by user and source IP; an old one in none.
  @Test func aSpikeIsInTheWindows() throws {
    let old = (0..<5).flatMap { Event(user: "yesterday", code: 403, decision: "forbid", number: $0).line }
    let now = Event.now
    let fresh = (5..<35).flatMap { Event(user: "mallory", code: 403, decision: "forbid", number: $0, time: now).line }
    let exporter = try Exporter(["--input.stdin"], input: .bytes(old + fresh))
    let page = try exporter.page(received: 35)
    #expect(page.sum("kube_audit_denied_requests_total") == 35)
    for window in ["5m", "15m", "1h"] {
      let denied = page.samples("kube_audit_window_denied_requests", ["window": window])
      #expect(denied.count == 1)
      let mallory = ["window": window, "user": "mallory", "source_ip": "203.0.113.7", "reason": "authorization"]
      #expect(page.value("kube_audit_window_denied_requests", mallory) == 30)
      #expect(page.sum("kube_audit_window_requests", ["window": window, "code_class": "4xx"]) == 30)
      #expect(page.value("kube_audit_window_distinct_users", ["window": window, "source_ip": "203.0.113.7"]) == 1)
      #expect(page.value("kube_audit_window_server_error_ratio", ["window": window]) == 0)
    }
    #expect(page.sum("kube_audit_events_late_total") == 5)
    #expect((page.value("kube_audit_event_lag_seconds") ?? -1) < 60)
  }
}
