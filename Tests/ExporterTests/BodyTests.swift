import AuditEvents
import Concurrency
import Diagnostics
import Engine
import Glibc
import Inputs
import TestSupport
import Testing

@testable import Exporter

/// A push route over a real queue whose handler keeps what it gets.
private final class Receiver: Sendable {
  let queue: BatchQueue
  let status = InputStatus(name: "webhook")
  let received = Lock<[(path: String, body: [UInt8], reply: PushReply)]>([])
  let limit: Int
  /// What to answer at once; nil keeps the sender waiting.
  let answer = Lock<PushAnswer?>(.accepted)

  init(limit: Int = 1 << 20, queueBytes: Int = 4 << 20) {
    self.limit = limit
    queue = BatchQueue(limitBytes: queueBytes)
  }

  var route: Route {
    let endpoint = Endpoint(
      path: "/webhook", bodyBytesLimit: limit,
      admit: { head in
        if head.path == "/webhook/forbidden" { return PushRefusal(404, "No such cluster.") }
        return ["", "identity", "gzip"].contains(head.contentEncoding) ? nil : PushRefusal(415, "Use gzip.")
      },
      handle: { [self] request, reply in
        let body = unsafe request.body.withBytes { unsafe Array($0) }
        queue.release(request.reservedBytes)
        if body == Array("refuse".utf8) { return PushRefusal(400, "Not that.") }
        received.withLock { $0.append((request.head.path, body, reply)) }
        if let now = answer.withLock({ $0 }) { reply(now) }
        return nil
      })
    return .push(endpoint, queue: queue, status: status)
  }

  var pushAnswers: [Int: UInt64] { status.snapshot.pushAnswers.filter { $0.value > 0 } }
}

@Suite struct BodyTests {
  @Test func bodiesArriveWhole() throws {
    let receiver = Receiver()
    let server = try HTTPServer.local([receiver.route])
    defer { server.stop(graceMilliseconds: 100) }
    var random = SplitMix64(seed: 3)
    var sent: [[UInt8]] = []
    for size in [0, 1, 65_535, 65_536, 65_537, 300_000, 1 << 20] {
      let body = random.bytes(size)
      sent += [body, body]
      for arguments in [[], ["-H", "Transfer-Encoding: chunked"]] {
        let answer = try curl(
          server.port, "/webhook/a", ["-X", "POST", "--data-binary", "@-", "-H", "Expect:"] + arguments, input: body)
        #expect(answer.status == 200, "\(size) \(arguments)")
      }
    }
    #expect(receiver.received.withLock { $0.map(\.body) } == sent)
    #expect(receiver.received.withLock { $0.map(\.path) }.allSatisfy { $0 == "/webhook/a" })
    #expect(receiver.pushAnswers == [200: UInt64(sent.count)])
    #expect(server.count("/webhook", 200) == UInt64(sent.count))
    #expect(receiver.queue.reservedBytes == 0)
    #expect(try curl(server.port, "/webhook").header("allow") == "POST")
  }

  @Test func longBodiesAreRefused() throws {
    let receiver = Receiver(limit: 100_000)
    let server = try HTTPServer.local([receiver.route])
    defer { server.stop(graceMilliseconds: 100) }
    for size in [100_001, 150_000, 30 << 20] {
      for arguments in [[], ["-H", "Expect:"], ["-H", "Transfer-Encoding: chunked"]] {
        if size > 1 << 20, arguments.last == "Transfer-Encoding: chunked" { continue }
        let answer = try curl(
          server.port, "/webhook", ["-X", "POST", "--data-binary", "@-"] + arguments,
          input: [UInt8](repeating: 1, count: size))
        #expect(answer.status == 413, "\(size) \(arguments) exit \(answer.exit)")
      }
    }
    // At once: before a byte of the body was sent.
    let client = try RawConnection(port: server.port)
    client.send("POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000000\r\n\r\n")
    #expect(client.read().hasPrefix("HTTP/1.1 413 "))
    #expect(receiver.received.withLock { $0.count } == 0)
    #expect(receiver.queue.reservedBytes == 0)
    #expect(receiver.pushAnswers == [413: 9])
  }

