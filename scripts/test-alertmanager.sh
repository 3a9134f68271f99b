#!/usr/bin/env bash
# Starts Alertmanager with the example's configuration and holds its inhibitions to what its comments say: the lesser of
# two alerts about one thing is silent, and nothing silences what concerns another user, cluster or kind of thing.
set -euo pipefail

cd "$(dirname "$0")/.."
readonly wait_seconds_limit=30
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; wait; rm -rf -- "$folder"' EXIT
fail() { echo "test-alertmanager: $1" >&2; tail -n 20 "$folder/log" >&2; exit 1; }
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

url=http://127.0.0.1:$(port)
# Its receivers are nowhere: nobody on this machine is to hear of made-up alerts.
sed "s/127.0.0.1:9099/127.0.0.1:1/" alerts/alertmanager.example.yml >"$folder/config.yml"
prometheus-alertmanager --config.file="$folder/config.yml" --storage.path="$folder/data" \
  --web.listen-address="${url#http://}" --cluster.listen-address= >"$folder/log" 2>&1 &
server=$!
until curl -sf "$url/-/ready" >/dev/null; do
  kill -0 "$server" 2>/dev/null || fail "Alertmanager ended"
  [ "$SECONDS" -lt "$wait_seconds_limit" ] || fail "Alertmanager is not ready after $wait_seconds_limit s"
  sleep 0.1
done

# Every line an alert, and whether it must be heard or is inhibited while all of them fire.
readonly expected='
heard KubeAuditForbiddenSpike severity=page k8s_cluster=prod user=mallory source_ip=203.0.113.9
inhibited KubeAuditForbiddenSustained severity=ticket k8s_cluster=prod user=mallory source_ip=203.0.113.9
inhibited KubeAuditForbiddenFromManySources severity=page k8s_cluster=prod user=mallory
heard KubeAuditForbiddenSpike severity=page k8s_cluster=prod user=cart source_ip=10.0.0.1
heard KubeAuditForbiddenSpike severity=page k8s_cluster=prod user=cart source_ip=10.0.0.2
heard KubeAuditForbiddenSpike severity=page k8s_cluster=prod user=cart source_ip=10.0.0.3
heard KubeAuditForbiddenFromManySources severity=page k8s_cluster=staging user=mallory
heard KubeAuditForbiddenSustained severity=ticket k8s_cluster=prod user=trudy source_ip=203.0.113.9
heard KubeAuditForbiddenSustained severity=ticket k8s_cluster=staging user=trudy source_ip=203.0.113.9
inhibited KubeAuditForbiddenSustained severity=ticket k8s_cluster=staging user=mallory source_ip=203.0.113.9
heard KubeAuditForbiddenSystemSpike severity=page k8s_cluster=prod user=system:node:a source_ip=10.0.0.9
inhibited KubeAuditForbiddenSustained severity=ticket k8s_cluster=prod user=system:node:a source_ip=10.0.0.9
heard KubeAuditRBACMutationBurst severity=page k8s_cluster=prod user=alice
inhibited KubeAuditRBACMutation severity=ticket k8s_cluster=prod user=alice resource=roles verb=create
heard KubeAuditRBACMutation severity=ticket k8s_cluster=prod user=bob resource=roles verb=create
heard KubeAuditServerErrorRatio severity=page k8s_cluster=prod
inhibited KubeAuditErrorBudgetBurnFast severity=page k8s_cluster=prod
inhibited KubeAuditErrorBudgetBurn severity=page k8s_cluster=prod
inhibited KubeAuditErrorBudgetBurnSlow severity=ticket k8s_cluster=prod
heard KubeAuditErrorBudgetBurnFast severity=page k8s_cluster=staging
inhibited KubeAuditErrorBudgetBurn severity=page k8s_cluster=staging
heard KubeAuditExporterDown severity=page job=kube-audit-exporter instance=a:10403
heard KubeAuditClusterSilent severity=page k8s_cluster=prod
heard KubeAuditClusterSilent severity=page k8s_cluster=edge
inhibited KubeAuditFeedLagging severity=ticket instance=a:10403 k8s_cluster=prod input=file
inhibited KubeAuditFeedSilent severity=page instance=a:10403 k8s_cluster=prod input=file
heard KubeAuditFeedSilent severity=page instance=b:10403 k8s_cluster=staging input=file
heard KubeAuditInputDown severity=page instance=c:10403 input=file
inhibited KubeAuditFeedSilent severity=page instance=c:10403 k8s_cluster=staging input=file
inhibited KubeAuditInputNeverHeard severity=ticket instance=c:10403 input=file
heard KubeAuditEventsRejected severity=ticket input=file reason=malformed
heard KubeAuditFamilyOverflowing severity=ticket family=kube_audit_denied_requests_total
inhibited KubeAuditSeriesNearlyFull severity=ticket family=kube_audit_denied_requests_total
heard KubeAuditSeriesNearlyFull severity=ticket family=kube_audit_requests_total
'
alerts() { jq -Rs '[split("\n")[] | select(. != "") | split(" ") | {labels: ([{key: "alertname", value: .[1]}] +
  [.[2:][] | capture("(?<key>[^=]+)=(?<value>.*)")] | from_entries)}]' <<<"$expected"; }
