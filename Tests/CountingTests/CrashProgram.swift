import AuditEvents
import Crypto
import Diagnostics
import Metrics
import TestSupport
import Testing

@testable import Counting

/// A random program that is played twice: to counters that live on, and to counters that crash.
///
/// Those that crash hand their deltas to a store. After a crash they begin from it, and what came after the last delta is
/// played again: every reading must then be that of the ones that lived.
struct CrashProgram {
  enum Step {
    case event(TestEvent, cluster: String, input: Int, arrival: Int64, matches: [Int])
    case reading(Int64)
    case time(Int64)
    case scraped(UInt32)
    case reload(CountingSettings)
    case expect([String])
  }

  var base: RandomProgram
  var settings: CountingSettings
  let key: SipKey
  var store = StateStore()
  /// The settings as of the last delta.
  var committed: CountingSettings
  /// What was played since the last delta.
  var pending: [Step] = []
  var hasAgreed = true
  private(set) var crashes = 0
  private(set) var comparisons = 0

  init(seed: UInt64) {
    base = RandomProgram(seed: seed)
    settings = base.settings
    if base.random.chance(30) {
      settings.limits.distinctUsers = FamilyLimit(perCluster: 1 + base.random.below(4), inAll: 8)
    }
    // A small sketch becomes coarse.
    settings.limits.sketchEntries = base.random.pick([UserSketch.entryLimit, 96, 800, 2000])
    committed = settings
    key = SipKey(base.random.next(), base.random.next())
  }

  mutating func run(steps: Int) {
    var living = Counters(settings: settings, key: key)
    var mortal = Counters(settings: settings, key: key)
    let many = base.random.chance(60)
    for step in 0..<steps where hasAgreed {
      base.stepClock()
      if base.keepsTime { play(.time(base.clock), &living, &mortal, step) }
      let next = self.next(many: many, living.number)
      play(next, &living, &mortal, step)
      if base.random.chance(12) { commit(&mortal, step) }
      if base.random.chance(8) { crash(&mortal, step) }
      if base.random.chance(3) { compareWithStore(&living, &mortal, step) }
    }
    guard hasAgreed else { return }
    commit(&mortal, steps)
    compareWithStore(&living, &mortal, steps)
    #expect(store.complaints.isEmpty, "seed \(base.seed)")
  }

  private mutating func next(many: Bool, _ number: UInt32) -> Step {
    switch base.random.below(100) {
    case 0..<88:
      return .event(
        event(many), cluster: cluster(), input: input(), arrival: base.clock,
        matches: base.matches(settings.detectionRules))
    case 88..<95: return .reading(base.clock)
    case 95..<98: return .scraped(number)
    case 98:
      settings.trackedObjects.shuffle(using: &base.random)
      settings.trustedProxies = base.random.pick([[], [AddressRange("192.0.2.0/29")].compactMap { $0 }])
      if base.random.chance(50) { settings.detectionRules = base.detectionRules() }
      return .reload(settings)
    default: return .expect((0..<base.random.below(3)).map { _ in cluster() })
    }
  }

  /// Sprays of many users from few addresses fill what is kept of an address, and the sketch.
  private mutating func event(_ many: Bool) -> TestEvent {
    var event = base.event()
    guard many, base.random.chance(60) else { return event }
    event.code = 403
    event.stage = .responseComplete
    event.user = "spray\(base.random.below(3000))"
    event.sourceIPs = ["192.0.2.\(base.random.below(3))"]
    return event
  }

  private mutating func cluster() -> String { base.random.pick(["a", "a", "b", "c", "d", "é\"\\", "(e"]) }

  private mutating func input() -> Int { base.random.below(settings.inputs.count) }

  @discardableResult
  private mutating func play(
    _ step: Step, _ living: inout Counters, _ mortal: inout Counters, _ number: Int
  ) -> [String] {
    pending.append(step)
    let shown = Self.play(step, &living)
    compare(shown, Self.play(step, &mortal), "step \(number)")
    return shown
  }

  private static func play(_ step: Step, _ counters: inout Counters) -> [String] {
    switch step {
    case .event(let event, let name, let input, let arrival, let matches):
      let cluster = counters.cluster(named: name)
      let counted = event.withEvent { event in
        let counted = counters.count(event, cluster: cluster, input: input, arrival: arrival)
        counters.countDetections(matches, of: event, cluster: cluster, arrival: arrival)
        return counted
      }
      return ["\(counted)"]
    case .reading(let now):
      let lines = ReadingsText.lines(counters.readings(now: now))
      return lines + counters.trends(seconds: 120, rowsLimit: 4).clusters.map { "\($0)" }
    case .time(let now): return ["\(counters.keepTime(now) ?? 0)"]
    case .scraped(let number): counters.scraped(number)
    case .reload(let settings): counters.apply(settings)
    case .expect(let names):
      counters.expectNone()
      for name in names { counters.expect(counters.cluster(named: name)) }
    }
    return []
  }

  private mutating func commit(_ mortal: inout Counters, _ step: Int) {
    store.apply(mortal.takeDelta())
    pending.removeAll()
    committed = settings
    let again = mortal.takeDelta()
    if !again.isEmpty { differ("a second delta holds \(again)", "step \(step)") }
  }

  private func restored() throws(Failure) -> Counters {
    var random = base.random
    return try Counters(settings: committed, key: key, restoring: store.state(&random))
  }

  private mutating func crash(_ mortal: inout Counters, _ step: Int) {
    do throws(Failure) {
      mortal = try restored()
    } catch {
      return differ(error.what, "crash at step \(step)")
    }
    crashes += 1
    for step in pending { _ = Self.play(step, &mortal) }
  }

  /// What all deltas have left behind reads as what handed them over.
  private mutating func compareWithStore(_ living: inout Counters, _ mortal: inout Counters, _ step: Int) {
    commit(&mortal, step)
    do throws(Failure) {
      var third = try restored()
      let stored = Self.play(.reading(base.clock), &third)
      compare(stored, play(.reading(base.clock), &living, &mortal, step), "store at step \(step)")
    } catch {
      differ(error.what, "store at step \(step)")
    }
  }

  private mutating func compare(_ a: [String], _ b: [String], _ place: String) {
    comparisons += 1
    guard a != b else { return }
    let at = zip(a, b).enumerated().first { $1.0 != $1.1 }?.offset ?? min(a.count, b.count)
    differ("line \(at): \(a.dropFirst(at).first ?? "-") and \(b.dropFirst(at).first ?? "-")", place)
  }

  private mutating func differ(_ what: String, _ place: String) {
    hasAgreed = false
    Issue.record("seed \(base.seed), \(place): \(what)")
  }
}
