import AuditEvents
import Crypto
import Diagnostics
import Metrics
import TestSupport
import Testing

@testable import Counting

/// Windowed rules against brute force: random spans, thresholds, keys, late and disordered events, clusters, reloads, steps of
/// the clock, and crashes through the state.
struct RuleWindowTests {
  @Test(arguments: 0..<8) func agreeWithBruteForce(_ part: Int) {
    var totals = WindowProgram.Totals()
    for number in 0..<max(1, Campaign.size("windows", short: 96) / 8) {
      var program = WindowProgram(seed: UInt64(Campaign.seed + part * 1_000_000 + number))
      program.run(steps: 220)
      program.finish()
      totals.add(program.totals)
      if !program.hasAgreed { return }
    }
    #expect(totals.matches > 0 && totals.crashes > 0 && totals.overflows > 0 && totals.values > 0)
    Campaign.report(
      "windows",
      "\(totals.requests) requests, \(totals.matches) matches, \(totals.overflows) without room, \(totals.crashes) crashes"
    )
  }

  /// Rows that are damaged are refused or are rows like others: nothing traps, and what there is stays in its bounds.
  @Test(arguments: 0..<4) func damagedRowsAreRefusedOrHarmless(_ seed: UInt64) {
    var refused = 0
    let rounds = max(16, Campaign.size("windows", short: 96) / 4)
    for number in 0..<rounds {
      var program = WindowProgram(seed: UInt64(Campaign.seed) + seed * 1_000_000 + UInt64(number / 16))
      program.run(steps: 60)
      if program.isRefusedWhenDamaged(number) { refused += 1 }
    }
    #expect(refused > rounds / 20 && refused < rounds)
  }

  /// A key of 1,000 values and another of 1,000 requests, most of them in one pane.
  @Test(arguments: [false, true]) func thresholdsMayBeLarge(isDistinct: Bool) {
    var settings = CountingSettings()
    settings.inputs = ["file"]
    let window = DetectionWindow(seconds: 300, atLeast: 1000, isDistinct: isDistinct, fingerprint: 7)
    settings.detectionRules = [DetectionRule(name: "r", priority: 3, window: window)]
    var counters = Counters(settings: settings, key: SipKey(1, 2))
    let cluster = counters.cluster(named: "a")
    var matches: [Int] = []
    for number in 0..<2500 {
      let event = TestEvent(seconds: 1_700_000_000 + Double(number / 800))
      event.withEvent { event in
        _ = counters.count(event, cluster: cluster, input: 0, arrival: 1_700_000_010_000_000)
        let value = Array("\(number % 1500)".utf8)
        if counters.countInWindow(
          of: 0, key: [1], value: value, event, cluster: cluster, arrival: 1_700_000_010_000_000)
        {
          matches.append(number)
        }
      }
    }
    #expect(matches == [999])
    #expect(counters.windowValue(of: 0, key: [1], cluster: cluster) == 1000)
    #expect(counters.windows.bytes == 96 + (isDistinct ? 20 : 8) * 1000)
  }

  /// What the state holds is opened by the key of pseudonyms alone, which it does not hold.
  @Test func underPseudonymsDigestsTellNothing() {
    func rows(_ pseudonyms: Pseudonyms?) -> [[UInt8]] {
      var settings = CountingSettings()
      settings.inputs = ["file"]
      settings.pseudonyms = pseudonyms
      let window = DetectionWindow(seconds: 300, atLeast: 2, isDistinct: true, fingerprint: 7)
      settings.detectionRules = [DetectionRule(name: "r", priority: 3, window: window)]
      var counters = Counters(settings: settings, key: SipKey(1, 2))
      let cluster = counters.cluster(named: "a")
      TestEvent(seconds: 1_700_000_000).withEvent { event in
        _ = counters.count(event, cluster: cluster, input: 0, arrival: 1_700_000_000_000_000)
        _ = counters.countInWindow(
          of: 0, key: Array("alice".utf8), value: Array("x".utf8), event, cluster: cluster,
          arrival: 1_700_000_000_000_000)
      }
      return counters.takeDelta().series.filter { $0.family == PersistedFamily.ruleWindows.rawValue }.map(\.data)
    }
    func pseudonyms(_ secret: UInt64) -> Pseudonyms {
      Pseudonyms { message in
        let (low, high) = SipHash.hash24x128(message.span, key: SipKey(secret, 0))
        return [low, high].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
      }
    }
    let all = [rows(nil), rows(pseudonyms(1)), rows(pseudonyms(2))]
    #expect(Set(all).count == 3 && rows(pseudonyms(1)) == all[1] && all.allSatisfy { $0.count == 1 })
  }

