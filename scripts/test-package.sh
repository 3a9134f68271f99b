#!/usr/bin/env bash
# Builds the Debian package, judges it, and installs, runs, upgrades, removes and purges it for real: on a copy of this
# machine's file system that is thrown away (an overlay in namespaces of its own), so that nothing here changes. The
# exporter runs as the unit has it run: as its own user, without a capability, on a file system that is read-only but for
# its state.
#
# Needs root, sudo without a password, or user namespaces with ranges of numbers (newuidmap). Where the system allows no
# overlay, as in some containers, root tries the package on the machine itself and cleans up.
set -euo pipefail

readonly name=kube-audit-exporter
readonly user=$name state=/var/lib/$name configuration=/etc/$name unit=/lib/systemd/system/$name.service
readonly log=/var/log/kubernetes/audit/audit.log address=http://127.0.0.1:10403 seconds_limit=60
fail() { echo "test-package: $1" >&2; exit 1; }

# --- On the machine that is thrown away. $1: a folder with old.deb, new.deb, events.jsonl; $2: whether it is thrown away.

# Waits for a condition.
until_true() {
  local what=$1 started=$SECONDS
  shift
  until "$@"; do
    [ $((SECONDS - started)) -lt "$seconds_limit" ] || { cat "$folder/log" >&2; fail "no $what within $seconds_limit s"; }
    sleep 0.1
  done
}
get() { curl -sf --noproxy '*' --max-time 10 "$address$1"; }
# A command line of the unit, with systemd's variable filled in.
unit_command() { sed -n "s|^$1=||p" "$unit" | sed "s|\${STATE_DIRECTORY}|$state|"; }
requests() { get /metrics | sed -n 's/^kube_audit_requests_total{.* //p' | awk '{sum += $1} END {print sum + 0}'; }
counts() { [ "$(requests)" = "$1" ]; }
# The file system is read-only for whoever runs in this: root may mount, the exporter may not.
# shellcheck disable=SC2016  # the inner shell expands it
readonly closed='set -e; mount --bind "$0" "$0"; mount -o remount,bind,ro /; mount -o remount,bind,ro /mnt; exec "$@"'
as_service() {
  local drop=(setpriv "--reuid=$user" "--regid=$user" --init-groups --no-new-privs --inh-caps=-all --bounding-set=-all --)
  if [ "$thrown_away" = yes ]; then
    exec unshare --mount -- bash -c "$closed" "$state" "${drop[@]}" "$@"
  fi
  exec "${drop[@]}" "$@"
}
start() {
  local command
  read -ra command <<<"$(unit_command ExecStartPre)"
  (as_service "${command[@]}") >/dev/null || fail "the unit's ExecStartPre fails"
  read -ra command <<<"$(unit_command ExecStart)"
  (as_service "${command[@]}") >>"$folder/log" 2>&1 &
  exporter=$!
  until_true "ready exporter" get /-/ready >/dev/null
}
stop() {
  kill -TERM "$exporter"
  wait "$exporter" || fail "the exporter ended with $? after SIGTERM"
}
# What the process may do, as the kernel has it.
expect_closed() {
  local uid
  uid=$(id -u "$user")
  grep -q "^Uid:.$uid.$uid.$uid.$uid$" "/proc/$exporter/status" || fail "the exporter runs as another user than $user"
  grep -q '^CapEff:.0000000000000000$' "/proc/$exporter/status" || fail "the exporter has capabilities"
  grep -q '^NoNewPrivs:.1$' "/proc/$exporter/status" || fail "the exporter may gain rights"
  [ "$thrown_away" = yes ] || return 0
  for place in / /etc /etc/$name /tmp /var/log /usr/bin; do
    ! (as_service touch "$place/written") 2>/dev/null || fail "$place can be written"
  done
  (as_service touch "$state/written") || fail "$state cannot be written"
  rm "$state/written"
}
owner() { stat -c '%U:%G %a' "$1"; }
# Every name in the places where packages put files, but for what belongs to dpkg, and backups of the lists of users.
names() {
  local others=(-path /var/lib/dpkg -o -path /var/cache -o -path '/var/lib/systemd/deb-systemd-helper-*' -o
    -path /var/lib/apt -o -path /var/log)
  find /etc /lib /usr /var -xdev \( "${others[@]}" \) -prune -o -print 2>/dev/null |
    grep -vE '^/etc/((passwd|group|g?shadow|sub.id)-|\.pwd\.lock)$' | LC_ALL=C sort
}
install_package() { dpkg -i "$1" >"$folder/dpkg.log" 2>&1 || { cat "$folder/dpkg.log" >&2; fail "dpkg cannot install $1"; }; }
installed_version() { dpkg-query -W -f '${Version}' "$name"; }

