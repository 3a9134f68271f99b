#!/usr/bin/env bash
# Fuzzes the decoder with libFuzzer and the address sanitizer. usage: scripts/fuzz.sh [SECONDS]
# First a canary that must crash: a run that cannot find a planted crash proves nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
# Swift's own crash reporter would wait inside a crashing fuzzer.
export SWIFT_BACKTRACE=enable=no

build=$PWD/Fuzz/.build
swift build --package-path Fuzz -c release --sanitize=address -Xswiftc -sanitize=fuzzer
bin=$build/release
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/canary"
if timeout 120 "$bin/FuzzCanary" -max_total_time=60 -max_len=64 -artifact_prefix="$work/canary/" >"$work/canary.log" 2>&1
then
  echo "fuzz: the canary did not crash: the fuzzer is blind" >&2
  exit 1
fi
grep -q 'the canary was found\|deadly signal' "$work/canary.log" || { cat "$work/canary.log" >&2; exit 1; }

# Seeds: every small fixture that exists; libFuzzer mutates and crosses them.
mkdir "$work/seeds" "$work/found"
n=0
while IFS= read -r file; do
  n=$((n + 1))
  cp "$file" "$work/seeds/$n"
done < <(find Tests examples -type f \( -name '*.json' -o -name '*.log' -o -name '*.jsonl' \) -size -64k)

mkdir -p Fuzz/crashes
timeout $((seconds + 120)) "$bin/FuzzEvents" "$work/found" "$work/seeds" -max_total_time="$seconds" -max_len=65536 \
  -timeout=10 -rss_limit_mb=2048 -dict=Fuzz/events.dict -artifact_prefix=Fuzz/crashes/ >"$work/events.log" 2>&1 || {
  tail -n 40 "$work/events.log" >&2
  echo "fuzz: a failing input is in Fuzz/crashes; make it a fixture" >&2
  exit 1
}
grep -E '^Done|^#.*DONE' "$work/events.log"
echo "fuzz: $n seeds, no crash, no hang, no disagreement"
