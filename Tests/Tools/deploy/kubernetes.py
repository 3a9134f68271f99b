"""deploy/kubernetes: schemas, what belongs together, how hard it is, and that the exporter takes its configuration."""

import pathlib
import re
import tempfile

import kubernetes_validate
import yaml

from common import accepts, against, run, schema

FOLDER = "deploy/kubernetes"
# The oldest and the newest Kubernetes that the manifests are held to.
VERSIONS = ["1.29", "1.37"]
OURS = {"PrometheusRule", "ServiceMonitor"}
RULES = f"{FOLDER}/components/prometheus-operator/prometheusrule.yaml"


def manifests(place):
    for path in place.files(FOLDER, ".yaml"):
        if not path.endswith("/kustomization.yaml"):
            for document in yaml.safe_load_all(place.text(path)):
                yield path, document


def schemas(place):
    """Every manifest against Kubernetes' schemas, the operator's against ours."""
    for path, document in manifests(place):
        yield from judge(path, document)


def judge(path, document):
    if document["kind"] in OURS:
        yield from against(schema("monitoring.coreos.com.json", document["kind"]), document, path)
        return
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            where = "/".join(str(part) for part in error.path)
            yield f"{path}: Kubernetes {version}: {where}: {error.message[:300]}"
        except kubernetes_validate.SchemaNotFoundError as error:
            yield f"{path}: {error.message}"


def kustomizations(place):
    """Each names files that are there, and every file is named."""
    named = set()
    for path in place.files(FOLDER, "kustomization.yaml"):
        folder = path.rsplit("/", 1)[0]
        document = place.document(path)
        yield from against(schema("kustomize.json"), document, path)
        patches = [patch["path"] for patch in document.get("patches", [])]
        for entry in document["resources"] + document.get("components", []) + patches:
            target = (place.root / folder / entry).resolve()
            target = target / "kustomization.yaml" if target.is_dir() else target
            if not target.is_file():
                yield f"{path}: {entry} is not there"
            else:
                named.add(str(target.relative_to(place.root.resolve())))
    for path in place.files(FOLDER, ".yaml"):
        is_root = "/overlays/" in path and path.endswith("/kustomization.yaml")
        if path not in named and not is_root:
            yield f"{path}: no kustomization names it"


def rendered(place):
    """What kustomize makes of the overlays, where it is here: the same schemas again."""
    if not place.program("kubectl"):
        return
    for path in place.files(f"{FOLDER}/overlays", "kustomization.yaml"):
        code, printed = run("kubectl", "kustomize", (place.root / path).parent)
        if code:
            yield f"{path}: kustomize: {printed[:500]}"
            continue
        kinds = set()
        for document in yaml.safe_load_all(printed):
            kinds.add(document["kind"])
            yield from judge(f"{path}, rendered", document)
        for kind in {"Namespace", "ServiceAccount", "ConfigMap", "Service", "NetworkPolicy"} | OURS:
            if kind not in kinds:
                yield f"{path}: renders no {kind}"


def workloads(place):
    for path, document in manifests(place):
        if document["kind"] in {"Deployment", "DaemonSet", "StatefulSet"}:
            yield path, document, document["spec"]["template"]["spec"]


