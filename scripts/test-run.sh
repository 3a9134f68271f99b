#!/usr/bin/env bash
# Tries `make run` as a newcomer would: it must say where to look, what it names must answer, a spike must show in the
# window, and nothing may be left behind, whether it ends by itself or is told to.
set -euo pipefail

cd "$(dirname "$0")/.."
readonly build_seconds_limit=1800 wait_seconds_limit=60
# shellcheck source=scripts/trial.bash
. scripts/trial.bash

# The sum of a family's samples whose labels match a pattern.
metric() {
  curl -sf "http://$address/metrics" |
    awk -v family="$1{" -v labels="$2" 'index($0, family) == 1 && $0 ~ labels { n += $NF } END { print n + 0 }'
}
reaches() { [ "$(metric "$1" "$2")" -ge "$3" ]; }
# The log that is played; its folder is gone afterwards.
log_path() { sed -n 's/^ *The log *//p' "$folder/output"; }

start() {
  address=127.0.0.1:$(free_ports 1)
  : >"$folder/output"
  env "$@" RUN_ADDRESS="$address" make --no-print-directory run >"$folder/output" 2>&1 &
  tried=$!
  within "$build_seconds_limit" says "http://$address/metrics"
}

nothing_left() {
  tried=
  ! curl -s "http://$address/" >/dev/null || fail "the exporter still answers"
  [ ! -e "$(dirname "$(log_path)")" ] || fail "the folder of the played log is left"
}

start RUN_SECONDS=45
within "$wait_seconds_limit" reaches kube_audit_requests_total . 437
curl -sf "http://$address/" >"$folder/page"
grep -qi '<html' "$folder/page" || fail "the page is no page"
curl -sf "http://$address/metrics" >"$folder/metrics"
promtool check metrics <"$folder/metrics" || fail "promtool refuses the metrics"
readonly spiking='window="5m".*monitoring:cron-2'
before=$(metric kube_audit_window_denied_requests "$spiking")
within "$wait_seconds_limit" reaches kube_audit_window_denied_requests "$spiking" $((before + 100))
rejected=$(metric kube_audit_events_rejected_total .)
[ "$rejected" = 0 ] || fail "$rejected events of the bundled log were rejected"
wait "$tried" || fail "make run ended with an error"
nothing_left

start RUN_BINARY=.build/kube-audit-exporter
kill -TERM "$tried"
wait "$tried" 2>/dev/null || true
nothing_left
echo "make run: where to look, $(grep -c ^kube_audit_ "$folder/metrics") samples, a spike, and nothing left behind"
