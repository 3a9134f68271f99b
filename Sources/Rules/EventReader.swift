internal import AuditEvents

/// Reads fields out of one event: what the decoder has from the decoder, the rest from the event's JSON, which is walked
/// over once and only when a field asks for it.
///
/// - Null is absent, as it is in Kubernetes. Of duplicate keys the last counts, as in the decoder.
struct EventReader: ~Copyable {
  /// Where the parts of the event begin; found when the first is asked for.
  private var roots: [JSONValue?] = Array(repeating: nil, count: Extraction.Root.allCases.count)
  private var hasRoots = false
  private let reader = JSONReader()
  /// Events that were read so far, and the time of the first, for `evt.num` and `evt.reltime`.
  private(set) var number: UInt64 = 0
  private var firstTime = AuditEvent.absentTime
  private let hostName: String

  /// - Parameter hostName: what `evt.hostname` is.
  init(hostName: String) { self.hostName = hostName }

  /// Begins a new event.
  mutating func begin(_ event: borrowing AuditEvent) {
    number &+= 1
    if firstTime == AuditEvent.absentTime { firstTime = event.time }
    hasRoots = false
  }

  /// Ends the event: nothing borrowed is kept.
  mutating func end() {
    guard hasRoots else { return }
    for index in roots.indices { roots[index] = nil }
    hasRoots = false
  }

  /// Reads one field; its values are pushed. No value means that it is missing.
  mutating func read(_ plan: Program.FieldPlan, of event: borrowing AuditEvent, into store: inout ValueStore) {
    switch plan.field.source {
    case .stage: stage(event, into: &store)
    case .verb: verb(event, into: &store)
    case .code: code(event, into: &store)
    case .decision: decision(event, into: &store)
    case .text(let which):
      let text = Self.text(which, of: event)
      guard !text.isEmpty else { return }
      store.write(unescaped: text)
      store.endValue()
    case .json(let extraction): extract(extraction, plan, event, into: &store)
    }
  }

  static func text(_ which: EventText, of event: borrowing AuditEvent) -> Text {
    switch which {
    case .auditID: event.auditID
    case .user: event.user
    case .impersonatedUser: event.impersonatedUser
    case .requestURI: event.requestURI
    case .userAgent: event.userAgent
    case .resource: event.resource
    case .subresource: event.subresource
    case .namespace: event.namespace
    case .name: event.name
    }
  }

  // MARK: - Words of the decoder

  private mutating func stage(_ event: borrowing AuditEvent, into store: inout ValueStore) {
    guard event.stage == .unknown else { return push(event.stage.label, into: &store) }
    pushText(reader.root(event.json).member("stage"), into: &store)
  }

  private mutating func verb(_ event: borrowing AuditEvent, into store: inout ValueStore) {
    let verb = event.verb
    guard verb != .none else { return }
    guard verb == .other else { return push("\(verb.label)", into: &store) }
    guard event.origin == .gke else { return pushText(reader.root(event.json).member("verb"), into: &store) }
    // A Google log names a method: io.k8s.core.v1.pods.VERB.
    let start = store.bytes.count
    guard let method = reader.root(event.json).member("protoPayload")?.member("methodName") else { return }
    store.write(unescaped: method.text)
    let length = store.bytes[start...].reversed().prefix { $0 != UInt8(ascii: ".") }.count
    let end = store.bytes.count
    store.write(again: end - length..<end)
    let word = Array(store.bytes[end...])
    store.truncate(to: start)
    guard !word.isEmpty else { return }
    store.write(word)
    store.endValue()
  }

  private mutating func code(_ event: borrowing AuditEvent, into store: inout ValueStore) {
    guard event.code == 0 else { return push(String(event.code), into: &store) }
    pushValue(root(.responseStatus, event)?.member("code"), into: &store)
  }

  private mutating func decision(_ event: borrowing AuditEvent, into store: inout ValueStore) {
    switch event.decision {
    case .absent: return
    case .allow: push("allow", into: &store)
    case .forbid: push("forbid", into: &store)
    case .other: pushValue(root(.annotations, event)?.member("authorization.k8s.io/decision"), into: &store)
    }
  }

  // MARK: - JSON

  /// A part of the event; of a Google log entry, the part that stands for it.
  mutating func root(_ wanted: Extraction.Root, _ event: borrowing AuditEvent) -> JSONValue? {
    if !hasRoots {
      hasRoots = true
      if event.origin == .gke { findGoogleRoots(event) } else { findRoots(event) }
    }
    return roots[wanted.rawValue]
  }

  private mutating func findRoots(_ event: borrowing AuditEvent) {
    var members = reader.root(event.json).members()
    while let member = members.next() {
      for root in Extraction.Root.allCases where member.key.isUnescaped(root.key.utf8Span.span) {
        roots[root.rawValue] = member.value
      }
    }
  }

  private mutating func findGoogleRoots(_ event: borrowing AuditEvent) {
    let entry = reader.root(event.json)
    let payload = entry.member("protoPayload")
    roots[Extraction.Root.requestObject.rawValue] = payload?.member("request")
    roots[Extraction.Root.responseObject.rawValue] = payload?.member("response")
    roots[Extraction.Root.annotations.rawValue] = entry.member("labels")
  }

