#!/usr/bin/env bash
# Fuzzes what reads bytes from outside, with libFuzzer and the address sanitizer: every target for SECONDS of processor
# time, two targets at a time. Each begins with fixtures of the repository and with Fuzz/Corpus.
# usage: scripts/fuzz.sh [SECONDS] [TARGET]…
#   FUZZ_KEEP=1   adds what was found to Fuzz/Corpus, minimised, so that the next run begins where this one ended
#   FUZZ_SEED=0   of libFuzzer; 0 is another one each time
# First a canary that must crash: a run that cannot find a planted crash proves nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly seconds=${1:-60} wanted=" ${*:2} " keep=${FUZZ_KEEP:-} seed=${FUZZ_SEED:-0}
readonly bin=Fuzz/.build/release kept_bytes_limit=180000
# Swift's own crash reporter would wait inside a crashing fuzzer.
export SWIFT_BACKTRACE=enable=no
# The same input must do the same again.
export SWIFT_DETERMINISTIC_HASHING=1
# Long stacks of every allocation, and memory that is never used again, cost more than the decoder does.
export ASAN_OPTIONS=malloc_context_size=2:quarantine_size_mb=64

swift build --package-path Fuzz -c release --sanitize=address -Xswiftc -sanitize=fuzzer -Xswiftc -enable-testing
work=$(mktemp -d)
# For files that a target writes: in memory, where to sync costs nothing.
FUZZ_FOLDER=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo "$work")")
export FUZZ_FOLDER
trap 'rm -rf -- "$work" "$FUZZ_FOLDER"' EXIT

mkdir "$work/canary"
if timeout 120 "$bin/FuzzCanary" -max_total_time=60 -max_len=64 -artifact_prefix="$work/canary/" >"$work/canary.log" 2>&1
then
  echo "fuzz: the canary did not crash: the fuzzer is blind" >&2
  exit 1
fi
grep -q 'the canary was found\|deadly signal' "$work/canary.log" || { cat "$work/canary.log" >&2; exit 1; }

# fixtures TARGET FIND-EXPRESSION…: small files of the repository to begin with; libFuzzer mutates and crosses them.
fixtures() {
  local target=$1 n=0
  shift
  while IFS= read -r file; do
    n=$((n + 1))
    cp "$file" "$work/$target/$n"
  done < <(find Tests examples -type f \( "$@" \) -size -64k | sort)
}

# Makes the folder of a target's seeds.
seed() {
  local folder=$work/$1 word
  mkdir "$folder" "$folder.found"
  case $1 in
  FuzzEvents) fixtures "$1" -name '*.json' -o -name '*.log' -o -name '*.jsonl' ;;
  FuzzYAML) fixtures "$1" -name '*.yml' -o -name '*.yaml' ;;
  FuzzGzip)
    fixtures "$1" -name '*.gz'
    for word in '' '{"kind":"Event"}' 'a:a:a:a:a'; do gzip -nc <<<"$word" >"$folder/${#word}.gz"; done
    ;;
  FuzzPush)
    # Five choices before the body: see the target.
    { printf '\0\0\0\0\0' && head -n 3 examples/events.jsonl; } >"$folder/plain"
    { printf '\11\7\1\0\2' && sed -n 4,6p examples/events.jsonl; } >"$folder/compressed"
    {
      printf '\0\3\1\0\4\4prod{"kind":"EventList","items":[' && sed -n 7p examples/events.jsonl && echo ']}'
    } >"$folder/list"
    ;;
  FuzzSettings)
    fixtures "$1" -name 'config*.y*ml'
    awk -v folder="$folder" '/^```/ { inside = $0 == "```yaml"; n += inside; next }
      inside { print >(folder "/example" n) }' docs/configuration.md
    printf -- '--input.file=a\n--web.listen-address=:0\nwindows: [5m, 15m, 1h]\n' >"$folder/flags"
    ;;
  FuzzWebConfiguration)
    fixtures "$1" -name 'web-config*.y*ml'
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=fuzz \
      -keyout "$FUZZ_FOLDER/tls.key" -out "$FUZZ_FOLDER/tls.crt" 2>"$work/openssl.log"
    cp "$FUZZ_FOLDER/tls.crt" "$FUZZ_FOLDER/client-ca.crt"
    {
      printf 'tls_server_config:\n  cert: |\n' && sed 's/^/    /' "$FUZZ_FOLDER/tls.crt"
      printf '  key: |\n' && sed 's/^/    /' "$FUZZ_FOLDER/tls.key"
    } >"$folder/inline"
    printf 'tls_server_config:\n  cert_file: tls.crt\n  key: hunter2\nbasic_auth_users:\n  a: x\n' >"$folder/secret"
    ;;
  esac
}

