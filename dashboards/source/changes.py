"""Who changed permissions, who touched what must not be touched, who acted as somebody else."""
from grafana import colours, dashboard, graph, risen, stat, table, zeroed

RBAC = "kube_audit_window_rbac_mutations"
TRACKED = "kube_audit_window_tracked_requests"
WHO = "k8s_cluster, user, verb, resource, outcome"
WHAT = "k8s_cluster, user, object, verb, outcome"
WRITES = "create|update|patch|delete|deletecollection"


NOW = [
    stat("RBAC changes, 1 h", zeroed(f'sum({RBAC}{{window="1h", outcome="success"}})'),
         "Roles, cluster roles and bindings created, changed or deleted. In most clusters a person can name each.",
         at=colours("KubeAuditRBACMutationBurst", 1), alerts=["KubeAuditRBACMutation", "KubeAuditRBACMutationBurst"]),
    stat("RBAC changes refused, 1 h", zeroed(f'sum({RBAC}{{window="1h", outcome="denied"}})'),
         "Somebody tried to change permissions and was not allowed to.", at=[(1, "red")],
         alerts=["KubeAuditRBACChangeRefused"]),
    stat("aws-auth changed, 1 h", zeroed(f'sum({TRACKED}{{window="1h", object="aws-auth", outcome="success"}})'),
         "The ConfigMap that says which IAM identities may enter an EKS cluster, and as whom.", at=[(1, "red")],
         alerts=["KubeAuditAWSAuthChanged"]),
    stat("Admission webhooks changed, 1 h",
         zeroed(f'sum({TRACKED}{{window="1h", object=~"validating-webhooks|mutating-webhooks", outcome="success"}})'),
         "Webhooks judge, and may rewrite, every write to the API server.", at=[(1, "red")],
         alerts=["KubeAuditAdmissionWebhookChanged"]),
    stat("Shells into pods, 1 h", zeroed(f'sum({TRACKED}{{window="1h", object="pod-exec", outcome="success"}})'),
         "Commands run in containers (exec) that were allowed.", at=[(1, "orange")]),
    stat("Secrets read, 15 min", zeroed(f'sum({TRACKED}{{window="15m", object="secret-reads", outcome="success"}})'),
         "Secrets that were read, listed or watched. Controllers do so all day; look for a user who does not.",
         base="blue"),
]

PERMISSIONS = [
    table("Who changed roles and bindings", WHO.split(", "), [
        ("Last, 24 h", f'1000 * max_over_time(timestamp(sum by ({WHO}) ({RBAC}{{window="5m"}}))[1d:1m])',
         "dateTimeFromNow", []),
        ("15 min", f'sum by ({WHO}) ({RBAC}{{window="15m"}})', "short", colours("KubeAuditRBACMutationBurst", 1)),
        ("1 h", f'sum by ({WHO}) ({RBAC}{{window="1h"}})', "short", []),
        ("24 h", f"sum by ({WHO}) {risen('kube_audit_rbac_mutations_total', '1d')} > 0", "short", [])],
          "Every change of the last 24 hours that was asked for, the last one first. outcome: denied was refused, "
          "dry_run stored nothing. Audit events of level Metadata do not tell what was written: ask the object, or its "
          "YAML in version control. Where Prometheus has nothing of a day ago, 24 h is the whole count.", size=(24, 10),
          alerts=["KubeAuditRBACMutation", "KubeAuditRBACChangeRefused"]),
    graph("RBAC changes, by resource and verb", [
        (f'sum by (resource, verb) ({RBAC}{{window="5m", outcome="success"}})', "{{verb}} {{resource}}")],
        "Changes that succeeded, in a window of five minutes.", stacked=True, alerts=["KubeAuditRBACMutationBurst"]),
    graph("RBAC changes, by user", [(f'sum by (k8s_cluster, user) ({RBAC}{{window="5m"}})', "{{k8s_cluster}} "
                                                                                            "{{user}}")],
          "Changes that were asked for, whatever came of them, in a window of five minutes. The line is where a burst "
          "pages.", at=colours("KubeAuditRBACMutationBurst"), alerts=["KubeAuditRBACMutationBurst"]),
    graph("RBAC changes, by outcome", [
        ("sum by (outcome) (increase(kube_audit_rbac_mutations_total[$__rate_interval]))", "{{outcome}}")],
        "The counters: right over any time, but the first change of its kind by a user is not in an increase.",
        bars=True, stacked=True),
    graph("RBAC changes by cluster", [(f'sum by (k8s_cluster) ({RBAC}{{window="1h"}})', "{{k8s_cluster}}")],
          "Changes that were asked for, in a window of an hour."),
]

