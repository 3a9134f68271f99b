import AuditEvents
import Compression
import Concurrency
import Testing

@testable import Engine
@testable import Inputs

@Suite struct FirehoseInputTests {
  private static let text = Array(#"{"requestId":"r-1","timestamp":1,"records":[]}"#.utf8)

  private func send(
    _ body: [UInt8], to path: String = "/firehose", encoding: String = "", writable: Set<String>? = nil,
    headers: [String: String] = ["x-amz-firehose-request-id": "r-1"], _ surroundings: Surroundings,
    _ change: (inout FirehoseSettings) -> Void = { _ in }
  ) throws -> PushRefusal? {
    var settings = FirehoseSettings()
    change(&settings)
    try FirehoseInput(settings).start(in: surroundings.context)
    let endpoint = try #require(surroundings.endpoints.withLock { $0.last })
    #expect(endpoint.path == "/firehose" && endpoint.manners.accessKeyHeader == "x-amz-firehose-access-key")
    let head = PushHead(path: path, contentEncoding: encoding, writableClusters: writable, headers: headers)
    if let refusal = endpoint.admit(head) { return refusal }
    guard surroundings.queue.reserve(body.count) else { return PushRefusal(503, "server") }
    return endpoint.handle(
      PushRequest(head: head, body: ByteBuffer(body), reservedBytes: body.count), PushReply { _ in })
  }

  private static func attributes(_ text: String, id: String = "r-1") -> [String: String] {
    ["x-amz-firehose-request-id": id, "x-amz-firehose-common-attributes": text]
  }

  @Test(
    arguments: [
      (nil, "", "default"), (["prod"], "", "prod"), (["prod", "test"], "", "default"),
      (nil, #"{"commonAttributes":{"k8s_cluster":"dev","x":"y"}}"#, "dev"),
      (["dev", "test"], #"{"other":1,"commonAttributes":{"k8s_cluster":"dev"}}"#, "dev"),
      (["dev"], #"{"commonAttributes":{}}"#, "dev"), (nil, "{}", "default"),
    ] as [(Set<String>?, String, String)])
  func whoseRecordsTheyAre(writable: Set<String>?, attributes: String, cluster: String) throws {
    let surroundings = Surroundings()
    #expect(try send(Self.text, writable: writable, headers: Self.attributes(attributes), surroundings) == nil)
    let batch = try #require(surroundings.queue.handedIn.first)
    #expect(batch.cluster == cluster && batch.naming == ClusterNaming(writable: writable) && batch.reply != nil)
    guard case .delivery(id: "r-1") = batch.shape else {
      Issue.record("not that delivery")
      return
    }
    #expect(unsafe batch.bytes.withBytes { unsafe Array($0) } == Self.text)
    #expect(batch.reservedBytes == surroundings.queue.reservedBytes)
  }

  @Test(
    arguments: [
      ("/firehose/prod", "", [:], 404), ("/firehose", "", [:], 400),
      ("/firehose", "", ["x-amz-firehose-request-id": ""], 400),
      ("/firehose", "", ["x-amz-firehose-request-id": "a\"b"], 400),
      ("/firehose", "", ["x-amz-firehose-request-id": "a b"], 400),
      ("/firehose", "", ["x-amz-firehose-request-id": String(repeating: "x", count: 257)], 400),
      ("/firehose", "", ["x-amz-firehose-request-id": "a", "x-amz-firehose-protocol-version": "2.0"], 400),
      ("/firehose", "br", ["x-amz-firehose-request-id": "a"], 415),
      ("/firehose", "", attributes("no JSON"), 400), ("/firehose", "", attributes(#"{"commonAttributes":[]}"#), 400),
      ("/firehose", "", attributes(#"{"commonAttributes":{"k8s_cluster":"a b"}}"#), 400),
      ("/firehose", "", attributes(#"{"commonAttributes":{"k8s_cluster":""}}"#), 400),
      ("/firehose", "", attributes(#"{"commonAttributes":{"k8s_cluster":"foreign"}}"#), 403),
    ] as [(String, String, [String: String], Int)])
  func deliveriesRefusedByTheHead(path: String, encoding: String, headers: [String: String], status: Int) throws {
    let surroundings = Surroundings()
    let refusal = try send(Self.text, to: path, encoding: encoding, writable: ["own"], headers: headers, surroundings)
    #expect(refusal?.status == status)
    #expect(surroundings.queue.reservedBytes == 0 && surroundings.queue.handedIn.isEmpty)
  }

  /// A body that is no whole object was cut on its way, and is to be sent again.
  @Test(arguments: [
    "", " ", "[]", "{", "}", "null", "{\"records\":[{\"data\":\"aa", "\u{1f}\u{8b}", "{\"a\":\"}", "{\"a\":\"\\\"}",
    "{\"a\":[{}", "{}{}", "{}]", "{} x", "\"{}\"", "[{}]",
  ])
  func halfBodiesAreRefused(text: String) throws {
    let surroundings = Surroundings()
    #expect(try send(Array(text.utf8), surroundings)?.status == 400)
    #expect(surroundings.queue.reservedBytes == 0 && surroundings.queue.handedIn.isEmpty)
  }

  /// Cut anywhere, a request is none; whole it is, whatever stands in its strings.
  @Test func cutAnywhere() {
    let text = #"{"requestId":"a\\\"b","records":[{"data":"}{"},{"data":"\\"},[1,{"x":null}]]} "#
    let bytes = Array(text.utf8)
    for length in 0..<bytes.count - 1 { #expect(!WholeObject.isOne(ByteBuffer(bytes[..<length])), "\(length)") }
    #expect(WholeObject.isOne(ByteBuffer(bytes)) && WholeObject.isOne(ByteBuffer(bytes.dropLast())))
  }

  @Test func gzipWithinTheBudget() throws {
    let surroundings = Surroundings(budget: 1 << 20)
    let body = Array("{\"records\":[\(String(repeating: " ", count: 200_000))]}\r\n".utf8)
    let packed = Gzip.compress(body)
    #expect(try send(packed, encoding: "gzip", surroundings) == nil)
    let batch = try #require(surroundings.queue.handedIn.first)
    #expect(unsafe batch.bytes.withBytes { unsafe Array($0) } == body)
    #expect(batch.sourceBytes == packed.count && batch.reservedBytes == batch.bytes.capacity)
    #expect(batch.reservedBytes == surroundings.queue.reservedBytes)
    let held = surroundings.queue.reservedBytes
    // Too large, no gzip, no room: nothing stays reserved.
    #expect(try send(packed, encoding: "gzip", surroundings) { $0.bodyBytesLimit = 1000 }?.status == 413)
    #expect(try send(body, surroundings) { $0.bodyBytesLimit = 1000 }?.status == 413)
    #expect(try send(body, encoding: "gzip", surroundings)?.status == 400)
    let large = Gzip.compress([UInt8](repeating: 0x20, count: 2_000_000))
    #expect(try send(large, encoding: "gzip", surroundings)?.status == 503)
    #expect(surroundings.queue.reservedBytes == held)
    surroundings.queue.close()
    #expect(try send(packed, encoding: "gzip", surroundings)?.status == 503)
    #expect(surroundings.queue.reservedBytes == held)
  }

  /// Every answer is what Firehose reads, and none makes it drop records.
  @Test func answersHaveItsForm() {
    let head = PushHead(path: "/firehose", contentEncoding: "", headers: ["x-amz-firehose-request-id": "r-1"])
    #expect(
      FirehoseReceiver.form(head, 200, "", at: 1_500_000)
        == PushForm(200, contentType: "application/json", body: #"{"requestId":"r-1","timestamp":1500}"#))
    #expect(
      FirehoseReceiver.form(head, 413, "too \"long\"\n", at: 2_000)
        == PushForm(
          400, contentType: "application/json", body: #"{"requestId":"r-1","timestamp":2,"errorMessage":"too long"}"#))
    let nameless = PushHead(path: "/firehose", contentEncoding: "", headers: ["x-amz-firehose-request-id": "\"}"])
    #expect(
      FirehoseReceiver.form(nameless, 503, "x", at: 0).body == #"{"requestId":"","timestamp":0,"errorMessage":"x"}"#)
  }
}
