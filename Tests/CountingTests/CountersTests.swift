import AuditEvents
import Crypto
import Metrics
import TestSupport
import Testing

@testable import Counting

/// What the random programs do not say: floods, hostile names, reloads, clusters named by events.
struct CountersTests {
  static let start: Int64 = 1_700_000_000_000_000

  static func counters(_ change: (inout CountingSettings) -> Void = { _ in }) -> Counters {
    var settings = CountingSettings()
    settings.inputs = ["file"]
    change(&settings)
    return Counters(settings: settings, key: SipKey(1, 2))
  }

  static func rows(_ set: SampleSet) -> [[Label: String]] {
    set.rows.map { row in Dictionary(set.labels(of: row).map { ($0.label, $0.value) }) { first, _ in first } }
  }

  static func total(_ set: SampleSet) -> Double { set.rows.map(\.value).reduce(0, +) }

  /// A spray of new names from many addresses fills the family and no more; every total stays exact.
  @Test func aFloodIsFolded() {
    var counters = Self.counters {
      $0.limits.denied = FamilyLimit(perCluster: 200, inAll: 300)
      $0.limits.distinctUsers = FamilyLimit(perCluster: 50, inAll: 80)
    }
    let cluster = counters.cluster(named: "c")
    func play(_ range: Range<Int>) {
      for i in range {
        let event = TestEvent(code: 403, decision: .forbid, user: "u\(i)", sourceIPs: ["10.0.\(i % 7).\(i / 90 % 250)"])
        _ = event.withEvent { counters.count($0, cluster: cluster, input: 0, arrival: Self.start) }
      }
    }
    play(0..<2_000)
    _ = counters.readings(now: Self.start)
    let (panes, owners) = (counters.panes.blockCount, counters.denied.owners.count)
    let (bytes, places) = (counters.denied.table.arena.byteCount, counters.denied.table.series.count)
    play(2_000..<12_000)
    let readings = counters.readings(now: Self.start)
    #expect(Self.total(readings[.deniedRequests]) == 12_000)
    #expect(readings[.deniedRequests].rows.count <= 201)
    #expect(counters.panes.blockCount == panes && counters.denied.owners.count == owners)
    #expect(counters.denied.table.arena.byteCount == bytes && counters.denied.table.series.count == places)
    let perWindow = Self.total(readings[.windowDeniedRequests])
    #expect(perWindow == 3 * 12_000)
    #expect(readings[.windowDistinctUsers].rows.count == 3 * 51)
  }

