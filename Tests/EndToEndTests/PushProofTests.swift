import Concurrency
import Glibc
import TestSupport
import Testing

/// API servers as they are: batches of 400 on several connections, each tried five times, with growing waits between. Their
/// times are shortened tenfold: 3 s instead of 30 for an answer, and 1, 1.5, 2.3 and 3.4 s between attempts, at most a fifth
/// more, instead of 10 to 34. So an outage may last 8 s.
@Suite struct PushProofTests {
  private static let haste = 10.0
  private static let connections = 9
  private static let batches = 8
  private static let eventsOfBatch = 400

  /// Slow, killed, out of disk and restarted, each for less than the attempts last: no batch is given up, and every event
  /// counts once.
  @Test func nothingIsLostWhileAttemptsLast() throws {
    for round in 0..<Campaign.size("pushes", short: 1) {
      try Files.withTemporaryFolder { folder in
        let exporter = try life(folder)
        let port = try #require(exporter.pushPort)
        let outcome = Lock((delivered: 0, lost: 0, attempts: 0))
        let senders = try (0..<Self.connections).map { at in
          try NamedThread("sender") { [seed = UInt64(Campaign.seed + round * 100 + at)] in
            var sender = Sender(port: port, haste: Self.haste, random: SplitMix64(seed: seed))
            for batch in 0..<Self.batches {
              let (isDelivered, attempts) = sender.deliver(Self.body((at * Self.batches + batch) * Self.eventsOfBatch))
              outcome.withLock {
                $0.delivered += isDelivered ? 1 : 0
                $0.lost += isDelivered ? 0 : 1
                $0.attempts += attempts
              }
              usleep(UInt32(sender.random.pick(0...300_000)))
            }
          }
        }
        let last = try trouble(exporter, folder) { outcome.withLock { $0.delivered } }
        for sender in senders { sender.join() }
        let (delivered, lost, attempts) = outcome.withLock { $0 }
        let wanted = Self.connections * Self.batches * Self.eventsOfBatch
        try #require(lost == 0 && delivered == Self.connections * Self.batches, "round \(round): \(lost) given up")
        let page = try last.page("everything") { $0.sum("kube_audit_requests_total") >= wanted }
        #expect(page.sum("kube_audit_requests_total") == wanted)
        #expect(page.sum("kube_audit_denied_requests_total") == wanted / 2)
        expectBalance(page)
        #expect(attempts > delivered, "nothing had to be tried again")
        Campaign.report("pushes", "\(delivered) batches of 400 in \(attempts) attempts, \(lost) given up")
      }
    }
  }

  private func life(_ folder: String, ports: Exporter? = nil) throws -> Exporter {
    try Exporter(
      webhook: true, storage: folder + "/state", wrapper: LimitedDisk.fileSize.wrapper(folder), ports: ports)
  }

  /// The exporter is slow, then killed, then out of disk, then killed again; in between it answers some.
  private func trouble(_ first: Exporter, _ folder: String, delivered: () -> Int) throws -> Exporter {
    func recover(_ exporter: Exporter) throws {
      let wanted = delivered() + Self.connections
      try exporter.process.wait(for: "\(wanted) batches", secondsLimit: 60) { delivered() >= wanted ? true : nil }
    }
    try recover(first)
    first.process.signal(SIGSTOP)
    usleep(3_500_000)
    first.process.signal(SIGCONT)
    try recover(first)
    first.process.signal(SIGKILL)
    _ = try first.process.waitForExit()
    usleep(2_500_000)
    let second = try life(folder, ports: first)
    try recover(second)
    try LimitedDisk.fileSize.fill(folder + "/state", of: second.process)
    usleep(3_500_000)
    try LimitedDisk.fileSize.empty(folder + "/state", of: second.process)
    try recover(second)
    second.process.signal(SIGKILL)
    _ = try second.process.waitForExit()
    return try life(folder, ports: first)
  }

