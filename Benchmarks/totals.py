"""The totals that programs print, and what they must be: each benchmark run is a correctness run as well.

A group of totals is a dictionary from a tuple of labels to a count:

  events ()                          denied (code, user, source IP)        server_errors (code)
  bytes (), rejected ()              denied_by_ip (code, source IP)        rbac (resource, verb)
  requests_by_code (code)            denied_by_reason (code, reason)       rbac_succeeded (resource, verb)
  requests_by_verb (verb)
"""
import collections
import ipaddress
import json

import exposition

REASONS = {
    ("401", "failed_authentication"): "authentication", ("401", "with_user"): "backend",
    ("403", "authorization"): "authorization", ("403", "admission"): "admission",
    ("403", "unannotated"): "impersonation",
}


def expected_totals(expect):
    """The generator's expected counts, as groups."""
    denied = {}
    for code, key in (("401", "unauthorized_by_user_and_ip"), ("403", "forbidden_by_user_and_ip")):
        for row in expect[key]:
            denied[code, row["user"], row["source_ip"]] = row["count"]
    by_reason = {}
    for code, key in (("401", "unauthorized_by_kind"), ("403", "forbidden_by_kind")):
        for kind, count in expect[key].items():
            by_reason[code, REASONS[code, kind]] = count
    return {
        "events": {(): expect["events"]},
        "bytes": {(): expect["bytes"]},
        "rejected": {(): 0},
        "requests_by_code": {(code,): count for code, count in expect["requests_by_code"].items()},
        "requests_by_verb": {(verb,): count for verb, count in expect["requests_by_verb"].items()},
        "denied": denied,
        "denied_by_ip": projected(denied, lambda code, user, ip: (code, ip)),
        "denied_by_reason": by_reason,
        "server_errors": {(code,): count for code, count in expect["server_errors_by_code"].items()},
        "rbac": {tuple(key.split("/")): count for key, count in expect["rbac_mutations_attempted"].items()},
        "rbac_succeeded": {tuple(key.split("/")): count for key, count in expect["rbac_mutations_succeeded"].items()},
    }


def projected(group, labels):
    """The group with fewer labels, its counts added up; what is zero is left out, for counters may exist at 0."""
    out = collections.Counter()
    for key, count in group.items():
        if count:
            out[labels(*key)] += count
    return dict(out)


def read_table(text):
    """Totals of a program that prints lines of name, labels..., value, separated by tabs.

    A program may print a whole group, or, without labels, only its sum: `requests`, `denied`, `server_errors`, `rbac`.
    """
    groups = collections.defaultdict(dict)
    for line in text.splitlines():
        name, *labels, value = line.split("\t")
        groups[name][tuple(labels)] = int(value)
    requests = groups.get("requests")
    if requests and () not in requests:
        del groups["requests"]
        groups["requests_by_verb"] = projected(requests, lambda verb, resource, code: (verb,))
        groups["requests_by_code"] = projected(requests, lambda verb, resource, code: (code,))
    return dict(groups)


def read_mtail(text):
    """Totals of mtail's one-shot JSON, which follows on what it logs."""
    groups = {}
    for name, metrics in json.loads(text[text.index("{"):]).items():
        group = {"requests": "requests_by_code", "denied": "denied_by_ip"}.get(name, name)
        groups[group] = {tuple(row.get("Labels", ())): row["Value"]["Value"]
                         for metric in metrics for row in metric.get("LabelValues", ())}
    return groups


def read_exporter(text):
    """Totals of the exporter's OpenMetrics exposition, over all clusters and inputs."""
    families = collections.defaultdict(list)
    for name, labels, value in exposition.samples(text):
        families[name.removeprefix("kube_audit_")].append((labels, int(value) if value.is_integer() else value))

    def group(family, *names, where=lambda labels: True):
        out = collections.Counter()
        for labels, value in families[family]:
            if value and where(labels):
                out[tuple(exposition.plain(labels[name]) for name in names)] += value
        return dict(out)

    return {
        "events": group("events_received_total"),
        "rejected": {(): sum(group("events_rejected_total").values())},
        "requests_by_code": group("requests_total", "code"),
        "requests_by_verb": group("requests_total", "verb"),
        "denied": {(code, "" if user == "(unauthenticated)" else user, ip): count for (code, user, ip), count in
                   group("denied_requests_total", "code", "user", "source_ip").items()},
        "denied_by_reason": group("denied_requests_total", "code", "reason"),
        "server_errors": group("server_errors_total", "code"),
        "rbac": group("rbac_mutations_total", "resource", "verb"),
        "rbac_succeeded": group("rbac_mutations_total", "resource", "verb",
                                where=lambda labels: labels["outcome"] == "success"),
    }


def same_network(group):
    """Denied requests with each IPv6 address as its /64, because the exporter folds a crowded one."""
    def network(ip):
        if ":" not in ip:
            return ip
        return str(ipaddress.ip_interface(ip if "/" in ip else ip + "/64").network)
    return projected(group, lambda code, user, ip: (code, user, network(ip)))


def differences(got, expected, must_have):
    """Sentences about every group that is missing or wrong; none when all is right."""
    found = []
    for name in must_have:
        if name not in got and name.split("_by_")[0] not in got:
            found.append("%s: not printed" % name)
    for name, counts in got.items():
        if set(counts) == {()} and name not in ("events", "bytes"):
            base = name if name in expected else name + "_by_code"
            want, have = sum(expected[base].values()), counts[()]
            if want != have:
                found.append("%s: %d, expected %d" % (name, have, want))
            continue
        want = expected[name]
        if name == "denied" and any("/" in ip for _, _, ip in counts):
            counts, want = same_network(counts), same_network(want)
        wrong = [key for key in sorted(set(counts) | set(want)) if counts.get(key, 0) != want.get(key, 0)]
        if wrong:
            key = wrong[0]
            found.append("%s: %d of %d differ, first %s: %d, expected %d" % (
                name, len(wrong), len(want), "/".join(key) or "total", counts.get(key, 0), want.get(key, 0)))
    return found
