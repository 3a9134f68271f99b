# shellcheck shell=bash
# For the scripts that try another one as a newcomer would: `. scripts/trial.bash`. What it prints goes to "$folder/output",
# its process is `tried` as long as it runs.
# shellcheck disable=SC2034  # They are the caller's too.
folder=$(mktemp -d)
tried=
: >"$folder/output"
trap '[ -z "$tried" ] || kill "$tried" 2>/dev/null || true; wait; rm -rf -- "$folder"' EXIT

fail() {
  echo "$(basename "$0" .sh): $1" >&2
  cat "$folder/output" >&2
  exit 1
}

# Whether it has printed a text.
says() { grep -qF -- "$1" "$folder/output"; }

# Waits until a command succeeds, at most so many seconds, and no longer than what is tried runs.
within() {
  local limit=$1 started=$SECONDS
  shift
  until "$@"; do
    kill -0 "$tried" 2>/dev/null || fail "it ended early, waiting for: $*"
    [ $((SECONDS - started)) -lt "$limit" ] || fail "not seen within $limit s: $*"
    sleep 0.2
  done
}

# The first of so many ports in a row that nobody listens at.
free_ports() {
  python3 - "$1" <<'PY'
import socket
import sys
count = int(sys.argv[1])
for first in range(21403, 60000, count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for offset, each in enumerate(sockets):
            each.bind(("127.0.0.1", first + offset))
    except OSError:
        continue
    finally:
        for each in sockets:
            each.close()
    print(first)
    break
PY
}
