#!/usr/bin/env bash
# Builds the binary that is released: optimised, the Swift runtime linked in, symbols stripped off the copy.
#
#   scripts/build-release.sh [FILE]    FILE (default .build/kube-audit-exporter) becomes the stripped binary;
#                                      .build/release/kube-audit-exporter keeps its symbols, for profilers
set -euo pipefail

cd "$(dirname "$0")/.."
readonly product=kube-audit-exporter
readonly target=${1:-.build/$product}

command -v swift >/dev/null || {
  echo "build-release: no 'swift' on PATH. Install Swift 6.3 or later: https://www.swift.org/install/linux/" >&2
  exit 1
}
# What is built says what it was built from. The commit's date, not the clock's: building again changes nothing.
readonly stamped=Sources/Exporter/Version.swift
if revision=$(git rev-parse --short=12 HEAD 2>/dev/null); then
  git diff --quiet HEAD -- . || revision+=-modified
  original=$(mktemp)
  cp -p "$stamped" "$original"
  trap 'cp -p "$original" "$stamped"; rm -f "$original"' EXIT
  stamp() { sed -i "s|static let $1 = \"unknown\"|static let $1 = \"$2\"|" "$stamped"; }
  stamp revision "$revision"
  stamp branch "$(git rev-parse --abbrev-ref HEAD)"
  stamp buildUser "$(id -un)@$(uname -n)"
  stamp buildDate "$(git log -1 --format=%cI)"
fi

# The Swift runtime uses a little of libstdc++. From the archive it costs nothing; as a shared library its symbols take a
# sixth of the program's start.
readonly archives=$PWD/.build/archives
mkdir -p "$archives"
archive=$(find /usr/lib/gcc -name libstdc++.a 2>/dev/null | sort -V | tail -n 1)
[ -z "$archive" ] || ln -sf "$archive" "$archives/"
# The same flags everywhere: a build with others would compile every module again.
swift build -c release --static-swift-stdlib --disable-local-rpath -Xswiftc -L"$archives" --product "$product"
mkdir -p "$(dirname "$target")"
strip -o "$target" ".build/release/$product"
