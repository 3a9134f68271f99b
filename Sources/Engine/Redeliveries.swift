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

  private var known: [Digest: Delivery] = [:]
  private var order: [(digest: Digest, arrival: Microseconds)] = []
  private var oldest = 0
  /// Entries that had to leave before their time: each could let a redelivery be counted twice.
  private(set) var evictedEarly: UInt64 = 0

  /// What was remembered of this body, or nil when it is new.
  func delivery(of digest: Digest) -> Delivery? { known[digest] }

  mutating func remember(_ digest: Digest, _ delivery: Delivery, at arrival: Microseconds) {
    forget(before: arrival - Self.horizon)
    if known.count >= Self.limit {
      known[order[oldest].digest] = nil
      oldest += 1
      evictedEarly += 1
    }
    known[digest] = delivery
    order.append((digest, arrival))
  }

  private mutating func forget(before time: Microseconds) {
    while oldest < order.count, order[oldest].arrival < time {
      known[order[oldest].digest] = nil
      oldest += 1
    }
    if oldest > 1024, oldest > order.count / 2 {
      order.removeFirst(oldest)
      oldest = 0
    }
  }
}
