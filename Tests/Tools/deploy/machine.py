"""One machine: the systemd unit, the composition, and the certificates."""

import importlib.resources
import json
import pathlib
import re
import socket
import subprocess
import tempfile

import jsonschema

from common import accepts, run

UNIT = "deploy/systemd/kube-audit-exporter.service"
COMPOSE = "deploy/compose/compose.yaml"
WEBHOOK = "deploy/kubernetes/overlays/webhook"
SERVICE = "kube-audit-exporter.kube-audit-exporter.svc"
# Where the pod finds its configuration; its certificates are beside it.
MOUNT = "/etc/kube-audit-exporter"
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
    with tempfile.TemporaryDirectory() as folder:
        code, printed = run(place.root / "deploy/webhook-certificates.sh", folder, "10.96.0.50")
        if code:
            yield f"deploy/webhook-certificates.sh: {printed}"
            return
        for file, purpose, options, good in (
                ("tls", "sslserver", ["-verify_hostname", SERVICE], True),
                ("tls", "sslserver", ["-verify_ip", "10.96.0.50"], True),
                ("tls", "sslserver", ["-verify_hostname", "other.example"], False),
                ("tls", "sslclient", [], False),
                ("client", "sslclient", [], True),
                ("client", "sslserver", [], False)):
            code, printed = run(
                "openssl", "verify", "-purpose", purpose, "-CAfile", f"{folder}/ca.crt", *options, f"{folder}/{file}.crt")
            if (code == 0) != good:
                yield f"deploy/webhook-certificates.sh: {file}.crt as {purpose} {' '.join(options)}: {printed}"


def pushes(place):
    """The webhook's pod lets in the API server's certificate, for its cluster, and nothing else."""
    config, push = pod_files(place)
    with tempfile.TemporaryDirectory() as folder:
        make_certificates(place, folder)
        port, metrics = free_ports(2)
        paths = {f"{MOUNT}-tls/": f"{folder}/", f"{MOUNT}/push.yml": f"{folder}/push.yml"}
        for name, text in (("config.yaml", config), ("push.yml", push)):
            for old, new in paths.items():
                text = text.replace(old, new)
            (pathlib.Path(folder) / name).write_text(text)
        command = [
            place.binary.resolve(), "serve", f"--config.file={folder}/config.yaml", "--storage.path", "",
            f"--input.webhook.listen-address=127.0.0.1:{port}", f"--web.listen-address=127.0.0.1:{metrics}"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as exporter:
            try:
                run("curl", "-s", "--noproxy", "*", "--retry", "100", "--retry-connrefused", "--retry-delay", "0",
                    "--retry-max-time", "30", f"http://127.0.0.1:{metrics}/-/ready")
                yield from tried(folder, port)
            finally:
                exporter.terminate()


def tried(folder, port):
    """Pushes with each certificate: 200, 403, or no answer at all (000)."""
    body = '{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{"auditID":"1","stage":"ResponseComplete"}]}'
    for name, cluster, answer in (
            ("client", "prod", "200"), ("client", "", "200"), ("client", "staging", "404"), ("other", "prod", "403"),
            ("", "prod", "000"), ("foreign", "prod", "000"), ("selfsigned", "prod", "000"), ("tls", "prod", "000")):
        credentials = ["--cert", f"{folder}/{name}.crt", "--key", f"{folder}/{name}.key"] if name else []
        _, printed = run(
            "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--noproxy", "*", "--cacert", f"{folder}/ca.crt",
            "--connect-to", f"{SERVICE}:443:127.0.0.1:{port}", *credentials, "--data-binary", body,
            f"https://{SERVICE}/webhook/{cluster}".rstrip("/"))
        if printed[-3:] != answer:
            yield f"{WEBHOOK}/config.yaml: {name or 'no'} certificate for cluster {cluster!r}: {printed}, not {answer}"


def pod_files(place):
    data = place.document(f"{WEBHOOK}/config.yaml")["data"]
    return data["config.yaml"], data["push.yml"]


def make_certificates(place, folder):
    """Those of the script, and others that are not to be let in."""
    run(place.root / "deploy/webhook-certificates.sh", folder)
    openssl = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    name = ["-subj", "/CN=kube-apiserver-audit", "-addext", "extendedKeyUsage=clientAuth"]
    run(*openssl, *name, "-keyout", f"{folder}/selfsigned.key", "-out", f"{folder}/selfsigned.crt")
    with tempfile.TemporaryDirectory() as others:
        run(place.root / "deploy/webhook-certificates.sh", others)
        for ending in ("crt", "key"):
            (pathlib.Path(folder) / f"foreign.{ending}").write_bytes(
                (pathlib.Path(others) / f"client.{ending}").read_bytes())
    run(*openssl, "-subj", "/CN=somebody", "-addext", "extendedKeyUsage=clientAuth", "-CA", f"{folder}/ca.crt",
        "-CAkey", f"{folder}/ca.key", "-keyout", f"{folder}/other.key", "-out", f"{folder}/other.crt")


def free_ports(count):
    """Ports that nobody listens at."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


CHECKS = [unit, users, composition, monitoring, certificates, pushes]
