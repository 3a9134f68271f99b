import TestSupport
import Testing

/// What the webhook answers to whom.
@Suite struct WebhookTests {
  private static let body = Event.list((0..<3).map { Event(number: $0).json })

  @Test func goodBatchesAreAnsweredWhenCounted() throws {
    let exporter = try Exporter(webhook: true)
    #expect(try exporter.push(Self.body).status == 200)
    #expect(try exporter.scrape().sum("kube_audit_requests_total") == 3)
    // Media types with parameters, none at all, and a chunked body are all the API server's right.
    let chunked = Event.list([Event(number: 9).json])
    #expect(try exporter.push(chunked, ["-H", "Transfer-Encoding: chunked", "-H", "Content-Type:"]).status == 200)
    // A scrape may be as old as a second.
    try exporter.page("the chunked body's event") { $0.sum("kube_audit_requests_total") == 4 }
  }

  /// The API server's largest batch: 400 events with bodies. It may be longer than the longest single event.
  @Test func aBatchMayBeLongerThanTheLongestEvent() throws {
    let exporter = try Exporter(webhook: true)
    let filler = String(repeating: "x", count: 50_000)
    let items = (0..<400).map { number in
      Event(number: number).json.replacing(
        "\"objectRef\"", with: "\"requestObject\":{\"data\":\"\(filler)\"},\"objectRef\"")
    }
    try #require(try exporter.push(Event.list(items)).status == 200)
    try exporter.page("every event") { $0.sum("kube_audit_requests_total") == 400 }
  }

