#!/usr/bin/env bash
# Runs the commands of docs/getting-started.md as they stand there, section by section, and wants the page that it promises.
# The blocks marked `console` are left out: they install, or need a cluster.
set -euo pipefail

cd "$(dirname "$0")/.."
readonly page=docs/getting-started.md seconds_limit=180
# shellcheck source=scripts/trial.bash
. scripts/trial.bash
end() { [ -z "$tried" ] || kill -KILL -- "-$tried" 2>/dev/null || true; }
trap 'end; rm -rf -- "$folder"' EXIT

# The blocks of shell commands between a heading and the next one of its kind.
commands() {
  awk -v heading="## $1" '
    /^## / { inside = $0 == heading }
    /^```/ { if (shell) shell = 0; else shell = inside && $0 == "```sh"; next }
    shell' "$page"
}

[ ! -e try ] || fail "the folder 'try' is there: the page makes it, and removes it"
for port in $(grep -o '127\.0\.0\.1:1[0-9]*' "$page" | cut -d: -f2 | sort -u) 19099; do
  ! { : >"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || fail "something listens on port $port, which the page uses"
done
for section in "From a file" "From the webhook"; do
  commands "$section" >"$folder/commands"
  [ "$(wc -l <"$folder/commands")" -gt 10 ] || fail "$page has no section '$section' with commands"
  # In a session of its own, so that whatever goes wrong nothing of it stays.
  setsid bash -euo pipefail "$folder/commands" >"$folder/output" 2>&1 &
  tried=$!
  started=$SECONDS
  while kill -0 "$tried" 2>/dev/null; do
    [ $((SECONDS - started)) -lt "$seconds_limit" ] || fail "$section: not done in $seconds_limit s"
    sleep 0.5
  done
  wait "$tried" || fail "$section: a command failed"
  grep -q 'PAGE .*KubeAuditForbiddenSpike' "$folder/output" || fail "$section: no page"
  grep -q 'from [0-9.]* was refused [0-9]* times' "$folder/output" || fail "$section: the page names no source IP"
  [ ! -e try ] || fail "$section: the folder 'try' is left"
  ! kill -0 -- "-$tried" 2>/dev/null || fail "$section: something of it still runs"
  echo "getting started: $section: paged, and all gone, in $((SECONDS - started)) s"
  grep -A 1 'PAGE .*KubeAuditForbiddenSpike' "$folder/output"
done
