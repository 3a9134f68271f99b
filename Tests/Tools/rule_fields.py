#!/usr/bin/env python3
"""Values of rule fields, computed from an event's JSON in another way than the program does.

Standard input: a line `fields N`, N lines of a field with its argument after a blank, then for each event a line
`event ORIGIN LENGTH` and LENGTH bytes of JSON and a line feed. Standard output: for each event one line, a JSON list
with the list of values of each field, or null when the JSON cannot be read.
"""
import json
import sys
import urllib.parse


class Number(str):
    """A number as it is written."""


def parse(text):
    return json.loads(text, parse_int=Number, parse_float=Number, strict=False)


def dump(value, indent=None, depth=0):
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if value is True or value is False or value is None:
        return json.dumps(value)
    opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
    if not value:
        return opening + closing
    colon = ":" if indent is None else ": "
    if isinstance(value, dict):
        parts = [json.dumps(k, ensure_ascii=False) + colon + dump(v, indent, depth + 1) for k, v in value.items()]
    else:
        parts = [dump(v, indent, depth + 1) for v in value]
    if indent is None:
        return opening + ",".join(parts) + closing
    line = "\n" + " " * indent * (depth + 1)
    return opening + line + ("," + line).join(parts) + "\n" + " " * indent * depth + closing


def text(value):
    return str(value) if isinstance(value, str) else dump(value)


def get(value, *path):
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def items(value, index=None):
    if not isinstance(value, list):
        return []
    if index is None:
        return value
    return value[index:index + 1]


def one(value):
    return [] if value is None else [text(value)]


def many(values):
    return [text(v) for v in values if v is not None]


def word(value):
    """What the decoder reads: a string that is not empty."""
    return [value] if isinstance(value, str) and not isinstance(value, Number) and value else []


def repository(image):
    # A colon counts behind the last slash only; of several, the last one.
    name = image.split("@")[0]
    head, slash, tail = name.rpartition("/")
    return head + slash + (tail.rpartition(":")[0] if ":" in tail else tail)


def parameter(uri, key):
    _, mark, query = uri.partition("?")
    values = []
    for pair in query.split("&") if mark else []:
        if not pair or ";" in pair:
            continue
        name, _, value = pair.partition("=")
        if any(not ok(part) for part in (name, value)):
            continue
        if urllib.parse.unquote_to_bytes(name.replace("+", " ")) == key.encode():
            raw = urllib.parse.unquote_to_bytes(value.replace("+", " "))
            values.append(raw.decode("utf-8", "replace"))
    return [" ".join(values)] if values else []


def ok(part):
    pieces = part.split("%")[1:]
    return all(len(p) >= 2 and all(c in "0123456789abcdefABCDEF" for c in p[:2]) for p in pieces)


def container_field(spec, kind, part, index):
    values = []
    for box in items(get(spec, kind), index):
        context = get(box, "securityContext")
        if part in ("name", "image", "image.repository"):
            value = get(box, part.split(".")[0])
            if value is None:
                return []
            values.append(repository(text(value)) if part == "image.repository" else text(value))
        elif part in ("command", "args"):
            words = items(get(box, part))
            if words:
                values.append(" ".join(text(w) for w in words))
        elif part == "host_port":
            for port in items(get(box, "ports")):
                host = get(port, "hostPort")
                values += one(host if host is not None else get(port, "containerPort"))
        elif part == "add_capabilities":
            values += many(items(get(context, "capabilities", "add")))
        elif part.startswith("eff_"):
            name = {"eff_run_as_user": "runAsUser", "eff_run_as_group": "runAsGroup"}[part]
            for value in (get(context, name), get(spec, "securityContext", name), Number("0")):
                if value is not None:
                    values.append(text(value))
                    break
        else:
            name = {"privileged": "privileged", "allow_privilege_escalation": "allowPrivilegeEscalation",
                    "read_only_fs": "readOnlyRootFilesystem", "run_as_user": "runAsUser",
                    "run_as_group": "runAsGroup", "proc_mount": "procMount"}[part]
            values += one(get(context, name))
    return values


ANNOTATIONS = {
    "ka.auth.decision": "authorization.k8s.io/decision", "ka.auth.reason": "authorization.k8s.io/reason",
    "ka.auth.openshift.decision": "authentication.openshift.io/decision",
    "ka.auth.openshift.username": "authentication.openshift.io/username",
    "ka.validations.admission.policy.failure": "validation.policy.admission.k8s.io/validation_failure",
    "ka.security.pod.violations": "pod-security.kubernetes.io/audit-violations",
}
WORDS = {
    "ka.auditid": ("auditID",), "ka.stage": ("stage",), "ka.user.name": ("user", "username"),
    "ka.impuser.name": ("impersonatedUser", "username"), "ka.verb": ("verb",), "ka.uri": ("requestURI",),
    "ka.target.name": ("objectRef", "name"), "ka.target.namespace": ("objectRef", "namespace"),
    "ka.target.resource": ("objectRef", "resource"), "ka.target.subresource": ("objectRef", "subresource"),
    "ka.useragent": ("userAgent",), "ka.req.configmap.name": ("objectRef", "name"),
}
REQUEST = {
    "ka.req.binding.role": ("roleRef", "name"), "ka.req.configmap.obj": ("data",), "ka.req.service.type": ("spec", "type"),
    "ka.req.service.ports": ("spec", "ports"), "ka.req.pod.host_ipc": ("spec", "hostIPC"),
    "ka.req.pod.host_network": ("spec", "hostNetwork"), "ka.req.container.host_network": ("spec", "hostNetwork"),
    "ka.req.pod.host_pid": ("spec", "hostPID"), "ka.req.pod.run_as_user": ("spec", "securityContext", "runAsUser"),
    "ka.req.pod.run_as_group": ("spec", "securityContext", "runAsGroup"),
    "ka.req.pod.fs_group": ("spec", "securityContext", "fsGroup"),
}


