internal import AuditEvents
internal import Crypto
internal import Metrics

extension Counters {
  /// Counts a request in all families that it belongs to.
  mutating func countRequest(_ event: borrowing AuditEvent, _ cluster: Int, _ moment: borrowing Moment) {
    countByVerbAndCode(event.verb, event.code, cluster, moment)
    let code = event.code
    if code == 401 || code == 403 { countDenied(event, cluster, moment) }
    if code >= 500 { countServerError(event, cluster, moment) }
    if RequestClass.isChange(event.verb), let resource = RequestClass.rbacResource(event) {
      countRBACMutation(event, resource, cluster, moment)
    }
    if !event.impersonatedUser.isEmpty { countImpersonated(event, cluster, moment) }
    var objects = tracker.matches(event)
    while objects != 0 {
      countTracked(event, objects.trailingZeroBitCount, cluster, moment)
      objects &= objects - 1
    }
  }

  private mutating func countByVerbAndCode(_ verb: Verb, _ code: UInt16, _ cluster: Int, _ moment: borrowing Moment) {
    let shortcut = NumberShortcuts.key(cluster, verb: verb, code: code)
    if let place = requestShortcuts.find(shortcut) { return requests.bump(place, moment) }
    writeRequest(verb.label, code, cluster)
    let hash = requests.table.hash(row.bytes)
    if let place = requests.table.find(row.bytes, hash) {
      requestShortcuts.add(shortcut, place)
      requests.bump(place, moment)
    } else if !requests.isFull(cluster) {
      let place = requests.admit(row.bytes, hash, cluster: cluster)
      requestShortcuts.add(shortcut, place)
      requests.bump(place, moment)
    } else {
      writeRequest("(other)", code, cluster)
      requests.noteOverflow()
      requests.bump(requests.overflowSeries(row.bytes, cluster: cluster), moment)
    }
  }

  private mutating func writeRequest(_ verb: StaticString, _ code: UInt16, _ cluster: Int) {
    row.begin(clusters.clusters[cluster].labels)
    row.add(",verb=\"", verb)
    row.add(code: code)
  }

  private mutating func countServerError(_ event: borrowing AuditEvent, _ cluster: Int, _ moment: borrowing Moment) {
    other.clear()
    values.append(event.resource, whenEmpty: "(none)", to: &other)
    let resource = ownerKey(cluster, .resource, other)
    let isKnown = serverErrors.owners.find(resource) != 0
    let isResourceOver = !isKnown && serverErrors.userCount(cluster) >= settings.limits.resourcesPerCluster
    if isResourceOver { Self.setOther(&other) }
    writeServerError(event.code, event.verb.label, cluster)
    let hash = serverErrors.table.hash(row.bytes)
    if isResourceOver { serverErrors.noteOverflow() }
    if let place = serverErrors.table.find(row.bytes, hash) {
      serverErrors.bump(place, moment)
    } else if !serverErrors.isFull(cluster) {
      let place = serverErrors.admit(row.bytes, hash, cluster: cluster)
      if !isResourceOver { serverErrors.own(place, user: resource) }
      serverErrors.bump(place, moment)
    } else {
      if !isResourceOver { serverErrors.noteOverflow() }
      Self.setOther(&other)
      writeServerError(event.code, "(other)", cluster)
      serverErrors.bump(serverErrors.overflowSeries(row.bytes, cluster: cluster), moment)
    }
  }

  /// Writes a row with `other` as the resource.
  private mutating func writeServerError(_ code: UInt16, _ verb: StaticString, _ cluster: Int) {
    row.begin(clusters.clusters[cluster].labels)
    row.add(code: code)
    row.add(",verb=\"", verb)
    row.add(",resource=\"", other)
  }

