public import AuditEvents
public import Crypto
internal import Metrics

/// The index of a cluster in `Counters`.
public struct ClusterIndex: Sendable, Hashable {
  let value: UInt16
}

/// What one event was to counting.
public struct Counted: Sendable, Hashable {
  /// It is one API request, counted here; else an event of another stage.
  public var isRequest = false
  /// A request older than every window's reach: in the totals only.
  public var isLate = false
  /// Its time is more than 60 s after its arrival.
  public var isSkewed = false
}

/// Counts audit events: totals, bounded families and sliding windows. One thread owns it; it does no I/O and reads no
/// clock.
///
/// - Cost: an ordinary request touches numbers only; text is written for refusals, server errors, RBAC mutations,
///   impersonation and tracked objects. Nothing is allocated for an event whose series are known, or folded, unless a
///   pseudonym is made for it.
/// - Time: microseconds since the epoch, held between 1970 and 2106. The clock of the windows never goes back, but
///   where `keepTime` says that it must.
/// - Source: DESIGN.md, sections 3 and 4.
public struct Counters: ~Copyable {
  let settings: CountingSettings
  let key: SipKey
  var clusters: ClusterTable
  var edges: StreamEdge
  var panes = PaneStore()
  var tracker: TrackedMatcher
  var source: SourceAddress
  var values: LabelValue
  let pseudonyms: Pseudonyms?

  var requests: BoundedFamily
  var denied: BoundedFamily
  var serverErrors: BoundedFamily
  var rbac: BoundedFamily
  var tracked: BoundedFamily
  var trackedInWindow: BoundedFamily
  var impersonated: BoundedFamily
  var detections: BoundedFamily
  var rules: DetectionRules
  var windows: RuleWindows
  var seenLevels: SeenLevels
  var distinct: DistinctUsers
  var cloud: CloudTables
  var evidence = EvidenceBook()
  var deniedExemplars = ExemplarBook()
  var detectionExemplars = ExemplarBook()
  /// Ways to series that spare writing rows.
  var requestShortcuts = NumberShortcuts()
  var trackedShortcuts = NumberShortcuts()
  var recentTracked = RecentSeries()

  /// Events by input.
  var skewed: [UInt64]
  var late: [UInt64]

  /// Scratch: the row being written, and escaped label values.
  var row = LabelRow()
  var user = LabelBuffer()
  var other = LabelBuffer()
  var address = LabelBuffer()
  /// What is told of an event, its audit ID alone, and what reads further than the decoder.
  var told = LabelRow()
  var auditID = LabelBuffer()
  let reader = JSONReader()
  /// The same for what becomes a pseudonym.
  var content: [UInt8] = []

  var now: Int64 = 0
  /// The number of the last readings, and of the last that a scraper got.
  var number: UInt32 = 0
  var scrapedNumber: UInt32 = 0
  /// What was last handed over of clock and inputs.
  var kept = KeptTotals()

  /// - Parameters:
  ///   - settings: what to count. Fewer than one input is one.
  ///   - key: keys the tables and the hashes of cut label values. Keep it, and cut values stay the same.
  public init(settings: CountingSettings, key: SipKey) {
    let spans = Windows(settings.windows)
    // What is shown of a cut value must tell nothing about the tables.
    let tableKey = SipKey(key.k0 ^ 0x7461_626c_6573_0000, key.k1)
    let limits = settings.limits
    func family(_ name: String, _ limit: FamilyLimit, windowed: Bool = false) -> BoundedFamily {
      BoundedFamily("kube_audit_" + name, limit, windowCount: windowed ? spans.count : 0, key: tableKey)
    }
    self.settings = settings
    pseudonyms = settings.pseudonyms
    self.key = tableKey
    clusters = ClusterTable(limit: settings.clusterLimit, windowCount: spans.count)
    edges = StreamEdge(windows: spans, maxLagSeconds: settings.maxLagSeconds, inputCount: settings.inputs.count)
    values = LabelValue(key: key)
    tracker = TrackedMatcher(settings.trackedObjects, values: &values)
    source = SourceAddress(trusted: settings.trustedProxies)
    requests = family("requests_total", limits.requests)
    denied = family("denied_requests_total", limits.denied, windowed: true)
    serverErrors = family("server_errors_total", limits.serverErrors)
    rbac = family("rbac_mutations_total", limits.rbacMutations, windowed: true)
    tracked = family("tracked_requests_total", limits.tracked)
    trackedInWindow = family("window_tracked_requests", limits.trackedInWindow, windowed: true)
    impersonated = family("impersonated_requests_total", limits.impersonated)
    detections = family("detections_total", limits.detections, windowed: true)
    rules = DetectionRules(settings.detectionRules, values: &values)
    windows = RuleWindows(
      settings.detectionRules, limits: settings.windowLimits,
      key: settings.pseudonyms?.key ?? SipKey(key.k0 ^ 0x7769_6e64_6f77_7300, key.k1))
    seenLevels = SeenLevels(rules: settings.detectionRules.count, limit: limits.detections)
    distinct = DistinctUsers(
      windows: spans, limit: limits.distinctUsers, sketchEntries: limits.sketchEntries, key: tableKey)
    skewed = [UInt64](repeating: 0, count: max(1, settings.inputs.count))
    late = skewed
    cloud = CloudTables(settings, windows: spans, key: tableKey)
  }

