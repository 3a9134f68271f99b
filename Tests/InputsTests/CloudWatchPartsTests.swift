import AWS
import AuditEvents
import Diagnostics
import Engine
import TestSupport
import Testing

@testable import Inputs

/// The parts of the input that need neither socket nor clock.
@Suite struct CloudWatchPartsTests {
  /// A page of random events, as the service writes it: compact, or printed over lines.
  private static func page(_ random: inout SplitMix64) throws -> (page: LogPage, messages: [String]) {
    let blank = random.oneIn(3) ? "\n  " : ""
    let messages = (0..<random.below(40)).map { number in
      String(repeating: random.pick(["x", "é", "\\\"", "}]"]), count: random.below(300)) + String(number)
    }
    let events = messages.enumerated().map { number, message in
      #"{\#(blank)"eventId":"\#(number)","logStreamName":"s","timestamp":\#(number),\#(blank)"ingestionTime":1,"#
        + #""message":"\#(message)"}"#
    }
    let text = #"{"events":[\#(events.joined(separator: "," + blank))]}"#
    return (try #require(LogPage(Array(text.utf8))), messages)
  }

  /// Lines hold the events that were asked for, in their order, each once, and are no longer than they may be.
  @Test(arguments: 0..<60) func linesHoldTheEvents(seed: Int) throws {
    var random = SplitMix64(seed: UInt64(seed))
    let (page, messages) = try Self.page(&random)
    let wanted = messages.indices.filter { _ in random.oneIn(2) }
    let limit = random.pick([1, 100, 700, 1 << 17])
    let lines = EventLines(page, wanted, lineBytesLimit: limit)
    let buffer = lines.buffer(of: page)
    #expect(buffer.count == lines.byteCount && buffer.capacity == lines.byteCount)
    let text = unsafe buffer.withBytes { unsafe String(decoding: $0, as: UTF8.self) }
    var found: [Int] = []
    for line in text.split(separator: "]}\n", omittingEmptySubsequences: true) {
      let line = line + "]}\n"
      guard let events = try JSON.parse(String(line))["events"]?.array else { break }
      #expect(line.utf8.count <= limit || events.count == 1)
      found += events.compactMap { $0["timestamp"]?.number.map { Int($0) } }
    }
    // A message may hold what ends a line; then the pieces are no JSON, and only the bytes are compared.
    let joined = text.replacing("]}\n{\"events\":[", with: ",")
    let whole = wanted.isEmpty ? "" : text.isEmpty ? "-" : joined
    let expected = wanted.map { String(decoding: page.bytes[page.events[$0].extent], as: UTF8.self) }
    #expect(whole == (wanted.isEmpty ? "" : #"{"events":[\#(expected.joined(separator: ","))]}\#n"#))
    #expect(found.isEmpty || found == wanted)
  }

  @Test(arguments: [
    ("/aws/eks/prod/cluster", "prod"), ("/aws/eks/a.b_c-1/cluster", "a.b_c-1"), ("/aws/eks/prod/application", nil),
    ("/aws/eks//cluster", nil), ("/aws/eks/a/b/cluster", nil), ("/aws/eks/cluster", nil), ("x/aws/eks/a/cluster", nil),
    ("/aws/eks/prod/cluster/", nil), ("", nil),
  ])
  func clustersOfGroups(group: String, cluster: String?) {
    #expect(GroupReading.cluster(ofGroup: group) == cluster)
  }

  /// A group that fails is asked less and less often, but at least every five minutes or as often as it should be.
  @Test func pausesAfterFailures() {
    func pauses(_ poll: Int64) -> [Int64] {
      [1, 2, 3, 4, 5, 9, 1_000_000].map { GroupReading.pause(afterFailures: $0, poll: poll * 1_000_000) / 1_000_000 }
    }
    #expect(pauses(30) == [30, 60, 120, 240, 300, 300, 300])
    #expect(pauses(1) == [1, 2, 4, 8, 16, 64, 64])
    #expect(pauses(3600) == [Int64](repeating: 3600, count: 7))
  }

  /// Each group is read by one target; what was saved of it is given out once.
  @Test func groupsAreClaimedOnce() {
    let positions = ["arn:a at", "arn:a ids 1", "arn:b at", "listing"].map {
      InputPosition(stream: $0, offset: 0, mark: [])
    }
    let claims = GroupClaims(positions)
    #expect(claims.claim("arn:a")?.map(\.stream) == ["arn:a at", "arn:a ids 1"])
    #expect(claims.claim("arn:a") == nil)
    #expect(claims.claim("listing")?.map(\.stream) == ["listing"])
    #expect(claims.claim("arn:c") == [])
    claims.release("arn:a")
    #expect(claims.claim("arn:a") == [])
  }

  @Test func whatBindsIsNamed() {
    var pace = ReadingPace(perSecond: 2)
    let second: Microseconds = 1_000_000
    let start: Microseconds = 5_000 * second
    for at in 0..<30 { pace.add(start + Int64(at) * 2 * second) }
    #expect(pace.lastMinute(start + 59 * second) == 30)
    #expect(pace.bound(start + 59 * second) == "the time that answers take")
    for at in 0..<120 { pace.add(start + 60 * second + Int64(at) * second / 2) }
    pace.add(start + 120 * second)
    #expect(pace.lastMinute(start + 120 * second) == 120)
    #expect(pace.bound(start + 120 * second).contains("requests_per_second: 2"))
    pace.throttled(start + 121 * second)
    #expect(pace.bound(start + 122 * second).contains("CloudWatch throttles"))
    #expect(pace.bound(start + 182 * second).contains("requests_per_second"))
  }
}
