import Counting
import Diagnostics
import Metrics
import State
import TestSupport
import Testing

@testable import Engine

private let minute: Microseconds = 60 * 1_000_000

/// Records of CloudTrail in the engine: counted once, bounded, and as if nothing had happened after a kill.
@Suite struct CloudRecordTests {
  static func call(
    _ id: String, _ operation: String = "ListClusters", user: String = "eve", error: String? = nil, ago: Int = 5,
    account: Int = 1, parameters: String = "null"
  ) -> String {
    let time = Timestamp.text(AuditText.now - Int64(ago) * 1_000_000)
    return #"{"eventTime":"\#(time)","eventSource":"eks.amazonaws.com","eventName":"\#(operation)","awsRegion":"r1","#
      + #""eventID":"\#(id)","recipientAccountId":"\#(account)","sourceIPAddress":"192.0.2.1","userIdentity":"#
      + #"{"userName":"\#(user)"}\#(error.map { #","errorCode":"\#($0)""# } ?? ""),"requestParameters":\#(parameters)}"#
  }

  static func insight(_ id: String, _ shared: String, _ state: String, ago: Int = 5, average: Double = 7) -> String {
    let time = Timestamp.text(AuditText.now - Int64(ago) * 1_000_000)
    return
      #"{"eventTime":"\#(time)","awsRegion":"r1","eventID":"\#(id)","recipientAccountId":"1","sharedEventID":"\#(shared)","#
      + #""insightDetails":{"state":"\#(state)","eventSource":"eks.amazonaws.com","eventName":"DescribeCluster","insightType":"#
      + #""ApiCallRateInsight","insightContext":{"statistics":{"baseline":{"average":0.5},"insight":{"average":\#(average)}}}}}"#
  }

