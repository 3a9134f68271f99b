public import AuditEvents
internal import Metrics

extension Counters {
  /// Elements of a list that are told.
  private static let elementsLimit = 16

  /// Keeps a refused request as the last of its series. `user` and `address` hold who and from where.
  mutating func keep(_ event: borrowing AuditEvent, denial place: Int, _ reason: DenialReason, _ cluster: Int) {
    tell(event)
    row.begin(clusters.clusters[cluster].labels)
    row.add(",reason=\"", reason.label)
    row.append(told)
    let time = held(event)
    evidence.keep(.denial(place: UInt32(truncatingIfNeeded: place)), time: time, labels: row.bytes.bytes)
    deniedExemplars.note(place, auditID: auditID.bytes, time: time)
  }

  /// Reads who, from where and what, for `labels(ofRule:_:)`.
  mutating func beginMatches(_ event: borrowing AuditEvent, _ cluster: Int) {
    writeUser(event)
    writeAddress(event.sourceIPs, cluster)
    tell(event)
  }

  /// Keeps a request, of which `beginMatches` was told, among the last matches of a rule: it was counted in that series.
  mutating func keep(_ event: borrowing AuditEvent, match place: Int, of rule: Int, _ cluster: Int) {
    let time = held(event)
    evidence.keep(.match(rule: name(rule)), time: time, labels: labels(ofRule: rule, cluster))
    detectionExemplars.note(place, auditID: auditID.bytes, time: time)
  }

  /// What would be kept of an event as a match of each of these rules; without numbers.
  ///
  /// - Parameter rules: indices of the settings' `detectionRules`.
  public mutating func evidence(
    of rules: [Int], _ event: borrowing AuditEvent, cluster: ClusterIndex
  ) -> [EvidenceRow] {
    beginMatches(event, Int(cluster.value))
    var rows: [EvidenceRow] = []
    for rule in rules {
      rows.append(
        EvidenceRow(
          id: 0, subject: .match(rule: name(rule)), time: held(event), labels: labels(ofRule: rule, Int(cluster.value)))
      )
    }
    return rows
  }

  private mutating func labels(ofRule rule: Int, _ cluster: Int) -> [UInt8] {
    row.begin(clusters.clusters[cluster].labels)
    row.add(",rule=\"", rules.rules[rule].name)
    row.add(",priority=\"", DetectionRule.priorityLabels[rules.rules[rule].priority])
    row.append(told)
    return row.bytes.bytes
  }

  private func name(_ rule: Int) -> String { String(decoding: rules.rules[rule].name, as: UTF8.self) }

  /// What came since the last delta. A series that is gone takes its evidence with it.
  mutating func takeEvidence(_ delta: inout CountingDelta) {
    guard settings.keepsEvidence else { return }
    let dropped = delta.removed.filter { $0.family == PersistedFamily.denied.rawValue }.map(\.place)
    evidence.take(dropped: dropped, into: &delta) { denied.table.series[Int($0)].state == .free }
  }

  private func held(_ event: borrowing AuditEvent) -> Int64 {
    event.time == AuditEvent.absentTime ? now : min(now, EventTime.held(event.time))
  }

  /// Fills `told` with everything that is told of an event but its cluster and what it was counted as. Under pseudonyms
  /// nothing that may name somebody, or a node, whose name tells an address.
  private mutating func tell(_ event: borrowing AuditEvent) {
    told.begin([])
    told.add(code: event.code)
    told.add(",user=\"", user)
    if !event.impersonatedUser.isEmpty {
      writeImpersonatedUser(event)
      told.add(",impersonated_user=\"", other)
    }
    told.add(",source_ip=\"", address)
    told.add(",verb=\"", event.verb.label)
    tell(",api_group=\"", event.apiGroup)
    tell(",resource=\"", event.resource)
    tell(",subresource=\"", event.subresource)
    tell(",namespace=\"", event.namespace)
    if pseudonyms == nil {
      tell(",name=\"", event.name)
      tellPath(event.requestURI)
    }
    tell(",user_agent=\"", event.userAgent)
    auditID.clear()
    values.append(event.auditID, whenEmpty: "", to: &auditID)
    if !auditID.isEmpty { told.add(",audit_id=\"", auditID) }
    told.add(",audit_stage=\"", Array(event.stage.label.utf8))
    told.add(",level=\"", Array(event.level.label.utf8))
    tellMembers(of: event)
  }

  private mutating func tell(_ name: StaticString, _ text: borrowing Text) {
    guard !text.isEmpty else { return }
    other.clear()
    values.append(text, whenEmpty: "", to: &other)
    told.add(name, other)
  }

  /// The URI without its query, in which commands and tokens are written.
  private mutating func tellPath(_ uri: borrowing Text) {
    let end = uri.withSpan { raw in raw.indices.first { raw[$0] == UInt8(ascii: "?") } ?? raw.count }
    guard end > 0 else { return }
    other.clear()
    values.append(uri, part: 0..<end, to: &other)
    told.add(",request_uri=\"", other)
  }

  /// What the decoder passes over: one walk over the event, the last of equal names holds.
  private mutating func tellMembers(of event: borrowing AuditEvent) {
    var (groups, sources, authorization) = (JSONValue?.none, JSONValue?.none, Text.empty)
    var members = reader.root(event.json).members()
    while let member = members.next() {
      if member.key.equals("user") {
        groups = member.value.member(Self.groupsKey.utf8Span.span)
      } else if member.key.equals("sourceIPs") {
        sources = member.value
      } else if member.key.equals("annotations") {
        authorization = member.value.member(Self.reasonKey.utf8Span.span)?.text ?? .empty
      }
    }
    let mayBeNamed = pseudonyms == nil
    tell(",groups=\"", groups) { mayBeNamed || $0.hasPrefix("system:") }
    guard mayBeNamed else { return }
    tell(",source_ips=\"", sources) { _ in true }
    tell(",authorization_reason=\"", authorization)
  }

  private static let groupsKey = "groups"
  private static let reasonKey = "authorization.k8s.io/reason"

  /// Appends a list, a line for each of its strings that may be told.
  private mutating func tell(_ name: StaticString, _ list: JSONValue?, where mayBeTold: (Text) -> Bool) {
    guard let list else { return }
    other.clear()
    var elements = list.elements()
    var count = 0
    while count < Self.elementsLimit, let element = elements.next() {
      guard element.kind == .string, mayBeTold(element.text) else { continue }
      if count > 0 { other.append(literal: "\\n") }
      values.append(element.text, whenEmpty: "", to: &other)
      count += 1
    }
    if count > 0 { told.add(name, other) }
  }
}
