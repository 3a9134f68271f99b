internal import AuditEvents
internal import Crypto
internal import Diagnostics
internal import State

/// Recognises an event that arrives by two ways: AKS writes the same event to `kube-audit` and to `kube-audit-admin`.
///
/// The key is a keyed 128-bit digest of what the API server made of the request, never `auditID` alone (DESIGN.md,
/// "Duplicate"). Salvaged events are not judged: their fields are incomplete.
struct RepeatedEvents {
  /// The two categories are exported by the same service; ten minutes cover a retried delivery.
  static let generationSpan: Microseconds = 600 * 1_000_000
  /// About 8 MB for both generations, used only where AKS events arrive.
  static let generationLimit = 131_072

  private let key: SipKey
  var digests: RecentDigests
  private var scratch: [UInt8] = []

  /// - Parameters:
  ///   - limit: events of a generation; lower in tests.
  ///   - isSaved: whether what is new will be asked for, to be saved.
  init(key: SipKey, limit: Int = generationLimit, isSaved: Bool = false) {
    self.key = key
    digests = RecentDigests(.repeatedEvent, limit: limit, span: Self.generationSpan, isSaved: isSaved)
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
    digests.contains(digest(of: event, cluster: cluster), at: arrival)
  }

  private mutating func digest(of event: borrowing AuditEvent, cluster: String) -> Digest {
    scratch.removeAll(keepingCapacity: true)
    scratch.append(clusterOf: event, else: cluster)
    scratch.append(text: event.auditID)
    scratch.append(number: Int64(event.stage.rawValue))
    scratch.append(number: event.time)
    scratch.append(number: Int64(event.verb.rawValue))
    scratch.append(text: event.requestURI)
    scratch.append(text: event.user)
    scratch.append(number: Int64(event.code))
    return Digest(SipHash.hash24x128(scratch.span, key: key))
  }
}

/// What digests of events are made of. The length of a text goes first, so that no two different events write the same
/// bytes.
extension [UInt8] {
  mutating func append(number: Int64) { append(word: UInt64(bitPattern: number)) }

  mutating func append(text: Text) {
    append(number: Int64(text.count))
    // SAFETY: the event's texts are valid while the decoder's call lasts, and this copies them.
    unsafe append(contentsOf: text.raw)
  }

  /// The cluster that the event's wrapping names, or the given one.
  mutating func append(clusterOf event: borrowing AuditEvent, else cluster: String) {
    append(text: event.cluster)
    guard event.cluster.isEmpty else { return }
    append(number: Int64(cluster.utf8.count))
    append(contentsOf: cluster.utf8)
  }
}
