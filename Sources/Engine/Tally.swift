internal import AuditEvents
internal import Counting
internal import Crypto
internal import Diagnostics
internal import Metrics
internal import Rules
internal import State

/// Where the decoder's reports land: everything that one event changes, in one place on one thread.
struct Tally: ~Copyable, EventSink {
  private var counters: Counters
  private var accounts: [InputAccount]
  /// The account of `input`, which is not in `accounts` meanwhile.
  private var account = InputAccount()
  /// As they were when they were last given away to be saved.
  private var savedAccounts: [InputAccount]
  private var repeats: RepeatedEvents
  private var matched: MatchedRequests
  private var records: RepeatedRecords
  /// The loaded rules; nil for none.
  private var detection: Detection?
  private var isDetecting = false
  private var windowed = WindowedDetection()
  /// Of rules that were loaded before.
  private var overrunsBefore: UInt64 = 0
  private let whenMatched: (@Sendable (DetectedMatch) -> Void)?
  /// Evictions from the digests of events that an input was charged with.
  private var evictedBefore: UInt64 = 0
  private let inputs: [String]
  /// Since the start.
  private var clockStepsBack: UInt64 = 0
  private var clockStepsForward: UInt64 = 0

  /// The batch being decoded.
  private var input = 0
  private var defaultCluster: ClusterIndex
  private var defaultClusterName = "default"
  /// Whose events the batch may hold; nil for everybody's.
  private var rights: ClusterRights?
  private var arrival: Microseconds = 0
  private var remembered: Microseconds = 0
  private(set) var eventsOfBatch: UInt64 = 0
  private var rejectedOfBatch: UInt64 = 0

  /// Counts that begin at 0 and are not kept.
  ///
  /// - Parameter rememberedEvents: events that are remembered to be known again; lower in tests.
  init(_ settings: EngineSettings, key: SipKey, rememberedEvents: Int = RepeatedEvents.generationLimit) {
    let counters = Counters(settings: settings.counting, key: key)
    let accounts = settings.counting.inputs.map { _ in InputAccount() }
    self.init(
      settings, counters, RepeatedEvents(key: key, limit: rememberedEvents),
      MatchedRequests(key: key, limit: rememberedEvents), RepeatedRecords(key: key, limit: rememberedEvents), accounts)
  }

  /// Counts that go on where others were.
  init(_ settings: EngineSettings, restoring saved: SavedState) throws(Failure) {
    let counters = try Counters(settings: settings.counting, key: saved.key, restoring: saved.counting)
    var repeats = RepeatedEvents(key: saved.key, isSaved: true)
    for blob in saved.digests where blob.kind == .repeatedEvent { try repeats.digests.restore(blob) }
    var matched = MatchedRequests(key: saved.key, isSaved: true)
    for blob in saved.digests where blob.kind == .matchedRequest { try matched.digests.restore(blob) }
    var records = RepeatedRecords(key: saved.key, isSaved: true)
    for blob in saved.digests where blob.kind == .cloudRecord { try records.digests.restore(blob) }
    // The rows of an input that is no longer configured stay in the state, and are shown again when it returns.
    let rows = Dictionary(grouping: saved.accounts, by: \.input)
    var accounts: [InputAccount] = []
    for input in settings.counting.inputs { accounts.append(try InputAccount(rows[input] ?? [])) }
    self.init(settings, counters, repeats, matched, records, accounts)
  }

  private init(
    _ settings: EngineSettings, _ counters: consuming Counters, _ repeats: RepeatedEvents,
    _ matched: consuming MatchedRequests, _ records: RepeatedRecords, _ accounts: [InputAccount]
  ) {
    self.counters = counters
    self.repeats = repeats
    evictedBefore = repeats.digests.evictedEarly + matched.digests.evictedEarly + records.digests.evictedEarly
    self.matched = matched
    self.records = records
    detection = settings.rules.map { Detection($0, matching: settings.matching) }
    isDetecting = settings.rules != nil
    whenMatched = settings.whenMatched
    inputs = settings.counting.inputs
    self.accounts = accounts
    savedAccounts = accounts
    account = accounts.first ?? InputAccount()
    defaultCluster = self.counters.cluster(named: "default")
    for name in settings.expectedClusters { self.counters.expect(self.counters.cluster(named: name)) }
  }

  /// What is reported from here on belongs to this batch.
  ///
  /// - Parameter remembered: its time by the clock of digests.
  mutating func begin(_ batch: Batch, arrival: Microseconds, remembered: Microseconds) {
    turn(to: batch.input)
    defaultCluster = counters.cluster(named: batch.cluster)
    defaultClusterName = batch.cluster
    rights = batch.naming.writable.map { ClusterRights($0, unnamed: batch.cluster) }
    self.arrival = arrival
    self.remembered = remembered
    account.read(bytes: batch.sourceBytes)
    eventsOfBatch = 0
    rejectedOfBatch = 0
  }

  private mutating func turn(to next: Int) {
    settleEvictions()
    swap(&accounts[input], &account)
    input = next
    swap(&accounts[input], &account)
  }

  private mutating func settleEvictions() {
    let evicted = repeats.digests.evictedEarly + matched.digests.evictedEarly + records.digests.evictedEarly
    evict(digests: evicted - evictedBefore)
    evictedBefore = evicted
  }

  /// The input at hand made digests leave before their time.
  mutating func evict(digests: UInt64) { account.evict(digests: digests) }

  /// Whether the batch held nothing but what could not be read: the only body that is answered with 400.
  var isNothingReadable: Bool { rejectedOfBatch > 0 && rejectedOfBatch == eventsOfBatch }

