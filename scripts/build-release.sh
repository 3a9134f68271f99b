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
# The same flags everywhere: a build with others would compile every module again.
swift build -c release --static-swift-stdlib --product "$product"
mkdir -p "$(dirname "$target")"
strip -o "$target" ".build/release/$product"