def pointer(event, path):
    value = event
    for token in path.removeprefix("/").split("/") if path else []:
        token = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            value = value[int(token)] if token.isdigit() and int(token) < len(value) else None
        else:
            value = get(value, token)
    return one(value)


def field(name, argument, event, raw, origin):
    index = int(argument) if argument.isdigit() else None
    gke = origin == "gke"
    request = get(event, "protoPayload", "request") if gke else get(event, "requestObject")
    response = get(event, "protoPayload", "response") if gke else get(event, "responseObject")
    annotations = get(event, "labels") if gke else get(event, "annotations")
    spec = get(request, "spec")
    if name == "ka.auth.decision" and (isinstance(get(annotations, ANNOTATIONS[name]), Number)
                                       or not isinstance(get(annotations, ANNOTATIONS[name]), str)):
        return []
    if name in ANNOTATIONS:
        return one(get(annotations, ANNOTATIONS[name]))
    if name in WORDS:
        return word(get(event, *WORDS[name]))
    if name in REQUEST:
        return one(get(request, *REQUEST[name]))
    if name.startswith("ka.req.pod.") and name.split(".")[3] in ("containers", "initContainers", "ephemeralContainers"):
        return container_field(spec, name.split(".")[3], name.split(".", 4)[4], index)
    if name.startswith("ka.req.binding.subjects"):
        kind = {"user_names": "User", "serviceaccount_names": "ServiceAccount", "serviceaccount_ns_names": "ServiceAccount",
                "group_names": "Group"}.get(name.split(".")[-1])
        found = [s for s in items(get(request, "subjects")) if kind is None or get(s, "kind") == kind]
        if kind is None:
            return many(found)
        named = [s for s in found if get(s, "name") is not None]
        if name.endswith("_ns_names"):
            return [(text(get(s, "namespace")) if get(s, "namespace") is not None else "") + ":" + text(s["name"])
                    for s in named]
        return [text(s["name"]) for s in named]
    if name == "ka.req.role.rules":
        return many(items(get(request, "rules")))
    if name.startswith("ka.req.role.rules."):
        return [v for rule in items(get(request, "rules"), index) for v in many(items(get(rule, name.split(".")[-1])))]
    return special(name, argument, index, event, raw, request, response, spec, annotations)


def special(name, argument, index, event, raw, request, response, spec, annotations):
    volumes = items(get(spec, "volumes"), index)
    if name == "ka.user.groups":
        return many(items(get(event, "user", "groups")))
    if name == "ka.sourceips":
        return many(items(get(event, "sourceIPs"), index))
    if name == "ka.uri.param":
        return parameter((word(get(event, "requestURI")) or [""])[0], argument)
    if name == "ka.response.code":
        return one(get(event, "responseStatus", "code"))
    if name == "ka.response.reason":
        return one(get(event, "responseStatus", "reason"))
    if name == "ka.req.binding.subject.has_name":
        return ["true"]
    if name == "ka.cluster.name":
        return one(get(annotations, "cluster_name"))
    if name == "ka.resp.name":
        return one(get(response, "metadata", "name"))
    if name == "ka.target.pod.name":
        target = get(event, "objectRef")
        is_pod = get(target, "resource") == "pods" and not get(target, "subresource")
        return one(get(response, "metadata", "name")) if is_pod else []
    if name == "ka.req.pod.supplemental_groups":
        return many(items(get(spec, "securityContext", "supplementalGroups")))
    if name == "ka.req.pod.volumes.hostpath":
        return many(get(v, "hostPath", "path") for v in volumes)
    if name == "ka.req.pod.volumes.flexvolume_driver":
        return many(get(v, "flexVolume", "driver") for v in volumes)
    if name == "ka.req.pod.volumes.volume_type":
        return [k for v in volumes if isinstance(v, dict) for k in v if k != "name"]
    if name == "ka.req.volume.hostpath":
        paths = many(get(v, "hostPath", "path") for v in items(get(spec, "volumes")))
        if argument.endswith("*"):
            hit = any(p.startswith(argument[:-1]) for p in paths)
        else:
            hit = argument in paths
        return [str(hit).lower()] if paths else []
    if name == "ka.req.container.image":
        return container_field(spec, "containers", "image", 0)
    if name == "ka.req.container.image.repository":
        return container_field(spec, "containers", "image.repository", 0)
    if name == "ka.req.container.privileged":
        boxes = items(get(spec, "containers"))
        hit = any(get(b, "securityContext", "privileged") is True for b in boxes)
        return [str(hit).lower()] if boxes else []
    if name.endswith(".value"):
        return pointer(event, argument)
    if name.endswith(".obj"):
        return [dump(event, indent=2)]
    raise ValueError(name)


def main():
    stream = sys.stdin.buffer
    count = int(stream.readline().split()[1])
    wanted = []
    for _ in range(count):
        name, _, argument = stream.readline().decode().rstrip("\n").partition(" ")
        wanted.append((name, argument))
    while line := stream.readline():
        _, origin, length = line.decode().split()
        raw = stream.read(int(length)).decode("utf-8", "replace")
        stream.readline()
        try:
            event = parse(raw)
        except ValueError:
            print("null")
            continue
        print(json.dumps([field(n, a, event, raw, origin) for n, a in wanted]))


main()
