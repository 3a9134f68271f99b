internal import AuditEvents
internal import Crypto
internal import Diagnostics
internal import State

/// Recognises what is pushed and arrives again.
///
/// The API server repeats a batch byte for byte when an answer was lost, so the keyed digest of its path and content names it
/// (DESIGN.md, "Duplicate"). `auditID` decides nothing: a client chooses it. Delivery services give each request an ID, and
/// repeat it: its keyed digest is the name.
/// - Shape: one entry per body for `horizon`; at most `limit`, the oldest leave first.
struct Redeliveries {
  /// What is remembered of a body.
  struct Delivery {
    /// How many events it had, of whatever outcome.
    var events: UInt64
    /// Whether any of it could be read.
    var isReadable: Bool
  }

  /// How much is remembered, and for how long.
  struct Kind {
    let digests: DigestKind
    let horizon: Microseconds
    /// Entries, of 32 bytes of state each.
    var limit: Int

    /// Ten minutes: five attempts of the API server take 248 s at most. Four bodies a second of every one of 25 API servers.
    static let bodies = Kind(digests: .pushedBody, horizon: 600 * 1_000_000, limit: 65_536)
    /// Two hours and a quarter: Firehose repeats a request for two hours at most, its waiting for answers not counted. Eight
    /// requests a second.
    static let deliveries = Kind(digests: .delivery, horizon: 8_100 * 1_000_000, limit: 65_536)

    func holding(_ limit: Int) -> Kind { Kind(digests: digests, horizon: horizon, limit: limit) }
  }

  private let kind: Kind
  private var known: [Digest: (delivery: Delivery, arrival: Microseconds)] = [:]
  private var order: [(digest: Digest, arrival: Microseconds)] = []
  private var oldest = 0
  /// Those that no state holds yet, coded; nil when none is kept.
  private var unsaved: [UInt8]?

  /// - Parameter isSaved: whether what is new will be asked for, to be saved.
  init(_ kind: Kind = .bodies, isSaved: Bool = false) {
    self.kind = kind
    unsaved = isSaved ? [] : nil
  }

  /// What was remembered of it, or nil when it is new or `arrival` is later than the horizon.
  func delivery(of digest: Digest, at arrival: Microseconds) -> Delivery? {
    guard let entry = known[digest], arrival - entry.arrival <= kind.horizon else { return nil }
    return entry.delivery
  }

  /// Answers how many entries had to leave before their time: each could let a redelivery be counted twice.
  mutating func remember(_ digest: Digest, _ delivery: Delivery, at arrival: Microseconds) -> UInt64 {
    if unsaved != nil {
      unsaved?.append(digest)
      unsaved?.append(word: UInt64(bitPattern: arrival))
      unsaved?.append(word: delivery.events << 1 | (delivery.isReadable ? 1 : 0))
    }
    return insert(digest, delivery, at: arrival)
  }

  private mutating func insert(_ digest: Digest, _ delivery: Delivery, at arrival: Microseconds) -> UInt64 {
    var evicted: UInt64 = 0
    while oldest < order.count, order[oldest].arrival < arrival - kind.horizon { forgetOldest() }
    if order.count - oldest >= kind.limit {
      forgetOldest()
      evicted = 1
    }
    known[digest] = (delivery, arrival)
    order.append((digest, arrival))
    if oldest > 1024, oldest > order.count / 2 {
      order.removeFirst(oldest)
      oldest = 0
    }
    return evicted
  }

  private mutating func forgetOldest() {
    let (digest, arrival) = order[oldest]
    // Arrivals are not quite in order, so a body may have been remembered anew before its first entry left.
    if known[digest]?.arrival == arrival { known[digest] = nil }
    oldest += 1
  }

  /// When the newest digest came; 0 when none is known.
  var newest: Microseconds { order.last?.arrival ?? 0 }

  // MARK: - State

  /// Bytes of an entry: the digest, its arrival, its events and whether it was readable.
  private static let entryBytes = 32

  /// Gives away what is new since the last call, and says what need not be kept any longer.
  mutating func takeChange(into change: inout StateChange) {
    guard let data = unsaved, !data.isEmpty else { return }
    unsaved = []
    let newest = order.last?.arrival ?? 0
    change.digests.append(DigestBlob(kind: kind.digests, arrival: newest, data: data))
    change.forgotten[kind.digests] = oldest < order.count ? order[oldest].arrival - Self.disorder : newest
  }

  /// Arrivals of one commit are in order to this much.
  private static let disorder: Microseconds = 60_000_000

  /// - Errors: reason `countingState` when it is no such blob.
  mutating func restore(_ blob: DigestBlob) throws(Failure) {
    for at in stride(from: 0, to: blob.data.count, by: Self.entryBytes) {
      guard let digest = blob.data.digest(at: at),
        let arrival = blob.data.word(at: at + 16).flatMap(Int64.init(exactly:)),
        KeptLimit.time.contains(arrival), let rest = blob.data.word(at: at + 24), rest >> 1 <= KeptLimit.total
      else { throw .restoring("the digests of what was pushed cannot be read") }
      _ = insert(digest, Delivery(events: rest >> 1, isReadable: rest & 1 == 1), at: arrival)
    }
  }
}
