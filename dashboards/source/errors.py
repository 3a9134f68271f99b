"""Is the API server failing: how much, for whom, since when, and what does it cost the objective."""
from grafana import FIRES_AT, bars, colours, dashboard, error_share, graph, risen, stat, table, zeroed


def burn(window):
    """How fast the error budget is burnt, by cluster, over the windows that the alerts look at."""
    return (f"sum by (k8s_cluster) (increase(kube_audit_requests_total{{code=~\"5..\"}}[{window}])) / "
            f"sum by (k8s_cluster) (increase(kube_audit_requests_total[{window}])) / (1 - $objective)")


NOW = [
    stat("Server errors, 5 min", f"max({error_share('5m')})",
         "The share of requests answered 5xx, in the worst cluster. No data: no request in five minutes.",
         unit="percentunit",
         at=colours("KubeAuditServerErrorRatio", 0.01), decimals=2, alerts=["KubeAuditServerErrorRatio"]),
    stat("Server errors, 1 h", f"max({error_share('1h')})",
         "The same over the last hour. Lower than the 5 minutes: it is getting worse.", unit="percentunit",
         at=colours("KubeAuditServerErrorRatio", 0.01), decimals=2),
    stat("Failed requests, 5 min", zeroed('sum(kube_audit_window_requests{window="5m", code_class="5xx"})'),
         "Requests answered 5xx in the last five minutes.", at=[(1, "orange"), (100, "red")]),
    stat("Throttled", zeroed('sum(rate(kube_audit_requests_total{code="429"}[$__rate_interval]))'),
         "Requests a second answered 429: the API server defends itself, or a client was told to slow down.",
         unit="reqps", at=[(1, "orange"), (10, "red")]),
    stat("Budget burn, 1 h", f"max({burn('1h')})",
         "How many times faster than the objective allows the error budget is burnt, in the worst cluster. 1 spends "
         "the budget exactly; at 14.4 it pages.", at=colours("KubeAuditErrorBudgetBurnFast", 1), decimals=1,
         alerts=["KubeAuditErrorBudgetBurnFast"]),
    stat("Requests", "sum(rate(kube_audit_requests_total[$__rate_interval]))",
         "Requests to the API servers a second. A fall to 0 is worse than an error: nothing arrives, or nothing is "
         "logged.",
         unit="reqps", base="blue"),
]

SHARE = [
    graph("Server errors by cluster, 5 minutes", [(error_share("5m"), "{{k8s_cluster}}")],
          "The share of requests answered 5xx. The line is where it pages, if there are 200 requests at least.",
          unit="percentunit", at=colours("KubeAuditServerErrorRatio"), alerts=["KubeAuditServerErrorRatio"]),
    graph("Budget burn by cluster", [(burn("1h"), "{{k8s_cluster}} 1 h"), (burn("6h"), "{{k8s_cluster}} 6 h")],
          "How many times faster than the objective chosen above the error budget is burnt. The lines are where an "
          "hour (14.4) and six hours (6) page.",
          at=colours("KubeAuditErrorBudgetBurnFast", FIRES_AT["KubeAuditErrorBudgetBurn"]),
          alerts=["KubeAuditErrorBudgetBurnFast", "KubeAuditErrorBudgetBurn", "KubeAuditErrorBudgetBurnSlow"]),
    graph("Requests by class of code, 5 minutes", [
        ('sum by (code_class) (kube_audit_window_requests{window="5m"})', "{{code_class}}")],
        "Requests in a window of five minutes. 4xx that rise with 5xx are often the clients' retries.", stacked=True),
    graph("Server errors a second, by code", [
        ("sum by (code) (rate(kube_audit_server_errors_total[$__rate_interval]))", "{{code}}")],
        "500 and 501 are bugs, 502 and 503 a backend or an aggregated API that is away, 504 time-outs: etcd, or a "
        "webhook that does not answer.", unit="reqps", stacked=True),
]

WHAT = [
    table("What fails", ["k8s_cluster", "code", "verb", "resource"], [
        ("Now", "sum by (k8s_cluster, code, verb, resource) (rate(kube_audit_server_errors_total[$__rate_interval])) > "
                "0",
         "reqps", []),
        ("1 h", "sum by (k8s_cluster, code, verb, resource) "
                f"{risen('kube_audit_server_errors_total', '1h')} > 0",
         "short", [(1, "orange"), (100, "red")])],
          "Requests answered 5xx by what they asked for. One resource alone: its webhook or aggregated API. All: etcd "
          "or the server itself. Where Prometheus has nothing of an hour ago, 1 h is the whole count.", size=(24, 9),
          sort="1 h", alerts=["KubeAuditServerErrorRatio"]),
    graph("Server errors by resource", [
        ("sum by (resource) (rate(kube_audit_server_errors_total[$__rate_interval]))", "{{resource}}")],
        "Requests a second answered 5xx.", unit="reqps", stacked=True),
    graph("Server errors by verb", [
        ("sum by (verb) (rate(kube_audit_server_errors_total[$__rate_interval]))", "{{verb}}")],
        "Requests a second answered 5xx. Writes alone: admission webhooks, or a full disk below etcd.", unit="reqps",
        stacked=True),
]

REQUESTS = [
    graph("Requests by verb", [("sum by (verb) (rate(kube_audit_requests_total[$__rate_interval]))", "{{verb}}")],
          "All requests a second. A watch counts when it ends.", unit="reqps", stacked=True),
    graph("Client errors by code", [
        ('sum by (code) (rate(kube_audit_requests_total{code=~"4.."}[$__rate_interval]))', "{{code}}")],
        "4xx a second. 409 is a conflict that clients try again, 429 throttling; 401 and 403 have a dashboard of their "
        "own.",
        unit="reqps", stacked=True),
    bars("Requests by cluster", "sum by (k8s_cluster) (rate(kube_audit_requests_total[$__rate_interval]))",
         "{{k8s_cluster}}", "Requests a second, now.", unit="reqps"),
    graph("Requests by cluster, 5 minutes", [
        ('sum by (k8s_cluster) (kube_audit_window_requests{window="5m"})', "{{k8s_cluster}}")],
        "Requests in a window of five minutes. A line that ends is a cluster that fell silent.",
        alerts=["KubeAuditClusterSilent"]),
]

DASHBOARD = dashboard(
    "errors", "Kubernetes audit / API errors",
    "Requests that the API servers failed: share, error budget, by code, verb and resource.",
    [("Now", NOW), ("How much", SHARE), ("What", WHAT), ("All requests", REQUESTS)], variables=("objective",))
