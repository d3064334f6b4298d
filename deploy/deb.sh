#!/bin/sh
# Makes the Debian package of what is built here: sh deploy/deb.sh BUILD VERSION OUT. The same tree, compiler and SOURCE_DATE_EPOCH (the time
# of the last commit, when it is not set) give the same bytes. `make deb` calls it; tests/deb/run.sh installs, upgrades and removes the result.
set -eu
cd "$(dirname "$0")/.."
build=$1 version=$2-1 out=$3
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)}
export SOURCE_DATE_EPOCH LC_ALL=C.UTF-8 TZ=UTC
umask 022
architecture=$(dpkg --print-architecture)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
root=$stage/root
doc=$root/usr/share/doc/whorl

make -s install B="$build" DESTDIR="$root" PREFIX=/usr >/dev/null
strip --strip-unneeded --remove-section=.comment "$root"/usr/bin/*
gzip -9n "$root"/usr/share/man/man*/*
install -m 0644 deploy/debian/copyright "$doc/copyright"
rm -f "$doc/LICENSE"
gzip -9nc CHANGELOG.md >"$doc/changelog.gz"
maintainer=$(sed -n 's/^Maintainer: //p' deploy/debian/control.in)
printf 'whorl (%s) unstable; urgency=medium\n\n  * See /usr/share/doc/whorl/changelog.gz.\n\n -- %s  %s\n' \
    "$version" "$maintainer" "$(date -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$doc/changelog.Debian.gz"
rm -f "$doc/CHANGELOG.md"
mkdir -p "$root/usr/share/zsh/vendor-completions" "$root/usr/share/lintian/overrides"
mv "$root/usr/share/zsh/site-functions/_whorl" "$root/usr/share/zsh/vendor-completions/"
rmdir "$root/usr/share/zsh/site-functions"
install -m 0644 deploy/debian/lintian-overrides "$root/usr/share/lintian/overrides/whorl"

# which libraries, and since which version of each what is used of them is there
mkdir -p "$stage/debian" "$root/DEBIAN"
printf 'Source: whorl\n\nPackage: whorl\nArchitecture: any\n' >"$stage/debian/control"
depends=$(cd "$stage" && dpkg-shlibdeps -O root/usr/bin/whorld root/usr/bin/whorl root/usr/bin/whorl-device 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
[ -n "$depends" ] || { echo "deb: dpkg-shlibdeps found no library" >&2; exit 1; }
size=$(du -k --apparent-size -s "$root/usr" | cut -f 1)
sed -e "s|@VERSION@|$version|" -e "s|@ARCHITECTURE@|$architecture|" -e "s|@SIZE@|$size|" -e "s|@DEPENDS@|$depends|" deploy/debian/control.in >"$root/DEBIAN/control"
for script in postinst prerm postrm; do install -m 0755 "deploy/debian/$script" "$root/DEBIAN/$script"; done
(cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
chmod 0644 "$root/DEBIAN/md5sums" "$root/DEBIAN/control"

find "$root" -newermt "@$SOURCE_DATE_EPOCH" -print0 | xargs -0r touch -h -d "@$SOURCE_DATE_EPOCH"
mkdir -p "$out"
file=$out/whorl_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz --build "$root" "$file" >/dev/null
echo "$file"
