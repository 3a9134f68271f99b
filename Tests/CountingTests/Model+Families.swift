import AuditEvents

@testable import Counting

extension Model {
  static let verbs: [Verb: String] = [
    .get: "get", .list: "list", .watch: "watch", .create: "create", .update: "update", .patch: "patch",
    .delete: "delete", .deletecollection: "deletecollection", .proxy: "proxy", .head: "head", .options: "options",
    .post: "post", .put: "put", .connect: "connect", .trace: "trace", .other: "(other)", .none: "(none)",
  ]

  mutating func countFamilies(_ event: TestEvent, _ cluster: String, _ second: Int64) {
    let verb = Self.verbs[event.verb] ?? ""
    let code = event.code == 0 ? "unknown" : "\(event.code)"
    let user = event.user.isEmpty ? "(unauthenticated)" : event.user
    let base = ["k8s_cluster": cluster]
    admit(
      "requests_total", settings.limits.requests, cluster, second, base + ["verb": verb, "code": code], ["verb"])
    if event.code == 401 || event.code == 403 { countDenied(event, user, cluster, second) }
    if event.code >= 500 { countServerError(event, verb, code, cluster, second) }
    let isChange = TrackedObject.changes.contains(event.verb)
    if isChange, event.group == "rbac.authorization.k8s.io", event.subresource.isEmpty,
      ["roles", "rolebindings", "clusterroles", "clusterrolebindings"].contains(event.resource)
    {
      let labels = ["resource": event.resource, "verb": verb, "user": user, "outcome": outcome(event)]
      admit("rbac_mutations_total", settings.limits.rbacMutations, cluster, second, base + labels, ["user"])
    }
    if !event.impersonatedUser.isEmpty { countImpersonated(event, user, cluster, second) }
    for object in settings.trackedObjects where matches(object, event) {
      let labels = base + ["object": object.name, "verb": verb, "outcome": outcome(event)]
      admit("tracked_requests_total", settings.limits.tracked, cluster, second, labels, ["verb"])
      admit(
        "window_tracked_requests", settings.limits.trackedInWindow, cluster, second, labels + ["user": user], ["user"])
    }
  }

  func outcome(_ event: TestEvent) -> String {
    if event.code == 0 { return "unknown" }
    if event.code == 401 || event.code == 403 { return "denied" }
    if event.code >= 400 { return "error" }
    return event.isDryRun ? "dry_run" : "success"
  }

  func matches(_ object: TrackedObject, _ event: TestEvent) -> Bool {
    object.verbs.contains(event.verb) && object.resource == event.resource
      && (object.group == nil || object.group == event.group)
      && (object.namespace == nil || object.namespace == event.namespace)
      && (object.objectName == nil || object.objectName == event.name)
      && (object.subresources == nil || (object.subresources ?? []).contains(event.subresource))
  }

  /// The common rule: an own series while there is room, else the labels `folding` become `(other)`.
  mutating func admit(
    _ family: String, _ limit: FamilyLimit, _ cluster: String, _ second: Int64, _ labels: [String: String],
    _ folding: [String]
  ) {
    if has(family, labels) || !isFull(family, limit, cluster) { return hit(family, labels, second) }
    families[family, default: Family()].overflow += 1
    var folded = labels
    for label in folding { folded[label] = "(other)" }
    hit(family, folded, second, isExact: false, isOverflow: true)
  }

  mutating func countServerError(
    _ event: TestEvent, _ verb: String, _ code: String, _ cluster: String, _ second: Int64
  ) {
    let family = "server_errors_total"
    var resource = event.resource.isEmpty ? "(none)" : event.resource
    let known = Set(
      (families[family]?.entries ?? []).filter { $0.cluster == cluster && $0.isExact }
        .compactMap { $0.labels["resource"] })
    let isOver = !known.contains(resource) && known.count >= settings.limits.resourcesPerCluster
    if isOver { resource = "(other)" }
    let labels = ["k8s_cluster": cluster, "code": code, "verb": verb, "resource": resource]
    let isFull = isFull(family, settings.limits.serverErrors, cluster)
    if isOver || (!has(family, labels) && isFull) { families[family, default: Family()].overflow += 1 }
    if has(family, labels) || !isFull { return hit(family, labels, second, isExact: !isOver) }
    hit(
      family, labels + ["verb": "(other)", "resource": "(other)"], second, isExact: false, isOverflow: true)
  }

