#!/usr/bin/env bash
# A minute's tour: installs what is missing, builds, follows a bundled audit log that is played with fresh times, and
# says where to look. Ends on Ctrl-C, or by itself after RUN_SECONDS, and leaves neither a process nor a file behind.
#
#   RUN_ADDRESS=127.0.0.1:10403   where the exporter listens
#   RUN_SECONDS=0                 0: until Ctrl-C
#   RUN_BINARY=                   an exporter that is built already; then nothing is installed or built
set -euo pipefail

cd "$(dirname "$0")/.."
# shellcheck source=scripts/servers.bash
. scripts/servers.bash
readonly address=${RUN_ADDRESS:-127.0.0.1:10403} seconds=${RUN_SECONDS:-0}
readonly log=examples/events.jsonl start_seconds_limit=30 stop_seconds_limit=15 status_every=10
binary=${RUN_BINARY:-}

say() { printf '%s\n' "$*"; }
fail() {
  say "run: $1" >&2
  [ ! -s "$folder/exporter.log" ] || tail -n 20 "$folder/exporter.log" >&2
  exit 1
}

# The sum of a family's samples whose labels match a pattern.
sum() {
  awk -v family="$1{" -v labels="${2:-.}" 'index($0, family) == 1 && $0 ~ labels { n += $NF } END { print n + 0 }'
}

# The largest refused pair of user and source IP of the last five minutes.
worst() {
  awk '
    function label(name,  skip) {
      skip = length(name) + 3
      return match($0, "[{,]" name "=\"[^\"]*\"") ? substr($0, RSTART + skip, RLENGTH - skip - 1) : ""
    }
    /^kube_audit_window_denied_requests\{.*window="5m"/ && $NF > most {
      most = $NF
      who = label("user") " from " label("source_ip")
    }
    END { if (most) print ", most of them " who " (" most ")" }'
}

player='' exporter=''
clean_up() {
  trap - EXIT
  trap '' INT TERM HUP
  end "$player" "$stop_seconds_limit"
  end "$exporter" "$stop_seconds_limit"
  wait
  rm -rf -- "$folder"
}

folder=$(mktemp -d)
trap clean_up EXIT
trap 'exit 0' INT TERM HUP

[ -n "$binary" ] || build_exporter run
! get "$address" / >/dev/null ||
  fail "something else listens on $address. Choose another address: RUN_ADDRESS=127.0.0.1:10404 make run"

: >"$folder/audit.log"
(with_this_script scripts/play.sh "$log" "$folder/audit.log") &
player=$!
(with_this_script "$binary" serve --cluster.name demo --input.file "$folder/audit.log" --input.file.start beginning \
  --storage.path "$folder/state" --web.listen-address "$address" 2>"$folder/exporter.log") &
exporter=$!

started=$SECONDS
until [ "$(get "$address" /metrics | sum kube_audit_events_counted_total)" != 0 ]; do
  runs "$exporter" || fail "the exporter has ended; its last words follow"
  [ $((SECONDS - started)) -lt "$start_seconds_limit" ] || fail "no event was counted within $start_seconds_limit s"
  pause 0.2
done

cat <<TEXT

The exporter follows a bundled audit log that is played with fresh times: ten events a second, and every minute a
spike of refused requests by one service account.

  For people       http://$address/
  For Prometheus   http://$address/metrics
  The log          $folder/audit.log

Look at kube_audit_window_denied_requests: it rises while the spike lasts, and drains after it. Ctrl-C ends it all.

TEXT

started=$SECONDS
next_status=$SECONDS
while [ "$seconds" = 0 ] || [ $((SECONDS - started)) -lt "$seconds" ]; do
  runs "$exporter" || fail "the exporter has ended; its last words follow"
  if [ "$SECONDS" -ge "$next_status" ]; then
    next_status=$((SECONDS + status_every))
    metrics=$(get "$address" /metrics) || metrics=
    denied=$(sum kube_audit_window_denied_requests 'window="5m"' <<<"$metrics")
    requests=$(sum kube_audit_requests_total <<<"$metrics")
    say "$(date +%T)  $requests requests; refused in the last 5 minutes: $denied$(worst <<<"$metrics")"
  fi
  pause 0.5
done
