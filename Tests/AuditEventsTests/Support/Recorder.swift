import AuditEvents

/// What the decoder reported of one event, as values that outlive it.
struct Seen: Equatable {
  var stage = Stage.unknown
  var level = Level.unknown
  var verb = Verb.none
  var code: UInt16 = 0
  var decision = Decision.absent
  var isImpersonationRefused = false
  var isDryRun = false
  var isSalvaged = false
  var origin = Origin.kubernetes
  var time = AuditEvent.absentTime
  var user = ""
  var impersonatedUser = ""
  var sourceIPs = ""
  var userAgent = ""
  var requestURI = ""
  var auditID = ""
  var apiGroup = ""
  var resource = ""
  var subresource = ""
  var namespace = ""
  var name = ""
  var cluster = ""

  init(_ event: borrowing AuditEvent) {
    stage = event.stage
    level = event.level
    verb = event.verb
    code = event.code
    decision = event.decision
    isImpersonationRefused = event.isImpersonationRefused
    isDryRun = event.isDryRun
    isSalvaged = event.isSalvaged
    origin = event.origin
    time = event.time
    user = event.user.description
    impersonatedUser = event.impersonatedUser.description
    sourceIPs = event.sourceIPs.description
    userAgent = event.userAgent.description
    requestURI = event.requestURI.description
    auditID = event.auditID.description
    apiGroup = event.apiGroup.description
    resource = event.resource.description
    subresource = event.subresource.description
    namespace = event.namespace.description
    name = event.name.description
    cluster = event.cluster.description
  }
}

/// The same of a record of CloudTrail.
struct SeenRecord: Equatable {
  var eventID = ""
  var time = AuditEvent.absentTime
  var eventSource = ""
  var eventName = ""
  var region = ""
  var account = ""
  var sourceAddress = ""
  var errorCode = ""
  var sharedEventID = ""
  /// Whether there are: identity, parameters, answer, insight.
  var members: [Bool] = []

  init(_ record: borrowing CloudTrailRecord) {
    eventID = record.eventID.description
    time = record.time
    eventSource = record.eventSource.description
    eventName = record.eventName.description
    region = record.region.description
    account = record.account.description
    sourceAddress = record.sourceAddress.description
    errorCode = record.errorCode.description
    sharedEventID = record.sharedEventID.description
    members = [
      record.identity != nil, record.requestParameters != nil, record.responseElements != nil, record.insight != nil,
    ]
  }
}

/// Keeps all that a decoder reports.
struct Recorder: EventSink {
  var events: [Seen] = []
  var records: [SeenRecord] = []
  var ignored: [IgnoreReason] = []
  var rejected: [RejectReason] = []
  var offsets: [Int] = []

  mutating func receive(_ event: borrowing AuditEvent) { events.append(Seen(event)) }
  mutating func receive(_ record: borrowing CloudTrailRecord) { records.append(SeenRecord(record)) }
  mutating func ignore(_ reason: IgnoreReason) { ignored.append(reason) }
  mutating func reject(_ reason: RejectReason, at offset: Int) {
    rejected.append(reason)
    offsets.append(offset)
  }

  /// Events, ignored and rejected, for comparing.
  var summary: [Int] { [events.count, ignored.count, rejected.count] }
}

/// Decodes `text` as one whole stream.
func decode(_ text: String, _ change: (inout AuditDecoder.Limits) -> Void = { _ in }) -> Recorder {
  decode(Array(text.utf8), change)
}

/// Decodes `bytes` as one whole stream.
func decode(_ bytes: [UInt8], _ change: (inout AuditDecoder.Limits) -> Void = { _ in }) -> Recorder {
  var limits = AuditDecoder.Limits()
  change(&limits)
  var decoder = AuditDecoder(limits: limits)
  var sink = Recorder()
  let buffer = ByteBuffer(bytes)
  let consumed = decoder.decode(buffer, .lastOfStream, into: &sink)
  precondition(consumed == bytes.count, "the end of a stream is read to its last byte")
  return sink
}

/// The same without expecting the server's order.
func decodeInAnyOrder(_ bytes: [UInt8]) -> Recorder { decode(bytes) { $0.speculatesOrder = false } }

/// Decodes `bytes` in pieces of `length`, each handed in together with what was left of the one before.
func decodeInPieces(_ bytes: [UInt8], of length: Int) -> Recorder {
  var decoder = AuditDecoder()
  var sink = Recorder()
  var rest: [UInt8] = []
  var next = 0
  while next < bytes.count {
    let end = min(next + length, bytes.count)
    rest += bytes[next..<end]
    next = end
    let consumed = decoder.decode(ByteBuffer(rest), .stream, into: &sink)
    rest.removeFirst(consumed)
  }
  _ = decoder.decode(ByteBuffer(rest), .lastOfStream, into: &sink)
  return sink
}
