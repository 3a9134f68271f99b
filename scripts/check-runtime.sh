#!/usr/bin/env bash
# Holds the packages of the container image against what the released binary links and what it loads when it is asked to
# (dlopen, in Sources/*/shim.h): none missing, none for nothing.
#
#   scripts/check-runtime.sh [FILE]    FILE: the binary, by default what scripts/build-release.sh wrote
set -euo pipefail

cd "$(dirname "$0")/.."
readonly binary=${1:-.build/kube-audit-exporter}
listed=$(scripts/install-deps.sh --list image)
readonly listed

fail() { echo "check-runtime: $1" >&2; exit 1; }

# The packages that own the library, one a line, without the architecture.
owners() { dpkg -S "*/$1" 2>/dev/null | sed 's/: .*//; s/, /\n/g' | sed 's/:.*//' | sort -u; }

used=
while read -r library; do
  case $library in libc.so.* | libm.so.* | ld-linux*) continue ;; esac
  owner=$(grep -Fxf <(owners "$library") <<<"$listed") ||
    fail "$library is needed, and the group 'image' has none of: $(owners "$library" | tr '\n' ' ')"
  used+="$owner"$'\n'
done < <(
  readelf -d "$binary" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
  # The first choice of each.
  sed -n 's/^  void \*library = dlopen("\([^"]*\)".*/\1/p' Sources/*/shim.h
)
for package in $listed; do
  # What is loaded reads it: the certificates of authorities.
  [ "$package" != ca-certificates ] || continue
  grep -Fxq "$package" <<<"$used" || fail "package $package is in the group 'image', and the binary uses nothing of it"
done
size=$(stat -c %s "$binary")
echo "$binary: $((size / 1048576)) MiB, needs ${listed//$'\n'/ }"
