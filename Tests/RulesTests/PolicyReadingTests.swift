import Diagnostics
import Rules
import TestSupport
import Testing

/// Audit policies as they are read: what an API server refuses, with its place.
@Suite struct PolicyReadingTests {
  @Test(arguments: [
    ("kind: Policy\napiVersion: v1\nrules: [{level: None}]", "2:13", "the apiVersion is no audit policy's"),
    ("apiVersion: audit.k8s.io/v1\nkind: ConfigMap\nrules: [{level: None}]", "2:7", "the kind is not Policy"),
    ("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: []", "3:8", "it has no rules"),
    ("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: All", "4:10", "the level is none"),
    ("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- verbs: [get]", "4:3", "a rule has no level"),
    (
      "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: None\n  nonResourceURLs: [healthz]", "5:21",
      "a path does not begin with /"
    ),
    (
      "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: None\n  nonResourceURLs: [/a*b]", "5:21",
      "a * stands not at the end"
    ),
    (
      "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: None\n  omitStages: [Done]", "5:16",
      "there is no such stage"
    ),
    (
      "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: None\n  resources: [{group: a/v1}]", "5:23",
      "the group is no group's name"
    ),
    (
      "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: None\n  resources: [{resourceNames: [a]}]", "5:15",
      "resourceNames stand without resources"
    ),
    (
      "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: None\n  namespaces: [a]\n  nonResourceURLs: [/a]",
      "4:3", "a rule is for resources and for paths that are none"
    ),
    ("- a", "1:1", "the document is a list"),
    ("a: [", "1:", ""),
  ])
  func whatIsRefused(_ text: String, _ place: String, _ what: String) throws {
    do throws(Failures) {
      _ = try AuditPolicy.read(Array(text.utf8), file: "p.yaml")
      Issue.record("it was read: \(text)")
    } catch {
      let found = error.all.map { failure -> String in
        guard case .text(_, let line, let column) = failure.place else { return "\(failure)" }
        return "\(line):\(column) \(failure.what)"
      }
      #expect(
        found.contains { $0.hasPrefix(place) && $0.hasSuffix(what) } || what.isEmpty && !found.isEmpty, "\(found)")
    }
  }

  @Test func whatIsOdd() throws {
    let text = "apiVersion: audit.k8s.io/v1beta1\nkind: Policy\nrules:\n- level: Metadata\n  verb: [get]\n"
    let (policy, warnings) = try AuditPolicy.read(Array(text.utf8), file: "p.yaml")
    #expect(policy.rules.count == 1 && policy.rules[0].verbs.isEmpty && policy.rules[0].line == 4)
    #expect(warnings.count == 2)
  }
}