  @Test func endlessChunksAreCut() throws {
    let receiver = Receiver(limit: 100_000)
    let server = try HTTPServer.local([receiver.route])
    defer { server.stop(graceMilliseconds: 100) }
    let client = try RawConnection(port: server.port)
    client.send("POST /webhook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    let chunk = Array("2710\r\n".utf8) + [UInt8](repeating: 65, count: 10_000) + Array("\r\n".utf8)
    var sent = 0
    while sent < 100 << 20, client.send(chunk) { sent += chunk.count }
    #expect(sent < 20 << 20, "\(sent)")
    #expect(receiver.queue.reservedBytes == 0)
  }

  @Test func theHeadAloneIsJudged() throws {
    let receiver = Receiver()
    let server = try HTTPServer.local([receiver.route])
    defer { server.stop(graceMilliseconds: 100) }
    let body = [UInt8](repeating: 1, count: 900_000)
    for arguments in [[], ["-H", "Expect:"], ["-H", "Transfer-Encoding: chunked"]] {
      let post = ["-X", "POST", "--data-binary", "@-"] + arguments
      #expect(try curl(server.port, "/webhook/forbidden", post, input: body).text == "No such cluster.\n")
      #expect(try curl(server.port, "/webhook", post + ["-H", "Content-Encoding: br"], input: body).status == 415)
      #expect(try curl(server.port, "/webhook", post + ["-H", "Content-Encoding: GZIP"], input: body).status == 200)
    }
    #expect(receiver.pushAnswers == [404: 3, 415: 3, 200: 3])
    #expect(receiver.queue.reservedBytes == 0)
  }

  @Test func answersAreMapped() throws {
    let receiver = Receiver()
    let server = try HTTPServer.local([receiver.route])
    defer { server.stop(graceMilliseconds: 100) }
    #expect(try curl(server.port, "/webhook", ["-d", "x"]).status == 200)
    receiver.answer.withLock { $0 = .nothingReadable }
    #expect(try curl(server.port, "/webhook", ["-d", "x"]).status == 400)
    receiver.answer.withLock { $0 = .unavailable }
    let unavailable = try curl(server.port, "/webhook", ["-d", "x"])
    #expect(unavailable.status == 503 && unavailable.header("retry-after") != nil)
    #expect(try curl(server.port, "/webhook", ["-d", "refuse"]).text == "Not that.\n")
    #expect(receiver.pushAnswers == [200: 1, 400: 2, 503: 1])
  }

  @Test func aFullQueueRefusesAndRecovers() throws {
    let receiver = Receiver(limit: 1 << 20, queueBytes: 1 << 20)
    let server = try HTTPServer.local([receiver.route])
    defer { server.stop(graceMilliseconds: 100) }
    #expect(receiver.queue.reserve(900_000))
    let body = [UInt8](repeating: 1, count: 500_000)
    for arguments in [["-H", "Expect:"], ["-H", "Transfer-Encoding: chunked"]] {
      let post = ["-X", "POST", "--data-binary", "@-"] + arguments
      let answer = try curl(server.port, "/webhook", post, input: body)
      #expect(answer.status == 503 && answer.header("retry-after") != nil && answer.exit == 0)
      #expect(receiver.queue.reservedBytes == 900_000, "what was reserved on the way is given back")
    }
    // The connection of a refused request goes on.
    let client = try RawConnection(port: server.port)
    for _ in 0..<3 {
      client.send("POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n")
      client.send(body)
      #expect(client.read { $0.hasSuffix("later.\n") }.hasPrefix("HTTP/1.1 503"))
    }
    receiver.queue.release(900_000)
    client.send("POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n")
    client.send(body)
    #expect(client.read { $0.contains("\r\n\r\n") }.hasPrefix("HTTP/1.1 200"))
    #expect(receiver.pushAnswers == [503: 5, 200: 1])
    #expect(receiver.queue.reservedBytes == 0)
  }

  @Test func aBodyLargerThanTheWholeQueuePassesAlone() throws {
    let receiver = Receiver(limit: 8 << 20, queueBytes: 1 << 20)
    let server = try HTTPServer.local([receiver.route])
    defer { server.stop(graceMilliseconds: 100) }
    let body = SplitMix64(seed: 5).block(5 << 20)
    let post = ["-X", "POST", "--data-binary", "@-", "-H", "Expect:"]
    #expect(try curl(server.port, "/webhook", post, input: body).status == 200)
    #expect(receiver.queue.reserve(1))
    #expect(try curl(server.port, "/webhook", post, input: body).status == 503)
    receiver.queue.release(1)
    #expect(receiver.received.withLock { $0.map(\.body) } == [body])
    #expect(receiver.queue.reservedBytes == 0)
  }

  /// Clients that have sent a fifth of a body and no more.
  private func beginners(_ count: Int, _ port: UInt16) throws -> [RawConnection] {
    try (0..<count).map { at in
      let client = try RawConnection(port: port)
      let head = at % 2 == 0 ? "Content-Length: 1000000" : "Transfer-Encoding: chunked"
      client.send("POST /webhook HTTP/1.1\r\nHost: x\r\n\(head)\r\n\r\n")
      client.send(at % 2 == 0 ? "" : "30d40\r\n")
      client.send([UInt8](repeating: 65, count: 200_000))
      return client
    }
  }

  @Test func whoVanishesGivesBackWhatWasReserved() throws {
    let receiver = Receiver(queueBytes: 64 << 20)
    let server = try HTTPServer.local([receiver.route])
    defer { server.stop(graceMilliseconds: 100) }
    var clients = try beginners(20, server.port)
    // 65,536, then doubled twice; nothing for what was merely announced.
    #expect(eventually { receiver.queue.reservedBytes == 20 * 262_144 }, "\(receiver.queue.reservedBytes)")
    clients.removeFirst(15)
    #expect(eventually { receiver.queue.reservedBytes == 5 * 262_144 }, "\(receiver.queue.reservedBytes)")
    clients.removeAll()
    #expect(eventually { receiver.queue.reservedBytes == 0 && server.activeRequests == 0 })
    #expect(receiver.pushAnswers == [:], "nobody was there to be answered")
  }

  @Test func whoStopsSendingIsCutAndGivesBack() throws {
    let receiver = Receiver(queueBytes: 64 << 20)
    let server = try HTTPServer.local([receiver.route]) { $0.requestSeconds = 1 }
    defer { server.stop(graceMilliseconds: 100) }
    let clients = try beginners(5, server.port)
    for client in clients { #expect(client.read() == "") }
    #expect(eventually { receiver.queue.reservedBytes == 0 && server.activeRequests == 0 })
    #expect(receiver.pushAnswers == [:])
  }

  @Test func stoppingGivesBackWhatWasReserved() throws {
    let receiver = Receiver(queueBytes: 64 << 20)
    let server = try HTTPServer.local([receiver.route])
    let clients = try beginners(5, server.port)
    #expect(eventually { receiver.queue.reservedBytes == 5 * 262_144 })
    server.stop(graceMilliseconds: 50)
    #expect(receiver.queue.reservedBytes == 0)
    withExtendedLifetime(clients) {}
  }
}

extension SplitMix64 {
  /// Bytes that do not repeat early, fast.
  func block(_ count: Int) -> [UInt8] {
    var random = self
    return (0..<(count + 7) / 8).flatMap { _ -> [UInt8] in
      let word = random.next()
      return (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
    }.prefix(count).map { $0 }
  }
}