def hardened(place):
    """Nothing runs as root, writes to its image, gains a right or holds a token."""
    for path, document, pod in workloads(place):
        of_pod = pod.get("securityContext", {})
        wanted = {
            "automountServiceAccountToken is false": pod.get("automountServiceAccountToken") is False,
            "runAsNonRoot": of_pod.get("runAsNonRoot") is True,
            "runAsUser is not root": of_pod.get("runAsUser", 0) != 0,
            "seccomp is RuntimeDefault": of_pod.get("seccompProfile") == {"type": "RuntimeDefault"},
            "no namespace of the node": not any(pod.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")),
        }
        if document["kind"] == "Deployment":
            strategy = document["spec"].get("strategy", {}).get("type")
            wanted["one replica, Recreate"] = document["spec"].get("replicas") == 1 and strategy == "Recreate"
        if document["kind"] == "DaemonSet":
            wanted["no surge"] = document["spec"]["updateStrategy"]["rollingUpdate"]["maxSurge"] == 0
        for container in pod["containers"]:
            name, context = container["name"], container.get("securityContext", {})
            resources = container.get("resources", {})
            wanted |= {
                f"{name}: readOnlyRootFilesystem": context.get("readOnlyRootFilesystem") is True,
                f"{name}: no privilege escalation": context.get("allowPrivilegeEscalation") is False,
                f"{name}: drops ALL": context.get("capabilities") == {"drop": ["ALL"]},
                f"{name}: requests and a memory limit": {"cpu", "memory"} <= set(resources.get("requests", {}))
                and "memory" in resources.get("limits", {}),
                f"{name}: a readiness probe": "readinessProbe" in container,
            }
            for mount in container.get("volumeMounts", []):
                # The state is what it writes; everything else it can only read.
                if mount["name"] != "state":
                    wanted[f"{name}: {mount['name']} read-only"] = mount.get("readOnly") is True
        yield from (f"{path}: not so: {what}" for what, holds in wanted.items() if not holds)
        exporter = next(entry for entry in pod["containers"] if entry["name"] == "exporter")
        for probe, target in (("livenessProbe", "/-/healthy"), ("readinessProbe", "/-/ready")):
            if exporter.get(probe, {}).get("httpGet") != {"path": target, "port": "metrics"}:
                yield f"{path}: {probe} does not ask {target}"


def together(place):
    """Selectors select, ports exist, volumes are mounted, images are named by the overlay."""
    for overlay in sorted((place.root / FOLDER / "overlays").iterdir()):
        near = [f"{FOLDER}/overlays/{overlay.name}/", f"{FOLDER}/base/", f"{FOLDER}/components/"]
        here = [(path, document) for path, document in manifests(place) if path.startswith(tuple(near))]
        path, document, pod = next(entry for entry in workloads(place) if entry[0].startswith(near[0]))
        labels = document["spec"]["template"]["metadata"]["labels"]
        ports = {port["name"] for container in pod["containers"] for port in container.get("ports", [])}
        volumes = {volume["name"] for volume in pod["volumes"]}
        mounts = {mount["name"] for container in pod["containers"] for mount in container["volumeMounts"]}
        if volumes != mounts:
            yield f"{path}: volumes {sorted(volumes ^ mounts)} are not both declared and mounted"
        images = {image["name"] for image in place.document(f"{near[0]}kustomization.yaml").get("images", [])}
        yield from (
            f"{path}: image {container['image']} is not among the overlay's images"
            for container in pod["containers"] if container["image"] not in images)
        yield from selected(here, labels, ports, document)


def selected(here, labels, ports, workload):
    services = [document for _, document in here if document["kind"] == "Service"]
    for path, document in here:
        spec = document.get("spec", {})
        if document["kind"] == "Service":
            if not spec["selector"].items() <= labels.items():
                yield f"{path}: selects no pod"
            yield from (
                f"{path}: port {port['targetPort']} is no port of the pod"
                for port in spec["ports"] if port["targetPort"] not in ports)
        elif document["kind"] == "NetworkPolicy":
            if not spec["podSelector"]["matchLabels"].items() <= labels.items():
                yield f"{path}: selects no pod"
            allowed = {port["port"] for rule in spec.get("ingress", []) for port in rule["ports"]}
            yield from (f"{path}: port {port} is no port of the pod" for port in sorted(allowed - ports))
        elif document["kind"] == "ServiceMonitor":
            chosen = [
                service for service in services
                if spec["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()]
            if not chosen:
                yield f"{path}: selects no Service"
            for service in chosen:
                if service["metadata"]["labels"].get(spec["jobLabel"]) != "kube-audit-exporter":
                    yield f"{path}: the job would not be kube-audit-exporter, which the alerts ask for"
                names = {port["name"] for port in service["spec"]["ports"]}
                if not {endpoint["port"] for endpoint in spec["endpoints"]} <= names:
                    yield f"{path}: scrapes a port that the Service does not have"
        elif document is workload and not spec["selector"]["matchLabels"].items() <= labels.items():
            yield f"{path}: selects no pod"


def configurations(place):
    """The exporter takes each ConfigMap, with the arguments of the container that mounts it."""
    for path, document, pod in workloads(place):
        folder = path.rsplit("/", 1)[0]
        data = dict(place.document(f"{folder}/config.yaml")["data"])
        config = data.pop("config.yaml")
        exporter = next(entry for entry in pod["containers"] if entry["name"] == "exporter")
        mounted = {mount["mountPath"] for mount in exporter["volumeMounts"]}
        with tempfile.TemporaryDirectory() as certificates:
            run(place.root / "deploy/webhook-certificates.sh", certificates)
            beside = [(f"/etc/kube-audit-exporter-tls/{file.name}", file.read_text())
                      for file in pathlib.Path(certificates).iterdir()]
            beside += [(f"/etc/kube-audit-exporter/{name}", text) for name, text in data.items()]
            yield from accepts(place, f"{folder}/config.yaml", config, exporter["args"], beside)
        for named in re.findall(r"/etc/kube-audit-exporter[\w./-]*", "".join([config, *data.values()])):
            if named.rsplit("/", 1)[0] not in mounted:
                yield f"{folder}/config.yaml: {named} is in no mounted folder"
        for log in yaml.safe_load(config)["inputs"].get("file", []):
            if log.rsplit("/", 1)[0] not in mounted:
                yield f"{folder}/config.yaml: {log} is in no mounted folder"


def rules_fresh(place):
    """The PrometheusRule is what the script makes of alerts/rules, and says the same."""
    code, printed = run(place.root / "scripts/prometheus-rule.sh")
    if code:
        yield f"scripts/prometheus-rule.sh: {printed}"
    elif printed != place.text(RULES).strip():
        yield f"{RULES}: is stale: run `make docs` and commit it"
    groups = [group for path in place.files("alerts/rules", ".yml") for group in place.document(path)["groups"]]
    if place.document(RULES)["spec"]["groups"] != groups:
        yield f"{RULES}: says something else than alerts/rules"


CHECKS = [schemas, kustomizations, rendered, hardened, together, configurations, rules_fresh]
