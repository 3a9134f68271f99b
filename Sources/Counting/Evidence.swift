internal import Metrics

/// What an event is kept as evidence of.
public enum EvidenceSubject: Sendable, Hashable {
  /// The series of refused requests at this place of its family. Its last request is kept.
  case denial(place: UInt32)
  /// The rule of this name, as its label shows it. Its last `EvidenceRow.matchesLimit` matches are kept.
  case match(rule: String)

  /// How many events are kept of it.
  public var limit: Int {
    switch self {
    case .denial: 1
    case .match: EvidenceRow.matchesLimit
    }
  }
}

/// One event that was counted, for who asks what a number stands for.
public struct EvidenceRow: Sendable, Hashable {
  /// Labels of each kind of subject that may wait to be written.
  public static let waitingBytesLimit = 256 << 10
  /// Matches that are kept of one rule.
  public static let matchesLimit = 20

  /// Rises with every event that was kept, also over restarts.
  public let id: UInt64
  public let subject: EvidenceSubject
  /// The event's time, microseconds since the epoch.
  public let time: Int64
  /// What is told of it, as labels: `k8s_cluster="prod",user="alice",…`, escaped as in an exposition. Names: `EvidenceField`.
  /// Its `list` fields have a line for each element.
  public let labels: [UInt8]

  public init(id: UInt64, subject: EvidenceSubject, time: Int64, labels: [UInt8]) {
    self.id = id
    self.subject = subject
    self.time = time
    self.labels = labels
  }

  /// The values, without escapes, by the names of `EvidenceField`.
  public var values: [EvidenceField: String] {
    var values: [EvidenceField: String] = [:]
    for (name, value) in LabelText.split(labels) {
      if let field = EvidenceField(rawValue: name) { values[field] = value }
    }
    return values
  }
}

/// What is told of an event. A field that the event does not have is left out.
public enum EvidenceField: String, Sendable, CaseIterable {
  case cluster = "k8s_cluster"
  /// The rule that matched, and its priority; of a refused request, neither.
  case rule, priority
  /// The reason of a refusal, as the label `reason` has it.
  case reason
  case code, user
  case impersonatedUser = "impersonated_user"
  /// Under pseudonyms, those of Kubernetes alone.
  case groups
  case sourceIP = "source_ip"
  /// All that the event names. Not told under pseudonyms.
  case sourceIPs = "source_ips"
  case verb
  case apiGroup = "api_group"
  case resource, subresource, namespace, name
  case requestURI = "request_uri"
  case userAgent = "user_agent"
  /// What the authorizer said. Not told under pseudonyms, for it names users.
  case authorization = "authorization_reason"
  case stage = "audit_stage"
  case level
  /// The client's to choose.
  case auditID = "audit_id"

  /// Whether its value has a line for each of its elements.
  public var isList: Bool { self == .groups || self == .sourceIPs }

  /// The label as it stands in `EvidenceRow.labels`, with what no value can hold before it: a comma and quotes that are not
  /// escaped. The cluster stands at the beginning.
  public func rendered(_ value: String) -> [UInt8] {
    LabelText.text(self == .cluster ? rawValue : "," + rawValue, value)
  }
}

extension [EvidenceRow] {
  /// Drops what would not be kept: of each subject all but its last events, of what is left of each kind of subject all but
  /// the latest, by `bytesLimit` bytes of labels.
  ///
  /// - Invariant: rows are in the order of their numbers, before and after.
  public mutating func keepLatest(bytesLimit: Int = EvidenceRow.waitingBytesLimit) {
    var counts: [EvidenceSubject: Int] = [:]
    var bytes = (denials: 0, matches: 0)
    let latest = reversed().filter { row in
      counts[row.subject, default: 0] += 1
      guard counts[row.subject, default: 0] <= row.subject.limit else { return false }
      switch row.subject {
      case .denial:
        bytes.denials += row.labels.count
        return bytes.denials <= bytesLimit
      case .match:
        bytes.matches += row.labels.count
        return bytes.matches <= bytesLimit
      }
    }
    self = latest.reversed()
  }
}

/// The evidence that came since it was last asked for.
///
/// - Bound: twice `EvidenceRow.waitingBytesLimit` of labels, and their rows.
struct EvidenceBook: ~Copyable {
  /// The next row's number.
  private(set) var next: UInt64
  private var rows: [EvidenceRow] = []
  private var bytes = 0

  init(next: UInt64 = 0) { self.next = next }

  mutating func keep(_ subject: EvidenceSubject, time: Int64, labels: [UInt8]) {
    rows.append(EvidenceRow(id: next, subject: subject, time: time, labels: labels))
    next += 1
    bytes += labels.count
    guard bytes > 2 * EvidenceRow.waitingBytesLimit else { return }
    rows.keepLatest()
    bytes = rows.reduce(0) { $0 + $1.labels.count }
  }

  /// Gives away what came since the last call.
  ///
  /// - Parameters:
  ///   - dropped: places of series of refused requests that are gone: what is kept of them tells of nothing that is shown.
  ///   - isFree: whether such a place is without a series now. Where it is not, what came last is the new one's.
  mutating func take(dropped: [UInt32], into delta: inout CountingDelta, isFree: (UInt32) -> Bool) {
    delta.forgottenEvidence = dropped.map { .denial(place: $0) }
    if !dropped.isEmpty {
      let free = Set(dropped.filter(isFree).map { EvidenceSubject.denial(place: $0) })
      rows.removeAll { free.contains($0.subject) }
    }
    rows.keepLatest()
    delta.evidence = rows
    self = EvidenceBook(next: next)
  }
}
