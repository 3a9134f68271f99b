extension Sample {
  private static let url = "https://github.com/kube-audit-exporter/kube-audit-exporter/blob/main/"
  private static let gauge = #"kube_audit_window_denied_requests{reason="authorization", window="5m"}"#
  private static let spike = "sum by (user) (\(gauge)) >= 50"
  private static let metrics = "`5m` `15m` `authorization` `success`\n"

  /// A rule file with one alert, KubeAuditA, and its runbook; the parameters break it.
  private static func alert(
    name: String = "KubeAuditA", expression: String = spike, severity: String = "page", summary: String = "It is",
    description: String = "{{ $labels.user }} did", runbook: String = "alerts/runbooks/KubeAuditA.md",
    others: [String: String] = [:]
  ) -> [String: String] {
    let rule = """
      groups:
        - name: a
          rules:
            - alert: \(name)
              expr: >-
                \(expression)
              labels: {severity: \(severity)}
              annotations:
                summary: "\(summary)"
                description: "\(description)"
                runbook_url: \(url)\(runbook)

      """
    return ["alerts/rules/a.yml": rule, "alerts/runbooks/KubeAuditA.md": page(), "docs/metrics.md": metrics]
      .merging(others) { $1 }
  }

  private static func page(_ title: String = "KubeAuditA", last: String = "When to ignore, how to tune") -> String {
    "# \(title)\n" + ["Meaning", "Impact", "Diagnosis", "Mitigation", last].map { "\n## \($0)\n" }.joined()
  }

  private static func test(_ series: String = "up", firing: Bool = true, quiet: Bool = true) -> [String: String] {
    let head = "tests:\n  - input_series:\n      - series: '\(series)'\n    alert_rule_test:\n"
    let fires = "      - {alertname: KubeAuditA, exp_alerts: [{exp_labels: {}}]}\n"
    let stays = "      - {alertname: KubeAuditA, exp_alerts: []}\n"
    return alert(others: ["alerts/tests/a.yml": head + (firing ? fires : "") + (quiet ? stays : "")])
  }

  private static func row(_ threshold: String, severity: String = "page") -> [String: String] {
    let link = "[KubeAuditA](../alerts/runbooks/KubeAuditA.md)"
    return alert(others: ["docs/alerts.md": "| \(link) | \(severity) | a spike | \(threshold) |\n"])
  }

  static let alertSamples: [Sample] = [
    Sample("Alerts say", alert(), finds: nil),
    Sample("Alerts say", alert(name: "Spike"), finds: "does not begin"),
    Sample("Alerts say", alert(severity: "critical"), finds: "no severity"),
    Sample("Alerts say", alert(summary: "By {{ $labels.user }}"), finds: "summary without values"),
    Sample("Alerts say", alert(description: ""), finds: "no description"),
    Sample("Alerts say", alert(runbook: "alerts/runbooks/KubeAuditB.md"), finds: "links to no runbook"),
    Sample("Alerts say", alert(runbook: "docs/metrics.md"), finds: "another's runbook"),
    Sample("Alerts say", ["alerts/rules/a.yml": "groups: [\n"], finds: "is no YAML"),

    Sample("Every runbook", alert(), finds: nil),
    Sample("Every runbook", alert(others: ["alerts/runbooks/KubeAuditB.md": page("KubeAuditB")]), finds: "of no alert"),
    Sample("Every runbook", alert(others: ["alerts/runbooks/KubeAuditA.md": page("Spike")]), finds: "must begin"),
    Sample("Every runbook", alert(others: ["alerts/runbooks/KubeAuditA.md": page(last: "More")]), finds: "sections"),

    Sample("Alerts name", alert(), finds: nil),
    Sample(
      "Alerts name", alert(expression: "sum by (user) (kube_audit_denied{user=\"a\"}) > 1"), finds: "is no family"),
    Sample("Alerts name", alert(expression: spike.replacing("reason=", with: "why=")), finds: "matches why"),
    Sample("Alerts name", alert(expression: spike.replacing("5m", with: "7m")), finds: #"window="7m""#),
    Sample("Alerts name", alert(expression: spike.replacing("by (user)", with: "by (user, pod)")), finds: "by pod"),
    Sample("Alerts name", alert(description: "{{ $labels.source_ip }} did"), finds: "$labels.source_ip"),
    Sample(
      "Alerts name",
      alert(expression: #"sum by (user) (kube_audit_window_tracked_requests{object="no-such"}) > 0"#),
      finds: #"object="no-such""#),
    Sample(
      "Alerts name",
      alert(
        expression: #"sum by (input) ({__name__=~"kube_audit_events_(counted|lost)_total"}) > 0"#, description: "a"),
      finds: "kube_audit_events_lost_total"),
    Sample(
      "Alerts name",
      alert(
        expression: #"up{job="a"} == 0 unless on (job) rate(kube_audit_events_counted_total[5m] offset 1h) > 1e3"#,
        description: "{{ $labels.job }}"), finds: nil),

    Sample("Tests of alerts", test(#"kube_audit_input_up{input="file",instance="a"}"#), finds: nil),
    Sample("Tests of alerts", test(#"kube_audit_input_ok{input="file"}"#), finds: "is no family"),
    Sample("Tests of alerts", test(#"kube_audit_input_up{name="file"}"#), finds: #"["input", "name"]"#),

    Sample("Every alert is seen", test(), finds: nil),
    Sample("Every alert is seen", test(firing: false), finds: "not tested both"),
    Sample("Every alert is seen", test(quiet: false), finds: "not tested both"),

    Sample("docs/alerts.md", row("`>= 50`"), finds: nil),
    Sample("docs/alerts.md", row("`>= 40`"), finds: "has no `>= 40`"),
    Sample("docs/alerts.md", row("`>= 50`", severity: "ticket"), finds: "is no page"),
    Sample("docs/alerts.md", alert(), finds: "has no row"),

    Sample("Alerts that", alert(others: ["README.md": "KubeAudit: see KubeAuditA.\n"]), finds: nil),
    Sample("Alerts that", alert(others: ["README.md": "See `KubeAuditB`.\n"]), finds: "names KubeAuditB"),
    Sample("Alerts that", alert(others: ["alerts/am.example.yml": "a: KubeAuditB\n"]), finds: "names KubeAuditB"),
  ]
}
