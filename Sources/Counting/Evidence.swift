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

/// The evidence that came since it was last asked for.
///
/// - Bound: what would be kept at all. Of refused requests those of `denialsLimit` series, the latest; of each rule its last
///   matches.
struct EvidenceBook: ~Copyable {
  /// More rows of them than fit in what is kept.
  static let denialsLimit = 4_096
  /// The next row's number.
  private(set) var next: UInt64
  private var denials: [EvidenceRow] = []
  private var denialAt: [UInt32: Int] = [:]
  /// Where the next new series goes when all places are taken: over the one that was begun first.
  private var oldest = 0
  private var matches: [String: [EvidenceRow]] = [:]
  private var forgotten: Set<UInt32> = []

  init(next: UInt64 = 0) { self.next = next }

  mutating func keep(denial place: UInt32, time: Int64, labels: [UInt8]) {
    let row = EvidenceRow(id: next, subject: .denial(place: place), time: time, labels: labels)
    next += 1
    if let at = denialAt[place] {
      denials[at] = row
    } else if denials.count < Self.denialsLimit {
      denialAt[place] = denials.count
      denials.append(row)
    } else {
      if case .denial(let former) = denials[oldest].subject, denialAt[former] == oldest { denialAt[former] = nil }
      denialAt[place] = oldest
      denials[oldest] = row
      oldest = (oldest + 1) % Self.denialsLimit
    }
  }

  mutating func keep(match rule: String, time: Int64, labels: [UInt8]) {
    let row = EvidenceRow(id: next, subject: .match(rule: rule), time: time, labels: labels)
    next += 1
    var rows = matches.removeValue(forKey: rule) ?? []
    if rows.count >= 2 * EvidenceRow.matchesLimit { rows.removeFirst(rows.count - EvidenceRow.matchesLimit + 1) }
    rows.append(row)
    matches[rule] = rows
  }

  /// A series of refused requests is gone: what is kept of it tells of nothing that is shown.
  ///
  /// - Parameter isFree: no other series has its place, whose evidence came after it.
  mutating func forget(denial place: UInt32, isFree: Bool) {
    forgotten.insert(place)
    if isFree { denialAt[place] = nil }
  }

  /// Gives away what came since the last call.
  mutating func take(into delta: inout CountingDelta) {
    guard !denialAt.isEmpty || !matches.isEmpty || !forgotten.isEmpty else { return }
    delta.forgottenEvidence = forgotten.map { .denial(place: $0) }
    delta.evidence = denialAt.values.map { denials[$0] }
    for rows in matches.values { delta.evidence += rows.suffix(EvidenceRow.matchesLimit) }
    delta.evidence.sort { $0.id < $1.id }
    self = EvidenceBook(next: next)
  }
}
