#!/usr/bin/env bash
# The campaigns at their long size, one after another; `make test` runs each at its short one. A campaign is a test whose
# size comes from Campaign.size (Tests/TestSupport): here is the one list of long sizes. docs/reliability.md has the
# figures of the longest runs. Fuzzing is one of them, in seconds of processor time for each target.
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

# fuzzing SECONDS: every target of scripts/fuzz.sh.
fuzzing() {
  [ "$wanted" = "  " ] || [[ $wanted == *" fuzz "* ]] || return 0
  run=$((run + 1))
  # 0 would be a seed by chance.
  FUZZ_SEED=$((seed + 1)) scripts/fuzz.sh $(($1 * percent / 100 + 1)) || {
    echo "soak: fuzz: failed; again: SOAK_SEED=$seed SOAK_PERCENT=$percent scripts/soak.sh fuzz" >&2
    exit 1
  }
}

swift build --build-tests
# Those that run the program run the released one.
scripts/build-release.sh
export KUBE_AUDIT_EXPORTER=$PWD/.build/kube-audit-exporter
#        name        long     tests
campaign counting    20000    CountingTests.RandomProgramTests
campaign crashes     8000     CountingTests.CrashProgramTests
campaign files       50000    'InputsTests.RotationProgramTests.everyLineOnce\('
campaign faults      20000    InputsTests.RotationProgramTests.everyLineOnceThoughCallsFail
campaign calls       100000   StateTests.FaultyCallTests
campaign cloudtrail  1000     EndToEndTests.CloudTrailTests.randomFiles
campaign cloudtrail_kills 100 EndToEndTests.CloudTrailTests.pushedFiles
campaign lookups     240      EndToEndTests.CloudTrailTests.everyRecord
campaign kills       1000     EndToEndTests.KillCampaignTests
campaign pushes      20       EndToEndTests.PushProofTests.nothingIsLost
campaign cloudwatch  3000     InputsTests.LogGroupReaderTests
campaign log_groups  200      EndToEndTests.CloudWatchTests.everyEventOnce
campaign deliveries  2000     EndToEndTests.FirehoseTests.everyDeliveryOnce
campaign shards      3000     InputsTests.ShardPlanTests.everyRecordOnce
campaign streams     300      EndToEndTests.KinesisTests.everyRecordOnce
campaign stdin_kills 200      EndToEndTests.StdinFileTests
campaign stops       30       EndToEndTests.OperationTests/stoppingUnderLoadIsExact
campaign reloads     600      EndToEndTests.OperationTests/reloadsUnderLoadLoseNothing
campaign conditions  3000     RulesTests.RandomConditionTests
campaign rule_shortcuts 5000 RulesTests.ShortcutTests
campaign rule_words  20000    RulesTests.ShortcutTests
campaign rule_damage 100000   RulesTests.DamageTests
campaign windows     20000    CountingTests.RuleWindowTests
campaign window_keys 100000   RulesTests.WindowTests
campaign window_kills 3000    EngineTests.WindowedRuleTests
campaign rule_sights 2000     RulesTests.SightTests
campaign rule_sightings 500   RulesTests.SightTests
campaign audit_policies 40    RulesTests.PolicyTests
campaign word_search 100000   AuditEventsTests.WordSearchTests
campaign rule_fields 20000    RulesTests.FieldTests.everyFieldOfRandomEvents
campaign heads       20000    ExporterTests.HeadFormTests
campaign resets      20000    EndToEndTests.HostileConnectionTests.resetsLeaveNothingBehind
campaign floods      10000000 EndToEndTests.FloodTests
campaign bloat       1024     'EndToEndTests.BloatTests.(aLong|longBodies)'
campaign bombs       10240    'EndToEndTests.BloatTests.(bombs|longBodies)'
campaign nesting     1000000  EndToEndTests.BloatTests.nestingWithoutEnd
campaign tiny_files  1000000  EndToEndTests.BloatTests.manyFiles
campaign signatures  50000    AWSTests.SignatureTests
campaign answers     2000000  AWSTests.ReaderTests
fuzzing 240
[ "$run" != 0 ] || { echo "soak: no campaign of that name: $*" >&2; exit 2; }