  private mutating func countRBACMutation(
    _ event: borrowing AuditEvent, _ resource: RBACResource, _ cluster: Int, _ moment: borrowing Moment
  ) {
    writeUser(event)
    let moment = placed(moment, cluster)
    let outcome = RequestClass.outcome(event)
    writeRBACMutation(resource, event.verb.label, outcome.label, cluster)
    let hash = rbac.table.hash(row.bytes)
    if let place = rbac.table.find(row.bytes, hash) {
      rbac.bump(place, moment, in: &panes)
    } else if !rbac.isFull(cluster) {
      let kind = NumberShortcuts.key(cluster, object: Int(resource.rawValue), verb: event.verb, outcome: outcome)
      let place = rbac.admit(row.bytes, hash, cluster: cluster, kind: kind)
      rbac.own(place, user: ownerKey(cluster, .user, user))
      rbac.bump(place, moment, in: &panes)
    } else {
      Self.setOther(&user)
      writeRBACMutation(resource, event.verb.label, outcome.label, cluster)
      rbac.noteOverflow()
      rbac.bump(rbac.overflowSeries(row.bytes, cluster: cluster), moment, in: &panes)
    }
  }

  private mutating func writeRBACMutation(
    _ resource: RBACResource, _ verb: StaticString, _ outcome: StaticString, _ cluster: Int
  ) {
    row.begin(clusters.clusters[cluster].labels)
    row.add(",resource=\"", resource.label)
    row.add(",verb=\"", verb)
    row.add(",user=\"", user)
    row.add(",outcome=\"", outcome)
  }

  private mutating func countTracked(
    _ event: borrowing AuditEvent, _ object: Int, _ cluster: Int, _ moment: borrowing Moment
  ) {
    let outcome = RequestClass.outcome(event)
    let numbers = NumberShortcuts.key(cluster, object: object, verb: event.verb, outcome: outcome)
    if let place = trackedShortcuts.find(numbers) {
      tracked.bump(place, moment)
    } else {
      countInTotals(object, event.verb, outcome, cluster, moment, numbers)
    }
    writeUser(event)
    let hash = user.hash(key: key)
    let moment = placed(moment, cluster)
    if let place = recentTracked.find(numbers, user, hash: hash, in: trackedInWindow.table) {
      trackedInWindow.bump(place, moment, in: &panes)
    } else {
      countInWindow(object, event.verb, outcome, cluster, moment, numbers, hash)
    }
  }

  private mutating func countInTotals(
    _ object: Int, _ verb: Verb, _ outcome: Outcome, _ cluster: Int, _ moment: borrowing Moment, _ numbers: UInt32
  ) {
    writeTracked(object, verb.label, outcome.label, cluster, withUser: false)
    let hash = tracked.table.hash(row.bytes)
    if let place = tracked.table.find(row.bytes, hash) {
      trackedShortcuts.add(numbers, place)
      tracked.bump(place, moment)
    } else if !tracked.isFull(cluster) {
      let place = tracked.admit(row.bytes, hash, cluster: cluster)
      trackedShortcuts.add(numbers, place)
      tracked.bump(place, moment)
    } else {
      writeTracked(object, "(other)", outcome.label, cluster, withUser: false)
      tracked.noteOverflow()
      tracked.bump(tracked.overflowSeries(row.bytes, cluster: cluster), moment)
    }
  }

  private mutating func countInWindow(
    _ object: Int, _ verb: Verb, _ outcome: Outcome, _ cluster: Int, _ moment: borrowing Moment, _ numbers: UInt32,
    _ userHash: UInt64
  ) {
    let offset = writeTracked(object, verb.label, outcome.label, cluster, withUser: true)
    let hash = trackedInWindow.table.hash(row.bytes)
    if let place = trackedInWindow.table.find(row.bytes, hash) {
      recentTracked.note(numbers, user, hash: userHash, offset: offset, place)
      trackedInWindow.bump(place, moment, in: &panes)
    } else if !trackedInWindow.isFull(cluster) {
      let place = trackedInWindow.admit(row.bytes, hash, cluster: cluster, kind: numbers)
      trackedInWindow.own(place, user: ownerKey(cluster, .user, userHash))
      recentTracked.note(numbers, user, hash: userHash, offset: offset, place)
      trackedInWindow.bump(place, moment, in: &panes)
    } else {
      Self.setOther(&user)
      writeTracked(object, verb.label, outcome.label, cluster, withUser: true)
      trackedInWindow.noteOverflow()
      trackedInWindow.bump(trackedInWindow.overflowSeries(row.bytes, cluster: cluster), moment, in: &panes)
    }
  }

