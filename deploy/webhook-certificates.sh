#!/usr/bin/env bash
# Makes what the two ends of the webhook prove themselves with: an authority of their own, a certificate for the exporter
# and one for the API servers. What is there is kept: delete a certificate to have it made anew.
#
#   deploy/webhook-certificates.sh FOLDER [NAME|ADDRESS]…    further names of the exporter, for its certificate
set -euo pipefail

readonly service=kube-audit-exporter.kube-audit-exporter.svc client=kube-apiserver-audit
readonly authority_days=3650 days=365

[ $# -gt 0 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
umask 077
mkdir -p "$1"
cd "$1"
shift

new_key() { [ -e "$1" ] || openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

# sign FILE NAME USAGE ALTERNATIVES: a certificate for one purpose alone, the other end checks that.
sign() {
  [ ! -e "$1.crt" ] || { echo "kept    $1.crt"; return; }
  new_key "$1.key"
  openssl req -new -key "$1.key" -subj "/CN=$2" |
    openssl x509 -req -CA ca.crt -CAkey ca.key -CAcreateserial -days "$days" -out "$1.crt" -extfile <(
      printf '%s\n' basicConstraints=critical,CA:FALSE keyUsage=critical,digitalSignature "extendedKeyUsage=$3" \
        "subjectAltName=$4"
    ) 2>/dev/null
  echo "written $1.crt, good for $days days"
}

names=DNS:$service
for name in "$@"; do
  if [[ $name == *:* || $name =~ ^[0-9.]+$ ]]; then names+=,IP:$name; else names+=,DNS:$name; fi
done

if [ ! -e ca.crt ]; then
  new_key ca.key
  openssl req -x509 -new -key ca.key -subj "/CN=kube-audit-exporter webhook" -days "$authority_days" -out ca.crt \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
  echo "written ca.crt, good for $authority_days days; keep ca.key away from the cluster"
fi
sign tls "$service" serverAuth "$names"
sign client "$client" clientAuth "DNS:$client"
