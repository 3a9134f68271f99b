/// The resources of Kubernetes itself: rules name them without their group, and a policy asks for it.
///
/// A name that is not here may be of any group.
/// - Source: the API reference of Kubernetes 1.33; `extensions` as API servers before 1.22 had it.
enum KnownResources {
  struct Kind: Sendable {
    let groups: [String]
    let isNamespaced: Bool
    var subresources: [String] = []

    /// The object itself and its subresources.
    var words: [Supposition.Word] { subresources.map { .text(Array($0.utf8)) } + [.missing] }
  }

  /// The verbs of requests for resources; those of one list may be asked for the same.
  static let verbs = [["list", "watch", "deletecollection"], ["create"], ["update"], ["patch"], ["get"], ["delete"]]

  /// Whether a request of that verb may be for that; a verb or resource that is not known may be anything.
  /// - Source: kubernetes/apiserver `pkg/endpoints/request/requestinfo.go`, for paths that are no resource.
  static func mayBe(_ verb: String, _ resource: String, _ subresource: String) -> Bool {
    if resource.isEmpty { return !["create", "update", "list", "watch", "deletecollection"].contains(verb) }
    guard all[resource] != nil, !subresource.isEmpty, subresource != "proxy",
      verbs.joined().contains(verb)
    else { return true }
    let isCreated = ["exec", "attach", "portforward", "eviction", "binding", "token"].contains(subresource)
    return (isCreated ? ["create", "get"] : ["update", "patch", "get"]).contains(verb)
  }

  static let all: [String: Kind] = {
    var all: [String: Kind] = [:]
    func add(_ group: String, _ namespaced: String, _ others: String = "") {
      for (names, isNamespaced) in [(namespaced, true), (others, false)] {
        for name in names.split(separator: " ") {
          let known = all[String(name)]
          all[String(name)] = Kind(
            groups: (known?.groups ?? []) + [group], isNamespaced: isNamespaced || known?.isNamespaced == true)
        }
      }
    }
    add(
      "",
      "pods services endpoints secrets configmaps serviceaccounts events limitranges persistentvolumeclaims podtemplates"
        + " replicationcontrollers resourcequotas bindings", "nodes namespaces persistentvolumes componentstatuses")
    add("apps", "deployments daemonsets statefulsets replicasets controllerrevisions")
    add("batch", "jobs cronjobs")
    add("networking.k8s.io", "networkpolicies ingresses", "ingressclasses ipaddresses servicecidrs")
    add("rbac.authorization.k8s.io", "roles rolebindings", "clusterroles clusterrolebindings")
    add("certificates.k8s.io", "podcertificaterequests", "certificatesigningrequests clustertrustbundles")
    add(
      "admissionregistration.k8s.io", "",
      "validatingwebhookconfigurations mutatingwebhookconfigurations validatingadmissionpolicies"
        + " validatingadmissionpolicybindings mutatingadmissionpolicies mutatingadmissionpolicybindings")
    add("apiextensions.k8s.io", "", "customresourcedefinitions")
    add("apiregistration.k8s.io", "", "apiservices")
    add("authentication.k8s.io", "", "tokenreviews selfsubjectreviews")
    add(
      "authorization.k8s.io", "localsubjectaccessreviews",
      "subjectaccessreviews selfsubjectaccessreviews selfsubjectrulesreviews")
    add("autoscaling", "horizontalpodautoscalers")
    add("coordination.k8s.io", "leases leasecandidates")
    add("discovery.k8s.io", "endpointslices")
    add("events.k8s.io", "events")
    add("flowcontrol.apiserver.k8s.io", "", "flowschemas prioritylevelconfigurations")
    add("node.k8s.io", "", "runtimeclasses")
    add("policy", "poddisruptionbudgets", "podsecuritypolicies")
    add("scheduling.k8s.io", "", "priorityclasses")
    add("storage.k8s.io", "csistoragecapacities", "storageclasses volumeattachments csidrivers csinodes")
    let subresources = [
      "pods": "attach binding ephemeralcontainers eviction exec log portforward proxy resize status",
      "services": "proxy status", "nodes": "proxy status", "namespaces": "finalize status", "serviceaccounts": "token",
      "certificatesigningrequests": "approval status", "deployments": "scale status", "replicasets": "scale status",
      "statefulsets": "scale status", "replicationcontrollers": "scale status",
    ]
    for (name, words) in subresources {
      all[name]?.subresources = words.split(separator: " ").map { String($0) }
    }
    let withStatus =
      "persistentvolumes persistentvolumeclaims resourcequotas daemonsets jobs cronjobs ingresses apiservices"
      + " customresourcedefinitions horizontalpodautoscalers flowschemas prioritylevelconfigurations"
      + " poddisruptionbudgets volumeattachments validatingadmissionpolicies"
    for name in withStatus.split(separator: " ") { all[String(name)]?.subresources = ["status"] }
    return all
  }()
}
