import TestSupport
import Testing

/// Rules that the audit level blinds, and policies that do, through the real program.
@Suite struct RuleSightTests {
  static let rules = """
    - rule: privileged
      desc: d
      condition: ka.target.resource = pods and ka.verb = create and ka.req.pod.containers.privileged intersects (true)
      output: o
      priority: WARNING
      source: k8s_audit
    - rule: no tls
      desc: d
      condition: ka.target.resource = ingresses and ka.verb = create and not jevt.value[/requestObject/spec/tls] exists
      output: o
      priority: NOTICE
      source: k8s_audit
    - rule: pods
      desc: d
      condition: ka.target.resource = pods
      output: o
      priority: INFO
      source: k8s_audit

    """

  private static func event(_ number: Int, _ level: String, _ resource: String) -> String {
    #"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"\#(level)","auditID":"\#(number)","stage":"#
      + #""ResponseComplete","requestURI":"/","verb":"create","user":{"username":"a"},"objectRef":{"resource":"#
      + #""\#(resource)","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":201},"requestReceivedTimestamp":"#
      + #""2026-01-02T03:04:05.678901Z","stageTimestamp":"2026-01-02T03:0\#(number):05.678901Z"}"# + "\n"
  }

  @Test func seenLevelsAreShown() throws {
    try Files.withTemporaryFolder { folder in
      try Files.write(Array(Self.rules.utf8), to: folder + "/rules.yaml")
      func replay(_ events: [String]) throws -> Page {
        try Program.replay(["-"], input: Array(events.joined().utf8), options: ["--rules", folder + "/rules.yaml"])
      }
      let low = try replay([Self.event(1, "Metadata", "pods"), Self.event(2, "Metadata", "ingresses")])
      let evaluable = "kube_audit_rule_evaluable"
      #expect(low.value(evaluable, ["k8s_cluster": "default", "rule": "privileged"]) == 0)
      #expect(low.value(evaluable, ["k8s_cluster": "default", "rule": "pods"]) == 1)
      #expect(low.value(evaluable, ["k8s_cluster": "default", "rule": "no tls"]) == 1)
      #expect(low.value("kube_audit_rule_noisy", ["k8s_cluster": "default", "rule": "no tls"]) == 1)
      #expect(low.value("kube_audit_rule_noisy", ["k8s_cluster": "default", "rule": "privileged"]) == 0)
      let both = try replay([Self.event(1, "Metadata", "pods"), Self.event(2, "Request", "pods")])
      #expect(both.value(evaluable, ["k8s_cluster": "default", "rule": "privileged"]) == 1)
      #expect(both.value(evaluable, ["k8s_cluster": "default", "rule": "no tls"]) == nil)
    }
  }

  @Test func listTellsLevels() throws {
    try Files.withTemporaryFolder { folder in
      try Files.write(Array(Self.rules.utf8), to: folder + "/rules.yaml")
      let outcome = try Program.run(["rules", "list", "--format", "json", folder + "/rules.yaml"])
      let rules = try JSON.parse(outcome.output)["rules"]?.array ?? []
      #expect(rules.map { $0["level"]?.string } == ["Request", "Request", "Metadata"])
      #expect(rules.map { $0["below"]?["Metadata"]?.string } == ["blind", "noisy", nil])
      let table = try Program.run(["rules", "list", folder + "/rules.yaml"]).outputText
      #expect(table.contains("needs") && table.contains("Metadata: blind") && table.contains("Metadata: noisy"))
    }
  }

  @Test func policiesAreChecked() throws {
    let detections = DetectionRulesTests.rules
    let eks = try Program.run([
      "rules", "check-policy", Files.beside("../Policies/eks.yaml"), "--rules", detections, "--format", "json",
    ])
    #expect(eks.status == 1)
    let found = try JSON.parse(eks.output)["rules"]?.array ?? []
    #expect(found.count > 70)
    let maps = try #require(found.first { $0["name"]?.string == "credentials-in-configmap" })
    #expect(maps["status"]?.string == "partly blind")
    #expect(maps["causes"]?.array?.first?["line"]?.int == 99)
    #expect(maps["causes"]?.array?.first?["fault"]?.string == "too low")
    #expect(maps["mending"]?.array?.compactMap(\.string).contains("      resources: [configmaps]") == true)
    #expect(eks.errorText.contains("v1beta1"))
    try Files.withTemporaryFolder { folder in
      try Files.write(Array(Self.rules.utf8), to: folder + "/rules.yaml")
      func check(_ policy: String) throws -> (Int32, String, String) {
        let head = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n"
        try Files.write(Array((head + policy).utf8), to: folder + "/policy.yaml")
        let outcome = try Program.run([
          "rules", "check-policy", folder + "/policy.yaml", "--rules", folder + "/rules.yaml",
        ])
        return (outcome.status, outcome.outputText, outcome.errorText)
      }
      let good = try check("- level: Request\n")
      #expect(good.0 == 0 && good.1.hasPrefix("3 rules: 3 evaluable\n") && good.1.contains("hides nothing"))
      let bad = try check("- level: None\n  users: [nobody]\n- level: Metadata\n")
      #expect(bad.0 == 1 && bad.1.contains("line 7 (Metadata): too low") && bad.1.contains("before line 5"))
      #expect(bad.1.contains("- level: Request\n  verbs: [create]\n  resources:\n    - group: networking.k8s.io\n"))
      let wrong = try check("- level: Everything\n")
      #expect(wrong.0 == 2 && wrong.2.contains("policy.yaml, line 5, column 10"), "\(wrong.2)")
      let missing = try Program.run(["rules", "check-policy", folder + "/none.yaml", "--rules", folder + "/rules.yaml"])
      #expect(missing.status == 2)
    }
  }
}
