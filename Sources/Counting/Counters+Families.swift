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
    if let resource = RequestClass.rbacResource(event) { countRBACMutation(event, resource, cluster, moment) }
    if !event.impersonatedUser.isEmpty { countImpersonated(event, cluster, moment) }
    var objects = tracker.matches(event)
    while objects != 0 {
      countTracked(event, objects.trailingZeroBitCount, cluster, moment)
      objects &= objects - 1
    }
  }

  private mutating func countByVerbAndCode(_ verb: Verb, _ code: UInt16, _ cluster: Int, _ moment: borrowing Moment) {
    let shortcut = RequestShortcuts.key(cluster, verb: verb.rawValue, code: code)
    if let place = shortcuts.find(shortcut) { return requests.bump(place, moment) }
    writeRequest(verb.label, code, cluster)
    let hash = requests.table.hash(row.bytes)
    if let place = requests.table.find(row.bytes, hash) {
      requests.bump(place, moment)
    } else if !requests.isFull(cluster) {
      let place = requests.admit(row.bytes, hash, cluster: cluster)
      shortcuts.add(shortcut, place)
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
    _ event: borrowing AuditEvent, _ resource: StaticString, _ cluster: Int, _ moment: borrowing Moment
  ) {
    writeUser(event)
    let moment = placed(moment, cluster)
    let outcome = RequestClass.outcome(event).label
    writeRBACMutation(resource, event.verb.label, outcome, cluster)
    let hash = rbac.table.hash(row.bytes)
    if let place = rbac.table.find(row.bytes, hash) {
      rbac.bump(place, moment, in: &panes)
    } else if !rbac.isFull(cluster) {
      let place = rbac.admit(row.bytes, hash, cluster: cluster)
      rbac.own(place, user: ownerKey(cluster, .user, user))
      rbac.bump(place, moment, in: &panes)
    } else {
      Self.setOther(&user)
      writeRBACMutation(resource, event.verb.label, outcome, cluster)
      rbac.noteOverflow()
      rbac.bump(rbac.overflowSeries(row.bytes, cluster: cluster), moment, in: &panes)
    }
  }

  private mutating func writeRBACMutation(
    _ resource: StaticString, _ verb: StaticString, _ outcome: StaticString, _ cluster: Int
  ) {
    row.begin(clusters.clusters[cluster].labels)
    row.add(",resource=\"", resource)
    row.add(",verb=\"", verb)
    row.add(",user=\"", user)
    row.add(",outcome=\"", outcome)
  }

  private mutating func countTracked(
    _ event: borrowing AuditEvent, _ object: Int, _ cluster: Int, _ moment: borrowing Moment
  ) {
    let outcome = RequestClass.outcome(event).label
    writeTracked(object, event.verb.label, outcome, cluster, withUser: false)
    var hash = tracked.table.hash(row.bytes)
    if let place = tracked.table.find(row.bytes, hash) {
      tracked.bump(place, moment)
    } else if !tracked.isFull(cluster) {
      tracked.bump(tracked.admit(row.bytes, hash, cluster: cluster), moment)
    } else {
      writeTracked(object, "(other)", outcome, cluster, withUser: false)
      tracked.noteOverflow()
      tracked.bump(tracked.overflowSeries(row.bytes, cluster: cluster), moment)
    }
    let moment = placed(moment, cluster)
    writeUser(event)
    writeTracked(object, event.verb.label, outcome, cluster, withUser: true)
    hash = trackedInWindow.table.hash(row.bytes)
    if let place = trackedInWindow.table.find(row.bytes, hash) {
      trackedInWindow.bump(place, moment, in: &panes)
    } else if !trackedInWindow.isFull(cluster) {
      let place = trackedInWindow.admit(row.bytes, hash, cluster: cluster)
      trackedInWindow.own(place, user: ownerKey(cluster, .user, user))
      trackedInWindow.bump(place, moment, in: &panes)
    } else {
      Self.setOther(&user)
      writeTracked(object, event.verb.label, outcome, cluster, withUser: true)
      trackedInWindow.noteOverflow()
      trackedInWindow.bump(trackedInWindow.overflowSeries(row.bytes, cluster: cluster), moment, in: &panes)
    }
  }

  private mutating func writeTracked(
    _ object: Int, _ verb: StaticString, _ outcome: StaticString, _ cluster: Int, withUser: Bool
  ) {
    row.begin(clusters.clusters[cluster].labels)
    row.add(",object=\"", tracker.name(object))
    row.add(",verb=\"", verb)
    if withUser { row.add(",user=\"", user) }
    row.add(",outcome=\"", outcome)
  }

  private mutating func countImpersonated(_ event: borrowing AuditEvent, _ cluster: Int, _ moment: borrowing Moment) {
    writeUser(event)
    other.clear()
    values.append(event.impersonatedUser, whenEmpty: "(none)", to: &other)
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
    values.append(event.user, whenEmpty: "(unauthenticated)", to: &user)
  }

  static func setOther(_ value: inout LabelBuffer) {
    value.clear()
    value.append(literal: "(other)")
  }
}