alerts | curl -sf -H 'Content-Type: application/json' -d @- "$url/api/v2/alerts" || fail "the alerts are refused"

# What is inhibited shows once the alerts have been through their routes.
answer() {
  curl -sf "$url/api/v2/alerts" | jq -r '.[] | [(if .status.state == "suppressed" then "inhibited"
    elif .status.state == "active" then "heard" else .status.state end), .labels.alertname] +
    [.labels | del(.alertname) | to_entries | sort_by(.key)[] | "\(.key)=\(.value)"] | join(" ")' | sort
}
wanted=$(while read -r state name labels; do
  [ -z "$state" ] || echo "$state $name $(tr ' ' '\n' <<<"$labels" | sort | paste -sd ' ')"
done <<<"$expected" | sort)
until [ "$(answer)" = "$wanted" ]; do
  [ "$SECONDS" -lt "$wait_seconds_limit" ] || { diff <(echo "$wanted") <(answer) >&2; fail "heard and inhibited differ"; }
  sleep 0.5
done
# Who is woken how often: a page a user whatever the addresses, one for all silent clusters.
readonly pages='
alertname=KubeAuditClusterSilent
alertname=KubeAuditErrorBudgetBurnFast k8s_cluster=staging
alertname=KubeAuditExporterDown
alertname=KubeAuditFeedSilent
alertname=KubeAuditForbiddenFromManySources k8s_cluster=staging user=mallory
alertname=KubeAuditForbiddenSpike k8s_cluster=prod user=cart
alertname=KubeAuditForbiddenSpike k8s_cluster=prod user=mallory
alertname=KubeAuditForbiddenSystemSpike k8s_cluster=prod user=system:node:a
alertname=KubeAuditInputDown
alertname=KubeAuditRBACMutationBurst k8s_cluster=prod user=alice
alertname=KubeAuditServerErrorRatio k8s_cluster=prod'
paged=$(curl -sf "$url/api/v2/alerts/groups?inhibited=false&receiver=pager" |
  jq -r '.[].labels | to_entries | sort_by(.key) | map("\(.key)=\(.value)") | join(" ")' | sort)
expected_pages=$(sed 1d <<<"$pages" | sort)
[ "$paged" = "$expected_pages" ] || { diff <(echo "$expected_pages") <(echo "$paged") >&2; fail "pages differ"; }
echo "alertmanager: $(wc -l <<<"$wanted") alerts, $(grep -c ^inhibited <<<"$wanted") of them inhibited as described," \
  "$(wc -l <<<"$paged") pages"
