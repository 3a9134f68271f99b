#!/usr/bin/env bash
# What Prometheus' and Alertmanager's own tools say of alerts/, and of the commands in its pages. That alerts, runbooks,
# tests, pages and families fit together is held by Tests/HouseRulesTests.
set -euo pipefail

cd "$(dirname "$0")/.."
readonly alertmanager=alerts/alertmanager.example.yml
folder=$(mktemp -d)
trap 'rm -rf -- "$folder"' EXIT
fail() { echo "check-alerts: $1" >&2; exit 1; }
# Says nothing unless it fails.
quietly() { "$@" >"$folder/output" 2>&1 || { cat "$folder/output" >&2; fail "$*"; }; }

quietly promtool check rules alerts/rules/*.yml alerts/variants/*.yml
quietly promtool test rules alerts/tests/*.yml
quietly amtool check-config "$alertmanager"

# The other two route and inhibit as the example does; they may gather for a shorter time, and tell others.
for copy in deploy/compose/alertmanager.yml examples/getting-started/alertmanager.yml; do
  quietly amtool check-config "$copy"
  quietly python3 - "$alertmanager" "$copy" <<'PYTHON'
import sys
import yaml

def routing(path):
    with open(path, encoding="utf-8") as file:
        configuration = yaml.safe_load(file)
    def untimed(route):
        kept = {key: value for key, value in route.items() if key not in ("group_wait", "group_interval")}
        return kept | {"routes": [untimed(child) for child in route.get("routes", [])]}
    names = sorted(receiver["name"] for receiver in configuration["receivers"])
    return untimed(configuration["route"]), configuration["inhibit_rules"], names

if routing(sys.argv[1]) != routing(sys.argv[2]):
    sys.exit(f"{sys.argv[2]} routes or inhibits otherwise than {sys.argv[1]}")
PYTHON
done

routes=0
# Labels of an alert, and the receiver that must get it.
while read -r receiver labels; do
  [ -n "$receiver" ] || continue
  # shellcheck disable=SC2086  # one argument a label
  quietly amtool config routes test --config.file="$alertmanager" --verify.receivers="$receiver" $labels
  routes=$((routes + 1))
done <<'ROUTES'
pager alertname=KubeAuditForbiddenSpike severity=page k8s_cluster=prod user=mallory source_ip=203.0.113.9
pager alertname=KubeAuditExporterDown severity=page instance=a:10403
pager alertname=KubeAuditClusterSilent severity=page k8s_cluster=prod
ticket alertname=KubeAuditRBACMutation severity=ticket k8s_cluster=prod user=alice
ticket alertname=KubeAuditEventsRejected severity=ticket input=file
ticket alertname=SomethingElse
ticket alertname=SomethingElse severity=critical
dead-man alertname=KubeAuditWatchdog severity=none
nobody alertname=KubeAuditSigmaRefused severity=none
ROUTES

mapfile -t pages < <(ls alerts/runbooks/*.md alerts/variants/*.md docs/alerts.md)
scripts/code_blocks.py promql "${pages[@]}" >"$folder/pages.yml"
quietly promtool check rules "$folder/pages.yml"
quietly scripts/code_blocks.py sh "${pages[@]}"
count() { cat "${@:2}" | grep -c -- "$1"; }
echo "alerts: $(count '- alert: ' alerts/rules/*.yml) bundled, $(count '- name: ' alerts/tests/*.yml) tests," \
  "$routes routes, $(count '"record"' "$folder/pages.yml") expressions and $(cat "$folder/output") in their pages"
