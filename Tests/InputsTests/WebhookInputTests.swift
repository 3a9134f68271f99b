import AuditEvents
import Compression
import Concurrency
import Testing

@testable import Engine
@testable import Inputs

extension BatchQueue {
  /// What inputs handed in and nobody took.
  var handedIn: [Batch] { state.withLock { $0.batches.compactMap(\.self) } }
}

@Suite struct WebhookInputTests {
  private static let text = Array(#"{"kind":"EventList","items":[]}"#.utf8)

  /// Sends as the server does: head first, body with its reservation, then the handler.
  private func send(
    _ body: [UInt8], to path: String = "/webhook", encoding: String = "", _ surroundings: Surroundings,
    _ change: (inout WebhookSettings) -> Void = { _ in }
  ) throws -> PushRefusal? {
    var settings = WebhookSettings()
    settings.clusters = ["prod", "arn:aws:eks:eu-1:1:cluster/blue", "ä b"]
    change(&settings)
    try WebhookInput(settings).start(in: surroundings.context)
    let endpoint = try #require(surroundings.endpoints.withLock { $0.last })
    #expect(endpoint.path == "/webhook")
    let head = PushHead(path: path, contentEncoding: encoding)
    if let refusal = endpoint.admit(head) { return refusal }
    guard surroundings.queue.reserve(body.count) else { return PushRefusal(503, "server") }
    return endpoint.handle(
      PushRequest(head: head, body: ByteBuffer(body), reservedBytes: body.count), PushReply { _ in })
  }

  @Test(arguments: [
    ("/webhook", "default", "/webhook"), ("/webhook/", "default", "/webhook"),
    ("/webhook?timeout=30s", "default", "/webhook"), ("/webhook/prod", "prod", "/webhook/prod"),
    ("/webhook/pr%6Fd", "prod", "/webhook/prod"), ("/webhook/%C3%A4%20b", "ä b", "/webhook/ä b"),
    (
      "/webhook/arn:aws:eks:eu-1:1:cluster%2Fblue", "arn:aws:eks:eu-1:1:cluster/blue",
      "/webhook/arn:aws:eks:eu-1:1:cluster/blue"
    ),
  ])
  func pathsNameClusters(path: String, cluster: String, canonical: String) throws {
    let surroundings = Surroundings()
    #expect(try send(Self.text, to: path, surroundings) == nil)
    let batch = try #require(surroundings.queue.handedIn.first)
    #expect(batch.cluster == cluster && batch.input == 3 && batch.arrival == 77 && batch.reply != nil)
    guard case .body(let found) = batch.shape else {
      Issue.record("not a body")
      return
    }
    #expect(found == canonical)
    #expect(unsafe batch.bytes.withBytes { unsafe Array($0) } == Self.text)
    #expect(batch.reservedBytes == surroundings.queue.reservedBytes)
  }

  @Test(arguments: [
    ("/webhook/other", "", 404), ("/webhookx", "", 404), ("/webhook/%", "", 404), ("/webhook/%4", "", 404),
    ("/webhook/%+4", "", 404), ("/webhook/%FF", "", 404), ("/", "", 404), ("/webhook", "br", 415),
    ("/webhook", "gzip, gzip", 415),
  ])
  func refusedByTheHead(path: String, encoding: String, status: Int) throws {
    let surroundings = Surroundings()
    #expect(try send(Self.text, to: path, encoding: encoding, surroundings)?.status == status)
    #expect(surroundings.queue.reservedBytes == 0)
  }

  @Test func withoutClustersOnlyTheDefaultOne() throws {
    let surroundings = Surroundings()
    #expect(try send(Self.text, to: "/webhook/prod", surroundings) { $0.clusters = [] }?.status == 404)
    #expect(
      try send(Self.text, surroundings) {
        $0.clusters = []
        $0.defaultCluster = "mine"
      } == nil)
    #expect(surroundings.queue.handedIn.map(\.cluster) == ["mine"])
  }

  @Test(arguments: [1, 100, 65_536, 3_000_000]) func gzipIsUndone(count: Int) throws {
    let surroundings = Surroundings(budget: 64 << 20)
    let body = (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) }
    let packed = Gzip.compress(body)
    #expect(try send(packed, encoding: "gzip", surroundings) == nil)
    let batch = try #require(surroundings.queue.handedIn.first)
    #expect(unsafe batch.bytes.withBytes { unsafe Array($0) } == body)
    #expect(batch.sourceBytes == packed.count)
    // Exactly what is allocated is what is held.
    #expect(batch.reservedBytes == batch.bytes.capacity)
    #expect(batch.reservedBytes == surroundings.queue.reservedBytes)
  }

  @Test func gzipFaults() throws {
    let packed = Gzip.compress([UInt8](repeating: 0x61, count: 1_000_000))
    let cases: [(body: [UInt8], budget: Int, status: Int)] = [
      (Array("no gzip".utf8), 1 << 24, 400), ([], 1 << 24, 400), (Array(packed.dropLast(9)), 1 << 24, 400),
      (packed + packed, 1 << 24, 413), (packed, 500_000, 503),
    ]
    for (index, test) in cases.enumerated() {
      let surroundings = Surroundings(budget: test.budget)
      if test.status == 503 { #expect(surroundings.queue.reserve(1000)) }
      let refusal = try send(test.body, encoding: "gzip", surroundings) { $0.decodedBytesLimit = 1_500_000 }
      #expect(refusal?.status == test.status, "case \(index)")
      #expect(surroundings.queue.reservedBytes == (test.status == 503 ? 1000 : 0), "case \(index)")
      #expect(surroundings.queue.handedIn.isEmpty)
    }
  }

  @Test func oneBodyLargerThanTheBudgetPasses() throws {
    let surroundings = Surroundings(budget: 100_000)
    let body = [UInt8](repeating: 0x61, count: 2_000_000)
    // The server's reservation of the compressed body is released first by nobody but the handler.
    #expect(try send(Gzip.compress(body), encoding: "gzip", surroundings) == nil)
    #expect(surroundings.queue.handedIn.first?.bytes.count == body.count)
    #expect(surroundings.queue.handedIn.first?.reservedBytes == surroundings.queue.reservedBytes)
  }

  @Test func plainAboveTheLimitAndAClosedQueue() throws {
    let surroundings = Surroundings()
    #expect(try send(Self.text, surroundings) { $0.decodedBytesLimit = 5 }?.status == 413)
    #expect(surroundings.queue.reservedBytes == 0)
    let closed = Surroundings()
    var settings = WebhookSettings()
    settings.isEnabled = true
    #expect(closed.queue.reserve(Self.text.count))
    closed.queue.close()
    let receiver = WebhookReceiver(settings, closed.context)
    let request = PushRequest(
      head: PushHead(path: "/webhook", contentEncoding: ""), body: ByteBuffer(Self.text), reservedBytes: Self.text.count
    )
    #expect(receiver.handle(request, PushReply { _ in Issue.record("answered twice") })?.status == 503)
    #expect(closed.queue.reservedBytes == 0)
  }
}
