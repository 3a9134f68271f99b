"""What detection rules matched: which, how urgent, where, since when; and what no single request tells."""
from grafana import bars, colours, dashboard, graph, stat, table, zeroed

MATCHED = "kube_audit_window_detections"
TRACKED = "kube_audit_window_tracked_requests"
WHAT = "k8s_cluster, rule, priority"
SYSTEM = "system:node:.*|system:serviceaccount:kube-system:.*|system:kube-.*"


def matched(window, priorities):
    return zeroed(f'sum({MATCHED}{{window="{window}", priority=~"{priorities}"}})')


NOW = [
    stat("Critical, 1 h", matched("1h", "emergency|alert|critical"),
         "Matches of rules that page: somebody was made an administrator, read every secret, let anonymous requests in.",
         at=[(1, "red")], alerts=["KubeAuditDetectionCritical"]),
    stat("Errors, 1 h", matched("1h", "error"),
         "Matches of rules that are rarely right: privileged pods, wildcard roles, changed webhooks. A ticket each.",
         at=[(1, "orange")], alerts=["KubeAuditDetection"]),
    stat("Warnings, 1 h", matched("1h", "warning"),
         "Matches of rules that are often work, and worth a question. A ticket each.", at=[(1, "orange")],
         alerts=["KubeAuditDetection"]),
    stat("Notices and below, 1 h", matched("1h", "notice|informational|debug"),
         "Matches that nobody is told of: what one looks at once something else has happened.", base="blue"),
    stat("Different rules, 1 h", zeroed(f'count(sum by (rule) ({MATCHED}{{window="1h"}}))'),
         "How many rules matched. Many at once are a story, one that matches often is work, or noise.", base="blue"),
    stat("Rules watched", zeroed("count(count by (rule) (increase(kube_audit_detections_total[1h])))"),
         "Rules that are loaded and enabled. 0: no rules file is named, and nothing here can say anything.",
         at=[(1, "green")], base="red"),
]

RULES = [
    table("What matched", WHAT.split(", "), [
        ("Last, 24 h", f'1000 * max_over_time(timestamp(sum by ({WHAT}) ({MATCHED}{{window="5m"}}))[1d:1m])',
         "dateTimeFromNow", []),
        ("15 min", f'sum by ({WHAT}) ({MATCHED}{{window="15m"}})', "short", []),
        ("1 h", f'sum by ({WHAT}) ({MATCHED}{{window="1h"}})', "short", []),
        ("24 h", f"round(sum by ({WHAT}) (increase(kube_audit_detections_total[1d]))) > 0", "short", [])],
          "Every rule that matched in the last 24 hours, the last one first. A click on a rule leads to what it means, "
          "what to look at first and how to tune it. Who did it is not in a metric: the exporter's page /evidence "
          "tells.", size=(24, 10), alerts=["KubeAuditDetectionCritical", "KubeAuditDetection"]),
    graph("Matches by priority", [(f'sum by (priority) ({MATCHED}{{window="15m"}})', "{{priority}}")],
          "Matches in a window of 15 minutes.", stacked=True),
    graph("Matches of rules that alert", [
        (f'sum by (rule) ({MATCHED}{{window="15m", priority=~"emergency|alert|critical|error|warning"}})', "{{rule}}")],
        "Critical, error and warning, by rule, in a window of 15 minutes.", alerts=["KubeAuditDetection"]),
    graph("Matches by cluster", [(f'sum by (k8s_cluster) ({MATCHED}{{window="1h"}})', "{{k8s_cluster}}")],
          "All matches in a window of an hour. A cluster that is ten times as loud as the others has other users, or a "
          "list to fill."),
    graph("Trend by priority", [
        ("sum by (priority) (increase(kube_audit_detections_total[$__rate_interval]))", "{{priority}}")],
        "The counters, over any time. They begin at 0, so the first match is in them.", bars=True, stacked=True),
]

