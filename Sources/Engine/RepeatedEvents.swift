internal import AuditEvents
internal import Crypto
internal import Diagnostics
internal import State

/// Recognises an event that arrives by two ways: AKS writes the same event to `kube-audit` and to `kube-audit-admin`.
///
/// The key is a keyed 128-bit digest of what the API server made of the request, never `auditID` alone (DESIGN.md,
/// "Duplicate"). Salvaged events are not judged: their fields are incomplete.
/// - Shape: two generations of digests; when the younger is full or old, it becomes the older, whose digests are forgotten.
///   So an event is remembered for `generationSpan` at least, unless `generationLimit` events came in less time.
struct RepeatedEvents {
  /// The two categories are exported by the same service; ten minutes cover a retried delivery.
  static let generationSpan: Microseconds = 600 * 1_000_000
  /// About 8 MB for both generations, used only where AKS events arrive.
  static let generationLimit = 131_072

  private let key: SipKey
  private let limit: Int
  private var younger = Set<Digest>()
  private var older = Set<Digest>()
  private var youngerSince: Microseconds = 0
  /// When the first event of the older generation came.
  private var olderSince: Microseconds = 0
  /// When the newest digest came; 0 when none is known.
  private(set) var newest: Microseconds = 0
  private var scratch: [UInt8] = []
  /// Those that no state holds yet, and when the newest came; nil when none is kept.
  private var unsaved: [UInt8]?
  private var unsavedArrival: Microseconds = 0
  /// Digests that had to leave before their time: each could let a repeated event be counted twice.
  private(set) var evictedEarly: UInt64 = 0

  /// - Parameters:
  ///   - limit: events of a generation; lower in tests.
  ///   - isSaved: whether what is new will be asked for, to be saved.
  init(key: SipKey, limit: Int = generationLimit, isSaved: Bool = false) {
    self.key = key
    self.limit = limit
    unsaved = isSaved ? [] : nil
  }

  /// Whether this event was here before; remembers it if not.
  ///
  /// - Parameter cluster: the cluster of events whose wrapping names none.
  @inline(__always)
  mutating func contains(_ event: borrowing AuditEvent, cluster: String, arrival: Microseconds) -> Bool {
    guard event.origin == .aks, !event.isSalvaged else { return false }
    return isKnown(event, cluster, arrival)
  }

  @inline(never)
  private mutating func isKnown(_ event: borrowing AuditEvent, _ cluster: String, _ arrival: Microseconds) -> Bool {
    let digest = digest(of: event, cluster: cluster)
    if younger.contains(digest) || older.contains(digest) { return true }
    insert(digest, arrival)
    if unsaved != nil {
      unsaved?.append(digest)
      unsavedArrival = max(unsavedArrival, arrival)
    }
    return false
  }

  private mutating func insert(_ digest: Digest, _ arrival: Microseconds) {
    if younger.count >= limit || arrival - youngerSince > Self.generationSpan {
      if arrival - youngerSince <= Self.generationSpan { evictedEarly += UInt64(older.count) }
      swap(&older, &younger)
      younger.removeAll(keepingCapacity: true)
      olderSince = youngerSince
      youngerSince = arrival
    }
    younger.insert(digest)
    newest = max(newest, arrival)
  }

  // MARK: - State

  private static let digestBytes = 16

  /// Gives away what is new since the last call, and says what need not be kept any longer.
  mutating func takeChange(into change: inout StateChange) {
    guard let data = unsaved, !data.isEmpty else { return }
    unsaved = []
    change.digests.append(DigestBlob(kind: .repeatedEvent, arrival: unsavedArrival, data: data))
    change.forgotten[.repeatedEvent] = olderSince
    unsavedArrival = 0
  }

  /// As if its events came again, all at the time of the newest.
  ///
  /// - Errors: reason `countingState` when it is no such blob.
  mutating func restore(_ blob: DigestBlob) throws(Failure) {
    for at in stride(from: 0, to: blob.data.count, by: Self.digestBytes) {
      guard let digest = blob.data.digest(at: at), KeptLimit.time.contains(blob.arrival) else {
        throw .restoring("the digests of events cannot be read")
      }
      insert(digest, blob.arrival)
    }
  }

  private mutating func digest(of event: borrowing AuditEvent, cluster: String) -> Digest {
    scratch.removeAll(keepingCapacity: true)
    append(event.cluster)
    if event.cluster.isEmpty {
      append(number: Int64(cluster.utf8.count))
      scratch.append(contentsOf: cluster.utf8)
    }
    append(event.auditID)
    append(number: Int64(event.stage.rawValue))
    append(number: event.time)
    append(number: Int64(event.verb.rawValue))
    append(event.requestURI)
    append(event.user)
    append(number: Int64(event.code))
    return Digest(SipHash.hash24x128(scratch.span, key: key))
  }

  private mutating func append(number: Int64) {
    var number = UInt64(bitPattern: number)
    for _ in 0..<8 {
      scratch.append(UInt8(truncatingIfNeeded: number))
      number >>= 8
    }
  }

  /// The length goes first, so that no two different events write the same bytes.
  private mutating func append(_ text: Text) {
    append(number: Int64(text.count))
    // SAFETY: the event's texts are valid while the decoder's call lasts, and this copies them.
    unsafe scratch.append(contentsOf: text.raw)
  }
}
