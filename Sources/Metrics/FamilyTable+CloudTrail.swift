// The families that follow from CloudTrail: what was asked of a cloud about its clusters, and by whom.
extension Families {
  private static let place: [Label] = [.cloudProvider, .cloudAccount, .cloudRegion]

  static let cloudTrail = FamilySection(
    title: "Calls of cloud APIs",
    introduction: """
      From the records of AWS CloudTrail, by whichever input they come ([cloudtrail.md](cloudtrail.md)): calls of EKS, and \
      of STS where a service account asks for a role. Records of other services are ignored, and counted so. Each is \
      counted once, by its event ID. At most \(cloudPlaceLimit) accounts and regions are told apart. The windows are those of \
      audit events, and reach as far behind the clock as CloudTrail delivers.
      """,
    families: [
      Family(
        .cloudAPICalls, .counter, place + [.operation, .errorCode, .principal], limit: counterSeriesLimit,
        help: "Calls of the API of EKS, refused and failed ones included.",
        note: "`error_code` is `(none)` for a call that succeeded.",
        query: """
          sum by (operation, principal) (increase(kube_audit_cloud_api_calls_total{error_code!="(none)"}[1d])) > 0
          """),
      Family(
        .windowCloudAPICalls, .gauge, place + [.window, .operation, .errorCode, .principal],
        limit: windowSeriesLimit,
        help: "Calls of the API of EKS inside the sliding window.",
        query: #"kube_audit_window_cloud_api_calls{window="1h", operation="CreateAccessEntry"} > 0"#),
      Family(
        .loggingChanges, .counter, place + [.cluster, .logType, .change, .principal, .sourceIP],
        limit: counterSeriesLimit,
        help: "Types of control-plane logs that a call has turned on or off, by whom and from where.",
        note: """
          `UpdateClusterConfig` that EKS accepted; each type of log that it names counts once for a call, also one that \
          was on, or off, before.
          """,
        query: #"sum by (k8s_cluster, principal) (increase(kube_audit_cluster_logging_changes_total[30d]))"#),
      Family(
        .windowLoggingChanges, .gauge,
        place + [.window, .cluster, .logType, .change, .principal, .sourceIP], limit: windowSeriesLimit,
        help: "Types of control-plane logs that a call has turned on or off inside the sliding window.",
        query: #"kube_audit_window_cluster_logging_changes{window="1h", change="disabled"} > 0"#),
      Family(
        .roleAssumptions, .counter, place + [.user, .role, .errorCode], limit: counterSeriesLimit,
        help: "Roles that service accounts have asked for with a token of their cluster (IRSA).",
        note: """
          `user` is the service account, spelled as in audit events: `system:serviceaccount:<namespace>:<name>`. \
          `error_code` is `(none)` where the role was given; refused tries count too.
          """,
        query: "sum by (user, role) (increase(kube_audit_role_assumptions_total[1d]))"),
      Family(
        .insightCalls, .gauge, place + [.cloudService, .operation, .errorCode, .insight], limit: 500,
        help: "Calls, or errors, a minute while CloudTrail Insights finds them unusual.",
        note: """
          Of every service, as Insights tells it when it begins. Absent after its end, and a day after its beginning.
          """,
        query: "kube_audit_cloud_insight_calls_per_minute / kube_audit_cloud_insight_baseline_calls_per_minute"),
      Family(
        .insightBaseline, .gauge, place + [.cloudService, .operation, .errorCode, .insight], limit: 500,
        help: "Calls, or errors, a minute in the week before CloudTrail Insights found them unusual.",
        note: "There as long as the family above."),
    ])
}
