# shellcheck shell=bash
# For the scripts that build the exporter, run servers of their own and must leave none behind: `. scripts/servers.bash`.

# Builds the exporter and names it in `binary`, installing what a group of scripts/install-deps.sh lists. `say` and `fail`
# are the caller's.
build_exporter() {
  command -v swift >/dev/null ||
    fail "no 'swift' on PATH. Install Swift 6.3 or later: https://www.swift.org/install/linux/"
  scripts/install-deps.sh "$1"
  say "Building; the first time takes a few minutes."
  # shellcheck disable=SC2034  # For the caller.
  binary=.build/kube-audit-exporter
  scripts/build-release.sh "$binary"
}

# GET a path of a server at HOST:PORT, with bash alone: a bare machine has no curl.
get() {
  local connection
  { exec {connection}<>"/dev/tcp/${1%:*}/${1##*:}"; } 2>/dev/null || return 1
  printf 'GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' "$2" "$1" >&"$connection"
  cat <&"$connection" || true
  exec {connection}>&-
}

# Whether a server says that it is well: status 200.
answers() {
  local answer
  answer=$(get "$1" "$2") && [[ ${answer%%$'\n'*} == *" 200 "* ]]
}

# A pause without a child process that could outlive its parent: reading from a pipe that never speaks.
exec {silence}<> <(:)
pause() { read -rt "$1" -u "$silence" || true; }

# Runs a command that ends with this script, however this script ends.
with_this_script() {
  if command -v setpriv >/dev/null; then exec setpriv --pdeathsig TERM -- "$@"; fi
  exec "$@"
}

# Whether a child still runs: one that has ended and was not waited for answers `kill -0` as well.
runs() {
  local state
  { read -r _ _ state _ <"/proc/$1/stat"; } 2>/dev/null && [ "$state" != Z ]
}

# Ends a child, by force if it does not end by itself within so many seconds.
end() {
  local tenths
  [ -n "$1" ] || return 0
  kill -TERM "$1" 2>/dev/null || return 0
  for ((tenths = 0; tenths < $2 * 10; tenths++)); do
    runs "$1" || return 0
    pause 0.1
  done
  kill -KILL "$1" 2>/dev/null || true
}
