#!/usr/bin/env bash
# Holds the examples to what they say: the README shows what the bundled log gives, and the configurations are valid.
set -euo pipefail

cd "$(dirname "$0")/.."
readonly binary=${1:-.build/kube-audit-exporter}
fail() { echo "test-examples: $1" >&2; exit 1; }

# Numbers are compared as numbers: OpenMetrics may write 4 as 4.0.
printed=$("$binary" replay --format openmetrics examples/events.jsonl | sed -E 's/ ([0-9]+)\.0$/ \1/')
lines=0
while read -r line; do
  grep -Fxq -- "$line" <<<"$printed" || fail "README.md shows a line that the bundled log does not give: $line"
  lines=$((lines + 1))
done < <(grep '^kube_audit_' README.md)
[ "$lines" -gt 0 ] || fail "README.md shows no exposition"

"$binary" serve --config.file examples/config.yaml --config.check || fail "examples/config.yaml is refused"
# A web configuration is checked with the files that it names.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for name in tls client-ca; do
  openssl req -x509 -newkey rsa:2048 -nodes -subj "/CN=$name" -keyout "$folder/$name.key" -out "$folder/$name.crt" 2>/dev/null
done
cp examples/web-config.yml "$folder/"
"$binary" serve --input.stdin --web.config.file "$folder/web-config.yml" --config.check ||
  fail "examples/web-config.yml is refused"
for file in examples/prometheus.yml examples/getting-started/prometheus.yml; do
  promtool check config "$file" || fail "$file is refused"
done
amtool check-config examples/getting-started/alertmanager.yml || fail "examples/getting-started/alertmanager.yml is refused"
echo "examples: $lines lines of README.md, five configurations"
