import Glibc
import TestSupport
import Testing

/// Starting, reloading, ending.
@Suite struct LifecycleTests {
  private static let reloaded = "kube_audit_exporter_config_last_reload_successful"
  private static let good = "clusters: [{name: first}]\n"
  private static let better = "clusters: [{name: first}, {name: second}]\n"
  private static let bad = "clusters: [{name: third}]\nclustres: []\n"

  private func write(_ text: String, _ folder: String) throws {
    try Files.write(Array(text.utf8), to: folder + "/exporter.yaml")
  }

  private func expected(_ page: Page) -> Set<String> {
    Set(page.samples("kube_audit_cluster_expected").compactMap { $0.labels["k8s_cluster"] })
  }

  @Test func readinessComesAfterLife() throws {
    let port = try FreePort.next()
    let process = try RunningProcess([
      Program.path, "serve", "--input.stdin", "--web.listen-address", "127.0.0.1:\(port)", "--storage.path", "",
    ])
    var seen: [Int] = []
    try process.wait(for: "readiness") { () -> Bool? in
      let status = try curl("http://127.0.0.1:\(port)/-/ready").status
      if seen.last != status { seen.append(status) }
      return status == 200 ? true : nil
    }
    // Nobody listens (0), then perhaps a listener that is not ready, then ready.
    #expect([[0, 503, 200], [0, 200], [503, 200], [200]].contains(seen), "\(seen)")
    let healthy = try curl("http://127.0.0.1:\(port)/-/healthy")
    #expect(healthy.status == 200 && !healthy.text.isEmpty)
    #expect(try curl("http://127.0.0.1:\(port)/metrics").status == 200, "who is ready can be scraped")
  }

  @Test func hangupReloads() throws {
    try Files.withTemporaryFolder { folder in
      let exporter = try Exporter(["--input.stdin"], configuration: Self.good, folder: folder)
      let first = try exporter.page("the first cluster") { !expected($0).isEmpty }
      #expect(expected(first) == ["first"])
      try write(Self.better, folder)
      exporter.process.signal(SIGHUP)
      let second = try exporter.page("the second cluster") { expected($0).contains("second") }
      #expect(second.value(Self.reloaded) == 1)
      try write(Self.bad, folder)
      exporter.process.signal(SIGHUP)
      let third = try exporter.page("a failed reload") { $0.value(Self.reloaded) == 0 }
      #expect(expected(third) == ["first", "second"], "what was in force stays")
      let success = "kube_audit_exporter_config_last_reload_success_timestamp_seconds"
      #expect(third.value(success) == second.value(success))
      let line = try exporter.process.waitForLine("what is wrong") { $0.contains("clustres") }
      #expect(line.contains("line 2"), "\(line)")
      try write(Self.good, folder)
      exporter.process.signal(SIGHUP)
      let fourth = try exporter.page("a good reload after a failed one") { $0.value(Self.reloaded) == 1 }
      #expect(expected(fourth).contains("first"))
    }
  }

  @Test func reloadingOverHTTPNeedsConsent() throws {
    try Files.withTemporaryFolder { folder in
      let closed = try Exporter(["--input.stdin"], configuration: Self.good, folder: folder)
      #expect(try curl(closed.url + "/-/reload", ["-X", "POST"]).status == 403)
      let open = try Exporter(["--input.stdin", "--web.enable-lifecycle"], configuration: Self.good, folder: folder)
      #expect(try curl(open.url + "/-/reload").status == 405)
      try write(Self.better, folder)
      #expect(try curl(open.url + "/-/reload", ["-X", "POST"]).status == 200)
      try open.page("the second cluster") { expected($0).contains("second") }
      try write(Self.bad, folder)
      let failed = try curl(open.url + "/-/reload", ["-X", "POST"])
      #expect(failed.status == 500)
      #expect(failed.text.contains("clustres") && failed.text.contains("clusters"), "\(failed.text)")
      try open.page("a failed reload") { $0.value(Self.reloaded) == 0 }
    }
  }

  @Test(arguments: [SIGTERM, SIGINT])
  func askedToEndItEndsWell(signal: Int32) throws {
    let exporter = try Exporter(["--input.stdin"], webhook: true, input: .pipe)
    try exporter.process.send(Event.lines(0..<10))
    try exporter.page(received: 10)
    exporter.process.signal(signal)
    #expect(try exporter.process.waitForExit() == 0)
    #expect(try curl(exporter.url + "/-/healthy").exit == 7)
  }

  /// A large push is being counted and a scrape waits for it when the end comes: both get their answers.
  @Test func whoWaitsIsAnsweredBeforeTheEnd() throws {
    let log = try GeneratedLog.shared.get()
    let exporter = try Exporter(webhook: true)
    _ = try exporter.scrape()
    let list = try Program.python("reshape.py", ["event-list"], input: log.bytes)
    let push = try RawConnection(port: try #require(exporter.pushPort))
    let scrape = try RawConnection(port: exporter.port)
    let ready = try RawConnection(port: exporter.port)
    push.send("POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: \(list.count)\r\n\r\n")
    // All but a little, so that the exporter is in the middle of it, then the end of the exporter, then the rest.
    push.send(list.dropLast(100))
    scrape.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    ready.send("GET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n")
    #expect(ready.answer()?.status == 200)
    exporter.process.signal(SIGTERM)
    // Over a connection that is there: a push in flight is not waited for as long as a busy machine may take to start a client.
    try exporter.process.wait(for: "a closed door") { () -> Bool? in
      guard ready.send("GET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n"), let answer = ready.answer() else { return true }
      #expect([200, 503].contains(answer.status), "draining is not ready")
      return answer.status == 503 ? true : nil
    }
    push.send(list.suffix(100))
    let pushed = try #require(push.answer(), "the push got no answer")
    #expect([200, 503].contains(pushed.status))
    let scraped = try #require(scrape.answer(), "the scrape got no answer")
    #expect(scraped.status == 200)
    #expect(try exporter.process.waitForExit() == 0)
  }

  /// A client that never finishes does not hold the exporter: Kubernetes kills after 30 s.
  @Test func aSlowClientDoesNotHoldTheEnd() throws {
    let exporter = try Exporter(webhook: true)
    let slow = try RawConnection(port: try #require(exporter.pushPort))
    slow.send("POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nbeginning")
    exporter.process.signal(SIGTERM)
    #expect(try exporter.process.waitForExit(secondsLimit: 30) == 0)
  }

  /// What a reload cannot change is refused whole, and said.
  @Test func whatNeedsARestartIsSaid() throws {
    try Files.withTemporaryFolder { folder in
      let exporter = try Exporter(
        ["--input.stdin", "--web.enable-lifecycle"], configuration: Self.good, folder: folder)
      try write(Self.better + "windows: [5m, 15m, 1h, 6h]\n", folder)
      let answer = try curl(exporter.url + "/-/reload", ["-X", "POST"])
      #expect(answer.status == 500)
      #expect(answer.text.contains("windows") && answer.text.contains("estart"), "\(answer.text)")
      let page = try exporter.page("a failed reload") { $0.value(Self.reloaded) == 0 }
      #expect(expected(page) == ["first"])
    }
  }

  /// Two exporters cannot share a port: the second says so and ends.
  @Test func aTakenPortIsAFailureThatNamesIt() throws {
    let exporter = try Exporter(["--input.stdin"])
    let second = try Program.run(
      ["serve", "--input.stdin", "--web.listen-address", "127.0.0.1:\(exporter.port)", "--storage.path", ""])
    #expect(second.status == 1)
    #expect(second.errorText.contains("\(exporter.port)"), "\(second.errorText)")
  }
}
