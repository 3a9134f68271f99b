public import AuditEvents
internal import Crypto
internal import Metrics

/// What counting is told of a rule that counts in a window (docs/rules.md, "Windowed rules").
public struct DetectionWindow: Sendable, Hashable {
  /// The span, seconds: a positive multiple of 30.
  public var seconds: Int64
  /// With how many it matches, at least 1.
  public var atLeast: Int
  /// Different values are counted, not requests.
  public var isDistinct: Bool
  /// For how long after its first request in a cluster it only learns, seconds.
  public var learnSeconds: Int64
  /// Names what is counted: of another fingerprint nothing that is kept holds.
  public var fingerprint: UInt128

  public init(seconds: Int64, atLeast: Int, isDistinct: Bool, learnSeconds: Int64 = 0, fingerprint: UInt128) {
    self.seconds = seconds
    self.atLeast = atLeast
    self.isDistinct = isDistinct
    self.learnSeconds = learnSeconds
    self.fingerprint = fingerprint
  }
}

/// What windowed rules remember: for each rule, cluster and key the newest requests, or different values, that are in reach
/// of the window.
///
/// - Definition: as of every window (DESIGN.md): counted is what has p(edge) − 30 ≤ p(e). A rule matches with the request that
///   makes the value reach the threshold. Between two requests of a key its value can only fall, because an edge never
///   does: so "again only after it was below" needs no mark, it is `before < atLeast ≤ after` at each request.
/// - Bound: keys of a rule in a cluster, and bytes in all. A key takes its room when it comes and never more: who is in is
///   counted exactly. Where there is no room, keys that are empty by now are dropped; when all are in use, a new one is
///   refused and counted as overflow.
/// - Invariant: whether a key is refused follows from the keys that are not empty, not from when empty ones were dropped, so
///   a restart changes nothing.
struct RuleWindows: ~Copyable {
  var tables: [WindowTable] = []
  /// By index of the rule, its table, or −1.
  private var numbers: [Int] = []
  let limits: WindowLimits
  let key: SipKey
  /// Bytes that the keys of all tables take.
  var bytes = 0
  var places = WindowPlaces()

  /// - Parameter key: of the digests of keys and values.
  init(_ rules: [DetectionRule], limits: WindowLimits, key: SipKey) {
    self.limits = limits
    self.key = key
    apply(rules)
  }

  /// Takes other rules: what is kept of an unchanged one stays, of any other it is dropped.
  mutating func apply(_ rules: [DetectionRule]) {
    var old: [UInt128: WindowTable] = [:]
    for table in tables { old[table.window.fingerprint] = table }
    tables = []
    numbers = []
    for rule in rules {
      numbers.append(rule.window == nil ? -1 : tables.count)
      guard let window = rule.window else { continue }
      var table = old.removeValue(forKey: window.fingerprint) ?? WindowTable(window)
      // How long it learns may have changed.
      table.window = window
      tables.append(table)
    }
    for table in old.values { table.giveBack(&places, &bytes) }
  }

  func table(ofRule rule: Int) -> Int? {
    guard numbers.indices.contains(rule), numbers[rule] >= 0 else { return nil }
    return numbers[rule]
  }

  func digest(_ text: [UInt8], cluster: Int) -> UInt128 {
    let (low, high) = SipHash.hash24x128(text.span, key: SipKey(key.k0 ^ UInt64(cluster), key.k1))
    return UInt128(high) << 64 | UInt128(low)
  }

  /// Forgets every window and all that was learnt: what was counted was counted by a clock that was wrong.
  mutating func beginAnew() {
    for at in tables.indices { tables[at].beginAnew(&places, &bytes) }
  }

  /// Puts a request into the window of its key.
  ///
  /// - Parameters:
  ///   - value: the digest of what is counted; any for a rule that counts requests.
  ///   - second: the request's time, not after now.
  /// - Returns: whether the rule matches with it.
  mutating func count(
    _ number: Int, cluster: Int, key digest: UInt128, value: UInt128, second: UInt32, now: Int64,
    _ edges: inout StreamEdge
  ) -> Bool {
    let floor = tables[number].floor(edges.second(cluster))
    let pane = second / tables[number].width
    guard pane >= floor else { return false }
    let isLearning = tables[number].learns(cluster, second)
    var slot = tables[number].slot(of: digest)
    if slot == nil { slot = admit(number, cluster, digest, pane, now, &edges) }
    guard let slot else {
      tables[number].noteOverflow(cluster)
      return false
    }
    let hasReached = tables[number].add(slot, pane: pane, value: value, floor: floor)
    return hasReached && !isLearning
  }

  /// What the window of a key holds, up to the threshold.
  mutating func value(_ number: Int, cluster: Int, key digest: UInt128, _ edges: StreamEdge) -> Int {
    guard let slot = tables[number].slot(of: digest) else { return 0 }
    return tables[number].value(slot, floor: tables[number].floor(edges.second(cluster)))
  }