TUNING = [
    bars("Loudest rules in the time range",
         "round(sum by (rule) (increase(kube_audit_detections_total[$__range]))) > 0", "{{rule}}",
         "What matched most. A rule on top that makes tickets is to be tuned: put users, images or namespaces on its "
         "list."),
    table("New in the last hour", WHAT.split(", "), [
        ("1 h", f'sum by ({WHAT}) ({MATCHED}{{window="1h"}}) unless sum by ({WHAT}) '
                f'(max_over_time({MATCHED}{{window="1h"}}[1d] offset 1h))', "short", [])],
          "Rules that matched in the last hour and had not for a day before.", size=(12, 8)),
]

SIGHT = [
    table("Rules that the audit level fails", ["k8s_cluster", "rule"], [
        ("Blind", "max by (k8s_cluster, rule) (kube_audit_rule_evaluable) == 0", "none", []),
        ("Noisy", "max by (k8s_cluster, rule) (kube_audit_rule_noisy) == 1", "none", [])],
          "0 under Blind: the rule is silent whatever happens, because no bodies are logged of the requests that it is "
          "about. 1 under Noisy: it matches because they are not. The exporter's page tells what the policy needs.",
          size=(12, 8), alerts=["KubeAuditRulesBlind", "KubeAuditRulesNoisy"]),
    graph("Blind rules by cluster", [
        ("count by (k8s_cluster) (max by (k8s_cluster, rule) (kube_audit_rule_evaluable) == 0)", "{{k8s_cluster}}")],
        "How many rules can never match at the audit levels seen. No line: none.", alerts=["KubeAuditRulesBlind"]),
]

MANY = [
    graph("Secrets read by people", [
        (f'sum by (k8s_cluster, user) ({TRACKED}{{window="15m", object="secret-reads", outcome="success", '
         'user!~"system:.*|eks:.*"})', "{{k8s_cluster}} {{user}}")],
        "Reads in a window of 15 minutes. The line is where it becomes a ticket.", at=colours("KubeAuditSecretsRead"),
        alerts=["KubeAuditSecretsRead", "KubeAuditSecretReaderNew"]),
    graph("Secrets refused", [
        (f'sum by (k8s_cluster, user) ({TRACKED}{{window="15m", object="secret-reads", outcome="denied"}})',
         "{{k8s_cluster}} {{user}}")],
        "Refused reads in a window of 15 minutes. The line is where it becomes a ticket.",
        at=colours("KubeAuditSecretReadsRefused"), alerts=["KubeAuditSecretReadsRefused"]),
    graph("Kinds refused", [
        (f'count by (k8s_cluster, user) (sum by (k8s_cluster, user, object) ({TRACKED}{{window="15m", '
         'outcome="denied"}) > 0)', "{{k8s_cluster}} {{user}}")],
        "Kinds of tracked objects that a user was refused in a window of 15 minutes: what a credential that is tried "
        "out asks for.", at=colours("KubeAuditKindsRefused"), alerts=["KubeAuditKindsRefused"]),
    graph("Deletions", [
        (f'sum by (k8s_cluster, user) ({TRACKED}{{window="5m", verb=~"delete|deletecollection", outcome="success", '
         f'user!~"{SYSTEM}"}})', "{{k8s_cluster}} {{user}}")],
        "Tracked objects that were deleted, by users who are not the cluster's own, in a window of five minutes.",
        at=colours("KubeAuditMassDeletion"), alerts=["KubeAuditMassDeletion"]),
]

DASHBOARD = dashboard(
    "detections", "Kubernetes audit / Detections",
    "What detection rules matched, by rule, priority and cluster; reads, refusals and deletions that are many.",
    [("Now", NOW), ("Rules", RULES), ("Loud and new", TUNING), ("Blind and noisy", SIGHT), ("What no single request tells", MANY)],
    variables=("priority", "rule"), label_source="kube_audit_detections_total", time="now-24h")
