import AuditEvents
import Crypto
import Diagnostics
import Metrics
import TestSupport
import Testing

@testable import Counting

/// Damaged state is refused, or it is a state like any other: nothing traps, and memory stays bounded.
struct StateFuzzTests {
  struct Sample {
    var settings: CountingSettings
    var key: SipKey
    var state: CountingState
    var clock: Int64
  }

  static func sample(_ seed: UInt64) -> Sample {
    var program = CrashProgram(seed: seed)
    program.run(steps: 120)
    var random = SplitMix64(seed: seed)
    return Sample(
      settings: program.settings, key: program.key, state: program.store.state(&random), clock: program.base.clock)
  }

  /// Begins with a state; when it is taken, counts and reads so that whatever is wrong with it would show.
  static func take(_ sample: Sample, _ state: CountingState, _ events: [TestEvent]) -> Bool {
    do throws(Failure) {
      var counters = try Counters(settings: sample.settings, key: sample.key, restoring: state)
      for (i, event) in events.enumerated() {
        let cluster = counters.cluster(named: i % 2 == 0 ? "a" : "new")
        _ = event.withEvent { counters.count($0, cluster: cluster, input: 0, arrival: sample.clock) }
      }
      let readings = counters.readings(now: sample.clock + 3_600_000_000)
      readings[.deniedRequests].forEach { _, labels, _ in #expect(String(validating: labels, as: UTF8.self) != nil) }
      counters.scraped(readings.number)
      _ = counters.readings(now: sample.clock + 200_000_000_000)
      _ = counters.takeDelta()
      return true
    } catch {
      #expect(error.reason == .countingState && !error.what.isEmpty && !error.remedy.isEmpty)
      return false
    }
  }

  static func damaged(_ bytes: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
    var bytes = bytes
    switch random.below(6) {
    case 0: bytes.removeLast(min(bytes.count, 1 + random.below(4)))
    case 1: bytes = Array(bytes.prefix(random.below(bytes.count + 1)))
    case 2: bytes.append(UInt8(random.below(256)))
    case 3: bytes = (0..<random.below(80)).map { _ in UInt8(random.below(256)) }
    case 4:
      let version = bytes.first ?? 1
      bytes = [version] + (0..<random.below(400)).map { _ in UInt8(random.below(random.chance(50) ? 256 : 4)) }
    default:
      for _ in 0..<1 + random.below(3) where !bytes.isEmpty {
        bytes[random.below(bytes.count)] = random.pick([0, 1, 0x7f, 0x80, 0xff, UInt8(random.below(256))])
      }
    }
    return bytes
  }

  static func damage(_ state: CountingState, _ random: inout SplitMix64) -> CountingState {
    var state = state
    if random.chance(50), !state.records.isEmpty {
      let i = random.below(state.records.count)
      let record = state.records[i]
      switch random.below(8) {
      case 0: state.records.remove(at: i)
      case 1: state.records.append(StateRecord(key: random.pick(keys), data: record.data))
      case 2: state.records[i] = StateRecord(key: random.pick(keys), data: record.data)
      default: state.records[i] = StateRecord(key: record.key, data: damaged(record.data, &random))
      }
    } else if !state.series.isEmpty {
      let i = random.below(state.series.count)
      let row = state.series[i]
      var (family, place, labels, count, data) = (row.family, row.place, row.labels, row.count, row.data)
      switch random.below(10) {
      case 0: family = UInt8(random.below(12))
      case 1: place = random.pick([0, 7, 200_000, 1 << 20, .max, UInt32(random.below(1000))])
      case 2: labels = random.chance(30) ? nil : damaged(labels ?? [], &random)
      case 3: count = random.pick([0, 1 << 53, 1 << 53 + 1, .max])
      case 4: labels = state.series[random.below(state.series.count)].labels
      default: data = damaged(data, &random)
      }
      state.series[i] = SeriesRow(family: family, place: place, labels: labels, count: count, data: data)
    }
    return state
  }

  static let keys = [
    "clock", "sketch", "cluster/0", "cluster/1", "cluster/9", "cluster/01", "cluster/-1", "traffic/0", "traffic/60000",
    "feed/0/file", "feed/9/file", "feed/0", "input/file", "input/", "input", "family/1", "family/8", "family/9",
    "family/256", "sketch/0/0", "sketch/0/255", "sketch/0/256", "sketch/4294967295/1", "sketch/99999999999999/1", "",
    "/",
    "cluster", "cluster/", "é",
  ]

  static var events: [TestEvent] {
    (0..<80).map { i in
      TestEvent(
        verb: i % 3 == 0 ? .create : .get, code: [200, 403, 401, 500][i % 4], decision: .forbid, user: "user\(i)",
        impersonatedUser: i % 5 == 0 ? "x" : "", sourceIPs: [i % 2 == 0 ? "192.0.2.1" : "a0::\(i)"],
        group: i % 3 == 0 ? "rbac.authorization.k8s.io" : "", resource: i % 3 == 0 ? "roles" : "secrets")
    }
  }

  @Test(arguments: 0..<8) func damageIsRefusedOrHarmless(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let sample = Self.sample(seed)
    #expect(Self.take(sample, sample.state, Self.events))
    var refused = 0
    let rounds = max(40, RandomProgramTests.programs / 4)
    for _ in 0..<rounds {
      if !Self.take(sample, Self.damage(sample.state, &random), Self.events) { refused += 1 }
    }
    #expect(refused > rounds / 4 && refused < rounds)
  }

  /// A third of the beginnings of pieces: none is as good as the whole.
  @Test func whatIsCutShortIsRefused() {
    let sample = Self.sample(100)
    for (i, record) in sample.state.records.enumerated() {
      // A chunk of the sketch may be empty, and a cluster's name may be shorter.
      if record.key.hasPrefix("sketch") || record.key.hasPrefix("cluster/") { continue }
      for count in stride(from: i % 3, to: record.data.count, by: 3) {
        var state = sample.state
        state.records[i] = StateRecord(key: record.key, data: Array(record.data.prefix(count)))
        #expect(!Self.take(sample, state, []), "\(record.key), \(count) of \(record.data.count)")
      }
    }
    for (i, row) in sample.state.series.enumerated() where i % 7 == 0 {
      for count in stride(from: i % 3, to: row.data.count, by: 3) {
        var state = sample.state
        state.series[i] = SeriesRow(
          family: row.family, place: row.place, labels: row.labels, count: row.count,
          data: Array(row.data.prefix(count)))
        #expect(!Self.take(sample, state, []), "family \(row.family), \(count) of \(row.data.count)")
      }
    }
  }
}
