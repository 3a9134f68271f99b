public import AuditEvents
internal import Counting
internal import Crypto
internal import Diagnostics
public import Rules

/// Evaluates rules on a few events for people, one after another: as the engine does, but that every event is evaluated by
/// itself. Windows go by event time, as in `replay`: now is the newest event's.
public struct RuleRun: ~Copyable {
  private let rules: RuleSet
  private var detection: Detection
  private var windowed = WindowedDetection()
  private var counters: Counters
  private var requests: MatchedRequests
  private var cluster: ClusterIndex
  /// The rules that match the last event: indices of `RuleSet.rules`, rising.
  public private(set) var matches: [Int] = []

  public init(_ rules: RuleSet) {
    var settings = EngineSettings(counting: CountingSettings())
    settings.detect(rules)
    settings.counting.followsEventTime = true
    settings.counting.maxLagSeconds = nil
    settings.counting.windowLimits.bytes = 256 << 20
    settings.counting.windowLimits.keys = .max
    let key = SipKey.random()
    self.rules = rules
    detection = Detection(rules, matching: .all)
    counters = Counters(settings: settings.counting, key: key)
    requests = MatchedRequests(key: key)
    cluster = counters.cluster(named: "default")
  }

  /// Evaluates the rules on one event. A windowed rule counts each request once, and matches with the one that reaches its
  /// threshold.
  public mutating func evaluate(_ event: borrowing AuditEvent) {
    cluster = event.cluster.isEmpty ? counters.cluster(named: "default") : counters.cluster(named: event.cluster)
    _ = counters.count(event, cluster: cluster, input: 0, arrival: 0)
    detection.detector.detect(event)
    let found = detection.detector.matches
    let counted = detection.once(
      found.filter { detection.detector.isWindowed($0) }, event, cluster: "default", at: 0, &requests)
    let plain = found.filter { !detection.detector.isWindowed($0) }
    let reached = windowed.matches(counted, event, cluster: cluster, arrival: 0, &detection.detector, &counters)
    matches = (plain + reached).sorted()
  }

  /// What a rule prints of the event that was evaluated last.
  public mutating func output(of rule: Int, _ event: borrowing AuditEvent) -> String {
    detection.detector.output(of: rule, event)
  }

  /// Why a rule matches the event that was evaluated last or does not: its condition, and for a windowed rule behind it what
  /// its window holds.
  public mutating func explain(_ rule: Int, _ event: borrowing AuditEvent) -> [Explanation] {
    let condition = detection.detector.explain(rule, event)
    guard let window = rules.rules[rule].window else { return [condition] }
    let value = windowed.value(of: rule, event, cluster: cluster, &detection.detector, &counters)
    return [
      condition, detection.detector.windowClause(of: window, value: value, isMatch: matches.contains(rule)),
    ]
  }
}
