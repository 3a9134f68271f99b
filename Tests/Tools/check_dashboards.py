#!/usr/bin/env python3
"""Holds the dashboards against the family table, the alerts, PromQL, Grafana's model and the rules of dashboard-linter.

  check_dashboards.py      prints what is wrong; exits 1 if anything is

Each rule is first tried on a dashboard that breaks it: a rule that finds nothing there is itself a finding.
"""
import copy
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "dashboards/source"))
import grafana  # noqa: E402  (the source of the dashboards: names and thresholds are told once)

# Families that neither a dashboard nor an alert looks at, and why.
UNSEEN = {
    "kube_audit_window_server_error_ratio": "one exporter's own: what looks at a cluster adds first and divides then",
    "process_virtual_memory_max_bytes": "about 1.8e19 wherever there is no limit: on a graph it hides everything else",
}
# What Prometheus adds to every target, and what its rules leave behind.
TARGET_LABELS = {"job", "instance"}
ALERT_FAMILIES = {"ALERTS", "ALERTS_FOR_STATE"}
LINTED = ("stat", "table", "timeseries", "gauge")
UNITS = {"short", "none", "percentunit", "s", "reqps", "cps", "bytes", "Bps", "dateTimeFromNow"}
KEYWORDS = {"and", "or", "unless", "by", "on", "ignoring", "without", "group_left", "group_right", "offset", "bool"}
VARIABLE_VALUES = {"__rate_interval": "1m", "__range": "1h", "at_least": "5", "objective": "0.999"}


# MARK: Reading queries. They are parsed by promtool; this only finds names in them.

def without_strings(expr):
    return re.sub(r'"(?:[^"\\]|\\.)*"', '""', expr)


def selectors(expr):
    """[(family, matchers, what stands before, what stands behind)] of each selector."""
    return [(match[1] or "", match[2], expr[:match.start()], expr[match.end():])
            for match in re.finditer(r'([a-zA-Z_:][\w:]*)?\{((?:[^"}]|"[^"]*")*)\}', expr)]


def matched_families(family, matchers, known):
    """The families that a selector means: its own, or those that a matcher of the name allows."""
    if family:
        base = family.removesuffix("_bucket")
        return [base if base in known else family]
    name = re.search(r'__name__=~"([^"]*)"', matchers)
    return [family for family in known if name and re.fullmatch(name[1], family)]


