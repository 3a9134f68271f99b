"""Faults, one at a time, that the checks must find."""

import dataclasses
import typing

import apiserver
import kubernetes
import machine
import policy

BASE = "deploy/kubernetes/base"
FILE = "deploy/kubernetes/overlays/file"
WEBHOOK = "deploy/kubernetes/overlays/webhook"
OPERATOR = "deploy/kubernetes/components/prometheus-operator"
POLICY = "deploy/audit-policy.yaml"


@dataclasses.dataclass
class Fault:
    """OLD becomes NEW in the file, and CHECK says something with FINDS in it."""

    check: typing.Callable
    path: str
    old: str
    new: str
    finds: str


FAULTS = [
    Fault(kubernetes.schemas, f"{WEBHOOK}/deployment.yaml", "replicas: 1", "replica: 1", "replica"),
    Fault(kubernetes.schemas, f"{WEBHOOK}/service.yaml", "port: 10404", 'port: "10404"', "10404"),
    Fault(kubernetes.schemas, f"{OPERATOR}/servicemonitor.yaml", "scrapeTimeout", "scrape_timeout", "scrape_timeout"),
    Fault(kubernetes.schemas, f"{OPERATOR}/prometheusrule.yaml", "keep_firing_for", "keepFiringFor", "keepFiringFor"),
    Fault(kubernetes.kustomizations, f"{BASE}/kustomization.yaml", "  - networkpolicy.yaml\n", "", "no kustomization"),
    Fault(kubernetes.kustomizations, f"{FILE}/kustomization.yaml", "service.yaml", "services.yaml", "is not there"),
    Fault(kubernetes.kustomizations, f"{FILE}/kustomization.yaml", "patches:", "patchesStrategicMerge:", "patches"),
    Fault(kubernetes.rendered, f"{FILE}/namespace-privileged.yaml", "kind: Namespace", "kind: Namespaces", "kustomize"),
    Fault(kubernetes.hardened, f"{FILE}/daemonset.yaml", "runAsNonRoot: true", "runAsNonRoot: false", "runAsNonRoot"),
    Fault(kubernetes.hardened, f"{FILE}/daemonset.yaml", "maxSurge: 0", "maxSurge: 1", "surge"),
    Fault(kubernetes.hardened, f"{WEBHOOK}/deployment.yaml", "drop: [ALL]", "drop: [NET_RAW]", "drops ALL"),
    Fault(kubernetes.hardened, f"{WEBHOOK}/deployment.yaml", "type: Recreate", "type: RollingUpdate", "Recreate"),
    Fault(kubernetes.hardened, f"{WEBHOOK}/deployment.yaml", "/-/healthy", "/healthz", "livenessProbe"),
    Fault(kubernetes.together, f"{WEBHOOK}/service.yaml", "targetPort: webhook", "targetPort: push", "no port of the pod"),
    Fault(kubernetes.together, f"{BASE}/networkpolicy.yaml", "port: metrics", "port: http", "no port of the pod"),
    Fault(kubernetes.together, f"{OPERATOR}/servicemonitor.yaml", "port: metrics", "port: web", "does not have"),
    Fault(kubernetes.together, f"{FILE}/service.yaml", "name: kube-audit-exporter\nspec", "name: other\nspec", "Service"),
    Fault(kubernetes.configurations, f"{FILE}/config.yaml", "file_start: end", "file_begin: end", "file_begin"),
    Fault(kubernetes.configurations, f"{FILE}/daemonset.yaml", "--log.format=json", "--log.form=json", "log.form"),
    Fault(kubernetes.configurations, f"{WEBHOOK}/config.yaml", "RequireAndVerifyClientCert", "VerifyClientCertIfGiven",
          "not authenticated"),
    Fault(kubernetes.configurations, f"{WEBHOOK}/config.yaml", "exporter-tls/ca.crt", "exporter-ca/ca.crt",
          "is in no mounted folder"),
    Fault(kubernetes.rules_fresh, "alerts/rules/denied.yml", "severity: page", "severity: ticket", "stale"),
    Fault(policy.policies, POLICY, "  - RequestReceived", "  - RequestReceived\n  - ResponseStarted", "ResponseStarted"),
    Fault(policy.policies, POLICY, '    users: ["system:anonymous"]\n', "", "can hide a 401"),
    Fault(policy.policies, POLICY, "level: Metadata\n    resources", "level: Request\n    resources", "with its body"),
    Fault(policy.policies, POLICY, "  - level: Request\n    verbs", "  - level: Requests\n    verbs", "Requests"),
    Fault(policy.tracked_known, "Sources/Counting/TrackedObject.swift", 'name: "pod-exec"', 'name: "exec"', "pod-exec"),
    Fault(apiserver.kubeconfigs, "deploy/webhook-kubeconfig.yaml", "current-context: loopback", "current-context: local",
          "is no context"),
    Fault(apiserver.kubeconfigs, "deploy/webhook-kubeconfig.yaml", "10.96.0.50:10404/webhook/prod",
          "10.96.0.50:10404/webhook/test", "does not take cluster test"),
    Fault(apiserver.kubeconfigs, "deploy/webhook-kubeconfig.yaml", "      client-key: /", "      key: /", "key"),
    Fault(apiserver.distributions, "deploy/kubeadm/cluster-v1beta3.yaml", 'audit-log-maxsize: "100"',
          "audit-log-maxsize: 100", "not of type 'string'"),
    Fault(apiserver.distributions, "deploy/kubeadm/cluster-v1beta4.yaml", "batch-max-wait", "batch-max-delay",
          "no flag --audit-webhook-batch-max-delay"),
    Fault(apiserver.distributions, "deploy/k3s/config.yaml", "maxbackup=10", "maxbackup=5", "maxbackup=5"),
    Fault(apiserver.distributions, "deploy/kops/cluster.yaml", "auditLogMaxAge", "auditLogMaxDays", "auditLogMaxDays"),
    Fault(apiserver.mounted, "deploy/kubeadm/cluster-v1beta4.yaml", "mountPath: /etc/kubernetes/audit",
          "mountPath: /etc/audit", "is in no mounted folder"),
    Fault(apiserver.copies, POLICY, "omitManagedFields: true", "omitManagedFields: false", "its policy is not"),
    Fault(apiserver.copies, "deploy/systemd/config.yaml", "- /var/log/kubernetes/audit/audit.log",
          "- /var/log/kube-audit.log", "does not read"),
    Fault(machine.unit, machine.UNIT, "ProtectHome=yes", "ProtectHome=indeed", "protect home"),
    Fault(machine.unit, machine.UNIT, "CapabilityBoundingSet=\n", "", "more exposed"),
    Fault(machine.unit, machine.UNIT, "serve --config.file", "follow --config.file", "refuses"),
    Fault(machine.users, "deploy/systemd/tmpfiles.conf", "audit*.log 0640", "audit*.log 0644", "nobody else"),
    Fault(machine.composition, machine.COMPOSE, "cap_drop: [ALL]", "cap_drops: [ALL]", "cap_drops"),
    Fault(machine.composition, machine.COMPOSE, "127.0.0.1:9090:9090", "9090:9090", "open to other machines"),
    Fault(machine.composition, machine.COMPOSE, "../../alerts/rules:", "../../alerts/rule:", "is not there"),
    Fault(machine.monitoring, "deploy/compose/prometheus.yml", "scrape_interval: 15s", "scrape_interval: 15",
          "prometheus.yml"),
    Fault(machine.pushes, f"{WEBHOOK}/config.yaml", "certificate: kube-apiserver-audit", "certificate: somebody",
          "other certificate"),
    Fault(machine.pushes, f"{WEBHOOK}/config.yaml", "clusters: [prod]}", "clusters: [default]}", "client certificate"),
    Fault(machine.certificates, "deploy/webhook-certificates.sh", "serverAuth", "clientAuth", "tls.crt as"),
]
