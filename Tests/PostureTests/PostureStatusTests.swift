import Diagnostics
import TestSupport
import Testing

@testable import Posture

/// What is kept from round to round, and what arrival makes of it.
@Suite struct PostureStatusTests {
  private static let types = EKSLogging.types

  private func facts(_ name: String, _ states: [Bool?], _ doubt: Doubt? = nil) -> ClusterFacts {
    var facts = ClusterFacts(provider: .aws, account: "1", region: "eu-west-1", name: name, label: name)
    facts.logTypes = zip(Self.types, states).map { LogType(name: $0, isAudit: $0 == "audit", isExported: $1) }
    facts.doubt = doubt
    return facts
  }

  private func report(_ clusters: [ClusterFacts], _ doubt: Doubt? = nil) -> RegionReport {
    var report = RegionReport(provider: .aws, account: "1", region: "eu-west-1")
    report.clusters = clusters
    if let doubt { report.fail(doubt, "no") }
    return report
  }

  /// Random rounds against a model: clusters come, go and fail, and so do lists.
  @Test(arguments: 0..<20) func lastKnownAnswersAreKept(seed: Int) {
    var random = SplitMix64(seed: UInt64(seed))
    var last: RegionReport?
    var known: [String: [String: Bool]] = [:]
    var shown: Set<String> = []
    for round in 0..<60 {
      let listFails = random.pick(0...4) == 0
      var clusters: [ClusterFacts] = []
      for name in ["a", "b", "c", "d"] where !listFails && random.pick(0...3) > 0 {
        if random.pick(0...3) == 0 {
          clusters.append(facts(name, [], .throttled))
        } else {
          let states = Self.types.map { _ in [true, false, nil][random.pick(0...2)] }
          clusters.append(facts(name, states, states.contains(nil) ? .notReported : nil))
        }
      }
      let now = report(clusters, listFails ? .accessDenied : nil).following(last, at: Int64(round))
      if !listFails {
        shown = Set(clusters.map(\.name))
        known = known.filter { shown.contains($0.key) }
        for cluster in clusters {
          for type in cluster.logTypes {
            if let isOn = type.isExported { known[cluster.name, default: [:]][type.name] = isOn }
          }
        }
      }
      let found = now.lastKnown.mapValues { types in
        Dictionary(types.compactMap { type in type.isExported.map { (type.name, $0) } }) { first, _ in first }
      }
      #expect(Set(now.clusters.map(\.name)) == shown)
      #expect(found.filter { !$0.value.isEmpty } == known, "round \(round)")
      #expect(!listFails || now.clusters.allSatisfy { LoggingStatus($0) == .unknown })
      #expect(
        now.isWhole == !listFails
          && (listFails ? now.lastSuccess == last?.lastSuccess : now.lastSuccess == Int64(round)))
      last = now
    }
  }

  /// Silence begins when the log was turned on, or with the newest event.
  @Test func silenceIsCounted() {
    let arrival = Arrival(silentAfterSeconds: 10)
    let second: Microseconds = 1_000_000
    let rows: [(since: Int64?, last: Int64?, now: Int64, Bool)] = [
      (0, nil, 10, false), (0, nil, 11, true), (0, 5, 15, false), (0, 5, 16, true), (20, 5, 30, false),
      (20, 5, 31, true),
      (nil, nil, 1000, false), (nil, 5, 1000, false), (0, 2000, 1000, false),
    ]
    for row in rows {
      let isSilent = arrival.isSilent(
        auditSince: row.since.map { $0 * second }, lastEvent: row.last.map { $0 * second }, at: row.now * second)
      #expect(isSilent == row.3, "\(row)")
    }
    #expect(!Arrival(silentAfterSeconds: 0).isSilent(auditSince: 0, lastEvent: nil, at: .max / 2))
    for status in LoggingStatus.allCases {
      #expect(status.joined(isSilent: false) == status)
      #expect((status.joined(isSilent: true) == .silent) == [.enabled, .degraded, .silent].contains(status))
    }
  }

  /// Since when the log has been on is kept while it stays on or is not known, and begins anew when it was off.
  @Test func turningOnBeginsAnew() {
    let on = facts("a", [true, true, true, true, true])
    let off = facts("a", [false, true, true, true, true])
    let hidden = facts("a", [], .throttled)
    var last: RegionReport?
    var since: [Microseconds?] = []
    for (now, cluster) in zip(0..., [on, hidden, on, off, hidden, on, on]) {
      last = report([cluster]).following(last, at: Int64(now))
      since.append(last?.auditSince["a"])
    }
    #expect(since == [0, 0, 0, nil, nil, 5, 5])
  }

  /// A thousand clusters of all targets together, and no more.
  @Test func clustersAreBounded() {
    let status = PostureStatus(targets: 3)
    #expect(!status.snapshot.isWhole)
    for target in 0..<3 { status.show([report((0..<400).map { facts("c\($0)", []) })], of: target) }
    let counts = status.snapshot.regions.map(\.clusters.count)
    #expect(
      counts == [400, 400, 200] && status.snapshot.regions[2].doubt == .clustersLimit && !status.snapshot.isWhole)
    // There is room again.
    status.show([], of: 0)
    status.show([report((0..<400).map { facts("c\($0)", []) })], of: 2)
    #expect(status.snapshot.regions.map(\.clusters.count) == [400, 400] && status.snapshot.isWhole)
  }
}
