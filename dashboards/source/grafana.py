"""Panels of Grafana's classic dashboard model, from few words.

A query names families as docs/metrics.md does; the selectors that every query must carry (job, instance, and the
cluster, user or source IP where the family has that label and the dashboard that variable) are put in here, so that
none can be forgotten. Links follow from labels: wherever a user, a source IP, a cluster or an alert is shown, a click
leads on.
"""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
DETECTIONS = "https://github.com/kube-audit-exporter/kube-audit-exporter/blob/main/docs/detections.md"
RUNBOOKS = "https://github.com/kube-audit-exporter/kube-audit-exporter/blob/main/alerts/runbooks"
TAG = "kube-audit"
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
GRID_WIDTH = 24

# What labels are called in tables, in the order of columns.
COLUMNS = {
    "k8s_cluster": "Cluster", "alertname": "Alert", "severity": "Severity", "rule": "Rule", "priority": "Priority",
    "user": "User",
    "impersonated_user": "As user", "source_ip": "Source IP", "object": "Object", "resource": "Resource",
    "verb": "Verb", "reason": "Reason", "code": "Code", "outcome": "Outcome", "input": "Input", "instance": "Instance",
    "log_type": "Log", "change": "Change", "operation": "Operation", "error_code": "Error code", "principal": "Principal",
    "cloud_account": "Account", "cloud_region": "Region", "status": "Status", "version": "Version", "revision": "Revision",
    "swiftversion": "Swift", "goarch": "Processor",
}

# Labels that a query is narrowed by when the family has them and the dashboard the variable.
NARROWING = {"k8s_cluster": "cluster", "user": "user", "source_ip": "source_ip", "rule": "rule",
             "priority": "priority"}


def families():
    """Every family with its labels, as the generated docs/metrics.md lists them."""
    row = re.compile(r"^\| \[`(\w+)`\]\(#\w+\) \| \w+ \| ([^|]*) \|")
    rows = map(row.match, (ROOT / "docs/metrics.md").read_text(encoding="utf-8").splitlines())
    return {match[1]: re.findall(r"`(\w+)`", match[2]) for match in rows if match}


FAMILIES = families()
# What Prometheus itself says about a target; alerts carry neither its job nor its instance.
TARGET_FAMILIES = ("up", "scrape_duration_seconds", "scrape_samples_scraped")
SELECTOR = re.compile(r'"[^"]*"|\b(kube_audit_\w+|process_\w+|%s)\b(?:\{([^}]*)\})?' % "|".join(TARGET_FAMILIES))


def selected(query, variables):
    """The query with the selectors of the dashboard's variables."""
    def with_selectors(match):
        if match[1] is None:
            return match[0]
        labels = ["job", "instance"] + [
            label for label in FAMILIES.get(match[1], []) if NARROWING.get(label) in variables]
        matchers = [f'{label}=~"${NARROWING.get(label, label)}"' for label in labels]
        return f"{match[1]}{{{', '.join(matchers + ([match[2]] if match[2] else []))}}}"
    return " ".join(SELECTOR.sub(with_selectors, query).split())


def zeroed(query):
    """0 where there is nothing to count, but only as long as the exporter is seen: its silence is no zero."""
    return f"{query} or 0 * max(kube_audit_exporter_build_info)"


def error_share(window):
    """The share of 5xx by cluster, added over all exporters before it is divided, as the alert does."""
    requests = f'sum by (k8s_cluster) (kube_audit_window_requests{{window="{window}"}})'
    failed = f'sum by (k8s_cluster) (kube_audit_window_requests{{window="{window}", code_class="5xx"}})'
    return f"({failed} or 0 * {requests}) / on (k8s_cluster) {requests}"


def risen(counter, time):
    """By how much a counter rose in that time, with what it was born with: increase() leaves that out.

    One that was there (within the hour before, whatever scrapes were missed) counts by its difference; one that was
    born since, or began again at 0, by what it holds.
    """
    return f"({counter} - last_over_time({counter}[1h] offset {time}) >= 0 or {counter})"


# Where alerts fire: panels draw the line there. The check holds the numbers against alerts/rules.
FIRES_AT = {
    "KubeAuditForbiddenSpike": 50, "KubeAuditForbiddenFromManySources": 150, "KubeAuditForbiddenSustained": 100,
    "KubeAuditUnauthorizedSpike": 100,
    "KubeAuditManyUsersFromOneSource": 20, "KubeAuditAnonymousRefused": 20, "KubeAuditRBACMutationBurst": 30,
    "KubeAuditServerErrorRatio": 0.1, "KubeAuditErrorBudgetBurnFast": 14.4, "KubeAuditErrorBudgetBurn": 6,
    "KubeAuditSecretsRead": 15, "KubeAuditSecretReadsRefused": 20, "KubeAuditKindsRefused": 4,
    "KubeAuditMassDeletion": 20,
    "KubeAuditClusterSilent": 900, "KubeAuditFeedLagging": 600, "KubeAuditLogGroupsBehind": 900, "KubeAuditSeriesNearlyFull": 0.8,
}


