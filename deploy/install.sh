#!/bin/sh
# Puts the programs and what belongs to them below $DESTDIR$PREFIX, or takes them away again (--remove): the list is one. The units name the
# programs where they are; those of /usr go where Debian's are. `make install` and `make uninstall` call it; nothing is started or enabled.
set -eu
cd "$(dirname "$0")/.."
B=${B:-build} DESTDIR=${DESTDIR:-} PREFIX=${PREFIX:-/usr/local}
remove=${1:-}
doc=share/doc/whorl

# put MODE PATH COMMAND…: what the command prints, as PREFIX/PATH
put() {
    mode=$1 path=$DESTDIR$PREFIX/$2
    shift 2
    if [ -n "$remove" ]; then
        rm -f "$path"
        rmdir -p --ignore-fail-on-non-empty "$(dirname "$path")" 2>/dev/null || true
        return
    fi
    mkdir -p "$(dirname "$path")"
    "$@" >"$path.new"
    chmod "$mode" "$path.new"
    mv "$path.new" "$path"
}
unit() { sed "s|/usr/bin/whorld|$PREFIX/bin/whorld|; s|/usr/share/doc|$PREFIX/share/doc|" "deploy/systemd/$1"; }
# the help of a program as a manual page, line by line
page() {
    printf '.TH WHORL\\-DEVICE 1 2026-11-25 Whorl\n.SH NAME\nwhorl\\-device \\- a reference device and a fleet simulator for Whorl\n.SH DESCRIPTION\n.nf\n'
    "$B/whorl-device" help | sed '1,2d; s/\\/\\\\/g; s/-/\\-/g; s/^\([.'"'"']\)/\\\&\1/'
    printf '.fi\n.SH SEE ALSO\n.BR whorld (8),\n.BR whorl (1)\n'
}

for program in whorld whorl whorl-device; do put 0755 "bin/$program" cat "$B/$program"; done
put 0644 share/man/man8/whorld.8 "$B/whorld" help --man
put 0644 share/man/man1/whorl.1 "$B/whorl" help --man
put 0644 share/man/man1/whorl-device.1 page
put 0644 share/bash-completion/completions/whorl "$B/whorl" completion bash
put 0644 share/zsh/site-functions/_whorl "$B/whorl" completion zsh
put 0644 lib/systemd/system/whorld.service unit whorld.service
put 0644 lib/systemd/system/whorld.socket unit whorld.socket
put 0644 lib/sysusers.d/whorl.conf cat deploy/systemd/whorl.sysusers
for file in docs/*.md; do put 0644 "$doc/$(basename "$file")" cat "$file"; done
put 0644 "$doc/README.md" cat README.md
put 0644 "$doc/CHANGELOG.md" cat CHANGELOG.md
put 0644 "$doc/LICENSE" cat LICENSE
put 0644 "$doc/openapi.json" cat "$B/openapi.json"
put 0644 "$doc/examples/whorl.conf" "$B/whorld" config --example