# fuzz TARGET LONGEST [OPTION]…
fuzz() {
  local target=$1 log=$work/$1.log used=0 rounds=0 options=("-max_len=$2" "${@:3}")
  [ "$wanted" = "  " ] || [[ $wanted == *" $target "* ]] || return 0
  seed "$target"
  mkdir -p "Fuzz/Corpus/$target"
  [ ! -f "Fuzz/$target.dict" ] || options+=("-dict=Fuzz/$target.dict")
  # On a busy machine seconds of the clock are few of the processor: so it goes on until it has had them.
  while [ "$used" -lt "$seconds" ]; do
    (
      TIMEFORMAT='%U %S'
      time timeout $((seconds * 20 + 120)) "$bin/$target" "$work/$target.found" "Fuzz/Corpus/$target" "$work/$target" \
        "${options[@]}" -max_total_time=$((seconds - used)) -seed="$seed" -timeout=20 -rss_limit_mb=2048 \
        -artifact_prefix="Fuzz/crashes/$target-" >>"$log" 2>&1
    ) 2>"$work/$target.time" || {
      tail -n 40 "$log" >&2
      echo "fuzz: $target: the input that fails is in Fuzz/crashes; mend it, with a test" >&2
      return 1
    }
    used=$((used + $(awk '{ printf "%d", $1 + $2 + 1 }' "$work/$target.time"))) rounds=$((rounds + 1))
  done
  awk -v target="$target" -v used="$used" '/^Done/ { runs += $2 }
    / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") edges = $(i + 1) }
    END { printf "fuzz: %s: %d executions in %d s of processor time, %d edges\n", target, runs, used, edges }' "$log"
  [ "$keep" != 1 ] || minimise "$target" "${options[@]}"
}

# minimise TARGET OPTION…: keeps what reaches more than the seeds do, the smallest inputs first.
minimise() {
  local target=$1 kept=Fuzz/Corpus/$1 all=$work/$1.all fixture
  shift
  cp -r "$work/$target" "$all"
  "$bin/$target" -merge=1 "$@" "$all" "$kept" "$work/$target.found" >"$work/$target.merge" 2>&1
  for fixture in "$work/$target"/*; do rm -f -- "$all/${fixture##*/}"; done
  # What looks like a private key is nobody's, but scanners would ask.
  { grep -rlZ 'PRIVATE KEY' "$all" || true; } | xargs -0r rm --
  rm -rf -- "$kept"
  mkdir "$kept"
  find "$all" -type f -printf '%s %p\n' | sort -n |
    awk -v limit="$kept_bytes_limit" '{ all += $1; if (all <= limit) print $2 }' | xargs -r mv -t "$kept"
  echo "fuzz: $target: $(find "$kept" -type f | wc -l) inputs are kept"
}

mkdir -p Fuzz/crashes
failed=0 running=0
for target in 'FuzzEvents 8192' 'FuzzPush 8192' 'FuzzYAML 4096' 'FuzzSettings 4096' 'FuzzWebConfiguration 4096' \
  'FuzzState 512 -len_control=0' 'FuzzGzip 16384'; do
  if [ "$running" = 2 ]; then
    wait -n || failed=1
    running=1
  fi
  # shellcheck disable=SC2086  # The options of a target are words.
  fuzz $target &
  running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
  wait -n || failed=1
  running=$((running - 1))
done
[ "$failed" = 0 ] || exit 1
echo "fuzz: no crash, no hang, no leak, no disagreement"
