import Diagnostics
import TestSupport
import Testing
import Transport

@testable import AWS

/// What services answer, read strictly: against the tests' own reader, and cut and broken everywhere.
struct ReaderTests {
  /// A random document, and one with a byte changed, taken or doubled: both readers agree on whether it is JSON.
  @Test func jsonIsWhatTheOtherReaderTakesForIt() {
    var random = SplitMix64(seed: UInt64(Campaign.seed))
    let count = Campaign.size("answers", short: 20_000)
    var accepted = 0
    for round in 0..<count {
      var bytes = Array(Self.document(&random, depth: 0).utf8)
      if round % 4 != 0 { Self.spoil(&bytes, &random) }
      let isJSON = (try? JSON.parse(bytes)) != nil
      let isOurs = (try? JSONReader.read(bytes) { (reader) throws(JSONReader.Malformed) in try reader.skip() }) != nil
      accepted += isJSON ? 1 : 0
      guard isJSON == isOurs else {
        Issue.record("round \(round): \(isJSON) and \(isOurs): \(String(decoding: bytes, as: UTF8.self))")
        return
      }
    }
    Campaign.report("answers", "\(count) documents, \(accepted) of them JSON, no difference")
    #expect(accepted > count / 4 && accepted < count)
  }

  @Test func stringsAreUnescapedAlike() throws {
    var random = SplitMix64(seed: UInt64(Campaign.seed))
    for _ in 0..<5000 {
      let text = Self.string(&random)
      let ours = try JSONReader.read(Array(text.utf8)) { (reader) throws(JSONReader.Malformed) in try reader.string() }
      #expect(ours == (try JSON.parse(text).string))
      let quoted = JSONObjectText.quoted(ours)
      #expect(try JSON.parse(quoted).string == ours)
    }
  }

  @Test(
    arguments: [
      ("1767323045000", 1_767_323_045_000), ("-1", -1), ("0", 0), ("1.9", 1), ("-1.9", -1), ("1.5e3", 1500),
      ("9223372036854775807", .max), ("1e300", nil), ("01", nil), ("+1", nil), ("\"1\"", nil), ("1.", nil),
    ] as [(String, Int64?)])
  func numbers(text: String, value: Int64?) {
    let read = try? JSONReader.read(Array(text.utf8)) { (reader) throws(JSONReader.Malformed) in try reader.integer() }
    #expect(read == value)
  }

  @Test func nestingHasALimit() {
    for depth in [JSONReader.depthLimit, JSONReader.depthLimit + 1, 1_000_000] {
      let bytes = Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
      let read = try? JSONReader.read(bytes) { (reader) throws(JSONReader.Malformed) in try reader.skip() }
      #expect((read != nil) == (depth <= JSONReader.depthLimit))
    }
  }

