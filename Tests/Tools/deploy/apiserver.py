"""What the API server is given: webhook kubeconfigs, and the flags for kubeadm, kOps and k3s, which must all say the same."""

import re

import yaml

from common import against, schema

KUBECONFIG = "deploy/webhook-kubeconfig.yaml"
KUBEADM = {"v1beta3": "deploy/kubeadm/cluster-v1beta3.yaml", "v1beta4": "deploy/kubeadm/cluster-v1beta4.yaml"}
KOPS = "deploy/kops/cluster.yaml"
K3S = "deploy/k3s/config.yaml"

# Source: kubernetes/apiserver v0.36, pkg/server/options/audit.go.
BACKEND = ["mode", "batch-buffer-size", "batch-max-size", "batch-max-wait", "batch-throttle-enable", "batch-throttle-qps",
           "batch-throttle-burst", "truncate-enabled", "truncate-max-batch-size", "truncate-max-event-size", "version"]
FLAGS = {"audit-policy-file", "audit-webhook-config-file", "audit-webhook-initial-backoff"}
FLAGS |= {f"audit-log-{name}" for name in BACKEND + ["path", "maxage", "maxbackup", "maxsize", "format", "compress"]}
FLAGS |= {f"audit-webhook-{name}" for name in BACKEND}
# Flags that a file may not be able to name.
LACKING = {KOPS: {"audit-webhook-truncate-enabled"}}


def kubeconfigs(place):
    """Both are valid, lead somewhere, and to clusters that the exporter takes."""
    embedded = asset(place, "audit-webhook-kubeconfig")
    for path, document in ((KUBECONFIG, place.document(KUBECONFIG)), (KOPS, embedded), (
            "examples/audit-webhook.yaml", place.document("examples/audit-webhook.yaml"))):
        yield from against(schema("apiserver.json", "Config"), document, path)
        known = {kind: {entry["name"] for entry in document[kind]} for kind in ("contexts", "clusters", "users")}
        if document["current-context"] not in known["contexts"]:
            yield f"{path}: current-context {document['current-context']} is no context"
        for entry in document["contexts"]:
            if entry["context"]["cluster"] not in known["clusters"] or entry["context"]["user"] not in known["users"]:
                yield f"{path}: context {entry['name']} names a cluster or a user that is not there"
        yield from reachable(place, path, document)


def reachable(place, path, document):
    overlay = "deploy/kubernetes/overlays/webhook"
    taken = yaml.safe_load(place.document(f"{overlay}/config.yaml")["data"]["config.yaml"])["inputs"]["webhook"]["clusters"]
    ports = {port["name"]: port["port"] for port in place.document(f"{overlay}/service.yaml")["spec"]["ports"]}
    certified = re.search(r"service=(\S+)", place.text("deploy/webhook-certificates.sh")).group(1)
    for cluster in (entry["cluster"] for entry in document["clusters"]):
        name = cluster["server"].rsplit("/", 1)[1]
        if name not in taken:
            yield f"{path}: the exporter does not take cluster {name}"
        if not cluster["server"].startswith("https:"):
            continue
        if f":{ports['webhook']}/" not in cluster["server"]:
            yield f"{path}: {cluster['server']} is not the Service's port {ports['webhook']}"
        if cluster.get("tls-server-name") != certified:
            yield f"{path}: tls-server-name is not {certified}, the name in the certificate"


def flags(place):
    """The flags that each file sets, by file."""
    fields = {"auditLogMaxBackups": "audit-log-maxbackup", "auditLogMaxAge": "audit-log-maxage",
              "auditLogMaxSize": "audit-log-maxsize"}
    kops = place.document(KOPS)["spec"]["kubeAPIServer"]
    yield KUBEADM["v1beta3"], place.document(KUBEADM["v1beta3"])["apiServer"]["extraArgs"]
    arguments = place.document(KUBEADM["v1beta4"])["apiServer"]["extraArgs"]
    yield KUBEADM["v1beta4"], {entry["name"]: entry["value"] for entry in arguments}
    yield KOPS, {
        fields.get(field) or re.sub("[A-Z]", lambda capital: "-" + capital[0].lower(), field): str(value)
        for field, value in kops.items()}
    yield K3S, dict(entry.split("=", 1) for entry in place.document(K3S)["kube-apiserver-arg+"])


