"""Is anything wrong, where, and which dashboard tells more."""
from grafana import FIRES_AT, colours, dashboard, error_share, graph, risen, stat, table, zeroed

ALERT = 'alertname=~"KubeAudit.*", severity!="none", k8s_cluster=~"($cluster)|"'

SILENT = FIRES_AT["KubeAuditClusterSilent"]

NOW = [
    stat("Refused by the authorizer, 5 min",
         zeroed('sum(kube_audit_window_denied_requests{window="5m", reason="authorization"})'),
         "Requests answered 403 because a user lacks the right, in the last five minutes. KubeAuditForbiddenSpike "
         "pages at 50 of one user from one source IP. Quota and pod security are left out.",
         at=colours("KubeAuditForbiddenSpike", 10), link="denied", alerts=["KubeAuditForbiddenSpike"]),
    stat("Failed authentications, 5 min",
         zeroed('sum(kube_audit_window_denied_requests{window="5m", reason="authentication"})'),
         "Requests answered 401 for want of valid credentials, in the last five minutes.",
         at=colours("KubeAuditUnauthorizedSpike", 20), link="denied", alerts=["KubeAuditUnauthorizedSpike"]),
    stat("Server errors, 5 min", f"max({error_share('5m')})",
         "The share of requests answered 5xx in the last five minutes, in the worst cluster. No data: no request at "
         "all.",
         unit="percentunit", at=colours("KubeAuditServerErrorRatio", 0.01), link="errors", decimals=2,
         alerts=["KubeAuditServerErrorRatio"]),
    stat("RBAC changes, 1 h", zeroed('sum(kube_audit_window_rbac_mutations{window="1h", outcome="success"})'),
         "Roles, cluster roles and bindings that were created, changed or deleted in the last hour.",
         at=colours("KubeAuditRBACMutationBurst", 1), link="changes", alerts=["KubeAuditRBACMutation"]),
    stat("aws-auth and webhooks, 1 h",
         zeroed('sum(kube_audit_window_tracked_requests{window="1h", outcome="success", '
                'object=~"aws-auth|validating-webhooks|mutating-webhooks"})'),
         "Changes in the last hour of who is an administrator of an EKS cluster, and of the webhooks that judge every "
         "write.",
         at=[(1, "red")], link="changes", alerts=["KubeAuditAWSAuthChanged", "KubeAuditAdmissionWebhookChanged"]),
    stat("Alerts firing", zeroed(f'count(ALERTS{{alertstate="firing", {ALERT}}})'),
         "Alerts of this product that fire now, in the chosen clusters or in none. The table below names them.",
         at=[(1, "red")]),
    stat("Requests", 'sum(rate(kube_audit_requests_total[$__rate_interval]))',
         "Requests to the API servers a second, from the audit events.", unit="reqps", base="blue", link="errors"),
    stat("Clusters heard", zeroed("count(max by (k8s_cluster) (kube_audit_cluster_last_event_timestamp_seconds) "
                                  f"> time() - {SILENT})"),
         "Clusters with an audit event in the last 15 minutes.", base="blue", link="exporter"),
    stat("Clusters silent", zeroed("count(max by (k8s_cluster) (kube_audit_cluster_last_event_timestamp_seconds) "
                                   f"<= time() - {SILENT} or max by (k8s_cluster) (kube_audit_cluster_expected) "
                                   "unless on (k8s_cluster) kube_audit_cluster_last_event_timestamp_seconds)"),
         "Clusters without an audit event for 15 minutes, and those that are expected and were never heard. What "
         "happens there is seen by nobody.", at=[(1, "red")], link="exporter",
         alerts=["KubeAuditClusterSilent", "KubeAuditClusterNeverHeard"]),
    stat("Furthest behind", "max(kube_audit_event_lag_seconds)",
         "How far the newest event of the slowest feed was behind the clock when it arrived. Windows end that much "
         "earlier, and pages come that much later.", unit="s", at=colours("KubeAuditFeedLagging", 180), link="exporter",
         alerts=["KubeAuditFeedLagging"]),
    stat("Impersonated requests, 1 h", zeroed(f"sum({risen('kube_audit_impersonated_requests_total', '1h')})"),
         "Requests in the last hour that one user made in the name of another, the first of its kind included. "
         "Where Prometheus has nothing of an hour ago, the whole count shows.",
         base="blue", link="changes", decimals=0),
    stat("Events not counted, 1 h",
         zeroed("sum(increase(kube_audit_events_rejected_total[1h])) + "
                "sum(increase(kube_audit_events_dropped_total[1h]))"),
         "Records of the last hour that could not be read, or were received and not counted. They are in no other "
         "number here.", at=[(1, "red")], link="exporter", decimals=0,
         alerts=["KubeAuditEventsRejected", "KubeAuditEventsDropped"]),
]

