import TestSupport
import Testing

/// Connections that keep places, stop in the middle, or speak something else, on both listeners of the real program: whoever
/// scrapes and pushes beside them is served.
@Suite struct HostileConnectionTests {
  private static let body = Event.list([Event(number: 1).json])

  private static func post(_ length: Int) -> String {
    "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: \(length)\r\n\r\n"
  }

  /// Another client's scrape and push.
  private static func expectService(_ exporter: Exporter, _ what: String) throws {
    let page = try curl(exporter.url + "/metrics", ["-m", "50"])
    #expect(page.status == 200, "\(what): scrape, curl exits with \(page.exit)")
    let push = try exporter.push(body, ["-m", "50"])
    #expect(push.status == 200, "\(what): push, curl exits with \(push.exit)")
  }

  /// Silent ones, half heads and half bodies, more than there are places, and more than the process may open.
  @Test(arguments: [[], ["prlimit", "--nofile=256:256"]])
  func idleConnectionsKeepNobodyOut(wrapper: [String]) throws {
    let exporter = try Exporter(webhook: true, wrapper: wrapper)
    let begun = ["", "GET /metrics HTTP/1.1\r\nHost: x\r\nA: ", Self.post(100_000) + "{"]
    var held: [RawConnection] = []
    for number in 0..<1_000 {
      let connection = try RawConnection(port: number % 2 == 0 ? exporter.port : try #require(exporter.pushPort))
      connection.send(begun[number % 3])
      held.append(connection)
      if number % 250 == 249 { try Self.expectService(exporter, "\(number) idle connections") }
    }
    held = []
    try exporter.page("given back what was reserved") { $0.sum("kube_audit_queue_bytes") == 0 }
  }

  /// Clients that ask for a page and read none of it, on a page that no socket holds whole.
  @Test func slowReadersOfTheMetricsKeepNobodyOut() throws {
    let events = (0..<5_000).flatMap { number in
      let name = "\(number)-" + String(repeating: "x", count: 240)
      return Event(user: name, sourceIP: "10.0.\(number / 250).\(number % 250)", code: 403, decision: "forbid").line
    }
    let exporter = try Exporter(["--input.stdin"], webhook: true, input: .bytes(events))
    // Not parsed: it is long.
    try exporter.process.wait(for: "the events") {
      try curl(exporter.url + "/metrics").text.contains("_received_total{input=\"stdin\"} 5000\n") ? true : nil
    }
    var slow: [RawConnection] = []
    for number in 0..<560 {
      let connection = try RawConnection(port: exporter.port)
      connection.narrow()
      connection.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
      slow.append(connection)
      if number % 280 == 279 { try Self.expectService(exporter, "\(number) slow readers") }
    }
    withExtendedLifetime(slow) {}
    // A page that is being sent is there once, however many it is sent to.
    #expect(try exporter.residentPeakBytes() < 128 << 20)
  }

  /// Resets at random places of requests and answers: nothing stays reserved, and every batch counts once or not at all.
  @Test func resetsLeaveNothingBehind() throws {
    let exporter = try Exporter(webhook: true)
    let requests = [
      (exporter.port, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"),
      (try #require(exporter.pushPort), Self.post(Self.body.count) + String(decoding: Self.body, as: UTF8.self)),
      (
        try #require(exporter.pushPort),
        "POST /webhook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhello\r\n0\r\n\r\n"
      ),
    ]
    for seed in 0..<Campaign.size("resets", short: 300) {
      var random = SplitMix64(seed: UInt64(Campaign.seed + seed))
      let (port, request) = random.pick(requests)
      let connection = try RawConnection(port: port)
      connection.resetAtEnd()
      let isWhole = random.oneIn(2)
      connection.send(request.utf8.prefix(isWhole ? request.utf8.count : random.below(request.utf8.count)))
      if isWhole, random.oneIn(2) {
        #expect(connection.read { !$0.isEmpty }.hasPrefix("HTTP/1.1 200 "), "seed \(seed)")
      }
      if seed % 100 == 99 { try Self.expectService(exporter, "resets up to \(seed)") }
    }
    let page = try exporter.page("nothing reserved") {
      // A page may be a second old, or lack what is not committed yet.
      $0.sum("kube_audit_queue_bytes") == 0 && $0.sum("kube_audit_requests_total") > 0
    }
    #expect(page.sum("kube_audit_requests_total") == 1)
    expectBalance(page)
  }

  /// Whoever has said all and only reads may be answered or closed: its batch counts once. Whoever has not is closed, not
  /// waited for.
  @Test func halfClosedConnections() throws {
    let exporter = try Exporter(webhook: true)
    let push = try #require(exporter.pushPort)
    let rows = [
      (exporter.port, "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK"),
      (push, Self.post(Self.body.count) + String(decoding: Self.body, as: UTF8.self), "HTTP/1.1 200 OK"),
      (push, Self.post(Self.body.count) + "{", ""), (push, "POST /webhook HTTP/1.1\r\nHost", ""),
      (exporter.port, "", ""), (push, "", ""),
    ]
    for (port, request, answer) in rows {
      let connection = try RawConnection(port: port)
      connection.send(request)
      connection.finishSending()
      let text = connection.read()
      #expect(text.isEmpty || !answer.isEmpty && text.hasPrefix(answer), "\(request.prefix(40)): \(text.prefix(60))")
    }
    try Self.expectService(exporter, "half-closed connections")
    let page = try exporter.page("nothing reserved") {
      // A page may be a second old, or lack what is not committed yet.
      $0.sum("kube_audit_queue_bytes") == 0 && $0.sum("kube_audit_requests_total") > 0
    }
    #expect(page.sum("kube_audit_requests_total") == 1)
  }

  /// A body is asked for only when its head is admitted.
  @Test func leaveToSendIsGivenByTheHead() throws {
    let exporter = try Exporter(webhook: true)
    let push = try #require(exporter.pushPort)
    func head(_ path: String, _ length: String) -> String {
      "POST \(path) HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\(length)\r\n\r\n"
    }
    let length = "Content-Length: \(Self.body.count)"
    let admitted = try RawConnection(port: push)
    admitted.send(head("/webhook", length))
    #expect(admitted.read { $0.hasSuffix("\r\n\r\n") } == "HTTP/1.1 100 Continue\r\n\r\n")
    admitted.send(Self.body)
    #expect(admitted.answer()?.status == 200)
    for (path, length, code) in [
      ("/webhook/unheard-of", length, 404), ("/webhook", "Content-Length: 100000000000", 413),
      ("/webhook", length + "\r\nContent-Encoding: br", 415), ("/webhook", "Content-Length: 3, 4", 400),
    ] {
      // Closed, so that the body, should it follow all the same, is no request.
      let answer = try RawConnection.exchange(push, head(path, length))
      #expect(answer.hasPrefix("HTTP/1.1 \(code) ") && answer.contains("Connection: close"), "\(code): \(answer)")
    }
  }

  /// TLS where none is spoken, and none where it is.
  @Test func theOtherProtocol() throws {
    try Files.withTemporaryFolder { folder in
      let certificates = Certificates(folder: folder)
      try certificates.authority("ca")
      try certificates.issue("server", by: "ca", purpose: "serverAuth", names: "IP:127.0.0.1")
      let file = folder + "/web.yml"
      try Files.write(Array("tls_server_config: {cert_file: server.pem, key_file: server.key}\n".utf8), to: file)
      let secure = try Exporter(
        ["--web.config.file", file, "--input.webhook.config.file", file, "--input.webhook.insecure"], webhook: true,
        scheme: "https", pushScheme: "https", client: ["--cacert", certificates.certificate("ca")])
      let plain = try Exporter(webhook: true)
      for port in [secure.port, try #require(secure.pushPort)] {
        let answer = try RawConnection.exchange(port, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(!answer.contains("HTTP/"), "\(answer)")
      }
      #expect(try secure.scrape().samples.count > 0)
      for port in [plain.port, try #require(plain.pushPort)] {
        #expect(try curl("https://127.0.0.1:\(port)/metrics", ["-k", "-m", "1"]).status == 0)
      }
      try Self.expectService(plain, "handshakes")
    }
  }
}
