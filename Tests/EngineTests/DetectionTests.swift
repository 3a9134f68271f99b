import AuditEvents
import Diagnostics
import Metrics
import Rules
import State
import TestSupport
import Testing

@testable import Engine

/// Rules are counted once for a request, whatever its stages, their order, repetitions and restarts.
@Suite struct DetectionTests {
  static let rules = """
    - macro: reads
      condition: ka.verb in (get, list)
    - rule: one stage
      desc: d
      condition: jevt.value[/stage] = ResponseComplete and reads
      output: o
      source: k8s_audit
      priority: WARNING
    - rule: any stage
      desc: d
      condition: reads
      output: o
      source: k8s_audit
      priority: CRITICAL
    - rule: two stages
      desc: d
      condition: not jevt.value[/stage] in (RequestReceived, Panic) and ka.target.resource = secrets
      output: o
      source: k8s_audit
      priority: INFO
    - rule: switched off
      desc: d
      condition: ka.verb exists
      output: o
      source: k8s_audit
      enabled: false
      priority: DEBUG
    """

  static func load(_ text: String) throws -> RuleSet {
    try RuleSet.load([RuleFile(name: "rules.yaml", bytes: Array(text.utf8))])
  }

  static func settings(_ rules: String = rules, matching: Detector.Matching = .all) throws -> EngineSettings {
    var settings = Workbench.settings
    settings.detect(try load(rules), matching: matching)
    return settings
  }

  static func counts(_ readings: Readings, _ family: FamilyID = .detections) -> [String: Int] {
    var counts: [String: Int] = [:]
    let set = readings[family]
    for row in set.rows where row.value > 0 && set.value(of: .window, in: row) ?? "1h" == "1h" {
      let key = ["k8s_cluster", "rule"].map { name in
        set.labels(of: row).first { $0.label.rawValue == name }?.value ?? ""
      }.joined(separator: "/")
      counts[key, default: 0] += Int(row.value)
    }
    return counts
  }

  @Test func whichRulesAskForAStage() throws {
    #expect(try Self.load(Self.rules).matchesOneStage == [true, false, false, false])
  }

  @Test(arguments: 0..<40) func agreeWithBruteForce(seed: Int) throws {
    let store = try StateStore(.memory)
    var program = DetectionProgram(seed: UInt64(Campaign.seed + seed))
    var engine = try Engine(try Self.settings(), restoring: try store.load())
    var pending: [Batch] = []
    for _ in 0..<60 {
      let batch = program.batch()
      engine.count(batch)
      pending.append(batch)
      switch program.random.below(10) {
      case 0...1:
        try store.commit(engine.takeChange())
        pending = []
      case 2:
        // What was not committed is lost, and comes again.
        engine = try Engine(try Self.settings(), restoring: try store.load())
        for batch in pending { engine.count(batch) }
      case 3:
        engine.apply(try Self.settings())
      default: break
      }
      guard program.random.chance(20) else { continue }
      let readings = engine.readings(at: AuditText.now)
      try #require(Self.counts(readings) == program.wanted, "seed \(seed)")
      try #require(Self.counts(readings, .windowDetections) == program.wanted, "seed \(seed)")
    }
    let readings = engine.readings(at: AuditText.now)
    #expect(Self.counts(readings) == program.wanted, "seed \(seed)")
    #expect(!program.wanted.isEmpty && readings.isBalanced)
  }

  @Test func everyRuleIsThereAtZero() throws {
    var engine = Engine(try Self.settings(), key: Workbench.key)
    engine.count(Workbench.batch("".utf8, .stream(id: 1)))
    let set = engine.readings(at: AuditText.now)[.detections]
    let rows = set.rows.map { row in set.labels(of: row).map(\.value).joined(separator: "|") + " \(row.value)" }
    let names = ["one stage|warning", "any stage|critical", "two stages|informational"]
    #expect(Set(rows) == Set(["default", "main"].flatMap { cluster in names.map { "\(cluster)|\($0) 0.0" } }))
  }

