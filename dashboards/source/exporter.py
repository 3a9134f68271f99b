"""Can the other dashboards be believed: are all clusters heard, is everything counted, is there room."""
from grafana import FIRES_AT, bars, colours, dashboard, graph, risen, stat, states, table, zeroed

LAST = "kube_audit_cluster_last_event_timestamp_seconds"
ENDS = ("counted", "not_a_request", "duplicate", "ignored", "rejected", "dropped")

SILENT = FIRES_AT["KubeAuditClusterSilent"]


def increased(family, by):
    return f"sum by ({by}) (increase({family}[$__rate_interval]))"


# Of whole counters: increase() is an estimate, and estimates do not add up.
BALANCE = ("abs(sum by (input) (kube_audit_events_received_total) - sum by (input) "
           '({job=~"$job", instance=~"$instance", __name__=~"kube_audit_events_(%s)_total"}))' % "|".join(ENDS))

NOW = [
    stat("Exporters up", "sum(up)", "Exporters that answered their last scrape. While none does, the other dashboards "
                                    "are "
         "blind, and their alerts resolve.", at=[(1, "green")], base="red",
         alerts=["KubeAuditExporterDown", "KubeAuditExporterAbsent", "KubeAuditExporterMissing"]),
    stat("Clusters heard", zeroed(f"count(max by (k8s_cluster) ({LAST}) > time() - {SILENT})"),
         "Clusters with an audit event in the last 15 minutes.", base="blue"),
    stat("Clusters silent", zeroed(
        f"count(max by (k8s_cluster) ({LAST}) <= time() - {SILENT} or max by (k8s_cluster) "
        f"(kube_audit_cluster_expected) unless on (k8s_cluster) {LAST})"),
         "Clusters without an audit event for 15 minutes, and those that are expected and were never heard.",
         at=[(1, "red")], alerts=["KubeAuditClusterSilent", "KubeAuditClusterNeverHeard"]),
    stat("Inputs down", zeroed("count(kube_audit_input_up == 0)"), "Inputs that do not work now.", at=[(1, "red")],
         alerts=["KubeAuditInputDown"]),
    stat("Events not counted, 1 h", zeroed(
        "sum(increase(kube_audit_events_rejected_total[1h])) + sum(increase(kube_audit_events_dropped_total[1h]))"),
         "Records that could not be read, or were received and not counted.", at=[(1, "red")], decimals=0,
         alerts=["KubeAuditEventsRejected", "KubeAuditEventsDropped"]),
    stat("Queue filled", "max(kube_audit_queue_bytes / kube_audit_queue_limit_bytes)",
         "How full the queue between inputs and counting is. At 100 % files wait and pushes get 503.",
         unit="percentunit", at=[(0.5, "orange"), (0.8, "red")], decimals=0, alerts=["KubeAuditWebhookShedding"]),
]

