"""One machine: the systemd unit, the composition, and the certificates."""

import importlib.resources
import json
import pathlib
import re
import tempfile

import jsonschema

from common import accepts, run

UNIT = "deploy/systemd/kube-audit-exporter.service"
COMPOSE = "deploy/compose/compose.yaml"
# Exposure as systemd-analyze reckons it, times ten; the unit has 1.1.
EXPOSURE_LIMIT = 12


def unit(place):
    """systemd finds nothing to say about it, and it stays as closed as it is."""
    text = place.text(UNIT)
    config = place.text("deploy/systemd/config.yaml")
    starts = re.findall(r"^ExecStart(?:Pre)?=\S+ (.*)$", text, re.MULTILINE)
    for arguments in starts:
        yield from accepts(place, UNIT, config, arguments.split())
    if not place.program("systemd-analyze"):
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "kube-audit-exporter.service"
        copy.write_text(text.replace("/usr/local/bin/kube-audit-exporter", str(place.binary.resolve())))
        code, printed = run("systemd-analyze", "verify", "--man=no", copy)
        said = [line for line in printed.splitlines() if "kube-audit-exporter.service" in line]
        yield from (f"{UNIT}: {line}" for line in said or ([printed] if code else []))
        code, printed = run("systemd-analyze", "security", "--offline=yes", f"--threshold={EXPOSURE_LIMIT}", copy)
        if code:
            yield f"{UNIT}: more exposed than {EXPOSURE_LIMIT / 10}: {printed.splitlines()[-1]}"


def users(place):
    """The account and the folders are made as the files say, in a root of their own."""
    if not (place.program("systemd-sysusers") and place.program("systemd-tmpfiles")):
        return
    with tempfile.TemporaryDirectory() as folder:
        etc = pathlib.Path(folder) / "etc"
        etc.mkdir()
        (pathlib.Path(folder) / "var/log/kubernetes").mkdir(parents=True)
        (etc / "passwd").write_text("root:x:0:0:::\n")
        (etc / "group").write_text("root:x:0:\nkube-audit-exporter:x:990:\n")
        for program, file in (("systemd-sysusers", "sysusers.conf"), ("systemd-tmpfiles", "tmpfiles.conf")):
            action = ["--create"] if program == "systemd-tmpfiles" else ["--dry-run"]
            code, printed = run(program, f"--root={folder}", *action, (place.root / "deploy/systemd" / file).resolve())
            if code or "ignoring" in printed.lower():
                yield f"deploy/systemd/{file}: {printed}"
        log = pathlib.Path(folder) / "var/log/kubernetes/audit/audit.log"
        if not log.is_file() or log.stat().st_mode & 0o777 != 0o640:
            yield "deploy/systemd/tmpfiles.conf: makes no log that the group, and nobody else, may read"


def composition(place):
    """The compose specification's schema, closed ports, and nothing mounted that is not there."""
    vendored = importlib.resources.files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json"
    specification = json.loads(vendored.read_text())
    document = place.document(COMPOSE)
    for error in jsonschema.validators.validator_for(specification)(specification).iter_errors(document):
        yield f"{COMPOSE}: {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
    for name, service in document["services"].items():
        yield from (
            f"{COMPOSE}: {name}: port {port} is open to other machines"
            for port in service.get("ports", []) if not str(port).startswith("127.0.0.1:"))
        for volume in service.get("volumes", []):
            source = volume.split(":", 1)[0]
            if source.startswith(".") and not (place.root / "deploy/compose" / source).exists():
                yield f"{COMPOSE}: {name}: {source} is not there"
    exporter = place.text("deploy/compose/exporter.yaml")
    yield from accepts(place, "deploy/compose/exporter.yaml", exporter, document["services"]["exporter"]["command"])


def monitoring(place):
    """promtool and amtool take what Prometheus and Alertmanager are given."""
    prometheus, alertmanager = "deploy/compose/prometheus.yml", "deploy/compose/alertmanager.yml"
    if place.program("promtool"):
        code, printed = run("promtool", "check", "config", "--syntax-only", place.root / prometheus)
        if code:
            yield f"{prometheus}: {printed[:500]}"
    jobs = [job["job_name"] for job in place.document(prometheus)["scrape_configs"]]
    if "kube-audit-exporter" not in jobs:
        yield f"{prometheus}: has no job kube-audit-exporter, which the alerts ask for"
    if place.program("amtool"):
        code, printed = run("amtool", "check-config", place.root / alertmanager)
        if code:
            yield f"{alertmanager}: {printed[:500]}"


def certificates(place):
    """Each is good for its own purpose, under its own name, and for nothing else."""
    service = "kube-audit-exporter.kube-audit-exporter.svc"
    with tempfile.TemporaryDirectory() as folder:
        code, printed = run(place.root / "deploy/webhook-certificates.sh", folder, "10.96.0.50")
        if code:
            yield f"deploy/webhook-certificates.sh: {printed}"
            return
        for file, purpose, options, good in (
                ("tls", "sslserver", ["-verify_hostname", service], True),
                ("tls", "sslserver", ["-verify_ip", "10.96.0.50"], True),
                ("tls", "sslserver", ["-verify_hostname", "other.example"], False),
                ("tls", "sslclient", [], False),
                ("client", "sslclient", [], True),
                ("client", "sslserver", [], False)):
            code, printed = run(
                "openssl", "verify", "-purpose", purpose, "-CAfile", f"{folder}/ca.crt", *options, f"{folder}/{file}.crt")
            if (code == 0) != good:
                yield f"deploy/webhook-certificates.sh: {file}.crt as {purpose} {' '.join(options)}: {printed}"
    proxy = place.document("deploy/kubernetes/overlays/webhook/config.yaml")["data"]["haproxy.cfg"]
    name = re.search(r"client=(\S+)", place.text("deploy/webhook-certificates.sh")).group(1)
    if f"-m str {name} " not in proxy:
        yield f"deploy/kubernetes/overlays/webhook/config.yaml: HAProxy does not ask for the client {name}"


CHECKS = [unit, users, composition, monitoring, certificates]
