import AuditEvents
import Crypto
import Metrics
import TestSupport
import Testing

@testable import Counting

/// A random program: events, readings and steps of the clock, played to `Counters` and to the model.
struct RandomProgram {
  var random: SplitMix64
  var settings = CountingSettings()
  var model: Model
  var clock: Int64
  /// How far the clock was set forward by mistake.
  private var astray: Int64 = 0
  /// Whether counting is told what the clock shows, as the engine does.
  let keepsTime: Bool
  var hasAgreed = true
  let seed: UInt64

  init(seed: UInt64) {
    self.seed = seed
    random = SplitMix64(seed: seed)
    settings.inputs = Array(["file", "webhook", "stdin"].prefix(1 + random.below(3)))
    settings.windows = random.pick([
      [
        WindowSpan(name: "5m", seconds: 300), WindowSpan(name: "15m", seconds: 900),
        WindowSpan(name: "1h", seconds: 3600),
      ],
      [WindowSpan(name: "30s", seconds: 30)],
      [WindowSpan(name: "2m", seconds: 120), WindowSpan(name: "1m", seconds: 60)],
      [],
    ])
    settings.maxLagSeconds = random.pick([900, 60, 0, nil])
    settings.followsEventTime = random.chance(20)
    settings.clusterLimit = 1 + random.below(4)
    settings.shownSeriesPerWindow = random.chance(30) ? 1000 : 1 + random.below(6)
    settings.idleSeconds = Int64(random.pick([60, 600, 86_400]))
    let small = FamilyLimit(perCluster: 2 + random.below(12), inAll: 4 + random.below(24))
    settings.limits = SeriesLimits()
    settings.limits.requests = small
    settings.limits.denied = FamilyLimit(perCluster: 4 + random.below(30), inAll: 8 + random.below(50))
    settings.limits.serverErrors = small
    settings.limits.rbacMutations = small
    settings.limits.tracked = small
    settings.limits.trackedInWindow = small
    settings.limits.impersonated = small
    settings.limits.detections = FamilyLimit(perCluster: 2 + random.below(20), inAll: 4 + random.below(40))
    settings.limits.usersPerSourceIP = 1 + random.below(5)
    settings.limits.sourceIPsPerUser = 1 + random.below(5)
    settings.limits.seriesPerIPv6Network = 1 + random.below(4)
    settings.limits.resourcesPerCluster = 1 + random.below(3)
    keepsTime = random.chance(80)
    clock = 1_700_000_000_000_000 + Int64(random.below(1_000_000_000))
    model = Model(settings)
    settings.detectionRules = detectionRules()
    model = Model(settings)
  }

  mutating func run(steps: Int) {
    var counters = Counters(settings: settings, key: SipKey(random.next(), random.next()))
    var delivered: UInt32 = 0
    for step in 0..<steps where hasAgreed {
      stepClock()
      if keepsTime {
        _ = counters.keepTime(clock)
        model.keepTime(clock)
      }
      if random.chance(90) {
        let event = event()
        let name = random.pick(["a", "b", "c", "d", "e"])
        let input = random.below(settings.inputs.count)
        let cluster = counters.cluster(named: name)
        let known = model.cluster(name)
        _ = event.withEvent { counters.count($0, cluster: cluster, input: input, arrival: clock) }
        model.count(event, cluster: known, input: input, arrival: clock)
        let matches = matches(model.rules)
        event.withEvent { counters.countDetections(matches, of: $0, cluster: cluster, arrival: clock) }
        model.countDetections(matches, event, cluster: known, arrival: clock)
      } else if random.chance(10) {
        settings.detectionRules = detectionRules()
        counters.apply(settings)
        model.rules = settings.detectionRules
      } else {
        let readings = counters.readings(now: clock)
        compare(readings, model.readings(now: clock), step)
        if hasAgreed { compareTrends(counters.trends(seconds: 120, rowsLimit: 4), readings, step) }
        delivered = readings.number
      }
      if random.chance(5) {
        counters.scraped(delivered)
        model.scraped = max(model.scraped, Int(delivered))
      }
    }
    guard hasAgreed else { return }
    compare(counters.readings(now: clock), model.readings(now: clock), steps)
  }