FEEDS = [
    states("Clusters expected", f"max by (k8s_cluster) ({LAST} > bool time() - {SILENT}) or "
           "0 * max by (k8s_cluster) (kube_audit_cluster_expected)", "{{k8s_cluster}}",
           {1: ("heard", "green"), 0: ("silent", "red")},
           "Each cluster that was heard or is expected: whether there was an audit event in the 15 minutes before.",
           alerts=["KubeAuditClusterSilent", "KubeAuditClusterNeverHeard"]),
    states("Inputs", "min by (instance, input) (kube_audit_input_up)", "{{instance}} {{input}}",
           {1: ("up", "green"), 0: ("down", "red")}, "Whether each input works.", alerts=["KubeAuditInputDown"]),
    table("Feeds", ["instance", "k8s_cluster", "input"], [
        ("Lag", "max by (instance, k8s_cluster, input) (kube_audit_event_lag_seconds)", "s",
         colours("KubeAuditFeedLagging", 180)),
        ("Newest event", f"1000 * max by (instance, k8s_cluster, input) ({LAST})", "dateTimeFromNow", []),
        ("Silent for", f"time() - max by (instance, k8s_cluster, input) ({LAST})", "s",
         colours("KubeAuditClusterSilent", 300))],
          "Each way by which a cluster's events come: how late they arrive, and when the newest "
          "happened.", size=(12, 8),
          alerts=["KubeAuditFeedLagging", "KubeAuditFeedSilent"]),
    table("Inputs now", ["instance", "input"], [
        ("Events", "sum by (instance, input) (rate(kube_audit_events_received_total[$__rate_interval]))", "cps", []),
        ("Bytes", "sum by (instance, input) (rate(kube_audit_input_bytes_total[$__rate_interval]))", "Bps", []),
        ("Errors, 1 h", f"sum by (instance, input) {risen('kube_audit_input_errors_total', '1h')} or "
         "0 * max by (instance, input) (kube_audit_input_up)", "short", [(1, "red")]),
        ("Last success", "1000 * max by (instance, input) (kube_audit_input_last_success_timestamp_seconds)",
         "dateTimeFromNow", [])],
          "What each input of each exporter does. A success that is long ago: nothing comes.", size=(12, 8),
          alerts=["KubeAuditInputErrors", "KubeAuditInputDown", "KubeAuditInputNeverHeard"]),
    graph("Lag", [("max by (instance, k8s_cluster, input) (kube_audit_event_lag_seconds)",
                   "{{instance}} {{k8s_cluster}} {{input}}")],
          "How far the newest event was behind the clock when it arrived. Pages are that much later.", unit="s",
          at=colours("KubeAuditFeedLagging"), alerts=["KubeAuditFeedLagging"]),
    graph("Silent for", [(f"time() - max by (k8s_cluster) ({LAST})", "{{k8s_cluster}}")],
          "Time since the newest event of each cluster. The line is where it pages.", unit="s",
          at=colours("KubeAuditClusterSilent"),
          alerts=["KubeAuditClusterSilent"]),
]

ACCOUNTS = [
    graph("Events received", [
        ("sum by (input) (rate(kube_audit_events_received_total[$__rate_interval]))", "{{input}}")],
        "What each input took over, a second.", unit="cps"),
    graph("What became of them", [
        (f"sum(rate(kube_audit_events_{end}_total[$__rate_interval]))", end.replace("_", " ")) for end in ENDS],
        "Every event received is one of these: counted as a request, of a stage that is none, known already, of "
        "another log, unreadable, or dropped.", unit="cps", stacked=True),
    graph("Unreadable, dropped", [
        (increased("kube_audit_events_rejected_total", "input, reason"), "{{input}} rejected: {{reason}}"),
        (increased("kube_audit_events_dropped_total", "input, reason"), "{{input}} dropped: {{reason}}")],
        "Events that are missing from all other numbers, by reason.", bars=True, stacked=True,
        alerts=["KubeAuditEventsRejected", "KubeAuditEventsDropped"]),
    graph("Ignored", [(increased("kube_audit_events_ignored_total", "input, reason"), "{{input}} {{reason}}")],
          "Records that are no audit events and were not meant to be: other categories of a shared log, keep-alives, "
          "text.", bars=True, stacked=True),
    graph("Out of the ordinary", [
        (increased("kube_audit_events_late_total", "input"), "{{input}} too late for the windows"),
        (increased("kube_audit_events_skewed_total", "input"), "{{input}} from the future"),
        (increased("kube_audit_events_salvaged_total", "input"), "{{input}} cut short, salvaged")],
        "Events that count, with a flaw. Late ones cannot page: the feed was further behind than the windows allow "
        "for.",
        bars=True, stacked=True, alerts=["KubeAuditEventsLate", "KubeAuditClockSkew"]),
    graph("Clock set", [(increased("kube_audit_clock_steps_total", "instance, direction"), "{{instance}} {{direction}}")],
          "How often the exporter's clock was set by more than two minutes. Windows lose what they held.", bars=True,
          stacked=True, alerts=["KubeAuditClockSet"]),
    graph("Accounts do not add up by", [(BALANCE, "{{input}}")],
          "Received, less all that became of it. Always 0; anything else is a bug worth a report.",
          alerts=["KubeAuditAccountingBroken"]),
    graph("Answers to those who push", [
        (increased("kube_audit_push_requests_total", "input, code"), "{{input}} {{code}}")],
        "503 asks the API server to try again; after five times it drops the batch. 400 is a body with nothing "
        "readable.",
        bars=True, stacked=True, alerts=["KubeAuditWebhookShedding", "KubeAuditPushRefused"]),
    graph("Lost at the source, input errors", [
        (increased("kube_audit_source_gap_bytes_total", "input"), "{{input}} bytes lost"),
        (increased("kube_audit_input_errors_total", "input, reason") + " or 0 * max by (input) (kube_audit_input_up)",
         "{{input}} errors {{reason}}")],
        "Bytes that were gone before they could be read, a log cut or rotated away for one; and errors of inputs.",
        bars=True, alerts=["KubeAuditSourceGap", "KubeAuditInputErrors"]),
]