CLUSTERS = [
    table("Clusters", ["k8s_cluster"], [
        ("Refused by the authorizer, 5 min",
         'sum by (k8s_cluster) (kube_audit_window_denied_requests{window="5m", reason="authorization"})', "short",
         colours("KubeAuditForbiddenSpike", 10)),
        ("Failed authentications, 5 min",
         'sum by (k8s_cluster) (kube_audit_window_denied_requests{window="5m", reason="authentication"})', "short",
         colours("KubeAuditUnauthorizedSpike", 20)),
        ("Server errors, 5 min", error_share("5m"),
         "percentunit", colours("KubeAuditServerErrorRatio", 0.01)),
        ("RBAC changes, 1 h",
         'sum by (k8s_cluster) (kube_audit_window_rbac_mutations{window="1h", outcome="success"})', "short",
         colours("KubeAuditRBACMutationBurst", 1)),
        ("Requests", "sum by (k8s_cluster) (rate(kube_audit_requests_total[$__rate_interval]))", "reqps", []),
        ("Lag", "max by (k8s_cluster) (kube_audit_event_lag_seconds)", "s", colours("KubeAuditFeedLagging", 180)),
        ("Newest event", "1000 * max by (k8s_cluster) (kube_audit_cluster_last_event_timestamp_seconds)",
         "dateTimeFromNow", []),
    ], "A row for each cluster that was heard, the one with most refusals first. Click a cluster to see it alone. A "
       "cluster without any row is silent: see Exporter and feeds.", size=(24, 7)),
]

COURSE = [
    graph("Refused in the last 5 minutes", [
        ('sum by (reason) (kube_audit_window_denied_requests{window="5m"})', "{{reason}}")],
        "401 and 403 by why. A jump of authorization is somebody trying doors, or a workload that lost its role; a "
        "jump of authentication is expired or guessed credentials.", stacked=True, alerts=["KubeAuditForbiddenSpike"]),
    graph("Server errors in the last 5 minutes", [
        (error_share("5m"), "{{k8s_cluster}}")],
        "The share of requests answered 5xx, by cluster. The line is where KubeAuditServerErrorRatio pages.",
        unit="percentunit", at=colours("KubeAuditServerErrorRatio"), alerts=["KubeAuditServerErrorRatio"]),
    graph("Requests by code", [("sum by (code) (rate(kube_audit_requests_total[$__rate_interval]))", "{{code}}")],
          "All requests a second, by the code of the answer.", unit="reqps", stacked=True),
    graph("Changes of permissions and sensitive objects", [
        ('sum by (resource) (kube_audit_window_rbac_mutations{window="5m", outcome="success"})', "{{resource}}"),
        ('sum by (object) (kube_audit_window_tracked_requests{window="5m", outcome="success", '
         'object=~"aws-auth|validating-webhooks|mutating-webhooks|networkpolicies|certificate-requests|pod-exec"})',
         "{{object}}")],
        "Changes that succeeded in the last five minutes: RBAC by resource, and the objects that decide who may do "
        "what.",
        alerts=["KubeAuditRBACMutationBurst"]),
]

WHO = [
    table("Alerts that fire", ["alertname", "severity", "k8s_cluster", "instance", "user", "source_ip", "input"], [
        ("Since", "1000 * max by (alertname, severity, k8s_cluster, instance, user, source_ip, input) "
                  f"(ALERTS_FOR_STATE{{{ALERT}}} and ignoring (alertstate) ALERTS{{alertstate=\"firing\", {ALERT}}})",
         "dateTimeFromNow", [])],
          "What fires now, newest first, and since when. Click an alert for its runbook, a user or a source IP for all "
          "that was refused. Empty is well.", size=(12, 9), rows=50),
    table("Refused most, last hour", ["k8s_cluster", "user", "source_ip"], [
        ("1 h", 'sum by (k8s_cluster, user, source_ip) (kube_audit_window_denied_requests{window="1h"})', "short",
         colours("KubeAuditForbiddenSustained", 50)),
        ("5 min", 'sum by (k8s_cluster, user, source_ip) (kube_audit_window_denied_requests{window="5m"})', "short",
         colours("KubeAuditForbiddenSpike", 10))],
          "Who was refused (401 or 403) and from where. Much in 5 min and as much in 1 h: it has just begun.",
          size=(12, 9), rows=25, alerts=["KubeAuditForbiddenSpike", "KubeAuditForbiddenSustained"]),
]

DASHBOARD = dashboard(
    "overview", "Kubernetes audit / Overview",
    "Refusals, server errors, permission changes and silence of every cluster, from Kubernetes audit events.",
    [("Now", NOW), ("Clusters", CLUSTERS), ("Who and which alert", WHO), ("Course", COURSE)])
