#!/usr/bin/env bash
# Tries `make demo` as a newcomer would: the page must be printed, name the user and the source IP, its links must work
# until it is stopped, and nothing may be left behind.
set -euo pipefail

cd "$(dirname "$0")/.."
readonly start_seconds_limit=120 page_seconds_limit=60
folder=$(mktemp -d)
demo=
trap '[ -z "$demo" ] || kill "$demo" 2>/dev/null || true; wait; rm -rf -- "$folder"' EXIT

fail() {
  echo "test-demo: $1" >&2
  cat "$folder/output" >&2
  exit 1
}
# Waits until the demo has printed something, at most so many seconds, and no longer than it lives.
within() {
  local limit=$1 text=$2 started=$SECONDS
  until grep -qF -- "$text" "$folder/output"; do
    kill -0 "$demo" 2>/dev/null || fail "make demo ended early, waiting for: $text"
    [ $((SECONDS - started)) -lt "$limit" ] || fail "not seen within $limit s: $text"
    sleep 0.2
  done
}
# The first of four ports in a row that nobody listens at.
free_ports() {
  python3 - <<'PY'
import socket
for first in range(21403, 60000, 4):
    sockets = [socket.socket() for _ in range(4)]
    try:
        for offset, each in enumerate(sockets):
            each.bind(("127.0.0.1", first + offset))
    except OSError:
        continue
    finally:
        for each in sockets:
            each.close()
    print(first)
    break
PY
}

port=$(free_ports)
DEMO_BINARY=.build/kube-audit-exporter DEMO_PORT=$port make --no-print-directory demo >"$folder/output" 2>&1 &
demo=$!
within "$start_seconds_limit" "http://127.0.0.1:$port/metrics"
within "$page_seconds_limit" "PAGE    KubeAuditForbiddenSpike"
grep -A1 -F "PAGE    KubeAuditForbiddenSpike" "$folder/output" |
  grep -qF "system:serviceaccount:monitoring:cron-2 from 198.51.100.13 was refused" || fail "the page does not say who"
links=$(grep -oE "http://127\.0\.0\.1:[0-9]+/[^ ]*" "$folder/output" | sort -u)
[ "$(wc -l <<<"$links")" -ge 5 ] || fail "fewer than five links"
for link in $links; do
  curl -sSfL -o /dev/null "$link" || fail "a link does not work: $link"
done
[ "$(grep -c "^[0-9:]* *PAGE " "$folder/output")" = 1 ] || fail "not exactly one page"
kill -TERM "$demo"
wait "$demo" 2>/dev/null || true
demo=
for ((offset = 0; offset < 4; offset++)); do
  ! curl -s -o /dev/null "http://127.0.0.1:$((port + offset))/" || fail "port $((port + offset)) still answers"
done
echo "make demo: one page that says who and from where, $(wc -l <<<"$links") links that work, and nothing left behind"