  /// A page cut at any byte is no page, and of a whole one every event stands where it is said to stand.
  @Test func pagesOfEvents() throws {
    let text = #"""
      { "searchedLogStreams": [], "events": [
        {"logStreamName":"kube-apiserver-audit-1","timestamp":5,"message":"{\"a\":\"}]\\\"\"}","ingestionTime":7,"eventId":"37"},
        {"eventId": "38", "ingestionTime": 9, "message": "[Truncated...]", "timestamp": 6, "logStreamName": "s"} ],
        "nextToken": "t/+=" }
      """#
    let bytes = Array(text.utf8)
    let page = try #require(LogPage(bytes))
    #expect(page.events.map(\.id) == ["37", "38"] && page.nextToken == "t/+=")
    #expect(page.events.map(\.timestamp) == [5, 6] && page.events.map(\.ingestionTime) == [7, 9])
    for event in page.events {
      let object = try JSON.parse(Array(bytes[event.extent]))
      #expect(object["eventId"]?.string == event.id && object["message"]?.string != nil)
    }
    for end in bytes.indices { #expect(LogPage(Array(bytes[..<end])) == nil, "cut at \(end)") }
    #expect(LogPage(Array(#"{"events":[{"timestamp":1,"ingestionTime":2,"message":""}]}"#.utf8)) == nil)
    #expect(LogPage(Array("{}".utf8))?.events.isEmpty == true)
  }

  @Test func xmlIsReadWholeOrNotAtAll() throws {
    let text =
      "<?xml version=\"1.0\"?>\n<R xmlns=\"x\"><!-- c --><A>1 &lt; 2 &amp; &#x41;&#66;</A><B/><C><A>x</A></C><A>2</A></R>"
    let bytes = Array(text.utf8)
    #expect(XMLText.elements(bytes)?["R/A"] == "1 < 2 & AB")
    #expect(XMLText.elements(bytes)?["R/C/A"] == "x")
    for end in 0..<(bytes.count) { #expect(XMLText.elements(Array(bytes[..<end])) == nil, "cut at \(end)") }
    for wrong in ["", "text", "<a></b>", "<a>", "</a>", "<>", "<a>&nothing;</a>", "<a>&#xd800;</a>", "<a>\u{0}"] {
      #expect(XMLText.elements(Array(wrong.utf8)) == nil, "\(wrong)")
    }
    var random = SplitMix64(seed: UInt64(Campaign.seed))
    for _ in 0..<5000 {
      var spoiled = bytes
      for _ in 0...random.below(3) { Self.spoil(&spoiled, &random) }
      _ = XMLText.elements(spoiled)
    }
    #expect(XMLText.elements(Array(String(repeating: "<a>", count: 100_000).utf8)) == nil)
  }

  @Test func timesAreReadAndWritten() throws {
    var random = SplitMix64(seed: UInt64(Campaign.seed))
    for _ in 0..<5000 {
      let seconds = Int64(random.below(8_000_000_000))
      let text = Timestamp.text(seconds * 1_000_000)
      #expect(Timestamp.read(text) == seconds * 1_000_000)
      #expect(Timestamp.read(String(text.prefix(19)) + "Z") == seconds * 1_000_000)
      #expect(AWSTime.basic(seconds * 1_000_000).count == 16)
    }
    #expect(AWSTime.basic(1_767_323_045_999_999) == "20260102T030405Z")
    for wrong in [
      "", "2026-01-02", "2026-01-02T03:04:05", "2026-13-02T03:04:05Z", "2026-01-02T03:04:05+01:00", "20260102T030405Z",
    ] {
      #expect(Timestamp.read(wrong) == nil, "\(wrong)")
    }
  }

  /// Every service says no in its own way.
  @Test(arguments: [
    (
      400, "", #"{"__type":"com.amazonaws.logs#ThrottlingException:x","message":"Rate"}"#, "ThrottlingException",
      CallOutcome.throttled
    ),
    (400, "", #"{"__type":"ResourceNotFoundException","Message":"m"}"#, "ResourceNotFoundException", .refused),
    (429, "TooManyRequestsException:", "{}", "TooManyRequestsException", .throttled), (429, "", "", "", .throttled),
    (403, "AccessDeniedException", #"{"message":"m"}"#, "AccessDeniedException", .denied),
    (400, "", #"{"__type":"AccessDeniedException"}"#, "AccessDeniedException", .denied),
    (400, "", #"{"__type":"ExpiredTokenException"}"#, "ExpiredTokenException", .denied),
    (
      400, "", "<ErrorResponse><Error><Code>IDPCommunicationError</Code></Error></ErrorResponse>",
      "IDPCommunicationError", .serverError
    ),
    (503, "", "<html>", "", .serverError), (500, "", #"{"__type":"InternalFailure"}"#, "InternalFailure", .serverError),
    (302, "", "", "", .refused), (404, "", "[1]", "", .refused),
    (400, "", #"{"__type":"\u001b[31mX"}"#, #"\u{1b}[31mX"#, .refused),
  ])
  func refusalsAreUnderstood(status: Int, header: String, body: String, code: String, outcome: CallOutcome) {
    let headers = header.isEmpty ? [] : [Header("x-amzn-errortype", header)]
    let fault = AWSFault(HTTPAnswer(status: status, headers: headers, body: Array(body.utf8)))
    #expect(fault.code == code && fault.outcome == outcome, "\(fault)")
  }

  private static func document(_ random: inout SplitMix64, depth: Int) -> String {
    switch random.below(depth > 4 ? 5 : 8) {
    case 0: return random.pick(["true", "false", "null"])
    case 1: return random.pick(["0", "-1", "1.5", "1e5", "-0.1E-2", "12345678901234567890"])
    case 2, 3, 4: return string(&random)
    case 5:
      let elements = (0..<random.below(4)).map { _ in document(&random, depth: depth + 1) }
      return "[" + elements.joined(separator: ", ") + "]"
    default:
      let members = (0..<random.below(4)).map { _ in string(&random) + " :" + document(&random, depth: depth + 1) }
      return "{" + members.joined(separator: ",\n") + "}"
    }
  }

  private static func string(_ random: inout SplitMix64) -> String {
    let parts = [
      "a", "é", "😀", #"\n"#, #"\""#, #"\\"#, #"\u00e9"#, #"\ud83d\ude00"#, #"\ud83d"#, #"\udc00x"#, #"\/"#, " ",
    ]
    return "\"" + (0..<random.below(6)).map { _ in random.pick(parts) }.joined() + "\""
  }

  private static func spoil(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
    guard !bytes.isEmpty else { return }
    let at = random.below(bytes.count)
    switch random.below(4) {
    case 0: bytes.remove(at: at)
    case 1: bytes.insert(bytes[at], at: at)
    case 2: bytes[at] = random.pick(Array("{}[]\",:\\u0e.-+ \n<>&;/".utf8))
    default: bytes[at] = UInt8.random(in: 0...255, using: &random)
    }
  }
}
