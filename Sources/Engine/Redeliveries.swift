internal import AuditEvents
internal import Crypto
internal import Diagnostics

/// Recognises a pushed body that arrives again.
///
/// The API server repeats a batch byte for byte when an answer was lost, so the keyed digest of its path and content names it
/// (DESIGN.md, "Duplicate"). `auditID` decides nothing: a client chooses it.
/// - Shape: one entry per body for `horizon`; at most `limit`, the oldest leave first.
struct Redeliveries {
  /// What is remembered of a body.
  struct Delivery {
    /// How many events it had, of whatever outcome.
    var events: UInt64
    /// Whether any of it could be read.
    var isReadable: Bool
  }

  /// Ten minutes: five attempts of the API server take 248 s at most.
  static let horizon: Microseconds = 600 * 1_000_000
  /// 32 bytes each. Four bodies a second of every one of 25 API servers for ten minutes.
  static let limit = 65_536

  private let limit: Int
  private var known: [Digest: (delivery: Delivery, arrival: Microseconds)] = [:]
  private var order: [(digest: Digest, arrival: Microseconds)] = []
  private var oldest = 0

  /// - Parameter limit: entries; lower in tests.
  init(limit: Int = limit) { self.limit = limit }

  /// What was remembered of this body, or nil when it is new or `arrival` is later than the horizon.
  func delivery(of digest: Digest, at arrival: Microseconds) -> Delivery? {
    guard let entry = known[digest], arrival - entry.arrival <= Self.horizon else { return nil }
    return entry.delivery
  }

  /// Answers how many entries had to leave before their time: each could let a redelivery be counted twice.
  mutating func remember(_ digest: Digest, _ delivery: Delivery, at arrival: Microseconds) -> UInt64 {
    var evicted: UInt64 = 0
    while oldest < order.count, order[oldest].arrival < arrival - Self.horizon { forgetOldest() }
    if order.count - oldest >= limit {
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
}
