import Glibc
import TestSupport
import Testing

/// What an operator does to a running exporter, and what a machine does to it.
@Suite struct OperationTests {
  private static func body(_ number: Int) -> [UInt8] {
    Event.list((0..<5).map { Event(user: "u\(number % 7)", number: 10 * number + $0).json })
  }

  // MARK: - Ready and healthy

  /// `/-/ready` is 503 while pushes would be refused for good reason, and says why; what cannot be helped by going elsewhere
  /// takes no readiness away.
  @Test func readyTellsTheTruth() throws {
    try Files.withTemporaryFolder { folder in
      let exporter = try Exporter(
        ["--input.file", folder + "/nothing.log"], webhook: true, storage: folder + "/state")
      func expect(_ status: Int, _ text: String, _ what: Comment) throws {
        let ready = try exporter.process.wait(for: "\(what)") { () -> Answer? in
          let answer = try curl(exporter.url + "/-/ready")
          return answer.status == status && answer.text.contains(text) ? answer : nil
        }
        #expect(ready.headers["retry-after"] != nil || status == 200)
        #expect(try curl(exporter.url + "/-/healthy").status == 200, what)
        #expect(try curl(exporter.url + "/metrics").status == 200, what)
      }
      // A file that is not there may come.
      try expect(200, "Input file does not work", "a missing file")
      try Files.write(Event.lines(0..<1), to: folder + "/nothing.log")
      try exporter.page("the file") { $0.sum("kube_audit_requests_total") == 1 }
      try exporter.process.wait(for: "an input that works") {
        try curl(exporter.url + "/-/ready").text == "kube-audit-exporter is ready.\n" ? true : nil
      }
      let (file, aside) = (folder + "/state/kube-audit-exporter.db", folder + "/aside")
      #expect(unsafe rename(file, aside) == 0)
      #expect(try exporter.push(Self.body(1)).status == 503)
      try expect(503, "Nothing can be committed", "a state that cannot be written")
      #expect(unsafe rename(aside, file) == 0)
      try expect(200, "is ready", "a state that is back")
      #expect(try exporter.push(Self.body(1)).status == 200)
    }
  }

