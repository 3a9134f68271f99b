/// What an object's keys tell about its nature, beside the fields of an event.
struct ObjectFacts {
  enum Kind { case absent, event, eventList, other }

  var kind = Kind.absent
  var hasAPIVersion = false
  /// `apiVersion` begins with `audit.k8s.io/`.
  var isAuditGroup = false
  /// `apiVersion` is v1alpha1, whose objectRef names group and version in one string.
  var isFirstAlpha = false
  var hasAuditID = false
  var hasStage = false
  var hasVerb = false
  var hasRequestURI = false
  /// `user` was read to its end.
  var isUserWhole = false
  /// `responseStatus` was read to its end and had a code.
  var isStatusWhole = false
  /// `requestObject` or `responseObject` occurred.
  var hasBody = false
  var stageTime = Text.empty
  var receivedTime = Text.empty
  /// `objectRef.apiVersion`.
  var referenceVersion = Text.empty
  var status = StatusScanner.none
  /// One bit a `WrappingKey` that occurred.
  var present: UInt64 = 0
  /// The wrapping key that came last: where a cut hit.
  var lastKey: WrappingKey?

  @inline(__always) mutating func clear() {
    kind = .absent
    hasAPIVersion = false
    isAuditGroup = false
    isFirstAlpha = false
    hasAuditID = false
    hasStage = false
    hasVerb = false
    hasRequestURI = false
    isUserWhole = false
    isStatusWhole = false
    hasBody = false
    stageTime = .empty
    receivedTime = .empty
    referenceVersion = .empty
    status = .none
    present = 0
    lastKey = nil
  }

  func has(_ key: WrappingKey) -> Bool { present & (1 << UInt64(key.rawValue)) != 0 }

  /// Whether no other wrapping key occurred.
  func hasOnly(_ key: WrappingKey) -> Bool { present == 1 << UInt64(key.rawValue) }

  /// An audit event by its kind, or by fields that only an event has: an item of a list has no kind.
  @inline(__always) var isEvent: Bool {
    if kind == .event, isAuditGroup { return true }
    return (kind == .absent || kind == .event) && !hasAPIVersion && hasAuditID
      && (hasStage || hasVerb || hasRequestURI)
  }

  /// Whether the fields of an event that was cut short suffice to count it: each of them was read whole.
  func suffices(for event: borrowing AuditEvent) -> Bool {
    guard isEvent, hasVerb, isUserWhole, event.stage != .unknown else { return false }
    // No status belongs to the first stage.
    return isStatusWhole || event.stage == .requestReceived
  }
}

extension AuditEvent {
  /// Takes back everything but the object reference.
  @inline(__always) mutating func clearRequest() {
    stage = .unknown
    level = .unknown
    verb = .none
    code = 0
    decision = .absent
    isImpersonationRefused = false
    isSalvaged = false
    origin = .kubernetes
    user = .empty
    impersonatedUser = .empty
    sourceIPs = .empty
    userAgent = .empty
    requestURI = .empty
    auditID = .empty
    time = AuditEvent.absentTime
    cluster = .empty
  }

  @inline(__always) mutating func clearObjectReference() {
    apiGroup = .empty
    resource = .empty
    subresource = .empty
    namespace = .empty
    name = .empty
  }
}

extension Text {
  /// What stands before the last `/`; empty without one.
  var beforeLastSlash: Text {
    var length = count
    while length > 0, start[length - 1] != UInt8(ascii: "/") { length -= 1 }
    guard length > 0 else { return .empty }
    return start.text(to: start + (length - 1), isEscaped: isEscaped)
  }

  /// The value of a decimal number without sign; nil when it is none or above a million.
  var smallNumber: Int? {
    guard count > 0 else { return nil }
    var value = 0
    for i in 0..<count {
      guard start[i].digit <= 9 else { return nil }
      value = min(value * 10 + Int(start[i].digit), 1_000_001)
    }
    return value
  }
}

