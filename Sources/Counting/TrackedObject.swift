public import AuditEvents

/// A name for a class of requests that somebody wants counted by themselves. Nil matches everything.
public struct TrackedObject: Sendable, Hashable {
  /// The value of the label `object`.
  public var name: String
  /// API group; empty is the core group.
  public var group: String?
  public var resource: String
  /// Subresources; the empty string is the resource itself.
  public var subresources: [String]?
  public var namespace: String?
  public var objectName: String?
  public var verbs: Set<Verb>

  public init(
    name: String, group: String?, resource: String, subresources: [String]? = [""], namespace: String? = nil,
    objectName: String? = nil, verbs: Set<Verb> = TrackedObject.changes
  ) {
    self.name = name
    self.group = group
    self.resource = resource
    self.subresources = subresources
    self.namespace = namespace
    self.objectName = objectName
    self.verbs = verbs
  }

  /// The verbs that change something.
  public static let changes: Set<Verb> = [.create, .update, .patch, .delete, .deletecollection]
  /// The verbs that read an object's content.
  public static let reads: Set<Verb> = [.get, .list, .watch]
  /// Every verb.
  public static let anyVerb = Set(Verb.allCases)

  /// What is tracked unless the configuration says otherwise.
  /// - Source: DESIGN.md, "Tracked object". A shell in a pod is `get` or `create`, by the client's protocol.
  public static let builtIn: [TrackedObject] = [
    TrackedObject(name: "pods", group: "", resource: "pods"),
    TrackedObject(name: "namespaces", group: "", resource: "namespaces"),
    TrackedObject(name: "serviceaccounts", group: "", resource: "serviceaccounts"),
    TrackedObject(name: "networkpolicies", group: "networking.k8s.io", resource: "networkpolicies"),
    TrackedObject(name: "endpoints", group: "", resource: "endpoints"),
    TrackedObject(
      name: "aws-auth", group: "", resource: "configmaps", namespace: "kube-system", objectName: "aws-auth"),
    TrackedObject(
      name: "validating-webhooks", group: "admissionregistration.k8s.io", resource: "validatingwebhookconfigurations"),
    TrackedObject(
      name: "mutating-webhooks", group: "admissionregistration.k8s.io", resource: "mutatingwebhookconfigurations"),
    TrackedObject(name: "secrets", group: "", resource: "secrets"),
    TrackedObject(name: "secret-reads", group: "", resource: "secrets", verbs: reads),
    TrackedObject(name: "pod-exec", group: "", resource: "pods", subresources: ["exec"], verbs: anyVerb),
    TrackedObject(
      name: "token-requests", group: "", resource: "serviceaccounts", subresources: ["token"], verbs: [.create]),
    TrackedObject(
      name: "certificate-requests", group: "certificates.k8s.io", resource: "certificatesigningrequests",
      subresources: ["", "approval"]),
  ]
}
