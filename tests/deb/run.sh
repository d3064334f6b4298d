#!/usr/bin/env bash
# The Debian package on Debian 13: built in the root of deploy/ci/debian13, then installed on a bare system that has none of our libraries, used,
# upgraded while it serves, removed, purged; and judged by lintian. Both systems are overlays that vanish with the test: nothing of this machine
# and nothing of those roots is changed. There is no systemd at work in them; what would start the service is done by hand. Needs root.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "$(id -u)" -ne 0 ]; then
    echo "deb: needs root" >&2
    exit 1
fi
if [ "${1:-}" != inside ]; then
    deploy/ci/debian13 root # makes it if it is not there, and puts this tree into it
    exec unshare -m --propagation private "$PWD/tests/deb/run.sh" inside
fi

cache=${WHORL_CI_CACHE:-/var/cache/whorl-ci}
built=$(ls -d "$cache"/debian13-????????????????)
work=$(mktemp -d)
cleanup() { # the mounts end with this namespace; what they were mounted on is emptied of them first
    umount -R -l "$work/build" "$work/bare" 2>/dev/null || true
    umount -l "$work/memory" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
say() { printf 'ok   deb: %s\n' "$*"; }
die() {
    printf 'FAIL deb: %s\n' "$*" >&2
    tail -n 30 "$work/log" >&2 || true
    exit 1
}
# a system of its own over LOWER: system NAME LOWER
system() {
    mkdir -p "$work/$1" "$work/memory/$1-upper" "$work/memory/$1-work"
    mount -t overlay overlay -o "lowerdir=$2,upperdir=$work/memory/$1-upper,workdir=$work/memory/$1-work" "$work/$1"
    mount --rbind /dev "$work/$1/dev"
    mount -t proc proc "$work/$1/proc"
    cp /etc/resolv.conf "$work/$1/etc/resolv.conf" 2>/dev/null || true
}
in_build() { chroot "$work/build" env DEBIAN_FRONTEND=noninteractive sh -c "$1" >>"$work/log" 2>&1; }
in_bare() { chroot "$work/bare" env DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -c "$1"; }
quiet() { in_bare "$1" >>"$work/log" 2>&1; }

mkdir "$work/memory" "$work/lower"
mount -t tmpfs -o size=4g tmpfs "$work/memory"
system build "$built"
in_build "apt-get update -qq; cd /whorl && sh deploy/deps.sh build deb" || die "the packages that make packages"
# an older one first: the same program under a lower version
in_build "cd /whorl && export SOURCE_DATE_EPOCH=1700000000 && make -s -j$(nproc) all && sh deploy/deb.sh build 0.0.9 old && make -s deb" || die "make deb"
in_build "lintian --fail-on error,warning --suppress-tags bad-distribution-in-changes-file /whorl/build/*.deb" || die "lintian"
say "built, and nothing for lintian to say"

tar -C "$work/lower" -xf "$cache/debian13-base.tar"
system bare "$work/lower"
cp "$work"/build/whorl/old/*.deb "$work"/build/whorl/build/*.deb "$work/bare/root/"
for part in /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/apt.conf.d; do cp -a "$built$part" "$work/bare/$(dirname $part)/" 2>/dev/null || true; done
before=$(in_bare "find /etc /usr /var/lib -xdev -type f ! -path '/var/lib/dpkg/*' ! -path '/var/lib/apt/*' ! -path '/var/lib/systemd/*' | sort")
quiet "apt-get update -qq && apt-get install -y -qq --no-install-recommends /root/whorl_0.0.9*.deb" || die "apt install on a bare system"
say "installed with what it depends on, on a system that has nothing else"

[ "$(in_bare "getent passwd whorl | cut -d : -f 6,7")" = /var/lib/whorl:/usr/sbin/nologin ] || die "its user"
quiet "dpkg --verify whorl && dpkg --audit" || die "dpkg --verify"
[ -z "$(in_bare "dpkg --verify whorl")" ] || die "dpkg finds changed files"
quiet "install -d -o whorl -g whorl -m 0700 /var/lib/whorl" # what StateDirectory= does
as_whorl="setpriv --reuid=whorl --regid=whorl --init-groups"
quiet "$as_whorl whorld init --dir /var/lib/whorl --name Deb --host localhost" || die "init as the service's user"
serve() { # the service, by hand
    chroot "$work/bare" setpriv --reuid=whorl --regid=whorl --init-groups --pdeathsig=KILL env WHORL_DEVICE_LISTEN=127.0.0.1:0 \
        WHORL_MANAGEMENT_LISTEN=127.0.0.1:0 WHORL_PUBLIC_LISTEN=127.0.0.1:28080 whorld serve --dir /var/lib/whorl >"$work/ready" 2>>"$work/log" &
    served=$!
    for _ in $(seq 200); do
        if grep -q ready "$work/ready"; then return; fi
        sleep 0.05
    done
    die "it does not serve"
}
serve
[ "$(in_bare "WHORL_PUBLIC_LISTEN=127.0.0.1:28080 $as_whorl whorld ping --dir /var/lib/whorl")" = ready ] || die "ping"
quiet "whorl help && whorl-device help && whorld version" || die "the other programs"
say "an installation is made and served as the user of the service"

quiet "dpkg -i /root/whorl_0.1*.deb" || die "the upgrade"
[ "$(in_bare "dpkg-query -W -f '\${Version} \${Status}' whorl")" = "0.1.0-1 install ok installed" ] || die "what dpkg says of the upgrade"
kill -TERM $served
wait $served || die "the server of before the upgrade ended with $?"
serve
kill -TERM $served
wait $served || die "the server after the upgrade ended with $?"
say "upgraded while it served, and served on"

quiet "apt-get remove -y -qq whorl" || die "remove"
in_bare "test ! -e /usr/bin/whorld -a -s /var/lib/whorl/inventory.db" || die "what a removal leaves"
quiet "dpkg -i /root/whorl_0.1*.deb" || die "installed again"
serve
kill -TERM $served
wait $served || die "after removal and installation it ended with $?"
told=$(in_bare "apt-get purge -y -qq whorl 2>&1")
case $told in *"/var/lib/whorl is kept"*) ;; *) die "the purge says nothing of the keys: $told" ;; esac
in_bare "test -s /var/lib/whorl/keys/ca-root.key" || die "the purge took the keys"
after=$(in_bare "find /etc /usr /var/lib -xdev -type f ! -path '/var/lib/dpkg/*' ! -path '/var/lib/apt/*' ! -path '/var/lib/systemd/*' | sort")
left=$(comm -13 <(printf '%s\n' "$before") <(printf '%s\n' "$after") | grep whorl | grep -v ^/var/lib/whorl/ || true)
[ -z "$left" ] || die "left behind: $left"
quiet "rm -rf /var/lib/whorl && dpkg -i /root/whorl_0.1*.deb && dpkg --purge whorl" || die "a purge without an installation"
in_bare "test ! -e /var/lib/whorl" || die "an empty folder stays"
say "removed and purged: nothing is left but the keys"