  static func file(_ records: [String]) -> String { #"{"Records":["# + records.joined(separator: ",") + "]}" }

  @Test func aRecordCountsOnceWhicheverFileItIsIn() {
    var bench = Workbench()
    bench.push(Self.file([Self.call("a"), Self.call("b"), Self.call("a")]))
    bench.count((Self.call("b") + "\n" + Self.call("c") + "\n").utf8, .stream(id: 1), input: 0)
    // Another account's record of that ID is another one.
    bench.push(Self.call("a", account: 2))
    #expect(bench.outcome(input: 2) == Outcome(counted: 3, duplicate: 1))
    #expect(bench.outcome(input: 0) == Outcome(counted: 1, duplicate: 1))
    #expect(bench.readings().sum(.cloudAPICalls) == 4)
    bench.arrival += 12 * 60 * minute
    bench.push(Self.file([Self.call("a"), Self.call("d")]))
    #expect(bench.outcome(input: 2) == Outcome(counted: 4, duplicate: 2))
  }

  @Test func onlyWhatIsAboutClustersIsCounted() {
    var bench = Workbench()
    let other = Self.call("x").replacing("eks.amazonaws.com", with: "ec2.amazonaws.com")
    bench.push(Self.file([other, other, Self.insight("i", "s", "Start"), Self.call("a")]))
    #expect(bench.outcome(input: 2) == Outcome(counted: 1, notARequest: 1, ignored: 2))
  }

  @Test func anInsightIsThereFromItsStartToItsEnd() {
    var bench = Workbench()
    func shown() -> [Double] { bench.readings()[.insightCalls].rows.map(\.value) }
    bench.push(Self.insight("1", "s", "Start"))
    #expect(shown() == [7] && bench.readings()[.insightBaseline].rows.map(\.value) == [0.5])
    // Of two with the same labels, the later one.
    bench.push(Self.insight("2", "t", "Start", ago: 3, average: 9))
    #expect(shown() == [9])
    bench.push(Self.insight("3", "t", "End", ago: 1))
    #expect(shown() == [7])
    // An end before its beginning.
    bench.push(
      Self.insight("4", "s", "End", ago: 0) + "\n" + Self.insight("5", "u", "End") + "\n"
        + Self.insight("6", "u", "Start"))
    #expect(shown() == [])
    // One whose end never comes.
    bench.push(Self.insight("7", "v", "Start", ago: 86_399))
    #expect(shown() == [7])
    let later = bench.engine.readings(at: AuditText.now + 2 * minute)
    #expect(later[.insightCalls].isEmpty && later[.insightBaseline].isEmpty)
  }

  @Test func insightsAreBounded() {
    var bench = Workbench()
    for n in 0..<600 {
      let name = Self.insight("\(n)", "s\(n)", "Start", ago: 700 - n).replacing("DescribeCluster", with: "D\(n)")
      bench.push(name)
    }
    #expect(bench.readings()[.insightCalls].rows.count == 500)
    #expect(bench.page().contains("operation=\"D599\"") && !bench.page().contains("operation=\"D99\""))
  }

  /// Whoever may call as many names as he likes takes no more than the limit, and nothing is lost.
  @Test func principalsBeyondTheLimitAreFolded() {
    var settings = Workbench.settings
    settings.counting.limits.cloudAPICalls = FamilyLimit(perCluster: 10, inAll: 15)
    settings.counting.limits.cloudPlaces = 3
    var engine = Engine(settings, key: Workbench.key)
    for n in 0..<2_000 {
      let text = Self.call("\(n)", "Op\(n % 700)", user: "u\(n)", error: n % 3 == 0 ? "E\(n % 5)" : nil, account: n % 7)
      engine.count(Workbench.batch((text + "\n").utf8, .stream(id: 1)))
    }
    let readings = engine.readings(at: AuditText.now)
    #expect(readings.sum(.cloudAPICalls) == 2_000)
    let rows = readings[.cloudAPICalls].rows
    #expect(rows.count <= 15 + 512 + 4)
    let accounts = Set(rows.compactMap { readings[.cloudAPICalls].value(of: .cloudAccount, in: $0) })
    #expect(accounts == ["0", "1", "2", "(other)"])
    let overflow = readings[.seriesOverflow]
    let folded = overflow.rows.first { overflow.value(of: .family, in: $0) == "kube_audit_cloud_api_calls_total" }
    #expect(folded?.value == 1985.0)
  }

  @Test func pseudonymsHideWhoCalled() {
    var settings = Workbench.settings
    settings.counting.pseudonyms = Pseudonyms { message in
      (0..<16).map { UInt8(truncatingIfNeeded: message.count + $0) }
    }
    var engine = Engine(settings, key: Workbench.key)
    let off = #"{"name":"prod","logging":{"clusterLogging":[{"types":["audit"],"enabled":false}]}}"#
    engine.count(Workbench.batch(Self.call("1", "UpdateClusterConfig", parameters: off).utf8, .body(path: "/")))
    let page = String(decoding: Exposition.render(engine.readings(at: AuditText.now), as: .openMetrics), as: UTF8.self)
    #expect(page.contains("kube_audit_cluster_logging_changes_total{") && page.contains("principal=\"user-"))
    #expect(!page.contains("\"eve\"") && !page.contains("192.0.2.1"))
  }

  /// Random records in random batches, and kills that lose what was not committed, which is then read again.
  @Test(arguments: 0..<20) func killsChangeNoCountOfRecords(seed: Int) throws {
    var random = SplitMix64(seed: UInt64(Campaign.seed + seed))
    let store = try StateStore(.memory)
    var mortal = try Engine(Workbench.settings, restoring: try store.load())
    var living = Engine(Workbench.settings, key: try store.load().key)
    var pending: [(text: String, arrival: Microseconds)] = []
    for step in 0..<120 {
      let records = (0..<random.below(6)).map { _ in Self.random(&random) }
      let text = records.map { $0 + "\n" }.joined()
      let arrival = AuditText.now + Int64(step) * 1_000_000
      living.count(Workbench.batch(text.utf8, .stream(id: 1), arrival: arrival))
      mortal.count(Workbench.batch(text.utf8, .stream(id: 1), arrival: arrival))
      pending.append((text, arrival))
      switch random.below(10) {
      case 0..<3:
        try store.commit(mortal.takeChange())
        pending = []
      case 3:
        mortal = try Engine(Workbench.settings, restoring: try store.load())
        for lost in pending {
          mortal.count(Workbench.batch(lost.text.utf8, .stream(id: 1), arrival: lost.arrival))
        }
      default: break
      }
      guard step % 10 == 9 else { continue }
      let now = arrival + 1
      #expect(Self.page(&living, now) == Self.page(&mortal, now), "seed \(seed), step \(step)")
      // A reading counts up, and what was read is committed: else the two would differ in what a crash takes back.
      try store.commit(mortal.takeChange())
      pending = []
    }
  }

  /// Damaged state is refused, or it is a state like any other: nothing traps.
  @Test(arguments: 0..<4) func damageToRecordsIsRefusedOrHarmless(seed: Int) throws {
    var random = SplitMix64(seed: UInt64(Campaign.seed + seed))
    let store = try StateStore(.memory)
    var engine = try Engine(Workbench.settings, restoring: try store.load())
    for n in 0..<200 {
      let bytes = (Self.random(&random) + "\n").utf8
      engine.count(Workbench.batch(bytes, .stream(id: 1), arrival: AuditText.now + Int64(n)))
    }
    try store.commit(engine.takeChange())
    let saved = try store.load()
    #expect(saved.counting.records.contains { $0.key == "insights" })
    #expect(saved.counting.records.contains { $0.key.hasPrefix("cloudfeed/0/") })
    var refused = 0
    let rounds = 400
    for round in 0..<rounds {
      var state = saved
      Self.damage(&state.counting, &random)
      do throws(Failure) {
        var engine = try Engine(Workbench.settings, restoring: state)
        for n in 0..<5 {
          engine.count(Workbench.batch((Self.call("new\(n)", ago: 1) + "\n").utf8, .stream(id: 1)))
        }
        #expect(!Self.page(&engine, AuditText.now + minute).isEmpty)
        _ = engine.takeChange()
      } catch {
        #expect(error.reason == .countingState && !error.remedy.isEmpty, "seed \(seed), round \(round)")
        refused += 1
      }
    }
    #expect(refused > rounds / 4 && refused < rounds)
  }

  private static func damage(_ state: inout CountingState, _ random: inout SplitMix64) {
    func damaged(_ bytes: [UInt8]) -> [UInt8] {
      var bytes = bytes
      switch random.below(4) {
      case 0: bytes.removeLast(min(bytes.count, 1 + random.below(4)))
      case 1: bytes = (bytes.first.map { [$0] } ?? []) + random.bytes(random.below(200))
      case 2: bytes.append(UInt8(random.below(256)))
      default: if !bytes.isEmpty { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
      }
      return bytes
    }
    let keys = ["cloud/0", "cloud/7", "cloud/01", "cloudfeed/0/file", "cloudfeed/99/file", "cloudfeed/0", "insights"]
    if random.chance(70) {
      let places = state.records.indices.filter {
        state.records[$0].key.hasPrefix("cloud") || state.records[$0].key == "insights"
      }
      let at = random.pick(places)
      let record = state.records[at]
      switch random.below(6) {
      case 0: state.records.remove(at: at)
      case 1: state.records[at] = StateRecord(key: random.pick(keys), data: record.data)
      default: state.records[at] = StateRecord(key: record.key, data: damaged(record.data))
      }
    } else {
      let at = random.below(state.series.count)
      let row = state.series[at]
      let labels = random.chance(30) ? damaged(row.labels ?? []) : row.labels
      let family = random.chance(30) ? UInt8(random.below(14)) : row.family
      state.series[at] = SeriesRow(
        family: family, place: row.place, labels: labels, count: row.count,
        data: random.chance(50) ? damaged(row.data) : row.data)
    }
  }

  private static func page(_ engine: inout Engine, _ now: Microseconds) -> String {
    String(decoding: Exposition.render(engine.readings(at: now), as: .openMetrics), as: UTF8.self)
  }

  private static func random(_ random: inout SplitMix64) -> String {
    let id = "\(random.below(150))"
    let ago = random.below(2_000)
    switch random.below(10) {
    case 0: return insight(id, "s\(random.below(9))", random.below(2) == 0 ? "Start" : "End", ago: ago)
    case 1..<4:
      let off =
        #"{"name":"c\#(random.below(3))","logging":{"clusterLogging":[{"types":["audit","api"],"enabled":false}]}}"#
      return call(id, "UpdateClusterConfig", user: "u\(random.below(4))", ago: ago, parameters: off)
    case 4..<6:
      return call(id, user: "system:serviceaccount:a:b\(random.below(3))", ago: ago, parameters: #"{"roleArn":"r"}"#)
        .replacing("eks.amazonaws.com", with: "sts.amazonaws.com")
        .replacing("ListClusters", with: "AssumeRoleWithWebIdentity")
    default:
      return call(
        id, "Op\(random.below(4))", error: random.below(3) == 0 ? "E" : nil, ago: ago, account: random.below(3))
    }
  }
}
