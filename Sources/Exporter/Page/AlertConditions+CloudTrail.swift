internal import Metrics

// What follows from the records of CloudTrail.
extension AlertConditions {
  private static let place: [Label] = [.cloudAccount, .cloudRegion]

  static let cloudTrail = [
    AlertCondition(
      name: "KubeAuditLoggingTurnedOff", severity: .page,
      summary: "Somebody turned the audit log of a cluster off",
      term: requests(
        place + [.cluster, .logType, .principal, .sourceIP], .windowLoggingChanges,
        [.equals(.change, "disabled"), .equals(.logType, "audit"), .equals(.window, "1h")], .above, 0),
      unit: .changes),
    AlertCondition(
      name: "KubeAuditCloudInsight", severity: .ticket,
      summary: "CloudTrail Insights finds calls of a cloud's API unusual",
      term: AlertCondition.Term(
        query: SampleQuery(
          .max, by: place + [.cloudService, .operation, .errorCode, .insight], .insightCalls),
        comparison: .above, threshold: 0),
      unit: .state("unusual")),
  ]
}