  mutating func stepClock() {
    switch random.below(100) {
    case 0..<60: clock += Int64(random.below(3_000_000))
    case 60..<75: clock += Int64(random.below(60_000_000))
    case 75..<77: clock += Int64(random.below(3_000_000_000))
    case 77: clock -= Int64(random.below(20_000_000))
    case 78 where random.chance(20): clock += Int64(random.below(200_000)) * 1_000_000
    case 79 where random.chance(20): clock -= Int64(random.below(3_000)) * 1_000_000
    case 80 where astray == 0 && random.chance(30):
      astray = random.pick([180, 3_600, 86_400, 31_536_000]) * 1_000_000
      clock += astray
    case 81..<84 where astray > 0:
      clock -= astray
      astray = 0
    default: break
    }
  }

  mutating func event() -> TestEvent {
    var event = TestEvent()
    event.stage = random.chance(70) ? .responseComplete : random.pick(Stage.allCases)
    event.verb = random.pick(Verb.allCases)
    event.code = random.pick([200, 201, 301, 401, 401, 403, 403, 403, 404, 409, 500, 500, 503, 101, 0])
    event.decision = random.pick(Decision.allCases)
    event.isImpersonationRefused = random.chance(30)
    event.isDryRun = random.chance(20)
    event.user = random.pick(["", "alice", "bob", "carol", "dave", "eve", "system:anonymous", "u\(random.below(40))"])
    if random.chance(20) { event.impersonatedUser = "i\(random.below(8))" }
    event.sourceIPs = random.chance(5) ? [] : ["203.0.113.9", address()]
    (event.group, event.resource, event.subresource) = random.pick([
      ("", "pods", ""), ("", "pods", "exec"), ("", "secrets", ""), ("", "configmaps", ""), ("", "", ""),
      ("rbac.authorization.k8s.io", "roles", ""), ("rbac.authorization.k8s.io", "clusterrolebindings", ""),
      ("rbac.authorization.k8s.io", "roles", "status"), ("apps", "deployments", "scale"),
      ("certificates.k8s.io", "certificatesigningrequests", "approval"),
    ])
    if event.resource == "configmaps" { (event.namespace, event.name) = ("kube-system", "aws-auth") }
    event.seconds = time()
    return event
  }

  private mutating func address() -> String {
    switch random.below(10) {
    case 0..<5: "192.0.2.\(random.below(6))"
    case 5..<8: "a\(random.below(2))::\(1 + random.below(8))"
    default: "198.51.100.\(random.below(200))"
    }
  }

  /// Most events are a little old; some are old, late, of the future, or without a time.
  private mutating func time() -> Double? {
    let now = Double(clock) / 1e6
    switch random.below(100) {
    case 0..<50: return now - Double(random.below(5_000)) / 1e3
    case 50..<75: return now - Double(random.below(400))
    case 75..<85: return now - Double(random.below(5_000))
    case 85..<87: return now - Double(random.below(1_000_000))
    case 87..<92: return now + Double(random.below(120))
    case 92..<95: return nil
    default: return (now / 120).rounded(.down) * 120 - Double(random.below(3)) * 30
    }
  }
}

