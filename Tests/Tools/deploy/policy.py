"""The audit policy: a model of how the API server applies one, and the requests that must stay visible."""

import re

from common import against, schema

POLICIES = ["deploy/audit-policy.yaml", "examples/audit-policy.yaml"]
LEVELS = ["None", "Metadata", "Request", "RequestResponse"]
# Stages that may be omitted: every other one is how some request is counted.
OMITTED = {"RequestReceived"}
CHANGES = ["create", "update", "patch", "delete", "deletecollection"]


def request(verb, resource="", group="", *, user="somebody", groups=(), namespace="", name="", path="/"):
    """A request as a policy sees it: USER is None where nobody has proved who he is. RESOURCE is `pods/exec`, or empty."""
    return {"verb": verb, "resource": resource, "group": group, "user": user, "groups": groups, "namespace": namespace,
            "name": name, "path": path}


def matches_resource(entry, asked):
    if entry["group"] not in (asked["group"], "*"):
        return False
    if not entry.get("resources"):
        return True
    if entry.get("resourceNames") and asked["name"] not in entry["resourceNames"]:
        return False
    resource, _, subresource = asked["resource"].partition("/")
    return any(
        wanted in (asked["resource"], "*") or wanted == f"{resource}/*" or (subresource and wanted == f"*/{subresource}")
        for wanted in entry["resources"])


def matches(rule, asked):
    """Source: ruleMatches of kubernetes/apiserver, pkg/audit/policy/checker.go."""
    if rule.get("users") and asked["user"] not in rule["users"]:
        return False
    if rule.get("userGroups") and (asked["user"] is None or not set(asked["groups"]) & set(rule["userGroups"])):
        return False
    if rule.get("verbs") and asked["verb"] not in rule["verbs"]:
        return False
    if rule.get("namespaces") or rule.get("resources"):
        if not asked["resource"]:
            return False
        if rule.get("namespaces") and asked["namespace"] not in rule["namespaces"]:
            return False
        return not rule.get("resources") or any(matches_resource(entry, asked) for entry in rule["resources"])
    if rule.get("nonResourceURLs"):
        return not asked["resource"] and any(
            url in ("*", asked["path"]) or (url.endswith("*") and asked["path"].startswith(url.rstrip("*")))
            for url in rule["nonResourceURLs"])
    return True


def decide(policy, asked):
    """The level of a request, and the stages of it that are not logged."""
    for rule in policy["rules"]:
        if matches(rule, asked):
            return rule["level"], set(rule.get("omitStages", [])) | set(policy.get("omitStages", []))
    return "None", set(policy.get("omitStages", []))


WEBHOOKS = "admissionregistration.k8s.io"
RBAC = "rbac.authorization.k8s.io"
# The built-in tracked objects, a request for each verb.
TRACKED = {
    "pods": [request(verb, "pods") for verb in CHANGES],
    "namespaces": [request(verb, "namespaces") for verb in CHANGES],
    "serviceaccounts": [request(verb, "serviceaccounts") for verb in CHANGES],
    "networkpolicies": [request(verb, "networkpolicies", "networking.k8s.io") for verb in CHANGES],
    "endpoints": [request(verb, "endpoints") for verb in CHANGES],
    "aws-auth": [request(verb, "configmaps", namespace="kube-system", name="aws-auth") for verb in CHANGES],
    "validating-webhooks": [request(verb, "validatingwebhookconfigurations", WEBHOOKS) for verb in CHANGES],
    "mutating-webhooks": [request(verb, "mutatingwebhookconfigurations", WEBHOOKS) for verb in CHANGES],
    "secrets": [request(verb, "secrets") for verb in CHANGES],
    "secret-reads": [request(verb, "secrets") for verb in ("get", "list", "watch")],
    "pod-exec": [request(verb, "pods/exec") for verb in ("get", "create")],
    "token-requests": [request("create", "serviceaccounts/token")],
    "certificate-requests": [
        request(verb, resource, "certificates.k8s.io")
        for resource in ("certificatesigningrequests", "certificatesigningrequests/approval") for verb in CHANGES],
}
BINDINGS = ["roles", "rolebindings", "clusterroles", "clusterrolebindings"]
OTHERS = {
    "an RBAC mutation": [request(verb, resource, RBAC) for resource in BINDINGS for verb in CHANGES],
    "a read by anybody": [request("list", "deployments/scale", "apps", namespace="kube-system")],
    "a watch that was refused": [request("watch", "leases", "coordination.k8s.io", user="system:anonymous")],
    "a node that was refused": [request("get", "pods", user="system:node:a", groups=["system:nodes"])],
    "a path that is no resource": [request("get", path="/metrics"), request("get", path="/version", user="system:anonymous")],
}
# A failed authentication has no user; no policy may hide one, whatever was asked for.
UNAUTHENTICATED = [
    dict(asked, user=None, groups=()) for rows in (TRACKED | OTHERS).values() for asked in rows
] + [request("get", path=path, user=None) for path in ("/healthz", "/livez/ping", "/readyz", "/version", "/api")]


def policies(place):
    """Each policy is valid, shows what the rules need, and hides no 401."""
    for path in POLICIES:
        policy = place.document(path)
        yield from against(schema("apiserver.json", "Policy"), policy, path)
        yield from visible(path, policy)
        yield from bodies(path, policy)
        if set(policy["rules"][-1]) != {"level"} or policy["rules"][-1]["level"] == "None":
            yield f"{path}: the last rule does not take everything that is left"
        for rule in policy["rules"]:
            if rule["level"] == "None" and not (rule.get("users") or rule.get("userGroups")):
                yield f"{path}: a rule with level None names no users, and can hide a 401"


def visible(path, policy):
    rows = TRACKED | OTHERS | {"a failed authentication": UNAUTHENTICATED}
    for what, asked in ((what, asked) for what, row in rows.items() for asked in row):
        level, omitted = decide(policy, asked)
        told = f"{asked['verb']} {asked['resource'] or asked['path']}"
        if level == "None":
            yield f"{path}: {what} is not logged: {told}"
        if omitted - OMITTED:
            yield f"{path}: {what} is not counted: {told} omits {', '.join(sorted(omitted - OMITTED))}"


def bodies(path, policy):
    """No secret, and no token, is written into the log."""
    for what in ("secrets", "secret-reads", "token-requests", "aws-auth"):
        for asked in TRACKED[what]:
            if LEVELS.index(decide(policy, asked)[0]) > LEVELS.index("Metadata"):
                yield f"{path}: {asked['verb']} {asked['resource']} is logged with its body"


def tracked_known(place):
    """The objects above are those that the exporter has built in."""
    source = place.text("Sources/Counting/TrackedObject.swift")
    built_in = source[source.index("static let builtIn"):]
    names = set(re.findall(r'name: "([a-z-]+)"', built_in))
    if names != set(TRACKED):
        yield f"Tests/Tools/deploy/policy.py: tracked objects differ from the exporter's: {sorted(names ^ set(TRACKED))}"


CHECKS = [policies, tracked_known]