def matcher_labels(matchers):
    return set(re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"', matchers)) - {"__name__"}


def grouped_labels(expr):
    """Every list of labels after `by`, `on`, `ignoring`, `group_left`, in order."""
    lists = re.findall(r"\b(by|on|ignoring|group_left|group_right|without)\s*\(([^)]*)\)", without_strings(expr))
    return [(word, re.findall(r"\w+", labels)) for word, labels in lists]


def bare_names(expr):
    """Names that are no function, keyword, label or selector: a family without any matcher."""
    text = without_strings(expr)
    text = re.sub(r"\b(by|on|ignoring|group_left|group_right|without)\s*\([^)]*\)", " ", text)
    text = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\$\w+", "{}", text)
    return [name for name in re.findall(r"(?<![\w.])([a-zA-Z_:][\w:]*)\b(?!\s*[({])", text)
            if name not in KEYWORDS and not re.fullmatch(r"\d*[smhdwy]", name)]


def panels(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries(dashboard):
    """(panel, index, expr) of every query of every panel."""
    return [(panel, index, target["expr"]) for panel in panels(dashboard)
            for index, target in enumerate(panel.get("targets", []))]


def variables(dashboard):
    return {variable["name"]: variable for variable in dashboard["templating"]["list"]}


# MARK: The rules of dashboard-linter. Each yields (panel title or None, index of the query or None, what is wrong).

def template_datasource(dashboard):
    made = variables(dashboard).get("datasource")
    if not made or made["type"] != "datasource" or made["query"] != "prometheus" or made["label"] != "Data source":
        yield None, None, "has no variable `datasource` of Prometheus, labelled `Data source`"


def template_target(name):
    def rule(dashboard):
        made = variables(dashboard).get(name)
        if not made or made["type"] != "query" or made["datasource"]["uid"] != "${datasource}" or not made["multi"] \
                or made["allValue"] != ".+" or made["label"] != name.capitalize():
            yield None, None, f"has no variable `{name}`: query, multi, all `.+`, labelled, of the chosen data source"
    return rule


def template_label_promql(dashboard):
    for name, made in variables(dashboard).items():
        if made["type"] == "query" and not re.fullmatch(r"label_values\(.+, \w+\)", made["query"]):
            yield None, None, f"variable {name} is no label_values(selector, label)"


def template_reload(dashboard):
    for name, made in variables(dashboard).items():
        if made["type"] == "query" and made["refresh"] != 2:
            yield None, None, f"variable {name} is not reloaded when the time range changes"


def panel_datasource(dashboard):
    for panel in panels(dashboard):
        places = [panel] + panel.get("targets", [])
        if any(place.get("datasource", {}).get("uid") != "${datasource}" for place in places):
            yield panel["title"], None, "does not use the chosen data source"


def panel_title_description(dashboard):
    for panel in panels(dashboard):
        if not panel.get("title") or not panel.get("description"):
            yield panel.get("title"), None, "has no title or no description"


def panel_units(dashboard):
    for panel in panels(dashboard):
        field = panel["fieldConfig"]
        units = [field["defaults"].get("unit")] + [
            one["value"] for override in field["overrides"] for one in override["properties"] if one["id"] == "unit"]
        if any(unit not in UNITS for unit in units):
            yield panel["title"], None, f"has no unit, or one that Grafana does not know: {units}"


def panel_targets(dashboard):
    for panel in panels(dashboard):
        if not panel.get("targets"):
            yield panel["title"], None, "has no query"


def target_rate_interval(dashboard):
    for panel, index, expr in queries(dashboard):
        for time in re.findall(r"\bi?rate\(\w+\{[^}]*\}\[([^\]]*)\]", without_strings(expr)):
            if time != "$__rate_interval":
                yield panel["title"], index, f"rate over [{time}] instead of [$__rate_interval]"


def target_matcher(label):
    def rule(dashboard):
        for panel, index, expr in queries(dashboard):
            for family, matchers, _, _ in selectors(expr):
                if f'{label}=~"${label}"' not in matchers:
                    yield panel["title"], index, f'{family}{{…}} lacks {label}=~"${label}"'
    return rule


def target_counter(dashboard):
    for panel, index, expr in queries(dashboard):
        for family, _, before, behind in selectors(expr):
            rated = re.search(r"\b(rate|irate|increase)\($", before) and behind.startswith("[")
            if family.endswith("_total") and not rated:
                yield panel["title"], index, f"{family} is not in rate() or increase()"


def uneditable(dashboard):
    if dashboard["editable"]:
        yield None, None, "is editable"


# MARK: Our own rules

def ids(dashboard):
    seen = [panel["id"] for panel in dashboard["panels"]]
    if len(set(seen)) != len(seen):
        yield None, None, "has panels with the same id"
    titles = [panel["title"] for panel in panels(dashboard)]
    for title in {title for title in titles if titles.count(title) > 1}:
        yield title, None, "is the title of two panels"
    for panel in panels(dashboard):
        letters = [target["refId"] for target in panel["targets"]]
        if len(set(letters)) != len(letters):
            yield panel["title"], None, "has queries with the same refId"


def grid(dashboard):
    taken = {}
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        if place["x"] < 0 or place["x"] + place["w"] > grafana.GRID_WIDTH:
            yield panel["title"], None, "reaches out of the grid"
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                if taken.setdefault((x, y), panel["title"]) != panel["title"]:
                    yield panel["title"], None, f"overlaps {taken[x, y]}"
                    return


def model(dashboard):
    if not re.fullmatch(r"[\w-]{8,40}", dashboard["uid"]) or dashboard["id"] is not None:
        yield None, None, "needs a uid of 8 to 40 characters, and no id"
    if "__inputs" in dashboard or "__requires" in dashboard:
        yield None, None, "has __inputs, which provisioning does not resolve"
    if not any(link["type"] == "dashboards" and set(link["tags"]) <= set(dashboard["tags"])
               for link in dashboard["links"]):
        yield None, None, "has no link to its siblings by tag"
    if not any("ALERTS{" in annotation["expr"] for annotation in dashboard["annotations"]["list"]):
        yield None, None, "does not mark when alerts fired"


def families(dashboard):
    known = grafana.FAMILIES
    exprs = [(panel["title"], index, expr) for panel, index, expr in queries(dashboard)]
    exprs += [(annotation["name"], None, annotation["expr"]) for annotation in dashboard["annotations"]["list"]]
    exprs += [(name, None, re.sub(r"^label_values\((.*), \w+\)$", r"\1", made["query"]))
              for name, made in variables(dashboard).items() if made["type"] == "query"]
    for title, index, expr in exprs:
        for name in bare_names(expr):
            # Only the first variable of all has nothing to be narrowed by.
            if not (title == "job" and name in known):
                yield title, index, f"{name} is a family without matchers, or no word of PromQL"
        labels = set(TARGET_LABELS)
        for family, matchers, _, _ in selectors(expr):
            meant = matched_families(family, matchers, known)
            if family in ALERT_FAMILIES:
                labels |= set(grafana.COLUMNS) | {"alertstate"}
                continue
            if not meant or not (set(meant) <= known.keys() | set(grafana.TARGET_FAMILIES)):
                yield title, index, f"{family or matchers} is no family of docs/metrics.md"
                continue
            for one in meant:
                own = TARGET_LABELS | set(known.get(one, [])) | ({"le"} if family == one + "_bucket" else set())
                labels |= own
                if extra := matcher_labels(matchers) - own:
                    yield title, index, f"{one} has no label {', '.join(sorted(extra))}"
        for word, names in grouped_labels(expr):
            if extra := set(names) - labels:
                yield title, index, f"{word} ({', '.join(sorted(extra))}): no family here has that label"


def shown_labels(dashboard):
    """What legends, columns and links name is in the answer."""
    for panel in panels(dashboard):
        for index, target in enumerate(panel["targets"]):
            lists = [names for word, names in grouped_labels(target["expr"]) if word == "by"]
            # Without `by`, a query answers with all labels of its family.
            found = set(lists[0]) if lists else {
                label for family, matchers, _, _ in selectors(target["expr"])
                for one in matched_families(family, matchers, grafana.FAMILIES)
                for label in grafana.FAMILIES.get(one, [])} | TARGET_LABELS
            named = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            if index == 0:
                named |= set(re.findall(r"__field\.labels\.(\w+)", json.dumps(panel["fieldConfig"]["defaults"])))
            if panel["type"] == "table":
                columns = panel["transformations"][-3]["options"]["renameByName"]
                named |= {label for label in columns if not label.startswith("Value")}
                if missing := found - named:
                    yield panel["title"], index, f"shows no column for {', '.join(sorted(missing))}"
            # `or` may answer with the other side's labels; those are looked at as well.
            if missing := named - found - {label for names in lists[1:] for label in names}:
                yield panel["title"], index, f"names {', '.join(sorted(missing))}, which the query does not answer with"


def no_topk_in_graphs(dashboard):
    for panel, index, expr in queries(dashboard):
        if re.search(r"\b(topk|bottomk)\b", expr) and not panel["targets"][index]["instant"]:
            yield panel["title"], index, "topk in a graph: its set changes from point to point"


def variables_exist(dashboard):
    known = variables(dashboard).keys() | {"__rate_interval", "__range", "__url_time_range"}
    for name in re.findall(r"\$\{?(\w+)", json.dumps(dashboard)):
        if name not in known and name not in ("__field", "__value", "__data", "__all"):
            yield None, None, f"names ${name}, which is no variable of it"


def promql(dashboard):
    """What promtool says of every query and variable."""
    exprs = [(panel["title"], index, expr) for panel, index, expr in queries(dashboard)]
    exprs += [(annotation["name"], None, annotation["expr"]) for annotation in dashboard["annotations"]["list"]]
    exprs += [(name, None, made["query"].removeprefix("label_values(").rpartition(",")[0])
              for name, made in variables(dashboard).items() if made["type"] == "query"]
    rules = [{"record": f"query:{number}", "expr": re.sub(
        r"\$(\w+)", lambda match: VARIABLE_VALUES.get(match[1], ".+"), expr)} for number, (_, _, expr) in enumerate(exprs)]
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
        file.flush()
        run = subprocess.run(["promtool", "check", "rules", file.name], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        for number, why in re.findall(r'"query:(\d+)"[^:]*: (.*)', run.stderr) or [("0", run.stderr)]:
            title, index, _ = exprs[int(number)]
            yield title, index, why


LINTER_RULES = {
    "template-datasource-rule": template_datasource, "template-job-rule": template_target("job"),
    "template-instance-rule": template_target("instance"), "template-label-promql-rule": template_label_promql,
    "template-on-time-change-reload-rule": template_reload, "panel-datasource-rule": panel_datasource,
    "panel-title-description-rule": panel_title_description, "panel-units-rule": panel_units,
    "panel-no-targets-rule": panel_targets, "target-promql-rule": promql,
    "target-rate-interval-rule": target_rate_interval, "target-job-rule": target_matcher("job"),
    "target-instance-rule": target_matcher("instance"), "target-counter-agg-rule": target_counter,
    "uneditable-dashboard": uneditable,
}
OWN_RULES = {
    "ids": ids, "grid": grid, "model": model, "families": families, "shown-labels": shown_labels,
    "no-topk-in-graphs": no_topk_in_graphs, "variables-exist": variables_exist,
}


# MARK: What is not one dashboard's alone

def alerts():
    """The rules of alerts/rules by name; None while there are none."""
    files = sorted((ROOT / "alerts/rules").glob("*.y*ml"))
    groups = [group for file in files for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule} if files else None


def across(dashboards):
    text = json.dumps(list(dashboards.values()))
    rules = alerts() or {}
    used = {family for family in grafana.FAMILIES
            if re.search(rf"\b{family}(_bucket)?\b", text + json.dumps(list(rules.values())))}
    for family in sorted(grafana.FAMILIES.keys() - used - UNSEEN.keys()):
        yield f"{family} is in no dashboard and no alert: show it, or say in UNSEEN why not"
    for family in sorted(UNSEEN.keys() & used | UNSEEN.keys() - grafana.FAMILIES.keys()):
        yield f"{family} needs no place in UNSEEN"
    for key in ("uid", "title"):
        values = [dashboard[key] for dashboard in dashboards.values()]
        if len(set(values)) != len(values):
            yield f"two dashboards have the same {key}"
    uids = {dashboard["uid"] for dashboard in dashboards.values()}
    for uid in set(re.findall(r'"/d/([\w-]+)', text)) - uids:
        yield f"a link leads to /d/{uid}, which is no dashboard"
    page = (ROOT / "dashboards/README.md").read_text(encoding="utf-8")
    yield from (f"dashboards/README.md does not name {name}" for name in dashboards if f"]({name})" not in page)
    if rules:
        yield from against_alerts(text, rules)


def against_alerts(text, rules):
    for alert in sorted(set(re.findall(r"/alerts/runbooks/(\w+)\.md", text))):
        if alert not in rules or not (ROOT / f"alerts/runbooks/{alert}.md").exists():
            yield f"a panel links to the runbook of {alert}, which is no alert or has none"
    for alert, number in grafana.FIRES_AT.items():
        bounds = re.findall(r">=?\s*([\d.]+)(?:\s|$)", rules.get(alert, {}).get("expr", ""))
        if float(number) not in map(float, bounds):
            yield f"grafana.FIRES_AT says {alert} fires at {number}; alerts/rules says {' and '.join(bounds) or 'nothing'}"
    for rule in rules.values():
        if not rule["annotations"].get("runbook_url", grafana.RUNBOOKS).startswith(grafana.RUNBOOKS):
            yield f"grafana.RUNBOOKS is not where the runbook of {rule['alert']} is"


def judge(dashboards):
    """What is wrong, with the exclusions of dashboards/.lint applied; an exclusion that nothing needs is wrong too."""
    lint = yaml.safe_load((ROOT / "dashboards/.lint").read_text(encoding="utf-8"))["exclusions"]
    excluded = {(rule, entry["dashboard"], entry["panel"]) for rule, one in lint.items() for entry in one["entries"]}
    needed = set()
    for file, dashboard in dashboards.items():
        for name, rule in (LINTER_RULES | OWN_RULES).items():
            for title, index, why in rule(dashboard):
                if name in LINTER_RULES and (name, dashboard["title"], title) in excluded:
                    needed.add((name, dashboard["title"], title))
                else:
                    yield f"{file}: {title or 'the dashboard'}{'' if index is None else f' [{index}]'}: {why} ({name})"
    yield from (f"dashboards/.lint: nothing needs the exclusion {entry}" for entry in sorted(excluded - needed))
    yield from across(dashboards)


# MARK: Every rule can fail

def breaks():
    """[(rule, what breaks it)]: each changes the first panel, or the dashboard, of a good one."""
    def query(text):
        return lambda dashboard, panel: panel["targets"][0].update(expr=text)

    good = 'job=~"$job", instance=~"$instance"'
    return [
        ("template-datasource-rule", lambda d, p: d["templating"]["list"][0].update(label="Source")),
        ("template-job-rule", lambda d, p: d["templating"]["list"][1].update(multi=False)),
        ("template-instance-rule", lambda d, p: d["templating"]["list"].pop(2)),
        ("template-label-promql-rule", lambda d, p: d["templating"]["list"][1].update(query="values(up)")),
        ("template-on-time-change-reload-rule", lambda d, p: d["templating"]["list"][1].update(refresh=1)),
        ("panel-datasource-rule", lambda d, p: p["targets"][0].update(datasource={"uid": "own"})),
        ("panel-title-description-rule", lambda d, p: p.update(description="")),
        ("panel-units-rule", lambda d, p: p["fieldConfig"]["defaults"].update(unit="requests")),
        ("panel-no-targets-rule", lambda d, p: p.update(targets=[])),
        ("target-promql-rule", query(f"sum(up{{{good}}}")),
        ("target-rate-interval-rule", query(f"rate(kube_audit_requests_total{{{good}}}[5m])")),
        ("target-job-rule", query('up{instance=~"$instance"}')),
        ("target-instance-rule", query('up{job=~"$job"}')),
        ("target-counter-agg-rule", query(f"sum(kube_audit_requests_total{{{good}}})")),
        ("uneditable-dashboard", lambda d, p: d.update(editable=True)),
        ("ids", lambda d, p: p.update(id=d["panels"][-1]["id"])),
        ("grid", lambda d, p: p["gridPos"].update(w=p["gridPos"]["w"] + 1)),
        ("model", lambda d, p: d.update(uid="short")),
        ("families", query(f"kube_audit_nonsense{{{good}}}")),
        ("families", query(f'kube_audit_queue_bytes{{{good}, user="x"}}')),
        ("families", query(f"sum by (user) (kube_audit_queue_bytes{{{good}}})")),
        ("families", query("kube_audit_queue_bytes")),
        ("shown-labels", lambda d, p: p["targets"][0].update(legendFormat="{{handler}}")),
        ("no-topk-in-graphs", lambda d, p: p["targets"][0].update(
            expr=f"topk(5, up{{{good}}})", instant=False)),
        ("variables-exist", query(f'up{{{good}, x="$nobody"}}')),
    ]


def untried(dashboard):
    """Rules that find nothing where they should, or that no sample breaks."""
    rules, tried = LINTER_RULES | OWN_RULES, set()
    for name, spoil in breaks():
        spoilt = copy.deepcopy(dashboard)
        spoil(spoilt, panels(spoilt)[0])
        tried.add(name)
        if not list(rules[name](spoilt)):
            yield f"the rule {name} does not see what breaks it"
    yield from (f"nothing tries the rule {name}" for name in rules.keys() - tried)


def main():
    files = sorted((ROOT / "dashboards").glob("*.json"))
    dashboards = {file.name: json.loads(file.read_text(encoding="utf-8")) for file in files}
    findings = list(untried(dashboards["overview.json"])) + list(judge(dashboards))
    print("\n".join(findings), end="\n" if findings else "")
    total = sum(len(queries(dashboard)) for dashboard in dashboards.values())
    print(f"{len(dashboards)} dashboards, {sum(len(panels(d)) for d in dashboards.values())} panels, {total} queries, "
          f"{len(LINTER_RULES) + len(OWN_RULES)} rules, {len(findings)} findings")
    sys.exit(1 if findings or not dashboards else 0)


if __name__ == "__main__":
    main()
