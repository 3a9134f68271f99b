internal import AuditEvents

/// What a request was, by the definitions of DESIGN.md, section 3. Pure functions of one event.
enum RequestClass {
  /// Whether this event is the one that counts its request.
  ///
  /// `ResponseStarted` is the only event of a failed authentication and of a bad time-out; a refused watch writes both
  /// and counts when it completes.
  @inline(__always)
  static func isRequest(_ event: borrowing AuditEvent) -> Bool {
    switch event.stage {
    case .responseComplete, .panic: return true
    case .responseStarted: return event.code >= 400 ? event.user.isEmpty : false
    case .requestReceived, .unknown: return false
    }
  }

  /// The label `reason` of a 401 or 403.
  static func reason(_ event: borrowing AuditEvent) -> DenialReason {
    if event.code == 401 { return event.user.isEmpty ? .authentication : .backend }
    switch event.decision {
    case .forbid: return .authorization
    case .allow: return .admission
    case .absent: return event.isImpersonationRefused ? .impersonation : .unknown
    case .other: return .unknown
    }
  }

  /// The label `outcome` of a change. A dry run that was refused is a refusal.
  static func outcome(_ event: borrowing AuditEvent) -> Outcome {
    switch event.code {
    case 0: .unknown
    case 401, 403: .denied
    case 400...: .error
    default: event.isDryRun ? .dryRun : .success
    }
  }

  /// The RBAC resource that this request changes; nil when it changes none.
  static func rbacResource(_ event: borrowing AuditEvent) -> RBACResource? {
    guard isChange(event.verb) else { return nil }
    guard event.apiGroup.equals("rbac.authorization.k8s.io"), event.subresource.isEmpty else { return nil }
    let resource = event.resource
    if resource.equals("roles") { return .roles }
    if resource.equals("rolebindings") { return .roleBindings }
    if resource.equals("clusterroles") { return .clusterRoles }
    if resource.equals("clusterrolebindings") { return .clusterRoleBindings }
    return nil
  }

  @inline(__always)
  static func isChange(_ verb: Verb) -> Bool {
    switch verb {
    case .create, .update, .patch, .delete, .deletecollection: true
    default: false
    }
  }

  /// Index of the label `code_class`: 0 is `unknown`, else the first digit.
  @inline(__always)
  static func codeClass(_ code: UInt16) -> Int { code < 100 || code > 599 ? 0 : Int(code / 100) }

  static let codeClassLabels = ["unknown", "1xx", "2xx", "3xx", "4xx", "5xx"]
}

/// The label `reason` of denied requests.
enum DenialReason: UInt8, CaseIterable {
  case authentication, backend, authorization, admission, impersonation, unknown

  var label: StaticString {
    switch self {
    case .authentication: "authentication"
    case .backend: "backend"
    case .authorization: "authorization"
    case .admission: "admission"
    case .impersonation: "impersonation"
    case .unknown: "unknown"
    }
  }
}

/// The label `resource` of RBAC mutations.
enum RBACResource: UInt8, CaseIterable {
  case roles, roleBindings, clusterRoles, clusterRoleBindings

  var label: StaticString {
    switch self {
    case .roles: "roles"
    case .roleBindings: "rolebindings"
    case .clusterRoles: "clusterroles"
    case .clusterRoleBindings: "clusterrolebindings"
    }
  }
}

/// The label `outcome` of changes and tracked requests.
enum Outcome: UInt8, CaseIterable {
  case success, denied, error, dryRun, unknown

  var label: StaticString {
    switch self {
    case .success: "success"
    case .denied: "denied"
    case .error: "error"
    case .dryRun: "dry_run"
    case .unknown: "unknown"
    }
  }
}
