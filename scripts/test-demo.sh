#!/usr/bin/env bash
# Tries `make demo` as a newcomer would: the page must be printed, name the user and the source IP, its links must work
# until it is stopped, and nothing may be left behind.
set -euo pipefail

cd "$(dirname "$0")/.."
readonly start_seconds_limit=120 page_seconds_limit=60
# shellcheck source=scripts/trial.bash
. scripts/trial.bash

port=$(free_ports 4)
DEMO_BINARY=.build/kube-audit-exporter DEMO_PORT=$port make --no-print-directory demo >"$folder/output" 2>&1 &
tried=$!
within "$start_seconds_limit" says "http://127.0.0.1:$port/metrics"
within "$page_seconds_limit" says "PAGE    KubeAuditForbiddenSpike"
paged=$(grep -A1 -F "PAGE    KubeAuditForbiddenSpike" "$folder/output")
[[ $paged == *"system:serviceaccount:monitoring:cron-2 from 198.51.100.13 was refused"* ]] || fail "the page does not say who"
links=$(grep -oE "http://127\.0\.0\.1:[0-9]+/[^ ]*" "$folder/output" | sort -u)
[ "$(wc -l <<<"$links")" -ge 5 ] || fail "fewer than five links"
for link in $links; do
  curl -sSfL -o /dev/null "$link" || fail "a link does not work: $link"
done
[ "$(grep -c "^[0-9:]* *PAGE " "$folder/output")" = 1 ] || fail "not exactly one page"
kill -TERM "$tried"
wait "$tried" 2>/dev/null || true
tried=
for ((offset = 0; offset < 4; offset++)); do
  ! curl -s -o /dev/null "http://127.0.0.1:$((port + offset))/" || fail "port $((port + offset)) still answers"
done
echo "make demo: one page that says who and from where, $(wc -l <<<"$links") links that work, and nothing left behind"
