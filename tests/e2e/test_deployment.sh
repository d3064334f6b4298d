#!/usr/bin/env bash
# What installs and deploys: `make install` and its opposite, the units, manual pages, the version, an installation made without anybody
# present (secrets by file), the manifests of Kubernetes and compose, the bill of materials. What takes longer: tests/deb/, tests/container/.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"

say "make install, make uninstall"
PLACE=$WORK/place
VERSION=$(make -s version)
install_here() { B=$BUILD DESTDIR=$PLACE PREFIX=/usr sh deploy/install.sh "$@"; }
mkdir -p "$PLACE/usr/share/doc/whorl" && echo mine >"$PLACE/usr/share/doc/whorl/notes.txt"
install_here
expect "the programs run" "$("$PLACE/usr/bin/whorld" version | head -n 1)" "whorld $VERSION"
for file in bin/whorl bin/whorl-device lib/systemd/system/whorld.service lib/systemd/system/whorld.socket lib/sysusers.d/whorl.conf \
    share/man/man8/whorld.8 share/man/man1/whorl.1 share/man/man1/whorl-device.1 share/bash-completion/completions/whorl \
    share/zsh/site-functions/_whorl share/doc/whorl/deployment.md share/doc/whorl/openapi.json share/doc/whorl/examples/whorl.conf; do
    [ -s "$PLACE/usr/$file" ] || die "no $file"
done
say "ok  everything is there"
expect "each document is" "$(cd docs && ls -- *.md)" "$(cd "$PLACE/usr/share/doc/whorl" && for page in *.md; do [ ! -f "$OLDPWD/docs/$page" ] || echo "$page"; done)"
if command -v mandoc >/dev/null; then
    expect "the manual pages are clean" "$(mandoc -Tlint -W warning "$PLACE"/usr/share/man/man?/* 2>&1)" ""
fi
missing=
for command in $("$WHORLD" help | grep -oE '^  [a-z]+' | sort -u); do grep -q "^$command" "$PLACE/usr/share/man/man8/whorld.8" || missing="$missing $command"; done
expect "every command is in whorld(8)" "$missing" ""
mkdir -p "$WORK/example" && cp "$PLACE/usr/share/doc/whorl/examples/whorl.conf" "$WORK/example/"
expect "the example changes nothing" "$(grep -v '^#' "$WORK/example/whorl.conf" | tr -d '\n')" ""
mv "$PLACE" "$PLACE.1" && B=$BUILD DESTDIR=$PLACE PREFIX=/opt/whorl sh deploy/install.sh
expect "units name the programs where they are" "$(grep -h ^ExecStart= "$PLACE/opt/whorl/lib/systemd/system/whorld.service")" \
    "ExecStart=/opt/whorl/bin/whorld serve --dir /var/lib/whorl"
rm -rf "$PLACE" && mv "$PLACE.1" "$PLACE"
install_here --remove
expect "uninstall leaves what is not ours" "$(cd "$PLACE" && find . -type f)" "./usr/share/doc/whorl/notes.txt"

say "the units"
if command -v systemd-analyze >/dev/null; then
    LEVEL=$(systemd-analyze security --offline=yes --no-pager deploy/systemd/whorld.service 2>/dev/null | sed -n 's/.*exposure level for.*: \([0-9.]*\) .*/\1/p')
    awk -v level="${LEVEL:-9}" 'BEGIN { exit !(level < 2.0) }' || die "systemd-analyze security: $LEVEL"
    say "ok  exposure $LEVEL, below 2.0"
    mkdir "$WORK/units" && cp deploy/systemd/whorld.* "$WORK/units/" && sed -i "s|/usr/bin/whorld|$WHORLD|" "$WORK/units/whorld.service"
    expect "systemd finds nothing to complain of" \
        "$(systemd-analyze verify --man=no "$WORK/units/whorld.service" "$WORK/units/whorld.socket" 2>&1 | grep -F whorld || true)" ""
