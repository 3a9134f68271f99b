internal import AuditEvents
internal import Counting
internal import Diagnostics
internal import Rules

/// Puts what satisfies the conditions of windowed rules into their windows, and tells which of those rules match.
///
/// What a key is made of stands in memory that is kept: a request of a known key allocates nothing.
struct WindowedDetection {
  private var key: [UInt8] = []
  private var value: [UInt8] = []
  private var sourceIP: [UInt8] = []
  private var matching: [Int] = []

  /// Of rules whose condition the event satisfies, those that match: windowed ones with the request that reaches their
  /// threshold, all others as they are.
  mutating func matches(
    _ rules: [Int], _ event: borrowing AuditEvent, cluster: ClusterIndex, arrival: Microseconds,
    _ detector: inout Detector, _ counters: inout Counters
  ) -> [Int] {
    guard rules.contains(where: { detector.isWindowed($0) }) else { return rules }
    matching.removeAll(keepingCapacity: true)
    begin(event, counters)
    for rule in rules {
      guard detector.isWindowed(rule) else {
        matching.append(rule)
        continue
      }
      guard read(rule, event, &detector) else { continue }
      let isMatch = counters.countInWindow(
        of: rule, key: key, value: value, event, cluster: cluster, arrival: arrival)
      if isMatch { matching.append(rule) }
    }
    return matching
  }

  /// What the window of a rule holds for the event's key now.
  mutating func value(
    of rule: Int, _ event: borrowing AuditEvent, cluster: ClusterIndex, _ detector: inout Detector,
    _ counters: inout Counters
  ) -> Int {
    begin(event, counters)
    _ = read(rule, event, &detector)
    return counters.windowValue(of: rule, key: key, cluster: cluster)
  }

  private mutating func begin(_ event: borrowing AuditEvent, _ counters: borrowing Counters) {
    sourceIP.removeAll(keepingCapacity: true)
    counters.appendSourceIP(of: event, to: &sourceIP)
  }

  /// Reads the key and the value of an event; false when it has nothing that the rule counts.
  private mutating func read(_ rule: Int, _ event: borrowing AuditEvent, _ detector: inout Detector) -> Bool {
    key.removeAll(keepingCapacity: true)
    value.removeAll(keepingCapacity: true)
    detector.appendWindowKey(of: rule, event, sourceIP: sourceIP, to: &key)
    return detector.appendWindowValue(of: rule, event, sourceIP: sourceIP, to: &value)
  }
}

extension DetectionWindow {
  init(_ window: RuleWindow) {
    self.init(
      seconds: window.seconds, atLeast: window.atLeast, isDistinct: !window.distinct.isEmpty,
      learnSeconds: window.learnSeconds, fingerprint: window.fingerprint)
  }
}
