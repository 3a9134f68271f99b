internal import AuditEvents

/// Reads fields out of one event: what the decoder has from the decoder, the rest from the event's JSON, of which as much is
/// walked over as a field asks for.
struct EventReader: ~Copyable {
  private var places: EventPlaces
  /// Events that were read so far, and the time of the first, for `evt.num` and `evt.reltime`.
  private(set) var number: UInt64 = 0
  private var firstTime = AuditEvent.absentTime
  private let hostName: String

  /// - Parameter hostName: what `evt.hostname` is.
  init(hostName: String, _ paths: FieldPaths) {
    self.hostName = hostName
    places = EventPlaces(paths)
  }

  /// Begins a new event.
  mutating func begin(_ event: borrowing AuditEvent) {
    number &+= 1
    if firstTime == AuditEvent.absentTime { firstTime = event.time }
    places.begin()
  }

  /// Makes a plan that is not part of the rules ready, and begins the event that it is read of anew.
  mutating func prepare(_ plan: inout Program.FieldPlan) {
    places.place(&plan)
    places.begin()
  }

  /// Forgets where this event has its fields.
  mutating func forget() { places.begin() }

  /// What stands at a node of the paths.
  mutating func value(_ node: Int32, _ event: borrowing AuditEvent) -> JSONValue? { places.value(node, event) }

  /// All bytes of an object or array at a node; nil of anything else.
  mutating func structure(_ node: Int32, _ event: borrowing AuditEvent) -> Text? { places.structure(node, event) }

  /// Reads one field; its values are pushed. No value means that it is missing.
  mutating func read(_ plan: Program.FieldPlan, of event: borrowing AuditEvent, into store: inout ValueStore) {
    switch plan.field.source {
    case .stage: stage(event, into: &store)
    case .verb: verb(event, into: &store)
    case .code: code(plan, event, into: &store)
    case .decision: decision(plan, event, into: &store)
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
    pushText(places.reader.root(event.json).member("stage"), into: &store)
  }

  private mutating func verb(_ event: borrowing AuditEvent, into store: inout ValueStore) {
    let verb = event.verb
    guard verb != .none else { return }
    guard verb == .other else { return push("\(verb.label)", into: &store) }
    guard event.origin == .gke else { return pushText(places.reader.root(event.json).member("verb"), into: &store) }
    // A Google log names a method: io.k8s.core.v1.pods.VERB.
    let start = store.bytes.count
    guard let method = places.reader.root(event.json).member("protoPayload")?.member("methodName") else { return }
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

  private mutating func code(_ plan: Program.FieldPlan, _ event: borrowing AuditEvent, into store: inout ValueStore) {
    guard event.code == 0 else { return push(String(event.code), into: &store) }
    pushValue(value(plan.node, event), into: &store)
  }

  private mutating func decision(
    _ plan: Program.FieldPlan, _ event: borrowing AuditEvent, into store: inout ValueStore
  ) {
    switch event.decision {
    case .absent: return
    case .allow: push("allow", into: &store)
    case .forbid: push("forbid", into: &store)
    case .other: pushValue(value(plan.node, event), into: &store)
    }
  }

  // MARK: - JSON

  private mutating func extract(
    _ extraction: Extraction, _ plan: Program.FieldPlan, _ event: borrowing AuditEvent, into store: inout ValueStore
  ) {
    switch extraction {
    case .constant(let text): push(text, into: &store)
    case .scalar, .pointer: pushValue(value(plan.node, event), into: &store)
    case .elements: pushElements(value(plan.node, event), nil, into: &store)
    case .sourceIPs: sourceIPs(plan, event, into: &store)
    case .uriParameter: URIParameter.read(plan.key, of: event.requestURI, into: &store)
    case .clusterName: clusterName(plan, event, into: &store)
    case .targetPodName:
      guard event.resource.equals("pods"), event.subresource.isEmpty else { return }
      pushValue(value(plan.node, event), into: &store)
    case .wholeEvent:
      JSONText.writeJSON(places.reader.root(event.json), indent: 0, into: &store)
      store.endValue()
    case .general(let part): general(part, event, into: &store)
    default:
      guard let list = value(plan.node, event) else { return }
      RequestList(list, other: value(plan.otherNode, event)).read(extraction, plan, into: &store)
    }
  }

  private mutating func sourceIPs(
    _ plan: Program.FieldPlan, _ event: borrowing AuditEvent, into store: inout ValueStore
  ) {
    if event.origin == .gke {
      let caller = places.reader.root(event.json).member("protoPayload")?.member("requestMetadata")?.member("callerIp")
      if plan.index ?? 0 == 0, let caller, caller.kind == .string, !caller.text.isEmpty {
        JSONText.write(caller, into: &store)
        store.endValue()
      }
      return
    }
    guard event.isOrdered, !event.sourceIPs.isEmpty else {
      return pushElements(value(plan.node, event), plan.index, into: &store)
    }
    // The decoder knows what stands between the brackets.
    let start = event.json.place(of: event.sourceIPs) - 1
    pushElements(places.reader.value(at: start, of: event.json), plan.index, into: &store)
  }

  private mutating func clusterName(
    _ plan: Program.FieldPlan, _ event: borrowing AuditEvent, into store: inout ValueStore
  ) {
    if let name = value(plan.node, event), name.kind != .null {
      return pushValue(name, into: &store)
    }
    guard !event.cluster.isEmpty else { return }
    store.write(unescaped: event.cluster)
    store.endValue()
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
