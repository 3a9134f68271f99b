#!/usr/bin/env bash
# The whole chain on this machine: an audit log with a spike of refused requests, the exporter, Prometheus with the
# project's rules, Alertmanager with the project's routes, and the page, printed as it arrives. Everything stays up, so
# that the links work, until Ctrl-C, or for DEMO_SECONDS; then neither a process nor a file is left behind.
#
#   DEMO_BINARY=            an exporter that is built already; then nothing is installed or built
#   DEMO_SECONDS=0          0: until Ctrl-C
#   DEMO_PORT=10403         the exporter's; Prometheus, Alertmanager and the receiver take the next three
set -euo pipefail

cd "$(dirname "$0")/.."
# shellcheck source=scripts/servers.bash
. scripts/servers.bash
readonly port=${DEMO_PORT:-10403} seconds=${DEMO_SECONDS:-0} start_seconds_limit=30 stop_seconds_limit=15
readonly exporter=127.0.0.1:$port prometheus=127.0.0.1:$((port + 1))
readonly alertmanager=127.0.0.1:$((port + 2)) receiver=127.0.0.1:$((port + 3))
binary=${DEMO_BINARY:-}

say() { printf '%s\n' "$*"; }
fail() {
  say "demo: $1" >&2
  [ ! -s "${2:-}" ] || tail -n 20 "$2" >&2
  exit 1
}

children=() names=()
clean_up() {
  local child
  trap - EXIT
  trap '' INT TERM HUP
  for child in "${children[@]}"; do end "$child" "$stop_seconds_limit"; done
  wait
  rm -rf -- "$folder"
}
# Starts a server, its words in a file of its own, and waits until it says that it is ready.
#   start NAME ADDRESS READY_PATH COMMAND...
start() {
  local name=$1 address=$2 path=$3 started=$SECONDS
  shift 3
  ! get "$address" / >/dev/null ||
    fail "something else listens on $address. Choose other ports: DEMO_PORT=20403 make demo"
  (with_this_script "$@" >"$folder/$name.out" 2>"$folder/$name.log") &
  children+=($!) names+=("$name")
  until answers "$address" "$path"; do
    runs "${children[-1]}" || fail "$name has ended; its last words follow" "$folder/$name.log"
    [ $((SECONDS - started)) -lt "$start_seconds_limit" ] ||
      fail "$name is not ready after $start_seconds_limit s; its last words follow" "$folder/$name.log"
    pause 0.1
  done
}

folder=$(mktemp -d)
trap clean_up EXIT
trap 'exit 0' INT TERM HUP

[ -n "$binary" ] || build_exporter demo
for tool in prometheus prometheus-alertmanager python3; do
  command -v "$tool" >/dev/null || fail "no '$tool' on PATH: scripts/install-deps.sh demo installs it"
done

# The project's own rules and routes, but for three things: who is told, how often everything looks, and how long
# Alertmanager gathers before it tells.
cat >"$folder/prometheus.yml" <<YAML
global: {scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 2s}
rule_files: ["$PWD/alerts/rules/*.yml"]
alerting: {alertmanagers: [{static_configs: [{targets: ["$alertmanager"]}]}]}
scrape_configs:
  - {job_name: kube-audit-exporter, static_configs: [{targets: ["$exporter"]}]}
YAML
python3 scripts/alertmanager-here.py "http://$receiver" >"$folder/alertmanager.yml"

: >"$folder/audit.log"
start alertmanager "$alertmanager" /-/ready prometheus-alertmanager --config.file="$folder/alertmanager.yml" \
  --storage.path="$folder/alertmanager" --web.listen-address="$alertmanager" --cluster.listen-address= \
  --web.external-url="http://$alertmanager/"
start exporter "$exporter" /-/ready "$binary" serve --cluster.name demo --input.file "$folder/audit.log" \
  --input.file.start beginning --storage.path "$folder/state" --web.listen-address "$exporter"
start prometheus "$prometheus" /-/ready prometheus --config.file="$folder/prometheus.yml" \
  --storage.tsdb.path="$folder/prometheus" --web.listen-address="$prometheus" \
  --web.external-url="http://$prometheus/"
# Debian's Prometheus has the pages of old; the way to them is another.
ui=
! answers "$prometheus" /classic/alerts || ui=/classic
start receiver "$receiver" / python3 scripts/receive-pages.py "${receiver#*:}" --graph "http://$prometheus$ui/graph"
(with_this_script scripts/play.sh examples/events.jsonl "$folder/audit.log" 0) &
children+=($!) names+=(player)

cat <<TEXT

An audit log is played with fresh times. In ten seconds one service account is refused hundreds of times, for a quarter
of a minute; what Alertmanager sends is printed below: the page within seconds, that it is over after ten minutes (its
window holds it for five, the rule for five more).

  The page for people   http://$exporter/
  Its metrics           http://$exporter/metrics
  Prometheus, alerts    http://$prometheus$ui/alerts
  Alertmanager          http://$alertmanager/api/v2/alerts
  Runbooks              alerts/runbooks/

Ctrl-C ends it all.

TEXT

(with_this_script tail -n +1 -f "$folder/receiver.out") &
children+=($!) names+=(printer)
started=$SECONDS
while [ "$seconds" = 0 ] || [ $((SECONDS - started)) -lt "$seconds" ]; do
  for at in "${!children[@]}"; do
    runs "${children[at]}" ||
      fail "${names[at]} has ended; its last words follow" "$folder/${names[at]}.log"
  done
  pause 0.5
done