  mutating func countImpersonated(_ event: TestEvent, _ user: String, _ cluster: String, _ second: Int64) {
    let family = "impersonated_requests_total"
    let base = ["k8s_cluster": cluster, "user": user]
    let own = base + ["impersonated_user": event.impersonatedUser]
    if has(family, own) { return hit(family, own, second) }
    let isOver = held(family, cluster, "user", user) >= settings.limits.sourceIPsPerUser
    let isFull = isFull(family, settings.limits.impersonated, cluster)
    if isOver || isFull { families[family, default: Family()].overflow += 1 }
    let labels = isOver ? base + ["impersonated_user": "(other)"] : own
    if has(family, labels) || !isFull { return hit(family, labels, second, isExact: !isOver) }
    let folded = ["k8s_cluster": cluster, "user": "(other)", "impersonated_user": "(other)"]
    hit(family, folded, second, isExact: false, isOverflow: true)
  }

  mutating func countDenied(_ event: TestEvent, _ user: String, _ cluster: String, _ second: Int64) {
    let family = "denied_requests_total"
    let limits = settings.limits
    var reason = "unknown"
    if event.code == 401 {
      reason = event.user.isEmpty ? "authentication" : "backend"
    } else if event.decision == .forbid {
      reason = "authorization"
    } else if event.decision == .allow {
      reason = "admission"
    } else if event.decision == .absent, event.isImpersonationRefused {
      reason = "impersonation"
    }
    // Programs write addresses canonically, IPv6 ones as `NETWORK::HOST`.
    var address = event.sourceIPs.last ?? "(unknown)"
    let network = address.contains("::") ? address.prefix { $0 != ":" } + "::/64" : nil
    if let network, folded.contains(cluster + " " + network) { address = String(network) }
    if !event.user.isEmpty { refused.append((cluster, address, user, second)) }
    let base = ["k8s_cluster": cluster, "code": "\(event.code)", "reason": reason]
    let own = base + ["user": user, "source_ip": address]
    if has(family, own) { return hit(family, own, second) }
    let isAddressOver = held(family, cluster, "source_ip", address) >= limits.usersPerSourceIP
    let isExempt = user == "(unauthenticated)" || user == "system:anonymous"
    let isUserOver = !isExempt && held(family, cluster, "user", user) >= limits.sourceIPsPerUser
    let isFull = isFull(family, limits.denied, cluster)
    if !isAddressOver, !isUserOver, !isFull {
      hit(family, own, second)
      if let network { foldNetwork(cluster, String(network)) }
      return
    }
    families[family, default: Family()].overflow += 1
    if isAddressOver != isUserOver {
      let half = own + [isAddressOver ? "user" : "source_ip": "(other)"]
      if has(family, half) || !isFull { return hit(family, half, second, isExact: false) }
    }
    hit(family, own + ["user": "(other)", "source_ip": "(other)"], second, isExact: false, isOverflow: true)
  }

  /// Folds a /64 that holds as many series of addresses as one may.
  private mutating func foldNetwork(_ cluster: String, _ network: String) {
    let prefix = network.prefix { $0 != ":" } + "::"
    let held = (families["denied_requests_total"]?.entries ?? []).filter { entry in
      let address = entry.address
      return entry.isExact && entry.cluster == cluster && address.hasPrefix(prefix) && address != network
    }
    if held.count >= settings.limits.seriesPerIPv6Network { folded.insert(cluster + " " + network) }
  }
}

func + (a: [String: String], b: [String: String]) -> [String: String] { a.merging(b) { $1 } }