  /// A full queue sheds pushes one by one, and takes no readiness away.
  @Test func aFullQueueIsReady() throws {
    try Files.withTemporaryFolder { folder in
      let small =
        "queue:\n  limit_bytes: 1MiB\ninputs:\n  webhook:\n    body_limit_bytes: 1MiB\n    decoded_limit_bytes: 1MiB\n"
      let exporter = try Exporter(configuration: small, folder: folder, webhook: true)
      let port = try #require(exporter.pushPort)
      // A body that stops before its end holds the room that it was given.
      let slow = try RawConnection(port: port)
      slow.send("POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
      slow.send([UInt8](repeating: 0x20, count: 700_000))
      let large = Self.body(1) + [UInt8](repeating: 0x20, count: 600_000)
      try exporter.process.wait(for: "a refusal") { try exporter.push(large).status == 503 ? true : nil }
      #expect(try curl(exporter.url + "/-/ready").status == 200)
      let page = try exporter.scrape()
      #expect(page.sum("kube_audit_push_requests_total", ["code": "503"]) > 0)
      expectBalance(page)
    }
  }

  /// Input that failed for good is said, and the others go on.
  @Test func anInputThatFailedForGoodIsSaid() throws {
    let broken: [UInt8] = [0x1F, 0x8B, 8, 0] + [UInt8](repeating: 7, count: 100)
    let exporter = try Exporter(["--input.stdin"], webhook: true, input: .pipe)
    try exporter.process.send(broken)
    exporter.process.closeInput()
    try exporter.page("an input that is down") { $0.value("kube_audit_input_up", ["input": "stdin"]) == 0 }
    let ready = try curl(exporter.url + "/-/ready")
    #expect(ready.status == 200 && ready.text.contains("Input stdin does not work"), "\(ready.text)")
    #expect(try exporter.push(Self.body(1)).status == 200)
  }

  // MARK: - Signals

  /// SIGTERM under load, more than once: exit 0 in time, and after the last start every event was counted once.
  @Test func stoppingUnderLoadIsExact() throws {
    var random = SplitMix64(seed: UInt64(Campaign.seed) + 5)
    try Files.withTemporaryFolder { folder in
      let log = folder + "/audit.log"
      try Files.write([], to: log)
      var open = Array(0..<60)
      var written = 0
      let rounds = Campaign.size("stops", short: 4)
      for round in 0...rounds {
        let isLast = round == rounds
        let exporter = try Exporter(["--input.file", log], webhook: true, storage: folder + "/state")
        let url = "http://127.0.0.1:\(try #require(exporter.pushPort))/webhook"
        let pushes = try open.prefix(isLast ? open.count : 60 / rounds).map { number in
          try RunningProcess(
            ["curl", "-s", "--noproxy", "*", "-w", "%{http_code}", "--data-binary", "@-", url],
            input: .bytes(Self.body(number)))
        }
        try Files.write(Event.lines(10_000 + written..<10_200 + written, user: "file"), to: log, append: true)
        written += 200
        if !isLast {
          let wanted = random.pick(0...pushes.count / 2)
          try exporter.process.wait(for: "\(wanted) answers") {
            pushes.count { $0.outputText.hasSuffix("200") } >= wanted ? true : nil
          }
          exporter.process.signal(SIGTERM)
          // Impatience changes nothing: what is under way is still counted and answered.
          exporter.process.signal(SIGTERM)
          #expect(try exporter.process.waitForExit() == 0)
          #expect(exporter.process.errorText.contains("msg=stopped"))
        }
        for push in pushes { _ = try push.waitForExit() }
        let answered = Set(zip(open, pushes).filter { $0.1.outputText.hasSuffix("200") }.map(\.0))
        open.removeAll(where: answered.contains)
        guard isLast else { continue }
        #expect(open.isEmpty)
        let page = try exporter.page("everything") { $0.sum("kube_audit_requests_total") >= 300 + written }
        #expect(page.sum("kube_audit_events_counted_total", ["input": "webhook"]) == 300)
        #expect(page.sum("kube_audit_events_counted_total", ["input": "file"]) == written)
        expectBalance(page)
      }
      Campaign.report("stops", "\(rounds) stops under load")
    }
  }

  /// A state that cannot be written does not hold the end, and what was not acknowledged is not lost.
  @Test func stoppingWhileNothingCanBeCommitted() throws {
    try Files.withTemporaryFolder { folder in
      let exporter = try Exporter(webhook: true, storage: folder + "/state")
      #expect(try exporter.push(Self.body(1)).status == 200)
      let (file, aside) = (folder + "/state/kube-audit-exporter.db", folder + "/aside")
      #expect(unsafe rename(file, aside) == 0)
      #expect(try exporter.push(Self.body(2)).status == 503)
      exporter.process.signal(SIGTERM)
      #expect(try exporter.process.waitForExit() == 0)
      #expect(exporter.process.errorText.contains("stopped with counts that are not committed"))
      #expect(unsafe rename(aside, file) == 0)
      let next = try Exporter(webhook: true, storage: folder + "/state")
      for number in [1, 2] { #expect(try next.push(Self.body(number)).status == 200) }
      let page = try next.page("both pushes") { $0.sum("kube_audit_events_received_total") == 15 }
      #expect(page.sum("kube_audit_requests_total") == 10)
      expectBalance(page)
    }
  }

  private static let configurations = [
    "clusters:\n  - name: first\n", "clusters:\n  - name: first\n  - name: second\n", "clustres: [third]\n",
  ]

  /// Reloads by the dozen, good and bad ones, while events arrive by two ways: none is lost or doubled, a bad configuration
  /// changes nothing, and nothing grows.
  @Test func reloadsUnderLoadLoseNothing() throws {
    let reloads = Campaign.size("reloads", short: 30)
    let successful = "kube_audit_exporter_config_last_reload_successful"
    let success = "kube_audit_exporter_config_last_reload_success_timestamp_seconds"
    try Files.withTemporaryFolder { folder in
      let log = folder + "/audit.log"
      try Files.write(Event.lines(0..<1), to: log)
      let exporter = try Exporter(
        ["--input.file", log], configuration: Self.configurations[0], folder: folder, webhook: true,
        storage: folder + "/state")
      var before: Size?
      var (pushed, written) = (0, 1)
      var lastSuccess = try exporter.scrape().value(success) ?? 0
      for reload in 0..<reloads {
        let chosen = reload % Self.configurations.count
        try Files.write(Array(Self.configurations[chosen].utf8), to: folder + "/exporter.yaml")
        try Files.write(Event.lines(100_000 + written..<100_003 + written), to: log, append: true)
        written += 3
        exporter.process.signal(SIGHUP)
        #expect(try exporter.push(Self.body(pushed)).status == 200)
        pushed += 1
        let isGood = chosen != 2
        let page = try exporter.page("reload \(reload)") { page in
          let names = page.samples("kube_audit_cluster_expected").compactMap { $0.labels["k8s_cluster"] }
          // The first good one changes nothing but its time.
          return page.value(successful) == (isGood ? 1 : 0)
            && (!isGood || page.value(success) ?? 0 > lastSuccess)
            && names.sorted() == (chosen == 0 ? ["first"] : ["first", "second"])
            && page.sum("kube_audit_requests_total") >= 5 * pushed + written
        }
        #expect(page.sum("kube_audit_events_counted_total", ["input": "webhook"]) == 5 * pushed)
        #expect(page.sum("kube_audit_events_counted_total", ["input": "file"]) == written)
        expectBalance(page)
        let succeeded = page.value(success) ?? 0
        #expect(isGood || succeeded == lastSuccess)
        lastSuccess = succeeded
        // The first rounds open what stays open.
        if reload == 5 { before = try Self.size(exporter) }
      }
      let was = try #require(before)
      // What is open for a moment, a connection that is being closed or a file that is looked at, is gone at another look.
      var now = try Self.size(exporter)
      _ = try Deadline.poll(seconds: 60) { () -> Bool? in
        if now.files == was.files, now.threads == was.threads { return true }
        now = try Self.size(exporter)
        return nil
      }
      #expect(now.files == was.files && now.threads == was.threads, "\(now) after \(was)")
      #expect(now.memory < was.memory + 24e6, "\(now) after \(was)")
      Campaign.report(
        "reloads", "\(reloads) reloads, \(pushed) pushes, \(Int((now.memory - was.memory) / 1_000)) kB more memory")
    }
  }

  private struct Size {
    /// The fewest open files of several looks: the second before may have left connections that are being closed.
    let files: Int
    let threads: Int
    let memory: Double
  }

  private static func size(_ exporter: Exporter) throws -> Size {
    let process = "/proc/\(exporter.process.processID)"
    let status = String(decoding: try Files.read(process + "/status"), as: UTF8.self)
    let threads = status.split(separator: "\n").first { $0.hasPrefix("Threads:") }?.split(separator: "\t").last
    let files = try (0..<20).map { _ in
      try Process.run(["ls", process + "/fd"]).outputText.split(separator: "\n").count
    }
    return Size(
      files: files.min() ?? 0, threads: Int(threads ?? "") ?? 0,
      memory: try exporter.scrape().value("process_resident_memory_bytes") ?? 0)
  }

  /// Nobody reads what it says, a client leaves in the middle of an answer, and the signal itself comes.
  @Test func brokenPipesAreHarmless() throws {
    let exporter = try Exporter(webhook: true)
    for _ in 0..<20 {
      let gone = try RawConnection(port: exporter.port)
      gone.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    }
    exporter.process.signal(SIGPIPE)
    #expect(try exporter.push(Self.body(1)).status == 200)
    try exporter.page("what was pushed") { $0.sum("kube_audit_requests_total") == 5 }
    exporter.process.signal(SIGTERM)
    #expect(try exporter.process.waitForExit() == 0)
  }

  // MARK: - Few file descriptors

  /// Far fewer descriptors than files and connections: all files are read, pushes and scrapes go on, and nothing is logged
  /// over and over.
  @Test func fewDescriptorsSufficeForManyFilesAndConnections() throws {
    try Files.withTemporaryFolder { folder in
      let files = 300
      for file in 0..<files { try Files.write(Event.lines(file..<file + 1), to: folder + "/a\(file).log") }
      let exporter = try Exporter(
        ["--input.file", folder + "/*.log"], webhook: true, storage: folder + "/state",
        wrapper: ["sh", "-c", #"ulimit -n 72; exec "$@""#, "sh"])
      let line = try exporter.process.waitForLine("a warning") { $0.contains("may open few files") }
      #expect(line.contains("limit=72"), "\(line)")
      let idle = try [exporter.port, try #require(exporter.pushPort)].flatMap { port in
        try (0..<60).map { _ in try RawConnection(port: port) }
      }
      try exporter.page("all files") { $0.sum("kube_audit_requests_total") == files }
      for round in 1...3 {
        for file in 0..<files {
          try Files.write(
            Event.lines(1_000 * round + file..<1_000 * round + file + 1), to: folder + "/a\(file).log", append: true)
        }
        #expect(try exporter.push(Self.body(round)).status == 200)
        let wanted = files * (round + 1) + 5 * round
        let page = try exporter.page("round \(round)") { $0.sum("kube_audit_requests_total") >= wanted }
        #expect(page.sum("kube_audit_requests_total") == wanted)
        #expect(page.sum("kube_audit_input_errors_total") == 0)
        #expect((page.value("process_open_fds") ?? 99) <= 72)
        expectBalance(page)
      }
      #expect(idle.count == 120)
      #expect(exporter.process.errorText.split(separator: "\n").count < 100, "\(exporter.process.errorText)")
      exporter.process.signal(SIGTERM)
      #expect(try exporter.process.waitForExit() == 0)
    }
  }

  @Test func tooFewDescriptorsAreRefused() throws {
    let program = Program.path
    let refused = try Process.run([
      "sh", "-c", #"ulimit -n 40; exec "$@""#, "sh", program, "serve", "--input.stdin", "--storage.path", "",
      "--web.listen-address", "127.0.0.1:0",
    ])
    #expect(refused.status == 1)
    #expect(refused.errorText.contains("may open only 40 files") && refused.errorText.contains("ulimit -n"))
  }
}
