"""Who is refused, from where, since when, why, and is it a spike."""
from grafana import FIRES_AT, bars, colours, dashboard, graph, risen, stat, table, zeroed

DENIED = "kube_audit_window_denied_requests"
AUTHORIZATION = f'{DENIED}{{window="5m", reason="authorization"}}'
WHO = "k8s_cluster, user, source_ip, reason, code"

NOW = [
    stat("Refused by the authorizer, 5 min", zeroed(f"sum({AUTHORIZATION})"),
         "Requests answered 403 because a user lacks the right. Quota, pod security and other admission are left out.",
         at=colours("KubeAuditForbiddenSpike", 10), alerts=["KubeAuditForbiddenSpike"]),
    stat("Spike factor", f'12 * sum({AUTHORIZATION}) / sum({DENIED}{{window="1h", reason="authorization"}})',
         "The last five minutes against the mean of the last hour, authorizer only. 1: as always. 12: the whole hour's "
         "refusals fell into these five minutes, it has just begun. No data: nobody was refused.",
         at=[(3, "orange"), (6, "red")], decimals=1),
    stat("Failed authentications, 5 min", zeroed(f'sum({DENIED}{{window="5m", reason="authentication"}})'),
         "Requests answered 401: no valid credentials. There is no proven user, so look at the source IP.",
         at=colours("KubeAuditUnauthorizedSpike", 20), alerts=["KubeAuditUnauthorizedSpike"]),
    stat("Anonymous refused, 15 min", zeroed(f'sum({DENIED}{{window="15m", user="system:anonymous"}})'),
         "Refused requests without any credentials: a scan, a health check that lost its path, or a client that forgot "
         "its token.", at=colours("KubeAuditAnonymousRefused", 1), alerts=["KubeAuditAnonymousRefused"]),
    stat("Impersonations refused, 15 min", zeroed(f'sum({DENIED}{{window="15m", reason="impersonation"}})'),
         "Attempts to act as somebody else that were refused. Nobody does that by accident.",
         at=[(1, "red")], alerts=["KubeAuditImpersonationRefused"]),
    stat("Refused by admission, 15 min", zeroed(f'sum({DENIED}{{window="15m", reason="admission"}})'),
         "403 after authorization: quota, pod security, a policy engine. Rarely an attack; it explains many 403s.",
         base="blue"),
    stat("Most refused user, 5 min", f"topk(1, sum by (k8s_cluster, user) ({DENIED}{{window=\"5m\"}}))",
         "The user with most refusals in the last five minutes. No data: nobody was refused.", size=(8, 4),
         legend="{{k8s_cluster}} {{user}}", name=True, at=colours("KubeAuditForbiddenSpike", 10),
         alerts=["KubeAuditForbiddenSpike"]),
    stat("Most refused source IP, 5 min", f"topk(1, sum by (k8s_cluster, source_ip) ({DENIED}{{window=\"5m\"}}))",
         "The source IP with most refusals in the last five minutes. No data: nobody was refused.", size=(8, 4),
         legend="{{k8s_cluster}} {{source_ip}}", name=True, at=colours("KubeAuditForbiddenSpike", 10),
         alerts=["KubeAuditUnauthorizedSpike"]),
    stat("Most users from one source IP, 15 min",
         'topk(1, max by (k8s_cluster, source_ip) (kube_audit_window_distinct_users{window="15m"}))',
         "Different users refused from one source IP. Many names from one address is guessing, or a proxy that hides "
         "its clients: then set trusted_proxies.", size=(8, 4), legend="{{k8s_cluster}} {{source_ip}}", name=True,
         at=colours("KubeAuditManyUsersFromOneSource", 5), alerts=["KubeAuditManyUsersFromOneSource"]),
]

TABLE = [
    table("Who is refused, from where, why, since when", WHO.split(", "), [
        ("5 min", f'sum by ({WHO}) ({DENIED}{{window="5m"}})', "short", colours("KubeAuditForbiddenSpike", 10)),
        ("15 min", f'sum by ({WHO}) ({DENIED}{{window="15m"}})', "short", []),
        ("1 h", f'sum by ({WHO}) ({DENIED}{{window="1h"}})', "short", colours("KubeAuditForbiddenSustained", 50)),
        ("First seen, 24 h", f'1000 * min_over_time(timestamp(sum by ({WHO}) ({DENIED}{{window="5m"}}))[1d:1m])',
         "dateTimeFromNow", []),
    ], "A row for each combination, the loudest of the last five minutes first. First seen: when it was first refused "
       "in the last 24 hours; a row of minutes is new, a row of a day is an old story. Names in brackets are the "
       "exporter's own: (unauthenticated) proved no name, (other) is many together.", size=(24, 11),
          alerts=["KubeAuditForbiddenSpike", "KubeAuditForbiddenSustained"]),
]