def distributions(place):
    """Known flags alone, and the same ones with the same values everywhere; only folders differ."""
    for version, path in KUBEADM.items():
        yield from against(schema("apiserver.json", f"kubeadm.k8s.io/{version}"), place.document(path), path)
    yield from against(schema("apiserver.json", "kops"), place.document(KOPS), KOPS)
    yield from against(schema("apiserver.json", "k3s"), place.document(K3S), K3S)
    found = dict(flags(place))
    reference = found[KUBEADM["v1beta4"]]
    for path, given in found.items():
        yield from (f"{path}: the API server has no flag --{flag}" for flag in sorted(set(given) - FLAGS))
        missing = set(reference) - set(given) - LACKING.get(path, set())
        yield from (f"{path}: --{flag} is missing, which {KUBEADM['v1beta4']} sets" for flag in sorted(missing))
        for flag, value in given.items():
            is_file = flag.endswith("-file")
            same = value.rsplit("/", 1)[-1] if is_file else value
            wanted = reference.get(flag, value).rsplit("/", 1)[-1] if is_file else reference.get(flag, value)
            if same != wanted:
                yield f"{path}: --{flag}={value}, but {KUBEADM['v1beta4']} says {wanted}"


def mounted(place):
    """A static pod sees what is mounted: every file that a flag or the kubeconfig names."""
    kubeconfig = place.document(KUBECONFIG)
    named = [value for entry in kubeconfig["clusters"] + kubeconfig["users"] for part in entry.values()
             if isinstance(part, dict) for value in part.values() if str(value).startswith("/")]
    for path, given in flags(place):
        if path not in KUBEADM.values():
            continue
        volumes = place.document(path)["apiServer"]["extraVolumes"]
        for file in [value for value in given.values() if value.startswith("/")] + named:
            volume = next((entry for entry in volumes if file.startswith(entry["mountPath"] + "/")), None)
            if not volume:
                yield f"{path}: {file} is in no mounted folder"
            elif file == given["audit-log-path"] and volume.get("readOnly"):
                yield f"{path}: the folder of the log is mounted read-only"
    kops = dict(flags(place))[KOPS]
    if kops["audit-policy-file"].rsplit("/", 1)[0] != kops["audit-webhook-config-file"].rsplit("/", 1)[0]:
        yield f"{KOPS}: kOps wants policy and webhook kubeconfig in one folder"


def asset(place, name):
    assets = place.document(KOPS)["spec"]["fileAssets"]
    return yaml.safe_load(next(entry["content"] for entry in assets if entry["name"] == name))


def copies(place):
    """What is told twice is the same: the policy inside kOps' file, its assets' paths, and where the log is."""
    if asset(place, "audit-policy") != place.document("deploy/audit-policy.yaml"):
        yield f"{KOPS}: its policy is not deploy/audit-policy.yaml"
    kops = dict(flags(place))[KOPS]
    paths = {entry["path"] for entry in place.document(KOPS)["spec"]["fileAssets"]}
    if paths != {kops["audit-policy-file"], kops["audit-webhook-config-file"]}:
        yield f"{KOPS}: its files are not where its flags look for them"
    log = dict(flags(place))[KUBEADM["v1beta4"]]["audit-log-path"]
    overlay = "deploy/kubernetes/overlays/file"
    volumes = place.document(f"{overlay}/daemonset.yaml")["spec"]["template"]["spec"]["volumes"]
    if log.rsplit("/", 1)[0] not in [volume.get("hostPath", {}).get("path") for volume in volumes]:
        yield f"{overlay}/daemonset.yaml: does not mount the folder of {log}"
    for path, config in (
            (f"{overlay}/config.yaml", yaml.safe_load(place.document(f"{overlay}/config.yaml")["data"]["config.yaml"])),
            ("deploy/systemd/config.yaml", place.document("deploy/systemd/config.yaml")),
            ("deploy/compose/exporter.yaml", place.document("deploy/compose/exporter.yaml"))):
        if config["inputs"]["file"] != [log]:
            yield f"{path}: does not read {log}, where the API server writes"


CHECKS = [kubeconfigs, distributions, mounted, copies]
