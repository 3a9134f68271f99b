import AuditEvents
import Metrics
import TestSupport
import Testing

@testable import Counting

/// The choice of shown series against one that gives place after place by the rule, and what shortcuts must not forget.
struct ShownSeriesTests {
  struct Candidate {
    let place: Int
    let born: UInt32
    let owner: UInt32
    let value: UInt64
    let isShown: Bool
  }

  /// The places that the rule names, one at a time.
  private func model(_ candidates: [Candidate], limit: Int) -> Set<Int> {
    var shown = candidates.filter(\.isShown)
    var waiting = candidates.filter { !$0.isShown }
    while shown.count < limit, !waiting.isEmpty {
      func held(_ owner: UInt32) -> Int { shown.count { $0.owner == owner } }
      let next = waiting.indices.min { a, b in
        let (a, b) = (waiting[a], waiting[b])
        return (held(a.owner), b.value, a.born) < (held(b.owner), a.value, b.born)
      }
      guard let next else { break }
      shown.append(waiting.remove(at: next))
    }
    return Set(shown.map(\.place))
  }

  @Test(arguments: 0..<300 as Range<UInt64>) func choosesAsTheRuleSays(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var choice = ShownSeries()
    let owners = 1 + random.below(8)
    let candidates = (0..<random.below(60)).map { i in
      Candidate(
        place: i, born: UInt32(i), owner: UInt32(random.below(owners)), value: UInt64(1 + random.below(5)),
        isShown: random.chance(20))
    }.shuffled(using: &random)
    let limit = random.below(40)
    var crowd = ShownSeries.Crowd()
    crowd.shown = candidates.filter(\.isShown).map(\.owner)
    crowd.waiting = candidates.filter { !$0.isShown }.map {
      ShownSeries.Candidate(place: $0.place, born: $0.born, owner: $0.owner, value: $0.value)
    }
    // What was chosen before must leave nothing behind.
    for _ in 0..<2 {
      let chosen = choice.choose(limit - crowd.shown.count, of: crowd).map { Int($0.place) }
      #expect(Set(chosen).count == chosen.count)
      #expect(Set(candidates.filter(\.isShown).map(\.place)).union(chosen) == model(candidates, limit: limit))
    }
  }

  /// A place in the list of tracked objects means another object after a reload.
  @Test func aReloadEndsShortcuts() {
    var counters = CountersTests.counters { $0.shownSeriesPerWindow = 1 }
    let cluster = counters.cluster(named: "c")
    func play() {
      for user in ["alice", "bob", "carol"] {
        let event = TestEvent(verb: .create, code: 201, user: user, resource: "pods")
        for _ in 0..<2 {
          _ = event.withEvent { counters.count($0, cluster: cluster, input: 0, arrival: CountersTests.start) }
        }
      }
    }
    play()
    _ = counters.readings(now: CountersTests.start)
    var settings = counters.settings
    settings.trackedObjects = [TrackedObject(name: "workloads", group: "", resource: "pods")]
    counters.apply(settings)
    play()
    let readings = counters.readings(now: CountersTests.start)
    let totals = CountersTests.rows(readings[.trackedRequests]).map { $0[.object] ?? "" }
    #expect(totals == ["pods", "workloads"])
    #expect(readings[.trackedRequests].rows.map(\.value) == [6, 6])
    let windows = readings[.windowTrackedRequests]
    var byObject: [String: Double] = [:]
    for row in windows.rows where windows.value(of: .window, in: row) == "5m" {
      byObject[windows.value(of: .object, in: row) ?? "", default: 0] += row.value
    }
    #expect(byObject == ["pods": 6, "workloads": 6])
  }
}
