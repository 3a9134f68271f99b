import AuditEvents
import Counting
import Diagnostics
import Metrics
import Rules
import State
import TestSupport
import Testing

@testable import Engine

/// Windowed rules through the engine and the real state: each request once whatever its stages and redeliveries, the same after
/// kills at any instant, and reloads that keep what is unchanged.
@Suite struct WindowedRuleTests {
  static func rules(_ keys: String, condition: String = "ka.verb in (get, list)") -> String {
    """
    - rule: plain
      desc: d
      condition: ka.verb = get and ka.stage = ResponseComplete
      output: o
      source: k8s_audit
      priority: WARNING
    - rule: many
      desc: d
      condition: \(condition)
      output: o
      source: k8s_audit
      priority: CRITICAL
    \(keys)

    """
  }
  static let threeKinds = "  over: 9m\n  by: [ka.user.name]\n  distinct: ka.target.resource\n  at_least: 3"
  static let fourRequests = "  over: 5m\n  by: [ka.user.name]\n  at_least: 4"

  /// A request's events, one a line, by stage.
  private static func lines(_ number: Int, user: String, resource: String, seconds: Int = 0) -> [String] {
    let received = Timestamp.text(AuditText.now - 300_000_000 + Int64(seconds) * 1_000_000 + Int64(number))
    return ["RequestReceived", "ResponseStarted", "ResponseComplete"].map { stage in
      #"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"\#(number)","stage":"\#(stage)","#
        + #""requestURI":"/api/v1/\#(resource)","verb":"list","user":{"username":"\#(user)"},"#
        + #""sourceIPs":["192.0.2.1"],"objectRef":{"resource":"\#(resource)"},"responseStatus":{"code":200},"#
        + #""requestReceivedTimestamp":"\#(received)","stageTimestamp":"\#(received)"}"# + "\n"
    }
  }

  private static func matches(_ engine: inout Engine) -> Int {
    DetectionTests.counts(engine.readings(at: AuditText.now))["main/many"] ?? 0
  }

  private static func count(_ lines: [String], _ engine: inout Engine) {
    engine.count(Workbench.batch(lines.joined().utf8, .stream(id: 1)))
  }

  @Test func aRequestCountsOnceWhateverItsStages() throws {
    var engine = Engine(try DetectionTests.settings(Self.rules(Self.fourRequests)), key: Workbench.key)
    for number in 0..<3 { Self.count(Self.lines(number, user: "alice", resource: "pods"), &engine) }
    #expect(Self.matches(&engine) == 0)
    Self.count(Self.lines(9, user: "bob", resource: "pods"), &engine)
    #expect(Self.matches(&engine) == 0)
    Self.count(Self.lines(3, user: "alice", resource: "pods").reversed(), &engine)
    Self.count(Self.lines(4, user: "alice", resource: "pods"), &engine)
    #expect(Self.matches(&engine) == 1)
    let readings = engine.readings(at: AuditText.now)
    #expect(DetectionTests.counts(readings, .windowDetections) == ["main/many": 1])
    #expect(readings.sum(.ruleWindowBytes) > 0 && readings.sum(.ruleWindowOverflow) == 0)
  }

  @Test func aReloadKeepsWhatIsUnchanged() throws {
    var engine = Engine(try DetectionTests.settings(Self.rules(Self.threeKinds)), key: Workbench.key)
    func reload(_ rules: String) throws { engine.apply(try DetectionTests.settings(rules)) }
    Self.count(Self.lines(0, user: "a", resource: "pods") + Self.lines(1, user: "a", resource: "nodes"), &engine)
    try reload(Self.rules(Self.threeKinds).replacing("output: o", with: "output: other"))
    Self.count(Self.lines(2, user: "a", resource: "secrets"), &engine)
    #expect(Self.matches(&engine) == 1)
    // Another threshold begins anew.
    try reload(Self.rules(Self.threeKinds.replacing("least: 3", with: "least: 2")))
    Self.count(Self.lines(3, user: "a", resource: "jobs"), &engine)
    #expect(Self.matches(&engine) == 1)
    Self.count(Self.lines(4, user: "a", resource: "services"), &engine)
    #expect(Self.matches(&engine) == 2)
    engine.apply(Workbench.settings)
    #expect(engine.readings(at: AuditText.now).sum(.ruleWindowBytes) == 0)
  }

