#!/usr/bin/env bash
# Plays an audit log with fresh times: appends its events to a growing file, as a kube-apiserver writes its log, with a
# spike of refused requests now and then. Runs until it is told to stop, or whoever started it is gone.
#
#   scripts/play.sh LOG TARGET [SPIKE_EVERY]    a spike every so many seconds (60); 0: one, and no other
#
# The log's first pass is written at once. From then on the rates below hold, and TARGET is renamed to TARGET.1 when it
# has grown to its limit, so it never fills a disk.
set -euo pipefail

# shellcheck source=scripts/servers.bash
. "$(dirname "$0")/servers.bash"
readonly log=$1 target=$2
readonly events_per_second=10
readonly spike_first=10 spike_every=${3:-60} spike_seconds=15 spike_events_per_second=20
readonly target_bytes_limit=$((16 << 20))

# Times of day become now; everything else stays as it was recorded.
with_fresh_times() {
  local now
  now=$(date -u +%Y-%m-%dT%H:%M:%S.%6NZ)
  sed -E "s/(\"(requestReceivedTimestamp|stageTimestamp)\":\")[^\"]*/\1$now/g"
}

# Lines FROM to TO of the log.
play() { sed -n "$1,$2p;$2q" "$log" | with_fresh_times >>"$target"; }

# One refused request, many times: a service account that has lost its role, or somebody who tries doors.
refused=$(grep -m 1 '"username":"system:serviceaccount:monitoring:.*"authorization.k8s.io/decision":"forbid"' "$log")
readonly refused
spike() { for _ in $(seq "$spike_events_per_second"); do echo "$refused"; done | with_fresh_times >>"$target"; }

lines=$(wc -l <"$log")
play 1 "$lines"
next=1
for ((second = 1; ; second++)); do
  pause 1
  kill -0 "$PPID" 2>/dev/null || exit 0
  [ "$(stat -c %s "$target")" -lt "$target_bytes_limit" ] || mv -f -- "$target" "$target.1"
  play "$next" $((next + events_per_second - 1))
  next=$((next + events_per_second))
  [ "$next" -le "$lines" ] || next=1
  phase=$((second - spike_first))
  [ "$spike_every" = 0 ] || [ "$phase" -lt 0 ] || phase=$((phase % spike_every))
  [ "$phase" -lt 0 ] || [ "$phase" -ge "$spike_seconds" ] || spike
done