try_package() {
  local events lines before
  folder=$1 thrown_away=$2
  : >"$folder/log"
  names >"$folder/before"
  install_package "$folder/old.deb"
  [ "$(owner "$state")" = "$user:$user 700" ] || fail "$state is of $(owner "$state")"
  [ "$(owner "$configuration")" = "root:$user 750" ] || fail "$configuration is of $(owner "$configuration")"
  case $(getent passwd "$user") in *:/usr/sbin/nologin | *:/bin/false) ;; *) fail "somebody can log in as $user" ;; esac
  [ -e /etc/systemd/system/multi-user.target.wants/$name.service ] || fail "the service is not enabled"
  grep -qx "User=$user" "$unit" || fail "the unit names another user than $user"
  systemd-analyze verify --man=no "$unit" >"$folder/verify" 2>&1 || fail "systemd refuses the unit: $(cat "$folder/verify")"
  systemd-analyze security --offline=yes --threshold=12 "$unit" >"$folder/verify" 2>&1 ||
    fail "the unit is open: $(tail -n 1 "$folder/verify")"
  # Scripts may be run again.
  DPKG_MAINTSCRIPT_PACKAGE=$name /var/lib/dpkg/info/$name.postinst configure "$(installed_version)" ||
    fail "postinst cannot be run twice"

  # As README.Debian says, so that the group may read the log.
  cp /usr/share/doc/$name/examples/tmpfiles.conf /etc/tmpfiles.d/$name.conf
  systemd-tmpfiles --create $name.conf
  start
  expect_closed
  cat "$folder/events.jsonl" >>"$log"
  events=$("/usr/bin/$name" replay --format openmetrics "$folder/events.jsonl" |
    sed -n 's/^kube_audit_requests_total{.* //p' | awk '{sum += $1} END {print sum}')
  [ "$events" -gt 0 ] || fail "the log holds no request"
  until_true "$events requests" counts "$events"
  stop

  echo '# kept' >>$configuration/config.yaml
  before=$(sha256sum <"$state/$name.db")
  install_package "$folder/new.deb"
  [ "$(installed_version)" = "$(dpkg-deb -f "$folder/new.deb" Version)" ] || fail "the upgrade has not come"
  grep -qx '# kept' $configuration/config.yaml || fail "an upgrade undoes changes of the configuration"
  [ "$(sha256sum <"$state/$name.db")" = "$before" ] || fail "an upgrade touches the state"
  start
  counts "$events" || fail "after an upgrade there are $(requests) requests, not $events"
  cat "$folder/events.jsonl" >>"$log"
  until_true "$((2 * events)) requests" counts "$((2 * events))"
  stop

  dpkg -r "$name" >"$folder/dpkg.log" 2>&1 || fail "dpkg cannot remove it: $(cat "$folder/dpkg.log")"
  if [ -e "/usr/bin/$name" ] || [ -e "$unit" ]; then fail "removed, and still there"; fi
  grep -qx '# kept' $configuration/config.yaml || fail "removing takes the configuration with it"
  install_package "$folder/new.deb"
  start
  counts "$((2 * events))" || fail "removed and installed again, there are $(requests) requests, not $((2 * events))"
  stop

  rm -r "/etc/tmpfiles.d/$name.conf" /var/log/kubernetes
  dpkg -P "$name" >"$folder/dpkg.log" 2>&1 || fail "dpkg cannot purge it: $(cat "$folder/dpkg.log")"
  ! grep -q warning "$folder/dpkg.log" || fail "purged with a warning: $(cat "$folder/dpkg.log")"
  names >"$folder/after"
  lines=$(comm -13 "$folder/before" "$folder/after")
  [ -z "$lines" ] || fail "purged, and still there: $lines"
  ! dpkg-query -W "$name" >/dev/null 2>&1 || fail "purged, and dpkg still knows it"
  getent passwd "$user" >/dev/null || fail "the account is gone, and its number free for somebody else"
  case $thrown_away in yes) lines='on a read-only file system' ;; *) lines='on this machine' ;; esac
  echo "package: installed, run as $user $lines, upgraded with its $events counts, removed, purged"
}

# --- In namespaces of our own: makes the machine that is thrown away, and goes there.