  @Test func sourceAddressesAreThoseOfTheMetrics() {
    var settings = CountingSettings()
    settings.trustedProxies = [AddressRange("10.0.0.0/8")].compactMap { $0 }
    let counters = Counters(settings: settings, key: SipKey(1, 2))
    func bytes(_ addresses: [String]) -> [UInt8] {
      var bytes: [UInt8] = []
      TestEvent(sourceIPs: addresses).withEvent { counters.appendSourceIP(of: $0, to: &bytes) }
      return bytes
    }
    let one = bytes(["192.0.2.1"])
    #expect(bytes(["203.0.113.9", "192.0.2.1", "10.1.2.3"]) == one && bytes(["::ffff:192.0.2.1"]) == one)
    #expect(bytes(["192.0.2.2"]) != one && bytes([]).isEmpty && bytes(["10.1.2.3"]).isEmpty)
    #expect(bytes(["2001:db8::1"]) == bytes(["2001:db8::ffff:1"]))
    #expect(bytes(["2001:db8::1"]) != bytes(["2001:db8:0:1::1"]) && bytes(["somewhere"]) == Array("somewhere".utf8))
  }
}

/// A random program, played to counters that crash now and then and to the model.
struct WindowProgram {
  struct Totals {
    var requests = 0
    var matches = 0
    var overflows = 0
    var crashes = 0
    var values = 0

    mutating func add(_ other: Totals) {
      requests += other.requests
      matches += other.matches
      overflows += other.overflows
      crashes += other.crashes
      values += other.values
    }
  }

  enum Step {
    case request(seconds: Double?, cluster: String, input: Int, arrival: Int64, rule: Int, key: String, value: String)
    case time(Int64)
    case reading(Int64)
    case rules([DetectionRule])
  }

  let seed: UInt64
  private var random: SplitMix64
  private var settings = CountingSettings()
  private var committedRules: [DetectionRule]
  private let key: SipKey
  private var model: WindowModel
  private var store = StateStore()
  private var pending: [Step] = []
  private var clock: Int64
  private let pace: Int
  private(set) var hasAgreed = true
  private(set) var totals = Totals()

  init(seed: UInt64) {
    self.seed = seed
    random = SplitMix64(seed: seed)
    settings.inputs = Array(["file", "webhook"].prefix(1 + random.below(2)))
    settings.maxLagSeconds = random.pick([900, 60, 0, nil])
    settings.followsEventTime = random.chance(20)
    settings.windowLimits.keys = random.pick([2, 4, 1000])
    settings.windowLimits.bytes = random.chance(40) ? 300 + random.below(3000) : 1 << 20
    clock = 1_700_000_000_000_000 + Int64(random.below(1_000_000_000))
    pace = random.pick([2, 20, 200])
    key = SipKey(random.next(), random.next())
    committedRules = []
    model = WindowModel(settings)
    settings.detectionRules = (0..<1 + random.below(4)).map { rule($0) }
    committedRules = settings.detectionRules
    model = WindowModel(settings)
  }

  private mutating func rule(_ number: Int) -> DetectionRule {
    let window = DetectionWindow(
      seconds: random.pick([30, 60, 540, 3600, 86_400]), atLeast: random.pick([1, 2, 3, 5, 8]),
      isDistinct: random.chance(50), learnSeconds: random.pick([0, 0, 60, 600]),
      fingerprint: UInt128(random.next()) << 64 | UInt128(random.next()))
    return DetectionRule(name: "rule \(number)", priority: 3, window: random.chance(90) ? window : nil)
  }

