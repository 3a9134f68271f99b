// Cloud Logging entries of GKE: not Kubernetes' audit events but Google's, whose fields are mapped.
extension AuditDecoder {
  /// Reads the object that the any-order scanner has just read if it is one of Google's; false when it is not.
  ///
  /// - Source: cloud.google.com, LogEntry and AuditLog; sysdiglabs/stackdriver-webhook-bridge for the dump with
  ///   `Entry`.
  mutating func readGoogle<Sink: EventSink & ~Copyable>(
    _ facts: ObjectFacts, _ context: Context, into sink: inout Sink
  ) -> Bool {
    if let payload = extent(.protoPayload, facts, context), payload.isObject {
      var entry = GoogleLogEntry(payload: payload)
      entry.id = extent(.insertID, facts, context)?.text ?? .empty
      entry.time = extent(.timestamp, facts, context)?.text ?? .empty
      entry.labels = extent(.labels, facts, context)
      entry.operation = extent(.operation, facts, context)
      entry.resource = extent(.resource, facts, context)
      receive(entry, context, into: &sink)
      return true
    }
    if let payload = extent(.auditPayload, facts, context), let dump = extent(.entry, facts, context), dump.isObject {
      readDump(dump, payload, context, into: &sink)
      return true
    }
    if let entries = extent(.entries, facts, context), entries.isArray {
      readElements(entries, as: .object, context, into: &sink)
      return true
    }
    return false
  }

  /// A dump of an entry with Go's field names, its payload a JSON string beside it.
  private mutating func readDump<Sink: EventSink & ~Copyable>(
    _ dump: Extent, _ payload: Extent, _ context: Context, into sink: inout Sink
  ) {
    var entry = GoogleLogEntry(payload: payload)
    entry.id = find("InsertID", in: dump)?.text ?? .empty
    entry.time = find("Timestamp", in: dump)?.text ?? .empty
    entry.labels = find("Labels", in: dump)
    entry.operation = find("Operation", in: dump)
    entry.resource = find("Resource", in: dump)
    guard payload.isString else { return receive(entry, context, into: &sink) }
    let buffer = scratch[2 * context.level]
    buffer.clear()
    buffer.append(unescaped: payload.text)
    buffer.seal()
    // SAFETY: the scratch buffer of this level; converting an entry unwraps nothing, so nobody else writes to it.
    unsafe buffer.withBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      let start = unsafe BytePointer(base)
      var scanner = ValueScanner(limit: start + bytes.count, depthLimit: limits.depth, keys: any.keys)
      let first = scanner.passWhiteSpace(start)
      guard first.byte == UInt8(ascii: "{"), let end = scanner.unchecked(first) else {
        let reason: RejectReason = scanner.fault == .incomplete ? .truncated : .malformed
        return reject(reason, at: dump.start, context, into: &sink)
      }
      entry.payload = Extent(start: first, end: end)
      receive(entry, context, into: &sink)
    }
  }

  /// Reports the event that `entry` maps to, or ignores it when it is of another service.
  private mutating func receive<Sink: EventSink & ~Copyable>(
    _ entry: GoogleLogEntry, _ context: Context, into sink: inout Sink
  ) {
    var inner = context
    inner.source = .gke
    if let labels = entry.resource.flatMap({ find("labels", in: $0) }), let name = find("cluster_name", in: labels) {
      inner.cluster = name.text
    }
    let json = any.event.json
    guard find("serviceName", in: entry.payload)?.text.equals("k8s.io") == true else {
      return ignore(.otherCategory, inner, into: &sink)
    }
    any.event = AuditEvent()
    any.event.json = json
    any.event.auditID = entry.id
    any.event.time = any.readTime(entry.time)
    mapRequest(entry.payload)
    mapResult(entry)
    receive(inner, into: &sink)
  }

  /// Who asked for what.
  private mutating func mapRequest(_ payload: Extent) {
    if let method = find("methodName", in: payload)?.text {
      let verb = method.afterLast(UInt8(ascii: "."))
      any.event.verb = Verb(verb.start, count: verb.count)
    }
    if let name = find("resourceName", in: payload)?.text { any.event.setReference(googleName: name) }
    if let who = find("authenticationInfo", in: payload), let email = find("principalEmail", in: who) {
      any.event.user = email.text
    }
    if let metadata = find("requestMetadata", in: payload) {
      if let address = find("callerIp", in: metadata), address.isString, address.end - address.start > 2 {
        any.event.sourceIPs = address.start.text(to: address.end, isEscaped: false)
      }
      any.event.userAgent = find("callerSuppliedUserAgent", in: metadata)?.text ?? .empty
    }
  }

  /// How it ended: stage, code, decision.
  private mutating func mapResult(_ entry: GoogleLogEntry) {
    var isFirstOnly = false
    if let operation = entry.operation {
      isFirstOnly = find("first", in: operation)?.isTrue == true && find("last", in: operation)?.isTrue != true
    }
    any.event.stage = isFirstOnly ? .responseStarted : .responseComplete
    if let labels = entry.labels, labels.isObject {
      var scanner = ValueScanner(limit: labels.end, depthLimit: limits.depth, keys: any.keys)
      var decision = Decision.absent
      if DecisionScanner.scan(labels.start, &scanner, keys: any.keys, into: &decision) != nil {
        any.event.decision = decision
      }
    }
    let response = status("response", in: entry.payload)
    let grpc = status("status", in: entry.payload)
    if response.isStatus, response.number != nil {
      any.event.code = response.code
    } else {
      any.event.code = GoogleLogEntry.httpCode(grpc: grpc.hasCode ? grpc.number ?? -1 : 0, any.event.verb)
    }
    guard any.event.code == 403 else { return }
    let resource = any.event.resource
    any.event.isImpersonationRefused =
      Impersonation.isRefused(message: grpc.message, kind: .empty, resource: resource)
      || response.isStatus
        && Impersonation.isRefused(message: response.message, kind: response.kind, resource: resource)
  }

  private func status(_ name: StaticString, in payload: Extent) -> StatusScanner {
    var status = StatusScanner(keys: any.keys)
    guard let value = find(name, in: payload), value.isObject else { return status }
    var scanner = ValueScanner(limit: value.end, depthLimit: limits.depth, keys: any.keys)
    _ = status.scan(value.start, &scanner)
    return status
  }
}