def colours(alert, warning=None):
    """Thresholds of a panel: red from where the alert fires, orange from `warning` on."""
    return ([(warning, "orange")] if warning is not None else []) + [(FIRES_AT[alert], "red")]


# MARK: Links

def dashboard_url(name, **narrowed):
    parts = ["${datasource:queryparam}", "${job:queryparam}", "${instance:queryparam}"]
    if "cluster" not in narrowed:
        parts.append("${cluster:queryparam}")
    parts += [f"var-{variable}={value}" for variable, value in narrowed.items()]
    return f"/d/{TAG}-{name}?{'&'.join(parts)}&${{__url_time_range}}"


def links_of(label, value, cluster):
    """Where a click on a label's value leads; `value` and `cluster` are Grafana's words for them."""
    narrowed = {"cluster": cluster} if cluster else {}
    if label in ("user", "impersonated_user"):
        return [("Refusals of this user", dashboard_url("denied", **narrowed, user=value)),
                ("Changes by this user", dashboard_url("changes", **narrowed, user=value))]
    if label == "source_ip":
        return [("Refusals from this source IP", dashboard_url("denied", **narrowed, source_ip=value))]
    if label == "k8s_cluster":
        return [("Overview of this cluster", dashboard_url("overview", cluster=value)),
                ("Refusals in this cluster", dashboard_url("denied", cluster=value))]
    if label == "rule":
        return [("What this rule means", f"{DETECTIONS}#{value}")]
    if label == "alertname":
        return [("Runbook", f"{RUNBOOKS}/{value}.md")]
    return []


def as_links(links):
    return [{"title": title, "url": url, "targetBlank": False} for title, url in links]


def legend_links(legend):
    labels = re.findall(r"{{(\w+)}}", legend)
    cluster = "${__field.labels.k8s_cluster:percentencode}" if "k8s_cluster" in labels else None
    return [link for label in labels for link in links_of(label, f"${{__field.labels.{label}:percentencode}}", cluster)]


# MARK: Panels

def steps(thresholds, base="green"):
    return {"mode": "absolute", "steps": [{"color": base, "value": None}] + [
        {"color": color, "value": value} for value, color in thresholds]}


def target(expr, ref, legend="__auto", instant=False, table=False):
    made = {"datasource": DATASOURCE, "editorMode": "code", "expr": expr, "refId": ref, "legendFormat": legend,
            "instant": instant, "range": not instant}
    return made | ({"format": "table"} if table else {})


def panel(kind, title, description, size, targets, defaults, options, alerts=(), overrides=()):
    """What all panels have. `size` is (width, height); `alerts` are those whose runbooks it links to."""
    made = {
        "type": kind, "title": title, "description": description, "datasource": DATASOURCE,
        "gridPos": {"w": size[0], "h": size[1]}, "targets": targets,
        "fieldConfig": {"defaults": defaults, "overrides": list(overrides)}, "options": options,
    }
    if alerts:
        made["links"] = [{"title": f"Runbook of {alert}", "url": f"{RUNBOOKS}/{alert}.md", "targetBlank": True}
                         for alert in alerts]
    return made


def stat(title, query, description, unit="short", at=(), base="green", size=(4, 4), legend="__auto", link=None,
         name=False, alerts=(), decimals=None):
    """One number as it is now. `at`: [(value, colour)]; `link`: who tells more; `name`: show whose it is."""
    defaults = {"unit": unit, "color": {"mode": "thresholds"}, "thresholds": steps(at, base), "noValue": "No data",
                "links": as_links(legend_links(legend) or ([("Tell more", dashboard_url(link))] if link else []))}
    if decimals is not None:
        defaults["decimals"] = decimals
    return panel(
        "stat", title, description, size, [target(query, "A", legend, instant=True)], defaults,
        {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "value",
         "graphMode": "none", "justifyMode": "auto", "orientation": "auto",
         "textMode": "value_and_name" if name else "value"}, alerts)