  mutating func run(steps: Int) {
    var counters = Counters(settings: settings, key: key)
    for number in 0..<steps where hasAgreed {
      clock += Int64(random.below(pace * 1_000_000))
      if random.chance(1) { clock += Int64(random.below(4000)) * 1_000_000 }
      if random.chance(1) { clock -= Int64(random.below(400)) * 1_000_000 }
      play(next(), &counters, isAgain: false, number)
      if random.chance(12) { commit(&counters, number) }
      if random.chance(8) { crash(&counters, number) }
      if random.chance(20) { compareValues(&counters, number) }
    }
    commit(&counters, steps)
    crash(&counters, steps)
    compareValues(&counters, steps)
    if !store.complaints.isEmpty { differ("\(store.complaints)", steps) }
  }

  /// Adds what the model counted to the totals.
  mutating func finish() { totals.overflows = model.overflow.values.reduce(0, +) }

  private mutating func next() -> Step {
    switch random.below(100) {
    case 0..<3: return .time(clock)
    case 3..<6: return .reading(clock)
    case 6..<8:
      var rules = settings.detectionRules
      let at = random.below(rules.count)
      rules[at] = rule(at)
      if random.chance(30), rules.count > 1 { rules.remove(at: random.below(rules.count)) }
      if random.chance(30) { rules.append(rule(rules.count)) }
      return .rules(rules.shuffled(using: &random))
    default:
      var seconds = Double(clock) / 1e6 - Double(random.below(pace * 40))
      if random.chance(10) { seconds -= Double(random.below(8000)) }
      if random.chance(5) { seconds += Double(random.below(200)) }
      return .request(
        seconds: random.chance(97) ? seconds : nil, cluster: random.pick(["a", "a", "b", "c"]),
        input: random.below(settings.inputs.count), arrival: clock, rule: random.below(settings.detectionRules.count),
        key: "key\(random.below(random.pick([2, 6])))", value: "value\(random.below(random.pick([3, 12])))")
    }
  }

  private mutating func play(_ step: Step, _ counters: inout Counters, isAgain: Bool, _ number: Int) {
    if !isAgain { pending.append(step) }
    switch step {
    case .time(let now):
      _ = counters.keepTime(now)
      if !isAgain { model.keepTime(now) }
    case .reading(let now):
      let readings = counters.readings(now: now)
      if !isAgain { compare(readings, number) }
    case .rules(let rules):
      settings.detectionRules = rules
      counters.apply(settings)
      if !isAgain { model.apply(rules) }
    case .request(let seconds, let name, let input, let arrival, let rule, let key, let value):
      let cluster = counters.cluster(named: name)
      let isMatch = TestEvent(seconds: seconds).withEvent { event in
        _ = counters.count(event, cluster: cluster, input: input, arrival: arrival)
        return counters.countInWindow(
          of: rule, key: Array(key.utf8), value: Array(value.utf8), event, cluster: cluster, arrival: arrival)
      }
      guard !isAgain else { return }
      let stated = seconds.map { Int64(($0 * 1e6).rounded()) }
      let time = model.hear(stated, cluster: name, input: input, arrival: arrival)
      let wanted = model.count(rule, cluster: name, key: key, value: value, time: time)
      totals.requests += 1
      if wanted { totals.matches += 1 }
      if wanted != isMatch { differ("\(step): \(isMatch), not \(wanted)", number) }
    }
  }

