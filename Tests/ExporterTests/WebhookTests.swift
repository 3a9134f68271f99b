import AuditEvents
import Compression
import Concurrency
import Diagnostics
import Glibc
import Inputs
import Logging
import TestSupport
import Testing

@testable import Engine
@testable import Exporter

/// The real webhook on the real server, in front of an engine that accepts everything.
private final class WebhookStage {
  let queue: BatchQueue
  let status = InputStatus(name: "webhook")
  let server: HTTPServer
  let bodies = Lock<[(cluster: String, path: String, body: [UInt8])]>([])
  private let engine: NamedThread

  init(queueBytes: Int) throws {
    let queue = BatchQueue(limitBytes: queueBytes)
    self.queue = queue
    var settings = WebhookSettings()
    settings.clusters = ["prod", "arn:aws:eks:eu:1:cluster/a b"]
    let endpoints = Lock<[Endpoint]>([])
    let context = InputContext(
      index: 0, queue: queue, clock: .system, stop: StopSignal(), logger: Logger(label: "test"), status: status,
      cluster: "default", registerThread: { _ in },
      registerEndpoint: { endpoint in endpoints.withLock { $0.append(endpoint) } })
    try WebhookInput(settings).start(in: context)
    let status = status
    let bodies = bodies
    server = try HTTPServer.local(endpoints.withLock { $0 }.map { .push($0, queue: queue, status: status) })
    // The context holds this list, and what is in the list holds the context.
    endpoints.withLock { $0 = [] }
    engine = try NamedThread("engine") {
      while true {
        switch queue.next(waitingMilliseconds: 1_000) {
        case .end: return
        case .command, .nothing: continue
        case .batch(let batch):
          guard case .body(let path) = batch.shape else { continue }
          let body = unsafe batch.bytes.withBytes { unsafe Array($0) }
          bodies.withLock { $0.append((batch.cluster, path, body)) }
          queue.release(batch.reservedBytes)
          batch.reply?(.accepted)
        }
      }
    }
  }

  func stop() {
    server.stop(graceMilliseconds: 1_000)
    queue.close()
    engine.join()
  }
}

@Suite struct WebhookTests {
  @Test func plainAndCompressedBodiesReachTheEngine() throws {
    let stage = try WebhookStage(queueBytes: 1 << 20)
    defer { stage.stop() }
    let port = stage.server.port
    let gzip = ["-H", "Content-Encoding: gzip"]
    let post = ["-X", "POST", "--data-binary", "@-", "-H", "Expect:"]
    let small = Array("{\"kind\":\"EventList\",\"items\":[]}".utf8)
    // Five times the whole queue, plain and compressed: alone, it passes.
    let large = SplitMix64(seed: 11).block(5 << 20)
    let path = "/webhook/arn:aws:eks:eu:1:cluster%2Fa%20b"
    #expect(try curl(port, "/webhook", post, input: small).status == 200)
    #expect(try curl(port, "/webhook/prod", post + gzip, input: Gzip.compress(small)).status == 200)
    #expect(try curl(port, path, post, input: large).status == 200)
    #expect(try curl(port, path, post + gzip, input: Gzip.compress(large)).status == 200)
    let seen = stage.bodies.withLock { $0 }
    #expect(seen.map(\.body) == [small, small, large, large])
    #expect(seen.map(\.cluster) == ["default", "prod", "arn:aws:eks:eu:1:cluster/a b", "arn:aws:eks:eu:1:cluster/a b"])
    #expect(try curl(port, "/webhook/none", post, input: small).status == 404)
    #expect(try curl(port, "/webhook/prod%2541", post, input: small).status == 404)
    #expect(try curl(port, "/webhook", post + gzip, input: small).status == 400)
    let bomb = Gzip.compress([UInt8](repeating: 0x20, count: 65 << 20), level: 9)
    #expect(try curl(port, "/webhook", post + gzip, input: bomb).status == 413)
    #expect(try curl(port, "/webhook", post + gzip, input: Array(Gzip.compress(large).dropLast(9))).status == 400)
    #expect(stage.queue.reservedBytes == 0)
    #expect(
      stage.status.snapshot.pushAnswers == [200: 4, 400: 2, 401: 0, 403: 0, 404: 2, 405: 0, 413: 1, 415: 0, 503: 0])
  }

  @Test func manySendersAtOnceLoseNothing() throws {
    let stage = try WebhookStage(queueBytes: 600_000)
    defer { stage.stop() }
    let port = stage.server.port
    let accepted = Lock(0)
    let refused = Lock(0)
    let senders = try (0..<8).map { sender in
      try NamedThread("sender") {
        let body = SplitMix64(seed: UInt64(sender)).block(150_000)
        let head = "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.count)\r\n\r\n"
        guard let client = try? RawConnection(port: port) else { return }
        for _ in 0..<25 {
          client.send(head)
          client.send(body)
          let answer = client.answer()
          if answer?.status == 200 { accepted.withLock { $0 += 1 } }
          if answer?.status == 503 { refused.withLock { $0 += 1 } }
        }
      }
    }
    for sender in senders { sender.join() }
    #expect(accepted.withLock { $0 } + refused.withLock { $0 } == 200)
    #expect(accepted.withLock { $0 } > 0)
    #expect(
      stage.bodies.withLock { $0.count } == accepted.withLock { $0 }, "what was accepted was counted, and nothing else")
    #expect(stage.status.snapshot.pushAnswers[503] == UInt64(refused.withLock { $0 }))
    #expect(stage.queue.reservedBytes == 0)
  }
}