def graph(title, queries, description, unit="short", size=(12, 8), stacked=False, bars=False, at=(), alerts=(),
          minimum=0, maximum=None):
    """Lines over time. `queries`: [(query, legend)]; `at`: thresholds that are drawn as lines."""
    custom = {
        "drawStyle": "bars" if bars else "line", "lineWidth": 1, "fillOpacity": 60 if bars else 25 if stacked else 8,
        "showPoints": "never", "spanNulls": False, "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "line" if at else "off"},
    }
    defaults = {"unit": unit, "min": minimum, "color": {"mode": "palette-classic"}, "custom": custom,
                "thresholds": steps(at, "transparent"),
                "links": as_links(link for _, legend in queries[:1] for link in legend_links(legend))}
    if maximum is not None:
        defaults["max"] = maximum
    targets = [target(query, chr(ord("A") + n), legend) for n, (query, legend) in enumerate(queries)]
    return panel("timeseries", title, description, size, targets, defaults, {
        "legend": {"displayMode": "table", "placement": "right" if size[0] > 12 else "bottom", "showLegend": True,
                   "calcs": ["lastNotNull", "max"], "sortBy": "Max", "sortDesc": True},
        "tooltip": {"mode": "multi", "sort": "desc"}}, alerts)


def override(column, **properties):
    return {"matcher": {"id": "byName", "options": column},
            "properties": [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()]}


def table(title, labels, values, description, size=(24, 9), rows=100, sort=None, alerts=()):
    """What is now, a row for each combination of `labels`: instant queries, joined by their labels, sorted.

    `values`: [(column, query, unit, thresholds)]. The largest `sort` (else the first value) stands first.
    """
    many = len(values) > 1
    targets = [target(query, chr(ord("A") + n), instant=True, table=True) for n, (_, query, _, _) in enumerate(values)]
    names = {label: COLUMNS[label] for label in labels}
    names |= {f"Value #{chr(ord('A') + n)}" if many else "Value": column for n, (column, _, _, _) in enumerate(values)}
    cluster = f"${{__data.fields.{COLUMNS['k8s_cluster']}:percentencode}}" if "k8s_cluster" in labels else None
    overrides = [
        override(COLUMNS[label], links=as_links(links))
        for label in labels if (links := links_of(label, "${__value.raw:percentencode}", cluster))]
    for column, _, unit, thresholds in values:
        properties = {"unit": unit, "custom__align": "right"}
        if thresholds:
            properties |= {"thresholds": steps(thresholds), "custom__cellOptions": {"type": "color-text"}}
        overrides.append(override(column, **properties))
    sort = sort or values[0][0]
    made = panel(
        "table", title, description, size, targets,
        {"unit": "short", "color": {"mode": "thresholds"}, "thresholds": steps(()), "noValue": "",
         "custom": {"align": "auto", "filterable": True, "cellOptions": {"type": "auto"}}},
        {"showHeader": True, "cellHeight": "sm", "sortBy": [{"displayName": sort, "desc": True}],
         "footer": {"show": False, "reducer": ["sum"], "fields": ""}}, alerts, overrides)
    made["transformations"] = ([{"id": "merge", "options": {}}] if many else []) + [
        {"id": "organize", "options": {
            "excludeByName": {"Time": True}, "renameByName": names,
            "indexByName": {name: index for index, name in enumerate(names)}}},
        {"id": "sortBy", "options": {"sort": [{"field": sort, "desc": True}]}},
        {"id": "limit", "options": {"limitField": rows}}]
    return made


def bars(title, query, legend, description, unit="short", size=(12, 8), at=(), maximum=None, alerts=()):
    """Bars as they are now, one for each series, the largest first."""
    defaults = {"unit": unit, "min": 0, "color": {"mode": "thresholds"}, "thresholds": steps(at),
                "links": as_links(legend_links(legend))}
    if maximum is not None:
        defaults["max"] = maximum
    return panel("bargauge", title, description, size, [target(f"sort_desc({query})", "A", legend, instant=True)],
                 defaults, {"orientation": "horizontal", "displayMode": "basic", "valueMode": "color",
                            "showUnfilled": True, "minVizHeight": 16, "minVizWidth": 8,
                            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}, alerts)


def states(title, query, legend, words, description, size=(12, 8), alerts=()):
    """A band over time for each series, coloured by what its value means. `words`: {value: (text, colour)}."""
    mappings = [{"type": "value", "options": {
        str(value): {"text": text, "color": color, "index": index}
        for index, (value, (text, color)) in enumerate(words.items())}}]
    return panel("state-timeline", title, description, size, [target(query, "A", legend)],
                 {"unit": "short", "color": {"mode": "thresholds"}, "thresholds": steps(()), "mappings": mappings,
                  "custom": {"fillOpacity": 70, "lineWidth": 0}, "links": as_links(legend_links(legend))},
                 {"showValue": "auto", "rowHeight": 0.9, "mergeValues": True, "alignValue": "left",
                  "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False},
                  "tooltip": {"mode": "single", "sort": "none"}}, alerts)


# MARK: Dashboards

def query_variable(name, label, query, hide=0):
    return {"name": name, "label": label, "type": "query", "datasource": DATASOURCE, "query": query,
            "definition": query, "refresh": 2, "sort": 1, "multi": True, "includeAll": True, "allValue": ".+",
            "current": {"text": ["All"], "value": ["$__all"]}, "hide": hide, "regex": "", "options": []}


