import AuditEvents
import Crypto
import Metrics
import TestSupport
import Testing

@testable import Counting

struct DistinctUsersTests {
  static let start: Int64 = 1_700_000_000

  /// Counters that a spray from one IP has been played to; each user is refused at a second of its own.
  static func counters(_ seed: UInt64, users: Int, seconds: (Int) -> Int64) -> Counters {
    var settings = CountingSettings()
    settings.inputs = ["file"]
    var counters = Counters(settings: settings, key: SipKey(seed, 7))
    let cluster = counters.cluster(named: "c")
    for user in 0..<users { refuse(&counters, cluster, "user-\(user)", at: start + seconds(user)) }
    return counters
  }

  static func refuse(_ counters: inout Counters, _ cluster: ClusterIndex, _ user: String, at second: Int64) {
    let event = TestEvent(code: 403, decision: .forbid, user: user, seconds: Double(second))
    _ = event.withEvent { counters.count($0, cluster: cluster, input: 0, arrival: second * 1_000_000) }
  }

  static func shown(_ counters: inout Counters, at second: Int64) -> [String: Double] {
    let set = counters.readings(now: second * 1_000_000)[.windowDistinctUsers]
    var values: [String: Double] = [:]
    for row in set.rows { values[set.value(of: .window, in: row) ?? ""] = row.value }
    return values
  }

  @Test func exactTo64() {
    for users in [1, 2, 63, 64] {
      var counters = Self.counters(1, users: users) { Int64($0 % 50) }
      #expect(
        Self.shown(&counters, at: Self.start + 60) == ["5m": Double(users), "15m": Double(users), "1h": Double(users)])
    }
  }

  /// After a flood, a window that holds few again is exact again, whatever longer ones estimate.
  @Test func exactAgainAfterAFlood() {
    var counters = Self.counters(2, users: 20_000) { Int64($0 / 1000) }
    let cluster = counters.cluster(named: "c")
    for user in 0..<10 { Self.refuse(&counters, cluster, "late-\(user)", at: Self.start + 700) }
    let values = Self.shown(&counters, at: Self.start + 700)
    #expect(values["5m"] == 10)
    #expect(abs((values["1h"] ?? 0) / 20_010 - 1) < 0.05)
    #expect(abs((values["15m"] ?? 0) / 20_010 - 1) < 0.05)
    #expect(Self.shown(&counters, at: Self.start + 8_000).isEmpty)
    Self.refuse(&counters, cluster, "another", at: Self.start + 8_001)
    #expect(Self.shown(&counters, at: Self.start + 8_001)["1h"] == 1)
  }

  /// Within 3 % at every size: the error over many keys is that of 8,192 registers.
  @Test(arguments: [65, 100, 500, 2_000, 10_000, 40_000]) func estimatesAreWithinThreePercent(_ users: Int) {
    var squares = 0.0
    var misses = 0
    let trials = users > 5_000 ? 4 : 12
    for seed in 0..<trials {
      var counters = Self.counters(UInt64(seed + 10), users: users) { Int64($0 * 200 / users) }
      let error = (Self.shown(&counters, at: Self.start + 200)["5m"] ?? 0) / Double(users) - 1
      squares += error * error
      if abs(error) > 0.03 { misses += 1 }
    }
    #expect((squares / Double(trials)).squareRoot() < 0.02)
    #expect(misses * 10 <= trials)
  }

  /// A window slides: the estimate follows the users that are still in it.
  @Test func estimatesSlide() {
    var counters = Self.counters(5, users: 6_000) { Int64($0 / 10) }
    for second in stride(from: Int64(600), through: 890, by: 10) {
      let inside = 10 * (600 - max(0, (second / 10 - 30) * 10))
      let value = Self.shown(&counters, at: Self.start + second)["5m"] ?? 0
      #expect(abs(value - Double(inside)) <= max(0.04 * Double(inside), 3), "\(second)")
    }
  }

  /// However many users come, memory stays, and estimates stay of use.
  @Test func aFullSketchLosesPrecisionNotBounds() {
    var sketch = UserSketch()
    var random = SplitMix64(seed: 9)
    for owner in 0..<40 {
      for _ in 0..<20_000 { sketch.add(owner: owner, user: random.next(), second: 100) { _ in 0 } }
    }
    #expect(sketch.count <= UserSketch.entryLimit)
    #expect(sketch.precision < UserSketch.fullPrecision && sketch.precision >= 10)
    var multiplicities = [Int](repeating: 0, count: 66)
    var registers = [UInt8](repeating: 0, count: sketch.registerCount)
    sketch.forEach({ $0 == 3 }) { registers[$1] = max(registers[$1], $2 + 0 * UInt8($3 & 0)) }
    for rank in registers { multiplicities[Int(rank)] += 1 }
    #expect(abs(sketch.estimate(multiplicities) / 20_000 - 1) < 0.15)
    sketch.prune { _ in
      false
    } reach: { _ in
      0
    }
    #expect(sketch.count == 0 && sketch.precision == UserSketch.fullPrecision)
  }

  /// More IPs than are shown: the others are counted together, each user once.
  @Test func theHiddenAreCountedTogether() {
    var settings = CountingSettings()
    settings.shownSeriesPerWindow = 2
    settings.windows = [WindowSpan(name: "5m", seconds: 300)]
    settings.inputs = ["file"]
    var counters = Counters(settings: settings, key: SipKey(1, 1))
    let cluster = counters.cluster(named: "c")
    for (address, users) in [("192.0.2.1", 5), ("192.0.2.2", 4), ("192.0.2.3", 3), ("192.0.2.4", 2)] {
      for user in 0..<users {
        let event = TestEvent(code: 403, user: "u\(user)", sourceIPs: [address])
        _ = event.withEvent { counters.count($0, cluster: cluster, input: 0, arrival: Self.start * 1_000_000) }
      }
    }
    let set = counters.readings(now: Self.start * 1_000_000)[.windowDistinctUsers]
    let rows = set.rows.map { (set.value(of: .sourceIP, in: $0) ?? "", $0.value) }
    #expect(rows.map(\.0) == ["192.0.2.1", "192.0.2.2", "(other)"])
    #expect(rows.map(\.1) == [5, 4, 3])
  }
}