  private mutating func compare(_ readings: Readings, _ number: Int) {
    model.now = settings.followsEventTime ? model.now : max(model.now, clock)
    for cluster in ["a", "b", "c"] { model.advance(cluster) }
    var wanted: [String: Int] = [:]
    for rule in settings.detectionRules {
      guard let window = rule.window else { continue }
      for cluster in ["a", "b", "c"] {
        guard let count = model.overflow["\(window.fingerprint)/\(cluster)"] else { continue }
        wanted["\(cluster)/\(rule.name)", default: 0] += count
      }
    }
    var found: [String: Int] = [:]
    let set = readings[.ruleWindowOverflow]
    for row in set.rows where row.value > 0 {
      let name = (set.value(of: .cluster, in: row) ?? "") + "/" + (set.value(of: .rule, in: row) ?? "")
      found[name, default: 0] += Int(row.value)
    }
    if found != wanted { differ("overflow \(found), not \(wanted)", number) }
    let bytes = Int(readings[.ruleWindowBytes].rows.first?.value ?? -1)
    if bytes < model.bytes || bytes > settings.windowLimits.bytes {
      differ("\(bytes) bytes for \(model.bytes)", number)
    }
  }

  /// What the windows hold, whatever was asked before.
  private mutating func compareValues(_ counters: inout Counters, _ number: Int) {
    for cluster in ["a", "b", "c"] { model.advance(cluster) }
    for (rule, detection) in settings.detectionRules.enumerated() {
      guard let window = detection.window else { continue }
      for name in ["a", "b", "c"] {
        for key in (0..<6).map({ "key\($0)" }) {
          let cluster = counters.cluster(named: name)
          let found = counters.windowValue(of: rule, key: Array(key.utf8), cluster: cluster)
          let wanted = min(window.atLeast, model.value(window, name, key))
          if found > 0 { totals.values += 1 }
          if found != wanted { return differ("\(name) \(key) of \(window): \(found), not \(wanted)", number) }
        }
      }
    }
  }

  private mutating func commit(_ counters: inout Counters, _ number: Int) {
    store.apply(counters.takeDelta())
    pending.removeAll()
    committedRules = settings.detectionRules
    if !counters.takeDelta().isEmpty { differ("a second delta holds something", number) }
  }

  private mutating func crash(_ counters: inout Counters, _ number: Int) {
    let current = settings
    settings.detectionRules = committedRules
    do throws(Failure) {
      counters = try Counters(settings: settings, key: key, restoring: store.state(&random))
    } catch { return differ(error.what, number) }
    for step in pending { play(step, &counters, isAgain: true, number) }
    settings = current
    totals.crashes += 1
  }

  /// Damages one row of what was committed and goes on from it; whether it is refused.
  mutating func isRefusedWhenDamaged(_ number: Int) -> Bool {
    var random = SplitMix64(seed: UInt64(number))
    var state = store.state(&random)
    let rows = state.series.indices.filter { state.series[$0].family == PersistedFamily.ruleWindows.rawValue }
    guard !rows.isEmpty else { return false }
    let at = random.pick(rows)
    let row = state.series[at]
    var (place, labels, data) = (row.place, row.labels, row.data)
    switch random.below(8) {
    case 0: place = random.pick([0, 1, 7, 1 << 20, 1 << 31 - 1, 1 << 31, .max])
    case 1: labels = random.chance(30) ? nil : StateFuzzTests.damaged(labels ?? [], &random)
    default: data = StateFuzzTests.damaged(data, &random)
    }
    state.series[at] = SeriesRow(family: row.family, place: place, labels: labels, count: row.count, data: data)
    settings.detectionRules = committedRules
    do throws(Failure) {
      var counters = try Counters(settings: settings, key: key, restoring: state)
      for step in 0..<40 { play(next(), &counters, isAgain: true, step) }
      _ = counters.takeDelta()
      let bytes = counters.readings(now: clock)[.ruleWindowBytes].rows.first?.value ?? 0
      #expect(Int(bytes) <= settings.windowLimits.bytes)
      return false
    } catch {
      #expect(error.reason == .countingState && !error.what.isEmpty && !error.remedy.isEmpty)
      return true
    }
  }

  private mutating func differ(_ what: String, _ number: Int) {
    guard hasAgreed else { return }
    hasAgreed = false
    Issue.record("seed \(seed), step \(number): \(what)")
  }
}