/// Where a value begins and ends.
struct Extent {
  let start: BytePointer
  let end: BytePointer

  var byte: UInt8 { start.byte }
  var isObject: Bool { byte == UInt8(ascii: "{") }
  var isArray: Bool { byte == UInt8(ascii: "[") }
  var isString: Bool { byte == UInt8(ascii: "\"") }
}

/// The keys whose values wrappings are made of.
enum WrappingKey: UInt8, CaseIterable {
  case items, records, category, properties, resourceID, time, atTime, date, timestamp
  case protoPayload, labels, insertID, resource, operation, entry, auditPayload, entries
  case data, awslogs, logEvents, messageType, logGroup, events, capitalRecords, capitalData, kinesis, resourceLogs
  case log, message, atMessage, body, event, structured, raw, line, original, msg, logProcessed
  case forwardedLevel, openshiftLevel
  case eventID, eventTime, eventSource, insightDetails

  /// The word in the JSON.
  var word: StaticString {
    switch self {
    case .items: "items"
    case .records: "records"
    case .category: "category"
    case .properties: "properties"
    case .resourceID: "resourceId"
    case .time: "time"
    case .atTime: "@timestamp"
    case .date: "date"
    case .timestamp: "timestamp"
    case .protoPayload: "protoPayload"
    case .labels: "labels"
    case .insertID: "insertId"
    case .resource: "resource"
    case .operation: "operation"
    case .entry: "Entry"
    case .auditPayload: "AuditPayload"
    case .entries: "entries"
    case .data: "data"
    case .awslogs: "awslogs"
    case .logEvents: "logEvents"
    case .messageType: "messageType"
    case .logGroup: "logGroup"
    case .events: "events"
    case .capitalRecords: "Records"
    case .capitalData: "Data"
    case .kinesis: "kinesis"
    case .resourceLogs: "resourceLogs"
    case .log: "log"
    case .message: "message"
    case .atMessage: "@message"
    case .body: "body"
    case .event: "event"
    case .structured: "structured"
    case .raw: "_raw"
    case .line: "line"
    case .original: "original"
    case .msg: "msg"
    case .logProcessed: "log_processed"
    case .forwardedLevel: "k8s_audit_level"
    case .openshiftLevel: "openshift_audit_level"
    case .eventID: "eventID"
    case .eventTime: "eventTime"
    case .eventSource: "eventSource"
    case .insightDetails: "insightDetails"
    }
  }

  /// The keys under which log shippers put what they carry, in the order in which they are tried.
  static let carriers: [WrappingKey] = [
    .log, .message, .atMessage, .body, .event, .structured, .raw, .line, .original, .msg, .logProcessed,
  ]

  init?(_ key: Key) {
    for candidate in WrappingKey.allCases where key.equals(candidate.word) {
      self = candidate
      return
    }
    return nil
  }
}

/// For each level of wrapping, where the values of its keys stand.
@safe final class ExtentTable {
  /// One row more than wrappings are undone.
  static let levels = 10

  // SAFETY: `levels` rows of as many extents as there are keys, initialised in `init`, freed in `deinit`.
  private let rows: UnsafeMutablePointer<Extent>

  init() {
    let count = Self.levels * WrappingKey.allCases.count
    unsafe rows = .allocate(capacity: count)
    let empty = Text.empty.start
    unsafe rows.initialize(repeating: Extent(start: empty, end: empty), count: count)
  }
  deinit { unsafe rows.deallocate() }

  subscript(level: Int, key: WrappingKey) -> Extent {
    get {
      precondition(level >= 0 && level < Self.levels)
      return unsafe rows[level * WrappingKey.allCases.count + Int(key.rawValue)]
    }
    set {
      precondition(level >= 0 && level < Self.levels)
      unsafe rows[level * WrappingKey.allCases.count + Int(key.rawValue)] = newValue
    }
  }
}
