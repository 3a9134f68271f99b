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

/// Counts audit events: totals, bounded families and sliding windows. One thread owns it; it does no I/O and reads no clock.
public struct Counters: ~Copyable {
  /// - Parameter key: keys the tables and the hashes of cut label values.
  public init(settings: CountingSettings, key: SipKey) {}

  /// Takes over what may change while running: trusted proxies and tracked objects. Everything else stays.
  public mutating func apply(_ settings: CountingSettings) {}

  /// The cluster of a configured or discovered name; beyond the limit, `(other)`.
  public mutating func cluster(named name: String) -> ClusterIndex { ClusterIndex(value: 0) }

  /// The cluster that an event names; cheap when it is the same as the last time.
  public mutating func cluster(named name: borrowing Text) -> ClusterIndex { ClusterIndex(value: 0) }

  /// Says that a cluster is expected to be heard from: `cluster_expected`.
  public mutating func expect(_ cluster: ClusterIndex) {}

  /// Counts one event.
  ///
  /// - Parameters:
  ///   - input: index into the settings' `inputs`.
  ///   - arrival: microseconds since the epoch; ignored when the clock follows event time.
  public mutating func count(
    _ event: borrowing AuditEvent, cluster: ClusterIndex, input: Int, arrival: Int64
  ) -> Counted { Counted() }

  /// Everything that a scrape shows. Moves the windows on to `now` (microseconds; ignored when the clock follows event time).
  public mutating func readings(now: Int64) -> CountingReadings { CountingReadings() }

  /// Says that the readings of this number, and all before it, were delivered to a scraper.
  public mutating func scraped(_ number: UInt32) {}
}