  /// Answers where the user stands in the row.
  @discardableResult
  private mutating func writeTracked(
    _ object: Int, _ verb: StaticString, _ outcome: StaticString, _ cluster: Int, withUser: Bool
  ) -> Int {
    row.begin(clusters.clusters[cluster].labels)
    row.add(",object=\"", tracker.name(object))
    row.add(",verb=\"", verb)
    let offset = row.bytes.count + 7  // `,user="`
    if withUser { row.add(",user=\"", user) }
    row.add(",outcome=\"", outcome)
    return offset
  }

  private mutating func countImpersonated(_ event: borrowing AuditEvent, _ cluster: Int, _ moment: borrowing Moment) {
    writeUser(event)
    writeImpersonatedUser(event)
    if let place = findImpersonated(cluster).place { return impersonated.bump(place, moment) }
    let owner = ownerKey(cluster, .user, user)
    let isOver = impersonated.owners.held(impersonated.owners.find(owner)) >= settings.limits.sourceIPsPerUser
    if isOver {
      Self.setOther(&other)
      impersonated.noteOverflow()
      if let place = findImpersonated(cluster).place { return impersonated.bump(place, moment) }
    }
    if !impersonated.isFull(cluster) {
      let place = impersonated.admit(row.bytes, findImpersonated(cluster).hash, cluster: cluster, holds: !isOver)
      impersonated.own(place, user: owner)
      return impersonated.bump(place, moment)
    }
    if !isOver { impersonated.noteOverflow() }
    Self.setOther(&user)
    Self.setOther(&other)
    _ = findImpersonated(cluster)
    impersonated.bump(impersonated.overflowSeries(row.bytes, cluster: cluster), moment)
  }

  /// Writes a row of `user` acting as `other` and looks for it.
  private mutating func findImpersonated(_ cluster: Int) -> (place: Int?, hash: UInt32) {
    row.begin(clusters.clusters[cluster].labels)
    row.add(",user=\"", user)
    row.add(",impersonated_user=\"", other)
    let hash = impersonated.table.hash(row.bytes)
    return (impersonated.table.find(row.bytes, hash), hash)
  }
}

extension Counters {
  /// What an owner is, so that a user and an address that are spelled alike are two.
  enum OwnerKind: UInt64 { case address, user, resource, network }

  func ownerKey(_ cluster: Int, _ kind: OwnerKind, _ value: LabelBuffer) -> UInt64 {
    ownerKey(cluster, kind, value.hash(key: key))
  }

  func ownerKey(_ cluster: Int, _ kind: OwnerKind, _ value: UInt64) -> UInt64 {
    SipHash.hash13(UInt64(cluster) << 8 | kind.rawValue, value, key: key)
  }

  /// Fills `user` with who authenticated.
  mutating func writeUser(_ event: borrowing AuditEvent) {
    user.clear()
    guard let pseudonyms, pseudonyms.hides(event.user, &content) else {
      return values.append(event.user, whenEmpty: "(unauthenticated)", to: &user)
    }
    pseudonyms.append(user: content, to: &user)
  }

  /// Fills `other` with whom an impersonation names.
  mutating func writeImpersonatedUser(_ event: borrowing AuditEvent) {
    other.clear()
    guard let pseudonyms, pseudonyms.hides(event.impersonatedUser, &content) else {
      return values.append(event.impersonatedUser, whenEmpty: "(none)", to: &other)
    }
    pseudonyms.append(user: content, to: &other)
  }

  static func setOther(_ value: inout LabelBuffer) {
    value.clear()
    value.append(literal: "(other)")
  }
}