  private mutating func extract(
    _ extraction: Extraction, _ plan: Program.FieldPlan, _ event: borrowing AuditEvent, into store: inout ValueStore
  ) {
    switch extraction {
    case .constant(let text): push(text, into: &store)
    case .scalar(let root, let path): pushValue(self.root(root, event)?.value(path), into: &store)
    case .elements(let root, let path): pushElements(self.root(root, event)?.value(path), nil, into: &store)
    case .sourceIPs: sourceIPs(plan, event, into: &store)
    case .uriParameter: URIParameter.read(plan.key, of: event.requestURI, into: &store)
    case .clusterName: clusterName(event, into: &store)
    case .targetPodName:
      guard event.resource.equals("pods"), event.subresource.isEmpty else { return }
      pushValue(root(.responseObject, event)?.value(["metadata", "name"]), into: &store)
    case .pointer: pushValue(pointed(plan.pointer, event), into: &store)
    case .wholeEvent:
      JSONText.writeJSON(reader.root(event.json), indent: 0, into: &store)
      store.endValue()
    case .general(let part): general(part, event, into: &store)
    default:
      guard let request = root(.requestObject, event) else { return }
      RequestObject(request).read(extraction, plan, into: &store)
    }
  }

  private func sourceIPs(_ plan: Program.FieldPlan, _ event: borrowing AuditEvent, into store: inout ValueStore) {
    if event.origin == .gke {
      let caller = reader.root(event.json).member("protoPayload")?.member("requestMetadata")?.member("callerIp")
      if plan.index ?? 0 == 0, let caller, caller.kind == .string, !caller.text.isEmpty {
        JSONText.write(caller, into: &store)
        store.endValue()
      }
      return
    }
    pushElements(reader.root(event.json).member("sourceIPs"), plan.index, into: &store)
  }

  private mutating func clusterName(_ event: borrowing AuditEvent, into store: inout ValueStore) {
    if let name = root(.annotations, event)?.member("cluster_name"), name.kind != .null {
      return pushValue(name, into: &store)
    }
    guard !event.cluster.isEmpty else { return }
    store.write(unescaped: event.cluster)
    store.endValue()
  }

  /// What a JSON pointer points at. Of a Google log entry the two bodies stand where an audit event has them.
  private mutating func pointed(_ tokens: [[UInt8]], _ event: borrowing AuditEvent) -> JSONValue? {
    var value: JSONValue? = reader.root(event.json)
    var rest = tokens[...]
    if event.origin == .gke, let first = tokens.first {
      for root in [Extraction.Root.requestObject, .responseObject] where first.elementsEqual(root.key.utf8) {
        value = self.root(root, event)
        rest = rest.dropFirst()
      }
    }
    for token in rest {
      guard let inside = value else { return nil }
      value = inside.kind == .array ? inside.element(token) : inside.member(token.span)
    }
    return value
  }

  // MARK: - Values

  private func push(_ text: String, into store: inout ValueStore) {
    store.write(text)
    store.endValue()
  }

  private func pushValue(_ value: JSONValue?, into store: inout ValueStore) {
    guard let value, value.kind != .null, value.kind != .none else { return }
    JSONText.write(value, into: &store)
    store.endValue()
  }

  /// A word of the decoder is a string and not empty.
  private func pushText(_ value: JSONValue?, into store: inout ValueStore) {
    guard let value, value.kind == .string, !value.text.isEmpty else { return }
    pushValue(value, into: &store)
  }

  private func pushElements(_ value: JSONValue?, _ index: Int?, into store: inout ValueStore) {
    guard let value else { return }
    var elements = value.elements()
    var at = 0
    while let element = elements.next() {
      if index == nil || index == at { pushValue(element, into: &store) }
      at += 1
    }
  }

  private func general(_ part: GeneralPart, _ event: borrowing AuditEvent, into store: inout ValueStore) {
    switch part {
    case .number: push(String(number), into: &store)
    case .pluginName: push("k8saudit", into: &store)
    case .source: push("k8s_audit", into: &store)
    case .isAsync: push("false", into: &store)
    case .hostName: if !hostName.isEmpty { push(hostName, into: &store) }
    case .pluginInfo:
      store.write(raw: event.json)
      store.endValue()
    case .asyncType: return
    default:
      guard event.time != AuditEvent.absentTime, event.time >= 0 else { return }
      push(TimeText.text(part, event.time, since: firstTime), into: &store)
    }
  }
}

extension Extraction.Root {
  /// What the API server calls it.
  var key: String {
    switch self {
    case .requestObject: "requestObject"
    case .responseObject: "responseObject"
    case .annotations: "annotations"
    case .responseStatus: "responseStatus"
    case .user: "user"
    }
  }
}

extension JSONValue {
  func member(_ name: String) -> JSONValue? { member(name.utf8Span.span) }

  /// The value at the end of a path of members.
  func value(_ path: [String]) -> JSONValue? {
    var value = self
    for name in path {
      guard let next = value.member(name) else { return nil }
      value = next
    }
    return value
  }

  /// The element of an array whose number `token` spells.
  func element(_ token: [UInt8]) -> JSONValue? {
    guard let wanted = Bytes.number(token.span) else { return nil }
    var elements = elements()
    var at: UInt64 = 0
    while let element = elements.next() {
      if at == wanted { return element }
      at += 1
    }
    return nil
  }
}