/// Where the parts of a Cloud Logging entry stand.
struct GoogleLogEntry {
  /// `protoPayload`, an AuditLog.
  var payload: Extent
  /// `insertId`.
  var id = Text.empty
  var time = Text.empty
  var labels: Extent?
  var operation: Extent?
  var resource: Extent?

  init(payload: Extent) { self.payload = payload }

  /// The HTTP code that a `google.rpc.Code` stands for; 0 when it is none. A created object is inferred from the verb.
  /// - Source: googleapis, `google/rpc/code.proto`, whose comments give the mapping.
  static func httpCode(grpc: Int, _ verb: Verb) -> UInt16 {
    switch grpc {
    case 0: verb == .create ? 201 : 200
    case 1: 499
    case 2, 13, 15: 500
    case 3, 9, 11: 400
    case 4: 504
    case 5: 404
    case 6, 10: 409
    case 7: 403
    case 8: 429
    case 12: 501
    case 14: 503
    case 16: 401
    default: 0
    }
  }
}

extension Extent {
  fileprivate var isTrue: Bool { end - start == 4 && start.matches("true") }
}

extension Text {
  /// What stands behind the last `separator`; all of it when there is none.
  fileprivate func afterLast(_ separator: UInt8) -> Text {
    var length = count
    while length > 0, start[length - 1] != separator { length -= 1 }
    return (start + length).text(to: start + count, isEscaped: isEscaped)
  }
}

extension AuditEvent {
  /// Takes apart `core/v1/namespaces/default/pods/name/subresource`, or the same without a namespace.
  fileprivate mutating func setReference(googleName name: Text) {
    var parts = PathParts(name)
    guard let group = parts.next(), parts.next() != nil, let first = parts.next() else { return }
    if !group.equals("core") { apiGroup = group }
    resource = first
    if first.equals("namespaces"), let space = parts.next() {
      namespace = space
      guard let inner = parts.next() else {
        // The namespace itself is the object.
        self.name = space
        return
      }
      resource = inner
    }
    self.name = parts.next() ?? .empty
    subresource = parts.next() ?? .empty
  }
}

/// The parts of a path between its slashes.
private struct PathParts {
  private var place: BytePointer
  private let end: BytePointer
  private let isEscaped: Bool
  private var isDone = false

  init(_ path: Text) {
    place = path.start
    end = path.start + path.count
    isEscaped = path.isEscaped
  }

  mutating func next() -> Text? {
    guard !isDone else { return nil }
    let stop = place.find(UInt8(ascii: "/"), before: end) ?? end
    let part = place.text(to: stop, isEscaped: isEscaped)
    isDone = stop == end
    place = stop + 1
    return part
  }
}