extension RandomProgram {
  private mutating func compare(_ readings: Readings, _ expected: Model.Shown, _ step: Int) {
    same("requests_total", readings[.requests], expected, step)
    same("denied_requests_total", readings[.deniedRequests], expected, step)
    same("server_errors_total", readings[.serverErrors], expected, step)
    same("rbac_mutations_total", readings[.rbacMutations], expected, step)
    same("tracked_requests_total", readings[.trackedRequests], expected, step)
    same("impersonated_requests_total", readings[.impersonatedRequests], expected, step)
    same("detections_total", readings[.detections], expected, step)
    same("window_detections", readings[.windowDetections], expected, step)
    same("window_requests", readings[.windowRequests], expected, step)
    same("window_server_error_ratio", readings[.windowServerErrorRatio], expected, step)
    same("window_denied_requests", readings[.windowDeniedRequests], expected, step)
    same("window_rbac_mutations", readings[.windowRBACMutations], expected, step)
    same("window_tracked_requests", readings[.windowTrackedRequests], expected, step)
    // The model does not bound these; there are never more than are shown.
    if settings.shownSeriesPerWindow > 220 {
      same("window_distinct_users", readings[.windowDistinctUsers], expected, step)
    }
    same("stages", readings[.eventsByStage], ["stages": stages()], step)
    same("inputs", readings[.eventsLate], ["inputs": inputs(model.late)], step)
    same("inputs", readings[.eventsSkewed], ["inputs": inputs(model.skewed)], step)
    same("lag", readings[.eventLag], ["lag": feeds { Double($0.lag) / 1e6 }], step)
    same("newest", readings[.clusterLastEvent], ["newest": feeds { Double($0.newest) / 1e6 }], step)
    for (family, expected) in accounts() {
      #expect(value(readings[.seriesOverflow], family) == Double(expected.overflow), "seed \(seed) \(family)")
      #expect(value(readings[.seriesExpiredValue], family) ?? 0 == Double(expected.expired), "seed \(seed) \(family)")
      #expect(value(readings[.series], family) == Double(expected.entries.filter { !$0.isOverflow }.count))
    }
  }

  private func accounts() -> [(String, Model.Family)] {
    model.families.map { ("kube_audit_" + $0.key, $0.value) }
  }

  private func value(_ set: SampleSet, _ family: String) -> Double? {
    set.rows.first { set.value(of: .family, in: $0) == family }?.value
  }

  private func stages() -> [[String: String]: Double] {
    let names: [Stage: String] = [
      .requestReceived: "RequestReceived", .responseStarted: "ResponseStarted", .responseComplete: "ResponseComplete",
      .panic: "Panic", .unknown: "unknown",
    ]
    var rows: [[String: String]: Double] = [:]
    for cluster in model.clusters {
      for (stage, name) in names {
        rows[["k8s_cluster": cluster, "audit_stage": name]] = Double(model.stages[cluster]?[stage] ?? 0)
      }
    }
    return rows
  }

  private func inputs(_ counts: [Int: Int]) -> [[String: String]: Double] {
    var rows: [[String: String]: Double] = [:]
    for (i, name) in settings.inputs.enumerated() { rows[["input": name]] = Double(counts[i] ?? 0) }
    return rows
  }

  private func feeds(_ value: (Model.Feed) -> Double) -> [[String: String]: Double] {
    var rows: [[String: String]: Double] = [:]
    for (cluster, feeds) in model.feeds {
      for (input, feed) in feeds { rows[["k8s_cluster": cluster, "input": settings.inputs[input]]] = value(feed) }
    }
    return rows
  }

  private mutating func same(_ name: String, _ set: SampleSet, _ expected: Model.Shown, _ step: Int) {
    var got: [[String: String]: Double] = [:]
    for row in set.rows {
      // An overflow series may be made for a window before a total needs it.
      let isFolded = set.labels(of: row).contains { $0.label != .cluster && $0.value == "(other)" }
      if row.value == 0, name.hasSuffix("_total"), isFolded { continue }
      let labels = Dictionary(set.labels(of: row).map { ($0.label.rawValue, $0.value) }) { first, _ in first }
      if got.updateValue(row.value, forKey: labels) != nil { differ(name, "two rows of \(labels)", step) }
    }
    let wanted = expected[name] ?? [:]
    guard got != wanted else { return }
    let only = got.filter { wanted[$0.key] != $0.value }
    let missing = wanted.filter { got[$0.key] != $0.value }
    differ(name, "got \(only), wanted \(missing)", step)
  }

  mutating func differ(_ name: String, _ what: String, _ step: Int) {
    hasAgreed = false
    Issue.record("seed \(seed), step \(step), \(name): \(what)")
  }
}
