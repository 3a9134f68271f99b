internal import Diagnostics
internal import State

/// Digests of what came lately, so that what comes again is known.
///
/// - Shape: two generations of digests; when the younger is full or old, it becomes the older, whose digests are forgotten.
///   So one is remembered for `span` at least, unless `limit` others came in less time.
struct RecentDigests {
  private let kind: DigestKind
  private let limit: Int
  private let span: Microseconds
  private var younger = Set<Digest>()
  private var older = Set<Digest>()
  private var youngerSince: Microseconds = 0
  /// When the first digest of the older generation came.
  private var olderSince: Microseconds = 0
  /// When the newest digest came; 0 when none is known.
  private(set) var newest: Microseconds = 0
  /// Those that no state holds yet, and when the newest came; nil when none is kept.
  private var unsaved: [UInt8]?
  private var unsavedArrival: Microseconds = 0
  /// Digests that had to leave before their time: each could let something be counted twice.
  private(set) var evictedEarly: UInt64 = 0

  /// - Parameters:
  ///   - limit: digests of a generation.
  ///   - span: how long a generation lasts.
  ///   - isSaved: whether what is new will be asked for, to be saved.
  init(_ kind: DigestKind, limit: Int, span: Microseconds, isSaved: Bool) {
    self.kind = kind
    self.limit = limit
    self.span = span
    unsaved = isSaved ? [] : nil
  }

  /// Whether this digest was here before; remembers it if not.
  mutating func contains(_ digest: Digest, at time: Microseconds) -> Bool {
    if younger.contains(digest) || older.contains(digest) { return true }
    insert(digest, time)
    if unsaved != nil {
      unsaved?.append(digest)
      unsavedArrival = max(unsavedArrival, time)
    }
    return false
  }

  private mutating func insert(_ digest: Digest, _ time: Microseconds) {
    if younger.count >= limit || time - youngerSince > span {
      if time - youngerSince <= span { evictedEarly += UInt64(older.count) }
      swap(&older, &younger)
      younger.removeAll(keepingCapacity: true)
      olderSince = youngerSince
      youngerSince = time
    }
    younger.insert(digest)
    newest = max(newest, time)
  }

  // MARK: - State

  private static let digestBytes = 16

  /// Gives away what is new since the last call, and says what need not be kept any longer.
  mutating func takeChange(into change: inout StateChange) {
    guard let data = unsaved, !data.isEmpty else { return }
    unsaved = []
    change.digests.append(DigestBlob(kind: kind, arrival: unsavedArrival, data: data))
    change.forgotten[kind] = olderSince
    unsavedArrival = 0
  }

  /// As if its digests came again, all at the time of the newest.
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
}
