import AuditEvents
import Testing

/// Every wrapping, whole and broken.
@Suite struct WrappingTests {
  struct Row: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let text: String
    let counts: [Int]
    let origin: Origin
    let cluster: String
    init(_ name: String, _ text: String, _ counts: [Int], _ origin: Origin = .kubernetes, _ cluster: String = "") {
      testDescription = name
      self.text = text
      self.counts = counts
      self.origin = origin
      self.cluster = cluster
    }
  }

  static let event = SampleEvent().json
  static let quoted = SampleEvent().quoted
  static let bare = event.replacing(#""kind":"Event","apiVersion":"audit.k8s.io/v1","#, with: "")
  /// Cut inside userAgent, before anything that counts is known of the answer.
  static let cut = quote(String(event.prefix(400)) + "[Truncated...]")
  /// Cut inside the annotations.
  static let salvageable = quote(String(event.dropLast(30)) + "[Truncated...]")

  static func azure(_ category: String, _ properties: String) -> String {
    #"{"time":"2020-01-01T00:00:00Z","category":"\#(category)","resourceId":"/SUBSCRIPTIONS/S/PROVIDERS/MICROSOFT.CONTAINERSERVICE/MANAGEDCLUSTERS/PROD-1","properties":\#(properties)}"#
  }

  static func cloudWatch(_ messages: String...) -> String {
    let events = messages.map { #"{"id":"1","timestamp":1577836800000,"message":\#($0)}"# }.joined(separator: ",")
    return
      #"{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"/aws/eks/prod-2/cluster","logStream":"s","logEvents":[\#(events)]}"#
  }

  static func list(_ items: String) -> String {
    #"{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[\#(items)]}"#
  }

  static var rows: [Row] {
    [
      Row("list", list("\(event),\(event)"), [2, 0, 0]),
      Row("list of items without kind", list("\(bare),\(bare)"), [2, 0, 0]),
      Row("list, items first", #"{"items":[\#(bare)],"kind":"EventList","apiVersion":"audit.k8s.io/v1"}"#, [1, 0, 0]),
      Row("empty list", list(""), [0, 0, 0]),
      Row("list with others", list(#"5,{"kind":"Pod"},{},\#(bare)"#), [1, 0, 3]),
      Row("list with a broken item", list(#"{"auditID":x},\#(bare)"#), [1, 0, 1]),
      Row("list cut short", String(list("\(bare),\(bare)").dropLast(bare.count + 2)) + #"{"le"#, [1, 0, 1]),
      Row("list of another group", #"{"kind":"EventList","apiVersion":"v1","items":[\#(event)]}"#, [0, 1, 0]),
      Row("bare event", bare, [1, 0, 0]),
      Row("shipper's string", #"{"log":\#(quoted),"stream":"stdout","time":"2020-01-01T00:00:00Z"}"#, [1, 0, 0]),
      Row("shipper's string with a line feed", #"{"log":\#(quote(event + "\n")),"stream":"stdout"}"#, [1, 0, 0]),
      Row("shipper's object", #"{"kubernetes":{"a":1},"log_processed":\#(event)}"#, [1, 0, 0]),
      Row("shipper's string in a string", #"{"message":\#(quote(#"{"log":\#(quoted)}"#))}"#, [1, 0, 0]),
      Row("object tried first", #"{"event":{"category":"x"},"message":\#(quoted)}"#, [1, 0, 0]),
      Row("shipper's list", #"[{"date":1577836800.5,"log":\#(quoted)},{"date":1,"log":\#(quoted)}]"#, [2, 0, 0]),
      Row("shipper's other text", #"{"log":"I0101 text\n","stream":"stderr"}"#, [0, 1, 0]),
      Row("shipper's cut string", #"{"log":\#(cut)}"#, [0, 0, 1]),
      Row("shipper's salvageable string", #"{"log":\#(salvageable)}"#, [1, 0, 0]),
      Row("shipper's broken string", #"{"log":"{\"auditID\":x}"}"#, [0, 0, 1]),
      Row("CloudWatch", cloudWatch(quoted, quoted), [2, 0, 0], .kubernetes, "prod-2"),
      Row("CloudWatch, text", cloudWatch("\"I0101 text\"", quoted), [1, 1, 0], .kubernetes, "prod-2"),
      Row("CloudWatch, cut", cloudWatch(cut, salvageable, quoted), [2, 0, 1], .kubernetes, "prod-2"),
      Row(
        "CloudWatch control",
        #"{"messageType":"CONTROL_MESSAGE","logEvents":[{"id":"","timestamp":1,"message":"check"}]}"#,
        [0, 1, 0]),
      Row("FilterLogEvents", #"{"events":[{"logStreamName":"s","timestamp":1,"message":\#(quoted)}]}"#, [1, 0, 0]),
      Row(
        "Azure, string", #"{"records":[\#(azure("kube-audit", #"{"log":\#(quoted)}"#))]}"#, [1, 0, 0], .aks, "PROD-1"),
      Row("Azure, object", azure("kube-audit-admin", #"{"log":\#(event)}"#), [1, 0, 0], .aks, "PROD-1"),
      Row("Azure, properties a string", azure("kube-audit", quote(#"{"log":\#(quoted)}"#)), [1, 0, 0], .aks, "PROD-1"),
      Row("Azure, other category", azure("guard", #"{"log":"I0109 x"}"#), [0, 1, 0]),
      Row("Azure, cut", azure("kube-audit", #"{"log":\#(cut)}"#), [0, 0, 1]),
      Row("Azure, nothing inside", azure("kube-audit", "{}"), [0, 1, 0]),
      Row("Kinesis, bad base64", #"{"Records":[{"kinesis":{"data":"!!"}},{"eventSource":"x"}]}"#, [0, 1, 1]),
      Row("Kinesis", #"{"Records":[{"kinesis":{"data":"\#(base64(event))"}}]}"#, [1, 0, 0]),
      Row("Lambda, broken gzip", #"{"awslogs":{"data":"H4sIAAAAAAAA"}}"#, [0, 0, 1]),
      Row("Pub/Sub", #"{"message":{"data":"\#(base64(event))","messageId":"1"}}"#, [1, 0, 0]),
      Row(
        "OpenTelemetry",
        #"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":\#(quoted)}},{"body":{"kvlistValue":{}}}]}]}]}"#,
        [1, 1, 0]),
      Row("Google, another service", #"{"protoPayload":{"serviceName":"container.googleapis.com"}}"#, [0, 1, 0]),
      Row(
        "AdmissionReview", #"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{}}"#, [0, 1, 0]),
      Row("wrapped too often", (0..<12).reduce(event) { text, _ in #"{"log":\#(quote(text))}"# }, [0, 0, 1]),
    ]
  }

  private static func base64(_ text: String) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var out: [UInt8] = []
    let bytes = Array(text.utf8)
    for i in stride(from: 0, to: bytes.count, by: 3) {
      let group = (0..<3).reduce(UInt32(0)) { $0 << 8 | (i + $1 < bytes.count ? UInt32(bytes[i + $1]) : 0) }
      for j in 0..<4 {
        let isPadding = i + j > bytes.count
        out.append(isPadding ? UInt8(ascii: "=") : alphabet[Int(group >> UInt32(18 - 6 * j) & 63)])
      }
    }
    return String(decoding: out, as: UTF8.self)
  }

  @Test(arguments: rows)
  func countsOnceAndTwice(_ row: Row) {
    let once = [decode(row.text), decodeInAnyOrder(Array(row.text.utf8))]
    let twice = decode(row.text + "\n" + row.text + "\n")
    for (seen, times) in [(once[0], 1), (once[1], 1), (twice, 2)] {
      #expect(seen.summary == row.counts.map { $0 * times })
      for event in seen.events {
        #expect(event.origin == row.origin && event.cluster == row.cluster)
        #expect(event.user == "ann" && event.code == 200 && event.name == "db")
      }
    }
    #expect(decode(row.text).summary == row.counts)
  }

  /// Wherever a wrapping is cut, nothing crashes, something is reported, and the next line is read.
  @Test(arguments: rows)
  func cutAnywhere(_ row: Row) {
    let bytes = Array(row.text.utf8)
    guard bytes.count < 10_000 else { return }
    for length in stride(from: 1, to: bytes.count, by: 13) {
      let seen = decode(Array(bytes[..<length]) + Array("\n\(Self.event)\n".utf8))
      #expect(seen.events.last?.auditID == "id-1" && seen.events.last?.isSalvaged == false, "cut at \(length)")
    }
  }

  /// The wrapping's own time serves where the event has none.
  @Test func timesOfWrappings() {
    let timeless = quote(#"{"auditID":"x","stage":"Panic","verb":"get"}"#)
    let rows: [(String, Int64)] = [
      (Self.cloudWatch(timeless), 1_577_836_800_000_000),
      (Self.azure("kube-audit", #"{"log":\#(timeless)}"#), 1_577_836_800_000_000),
      (#"{"date":1577836800.25,"log":\#(timeless)}"#, 1_577_836_800_250_000),
      (#"{"@timestamp":"2020-01-01T00:00:00Z","message":\#(timeless)}"#, 1_577_836_800_000_000),
      ("2020-01-01T00:00:00.5Z stdout F {\"auditID\":\"x\",\"stage\":\"Panic\"}", 1_577_836_800_500_000),
    ]
    for (text, time) in rows { #expect(decode(text).events.first?.time == time, "\(text)") }
  }

  @Test(arguments: [
    (0, "get", 200), (0, "create", 201), (1, "get", 499), (2, "get", 500), (3, "get", 400), (4, "get", 504),
    (5, "get", 404),
    (6, "create", 409), (7, "get", 403), (8, "get", 429), (9, "get", 400), (10, "get", 409), (11, "get", 400),
    (12, "get", 501), (13, "get", 500), (14, "get", 503), (15, "get", 500), (16, "get", 401), (17, "get", 0),
  ])
  func googleCodes(_ grpc: Int, _ verb: String, _ code: Int) throws {
    let entry =
      #"{"insertId":"i","timestamp":"2020-01-01T00:00:00.123456789Z","labels":{"authorization.k8s.io/decision":"forbid"},"resource":{"type":"k8s_cluster","labels":{"cluster_name":"g-1"}},"operation":{"id":"o","first":true,"last":true},"protoPayload":{"serviceName":"k8s.io","methodName":"io.k8s.core.v1.pods.\#(verb)","resourceName":"core/v1/namespaces/ns/pods/p/log","status":{"code":\#(grpc)},"authenticationInfo":{"principalEmail":"m@e"},"requestMetadata":{"callerIp":"9.9.9.9","callerSuppliedUserAgent":"a"}}}"#
    let seen = try #require(decode(entry).events.first)
    #expect(Int(seen.code) == code && seen.verb.label.description == verb)
    #expect(seen.stage == .responseComplete && seen.origin == .gke)
    #expect(
      [seen.apiGroup, seen.resource, seen.subresource, seen.namespace, seen.name] == ["", "pods", "log", "ns", "p"])
    #expect(seen.user == "m@e" && seen.sourceIPs == #""9.9.9.9""# && seen.userAgent == "a" && seen.auditID == "i")
    #expect(seen.decision == .forbid && seen.cluster == "g-1" && seen.time == 1_577_836_800_123_456)
    #expect(decode(entry.replacing(#","last":true"#, with: "")).events.first?.stage == .responseStarted)
    let status = #""response":{"@type":"core.k8s.io/v1.Status","code":422},"status":"#
    #expect(decode(entry.replacing(#""status":"#, with: status)).events.first?.code == 422)
  }

  /// Wherever an event is cut, it is salvaged with its own fields or not at all.
  @Test func salvage() {
    let sample = SampleEvent(bodies: #","requestObject":{"kind":"Pod"}"#)
    let whole = decode(sample.json).events[0]
    let bytes = Array(sample.json.utf8)
    var salvaged = 0
    for length in 1..<bytes.count {
      let seen = decode(Array(bytes[..<length]) + [10])
      #expect(seen.summary == [1, 0, 0] || seen.summary == [0, 0, 1])
      guard let event = seen.events.first else { continue }
      salvaged += 1
      #expect(event.isSalvaged && event.code == whole.code && event.user == whole.user && event.verb == whole.verb)
      #expect(event.name == whole.name && event.sourceIPs == whole.sourceIPs && event.auditID == whole.auditID)
      #expect(event.decision == .absent || event.decision == whole.decision)
      #expect([AuditEvent.absentTime, 1_767_600_000_000_001, whole.time].contains(event.time))
    }
    // From the end of responseStatus on.
    let status = sample.json.prefix(while: { _ in true }).range(of: #","requestObject"#)
    let first = status.map { sample.json.utf8.distance(from: sample.json.utf8.startIndex, to: $0.lowerBound) } ?? 0
    #expect(salvaged == bytes.count - first)
  }
}

extension Substring {
  /// Where `word` stands first.
  fileprivate func range(of word: String) -> Range<Index>? { firstRange(of: word) }
}
