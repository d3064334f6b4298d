#!/usr/bin/env bash
# SWUpdate polls over DDI with its client certificate: it tells what it is, fetches an update over a connection that is cut in the middle, goes
# on where it was, installs, and says after its restart that all is well; another update is cancelled. Then the habits of clients that are not
# in Debian (ddi_clients.py), and what devices must not get.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need swupdate
need cpio
init_data
start_server
api PUT /api/v1/products/default/firmware-policy '{"poll_s":1}' >/dev/null
expect_status "devices poll every second" 200

say "three devices with certificates"
ID_pi='' ID_rauc='' ID_zephyr=''
for name in pi rauc zephyr; do
    new_identity "birth-$name"
    register "$ID"
    new_key "$name"
    est "birth-$name" simpleenroll "$(csr "$name")"
    keep_certificate "$name"
    declare "ID_$name=$ID"
done

# make_update NAME VERSION: NAME.swu with one file of random bytes, signed as Debian's swupdate wants it
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$WORK/signer.key" -out "$WORK/signer.crt" -subj /CN=signer -days 30 \
    -addext keyUsage=critical,digitalSignature -addext extendedKeyUsage=emailProtection 2>/dev/null
make_update() {
    mkdir -p "$WORK/update"
    head -c 2000000 /dev/urandom >"$WORK/update/payload.bin"
    (
        cd "$WORK/update"
        printf 'software = {\n version = "%s"; hardware-compatibility: [ "1.0" ];\n files: ( { filename = "payload.bin"; path = "%s"; sha256 = "%s"; } );\n}\n' \
            "$2" "$WORK/installed.bin" "$(sha256sum payload.bin | cut -d' ' -f1)" >sw-description
        openssl cms -sign -in sw-description -out sw-description.sig -signer "$WORK/signer.crt" -inkey "$WORK/signer.key" -outform DER -nosmimecap -binary
        printf 'sw-description\nsw-description.sig\npayload.bin\n' | cpio -o -H crc >"$WORK/$1.swu" 2>/dev/null
    )
}

python3 -B "$E2E/cutting_proxy.py" "${DEVICE##*:}" "$WORK/cut" >"$WORK/proxy" &
PIDS+=($!)
until [ -s "$WORK/proxy" ]; do sleep 0.05; done
cat >"$WORK/swupdate.cfg" <<CFG
globals : { public-key-file = "$WORK/signer.crt"; loglevel = 5; };
suricatta : {
    tenant = "DEFAULT"; id = "pi-kitchen"; url = "https://127.0.0.1:$(cat "$WORK/proxy")";
    polldelay = 1; retry = 5; retrywait = 1;
    cafile = "$CA"; sslkey = "$WORK/pi.key"; sslcert = "$WORK/pi.crt";
};
identify : ( { name = "board"; value = "pi4"; } );
CFG
MODE=() # from 2023 on it knows several servers
case $(dpkg-query -W -f '${Version}' swupdate 2>/dev/null) in 2022.* | '') ;; *) MODE=(-S hawkbit) ;; esac
mkdir "$WORK/tmp" # its sockets
updater() { # OPTIONS of suricatta
    : >"$WORK/swupdate.log"
    TMPDIR=$WORK/tmp swupdate -f "$WORK/swupdate.cfg" -H board:1.0 -u "${MODE[*]} $*" >"$WORK/swupdate.log" 2>&1 &
    UPDATER=$!
    PIDS+=("$UPDATER")
}
stop_updater() {
    kill -TERM "$UPDATER"
    wait "$UPDATER" 2>/dev/null || true
}
# wait_for WHAT COMMAND…: until it holds
wait_for() {
    local what=$1
    shift
    for _ in $(seq 600); do
        if "$@"; then
            say "ok  $what"
            return
        fi
        sleep 0.05
    done
    tail -n 30 "$WORK/swupdate.log"
    die "$what: not in 30 s"
}
state_of() { api GET "/api/v1/devices/$2/firmware" | jq -r --arg id "$1" '[.actions[] | select(.rollout_id == $id) | .state][0] // "none"'; } # ROLLOUT DEVICE
cancel_rollout() {
    api POST "/api/v1/rollouts/$1/cancel" '{}' >/dev/null
    expect_status "the rollout is cancelled" 200
}
is_state() { [ "$(state_of "$1" "$2")" = "$3" ]; }
attributes() { api GET "/api/v1/devices/$1/firmware" | jq -c .attributes; }

say "SWUpdate: a download that is cut"
make_update one 1.0.1
ONE=$(python3 -B "$E2E/firmware_rows.py" "$DATA" "$WORK/one.swu" 1.0.1 1)
echo 900000 >"$WORK/cut"
updater
is_installed() { grep -q 'SWUPDATE successful' "$WORK/swupdate.log"; }
wait_for "it is installed" is_installed
expect "what it tells of itself" "$(attributes "$ID_pi")" '{"board":"pi4"}'
[ ! -e "$WORK/cut" ] || die "the connection was not cut"
expect "the file is the one of the update" "$(sha256sum <"$WORK/installed.bin")" "$(sha256sum <"$WORK/update/payload.bin")"
expect_in "it went on where it was" "$(cat "$WORK/swupdate.log")" "resum"
waiting() { [[ "$(state_of "$ONE" "$ID_pi")" =~ ^(running|installed)$ ]]; }
wait_for "it is not confirmed yet" waiting
stop_updater
updater -c 2
wait_for "after its restart it says that all is well" is_state "$ONE" "$ID_pi" succeeded
stop_updater

