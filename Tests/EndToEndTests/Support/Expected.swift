import TestSupport
import Testing

/// Holds a page against counts that somebody else made.
enum Expected {
  /// The verbs that have a label value of their own.
  static let verbs: Set = [
    "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "proxy", "head", "options",
    "post",
    "put", "connect", "trace",
  ]

  /// The page holds what the generator wrote.
  static func expectGenerated(_ page: Page, _ expected: JSON, sourceLocation: SourceLocation = #_sourceLocation) {
    func hold(_ found: [String: Int], _ wanted: [String: Int], _ what: String) {
      #expect(found == wanted, "\(what): \(difference(found, wanted))", sourceLocation: sourceLocation)
    }
    let denied = "kube_audit_denied_requests_total"
    hold(
      page.sums("kube_audit_events_by_stage_total", by: ["audit_stage"]), counts(expected["events_by_stage"]), "stage")
    hold(page.sums("kube_audit_requests_total", by: ["code"]), counts(expected["requests_by_code"]), "code")
    hold(page.sums("kube_audit_requests_total", by: ["verb"]), counts(expected["requests_by_verb"]), "verb")
    hold(
      page.sums(denied, by: ["user", "source_ip"], ["code": "401"]), pairs(expected["unauthorized_by_user_and_ip"]),
      "401 by user and source IP")
    hold(
      page.sums(denied, by: ["user", "source_ip"], ["code": "403"]), pairs(expected["forbidden_by_user_and_ip"]),
      "403 by user and source IP")
    hold(
      page.sums(denied, by: ["reason"], ["code": "401"]),
      renamed(
        counts(expected["unauthorized_by_kind"]), ["failed_authentication": "authentication", "with_user": "backend"]),
      "401 by reason")
    hold(
      page.sums(denied, by: ["reason"], ["code": "403"]),
      renamed(counts(expected["forbidden_by_kind"]), ["unannotated": "impersonation"]), "403 by reason")
    hold(
      page.sums("kube_audit_server_errors_total", by: ["code"]), counts(expected["server_errors_by_code"]),
      "5xx by code")
    let mutations = page.sums("kube_audit_rbac_mutations_total", by: ["resource", "verb"])
    hold(mutations, spaced(expected["rbac_mutations_attempted"]), "RBAC mutations")
    for (outcome, key) in [("success", "rbac_mutations_succeeded"), ("dry_run", "rbac_mutations_dry_run")] {
      hold(
        page.sums("kube_audit_rbac_mutations_total", by: ["resource", "verb"], ["outcome": outcome]),
        spaced(expected[key]), "RBAC mutations, \(outcome)")
    }
    #expect(page.sum("kube_audit_events_received_total") == expected["events"]?.int, sourceLocation: sourceLocation)
    #expect(page.sum("kube_audit_events_counted_total") == expected["requests"]?.int, sourceLocation: sourceLocation)
  }

  /// What differs, in few words.
  static func difference(_ found: [String: Int], _ wanted: [String: Int]) -> String {
    let keys = Set(found.keys).union(wanted.keys).filter { found[$0] != wanted[$0] }.sorted()
    return keys.prefix(10).map { "\($0): \(found[$0] ?? 0) instead of \(wanted[$0] ?? 0)" }.joined(separator: "; ")
  }

  /// An object of numbers, without zeros.
  static func counts(_ json: JSON?) -> [String: Int] {
    (json?.object ?? [:]).compactMapValues(\.int).filter { $0.value != 0 }
  }

  static func renamed(_ counts: [String: Int], _ names: [String: String]) -> [String: Int] {
    var renamed: [String: Int] = [:]
    for (name, count) in counts { renamed[names[name] ?? name, default: 0] += count }
    return renamed
  }

  private static func spaced(_ json: JSON?) -> [String: Int] {
    var spaced: [String: Int] = [:]
    for (name, count) in counts(json) { spaced[name.split(separator: "/").joined(separator: " ")] = count }
    return spaced
  }

  /// A list of `{user, source_ip, count}`, named as the labels are.
  static func pairs(_ json: JSON?, source: String = "source_ip") -> [String: Int] {
    var pairs: [String: Int] = [:]
    for pair in json?.array ?? [] {
      let user = pair["user"]?.string ?? ""
      let address = pair[source]?.string ?? ""
      let key = "\(user.isEmpty ? "(unauthenticated)" : user) \(address.isEmpty ? "(unknown)" : address)"
      pairs[key, default: 0] += pair["count"]?.int ?? 0
    }
    return pairs
  }
}
