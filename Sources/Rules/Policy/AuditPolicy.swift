public import AuditEvents

/// An audit policy of an API server: which requests are logged, how fully, and at which stages.
///
/// - Source: kubernetes/apiserver `pkg/apis/audit/v1/types.go`, `pkg/audit/policy/checker.go`.
public struct AuditPolicy: Sendable {
  /// One rule. Empty lists ask for nothing.
  public struct Rule: Sendable {
    /// Nil for None: such requests are not logged.
    public var level: RuleField.Level?
    public var users: [String] = []
    public var userGroups: [String] = []
    public var verbs: [String] = []
    public var resources: [Resources] = []
    /// The empty text is that of requests without a namespace.
    public var namespaces: [String] = []
    public var nonResourceURLs: [String] = []
    /// Its own and the policy's.
    public var omitStages: Set<Stage> = []
    /// Where it stands, from 1.
    public var line = 0
    public init(level: RuleField.Level?) { self.level = level }
  }

  /// Resources of one group.
  public struct Resources: Sendable {
    /// Empty for the core group; `*` for any.
    public var group = ""
    /// `pods`, `pods/exec`, `pods/*`, `*/scale`, `*`; empty for all of the group.
    public var resources: [String] = []
    public var resourceNames: [String] = []
    public init(group: String = "", resources: [String] = [], resourceNames: [String] = []) {
      self.group = group
      self.resources = resources
      self.resourceNames = resourceNames
    }
  }

  /// A request, as a policy is asked about it: before its body is read.
  public struct Request: Sendable {
    /// Nil when authentication failed.
    public var user: String?
    public var groups: [String] = []
    public var verb = ""
    public var group = ""
    /// Empty for paths that are no resource.
    public var resource = ""
    public var subresource = ""
    public var namespace = ""
    public var name = ""
    public var path = ""
    public init() {}
  }

  public var rules: [Rule]

  public init(rules: [Rule]) { self.rules = rules }

  /// The first rule that a request matches; nil when none does, which means that it is not logged.
  public func rule(for request: Request) -> Int? { rules.firstIndex { $0.matches(request) } }
}

extension AuditPolicy.Rule {
  func matches(_ request: AuditPolicy.Request) -> Bool {
    if !users.isEmpty {
      guard let user = request.user, users.contains(user) else { return false }
    }
    if !userGroups.isEmpty {
      guard request.user != nil, request.groups.contains(where: userGroups.contains) else { return false }
    }
    guard verbs.isEmpty || verbs.contains(request.verb) else { return false }
    guard namespaces.isEmpty && resources.isEmpty else {
      guard !request.resource.isEmpty, namespaces.isEmpty || namespaces.contains(request.namespace) else {
        return false
      }
      return resources.isEmpty || resources.contains { $0.matches(request) }
    }
    guard nonResourceURLs.isEmpty else {
      return request.resource.isEmpty && nonResourceURLs.contains { Self.matches($0, path: request.path) }
    }
    return true
  }

  static func matches(_ pattern: String, path: String) -> Bool {
    if pattern == "*" || pattern == path { return true }
    return pattern.hasSuffix("*") && path.utf8.starts(with: beginning(of: pattern).utf8)
  }

  /// A pattern without the stars at its end.
  static func beginning(of pattern: String) -> String {
    String(pattern.reversed().drop { $0 == "*" }.reversed())
  }
}

extension AuditPolicy.Resources {
  func matches(_ request: AuditPolicy.Request) -> Bool {
    guard matches(group: request.group, request.resource, request.subresource) else { return false }
    return resources.isEmpty || resourceNames.isEmpty || resourceNames.contains(request.name)
  }

  /// The same whatever the object's name is.
  func matches(group asked: String, _ resource: String, _ subresource: String) -> Bool {
    guard group == asked || group == "*" else { return false }
    let whole = subresource.isEmpty ? resource : resource + "/" + subresource
    return resources.isEmpty
      || resources.contains { wanted in
        wanted == "*" || wanted == whole || wanted == resource + "/*"
          || !subresource.isEmpty && wanted == "*/" + subresource
      }
  }
}
