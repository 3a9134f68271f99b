import AuditEvents
import Counting
import Crypto
import Diagnostics

/// Counters in five clusters: 24,000 refusals by (user, source IP), 2,000 RBAC mutations by user.
struct Workload: ~Copyable {
  static let start: Int64 = 1_700_000_000
  var counters: Counters
  private let clusters: [ClusterIndex]
  private let text: NameBuffer

  init(_ settings: CountingSettings, _ key: SipKey) {
    counters = Counters(settings: settings, key: key)
    var clusters: [ClusterIndex] = []
    for name in ["production", "staging", "edge-west", "edge-east", "tools"] {
      clusters.append(counters.cluster(named: name))
    }
    self.clusters = clusters
    text = NameBuffer()
  }

  static let seriesCount = 26_000

  /// Counts the refusal of one more user of one source IP.
  mutating func flood(_ user: Int, at second: Int64) {
    var event = AuditEvent()
    event.stage = .responseComplete
    event.time = second * 1_000_000
    event.code = 403
    event.decision = .forbid
    unsafe event.user = text.write("guess-\(user)", at: 0)
    unsafe event.sourceIPs = text.write("\"192.0.2.66\"", at: 256)
    _ = counters.count(event, cluster: clusters[0], input: 0, arrival: second * 1_000_000)
  }

  /// Counts one event of a series at this second.
  mutating func touch(_ series: Int, at second: Int64) {
    var event = AuditEvent()
    event.stage = .responseComplete
    event.time = second * 1_000_000
    let cluster = clusters[series % 5]
    let number = series / 5
    if number < 4_800 {
      event.code = 403
      event.decision = .forbid
      event.verb = .list
      unsafe event.user = text.write("system:serviceaccount:team-\(number % 64):builder-\(number)", at: 0)
      unsafe event.sourceIPs = text.write("\"10.\(series % 5).\(number / 64).7\"", at: 256)
    } else {
      event.code = 200
      event.verb = .update
      unsafe event.user = text.write("system:serviceaccount:operators:controller-\(number)", at: 0)
      unsafe event.apiGroup = text.write("rbac.authorization.k8s.io", at: 256)
      unsafe event.resource = text.write("rolebindings", at: 512)
    }
    _ = counters.count(event, cluster: cluster, input: 0, arrival: second * 1_000_000)
  }
}

/// Memory that texts of one event borrow.
@safe final class NameBuffer {
  // SAFETY: 1024 initialised bytes from `init` to `deinit`.
  private let bytes: UnsafeMutablePointer<UInt8>

  init() {
    unsafe bytes = .allocate(capacity: 1024)
    unsafe bytes.initialize(repeating: 0x22, count: 1024)
  }

  deinit { unsafe bytes.deallocate() }

  /// Writes a name of less than 240 bytes.
  @unsafe func write(_ name: String, at offset: Int) -> Text {
    for (i, byte) in name.utf8.enumerated() { unsafe bytes[offset + i] = byte }
    return unsafe Text(bytes + offset, count: name.utf8.count, isEscaped: false)
  }
}

/// What deltas leave behind.
struct Store {
  private var series: [SeriesKey: SeriesRow] = [:]
  private var records: [String: StateRecord] = [:]

  mutating func apply(_ delta: CountingDelta) {
    for key in delta.removed { series[key] = nil }
    for row in delta.series {
      let key = SeriesKey(family: row.family, place: row.place)
      series[key] = SeriesRow(
        family: row.family, place: row.place, labels: row.labels ?? series[key]?.labels, count: row.count,
        data: row.data)
    }
    for record in delta.records { records[record.key] = record }
  }

  var state: CountingState {
    var state = CountingState()
    state.series = Array(series.values)
    state.records = Array(records.values)
    return state
  }
}

func byteCount(_ delta: CountingDelta) -> Int {
  delta.series.reduce(0) { $0 + $1.data.count + ($1.labels?.count ?? 0) + 13 }
    + delta.records.reduce(0) { $0 + $1.data.count + $1.key.utf8.count }
}

func run(changed: Int) -> Int32 {
  var settings = CountingSettings()
  settings.inputs = ["file"]
  let key = SipKey(1, 2)
  var load = Workload(settings, key)
  var random = SystemRandomNumberGenerator()
  var second = Workload.start
  for _ in 0..<6 {
    for series in 0..<Workload.seriesCount {
      if series % 50 == 0 { second += 1 }
      load.touch(series, at: second)
    }
  }
  _ = load.counters.readings(now: second * 1_000_000)
  var store = Store()
  var start = Clock.monotonic
  let first = load.counters.takeDelta()
  print("first_delta_us\t\(Clock.monotonic - start)\t\(first.series.count) series\t\(byteCount(first)) bytes")
  store.apply(first)
  var times: [Int64] = []
  for _ in 0..<101 {
    second += 1
    for series in (0..<Workload.seriesCount).shuffled(using: &random).prefix(changed) { load.touch(series, at: second) }
    start = Clock.monotonic
    let delta = load.counters.takeDelta()
    times.append(Clock.monotonic - start)
    store.apply(delta)
    if times.count == 101 { print("delta\t\(delta.series.count) series\t\(byteCount(delta)) bytes") }
  }
  times.sort()
  print("delta_us\t\(times[0])\t\(times[50])\t\(times[100])")
  start = Clock.monotonic
  let idle = load.counters.takeDelta()
  print("idle_delta_us\t\(Clock.monotonic - start)\t\(idle.isEmpty)")
  reportFlood(&load, &store, changed: changed, from: second)
  return restore(store.state, settings, key)
}

/// A million users of one source IP, then CHANGED more at a time.
private func reportFlood(_ load: inout Workload, _ store: inout Store, changed: Int, from second: Int64) {
  let users = 1_000_000
  for user in 0..<users { load.flood(user, at: second + Int64(user / 1_000)) }
  store.apply(load.counters.takeDelta())
  for round in 0..<5 {
    for user in 0..<changed { load.flood(users + round * changed + user, at: second + 1_001 + Int64(round)) }
    let start = Clock.monotonic
    let delta = load.counters.takeDelta()
    print("flood_delta_us\t\(Clock.monotonic - start)\t\(delta.records.count) records\t\(byteCount(delta)) bytes")
    store.apply(delta)
  }
}

/// Microseconds to begin from all of it, five times.
private func restore(_ state: CountingState, _ settings: CountingSettings, _ key: SipKey) -> Int32 {
  for _ in 0..<5 {
    let start = Clock.monotonic
    do throws(Failure) {
      _ = try Counters(settings: settings, key: key, restoring: state)
    } catch {
      print(error.what)
      return 1
    }
    print("restore_us\t\(Clock.monotonic - start)\t\(state.series.count) series\t\(state.records.count) records")
  }
  return 0
}