  private mutating func admit(
    _ number: Int, _ cluster: Int, _ digest: UInt128, _ pane: UInt32, _ now: Int64, _ edges: inout StreamEdge
  ) -> Int? {
    if tables[number].groups[cluster].count >= limits.keys { sweep(number, edges) }
    guard tables[number].groups[cluster].count < limits.keys else { return nil }
    let needed = tables[number].keyBytes
    if bytes + needed > limits.bytes {
      for cluster in 0..<edges.edges.count { edges.advance(cluster, to: now) }
      for other in tables.indices { sweep(other, edges) }
    }
    guard bytes + needed <= limits.bytes else { return nil }
    bytes += needed
    return tables[number].insert(digest, cluster, pane, &places)
  }

  /// Drops the keys of a rule that are empty; looks at none when there is none for certain.
  private mutating func sweep(_ number: Int, _ edges: StreamEdge) {
    tables[number].sweep({ edges.second($0) }, &places, &bytes)
  }
}

/// How much windowed rules may remember.
public struct WindowLimits: Sendable, Hashable {
  /// Keys of one rule in one cluster.
  public var keys = 10_000
  /// Bytes of all keys of all rules in all clusters.
  public var bytes = 16 << 20
  public init() {}
}

/// Numbers that name keys in the state. One that is given back is taken again.
struct WindowPlaces {
  private var free: [UInt32] = []
  private var next: UInt32 = 0
  /// Those of the state that are gone since the last delta.
  var removed: [UInt32] = []

  /// Far more than there can be at a time.
  static let limit: UInt32 = 1 << 31
  /// Gaps between restored places that are used; there is no need to.
  private static let gapsLimit = 1 << 20

  mutating func take() -> UInt32 {
    if let place = free.popLast() { return place }
    next += 1
    return next - 1
  }

  mutating func giveBack(_ place: UInt32, isSaved: Bool) {
    free.append(place)
    if isSaved { removed.append(place) }
  }

  /// Begins with places that are taken, each once and below `limit`.
  mutating func restore(_ taken: [UInt32]) {
    var last: UInt32 = 0
    for place in taken.sorted() {
      free += (last..<place).prefix(max(0, Self.gapsLimit - free.count))
      last = place + 1
    }
    next = last
  }
}

extension StreamEdge {
  /// The second at which the windows of a cluster end; 0 when it was never heard.
  func second(_ cluster: Int) -> UInt32 { EventTime.second(max(0, edgeAtHand(cluster))) }
}

extension Counters {
  /// Puts a request that satisfies a windowed rule's condition into the rule's window.
  ///
  /// - Parameters:
  ///   - rule: index of the settings' `detectionRules`, one with a window.
  ///   - key: the values by which it tells requests apart, as bytes.
  ///   - value: what it counts the different ones of; empty where it counts requests.
  ///   - event: the one that `count` was told of last, with the same cluster and arrival.
  /// - Returns: whether the rule matches: with this request the window has reached the threshold.
  public mutating func countInWindow(
    of rule: Int, key: [UInt8], value: [UInt8], _ event: borrowing AuditEvent, cluster: ClusterIndex, arrival: Int64
  ) -> Bool {
    guard let number = windows.table(ofRule: rule) else { return false }
    let cluster = Int(cluster.value)
    let arrival = clock(event.time, arrival)
    let time = min(arrival, event.time == AuditEvent.absentTime ? arrival : EventTime.held(event.time))
    return windows.count(
      number, cluster: cluster, key: windows.digest(key, cluster: cluster), value: windows.digest(value, cluster: 0),
      second: EventTime.second(time), now: now, &edges)
  }

  /// What the window of a rule holds for a key now, up to the threshold.
  public mutating func windowValue(of rule: Int, key: [UInt8], cluster: ClusterIndex) -> Int {
    guard let number = windows.table(ofRule: rule) else { return 0 }
    let cluster = Int(cluster.value)
    edges.advance(cluster, to: now)
    return windows.value(number, cluster: cluster, key: windows.digest(key, cluster: cluster), edges)
  }

  /// What stands for the source IP in a windowed rule: of an IPv6 address its /64, of which one client has all; nothing where
  /// there is none.
  public func appendSourceIP(of event: borrowing AuditEvent, to bytes: inout [UInt8]) {
    source.appendOrigin(of: event.sourceIPs, to: &bytes)
  }

  private static let overflowRowsLimit = 2_000

  /// What is shown of the windows' room and of what had none.
  func readRuleWindows(_ readings: inout Readings) {
    readings[.ruleWindowBytes] = SampleSet(Double(windows.bytes))
    readings[.ruleWindowLimitBytes] = SampleSet(Double(windows.limits.bytes))
    var overflow = SampleSet()
    // At 0 from the start, so that the first one is an increase; not where there are too many clusters for that.
    let showsAll = windows.tables.count * clusters.clusters.count <= Self.overflowRowsLimit
    for (rule, detection) in rules.rules.enumerated() where detection.isEnabled {
      guard let number = windows.table(ofRule: rule) else { continue }
      let groups = windows.tables[number].groups
      for (cluster, owner) in clusters.clusters.enumerated() {
        let count = cluster < groups.count ? groups[cluster].overflow : 0
        guard count > 0 || showsAll else { continue }
        let labels = owner.labels + Array(",rule=\"".utf8) + detection.name + Array("\"".utf8)
        overflow.append(labels, [], Double(count))
      }
    }
    readings[.ruleWindowOverflow] = overflow
  }
}