say "SWUpdate: a cancel"
make_update two 1.0.2
TWO=$(python3 -B "$E2E/firmware_rows.py" "$DATA" "$WORK/two.swu" 1.0.2 2)
ddi() { curl -sS --cacert "$CA" --cert "$WORK/pi.crt" --key "$WORK/pi.key" "$@"; }
BASE=$DEVICE/default/controller/v1/pi-kitchen
offer_link() { [[ "$(ddi "$BASE" | jq -r ._links.deploymentBase.href)" = "$BASE/deploymentBase/2?c="* ]]; }
wait_for "the next one is offered" offer_link
cancel_rollout "$TWO"
cancel_link() { [ "$(ddi "$BASE" | jq -r ._links.cancelAction.href)" = "$BASE/cancelAction/2" ]; }
wait_for "it is to be cancelled" cancel_link
updater
wait_for "SWUpdate cancels it" is_state "$TWO" "$ID_pi" cancelled
stop_updater
expect "nothing is left to do" "$(ddi "$BASE" | jq -c '._links | keys')" '["installedBase"]'

say "rauc-hawkbit-updater and Zephyr"
head -c 300000 /dev/urandom >"$WORK/fw.bin"
cancel_rollout "$ONE"
THREE=$(python3 -B "$E2E/firmware_rows.py" "$DATA" "$WORK/fw.bin" 1.0.3 3)
client() { python3 -B "$E2E/ddi_clients.py" "$1" "$DEVICE" "$CA" "$WORK/$1.crt" "$WORK/$1.key" "$2" "$WORK/fw.bin"; }
sleep 1 # until the server has noticed the new rollout
client rauc gateway-7
expect "rauc-hawkbit-updater" "$(state_of "$THREE" "$ID_rauc")" succeeded
client zephyr nrf52840dk-0a1b2c3d
expect "Zephyr" "$(state_of "$THREE" "$ID_zephyr")" succeeded

say "SWUpdate's general purpose HTTP server, by hand"
is_redirect() { [ "$(ddi -o "$WORK/body" -D "$WORK/answer" -w '%{http_code}' "$DEVICE/swupdate/v1/update?board=pi4")" = 302 ]; }
wait_for "the same is there for the first one" is_redirect
expect_in "when to come again" "$(cat "$WORK/answer")" "Retry-After: 1"
ddi -o "$WORK/fetched" "$(tr -d '\r' <"$WORK/answer" | sed -n 's/^Location: //p')"
expect "the update" "$(sha256sum <"$WORK/fetched")" "$(sha256sum <"$WORK/fw.bin")"
expect "its log" "$(ddi -X PUT -H 'Content-Type: application/text' --data 'success,20261125' -o "$WORK/body" -w '%{http_code}' "$DEVICE/swupdate/v1/log")" 200
expect "that is the end of it" "$(state_of "$THREE" "$ID_pi")" succeeded
expect "nothing more" "$(ddi -o "$WORK/body" -w '%{http_code}' "$DEVICE/swupdate/v1/update")" 404

say "an artifact, as hawkBit's own clients ask for it"
LINK=$(ddi "$(ddi "$BASE" | jq -r ._links.installedBase.href)" | jq -r '.deployment.chunks[0].artifacts[0]._links.download.href')
SHA1=$(sha1sum <"$WORK/fw.bin" | cut -d' ' -f1)
expect "If it is this one" "$(ddi -o "$WORK/body" -w '%{http_code}' -H "If-Match: $SHA1" "$LINK") $(cmp "$WORK/body" "$WORK/fw.bin" && echo same)" "200 same"
expect "another one" "$(ddi -o "$WORK/body" -w '%{http_code}' -H "If-Match: ${SHA1//[0-8]/9}" "$LINK")" 412
expect "its MD5" "$(ddi "$LINK.MD5SUM")" "$(md5sum <"$WORK/fw.bin" | cut -d' ' -f1)  fw.bin"
expect "the list" "$(ddi "${LINK%/*}" | jq -r '.[0].hashes.sha1')" "$SHA1"

say "what devices must not get, over the wire"
code() { ddi -o "$WORK/body" -w '%{http_code}' "$@"; }
expect "another device's name" "$(code "$DEVICE/DEFAULT/controller/v1/gateway-7")" 404
expect "another tenant" "$(code "$DEVICE/nobody/controller/v1/pi-kitchen")" 404
expect "no certificate" "$(curl -sS --cacert "$CA" -o "$WORK/body" -w '%{http_code}' -H "Authorization: Bearer $TOKEN" "$BASE")" 401
expect_in "and why" "$(jq -r .detail "$WORK/body")" "client certificate"
head -c 70000 /dev/zero | tr '\0' ' ' >"$WORK/huge"
expect "a huge report" "$(code -H 'Content-Type: application/json' --data-binary "@$WORK/huge" "$BASE/deploymentBase/2/feedback")" 413
SUCCESS='{"id":1,"status":{"execution":"closed","result":{"finished":"success"}}}'
expect "a report for what nobody gave it" "$(code -H 'Content-Type: application/json' --data "$SUCCESS" "$BASE/deploymentBase/7/feedback")" 404
expect "for what is ended" "$(code -H 'Content-Type: application/json' --data "$SUCCESS" "$BASE/deploymentBase/2/feedback")" 410
expect "CBOR" "$(code -H 'Content-Type: application/cbor' --data x "$BASE/deploymentBase/2/feedback")" 415
api POST "/api/v1/devices/$ID_pi/quarantine" '{"reason":"test"}' >/dev/null
expect_status "in quarantine" 200
expect "nothing for it" "$(code "$BASE")" 403