  /// Whatever names clients send, no two series render alike and no reserved word is forged.
  @Test(arguments: 0..<4) func hostileNamesMakeNoTwinsAndForgeNothing(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var counters = Self.counters()
    let cluster = counters.cluster(named: "c")
    let pieces = [
      "(other)", "(unauthenticated)", "(unknown)", #"\\"#, #"\""#, #"\n"#, #"\u0028"#, "\u{202e}", "é", "a", ",user=",
      "",
      String(repeating: "x", count: 300),
    ]
    var genuine = 0.0
    for _ in 0..<3_000 {
      let user = (0..<random.below(4)).map { _ in random.pick(pieces) }.joined()
      let address = (0..<random.below(3)).map { _ in random.pick(pieces) }.joined()
      let event = TestEvent(code: 403, user: user, impersonatedUser: address, sourceIPs: [address], resource: user)
      _ = event.withEvent { counters.count($0, cluster: cluster, input: 0, arrival: Self.start) }
      if user.isEmpty { genuine += 1 }
    }
    let readings = counters.readings(now: Self.start)
    for set in [readings[.deniedRequests], readings[.windowDeniedRequests], readings[.impersonatedRequests]] {
      var seen: Set<[UInt8]> = []
      set.forEach { prefix, labels, _ in #expect(seen.insert(prefix + labels).inserted) }
    }
    #expect(Self.total(readings[.deniedRequests]) == 3_000)
    let unauthenticated = zip(Self.rows(readings[.deniedRequests]), readings[.deniedRequests].rows)
      .filter { $0.0[.user] == "(unauthenticated)" }.map(\.1.value).reduce(0, +)
    let overflow = readings[.seriesOverflow].rows.map(\.value).reduce(0, +)
    #expect(unauthenticated <= genuine && unauthenticated + overflow >= genuine)
    let folded = Self.rows(readings[.deniedRequests]).filter { $0[.user] == "(other)" || $0[.sourceIP] == "(other)" }
    #expect(overflow > 0 || folded.isEmpty)
  }

  @Test func aReloadChangesProxiesAndObjects() {
    var counters = Self.counters()
    let cluster = counters.cluster(named: "c")
    let event = TestEvent(
      verb: .get, code: 403, sourceIPs: ["198.51.100.1", "10.0.0.1"], resource: "widgets", subresource: "scale")
    func count() { _ = event.withEvent { counters.count($0, cluster: cluster, input: 0, arrival: Self.start) } }
    count()
    var settings = CountingSettings()
    settings.trustedProxies = [AddressRange("10.0.0.0/8")].compactMap { $0 }
    settings.trackedObjects = [
      TrackedObject(name: "widget", group: nil, resource: "widgets", subresources: nil, verbs: TrackedObject.reads)
    ]
    counters.apply(settings)
    count()
    count()
    let readings = counters.readings(now: Self.start)
    #expect(Self.rows(readings[.deniedRequests]).map { $0[.sourceIP] } == ["10.0.0.1", "198.51.100.1"])
    #expect(readings[.deniedRequests].rows.map(\.value) == [1, 2])
    #expect(Self.rows(readings[.trackedRequests]).map { $0[.object] } == ["widget"])
    #expect(readings[.trackedRequests].rows.map(\.value) == [2])
  }

  @Test func clustersAreNamedByEventsAndBounded() {
    var counters = Self.counters { $0.clusterLimit = 3 }
    let names = ["a", "b", "a", "a", "", "default", "c", "d", "(other)", "a"].map { HeldText(Array($0.utf8)) }
    let clusters = names.map { counters.cluster(named: $0.text) }
    #expect(clusters[0] == clusters[2] && clusters[0] == clusters[3] && clusters[0] == clusters[9])
    #expect(clusters[4] == clusters[5] && Set(clusters).count == 4)
    #expect(clusters[6] == clusters[7] && clusters[7] == clusters[8])
    #expect(counters.cluster(named: "b") == clusters[1])
    counters.expect(clusters[1])
    let readings = counters.readings(now: Self.start)
    #expect(Self.rows(readings[.clusterExpected]) == [[.cluster: "b"]])
    #expect(readings[.eventsByStage].rows.count == 4 * 5)
    #expect(Set(Self.rows(readings[.eventsByStage]).compactMap { $0[.cluster] }) == ["a", "b", "default", "(other)"])
  }

  /// Two readings of one state are equal, row by row; each has its number.
  @Test func readingsOfOneStateAreTheSame() {
    var counters = Self.counters { $0.shownSeriesPerWindow = 5 }
    let cluster = counters.cluster(named: "c")
    var random = SplitMix64(seed: 3)
    for i in 0..<500 {
      let event = TestEvent(code: random.pick([200, 403, 500]), user: "u\(i % 50)", sourceIPs: ["10.0.0.\(i % 30)"])
      _ = event.withEvent { counters.count($0, cluster: cluster, input: 0, arrival: Self.start) }
    }
    _ = counters.readings(now: Self.start)
    let (first, second) = (counters.readings(now: Self.start), counters.readings(now: Self.start))
    #expect(second.number == first.number + 1)
    for pair in [
      (first[.requests], second[.requests]), (first[.deniedRequests], second[.deniedRequests]),
      (first[.windowDeniedRequests], second[.windowDeniedRequests]),
      (first[.windowDistinctUsers], second[.windowDistinctUsers]),
    ] {
      #expect(Self.rows(pair.0) == Self.rows(pair.1))
      #expect(pair.0.rows.map(\.value) == pair.1.rows.map(\.value))
    }
  }

  /// The cluster that was heard last is at hand, and it is among the trends all the same.
  @Test func theOnlyClusterHasATrend() {
    var counters = Self.counters()
    let cluster = counters.cluster(named: "c")
    let event = TestEvent(code: 403)
    _ = event.withEvent { counters.count($0, cluster: cluster, input: 0, arrival: Self.start) }
    _ = counters.readings(now: Self.start)
    #expect(counters.trends().clusters.map(\.name) == ["c"])
  }

  @Test func everyFamilyTellsItsLimit() {
    var counters = Self.counters()
    _ = counters.cluster(named: "c")
    let readings = counters.readings(now: Self.start)
    #expect(readings[.series].rows.count == 12 && readings[.seriesLimit].rows.count == 12)
    #expect(readings[.seriesExpiredValue].rows.count == 10)
    let limits = zip(Self.rows(readings[.seriesLimit]), readings[.seriesLimit].rows)
    for (labels, row) in limits where labels[.family] == "kube_audit_denied_requests_total" {
      #expect(row.value == 5000)
    }
  }
}
