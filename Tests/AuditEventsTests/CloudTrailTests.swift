import AuditEvents
import Testing

/// Records of CloudTrail, in whatever they come, and what looks like them.
@Suite struct CloudTrailTests {
  static let call =
    #"{"eventVersion":"1.09","userIdentity":{"type":"Root"},"eventTime":"2026-01-05T08:00:00Z","eventSource":"#
    + #""eks.amazonaws.com","eventName":"ListClusters","awsRegion":"eu-west-1","sourceIPAddress":"192.0.2.1","#
    + #""requestParameters":null,"responseElements":null,"eventID":"a-1","recipientAccountId":"123456789012"}"#
  static let insight =
    #"{"eventVersion":"1.07","eventTime":"2026-01-05T08:00:00Z","awsRegion":"eu-west-1","eventID":"i-1","sharedEventID":"#
    + #""s-1","eventType":"AwsCloudTrailInsight","insightDetails":{"state":"Start"},"eventCategory":"Insight"}"#

  struct Row: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let text: String
    /// Records, events, ignored, rejected.
    let counts: [Int]
    init(_ name: String, _ text: String, _ counts: [Int]) {
      (testDescription, self.text, self.counts) = (name, text, counts)
    }
  }

  static var rows: [Row] {
    let event = SampleEvent().json
    return [
      Row("file", #"{"Records":[\#(call),\#(insight)]}"#, [2, 0, 0, 0]),
      Row("file, spaced", "{ \"Records\" : [\n  \(call) ,\n  \(call)\n] }\n", [2, 0, 0, 0]),
      Row("file without records", #"{"Records":[]}"#, [0, 0, 0, 0]),
      Row("lines", "\(call)\n\(insight)\r\n\n\(call)", [3, 0, 0, 0]),
      Row("array", "[\(call),\n\(call)]", [2, 0, 0, 0]),
      Row("among events", "\(event)\n\(call)\n\(event)\n", [1, 2, 0, 0]),
      Row("CloudWatch", WrappingTests.cloudWatch(quote(call), quote(call)), [2, 0, 0, 0]),
      Row("keys with escapes", call.replacing(#""eventID""#, with: #""event\u0049D""#), [1, 0, 0, 0]),
      Row(
        "twice the same key, the last wins", call.replacing("{\"eventV", with: "{\"eventID\":5,\"eventV"), [1, 0, 0, 0]),
      Row("broken neighbours", #"{"Records":[{"eventID" 5},\#(call),5,{"eventID":x},\#(call)]}"#, [2, 0, 1, 2]),
      Row("no ID", call.replacing(#""a-1""#, with: "null"), [0, 0, 0, 1]),
      Row("no time", call.replacing("2026-01-05T08:00:00Z", with: "yesterday"), [0, 0, 0, 1]),
      Row("no operation", call.replacing(#""ListClusters""#, with: "{}"), [0, 0, 0, 1]),
      Row("cut short", String(call.dropLast(20)), [0, 0, 0, 1]),
      Row(
        "a notification of S3",
        #"{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventTime":"#
          + #""2026-01-05T08:00:00Z","eventName":"ObjectCreated:Put","s3":{}}]}"#, [0, 0, 1, 0]),
      Row(
        "a digest", #"{"awsAccountId":"1","digestStartTime":"2026-01-05T08:00:00Z","logFiles":[]}"#, [0, 0, 1, 0]),
    ]
  }

  @Test(arguments: rows) func everyShapeOfARecord(row: Row) {
    let seen = decode(row.text)
    let counts = [seen.records.count, seen.events.count, seen.ignored.count, seen.rejected.count]
    #expect(counts == row.counts)
    // The first record, for the rows that have one of calls.
    guard let record = seen.records.first, record.sharedEventID.isEmpty else { return }
    #expect(record.eventID == "a-1" && record.eventSource == "eks.amazonaws.com" && record.eventName == "ListClusters")
    #expect(record.region == "eu-west-1" && record.account == "123456789012" && record.sourceAddress == "192.0.2.1")
    #expect(record.time == 1_767_600_000_000_000 && record.members == [true, false, false, false])
  }

  /// Wherever a file is cut, every byte is read and nothing is reported twice.
  @Test func everyCutOfAFile() {
    let text = #"{"Records":[\#(Self.call),\#(Self.insight),\#(Self.call)]}"#
    for end in 0..<text.utf8.count {
      let seen = decode(String(text.prefix(end)))
      #expect(seen.records.count <= 3 && seen.events.isEmpty && seen.ignored.isEmpty, "cut at \(end)")
      #expect(seen.rejected.count <= 1, "cut at \(end)")
    }
  }
}
