import Concurrency
import Glibc
import TestSupport
import Testing

/// API servers as they are: batches of 400 on several connections, each tried five times, with growing waits between. The
/// waits are shortened tenfold: 1, 1.5, 2.3 and 3.4 s, at most a fifth more, instead of 10 to 34. An outage is to end before the
/// attempts do, however long this machine takes to start a program: the last of them is made when it is over.
@Suite struct PushProofTests {
  private static let haste = 10.0
  private static let connections = 9
  private static let eventsOfBatch = 400

  /// What the senders may do, and what became of it.
  private struct Course {
    /// How many batches each of them may send.
    var permitted = 0
    var isOut = false
    var delivered = 0
    var lost = 0
    var attempts = 0
  }

  /// Slow, killed, out of disk and restarted, each for less than the attempts last: no batch is given up, and every event
  /// counts once.
  @Test func nothingIsLostWhileAttemptsLast() throws {
    for round in 0..<Campaign.size("pushes", short: 1) {
      try Files.withTemporaryFolder { folder in
        let exporter = try life(folder)
        let port = try #require(exporter.pushPort)
        let course = Monitor(Course())
        let batches = 2 * 4
        let senders = try (0..<Self.connections).map { at in
          try NamedThread("sender") { [seed = UInt64(Campaign.seed + round * 100 + at)] in
            var sender = Sender(port: port, haste: Self.haste, random: SplitMix64(seed: seed))
            for batch in 0..<batches {
              _ = course.wait { $0.permitted > batch ? true : nil }
              usleep(UInt32(sender.random.pick(0...300_000)))
              let (isDelivered, attempts) = sender.deliver(Self.body((at * batches + batch) * Self.eventsOfBatch)) {
                _ = course.wait { $0.isOut ? nil : true }
              }
              course.update {
                $0.delivered += isDelivered ? 1 : 0
                $0.lost += isDelivered ? 0 : 1
                $0.attempts += attempts
              }
            }
          }
        }
        // Whatever fails here, the senders come to their end.
        defer {
          course.update { ($0.permitted, $0.isOut) = (batches, false) }
          for sender in senders { sender.join() }
        }
        let last = try trouble(exporter, folder, course)
        let (delivered, lost, attempts) = course.withLock { ($0.delivered, $0.lost, $0.attempts) }
        let wanted = Self.connections * batches * Self.eventsOfBatch
        try #require(lost == 0 && delivered == Self.connections * batches, "round \(round): \(lost) given up")
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

  /// The exporter is slow, then killed, then out of disk, then killed again; before and after each it answers some.
  private func trouble(_ first: Exporter, _ folder: String, _ course: Monitor<Course>) throws -> Exporter {
    /// Two more batches of each sender, half of them before the outage, and all delivered when it is over.
    func during<R>(_ what: String, _ exporter: Exporter, _ outage: () throws -> R) throws -> R {
      let wanted = course.withLock { $0.delivered } + Self.connections
      course.update { $0.permitted += 2 }
      func wait(for count: Int) throws {
        let isThere = course.wait(milliseconds: 240_000) { $0.delivered + $0.lost >= count ? true : nil }
        try #require(isThere == true, "\(what): \(count) batches are not delivered: \(exporter.process.errorText)")
      }
      try wait(for: wanted)
      course.update { $0.isOut = true }
      let result = try outage()
      course.update { $0.isOut = false }
      try wait(for: wanted + Self.connections)
      return result
    }
    try during("slow", first) {
      first.process.signal(SIGSTOP)
      usleep(2_500_000)
      first.process.signal(SIGCONT)
    }
    let second = try during("killed", first) {
      first.process.signal(SIGKILL)
      _ = try first.process.waitForExit()
      usleep(2_000_000)
      return try life(folder, ports: first)
    }
    try during("full", second) {
      try LimitedDisk.fileSize.fill(folder + "/state", of: second.process)
      usleep(1_500_000)
      try LimitedDisk.fileSize.empty(folder + "/state", of: second.process)
      // The pauses between attempts to commit are not shortened: they are part of the outage.
      try second.process.wait(for: "commits") { try curl(second.url + "/-/ready").status == 200 ? true : nil }
    }
    return try during("killed again", second) {
      second.process.signal(SIGKILL)
      _ = try second.process.waitForExit()
      return try life(folder, ports: first)
    }
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
      // However fast the exporter is beside its senders: somebody holds the room until one of them was shed.
      let holder = Lock<RawConnection?>(try RawConnection(port: port))
      holder.withLock {
        $0?.send("POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 1048000\r\n\r\n")
        $0?.send([UInt8](repeating: UInt8(ascii: " "), count: 1_000_000))
      }
      try exporter.page("a queue that is held") { $0.sum("kube_audit_queue_bytes") > 900_000 }
      let answers = Lock([Int: Int]())
      let malformed = Lock(0)
      let senders = try (0..<12).map { at in
        try NamedThread("sender") {
          for batch in 0..<6 {
            let request = Sender.request(Self.body((at * 6 + batch) * Self.eventsOfBatch))
            var isAccepted = false
            while !isAccepted, answers.withLock({ $0.values.reduce(0, +) }) < 100_000 {
              guard let connection = try? RawConnection(port: port), connection.send(request) else { continue }
              let text = connection.read { $0.contains("\r\n\r\n") }
              let status = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
              answers.withLock { $0[status, default: 0] += 1 }
              if status == 503, !text.lowercased().contains("retry-after: ") { malformed.withLock { $0 += 1 } }
              holder.withLock { $0 = nil }
              isAccepted = status == 200
            }
          }
        }
      }
      for sender in senders { sender.join() }
      let found = answers.withLock { $0 }
      #expect(Set(found.keys) == [200, 503], "\(found)")
      #expect(malformed.withLock { $0 } == 0)
      let accepted = found[200, default: 0]
      #expect(accepted == 72)
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
///   `plugin/pkg/audit/webhook` (30 s for an answer, which are not shortened).
private struct Sender {
  let port: UInt16
  let haste: Double
  var random: SplitMix64
  private var connection: RawConnection?

  init(port: UInt16, haste: Double, random: SplitMix64) {
    (self.port, self.haste, self.random) = (port, haste, random)
  }

  /// Tries as long as the API server does; answers whether one attempt was answered with 200, and how many there were.
  ///
  /// - Parameter beforeLast: is called before the last attempt.
  mutating func deliver(_ body: [UInt8], beforeLast: () -> Void) -> (isDelivered: Bool, attempts: Int) {
    let request = Self.request(body)
    var wait = 10.0
    for attempt in 1...5 {
      if isAccepted(request) { return (true, attempt) }
      if attempt == 5 { break }
      usleep(UInt32(wait * (1 + Double(random.below(200)) / 1_000) / haste * 1_000_000))
      wait *= 1.5
      if attempt == 4 { beforeLast() }
    }
    return (false, 5)
  }

  private mutating func isAccepted(_ request: [UInt8]) -> Bool {
    let kept = connection
    connection = nil
    guard let used = kept ?? (try? RawConnection(port: port, secondsLimit: 30)), used.send(request),
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
