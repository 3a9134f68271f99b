#!/usr/bin/env bash
# Makes the Debian package of the released binary, which scripts/build-release.sh has built.
#
#   scripts/build-package.sh [FOLDER]    FOLDER (default .build) gets kube-audit-exporter_VERSION_ARCHITECTURE.deb
#
# PACKAGE_REVISION=1 is Debian's part of the version, PACKAGE_COMPRESSION=xz what packs it. The same sources and binary make
# the same package, byte for byte.
set -euo pipefail

cd "$(dirname "$0")/.."
readonly name=kube-audit-exporter output=${1:-.build} revision=${PACKAGE_REVISION:-1}
readonly binary=.build/$name
fail() { echo "build-package: $1" >&2; exit 1; }

[ -x "$binary" ] || fail "there is no $binary: run 'make build' first"
for tool in dpkg-deb dpkg-shlibdeps; do
  command -v "$tool" >/dev/null || fail "no '$tool': scripts/install-deps.sh package installs it"
done
version=$("$binary" --version | sed -n '1s/.*, version \([^ ]*\) .*/\1/p')-$revision
architecture=$(dpkg --print-architecture)
# The commit's date, not the clock's.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y "$binary")}
export SOURCE_DATE_EPOCH
day=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%d)
readonly version architecture day

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
umask 022
# Where dpkg-shlibdeps expects it.
readonly root=$work/debian/$name
readonly share=$root/usr/share/$name doc=$root/usr/share/doc/$name

# put MODE SOURCE TARGET: one file, its folders made.
put() { install -D -m "$1" "$2" "$root/$3"; }
# The files of a folder that the project tracks, as they are in it.
put_folder() {
  local file
  git ls-files -- "$1" | while read -r file; do install -D -m 0644 "$file" "$2/${file#"$3"}"; done
}

put 0755 "$binary" "usr/bin/$name"
sed 's|/usr/local/bin/|/usr/bin/|' deploy/systemd/$name.service >"$work/service"
put 0644 "$work/service" "lib/systemd/system/$name.service"
put 0644 deploy/systemd/config.yaml "etc/$name/config.yaml"

put_folder alerts "$share/alerts" alerts
put_folder rules "$share/rules" rules
put_folder 'dashboards/*.json' "$share" ''
put_folder 'docs/*.md' "$doc" docs/
for file in deploy/audit-policy.yaml deploy/webhook-kubeconfig.yaml deploy/webhook-certificates.sh deploy/systemd/tmpfiles.conf \
  examples/config.yaml examples/web-config.yml examples/prometheus.yml; do
  put 0644 "$file" "usr/share/doc/$name/examples/${file##*/}"
done
put 0644 README.md "usr/share/doc/$name/README.md"
put 0644 deploy/debian/README.Debian "usr/share/doc/$name/README.Debian"
put 0644 deploy/debian/copyright "usr/share/doc/$name/copyright"
put 0644 .build/checkouts/swift-log/NOTICE.txt "usr/share/doc/$name/NOTICE.swift-log"
put 0644 CHANGELOG.md "usr/share/doc/$name/changelog"
{
  echo "$name ($version) stable; urgency=medium"
  printf '\n  * The version of %s; changelog.gz says what is new.\n\n' "$day"
  echo " -- $(sed -n 's/^Maintainer: //p' deploy/debian/control.in)  $(date -u -R -d "@$SOURCE_DATE_EPOCH")"
} >"$doc/changelog.Debian"
install -d "$root/usr/share/man/man1"
"$binary" --experimental-dump-help | scripts/man-page.py "${version%-*}" "$day" >"$root/usr/share/man/man1/$name.1"
gzip -9n "$doc/changelog" "$doc/changelog.Debian" "$root/usr/share/man/man1/$name.1"
put 0644 deploy/debian/lintian-overrides "usr/share/lintian/overrides/$name"

install -d "$root/DEBIAN"
# It wants a source package beside it, and reads nothing of it.
printf 'Source: %s\n\nPackage: %s\nArchitecture: any\n' "$name" "$name" >"$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O "-edebian/$name/usr/bin/$name" | sed 's/^shlibs:Depends=//')
[ -n "$depends" ] || fail "dpkg-shlibdeps finds no library of $binary"
sed -e "s|@VERSION@|$version|; s|@ARCHITECTURE@|$architecture|; s|@DEPENDS@|$depends|" \
  -e "s|@SIZE@|$(du -k -s --apparent-size "$root" | cut -f 1)|" deploy/debian/control.in >"$root/DEBIAN/control"
echo "/etc/$name/config.yaml" >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do install -m 0755 "deploy/debian/$script" "$root/DEBIAN/$script"; done
(cd "$root" && find usr lib -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

mkdir -p "$output"
readonly package=$output/${name}_${version}_$architecture.deb
dpkg-deb --root-owner-group "-Z${PACKAGE_COMPRESSION:-xz}" --build "$root" "$package" >/dev/null
echo "$package"