def choice_variable(name, label, choices, chosen, description):
    options = [{"text": text, "value": text, "selected": text == chosen} for text in choices]
    return {"name": name, "label": label, "description": description, "type": "custom", "query": ",".join(choices),
            "current": {"text": chosen, "value": chosen}, "options": options, "multi": False, "includeAll": False,
            "hide": 0}


EVERY_CLUSTER = '{__name__=~"kube_audit_cluster_(expected|last_event_timestamp_seconds)", ' \
    'job=~"$job", instance=~"$instance"}'
VARIABLES = {
    "job": query_variable("job", "Job", "label_values(kube_audit_exporter_build_info, job)"),
    "instance": query_variable(
        "instance", "Instance", 'label_values(kube_audit_exporter_build_info{job=~"$job"}, instance)'),
    "cluster": query_variable("cluster", "Cluster", f"label_values({EVERY_CLUSTER}, k8s_cluster)"),
    "user": query_variable("user", "User", "label_values(%s, user)"),
    "source_ip": query_variable("source_ip", "Source IP", "label_values(%s, source_ip)"),
    "priority": query_variable("priority", "Priority", "label_values(%s, priority)"),
    "rule": query_variable("rule", "Rule", "label_values(%s, rule)"),
    "at_least": choice_variable(
        "at_least", "At least", ["1", "2", "5", "10", "20", "50", "100"], "5",
        "Graphs by user or source IP show those that reach this number: a line that is there stays there."),
    "objective": choice_variable(
        "objective", "Objective", ["0.99", "0.995", "0.999", "0.9995", "0.9999"], "0.999",
        "The share of requests that should not fail, against which the error budget is burnt."),
}


def annotation(name, color, expr, **more):
    return {"name": name, "datasource": DATASOURCE, "enable": True, "hide": False, "iconColor": color, "expr": expr,
            "type": "dashboard"} | more


def dashboard(name, title, description, rows, variables=(), label_source=None, time="now-6h"):
    """A whole dashboard. `rows`: [(title, panels)], laid out from left to right and downwards.

    `label_source` is the family whose users and source IPs are offered for choice.
    """
    names = ("job", "instance", "cluster", *variables)
    placed, y = [], 0
    for row_title, panels in rows:
        placed.append({"type": "row", "title": row_title, "collapsed": False, "panels": [],
                       "gridPos": {"h": 1, "w": GRID_WIDTH, "x": 0, "y": y}})
        x, y, height = 0, y + 1, 0
        for made in panels:
            grid = made["gridPos"]
            if x + grid["w"] > GRID_WIDTH:
                x, y, height = 0, y + height, 0
            grid |= {"x": x, "y": y}
            x, height = x + grid["w"], max(height, grid["h"])
            placed.append(made)
        y += height
    for number, made in enumerate(placed):
        made["id"] = number + 1
        for query in made.get("targets", []):
            query["expr"] = selected(query["expr"], names)
    listed = [{"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "hide": 0,
               "current": {}, "options": [], "refresh": 1, "regex": "", "multi": False, "includeAll": False}]
    for variable in names:
        made = dict(VARIABLES[variable])
        if "%s" in made["query"]:
            source = selected(label_source, ("cluster",))
            made["query"] = made["definition"] = made["query"] % source
        listed.append(made)
    return {
        "uid": f"{TAG}-{name}", "id": None, "title": title, "description": description, "tags": [TAG],
        "editable": False, "graphTooltip": 1, "schemaVersion": 38, "version": 1, "timezone": "browser",
        "refresh": "1m", "time": {"from": time, "to": "now"}, "fiscalYearStartMonth": 0, "liveNow": False,
        "annotations": {"list": [
            annotation("Alerts", "red",
                       'ALERTS{alertname=~"KubeAudit.*", alertstate="firing", severity!="none", '
                       'k8s_cluster=~"($cluster)|"}',
                       titleFormat="{{alertname}}", textFormat="{{k8s_cluster}} {{user}} {{source_ip}} {{input}}",
                       tagKeys="severity", step="60s"),
            annotation("Exporter starts", "blue", selected("1000 * process_start_time_seconds", names),
                       titleFormat="Exporter started", textFormat="{{instance}}", useValueForTime=True, step="60s"),
        ]},
        "links": [
            {"type": "dashboards", "title": "Audit dashboards", "tags": [TAG], "asDropdown": True, "includeVars": True,
             "keepTime": True, "targetBlank": False, "icon": "external link", "url": "", "tooltip": ""},
            {"type": "link", "title": "Runbooks", "url": RUNBOOKS, "targetBlank": True, "icon": "doc", "tags": [],
             "asDropdown": False, "includeVars": False, "keepTime": False, "tooltip": "What to do about an alert"},
        ],
        "templating": {"list": listed}, "panels": placed,
    }
