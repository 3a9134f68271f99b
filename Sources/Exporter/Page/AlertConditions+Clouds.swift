internal import Metrics

/// What clouds say of the clusters' logging, and whether they can be asked.
extension AlertConditions {
  private static func logging(
    _ name: String, _ severity: AlertCondition.Severity, _ status: String, _ summary: String, lasting: String
  ) -> AlertCondition {
    AlertCondition(
      name: name, severity: severity, summary: summary,
      term: AlertCondition.Term(
        query: SampleQuery(
          .max, by: [.cloudAccount, .cloudRegion, .cluster], .clusterLoggingStatus, [.equals(.status, status)]),
        comparison: .equal, threshold: 1),
      unit: .state(status), lasting: lasting)
  }

  static let clouds = [
    logging("KubeAuditLoggingDisabled", .ticket, "disabled", "A cluster exports no audit log", lasting: "15m"),
    logging(
      "KubeAuditLoggingDegraded", .ticket, "degraded", "A cluster exports a part of its control plane's logs",
      lasting: "1h"),
    logging(
      "KubeAuditLoggingSilent", .page, "silent", "A cluster's audit log is on, and nothing of it arrives",
      lasting: "5m"),
    logging("KubeAuditLoggingUnknown", .ticket, "unknown", "Nobody knows how a cluster logs", lasting: "1h"),
    AlertCondition(
      name: "KubeAuditPostureDown", severity: .ticket, summary: "The clusters of a region cannot be looked at",
      term: AlertCondition.Term(
        query: SampleQuery(.min, by: [.cloudAccount, .cloudRegion], .postureUp, scrapersLabels: ["instance"]),
        comparison: .equal, threshold: 0),
      unit: .state("down"), lasting: "1h"),
    AlertCondition(
      name: "KubeAuditClusterUnlisted", severity: .ticket,
      summary: "Audit events arrive of a cluster that nobody lists",
      term: AlertCondition.Term(
        query: SampleQuery(.max, by: [.cluster], .clusterUnlisted), comparison: .equal, threshold: 1),
      unit: .state("unlisted"), lasting: "1h"),
    AlertCondition(
      name: "KubeAuditLogGroupsBehind", severity: .ticket, summary: "Log groups are read late",
      term: AlertCondition.Term(
        query: SampleQuery(.min, by: [.cloudAccount, .cloudRegion], .logGroupsReadUntil), comparison: .above,
        threshold: 900, isAge: true),
      unit: .seconds, lasting: "15m"),
  ]
}
