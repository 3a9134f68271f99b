#!/usr/bin/env bash
# What linters can judge: format, shell, Dockerfile, JSON, YAML, golden expositions, alerts, dashboards, deploy/, and
# whether what is generated is fresh. The house rules (Tests/HouseRulesTests) judge the rest.
# shellcheck disable=SC2317  # the steps are functions that are called by name
set -euo pipefail

cd "$(dirname "$0")/.."
export PYTHONDONTWRITEBYTECODE=1
failed=0
step() {
  local what=$1
  shift
  if "$@"; then echo "ok      $what"; else echo "FAILED  $what"; failed=1; fi
}
# The files of the project that match, one a line: tracked ones and new ones, nothing that git ignores.
files() {
  git ls-files --cached --others --exclude-standard -- "$@" |
    while read -r file; do [ ! -e "$file" ] || echo "$file"; done
}

read_json() {
  files '*.json' .swift-format | while read -r file; do jq empty "$file" || exit 1; done
}
read_json_lines() {
  files 'examples/*.jsonl' 'Tests/Detections/*.jsonl' | while read -r file; do
    [ "$(jq -c . "$file" | wc -l)" = "$(wc -l <"$file")" ] || { echo "$file: not one object a line"; exit 1; }
  done
}
read_yaml() { files '*.yaml' '*.yml' | xargs -r yamllint --strict --format parsable; }
golden() {
  files 'Tests/*/Golden/*.prom' | while read -r file; do
    promtool check metrics <"$file" || { echo "promtool refuses $file"; exit 1; }
  done
}
# A generated page is what the binary prints now.
fresh() {
  local printed
  printed=$(.build/debug/kube-audit-exporter docs "$1") || return 1
  diff -u "docs/$1.md" - <<<"$printed" || { echo "docs/$1.md is stale: run 'make docs' and commit it"; return 1; }
}

# deploy/ against schemas, itself and the binary; then copies with one fault each, all of which must be found.
deploy() { python3 Tests/Tools/deploy/check.py .build/debug/kube-audit-exporter "$@"; }

mapfile -t shell < <(files '*.sh' '*.bash' .ci/run 'deploy/debian/p*')
step "swift format" swift format lint --strict --recursive Sources Tests Package.swift
step "shellcheck" shellcheck "${shell[@]}"
step "hadolint" hadolint Dockerfile
step "JSON" read_json
step "JSON lines" read_json_lines
step "YAML" read_yaml
step "golden expositions" golden
step "alerts" scripts/check-alerts.sh
step "build" swift build --product kube-audit-exporter
step "docs/metrics.md" fresh metrics
step "docs/configuration.md" fresh configuration
step "deploy" deploy
step "deploy, with faults" deploy --broken
step "dashboards fresh" dashboards/source/build.py --check
step "dashboards" Tests/Tools/check_dashboards.py
exit "$failed"