SPIKE = [
    graph("Refused by the authorizer, against the day's mean", [
        (f"sum({AUTHORIZATION})", "last 5 minutes"),
        (f"avg_over_time(({zeroed(f'sum({AUTHORIZATION})')})[1d:1m])", "mean of 24 hours")],
        "403 by the authorizer in a window of five minutes, and what that window held on the mean of the day before. "
        "Far above the mean is a spike.", alerts=["KubeAuditForbiddenSpike"]),
    graph("Refused in the last 5 minutes, by reason", [(f'sum by (reason) ({DENIED}{{window="5m"}})', "{{reason}}")],
          "authentication and backend are 401, the others 403. Only authorization says that RBAC "
          "refused.", stacked=True),
    graph("Users refused, 5 minutes", [
        (f'sum by (k8s_cluster, user) ({DENIED}{{window="5m"}}) >= $at_least', "{{k8s_cluster}} {{user}}")],
        "Refusals (401, 403) of each user who reaches the number chosen above. The lines are where one user pages: "
        "from one source IP, and from all together.",
        at=colours("KubeAuditForbiddenFromManySources", FIRES_AT["KubeAuditForbiddenSpike"]),
        alerts=["KubeAuditForbiddenSpike", "KubeAuditForbiddenFromManySources", "KubeAuditForbiddenSystemSpike"]),
    graph("Source IPs refused, 5 minutes", [
        (f'sum by (k8s_cluster, source_ip) ({DENIED}{{window="5m"}}) >= $at_least', "{{k8s_cluster}} {{source_ip}}")],
        "The same by source IP, the last address of the event, which no client can invent.",
        at=colours("KubeAuditUnauthorizedSpike"),
        alerts=["KubeAuditUnauthorizedSpike"]),
    graph("Clusters, 5 minutes", [(f"sum by (k8s_cluster) ({AUTHORIZATION})", "{{k8s_cluster}}")],
          "403 by the authorizer, by cluster. The same user in all clusters at once is one client; look at its "
          "address."),
    graph("Refused a second, by code and reason", [
        ("sum by (code, reason) (rate(kube_audit_denied_requests_total[$__rate_interval]))", "{{code}} {{reason}}")],
        "The counters: right over any time, but a user's very first refusals are not in a rate.", unit="reqps",
        stacked=True),
]

GUESSING = [
    table("Different users refused from one source IP", ["k8s_cluster", "source_ip"], [
        ("15 min", 'max by (k8s_cluster, source_ip) (kube_audit_window_distinct_users{window="15m"})', "short",
         colours("KubeAuditManyUsersFromOneSource", 5)),
        ("1 h", 'max by (k8s_cluster, source_ip) (kube_audit_window_distinct_users{window="1h"})', "short", []),
        ("Refused, 15 min", f'sum by (k8s_cluster, source_ip) ({DENIED}{{window="15m"}})', "short", [])],
          "Exact to 64 names, then within 3 %. A name that was refused from two addresses is in both.", size=(12, 8),
          rows=50, alerts=["KubeAuditManyUsersFromOneSource"]),
    graph("Users refused from one source IP, 15 minutes", [
        ('max by (k8s_cluster, source_ip) (kube_audit_window_distinct_users{window="15m"}) >= $at_least',
         "{{k8s_cluster}} {{source_ip}}")],
        "Source IPs that reach the number chosen above. The line is where it pages.",
        at=colours("KubeAuditManyUsersFromOneSource"),
        alerts=["KubeAuditManyUsersFromOneSource"]),
    table("Failed authentications by source IP", ["k8s_cluster", "source_ip"], [
        ("5 min", f'sum by (k8s_cluster, source_ip) ({DENIED}{{window="5m", reason="authentication"}})', "short",
         colours("KubeAuditUnauthorizedSpike", 20)),
        ("1 h", f'sum by (k8s_cluster, source_ip) ({DENIED}{{window="1h", reason="authentication"}})', "short", [])],
          "401 without a user. One that never stops is an expired credential; one that has just begun is worth a look.",
          size=(12, 8), rows=50, alerts=["KubeAuditUnauthorizedSpike"]),
    graph("Audit events by stage", [
        ("sum by (k8s_cluster, audit_stage) (rate(kube_audit_events_by_stage_total[$__rate_interval]))",
         "{{k8s_cluster}} {{audit_stage}}")],
        "A failed authentication is logged at ResponseStarted alone. Where that stage is always at 0, the audit policy "
        "hides every 401, and none of the panels above can show one.", unit="cps",
        alerts=["KubeAuditPolicyHidesUnauthorized"]),
]

RANGE = [
    bars("Users refused most in the time range",
         f"topk(20, sum by (k8s_cluster, user) {risen('kube_audit_denied_requests_total', '$__range')} > 0)",
         "{{k8s_cluster}} {{user}}",
         "From the counters, over the time range of the dashboard. First refusals are included. Where Prometheus has "
         "nothing from the range's beginning, the whole count shows.", size=(12, 10)),
    bars("Source IPs refused most in the time range",
         f"topk(20, sum by (k8s_cluster, source_ip) {risen('kube_audit_denied_requests_total', '$__range')} > 0)",
         "{{k8s_cluster}} {{source_ip}}",
         "From the counters, over the time range of the dashboard. First refusals are included. Where Prometheus has "
         "nothing from the range's beginning, the whole count shows.", size=(12, 10)),
    graph("Refusals without a name of their own", [
        ('sum by (family) (increase(kube_audit_series_overflow_total{family=~".*denied.*|.*distinct.*"}'
         "[$__rate_interval]))", "{{family}}")],
        "Refusals that were counted under (other) because a limit was reached: one source IP with more than 64 users, "
        "one user from more than 64 addresses, or a full family. Above 0 during an attack; sums stay exact.", bars=True,
        size=(24, 6), alerts=["KubeAuditFamilyOverflowing", "KubeAuditForbiddenUnnamed"]),
]

DASHBOARD = dashboard(
    "denied", "Kubernetes audit / Denied requests",
    "Requests answered 401 and 403: by whom, from where, why, since when.",
    [("Now", NOW), ("Who", TABLE), ("Is it a spike", SPIKE), ("Guessing", GUESSING), ("History", RANGE)],
    variables=("user", "source_ip", "at_least"), label_source="kube_audit_denied_requests_total", time="now-3h")
