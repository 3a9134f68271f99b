import AuditEvents
import TestSupport

/// An audit event in plain strings.
struct TestEvent {
  var stage = Stage.responseComplete
  var verb = Verb.get
  var code: UInt16 = 200
  var decision = Decision.allow
  var isImpersonationRefused = false
  var isDryRun = false
  var user = "alice"
  var impersonatedUser = ""
  var sourceIPs = ["192.0.2.1"]
  var group = ""
  var resource = ""
  var subresource = ""
  var namespace = ""
  var name = ""
  /// Seconds since the epoch.
  var seconds: Double?

  /// Lends the event to `body`. Strings stand in it as they are: write JSON's escapes where they are needed.
  func withEvent<R>(_ body: (borrowing AuditEvent) -> R) -> R {
    let texts = [
      user, impersonatedUser, sourceIPs.map { "\"\($0)\"" }.joined(separator: ","), group, resource, subresource,
      namespace, name, isDryRun ? "/api/v1/pods?dryRun=All" : "/api/v1/pods",
    ].map { HeldText(Array($0.utf8)) }
    var event = AuditEvent()
    event.stage = stage
    event.verb = verb
    event.code = code
    event.decision = decision
    event.isImpersonationRefused = isImpersonationRefused
    event.user = texts[0].text
    event.impersonatedUser = texts[1].text
    event.sourceIPs = texts[2].text
    event.apiGroup = texts[3].text
    event.resource = texts[4].text
    event.subresource = texts[5].text
    event.namespace = texts[6].text
    event.name = texts[7].text
    event.requestURI = texts[8].text
    if let seconds { event.time = Int64((seconds * 1e6).rounded()) }
    return withExtendedLifetime(texts) { body(event) }
  }
}
