import AuditEvents
import TestSupport
import Testing

/// Damaged lines: both scanners must answer alike, as a plain JSON parser does, and no line may change a neighbour.
@Suite struct MutationTests {
  private static let samples: [SampleEvent] = [
    SampleEvent(),
    SampleEvent(
      stage: "ResponseStarted", user: "{}", status: #","responseStatus":{"metadata":{},"code":401}"#, annotations: ""),
    SampleEvent(
      uri: #"/x?a=\u0026dryRun=All"#, user: #"{"username":"a\\b\"c"}"#,
      more: #","impersonatedUser":{"username":"root"}"#,
      status:
        #","responseStatus":{"metadata":{},"status":"Failure","message":"cannot impersonate \"x\"","reason":"Forbidden","details":{"name":"n","group":"g","kind":"users"},"code":403}"#
    ),
    SampleEvent(
      level: "RequestResponse",
      bodies:
        #","requestObject":{"verb":"delete","x":"{\"code\":500}","y":[{},[1,2]]},"responseObject":{"requestReceivedTimestamp":"x"}"#
    ),
  ]

  private static let marks = Array(#""\{}[],:0 u"#.utf8) + [10, 0, 0xff]

  /// One line with one to three bytes changed, dropped or doubled, or cut short.
  private func damage(_ json: String, _ random: inout SplitMix64) -> [UInt8] {
    var bytes = Array(json.utf8)
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let at = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<7, using: &random) {
      case 0: bytes.remove(at: at)
      case 1: bytes.insert(bytes[at], at: at)
      case 2: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 3: bytes[at] = Self.marks[Int.random(in: 0..<Self.marks.count, using: &random)]
      case 4: bytes.insert(Self.marks[Int.random(in: 0..<Self.marks.count, using: &random)], at: at)
      case 5: bytes[at] = UInt8.random(in: 0...255, using: &random)
      default: bytes.removeSubrange(max(1, at)...)
      }
      if bytes.isEmpty { bytes = [UInt8(ascii: "{")] }
    }
    return bytes
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func damagedLines(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let neighbour = SampleEvent(id: "neighbour").json
    let whole = decode(neighbour).events
    for round in 0..<1_500 {
      let sample = Self.samples[round % Self.samples.count]
      let line = damage(sample.json, &random)
      let text = line + Array("\n\(neighbour)\n".utf8)
      let ordered = decode(text)
      let any = decodeInAnyOrder(text)
      let shown = String(decoding: line, as: UTF8.self)
      #expect([ordered.events.last, any.events.last] == [whole[0], whole[0]], "\(shown)")
      // With a body the two may differ: neither reads it, and they skip it differently.
      guard sample.bodies.isEmpty else { continue }
      #expect(ordered.events == any.events && ordered.summary == any.summary, "\(shown)")
      guard !line.contains(10), line[0] == UInt8(ascii: "{"), line.last == UInt8(ascii: "}") else { continue }
      let isJSON = JSONTree.parse(line) != nil
      #expect(isJSON || ordered.events.dropLast().allSatisfy(\.isSalvaged), "\(shown)")
      #expect(!isJSON || ordered.rejected.isEmpty, "\(shown)")
    }
  }

  /// What the order scanner answers for an event with bodies is the answer for it without them.
  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func damagedBodies(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let sample = Self.samples[3]
    var bare = sample
    bare.bodies = ""
    let expected = decode(bare.json).events
    for _ in 0..<2_000 {
      var changed = sample
      var body = damage(#"{"a":[{"b":"c\"d"},{"stageTimestamp":"2020-01-01T00:00:00Z"}]}"#, &random)
      body.removeAll { $0 == 10 || $0 >= 0x80 }
      changed.bodies = #","requestObject":"# + String(decoding: body, as: UTF8.self)
      #expect(decode(changed.json + "\n").events == expected)
    }
  }

  /// Any bytes at all: nothing crashes, and everything is read.
  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func noise(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let pieces = [
      "{", "}", "[", "]", "\"", "\\", ":", ",", "\n", " ", "null", "0", "\u{feff}", "\"kind\"", "\"items\":[",
      "\"log\":\"",
      "\"message\":{\"data\":\"", "2024-01-01T00:00:00Z stdout P ", "\"logEvents\":[{\"message\":", "{\"records\":[",
      "\"category\":\"kube-audit\",\"properties\":", "\\u00", "\"protoPayload\":{\"serviceName\":\"k8s.io\"",
      "\"resourceLogs\":[",
      SampleEvent().json,
    ].map { Array($0.utf8) }
    for _ in 0..<3_000 {
      var text: [UInt8] = []
      for _ in 0..<Int.random(in: 0...30, using: &random) {
        text += pieces[Int.random(in: 0..<pieces.count, using: &random)]
      }
      let length = decode(text).summary.reduce(0, +)
      #expect(length <= text.count)
      _ = decodeInPieces(text, of: 50)
    }
  }
}
