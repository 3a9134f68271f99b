"""Do all clusters log, in all accounts and regions: by status, by type, how late, and what it costs."""
from grafana import FIRES_AT, colours, dashboard, graph, stat, table, zeroed

STATUS = "kube_audit_cluster_logging_status"
WORDS = ("enabled", "degraded", "disabled", "silent", "unknown")
PLACE = "cloud_account, cloud_region"
CLUSTER = f"{PLACE}, k8s_cluster"
BEHIND = FIRES_AT["KubeAuditLogGroupsBehind"]


def having(status, by=CLUSTER):
    """The clusters that have it, one series each."""
    return f'max by ({by}) ({STATUS}{{status="{status}"}})'


def type_of(name):
    return (f"max by ({CLUSTER}) (kube_audit_cluster_log_type_enabled{{log_type=\"{name}\"}})")


def clusters(status, title, description, colour, alerts):
    return stat(title, zeroed(f"sum({having(status)})"), description, at=[(1, colour)] if colour else [], alerts=alerts,
                base="green" if status == "enabled" else "text")


NOW = [
    clusters("enabled", "Enabled", "Clusters that export all types of log.", None, []),
    clusters("degraded", "Degraded", "Clusters that export their audit log, and not every other type.", "orange",
             ["KubeAuditLoggingDegraded"]),
    clusters("disabled", "Disabled", "Clusters whose audit log is off.", "red",
             ["KubeAuditLoggingDisabled", "KubeAuditLoggingStopped"]),
    clusters("silent", "Silent", "Clusters whose audit log is on, and of which nothing arrives.", "red",
             ["KubeAuditLoggingSilent"]),
    clusters("unknown", "Unknown", "Clusters of which nobody knows. Never counted as good.", "orange",
             ["KubeAuditLoggingUnknown", "KubeAuditPostureDown"]),
    stat("Unlisted", zeroed("count(max by (k8s_cluster) (kube_audit_cluster_unlisted))"),
         "Clusters whose events arrive, and that no account and region lists.", at=[(1, "orange")], base="text",
         alerts=["KubeAuditClusterUnlisted"]),
]

CLUSTERS = [
    table("Log types", ["k8s_cluster", "cloud_account", "cloud_region"], [
        (title, type_of(name), "short", [(1, "green")]) for title, name in (
            ("Audit", "audit"), ("API", "api"), ("Authenticator", "authenticator"),
            ("Controller manager", "controllerManager"), ("Scheduler", "scheduler"))] + [
        ("Kept for", f"max by ({CLUSTER}) (kube_audit_cluster_log_retention_seconds)", "s", []),
        ("Newest event", f"1000 * max by ({CLUSTER}) ({STATUS} * 0 + on (k8s_cluster) group_left () "
         "max by (k8s_cluster) (kube_audit_cluster_last_event_timestamp_seconds))", "dateTimeFromNow", [])],
          "Which types of log each cluster exports: 1 or 0, the last known answer; how long its log group keeps them; when "
          "its newest event happened.", size=(24, 10), rows=1000, sort="Audit",
          alerts=["KubeAuditLoggingDisabled", "KubeAuditLoggingDegraded"]),
    graph("Clusters by status", [(f'sum by (status) (max by ({CLUSTER}, status) ({STATUS}))', "{{status}}")],
          "How many clusters have each status.", stacked=True,
          alerts=["KubeAuditLoggingDisabled", "KubeAuditLoggingSilent", "KubeAuditLoggingUnknown"]),
    table("Not as they should be", ["k8s_cluster", "cloud_account", "cloud_region", "status"], [
        ("Has it", f'max by ({CLUSTER}, status) ({STATUS}{{status!="enabled"}}) == 1', "short", [])],
          "Every cluster that is not enabled.", size=(12, 8), rows=1000,
          alerts=["KubeAuditLoggingStopped", "KubeAuditLoggingDisabled", "KubeAuditLoggingUnknown"]),
]

REGIONS = [
    table("Regions", ["cloud_account", "cloud_region"], [
        ("Up", f"min by ({PLACE}) (kube_audit_posture_up)", "short", [(1, "green")]),
        ("Last looked at", f"1000 * max by ({PLACE}) (kube_audit_posture_last_success_timestamp_seconds)",
         "dateTimeFromNow", []),
        ("Without audit log", f"max by ({PLACE}) (kube_audit_clusters_logging_disabled)", "short", [(1, "red")])],
          "Each account and region: whether all of its clusters could be asked, and when that last succeeded.",
          size=(12, 8), rows=1000, alerts=["KubeAuditPostureDown"]),
    graph("Regions that cannot be looked at", [
        (f"1 - min by ({PLACE}) (kube_audit_posture_up)", "{{cloud_account}} {{cloud_region}}")],
        "1 while not every cluster of a region can be listed and asked.", alerts=["KubeAuditPostureDown"]),
]

LAG = [
    graph("Log groups read late", [
        (f"max by ({PLACE}) (time() - kube_audit_log_groups_read_timestamp_seconds)",
         "{{cloud_account}} {{cloud_region}}")],
        "How long ago the log group that is furthest behind was read to its end.", unit="s",
        at=colours("KubeAuditLogGroupsBehind"), alerts=["KubeAuditLogGroupsBehind"]),
    graph("Lag of clusters", [("max by (k8s_cluster) (kube_audit_event_lag_seconds)", "{{k8s_cluster}}")],
          "How far the newest event was behind the clock when it arrived.", unit="s", at=colours("KubeAuditFeedLagging"),
          alerts=["KubeAuditFeedLagging"]),
]

COST = [
    graph("Bytes read by inputs", [("sum by (input) (rate(kube_audit_input_bytes_total[$__rate_interval]))", "{{input}}")],
          "What is read, a second. CloudWatch charges for what comes in, which is about as much.", unit="Bps", stacked=True),
    graph("Calls by operation", [
        ("sum by (cloud_service, operation) (rate(kube_audit_cloud_requests_total[$__rate_interval]))",
         "{{cloud_service}} {{operation}}")],
        "Requests to clouds, a second, tries that failed included. Quotas are of an account and region.", unit="reqps",
        stacked=True, alerts=["KubeAuditCloudThrottled"]),
    graph("Calls throttled or denied", [
        ("sum by (cloud_region, operation, outcome) "
         '(increase(kube_audit_cloud_requests_total{outcome=~"throttled|denied"}[$__rate_interval]))',
         "{{cloud_region}} {{operation}} {{outcome}}")],
        "Throttled: the quota is spent. Denied: rights or credentials are missing.", bars=True, stacked=True,
        alerts=["KubeAuditCloudThrottled", "KubeAuditCloudDenied"]),
    graph("Clusters found", [(f"count by ({PLACE}) (max by ({CLUSTER}) ({STATUS}))", "{{cloud_account}} {{cloud_region}}")],
          "How many clusters each account and region has.", stacked=True),
]

DASHBOARD = dashboard(
    "fleet", "Kubernetes audit / Fleet",
    "Whether every cluster of every account and region logs, how late its log is read, and what drives the cost.",
    [("Now", NOW), ("Clusters", CLUSTERS), ("Accounts and regions", REGIONS), ("Lag", LAG), ("Cost", COST)])
