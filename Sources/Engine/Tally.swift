internal import AuditEvents
internal import Counting
internal import Crypto
internal import Diagnostics
internal import Metrics

/// Where the decoder's reports land: everything that one event changes, in one place on one thread.
struct Tally: ~Copyable, EventSink {
  private var counters: Counters
  private var accounts: [InputAccount]
  /// The account of `input`, which is not in `accounts` meanwhile.
  private var account = InputAccount()
  private var repeats: RepeatedEvents
  /// Evictions from `repeats` that an input was charged with.
  private var evictedBefore: UInt64 = 0
  private let inputs: [String]

  /// The batch being decoded.
  private var input = 0
  private var defaultCluster: ClusterIndex
  private var defaultClusterName = "default"
  private var arrival: Microseconds = 0
  private(set) var eventsOfBatch: UInt64 = 0
  private var rejectedOfBatch: UInt64 = 0

  /// - Parameter rememberedEvents: events that are remembered to be known again; lower in tests.
  init(_ settings: EngineSettings, key: SipKey, rememberedEvents: Int = RepeatedEvents.generationLimit) {
    counters = Counters(settings: settings.counting, key: key)
    accounts = Array(repeating: InputAccount(), count: settings.counting.inputs.count)
    repeats = RepeatedEvents(key: key, limit: rememberedEvents)
    inputs = settings.counting.inputs
    defaultCluster = counters.cluster(named: "default")
    for name in settings.expectedClusters { counters.expect(counters.cluster(named: name)) }
  }

  /// What is reported from here on belongs to this batch.
  mutating func begin(_ batch: Batch) {
    turn(to: batch.input)
    defaultCluster = counters.cluster(named: batch.cluster)
    defaultClusterName = batch.cluster
    arrival = batch.arrival
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
    evict(digests: repeats.evictedEarly - evictedBefore)
    evictedBefore = repeats.evictedEarly
  }

  /// The input at hand made digests leave before their time.
  mutating func evict(digests: UInt64) { account.evict(digests: digests) }

  /// Whether the batch held nothing but what could not be read: the only body that is answered with 400.
  var isNothingReadable: Bool { rejectedOfBatch > 0 && rejectedOfBatch == eventsOfBatch }

  mutating func receive(_ event: borrowing AuditEvent) {
    eventsOfBatch &+= 1
    let cluster = event.cluster.isEmpty ? defaultCluster : counters.cluster(named: event.cluster)
    if repeats.contains(event, cluster: defaultClusterName, arrival: arrival) { return account.countDuplicates(1) }
    let outcome = counters.count(event, cluster: cluster, input: input, arrival: arrival)
    account.count(isRequest: outcome.isRequest, isSalvaged: event.isSalvaged)
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

  mutating func countDuplicates(_ events: UInt64) { account.countDuplicates(events) }

  mutating func drop(_ reason: DropReason, input: Int) {
    turn(to: input)
    account.drop(reason)
  }

  mutating func apply(_ settings: EngineSettings) {
    counters.apply(settings.counting)
    counters.expectNone()
    for name in settings.expectedClusters { counters.expect(counters.cluster(named: name)) }
  }

  /// Says that the readings of this number were shown to a scraper.
  mutating func scraped(_ number: UInt32) { counters.scraped(number) }

  /// The counters' families and the accounting of every input.
  mutating func readings(at now: Microseconds, withTrends: Bool) -> Readings {
    var readings = counters.readings(now: now)
    if withTrends { readings.trends = counters.trends() }
    settleEvictions()
    if accounts.indices.contains(input) { accounts[input] = account }
    for (name, account) in zip(inputs, accounts) { account.append(to: &readings, input: name) }
    return readings
  }
}