  @Test func aReloadTakesOtherRules() throws {
    var engine = Engine(try Self.settings(), key: Workbench.key)
    var program = DetectionProgram(seed: 1)
    let request = program.request(verb: "get", resource: "pods")
    engine.count(Workbench.batch((request.lines.joined()).utf8, .stream(id: 1)))
    #expect(Self.counts(engine.readings(at: AuditText.now)) == ["main/one stage": 1, "main/any stage": 1])
    engine.apply(
      try Self.settings(
        "- {rule: new, desc: d, condition: ka.verb = get, output: o, priority: ERROR, source: k8s_audit}"))
    let set = engine.readings(at: AuditText.now)[.detections]
    // What was counted stays; what stood at 0 for a rule that is gone does not.
    #expect(Set(set.rows.compactMap { set.value(of: .rule, in: $0) }) == ["one stage", "any stage", "new"])
    engine.count(Workbench.batch((request.lines.joined()).utf8, .stream(id: 1)))
    #expect(
      Self.counts(engine.readings(at: AuditText.now)) == ["main/one stage": 1, "main/any stage": 1, "main/new": 1])
    engine.apply(Workbench.settings)
    engine.count(Workbench.batch((request.lines.joined()).utf8, .stream(id: 1)))
    #expect(Self.counts(engine.readings(at: AuditText.now)).values.reduce(0, +) == 3)
  }

  @Test func theFirstAloneCanBeChosen() throws {
    var engine = Engine(try Self.settings(matching: .first), key: Workbench.key)
    var program = DetectionProgram(seed: 1)
    let request = program.request(verb: "get", resource: "secrets")
    engine.count(Workbench.batch((request.lines.last ?? "").utf8, .stream(id: 1)))
    #expect(Self.counts(engine.readings(at: AuditText.now)) == ["main/one stage": 1])
  }

  /// The client chooses `auditID`: it must not hide a second request.
  @Test func oneAuditIDIsNotOneRequest() throws {
    var engine = Engine(try Self.settings(), key: Workbench.key)
    var program = DetectionProgram(seed: 1)
    for _ in 0..<3 {
      let request = program.request(verb: "get", resource: "pods", auditID: "chosen")
      engine.count(Workbench.batch((request.lines.joined()).utf8, .stream(id: 1)))
    }
    #expect(Self.counts(engine.readings(at: AuditText.now))["main/any stage"] == 3)
  }

  /// Nor does it where the event was cut short, or tells no time of receipt.
  @Test(arguments: [false, true]) func norWithoutTheTimeOfReceipt(isCut: Bool) throws {
    var engine = Engine(try Self.settings(), key: Workbench.key)
    var program = DetectionProgram(seed: 1)
    for _ in 0..<3 {
      let line = program.request(verb: "get", resource: "pods", auditID: "chosen").lines[2]
      let text = line.replacing("requestReceivedTimestamp", with: "requestForgotten")
      let cut = String(text.prefix(upTo: text.firstRange(of: #""requestForgotten""#)?.lowerBound ?? text.endIndex))
      engine.count(Workbench.batch((isCut ? cut + "\n" : text).utf8, .endOfStream(id: 1)))
    }
    let readings = engine.readings(at: AuditText.now)
    #expect(readings.outcome(input: 0).salvaged == (isCut ? 3 : 0))
    #expect(Self.counts(readings)["main/any stage"] == 3)
  }

  /// More matches than are remembered cost memory of a fixed size, and say so.
  @Test func whatIsRememberedIsBounded() throws {
    var engine = Engine(try Self.settings(), key: Workbench.key, rememberedBodies: 10, rememberedEvents: 5)
    var program = DetectionProgram(seed: 1)
    for _ in 0..<30 {
      let request = program.request(verb: "get", resource: "pods")
      engine.count(Workbench.batch(request.lines[0].utf8, .stream(id: 1)))
    }
    let readings = engine.readings(at: AuditText.now)
    #expect(Self.counts(readings)["main/any stage"] == 30)
    #expect(readings.sum(.digestsEvicted) == 20)
  }
}

/// Requests with up to three stages, in any order, some of them again, and what each rule must count.
struct DetectionProgram {
  struct Request {
    var cluster: String
    var verb: String
    var resource: String
    var stages: [String]
    /// By stage.
    var lines: [String]
  }

  var random: SplitMix64
  private(set) var wanted: [String: Int] = [:]
  private var serial = 0
  private var matched: Set<String> = []
  private var requests: [Request] = []

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  mutating func request(verb: String, resource: String, auditID: String? = nil, cluster: String = "main") -> Request {
    serial += 1
    let received = Timestamp.text(AuditText.now - 300_000_000 + Int64(serial) * 1_000)
    let stages = ["RequestReceived", "ResponseStarted", "ResponseComplete"]
    let lines = stages.map { stage in
      let status = stage == "RequestReceived" ? "" : #""responseStatus":{"code":200},"#
      return
        #"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"\#(auditID ?? "a\(serial)")","#
        + #""stage":"\#(stage)","requestURI":"/api/v1/\#(resource)","verb":"\#(verb)","user":{"username":"u"},"#
        + #""objectRef":{"resource":"\#(resource)","apiVersion":"v1"},\#(status)"#
        + #""requestReceivedTimestamp":"\#(received)","stageTimestamp":"\#(received)"}"# + "\n"
    }
    return Request(cluster: cluster, verb: verb, resource: resource, stages: stages, lines: lines)
  }

  /// Some events of some requests of one cluster.
  mutating func batch() -> Batch {
    let cluster = random.pick(["main", "east"])
    for _ in 0..<random.below(4) {
      let new = request(
        verb: random.pick(["get", "list", "create"]), resource: random.pick(["pods", "secrets"]), cluster: cluster)
      requests.append(new)
    }
    var text = ""
    for _ in 0..<random.below(8) {
      let candidates = requests.indices.filter { requests[$0].cluster == cluster }
      guard !candidates.isEmpty else { break }
      let number = random.pick(candidates)
      let stage = random.below(3)
      text += requests[number].lines[stage]
      expect(number, stage)
    }
    return Workbench.batch(text.utf8, .stream(id: 1), cluster: cluster)
  }

  private mutating func expect(_ number: Int, _ stage: Int) {
    let request = requests[number]
    let reads = request.verb != "create"
    if stage == 2, reads { wanted["\(request.cluster)/one stage", default: 0] += 1 }
    if reads { expectOnce("any stage", number) }
    if stage > 0, request.resource == "secrets" { expectOnce("two stages", number) }
  }

  private mutating func expectOnce(_ rule: String, _ number: Int) {
    guard matched.insert("\(number) \(rule)").inserted else { return }
    wanted["\(requests[number].cluster)/\(rule)", default: 0] += 1
  }
}