  /// Commits now and then, kills now and then; what was not committed comes again.
  @Test(arguments: 0..<Campaign.size("window_kills", short: 24)) func killsChangeNothing(_ number: Int) throws {
    let seed = Campaign.seed + number
    var random = SplitMix64(seed: UInt64(seed))
    let keys = random.pick([Self.threeKinds, Self.fourRequests])
    let settings = try DetectionTests.settings(Self.rules(keys))
    let store = try StateStore(.memory)
    var living = Engine(settings, key: Workbench.key)
    var mortal = try Engine(settings, restoring: try store.load())
    var pending: [[String]] = []
    var wanted = 0
    for step in 0..<80 {
      let resource = random.pick(["pods", "nodes", "secrets", "jobs"])
      var lines = Self.lines(
        step, user: random.pick(["a", "b"]), resource: resource, seconds: random.below(280))
      if random.chance(30) { lines += lines }
      lines.shuffle(using: &random)
      pending.append(lines)
      Self.count(lines, &living)
      Self.count(lines, &mortal)
      if random.chance(20) {
        try store.commit(mortal.takeChange())
        pending = []
      }
      if random.chance(15) {
        mortal = try Engine(settings, restoring: try store.load())
        for lines in pending { Self.count(lines, &mortal) }
      }
      wanted = Self.matches(&living)
      try #require(Self.matches(&mortal) == wanted, "seed \(seed), step \(step)")
    }
    #expect(wanted > 0, "seed \(seed)")
  }

  /// Other rules at the next start: what they do not count is dropped from the state.
  @Test func rowsOfRulesThatAreGoneAreDropped() throws {
    let store = try StateStore(.memory)
    func rows() throws -> Int { try store.load().counting.series.count { $0.family == 13 } }
    var engine = try Engine(try DetectionTests.settings(Self.rules(Self.threeKinds)), restoring: try store.load())
    for user in 0..<5 { Self.count(Self.lines(user, user: "user\(user)", resource: "pods"), &engine) }
    try store.commit(engine.takeChange())
    #expect(try rows() == 5)
    engine = try Engine(try DetectionTests.settings(Self.rules(Self.fourRequests)), restoring: try store.load())
    Self.count(Self.lines(9, user: "user1", resource: "pods"), &engine)
    try store.commit(engine.takeChange())
    #expect(try rows() == 1)
    engine = try Engine(Workbench.settings, restoring: try store.load())
    try store.commit(engine.takeChange())
    #expect(try rows() == 0)
  }

  /// `rules test` and `rules explain`.
  @Test func aTrialTellsTheWindow() throws {
    var run = RuleRun(try DetectionTests.load(Self.rules(Self.threeKinds)))
    var texts: [String] = []
    var matches: [[Int]] = []
    for (number, resource) in ["pods", "pods", "nodes", "secrets", "jobs"].enumerated() {
      let lines = Self.lines(number, user: "a", resource: resource, seconds: number).joined()
      var sink = TrialSink { event in
        run.evaluate(event)
        matches.append(run.matches)
        texts.append(run.explain(1, event).last?.values.first ?? "")
      }
      var decoder = AuditDecoder()
      _ = decoder.decode(Workbench.buffer(Array(lines.utf8)), .lastOfStream, into: &sink)
    }
    #expect(matches.flatMap { $0 } == [1] && matches.count == 15 && matches[9] == [1])
    #expect(
      texts.enumerated().filter { $0.offset % 3 == 0 }.map(\.element) == ["1", "1", "2", "3", "3"].map { "\($0) of 3" })
  }
}

private struct TrialSink: EventSink {
  let body: (borrowing AuditEvent) -> Void
  mutating func receive(_ event: borrowing AuditEvent) { body(event) }
  mutating func ignore(_ reason: IgnoreReason) {}
  mutating func reject(_ reason: RejectReason, at offset: Int) { Issue.record("\(reason)") }
}