  /// What should be events and cannot be read is 400. Lines of another log beside them are nobody's fault: they are ignored.
  @Test(arguments: [
    (#"{"kind":"EventList","items":[{"kind":"#, 400), (#"{"kind":"Event","auditID":"a","stage""#, 400), ("", 400),
    (#"{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[1,{}]}"#, 400),
    (#"{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[]}"#, 200),
    ("I0105 08:00:00.000000       1 controller.go:1] starting", 200), (#"{"kind":"Pod","apiVersion":"v1"}"#, 200),
  ])
  func onlyWhatCannotBeReadIs400(body: String, status: Int) throws {
    let exporter = try Exporter(webhook: true)
    #expect(try exporter.push(Array(body.utf8)).status == status)
    // The same again is the same answer, not a success because it is known.
    #expect(try exporter.push(Array(body.utf8)).status == status)
    let page = try exporter.scrape()
    #expect(page.sum("kube_audit_push_requests_total", ["code": "\(status)"]) == 2)
    #expect(page.sum("kube_audit_requests_total") == 0)
    expectBalance(page)
  }

  @Test func oneBadEventFailsNoBatch() throws {
    let exporter = try Exporter(webhook: true)
    let good = (0..<4).map { Event(number: $0).json }
    let bad = ["17", "\"text\"", "{}", "{\"stage\":\"ResponseComplete\",\"auditID\":}", "{\"kind\":\"Pod\"}"]
    for (index, bad) in bad.enumerated() {
      let items = Array(good[..<2]) + [bad] + [Event(number: 100 + index).json] + Array(good[2...])
      #expect(try exporter.push(Event.list(items)).status == 200, "\(bad)")
    }
    let page = try exporter.scrape()
    // 25 good ones, each whole beside its bad neighbour.
    #expect(page.sum("kube_audit_requests_total") == 25)
    expectBalance(page)
  }

  @Test func requestsThatAreNoneAreRefused() throws {
    let exporter = try Exporter(webhook: true)
    let url = "http://127.0.0.1:\(try #require(exporter.pushPort))"
    #expect(try exporter.push(Self.body, to: "/webhook/unheard-of").status == 404)
    #expect(try exporter.push(Self.body, to: "/somewhere").status == 404)
    let get = try curl(url + "/webhook")
    #expect(get.status == 405)
    #expect(get.headers["allow"]?.contains("POST") == true)
    #expect(try exporter.push(Self.body, ["-H", "Content-Encoding: br"]).status == 415)
    #expect(try exporter.push(Array("\u{1f}\u{8b} no gzip".utf8), ["-H", "Content-Encoding: gzip"]).status == 400)
    // The metrics have a listener of their own.
    #expect(try curl(url + "/metrics").status == 404)
    #expect(try curl(exporter.url + "/webhook", ["-X", "POST", "-d", "{}"]).status == 404)
    #expect(try exporter.scrape().sum("kube_audit_requests_total") == 0)
  }

  @Test func onlyTooLargeBodiesAre413() throws {
    try Files.withTemporaryFolder { folder in
      let configuration = "inputs:\n  webhook:\n    body_limit_bytes: 1MiB\n    decoded_limit_bytes: 2MiB\n"
      let exporter = try Exporter(configuration: configuration, folder: folder, webhook: true)
      let space = { (count: Int) in [UInt8](repeating: UInt8(ascii: " "), count: count) }
      let gzip = { (bytes: [UInt8]) in try Process.run(["gzip", "-c"], input: bytes).output }
      #expect(try exporter.push(Self.body + space(900_000)).status == 200)
      #expect(try exporter.push(Self.body + space(1 << 20)).status == 413)
      #expect(try exporter.push(Self.body + space(1 << 20), ["-H", "Transfer-Encoding: chunked"]).status == 413)
      let packed = ["-H", "Content-Encoding: gzip"]
      #expect(try exporter.push(gzip(Self.body + space(1_500_000)), packed).status == 200)
      #expect(try exporter.push(gzip(Self.body + space(4_000_000)), packed).status == 413)
      let page = try exporter.scrape()
      #expect(page.sum("kube_audit_push_requests_total", ["code": "413"]) == 3)
      #expect(page.sum("kube_audit_requests_total") == 6)
      #expect(page.sum("kube_audit_queue_bytes") == 0, "what was refused gave its room back")
    }
  }

  /// A body that arrives slowly holds the queue's room: others are told to come again, and then are counted.
  @Test func aFullQueueIs503AndHeals() throws {
    try Files.withTemporaryFolder { folder in
      let exporter = try Exporter(configuration: "queue:\n  limit_bytes: 1MiB\n", folder: folder, webhook: true)
      var slow: RawConnection? = try RawConnection(port: try #require(exporter.pushPort))
      slow?.send("POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 1048000\r\n\r\n")
      slow?.send([UInt8](repeating: UInt8(ascii: " "), count: 1_000_000))
      try exporter.page("a queue held by a slow body") { $0.sum("kube_audit_queue_bytes") > 900_000 }
      let body = Self.body + [UInt8](repeating: UInt8(ascii: " "), count: 200_000)
      let refused = try exporter.push(body)
      #expect(refused.status == 503)
      #expect((refused.headers["retry-after"].flatMap { Int($0) } ?? 0) > 0)
      slow = nil
      let page = try exporter.page("an empty queue") { $0.sum("kube_audit_queue_bytes") == 0 }
      #expect(page.sum("kube_audit_push_requests_total", ["code": "503"]) == 1)
      #expect(page.sum("kube_audit_queue_limit_bytes") == 1 << 20)
      #expect(try exporter.push(body).status == 200)
      try exporter.page("the batch") { $0.sum("kube_audit_requests_total") == 3 }
    }
  }

  @Test func otherMachinesNeedConsent() throws {
    let port = try FreePort.next()
    let metrics = try FreePort.next()
    let arguments = [
      "serve", "--web.listen-address", "127.0.0.1:\(metrics)", "--input.webhook.listen-address", "0.0.0.0:\(port)",
      "--storage.path", "",
    ]
    let refused = try Program.run(arguments)
    #expect(refused.status == 1)
    #expect(refused.errorText.contains("--input.webhook.insecure"))
    let consenting = try RunningProcess([Program.path] + arguments + ["--input.webhook.insecure"])
    let answer = try consenting.wait(for: "an answer to a push") { () -> Answer? in
      let answer = try curl("http://127.0.0.1:\(port)/webhook", ["--data-binary", "@-"], input: Self.body)
      return answer.exit == 0 ? answer : nil
    }
    #expect(answer.status == 200)
  }
}