OBJECTS = [
    table("Who touched tracked objects, last hour", WHAT.split(", "), [
        ("1 h", f'sum by ({WHAT}) ({TRACKED}{{window="1h", object!~"pods|endpoints"}})', "short", []),
        ("15 min", f'sum by ({WHAT}) ({TRACKED}{{window="15m", object!~"pods|endpoints"}})', "short", []),
        ("First seen, 24 h",
         f'1000 * min_over_time(timestamp(sum by ({WHAT}) ({TRACKED}{{window="5m", object!~"pods|endpoints"}}))[1d:1m])',
         "dateTimeFromNow", [])],
          "Secrets, exec, aws-auth, webhooks, tokens, certificates, service accounts, namespaces, network policies, "
          "and what you track yourself. Pods and endpoints change all the time and are in the graphs "
          "alone.", size=(24, 10),
          alerts=["KubeAuditAWSAuthChanged", "KubeAuditAdmissionWebhookChanged"]),
    graph("Sensitive objects changed", [
        (f'sum by (object) ({TRACKED}{{window="15m", outcome="success", verb=~"{WRITES}", '
         'object!~"pods|endpoints|secret-reads"})', "{{object}}")],
        "Changes that succeeded, in a window of 15 minutes.", stacked=True),
    graph("Tracked objects, all requests", [
        ("sum by (object) (rate(kube_audit_tracked_requests_total[$__rate_interval]))", "{{object}}")],
        "Requests a second, from the counters.", unit="reqps", stacked=True),
    graph("Secrets read, by user", [
        (f'sum by (k8s_cluster, user) ({TRACKED}{{window="15m", object="secret-reads"}}) >= $at_least',
         "{{k8s_cluster}} {{user}}")],
        "Users whose reads of secrets reach the number chosen above in 15 minutes, refused reads included. A new line "
        "is the finding."),
    graph("Tracked objects refused", [
        (f'sum by (object, verb) ({TRACKED}{{window="15m", outcome="denied"}})', "{{verb}} {{object}}")],
        "Requests for tracked objects that were answered 401 or 403, in a window of 15 minutes."),
]

IMPERSONATION = [
    table("Who acted as somebody else", ["k8s_cluster", "user", "impersonated_user"], [
        ("In the time range",
         "sum by (k8s_cluster, user, impersonated_user) "
         f"{risen('kube_audit_impersonated_requests_total', '$__range')} > 0", "short", [])],
          "Requests of the time range that User made in the name of As user. The API server judged them by As user's "
          "rights; all other panels count them for User.", size=(12, 8), alerts=["KubeAuditImpersonationRefused"]),
    graph("Impersonated requests", [
        ("sum by (k8s_cluster, user) (rate(kube_audit_impersonated_requests_total[$__rate_interval]))",
         "{{k8s_cluster}} {{user}}")],
        "Requests a second in the name of another, by who really made them.", unit="reqps"),
]

LOGGING = "k8s_cluster, log_type, change, principal, source_ip"
CALLS = "cloud_account, cloud_region, operation, error_code, principal"
CLOUD = [
    table("Who turned control-plane logs on or off, last hour", LOGGING.split(", "), [
        ("1 h", f'sum by ({LOGGING}) (kube_audit_window_cluster_logging_changes{{window="1h"}})', "short", [])],
          "UpdateClusterConfig that EKS accepted, from CloudTrail. What is off is not written, and cannot be had "
          "afterwards.", size=(24, 7), alerts=["KubeAuditLoggingTurnedOff"]),
    table("Calls of EKS, last hour", CALLS.split(", "), [
        ("1 h", f'sum by ({CALLS}) (kube_audit_window_cloud_api_calls{{window="1h"}})', "short", [])],
          "Calls of the API of EKS, by all sessions of a role together. CreateAccessEntry lets a principal into a "
          "cluster.", size=(24, 10)),
    graph("Calls of EKS, by operation", [
        ("sum by (operation, error_code) (rate(kube_audit_cloud_api_calls_total[$__rate_interval]))",
         "{{operation}} {{error_code}}")],
        "Calls a second, from the counters.", unit="reqps", stacked=True),
    graph("Control-plane logs turned on or off", [
        ("sum by (log_type, change) (increase(kube_audit_cluster_logging_changes_total[$__rate_interval]))",
         "{{log_type}} {{change}}")],
        "From the counters: the first change of its kind by a principal is not in an increase.", bars=True,
        stacked=True),
    graph("Roles of service accounts (IRSA)", [
        ("sum by (user, role, error_code) (rate(kube_audit_role_assumptions_total[$__rate_interval]))",
         "{{user}} {{role}} {{error_code}}")],
        "Roles that service accounts have asked AWS for, a second. (none) stands for success.", unit="reqps"),
    graph("Unusual calls (CloudTrail Insights)", [
        ("max by (cloud_service, operation, error_code, insight) (kube_audit_cloud_insight_calls_per_minute)",
         "{{cloud_service}} {{operation}} {{error_code}} {{insight}}"),
        ("max by (cloud_service, operation, error_code, insight) "
         "(kube_audit_cloud_insight_baseline_calls_per_minute)",
         "{{cloud_service}} {{operation}} {{error_code}} {{insight}}, usually")],
        "Calls or errors a minute while Insights finds them unusual, and in the week before.",
        alerts=["KubeAuditCloudInsight"]),
]

DASHBOARD = dashboard(
    "changes", "Kubernetes audit / RBAC and sensitive changes",
    "Changes of roles and bindings, of aws-auth and admission webhooks, secrets, exec, impersonation: by whom, since "
    "when.",
    [("Now", NOW), ("Permissions", PERMISSIONS), ("Tracked objects", OBJECTS), ("Impersonation", IMPERSONATION),
     ("The cloud", CLOUD)],
    variables=("user", "at_least"),
    label_source='{__name__=~"kube_audit_(rbac_mutations_total|window_tracked_requests|impersonated_requests_total)", '
    'job=~"$job", instance=~"$instance", k8s_cluster=~"$cluster"}', time="now-24h")
