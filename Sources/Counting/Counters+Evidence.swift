public import AuditEvents
internal import Metrics

extension Counters {
  /// Elements of a list that are told.
  private static let elementsLimit = 16

  /// Keeps a refused request as the last of its series. `user` and `address` hold who and from where.
  mutating func keep(_ event: borrowing AuditEvent, denial place: Int, _ reason: DenialReason, _ cluster: Int) {
    told.begin(clusters.clusters[cluster].labels)
    told.add(",reason=\"", reason.label)
    tell(event)
    let time = held(event)
    evidence.keep(denial: UInt32(truncatingIfNeeded: place), time: time, labels: told.bytes.bytes)
    deniedExemplars.note(place, auditID: auditID(event), time: time)
  }

  /// Keeps a request among the last matches of a rule, which it was counted for in a series.
  mutating func keep(_ event: borrowing AuditEvent, match place: Int, of rule: Int, _ cluster: Int) {
    tell(event, rule: rule, cluster)
    let time = held(event)
    evidence.keep(match: name(rule), time: time, labels: told.bytes.bytes)
    detectionExemplars.note(place, auditID: auditID(event), time: time)
  }

  /// What would be kept of an event as a match of a rule; without a number.
  ///
  /// - Parameter rule: index of the settings' `detectionRules`.
  public mutating func evidence(
    of rule: Int, _ event: borrowing AuditEvent, cluster: ClusterIndex
  ) -> EvidenceRow {
    tell(event, rule: rule, Int(cluster.value))
    return EvidenceRow(id: 0, subject: .match(rule: name(rule)), time: held(event), labels: told.bytes.bytes)
  }

  private func name(_ rule: Int) -> String { String(decoding: rules.rules[rule].name, as: UTF8.self) }

  /// What came since the last delta. A series that is gone takes its evidence with it.
  mutating func takeEvidence(_ delta: inout CountingDelta) {
    guard settings.keepsEvidence else { return }
    for key in delta.removed where key.family == PersistedFamily.denied.rawValue {
      // Another series may have its place by now: what came since is that one's.
      evidence.forget(denial: key.place, isFree: denied.table.series[Int(key.place)].state == .free)
    }
    evidence.take(into: &delta)
  }

  private mutating func auditID(_ event: borrowing AuditEvent) -> [UInt8] {
    other.clear()
    values.append(event.auditID, whenEmpty: "", to: &other)
    return other.bytes
  }

  private func held(_ event: borrowing AuditEvent) -> Int64 {
    event.time == AuditEvent.absentTime ? now : min(now, EventTime.held(event.time))
  }

  /// Fills `told` with an event that a rule matched.
  private mutating func tell(_ event: borrowing AuditEvent, rule: Int, _ cluster: Int) {
    writeUser(event)
    writeAddress(event.sourceIPs, cluster)
    told.begin(clusters.clusters[cluster].labels)
    told.add(",rule=\"", rules.rules[rule].name)
    told.add(",priority=\"", DetectionRule.priorityLabels[rules.rules[rule].priority])
    tell(event)
  }

  /// Appends everything that is told of an event but what it was counted as.
  private mutating func tell(_ event: borrowing AuditEvent) {
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
    tell(",name=\"", event.name)
    tell(",request_uri=\"", event.requestURI)
    tell(",user_agent=\"", event.userAgent)
    tell(",audit_id=\"", event.auditID)
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
    tell(",groups=\"", groups) { mayBeNamed || $0.begins(with: "system:") }
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

extension Text {
  /// Whether its first bytes, as they were written, are those of a word without escapes.
  fileprivate func begins(with word: String) -> Bool {
    withSpan { raw in
      let word = word.utf8Span.span
      guard raw.count >= word.count else { return false }
      for i in 0..<word.count where raw[i] != word[i] { return false }
      return true
    }
  }
}