  /// Takes over what may change while running: trusted proxies, tracked objects and detection rules. Everything else stays.
  public mutating func apply(_ settings: CountingSettings) {
    source.trusted = settings.trustedProxies
    tracker = TrackedMatcher(settings.trackedObjects, values: &values)
    // The same index may mean another object now.
    trackedShortcuts.clear()
    recentTracked.clear()
    trackedInWindow.forgetKinds()
    rules = DetectionRules(settings.detectionRules, values: &values)
    windows.apply(settings.detectionRules)
    seenLevels = SeenLevels(rules: settings.detectionRules.count, limit: self.settings.limits.detections)
  }

  /// The cluster of a configured or discovered name; beyond the limit, `(other)`. An empty name is `default`.
  public mutating func cluster(named name: String) -> ClusterIndex {
    other.clear()
    values.append(configured: name, whenEmpty: "default", to: &other)
    return findCluster()
  }

  /// The cluster that an event names; cheap when it is the same as the last time.
  public mutating func cluster(named name: borrowing Text) -> ClusterIndex {
    if let recent = clusters.recent(name) { return ClusterIndex(value: UInt16(recent)) }
    other.clear()
    values.append(name, whenEmpty: "default", to: &other)
    let found = findCluster()
    clusters.remember(name, Int(found.value))
    return found
  }

  /// Takes back every expectation, before a reload states those that hold.
  public mutating func expectNone() { clusters.expectNone() }

  /// Says that a cluster is expected to be heard from: `cluster_expected`.
  public mutating func expect(_ cluster: ClusterIndex) { clusters.expect(Int(cluster.value)) }

  private mutating func findCluster() -> ClusterIndex {
    let (cluster, isNew) = clusters.cluster(other.bytes)
    if isNew { addCluster() }
    return ClusterIndex(value: UInt16(cluster))
  }

  /// Says to all that there is one cluster more.
  mutating func addCluster() {
    edges.addCluster()
    requests.addCluster()
    denied.addCluster()
    serverErrors.addCluster()
    rbac.addCluster()
    tracked.addCluster()
    trackedInWindow.addCluster()
    impersonated.addCluster()
    detections.addCluster()
    distinct.addCluster()
  }

  /// Counts one event.
  ///
  /// - Parameters:
  ///   - cluster: an answer of this value's `cluster(named:)`.
  ///   - input: index into the settings' `inputs`.
  ///   - arrival: microseconds since the epoch; ignored when the clock follows event time.
  public mutating func count(
    _ event: borrowing AuditEvent, cluster: ClusterIndex, input: Int, arrival: Int64
  ) -> Counted {
    let cluster = Int(cluster.value)
    var counted = Counted()
    let arrival = clock(event.time, arrival)
    var time = event.time == AuditEvent.absentTime ? arrival : EventTime.held(event.time)
    if time > arrival {
      counted.isSkewed = time - arrival > 60_000_000
      if counted.isSkewed { skewed[input] += 1 }
      time = arrival
    }
    edges.hear(cluster, input: input, time: time, arrival: arrival, now: now)
    clusters.stages[cluster * ClusterTable.stageCount + Int(event.stage.rawValue)] &+= 1
    guard RequestClass.isRequest(event) else { return counted }
    counted.isRequest = true
    let second = EventTime.second(time)
    counted.isLate = second < edges.reach(cluster)
    if counted.isLate { late[input] += 1 } else { countInWindows(event.code, cluster, second) }
    countRequest(event, cluster, Moment(now: now, reading: number &+ 1, second: second))
    return counted
  }

  /// Moves the clock on, and answers the arrival time.
  mutating func clock(_ time: Int64, _ arrival: Int64) -> Int64 {
    guard settings.followsEventTime else {
      let arrival = EventTime.held(arrival)
      now = max(now, arrival)
      return arrival
    }
    if time != AuditEvent.absentTime { now = max(now, EventTime.held(time)) }
    return now
  }

  /// Counts a request in its cluster's windows, at first beside those of the same panes.
  private mutating func countInWindows(_ code: UInt16, _ cluster: Int, _ second: UInt32) {
    let place = cluster * ClusterTable.classCount + RequestClass.codeClass(code)
    let pending = clusters.pending[place]
    if second >= pending.from, second < pending.to, pending.count < UInt32.max {
      clusters.pending[place].count &+= 1
    } else {
      settlePending(place)
      let range = edges.windows.range(around: second)
      clusters.pending[place] = ClusterTable.Pending(from: range.from, to: range.to, count: 1)
    }
  }

  /// Moves pending requests of a cluster and class into their panes.
  mutating func settlePending(_ place: Int) {
    let pending = clusters.pending[place]
    guard pending.count > 0 else { return }
    clusters.pending[place] = ClusterTable.Pending()
    let count = edges.windows.count
    let panes = edges.windows.panes(atSecond: pending.from)
    let floors = edges.floors(place / ClusterTable.classCount)
    for window in 0..<count where panes.of[window] >= floors.of[window] {
      self.panes.add(
        pending.count, to: &clusters.heads[place * count + window], pane: panes.of[window], floor: floors.of[window])
    }
  }

  /// Finds where a moment stands in the windows of a cluster, for families that have windows.
  func placed(_ moment: borrowing Moment, _ cluster: Int) -> Moment {
    Moment(
      now: moment.now, reading: moment.reading, second: moment.second,
      panes: edges.windows.panes(atSecond: moment.second), floors: edges.floors(cluster))
  }

  /// Says that the readings of this number, and all before it, were delivered to a scraper.
  public mutating func scraped(_ number: UInt32) {
    if number <= self.number { scrapedNumber = max(scrapedNumber, number) }
  }
}
