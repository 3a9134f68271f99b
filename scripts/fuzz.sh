#!/usr/bin/env bash
# Fuzzes the parsers with libFuzzer and the address sanitizer: the decoder for SECONDS, YAML and gzip for a sixth of that.
# usage: scripts/fuzz.sh [SECONDS]
# First a canary that must crash: a run that cannot find a planted crash proves nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
# Swift's own crash reporter would wait inside a crashing fuzzer.
export SWIFT_BACKTRACE=enable=no
# Long stacks of every allocation cost more than the decoder does.
export ASAN_OPTIONS=malloc_context_size=2

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

# fuzz TARGET SECONDS LONGEST [OPTION]…: from the seeds in $work/TARGET.
mkdir -p Fuzz/crashes
fuzz() {
  local target=$1 time=$2 longest=$3
  shift 3
  mkdir "$work/$target.found"
  timeout $((time + 120)) "$bin/$target" "$work/$target.found" "$work/$target" -max_total_time="$time" -max_len="$longest" \
    -timeout=10 -rss_limit_mb=2048 -artifact_prefix="Fuzz/crashes/$target-" "$@" >"$work/$target.log" 2>&1 || {
    tail -n 40 "$work/$target.log" >&2
    echo "fuzz: a failing input is in Fuzz/crashes; make it a fixture" >&2
    exit 1
  }
  echo "fuzz: $target: $(grep -E '^Done' "$work/$target.log")"
}

# seed TARGET FIND-EXPRESSION…: every small fixture that exists; libFuzzer mutates and crosses them.
seed() {
  local target=$1 n=0
  shift
  mkdir "$work/$target"
  while IFS= read -r file; do
    n=$((n + 1))
    cp "$file" "$work/$target/$n"
  done < <(find Tests examples -type f \( "$@" \) -size -64k)
}

seed FuzzEvents -name '*.json' -o -name '*.log' -o -name '*.jsonl'
seed FuzzYAML -name '*.yml' -o -name '*.yaml'
seed FuzzGzip -name '*.gz'
for word in '' '{"kind":"Event"}' 'a:a:a:a:a'; do gzip -c <<<"$word" >"$work/FuzzGzip/${#word}.gz"; done
fuzz FuzzEvents "$seconds" 8192 -dict=Fuzz/events.dict
fuzz FuzzYAML $((seconds / 6 + 1)) 4096
fuzz FuzzGzip $((seconds / 6 + 1)) 16384
echo "fuzz: no crash, no hang, no disagreement"
