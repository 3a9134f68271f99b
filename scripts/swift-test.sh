#!/usr/bin/env bash
# `swift test` with the arguments given; what failed is said once more at the end, where thousands of lines do not hide it.
set -euo pipefail

cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
swift test "$@" 2>&1 | tee "$log" || status=$?
if [ "$status" != 0 ]; then
  echo "failed:"
  { grep -aE -A3 '^✘ Test .* recorded an issue|^(fatal )?error: |^Fatal error' "$log" || true; } |
    grep -avE '^(--$|[◇✔])' | cut -c1-400 | sed 41,\$d
fi
exit "$status"