CLOUDS = [
    graph("Log groups read until", [
        ("max by (cloud_account, cloud_region) (time() - kube_audit_log_groups_read_timestamp_seconds)",
         "{{cloud_account}} {{cloud_region}}")],
        "How long ago the log group that is furthest behind was read to its end. It grows when a quota binds, a log "
        "group cannot be read, or the log of an absence is read.", unit="s"),
    graph("Streams read until", [
        ("max by (cloud_account, cloud_region, stream) (time() - kube_audit_stream_read_timestamp_seconds)",
         "{{cloud_account}} {{cloud_region}} {{stream}}")],
        "How long ago the shard that is furthest behind was read to its end, of each Kinesis stream. It grows when a shard "
        "cannot be read, or others read as much of it.", unit="s"),
    graph("Log groups", [
        ("sum by (cloud_account, cloud_region, state) (kube_audit_log_groups)",
         "{{cloud_account}} {{cloud_region}} {{state}}")],
        "Log groups of clusters, by how reading them goes. What is refused is of the infrequent-access class, or another "
        "target reads it.", stacked=True),
    graph("Requests to clouds", [
        ("sum by (operation, outcome) (rate(kube_audit_cloud_requests_total[$__rate_interval]))",
         "{{operation}} {{outcome}}")],
        "What is asked of clouds, a second, tries that failed included. Throttled: somebody has spent the account's "
        "quota.", unit="reqps", stacked=True),
]

BOUNDS = [
    bars("Families, how full", "max by (family) (kube_audit_series / kube_audit_series_limit)", "{{family}}",
         "Series held, of those that the limit allows. A full family counts further series together under (other).",
         unit="percentunit", at=colours("KubeAuditSeriesNearlyFull", 0.5), maximum=1, size=(12, 9),
         alerts=["KubeAuditSeriesNearlyFull"]),
    graph("Counted under (other)", [(increased("kube_audit_series_overflow_total", "family"), "{{family}}")],
          "Requests that got no series of their own because a limit was reached. Sums stay exact; names are lost.",
          bars=True, stacked=True, size=(12, 9), alerts=["KubeAuditFamilyOverflowing"]),
    graph("Queue", [("max by (instance) (kube_audit_queue_bytes)", "{{instance}}"),
                    ("max by (instance) (kube_audit_queue_limit_bytes)", "{{instance}} limit")],
          "Bytes between the inputs and the counting. Near its limit, counting does not keep up.", unit="bytes",
          alerts=["KubeAuditWebhookShedding"]),
    graph("What rules remember", [("max by (instance) (kube_audit_rule_window_bytes)", "{{instance}}"),
                                  ("max by (instance) (kube_audit_rule_window_limit_bytes)", "{{instance}} limit")],
          "Bytes that windowed detection rules remember. At the limit, what is new is not remembered.", unit="bytes",
          alerts=["KubeAuditRuleWindowFull"]),
    graph("Not remembered by rules", [(increased("kube_audit_rule_window_overflow_total", "k8s_cluster, rule"),
                                       "{{k8s_cluster}} {{rule}}")],
          "Requests that a windowed detection rule had no room for: it does not match for whom they came from.",
          bars=True, stacked=True, alerts=["KubeAuditRuleWindowFull"]),
    graph("Duplicates forgotten", [(increased("kube_audit_digests_evicted_total", "input"), "{{input}}")],
          "Digests that left before their time because more arrived than is remembered: a redelivery may count twice.",
          bars=True, stacked=True, alerts=["KubeAuditDuplicatesForgotten"]),
    graph("Expired", [(increased("kube_audit_series_expired_value_total", "family"), "{{family}}")],
          "Values of series that were dropped after an idle day because their family was over 80 % full.", bars=True,
          stacked=True),
]

