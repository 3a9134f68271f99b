#!/usr/bin/env bash
# The campaigns at their long size, one after another; `make test` runs each at its short one. A campaign is a test whose
# size comes from Campaign.size (Tests/TestSupport): here is the one list of long sizes. docs/reliability.md has the
# figures of the longest runs.
# usage: scripts/soak.sh [CAMPAIGN]…
#   SOAK_SEED=0     where the seeds begin; another one tries other programs
#   SOAK_PERCENT=100   of the long sizes
set -euo pipefail
cd "$(dirname "$0")/.."
readonly wanted=" $* " seed=${SOAK_SEED:-0} percent=${SOAK_PERCENT:-100}
log=$(mktemp)
trap 'rm -f -- "$log"' EXIT
run=0

# campaign NAME SIZE TEST: the size goes to the tests that match, in a process of their own.
campaign() {
  local name=$1 size=$(($2 * percent / 100)) tests=$3 started=$SECONDS
  [ "$wanted" = "  " ] || [[ $wanted == *" $name "* ]] || return 0
  run=$((run + 1))
  env CAMPAIGN_SEED="$seed" "CAMPAIGN_${name^^}=$size" swift test --skip-build --filter "$tests" >"$log" 2>&1 || {
    tail -n 60 "$log" >&2
    echo "soak: $name: failed; again: SOAK_SEED=$seed SOAK_PERCENT=$percent scripts/soak.sh $name" >&2
    exit 1
  }
  grep -qE 'Test run with [1-9][0-9]* tests? ' "$log" || {
    echo "soak: $name: no test matches $tests" >&2
    exit 1
  }
  echo "soak: $name: size $size, seed $seed, $((SECONDS - started)) s: no difference"
  grep '^campaign ' "$log" || true
}

swift build --build-tests
#        name       long     tests
campaign counting   20000    CountingTests.RandomProgramTests
campaign crashes    8000     CountingTests.CrashProgramTests
campaign signatures 50000    AWSTests.SignatureTests
campaign cloudwatch 3000     InputsTests.LogGroupReaderTests
campaign answers    2000000  AWSTests.ReaderTests
campaign files      50000    InputsTests.RotationProgramTests
[ "$run" != 0 ] || { echo "soak: no campaign of that name: $*" >&2; exit 2; }