  private static func body(_ first: Int) -> [UInt8] {
    Event.list(
      (first..<first + eventsOfBatch).map {
        $0.isMultiple(of: 2)
          ? Event(number: $0).json : Event(user: "user-\($0 % 20)", code: 403, decision: "forbid", number: $0).json
      })
  }

  /// More than the queue takes at once: what is shed is told so, what was accepted is counted, and both are accounted for.
  @Test func overloadIsShedAndAccounted() throws {
    try Files.withTemporaryFolder { folder in
      let exporter = try Exporter(
        configuration: "queue: {limit_bytes: 1MiB}\n", folder: folder, webhook: true, storage: folder + "/state")
      let port = try #require(exporter.pushPort)
      let answers = Lock([Int: Int]())
      let malformed = Lock(0)
      let senders = try (0..<12).map { at in
        try NamedThread("sender") {
          for batch in 0..<6 {
            let request = Sender.request(Self.body((at * 6 + batch) * Self.eventsOfBatch))
            guard let connection = try? RawConnection(port: port), connection.send(request) else { continue }
            let text = connection.read { $0.contains("\r\n\r\n") }
            let status = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
            answers.withLock { $0[status, default: 0] += 1 }
            if status == 503, !text.lowercased().contains("retry-after: ") { malformed.withLock { $0 += 1 } }
          }
        }
      }
      for sender in senders { sender.join() }
      let found = answers.withLock { $0 }
      #expect(Set(found.keys) == [200, 503], "\(found)")
      #expect(malformed.withLock { $0 } == 0)
      let accepted = found[200, default: 0]
      let page = try exporter.page("what was accepted") { page in
        page.sum("kube_audit_push_requests_total") >= found.values.reduce(0, +)
      }
      #expect(page.sum("kube_audit_requests_total") == accepted * Self.eventsOfBatch)
      #expect(page.sum("kube_audit_push_requests_total", ["code": "200"]) == accepted)
      #expect(page.sum("kube_audit_push_requests_total", ["code": "503"]) == found[503])
      #expect(page.value("kube_audit_queue_bytes") == 0)
      expectBalance(page)
      #expect(try exporter.push(Self.body(1_000_000)).status == 200)
    }
  }
}

/// One connection of an API server's webhook back end.
///
/// - Source: kubernetes/apiserver `pkg/util/webhook/webhook.go` (five attempts, 10 s, factor 1.5, jitter 0.2) and
///   `plugin/pkg/audit/webhook` (30 s for an answer).
private struct Sender {
  let port: UInt16
  let haste: Double
  var random: SplitMix64
  private var connection: RawConnection?

  init(port: UInt16, haste: Double, random: SplitMix64) {
    (self.port, self.haste, self.random) = (port, haste, random)
  }

  /// Tries as long as the API server does; answers whether one attempt was answered with 200, and how many there were.
  mutating func deliver(_ body: [UInt8]) -> (isDelivered: Bool, attempts: Int) {
    let request = Self.request(body)
    var wait = 10.0
    for attempt in 1...5 {
      if isAccepted(request) { return (true, attempt) }
      if attempt == 5 { break }
      usleep(UInt32(wait * (1 + Double(random.below(200)) / 1_000) / haste * 1_000_000))
      wait *= 1.5
    }
    return (false, 5)
  }

  private mutating func isAccepted(_ request: [UInt8]) -> Bool {
    let kept = connection
    connection = nil
    guard let used = kept ?? (try? RawConnection(port: port, secondsLimit: 30 / haste)), used.send(request),
      let answer = used.answer()
    else { return false }
    connection = used
    return answer.status == 200
  }

  static func request(_ body: [UInt8]) -> [UInt8] {
    Array(
      "POST /webhook HTTP/1.1\r\nHost: exporter\r\nContent-Type: application/json\r\nContent-Length: \(body.count)\r\n\r\n"
        .utf8) + body
  }
}
