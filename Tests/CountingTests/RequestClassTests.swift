import AuditEvents
import Testing

@testable import Counting

/// The definitions of DESIGN.md, section 3, row by row.
struct RequestClassTests {
  @Test(arguments: Stage.allCases) func whatIsARequest(_ stage: Stage) {
    for user in ["", "alice"] {
      for code in [UInt16(0), 101, 200, 399, 400, 401, 403, 500] {
        let event = TestEvent(stage: stage, code: code, user: user)
        let expected =
          switch stage {
          case .responseComplete, .panic: true
          case .responseStarted: user.isEmpty && code >= 400
          case .requestReceived, .unknown: false
          }
        #expect(event.withEvent { RequestClass.isRequest($0) } == expected, "\(user) \(code)")
      }
    }
  }

  struct Denial: Sendable {
    var code: UInt16
    var user: String
    var decision: Decision
    var isImpersonation: Bool
    var reason: String
    init(_ code: UInt16, _ user: String, _ decision: Decision, _ isImpersonation: Bool, _ reason: String) {
      (self.code, self.user, self.decision) = (code, user, decision)
      (self.isImpersonation, self.reason) = (isImpersonation, reason)
    }
  }

  @Test(arguments: [
    Denial(401, "", .absent, false, "authentication"), Denial(401, "", .allow, true, "authentication"),
    Denial(401, "alice", .allow, false, "backend"), Denial(401, "alice", .absent, false, "backend"),
    Denial(403, "alice", .forbid, false, "authorization"), Denial(403, "alice", .forbid, true, "authorization"),
    Denial(403, "alice", .allow, false, "admission"), Denial(403, "alice", .allow, true, "admission"),
    Denial(403, "alice", .absent, true, "impersonation"), Denial(403, "alice", .absent, false, "unknown"),
    Denial(403, "alice", .other, true, "unknown"), Denial(403, "", .forbid, false, "authorization"),
  ]) func reasons(_ row: Denial) {
    let event = TestEvent(
      code: row.code, decision: row.decision, isImpersonationRefused: row.isImpersonation, user: row.user)
    #expect(event.withEvent { RequestClass.reason($0).label.description } == row.reason)
  }

  @Test(arguments: [
    (UInt16(0), false, "unknown"), (0, true, "unknown"), (101, false, "success"), (200, false, "success"),
    (201, true, "dry_run"), (399, true, "dry_run"), (400, false, "error"), (401, false, "denied"),
    (403, true, "denied"), (404, true, "error"), (409, false, "error"), (500, false, "error"), (599, false, "error"),
  ]) func outcomes(_ code: UInt16, _ isDryRun: Bool, _ outcome: String) {
    let event = TestEvent(code: code, isDryRun: isDryRun)
    #expect(event.withEvent { RequestClass.outcome($0).label.description } == outcome)
  }

  @Test func rbacMutations() {
    for verb in Verb.allCases {
      for resource in ["roles", "rolebindings", "clusterroles", "clusterrolebindings", "role", "pods", ""] {
        for group in ["rbac.authorization.k8s.io", "rbac.authorization.k8s.i0", ""] {
          for subresource in ["", "status"] {
            let event = TestEvent(verb: verb, group: group, resource: resource, subresource: subresource)
            let isOne =
              TrackedObject.changes.contains(verb) && group == "rbac.authorization.k8s.io" && subresource.isEmpty
              && ["roles", "rolebindings", "clusterroles", "clusterrolebindings"].contains(resource)
            let found = event.withEvent { RequestClass.rbacResource($0)?.label.description }
            #expect(found == (isOne ? resource : nil))
          }
        }
      }
    }
  }

  @Test func codeClasses() {
    for code in UInt16(0)...1000 {
      let expected = code >= 100 && code <= 599 ? "\(code / 100)xx" : "unknown"
      #expect(RequestClass.codeClassLabels[RequestClass.codeClass(code)] == expected)
    }
  }
}