fi
expect "the socket's ports are the settings' defaults" \
    "$(sed -n 's/^ListenStream=//p' deploy/systemd/whorld.socket | sort | tr '\n' ' ')" \
    "$("$WHORLD" config | sed -n 's/^[a-z]*_listen = //p' | sort | tr '\n' ' ')"

say "the version"
expect "for programs" "$("$WHORLD" version --json | jq -r '[.version, (.schema > 30), (.libraries | keys | join(" ")), .features.pkcs11] | join(",")')" \
    "$VERSION,true,libmicrohttpd libuv openssl sqlite,true"
expect "its schema is the last migration's" "$("$WHORLD" version --json | jq .schema)" "$(find db/migrations/sqlite -name '*.sql' -printf '%f\n' | sort | tail -n 1 | sed 's/^0*\([0-9]*\)_.*/\1/')"
expect "of OpenSSL: what is used" "$("$WHORLD" version --json | jq -r .libraries.openssl)" "$(openssl version | cut -d ' ' -f 2)"
expect "the image says the same" "$(sed -n 's/^ARG VERSION=//p' deploy/Containerfile)" "$VERSION"

say "an installation that nobody makes by hand"
PUBLIC_PORT=$(free_port)
"$WHORLD" token make >"$WORK/admin_token"
openssl rand -hex 32 >"$WORK/ca_passphrase"
TOKEN=$(cat "$WORK/admin_token")
unattended() {
    "$WHORLD" init --if-missing --dir "$DATA" --name Acme --host localhost --host 127.0.0.1 --public-url "http://127.0.0.1:$PUBLIC_PORT" \
        --passphrase-file "$WORK/ca_passphrase" --admin-token-file "$WORK/admin_token"
}
echo "not-a-token" >"$WORK/no_token"
expect_fails "a file without a token" "$WHORLD" init --dir "$DATA" --admin-token-file "$WORK/no_token"
expect_fails "a file that is not there" "$WHORLD" init --dir "$DATA" --admin-token-file "$WORK/none"
[ ! -e "$DATA" ] || die "a refused init made something"
unattended >"$WORK/init.out"
expect_in "the token is not shown" "$(grep -c whorl_ "$WORK/init.out" || true)" 0
[ ! -e "$DATA/admin.token" ] && [ ! -e "$DATA/keys/passphrase" ] || die "a secret lies in the data directory"
expect_in "a second time nothing is made" "$(unattended)" "nothing is changed"
export WHORL_PUBLIC_LISTEN=127.0.0.1:$PUBLIC_PORT WHORL_DEVICE_LISTEN=127.0.0.1:0 WHORL_MANAGEMENT_LISTEN=127.0.0.1:0
start_server
CA=$DATA/ca.pem
api GET /api/v1/tenants >/dev/null
expect_status "the token of the file is the administrator's" 200
stop_server
mkdir "$WORK/credentials" && cp "$WORK/ca_passphrase" "$WORK/credentials/ca_passphrase"
CREDENTIALS_DIRECTORY=$WORK/credentials "$WHORLD" init --dir "$WORK/service" --host localhost >/dev/null
[ ! -e "$WORK/service/keys/passphrase" ] || die "the credential was not used"
expect_in "by a credential of the service manager" "$(CREDENTIALS_DIRECTORY=$WORK/credentials "$WHORLD" check --dir "$WORK/service")" "0 problems"
expect_fails "which is needed from then on" "$WHORLD" check --dir "$WORK/service"
mkdir "$WORK/empty"
CREDENTIALS_DIRECTORY=$WORK/empty "$WHORLD" init --dir "$WORK/embedded" --host localhost >/dev/null
[ -s "$WORK/embedded/keys/passphrase" ] || die "no passphrase was made"
say "ok  where the service manager has none, one is made"

say "manifests"
if python3 -c 'import yaml' 2>/dev/null; then
    for what in kubernetes compose sbom; do python3 -B "$E2E/manifests.py" $what "$VERSION" || die "$what"; done
else
    say "note: python3-yaml is not installed"
fi
