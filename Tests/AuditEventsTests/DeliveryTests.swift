import Testing

@testable import AuditEvents

/// What delivery services send: requests of Firehose, answers of Kinesis, records that Amazon's producer library has joined.
@Suite struct DeliveryTests {
  static let envelope = WrappingTests.cloudWatch(WrappingTests.quoted, WrappingTests.quoted)

  static func firehose(_ records: [String]) -> String {
    let list = records.map { #"{"data":\#($0)}"# }.joined(separator: ",")
    return #"{"requestId":"ed4acda5","timestamp":1578090901599,"records":[\#(list)]}"#
  }

  static func base64(_ text: String) -> String { "\"" + base64(Array(text.utf8)) + "\"" }

  static func base64(_ bytes: [UInt8]) -> String {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var text = ""
    for at in stride(from: 0, to: bytes.count, by: 3) {
      let word = (0..<3).reduce(0) { $0 << 8 | (at + $1 < bytes.count ? Int(bytes[at + $1]) : 0) }
      let digits = (0..<4).map { letters[word >> (18 - 6 * $0) & 63] }
      let count = min(3, bytes.count - at)
      text += String(digits[...count]) + String(repeating: "=", count: 3 - count)
    }
    return text
  }

  struct Row: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let records: [String]
    let counts: [Int]

    init(_ name: String, _ records: [String], _ counts: [Int]) {
      (testDescription, self.records, self.counts) = (name, records, counts)
    }
  }

  static let rows: [Row] = [
    .init("compressed", ["\"\(EncodedTests.subscription)\""], [1, 1, 0]),
    .init("plain envelopes, back to back", [base64(envelope + envelope)], [4, 0, 0]),
    .init("a line each", [base64(envelope + "\n" + envelope + "\n")], [4, 0, 0]),
    .init("events themselves", [base64(WrappingTests.event + "\n" + WrappingTests.event)], [2, 0, 0]),
    .init("a list", [base64(WrappingTests.list(WrappingTests.bare))], [1, 0, 0]),
    .init("as an object", [envelope], [2, 0, 0]),
    .init("as a string", [quote(envelope)], [2, 0, 0]),
    .init("truncated", [base64(WrappingTests.cloudWatch(WrappingTests.salvageable))], [1, 0, 0]),
    .init("nothing", ["\"\""], [0, 1, 0]),
    .init("null", ["null"], [0, 1, 0]),
    .init("control", [base64(envelope.replacing("DATA_MESSAGE", with: "CONTROL_MESSAGE"))], [0, 1, 0]),
    .init("text", [base64("I0101 text")], [0, 1, 0]),
    .init("no base64", ["\"!\"", base64(envelope)], [2, 0, 1]),
    .init("cut gzip", ["\"\(EncodedTests.subscription.prefix(80))\"", base64(envelope)], [2, 0, 1]),
    .init("cut JSON", [base64(String(envelope.dropLast(4))), base64(envelope)], [3, 0, 1]),
    .init("malformed JSON", [base64("{\"messageType\":x}"), base64(envelope)], [2, 0, 1]),
  ]

  @Test(arguments: rows)
  func firehoseRecords(row: Row) {
    let (records, counts) = (row.records, row.counts)
    #expect(deliver(Self.firehose(records)).summary == counts)
    // Twice in one request, and as a stream that is replayed.
    #expect(deliver(Self.firehose(records + records)).summary == counts.map { 2 * $0 })
    #expect(decode(Self.firehose(records)).summary == counts)
  }

  @Test func clustersAreThoseOfTheLogGroups() {
    let other = Self.envelope.replacing("prod-2", with: "test")
    let body = Self.firehose([Self.base64(Self.envelope), Self.base64(other), Self.base64(WrappingTests.event)])
    #expect(deliver(body).events.map(\.cluster) == ["prod-2", "prod-2", "test", "test", ""])
    let prefixed = deliver(body, prefix: "eu/").events.map(\.cluster)
    #expect(prefixed == ["eu/prod-2", "eu/prod-2", "eu/test", "eu/test", ""])
    // The decoder keeps no prefix for the next body.
    #expect(deliver(body, prefix: "").events.first?.cluster == "prod-2")
  }

