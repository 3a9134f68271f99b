// The families that tell what clouds say of the clusters' logging.
extension Families {
  private static let place: [Label] = [.cloudProvider, .cloudAccount, .cloudRegion]

  static let posture = FamilySection(
    title: "Logging of clusters",
    introduction: """
      What clouds say of every cluster's logging, and whether it arrives ([docs/posture.md](posture.md)). Absent where \
      `posture.targets` names none. At most 1,000 clusters are looked at.
      """,
    families: [
      Family(
        .clusterLogTypeEnabled, .gauge, place + [.cluster, .logType],
        help: "1 if the cloud exports this type of the control plane's log, 0 if not: the last known answer.",
        note: """
          `audit` is the log that this exporter counts. Absent for a type of which nothing was ever known. How old the \
          answer is: `kube_audit_posture_last_success_timestamp_seconds`.
          """,
        query: #"kube_audit_cluster_log_type_enabled{log_type="audit"} == 0"#),
      Family(
        .clusterLoggingStatus, .gauge, place + [.cluster, .status],
        help: "1 for the status that a cluster has, 0 for the others.",
        note: """
          `enabled`: all types are exported. `degraded`: the audit log is, another type is not. `disabled`: the audit log \
          is not. `silent`: it is, and no event has arrived for `posture.silent_after`. `unknown`: it could not be asked \
          or the answer does not say, which never counts as good. Clusters that run elsewhere have none.
          """,
        query: #"count by (status) (kube_audit_cluster_logging_status == 1)"#),
      Family(
        .clusterLogRetention, .gauge, place + [.cluster],
        help: "How long the cluster's log group keeps events; +Inf for ever.",
        note: "Absent where there is no log group or it could not be asked.",
        query: "kube_audit_cluster_log_retention_seconds < 90 * 86400"),
      Family(
        .clusterUnlisted, .gauge, [.cluster],
        help: "1 for a cluster whose events arrive from a cloud that does not list it.",
        note: """
          It is in an account or region that `posture.targets` lacks, it was just deleted, or somebody else writes into a \
          log group of that name. Shown only while all lists are whole.
          """,
        query: "kube_audit_cluster_unlisted == 1"),
      Family(
        .clustersLoggingDisabled, .gauge, place,
        help: "Clusters whose audit log is off.",
        query: "sum(kube_audit_clusters_logging_disabled)"),
      Family(
        .postureUp, .gauge, place,
        help: "1 if every cluster of the region was listed and asked at the last round, else 0.",
        query: "kube_audit_posture_up == 0"),
      Family(
        .postureLastSuccess, .gauge, place,
        help: "When every cluster of the region was last listed and asked, as Unix time.",
        note: "Absent before the first success.",
        query: "time() - kube_audit_posture_last_success_timestamp_seconds > 3600"),
    ])
}
