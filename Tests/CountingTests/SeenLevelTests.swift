import Counting
import Crypto
import Metrics
import TestSupport
import Testing

/// What the levels that were seen let rules do, against a list of all that was seen.
@Suite struct SeenLevelTests {
  private struct Sighting {
    let cluster: Int
    let rule: Int
    let hour: Int64
    let isBlind: Bool
    let isNoisy: Bool
  }

  private static let names = ["a", "b\"c"]
  private static let rules = ["r0", "r\\1", "r2"]

  private static func counters(perCluster: Int = 100, inAll: Int = 100) -> Counters {
    var settings = CountingSettings()
    settings.detectionRules = rules.map { DetectionRule(name: $0, priority: 4) }
    settings.limits.detections = FamilyLimit(perCluster: perCluster, inAll: inAll)
    return Counters(settings: settings, key: SipKey(1, 2))
  }

  private static func values(_ set: SampleSet) -> [String: Double] {
    var values: [String: Double] = [:]
    for row in set.rows {
      values[(set.value(of: .cluster, in: row) ?? "") + "/" + (set.value(of: .rule, in: row) ?? "")] = row.value
    }
    return values
  }

  /// Moves the clock to an hour.
  private static func move(_ counters: inout Counters, _ hour: Int64) -> ClusterIndex {
    let cluster = counters.cluster(named: names[0])
    TestEvent().withEvent { event in
      _ = counters.count(event, cluster: cluster, input: 0, arrival: (hour * 3600 + 17) * 1_000_000)
    }
    return cluster
  }

  @Test(arguments: 0..<10) func againstAllThatWasSeen(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var counters = Self.counters()
    var seen: [Sighting] = []
    var hour: Int64 = 500_000
    for _ in 0..<400 {
      if random.chance(20) { hour += Int64(random.pick([1, 1, 2, 5, 23, 24, 30])) }
      _ = Self.move(&counters, hour)
      let sighting = Sighting(
        cluster: random.below(2), rule: random.below(3), hour: hour, isBlind: random.chance(50),
        isNoisy: random.chance(30))
      if random.chance(60) {
        seen.append(sighting)
        counters.see(
          sighting.rule, isBlind: sighting.isBlind, isNoisy: sighting.isNoisy,
          cluster: counters.cluster(named: Self.names[sighting.cluster]))
      }
      let readings = counters.readings(now: (hour * 3600 + 18) * 1_000_000)
      var evaluable: [String: Double] = [:]
      var noisy = evaluable
      for cluster in 0..<2 {
        for rule in 0..<3 {
          let mine = seen.filter { $0.cluster == cluster && $0.rule == rule }
          let hours = Set(mine.map(\.hour)).sorted().suffix(2)
          // Of the last two hours, each no more than a day before what came next.
          guard let last = hours.last, hour - last < 24 else { continue }
          let counted = hours.filter { last - $0 < 24 }
          let recent = mine.filter { counted.contains($0.hour) }
          let key = Self.names[cluster] + "/" + Self.rules[rule]
          evaluable[key] = recent.contains { !$0.isBlind } ? 1 : 0
          noisy[key] = recent.contains { $0.isNoisy } ? 1 : 0
        }
      }
      #expect(Self.values(readings[.ruleEvaluable]) == evaluable, "seed \(seed)")
      #expect(Self.values(readings[.ruleNoisy]) == noisy, "seed \(seed)")
    }
    #expect(seen.count > 150)
  }

  /// Clusters have series as long as there is room for all rules of each; the stamp changes with cluster and hour.
  @Test func bounds() {
    var counters = Self.counters(inAll: 5)
    let first = Self.move(&counters, 10)
    let second = counters.cluster(named: Self.names[1])
    #expect(counters.levelStamp(first) & 3 != counters.levelStamp(second) & 3)
    let stamp = counters.levelStamp(first)
    _ = Self.move(&counters, 11)
    #expect(counters.levelStamp(first) != stamp)
    for cluster in [first, second] { counters.see(2, isBlind: true, isNoisy: false, cluster: cluster) }
    #expect(Self.values(counters.readings(now: 0)[.ruleEvaluable]) == ["a/r2": 0])
    var none = Self.counters(perCluster: 2)
    let cluster = Self.move(&none, 10)
    none.see(0, isBlind: false, isNoisy: true, cluster: cluster)
    #expect(none.readings(now: 0)[.ruleNoisy].isEmpty)
    // Other rules begin anew.
    var settings = CountingSettings()
    settings.detectionRules = [DetectionRule(name: "new", priority: 1)]
    counters.apply(settings)
    #expect(counters.readings(now: 0)[.ruleEvaluable].isEmpty)
    counters.see(0, isBlind: false, isNoisy: false, cluster: first)
    #expect(Self.values(counters.readings(now: 0)[.ruleEvaluable]) == ["a/new": 1])
  }
}