  @Test func answersOfGetRecords() {
    let records = [Self.base64(Self.envelope), "\"\(EncodedTests.subscription)\"", "\"%\""].map {
      #"{"SequenceNumber":"1","ApproximateArrivalTimestamp":1.5,"Data":\#($0),"PartitionKey":"k"}"#
    }
    let answer =
      #"{"Records":[\#(records.joined(separator: ","))],"NextShardIterator":"AAA","MillisBehindLatest":0}"#
    #expect(deliver(answer).summary == [3, 1, 1])
    #expect(deliver(#"{"Records":[],"MillisBehindLatest":0}"#).summary == [0, 0, 0])
  }

  /// A record is bounded by itself, and all of them together.
  @Test func bombsInRecords() {
    let records = ["\"\(EncodedTests.bomb)\"", Self.base64(Self.envelope)]
    #expect(deliver(Self.firehose(records)) { $0.recordBytes = 1 << 20 }.rejected == [.tooLong])
    #expect(deliver(Self.firehose(records)) { $0.recordBytes = 1 << 20 }.events.count == 2)
    let several = Self.firehose(Array(repeating: "\"\(EncodedTests.subscription)\"", count: 50))
    let bounded = deliver(several) { $0.deliveryBytes = 10_000 }
    #expect((1..<50).contains(bounded.events.count))
    #expect(bounded.rejected == Array(repeating: .tooLong, count: 50 - bounded.events.count))
    // Each delivery has the whole of it again.
    var decoder = AuditDecoder(limits: bounds { $0.deliveryBytes = 10_000 })
    for _ in 0..<3 {
      var again = Recorder()
      _ = decoder.decode(ByteBuffer(Array(several.utf8)), .delivery, into: &again)
      #expect(again.summary == bounded.summary)
    }
  }

  // MARK: - Records that were joined

  private static func varint(_ number: Int) -> [UInt8] {
    number < 128 ? [UInt8(number)] : [UInt8(number & 127 | 128)] + varint(number >> 7)
  }
  private static func field(_ number: Int, _ content: [UInt8]) -> [UInt8] {
    varint(number << 3 | 2) + varint(content.count) + content
  }
  static func joined(_ contents: [[UInt8]]) -> [UInt8] {
    let records = contents.flatMap { field(3, [0x08, 0, 0x10, 5] + field(3, $0) + field(4, [1, 2, 3])) }
    return [0xF3, 0x89, 0x9A, 0xC2] + field(1, Array("key".utf8)) + records + [UInt8](repeating: 7, count: 16)
  }

  @Test func joinedRecordsAreTakenApart() {
    let plain = Array(Self.envelope.utf8)
    let event = Array(WrappingTests.event.utf8)
    let body = Self.firehose(["\"\(Self.base64(Self.joined([plain, event, Array("text".utf8)])))\""])
    #expect(deliver(body).summary == [3, 1, 0])
    #expect(deliver(Self.firehose(["\"\(Self.base64(Self.joined([])))\""])).summary == [0, 0, 0])
  }

  /// Cut anywhere, or with any byte changed: never more than there is, and what is no such message is rejected.
  @Test func damagedJoinedRecords() {
    let event = Array(WrappingTests.event.utf8)
    let whole = Self.joined([event, event])
    for length in stride(from: 20, to: whole.count, by: 7) {
      let seen = deliver(Self.firehose(["\"\(Self.base64(Array(whole[..<length])))\""]))
      #expect(seen.events.count <= 2 && seen.events.count + seen.rejected.count <= 3)
    }
    for at in stride(from: 4, to: whole.count, by: 3) {
      var damaged = whole
      damaged[at] ^= 0xFF
      #expect(deliver(Self.firehose(["\"\(Self.base64(damaged))\""])).events.count <= 2)
    }
  }

  private func bounds(_ change: (inout AuditDecoder.Limits) -> Void) -> AuditDecoder.Limits {
    var limits = AuditDecoder.Limits()
    change(&limits)
    return limits
  }

  private func deliver(
    _ text: String, prefix: String = "", _ change: (inout AuditDecoder.Limits) -> Void = { _ in }
  ) -> Recorder {
    var decoder = AuditDecoder(limits: bounds(change))
    var seen = Recorder()
    _ = decoder.decode(ByteBuffer(Array(text.utf8)), .delivery, clusterPrefix: prefix, into: &seen)
    return seen
  }
}