  mutating func receive(_ event: borrowing AuditEvent) {
    eventsOfBatch &+= 1
    if rights != nil, rights?.allows(event.cluster) == false { return account.drop(.forbiddenCluster) }
    let cluster = event.cluster.isEmpty ? defaultCluster : counters.cluster(named: event.cluster)
    if repeats.contains(event, cluster: defaultClusterName, arrival: remembered) { return account.countDuplicates(1) }
    let outcome = counters.count(event, cluster: cluster, input: input, arrival: arrival)
    account.count(isRequest: outcome.isRequest, isSalvaged: event.isSalvaged)
    if isDetecting { detect(event, cluster) }
  }

  mutating func receive(_ record: borrowing CloudTrailRecord) {
    let subject = CloudSubject(record)
    guard subject != .other else { return ignore(.otherCategory) }
    eventsOfBatch &+= 1
    // It is of an account, not of the clusters that its sender may write.
    if rights != nil { return account.drop(.forbiddenCluster) }
    if records.contains(record, at: remembered) { return account.countDuplicates(1) }
    let outcome = counters.count(record, as: subject, input: input, arrival: arrival)
    account.count(isRequest: outcome.isRequest, isSalvaged: false)
  }

  @inline(never)
  private mutating func detect(_ event: borrowing AuditEvent, _ cluster: ClusterIndex) {
    let matching = detection?.detect(event, cluster: defaultClusterName, at: remembered, &matched)
    let new = detection?.newSightings(event, stamp: counters.levelStamp(cluster)) ?? 0..<0
    for number in new {
      guard let seen = detection?.sighting(number, at: event.level) else { break }
      counters.see(seen.rule, isBlind: seen.sight.isBlind, isNoisy: seen.sight.isNoisy, cluster: cluster)
    }
    guard let matching, !matching.isEmpty else { return }
    let rules = detection?.matches(matching, event, cluster: cluster, arrival: arrival, &windowed, &counters) ?? []
    guard !rules.isEmpty else { return }
    counters.countDetections(rules, of: event, cluster: cluster, arrival: arrival)
    guard let whenMatched else { return }
    for (rule, evidence) in zip(rules, counters.evidence(of: rules, event, cluster: cluster)) {
      let output = detection?.output(of: rule, event) ?? ""
      whenMatched(DetectedMatch(rule: rule, output: output, evidence: evidence))
    }
  }

  /// Events of which a field was too large for the rules to be read, since the start.
  private var detectionOverruns: UInt64 {
    switch detection {
    case .none: overrunsBefore
    case .some(let detection): overrunsBefore &+ detection.overrunEvents
    }
  }

  mutating func ignore(_ reason: IgnoreReason) {
    eventsOfBatch += 1
    account.ignore(reason)
  }

  mutating func reject(_ reason: RejectReason, at offset: Int) {
    eventsOfBatch += 1
    rejectedOfBatch += 1
    account.reject(reason)
  }

  /// Says what the system's clock shows: by how much the windows' clock was set back, nil as a rule.
  mutating func keepTime(_ now: Microseconds) -> Microseconds? { counters.keepTime(now) }

  /// Counts it for the readings.
  mutating func note(_ step: ClockStep) {
    switch step {
    case .back: clockStepsBack += 1
    case .forward: clockStepsForward += 1
    }
  }

  /// When the newest digest came that was restored.
  var newestDigest: Microseconds {
    max(repeats.digests.newest, matched.digests.newest, records.digests.newest)
  }

  /// The input at hand lost bytes at its source.
  mutating func lose(bytes: Int) { account.lose(bytes: bytes) }

  mutating func countDuplicates(_ events: UInt64) { account.countDuplicates(events) }

  mutating func drop(_ reason: DropReason, input: Int) {
    turn(to: input)
    account.drop(reason)
  }

  mutating func apply(_ settings: EngineSettings) {
    counters.apply(settings.counting)
    overrunsBefore = detectionOverruns
    detection = settings.rules.map { Detection($0, matching: settings.matching) }
    isDetecting = settings.rules != nil
    counters.expectNone()
    for name in settings.expectedClusters { counters.expect(counters.cluster(named: name)) }
  }

  /// Says that the readings of this number were shown to a scraper.
  mutating func scraped(_ number: UInt32) { counters.scraped(number) }

  /// Gives away what changed since the last call.
  mutating func takeChange(into change: inout StateChange) {
    change.counting = counters.takeDelta()
    settleEvictions()
    if accounts.indices.contains(input) { accounts[input] = account }
    for at in accounts.indices {
      change.accounts += accounts[at].rows(unlike: savedAccounts[at], input: inputs[at])
    }
    savedAccounts = accounts
    repeats.digests.takeChange(into: &change)
    matched.digests.takeChange(into: &change)
    records.digests.takeChange(into: &change)
  }

  /// The counters' families and the accounting of every input.
  mutating func readings(at now: Microseconds, withTrends: Bool) -> Readings {
    var readings = counters.readings(now: now)
    if withTrends { readings.trends = counters.trends() }
    settleEvictions()
    readings[.detectionOverruns] = SampleSet(Double(detectionOverruns))
    readings[.clockSteps].append([(.direction, "back")], Double(clockStepsBack))
    readings[.clockSteps].append([(.direction, "forward")], Double(clockStepsForward))
    if accounts.indices.contains(input) { accounts[input] = account }
    for (name, account) in zip(inputs, accounts) { account.append(to: &readings, input: name) }
    return readings
  }
}