STATE = [
    graph("Commits", [
        ("histogram_quantile(0.5, sum by (le) (rate(kube_audit_state_commit_duration_seconds_bucket"
         "[$__rate_interval])))", "median"),
        ("histogram_quantile(0.99, sum by (le) (rate(kube_audit_state_commit_duration_seconds_bucket"
         "[$__rate_interval])))", "99th percentile")],
          "How long it takes to make counts durable. A push waits for it.", unit="s",
          alerts=["KubeAuditStateNotCommitting"]),
    graph("Commits that failed", [(increased("kube_audit_state_commit_errors_total", "instance"), "{{instance}}")],
          "What was in them is written again with the next.", bars=True, alerts=["KubeAuditStateCommitErrors"]),
    graph("Age of the last commit",
          [("max by (instance) (time() - kube_audit_state_last_commit_timestamp_seconds)", "{{instance}}")],
          "How long ago everything counted was durable. Counters stand still while it grows.", unit="s",
          alerts=["KubeAuditStateNotCommitting"]),
    graph("Size of the state", [("max by (instance) (kube_audit_state_size_bytes)", "{{instance}}")],
          "Bytes on disk, its log included.", unit="bytes"),
    graph("Room for the state", [("min by (instance) (kube_audit_state_filesystem_avail_bytes)", "{{instance}}")],
          "Bytes that may still be written to the state's file system. At 0 counters stand still.", unit="bytes",
          alerts=["KubeAuditStateDiskNearlyFull"]),
    stat("Counts outlive a restart", "min(kube_audit_state_durable)", "1 when counts are kept on disk, 0 when in memory.",
         base="red", at=[(1, "green")]),
]

PROCESS = [
    table("Exporters", ["instance", "version", "revision", "swiftversion", "goarch"], [
        ("Started", "1000 * max by (instance, version, revision, swiftversion, goarch) (process_start_time_seconds * "
                    "on "
         "(job, instance) group_left (version, revision, swiftversion, goarch) kube_audit_exporter_build_info)",
         "dateTimeFromNow", []),
        ("Configuration read", "1000 * max by (instance, version, revision, swiftversion, goarch) "
         "(kube_audit_exporter_config_last_reload_success_timestamp_seconds * on (job, instance) group_left (version, "
         "revision, swiftversion, goarch) kube_audit_exporter_build_info)", "dateTimeFromNow", [])],
          "What runs, since when, and when it last read its configuration.", size=(24, 5),
          alerts=["KubeAuditExporterRestarting"]),
    states("Configuration", "min by (instance) (kube_audit_exporter_config_last_reload_successful)", "{{instance}}",
           {1: ("in force", "green"), 0: ("refused", "red")},
           "Whether the last attempt to read the configuration succeeded. After a refusal the one before it stays in "
           "force.",
           size=(12, 7), alerts=["KubeAuditConfigReloadFailed"]),
    graph("Processor time", [("rate(process_cpu_seconds_total[$__rate_interval])", "{{instance}}")],
          "Processors in use, user and system. Counting runs on one.", size=(12, 7)),
    graph("Memory", [("process_resident_memory_bytes", "{{instance}} resident"),
                     ("process_virtual_memory_bytes", "{{instance}} virtual")],
          "Memory of the process. Bounded by the limits: it levels off.", unit="bytes", size=(12, 7)),
    graph("File descriptors", [("process_open_fds", "{{instance}}"), ("process_max_fds", "{{instance}} limit")],
          "Open files and sockets.", size=(12, 7)),
    graph("Answers by HTTP", [
        ("sum by (handler, code) (rate(kube_audit_http_requests_total[$__rate_interval]))", "{{handler}} {{code}}")],
        "Requests that the exporter itself answered, a second.", unit="reqps", size=(12, 7)),
    graph("Scrapes", [("scrape_duration_seconds", "{{instance}}")], "How long Prometheus waited for the metrics.",
          unit="s", size=(6, 7), alerts=["KubeAuditExporterDown"]),
    graph("Samples", [("scrape_samples_scraped", "{{instance}}")],
          "Samples of each scrape. Keep Prometheus' sample_limit above it.", size=(6, 7)),
]

DASHBOARD = dashboard(
    "exporter", "Kubernetes audit / Exporter and feeds",
    "Whether every cluster is heard, every event counted, and the exporter well.",
    [("Now", NOW), ("Feeds", FEEDS), ("Accounts", ACCOUNTS), ("Clouds", CLOUDS), ("Limits", BOUNDS), ("State", STATE),
     ("The exporter", PROCESS)])
