internal import AuditEvents
internal import Counting
internal import Crypto
internal import Diagnostics
internal import Rules
internal import State

/// Evaluates the loaded rules on each event, and tells which of them count: each once for a request.
///
/// A request writes an event at up to three stages. A rule that asks for one stage matches one of them; any other may match
/// each, and its first match is what counts. So the matches of those rules are remembered by a digest.
struct Detection: ~Copyable {
  var detector: Detector
  private let names: [String]
  private let asksForStage: [Bool]

  init(_ rules: RuleSet, matching: Detector.Matching) {
    detector = Detector(rules, matching: matching)
    names = rules.rules.map(\.name)
    asksForStage = rules.matchesOneStage
  }

  /// Events of which a field was too large to be read.
  var overrunEvents: UInt64 { detector.overrunEvents }

  /// The rules that this event counts for: indices of `RuleSet.rules`.
  mutating func detect(
    _ event: borrowing AuditEvent, cluster: String, at time: Microseconds, _ requests: inout MatchedRequests
  ) -> [Int] {
    guard detector.detect(event) > 0 else { return [] }
    return once(detector.matches, event, cluster: cluster, at: time, &requests)
  }

  /// Of rules that match an event, those that did not match its request before.
  mutating func once(
    _ rules: [Int], _ event: borrowing AuditEvent, cluster: String, at time: Microseconds,
    _ requests: inout MatchedRequests
  ) -> [Int] {
    var counted = rules
    // Of a salvaged event the end is missing, and with it when its request was received.
    if event.isSalvaged || counted.allSatisfy({ asksForStage[$0] }) { return counted }
    requests.begin(event, cluster: cluster)
    counted.removeAll { !asksForStage[$0] && requests.contains(names[$0], at: time) }
    return counted
  }
}

extension Detection {
  /// Of rules that count for an event, those that match: the windowed ones with the request that reaches their threshold.
  mutating func matches(
    _ rules: [Int], _ event: borrowing AuditEvent, cluster: ClusterIndex, arrival: Microseconds,
    _ windowed: inout WindowedDetection, _ counters: inout Counters
  ) -> [Int] {
    windowed.matches(rules, event, cluster: cluster, arrival: arrival, &detector, &counters)
  }

  /// Of the event that was evaluated last, what rules see of it, where that is new for this stamp.
  @inline(__always)
  mutating func newSightings(_ event: borrowing AuditEvent, stamp: UInt32) -> Range<Int> {
    detector.newSightings(event, stamp: stamp)
  }

  func sighting(_ number: Int, at level: Level) -> RuleSighting { detector.sighting(number, at: level) }

  /// What a rule prints of the event that was evaluated last.
  mutating func output(of rule: Int, _ event: borrowing AuditEvent) -> String { detector.output(of: rule, event) }
}

/// Which requests a rule has matched, for rules that may match at several stages.
///
/// A request is known by what the API server made of it and all its stages share: when it was received, who asked, for what.
/// `auditID` may be the client's and decides nothing alone: where an event does not tell when it was received, its own time
/// stands for that.
struct MatchedRequests: ~Copyable {
  /// Watches last up to an hour.
  static let generationSpan: Microseconds = 3_600 * 1_000_000
  /// About 8 MB for both generations, used only by rules that ask for no stage.
  static let generationLimit = 131_072

  private let key: SipKey
  private let reader = JSONReader()
  var digests: RecentDigests
  private var request = Digest((0, 0))
  private var scratch: [UInt8] = []

  /// - Parameters:
  ///   - limit: matches of a generation; lower in tests.
  ///   - isSaved: whether what is new will be asked for, to be saved.
  init(key: SipKey, limit: Int = generationLimit, isSaved: Bool = false) {
    self.key = key
    digests = RecentDigests(.matchedRequest, limit: limit, span: Self.generationSpan, isSaved: isSaved)
  }

  /// Says what the next questions are about.
  mutating func begin(_ event: borrowing AuditEvent, cluster: String) {
    scratch.removeAll(keepingCapacity: true)
    scratch.append(clusterOf: event, else: cluster)
    scratch.append(text: event.auditID)
    scratch.append(number: Int64(event.verb.rawValue))
    scratch.append(text: event.requestURI)
    scratch.append(text: event.user)
    let received = received(event)
    scratch.append(text: received)
    if received.isEmpty { scratch.append(number: event.time) }
    request = Digest(SipHash.hash24x128(scratch.span, key: key))
  }

  /// Whether a rule has matched that request before; remembers it if not.
  mutating func contains(_ rule: String, at time: Microseconds) -> Bool {
    scratch.removeAll(keepingCapacity: true)
    scratch.append(request)
    scratch.append(contentsOf: rule.utf8)
    return digests.contains(Digest(SipHash.hash24x128(scratch.span, key: key)), at: time)
  }

  private func received(_ event: borrowing AuditEvent) -> Text {
    reader.root(event.json).member(Self.receivedKey.utf8Span.span)?.text ?? .empty
  }

  private static let receivedKey = "requestReceivedTimestamp"
}