# The loopback of a new network namespace is down.
raise_loopback() {
  python3 -c '
import fcntl, socket, struct
with socket.socket() as one:
    fcntl.ioctl(one, 0x8914, struct.pack("16sH14x", b"lo", 1 | 64))'
}
make_machine() {
  local copy=$1/copy machine=$1/copy/machine
  mkdir "$copy"
  mount -t tmpfs none "$copy"
  mkdir "$copy/upper" "$copy/work" "$machine"
  mount -t overlay none -o "lowerdir=/,upperdir=$copy/upper,workdir=$copy/work" "$machine"
  [ -x "$machine/usr/bin/dpkg" ] || return 1
  mount --rbind /dev "$machine/dev"
  mount -t proc none "$machine/proc"
  mount -t tmpfs -o mode=0755 none "$machine/run"
  mount --bind "$1" "$machine/mnt"
  raise_loopback
}
own_namespaces=(unshare --mount --pid --fork --kill-child --net --propagation private --)

case ${1:-} in
  --probe) make_machine "$2" 2>/dev/null; exit ;;
  --machine) make_machine "$2"; exec chroot "$2/copy/machine" /bin/bash /mnt/test-package.sh --try /mnt yes ;;
  --try) try_package "$2" "$3"; exit ;;
esac

# --- Here.

cd "$(dirname "$0")/.."
folder=$(mktemp -d)
chmod 0755 "$folder"
trap 'rm -rf -- "$folder"' EXIT
cp scripts/test-package.sh examples/events.jsonl "$folder/"
package=$(PACKAGE_COMPRESSION=gzip scripts/build-package.sh "$folder")
mv "$package" "$folder/old.deb"

# What is judged without installing it.
# shellcheck disable=SC2016  # the fields are dpkg-deb's to fill in
depends=$(dpkg-deb --show --showformat '${Depends},${Recommends}' "$folder/old.deb" | tr ',' '\n' | sed 's/^ *\([^ ]*\).*/\1/')
while read -r library; do
  grep -Fxq "$library" <<<"$depends" || fail "the package neither depends on $library nor recommends it"
done < <(scripts/install-deps.sh --list image)
while read -r linked; do
  grep -q "^Files: $linked$" deploy/debian/copyright || fail "deploy/debian/copyright says nothing of $linked"
done < <(sed -n 's|.*\.package(url: ".*/\([^/"]*\)".*|\1|p' Package.swift)
command -v lintian >/dev/null || fail "no 'lintian': scripts/install-deps.sh test installs it"
lintian --no-cfg --allow-root --fail-on error,warning "$folder/old.deb" || fail "lintian refuses the package"

# The same as a later version.
dpkg-deb -R "$folder/old.deb" "$folder/later"
sed -i 's/^Version: .*/&+later1/' "$folder/later/DEBIAN/control"
dpkg-deb --root-owner-group -Zgzip -z1 --build "$folder/later" "$folder/new.deb" >/dev/null
rm -r "$folder/later"

root=()
if [ "$(id -u)" != 0 ]; then
  if sudo -n true 2>/dev/null; then root=(sudo -n)
  elif command -v newuidmap >/dev/null; then own_namespaces=(unshare --user --map-root-user --map-auto "${own_namespaces[@]:1}")
  else fail "needs root, sudo without a password, or newuidmap (package uidmap)"; fi
fi
mkdir "$folder/probe"
if "${root[@]}" "${own_namespaces[@]}" "$folder/test-package.sh" --probe "$folder/probe"; then
  "${root[@]}" "${own_namespaces[@]}" "$folder/test-package.sh" --machine "$folder"
  exit
fi
[ "${#root[@]}" -gt 0 ] || [ "$(id -u)" = 0 ] || fail "this system allows no overlay to this user"
dpkg-query -W "$name" >/dev/null 2>&1 && fail "this system allows no overlay, and $name is installed: it stays as it is"
echo "test-package: no overlay here: the package is tried on this machine, on a file system that can be written" >&2
# Nothing begins to listen because it was installed.
policy=/usr/sbin/policy-rc.d made=
if ! "${root[@]}" test -e "$policy"; then
  printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
  "${root[@]}" chmod 0755 "$policy"
  made=$policy
fi
clean_up() {
  "${root[@]}" dpkg -P "$name" >/dev/null 2>&1 || true
  "${root[@]}" deluser --quiet --system "$user" 2>/dev/null || true
  [ -z "$made" ] || "${root[@]}" rm -f "$made"
  "${root[@]}" rm -rf -- "$folder" "/etc/tmpfiles.d/$name.conf"
}
trap clean_up EXIT
"${root[@]}" "$folder/test-package.sh" --try "$folder" no
