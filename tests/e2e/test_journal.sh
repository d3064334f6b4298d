#!/usr/bin/env bash
# The journal: an older copy of the inventory is refused and brought up to date, or accepted with what that costs; a journal that is cut
# off, changed or another server's is refused with its place; kill -9 between commit and answer loses nothing of either.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
JOURNAL=$DATA/journal
SEGMENT=$JOURNAL/whorld-0000000000000001.journal
start_server

device() { "$DEVICE_TOOL" "$1" --dir "$WORK/$2" --server "$DEVICE" --ca "$CA"; }
serial_of() { openssl x509 -in "$1" -noout -serial | cut -d= -f2 | tr A-F a-f; }
crl_number() { curl -sS "$PUBLIC/crl/device.crl" | openssl crl -inform DER -noout -crlnumber | sed 's/crlNumber=0x//'; }
state_of() { api GET "/api/v1/devices/$1" | jq -r .state; }
copy() { rm -rf "${WORK:?}/$1" && cp -a "$DATA" "$WORK/$1"; }
# the inventory of $1 in place of the present one, with the journal as it is
older_inventory() {
    rm -f "$DATA"/inventory.db*
    cp -a "$WORK/$1"/inventory.db "$DATA"
}
# refused WHAT WORDS: serve does not start, and says WORDS
refused() {
    if timeout 20 "$WHORLD" serve --dir "$DATA" >"$WORK/out" 2>&1; then die "$1: it started"; fi
    expect_in "$1" "$(cat "$WORK/out")" "$2"
}

IDS=()
for n in 0 1 2 3; do
    IDS+=("$("$DEVICE_TOOL" new --dir "$WORK/d$n" --seed $((700 + n)) | cut -d' ' -f1)")
done
register "${IDS[@]}"
device enrol d0 >/dev/null
device status d0 >/dev/null
stop_server
expect_in "the journal verifies" "$("$WHORLD" journal verify --dir "$DATA")" "1 issue, 1 confirm"
copy old

start_server
device enrol d1 >/dev/null
device rekey d0 >/dev/null
device status d0 >/dev/null
device enrol d2 >/dev/null
api POST "/api/v1/devices/${IDS[2]}/revoke" '{"reason":"keyCompromise"}' >/dev/null
expect_status "a device is revoked" 200
api POST "/api/v1/devices/${IDS[3]}/retire" '{}' >/dev/null
expect_status "another one is retired" 200
for _ in $(seq 100); do
    if api GET "/api/v1/devices/${IDS[2]}" >/dev/null && [ "$(curl -sS "$PUBLIC/crl/device.crl" | openssl crl -inform DER -noout -text | grep -c 'Serial Number')" -gt 0 ]; then break; fi
    sleep 0.1
done
NUMBER=$(crl_number)
REVOKED=$(serial_of "$(ls "$WORK"/d2/*.crt "$WORK"/d2/*.pem 2>/dev/null | head -1)")
expect_fails "nothing is replayed under a running server" "$WHORLD" journal replay --dir "$DATA"
expect_in "… which is named" "$(cat "$WORK/out")" "has the inventory"
expect_in "check finds nothing wrong beside it" "$("$WHORLD" check --dir "$DATA")" "0 problems"
expect_in "and tells that both are on one disk" "$("$WHORLD" check --dir "$DATA")" "journal_dir on another disk"
stop_server
copy whole

say "an older copy"
older_inventory old
refused "the server does not start on it" "older copy"
expect_in "it says what is missing" "$(cat "$WORK/out")" "issue"
expect_fails "check calls it a problem" "$WHORLD" check --dir "$DATA"
expect_fails "so does verify" "$WHORLD" journal verify --dir "$DATA"
"$WHORLD" journal replay --dir "$DATA" 2>"$WORK/out" || die "replay: $(cat "$WORK/out")"
expect_in "what was missing is replayed" "$(cat "$WORK/out")" "replayed"
start_server
expect "the revoked device is revoked" "$(state_of "${IDS[2]}")" revoked
expect "the retired one is retired" "$(state_of "${IDS[3]}")" retired
expect "the certificate has all its bytes" "$(api GET "/api/v1/certificates/$REVOKED" | jq -r .pem | openssl x509 -noout -serial | cut -d= -f2 | tr A-F a-f)" "$REVOKED"
expect_in "the one that came later goes on" "$(device status d1)" '"enrolled"'
expect_in "so does the one with a new key" "$(device status d0)" '"enrolled"'
expect_in "the CRL has what was revoked" "$(curl -sS "$PUBLIC/crl/device.crl" | openssl crl -inform DER -noout -text | tr -d ':' | tr A-F a-f)" "$REVOKED"
[ $((16#$(crl_number))) -gt $((16#$NUMBER)) ] || die "the CRL number went back"
say "ok  and a greater number"
stop_server
expect_in "the audit log verifies" "$("$WHORLD" audit verify --dir "$DATA")" "verifies"
expect_in "the directory is whole" "$("$WHORLD" check --dir "$DATA")" "0 problems"
"$WHORLD" journal replay --dir "$DATA" 2>"$WORK/out"
expect_in "a second time nothing is missing" "$(cat "$WORK/out")" "nothing is missing"

say "an older copy, accepted"
rm -rf "$DATA" && cp -a "$WORK/whole" "$DATA"
older_inventory old
"$WHORLD" serve --dir "$DATA" --accept-rollback >"$WORK/ready" 2>"$WORK/out" &
SERVER_PID=$!
for _ in $(seq 600); do if grep -q ready "$WORK/ready"; then break; fi; sleep 0.05; done
MANAGEMENT=https://$(jq -r .management "$WORK/ready")
PUBLIC=http://$(jq -r .public "$WORK/ready")
expect_in "it says what it costs" "$(cat "$WORK/out")" "CRLs jump"
api GET "/api/v1/certificates/$REVOKED" >/dev/null
expect_status "what was issued since is unknown" 404
[ $((16#$(crl_number))) -gt $((16#$NUMBER + 1000000)) ] || die "the CRL number did not jump"
say "ok  the CRL number jumped"
stop_server
expect_in "the audit log verifies" "$("$WHORLD" audit verify --dir "$DATA")" "verifies"
start_server
stop_server
expect_in "the journal goes on, and tells of it" "$("$WHORLD" journal verify --dir "$DATA")" "1 rollback"

say "what a disk or a hand can do to the file"
SIZE=$(stat -c %s "$WORK/whole/journal/whorld-0000000000000001.journal")
damaged() { rm -rf "$DATA" && cp -a "$WORK/whole" "$DATA"; }
damaged
truncate -s $((SIZE / 2)) "$SEGMENT"
refused "cut off: refused with the byte" "at byte"
expect_fails "check says so too" "$WHORLD" check --dir "$DATA"
damaged
python3 - "$SEGMENT" $((SIZE / 3)) <<'PY'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(int(sys.argv[2]))
    byte = file.read(1)[0]
    file.seek(int(sys.argv[2]))
    file.write(bytes([byte ^ 0x20]))
PY
refused "one bit changed: refused with the byte" "at byte"
expect_fails "verify finds it without the inventory" "$WHORLD" journal verify --folder "$JOURNAL"
damaged
mv "$JOURNAL" "$WORK/aside"
refused "gone: refused" "has no journal"
"$WHORLD" init --dir "$WORK/other" --host localhost >/dev/null
"$WHORLD" token add --dir "$WORK/other" --name x >/dev/null 2>&1
rm -rf "$JOURNAL"
cp -a "$WORK/other/journal" "$JOURNAL"
expect_fails "another server's: the command beside the server refuses it" "$WHORLD" token add --dir "$DATA" --name y
expect_in "… by its installation" "$(cat "$WORK/out")" "another installation"
rm -rf "$JOURNAL"
mv "$WORK/aside" "$JOURNAL"
expect_fails "a journal of nobody" "$WHORLD" journal verify --folder "$WORK"

say "another folder"
printf 'journal_dir = %s\n' "$WORK/elsewhere" >>"$DATA/whorl.conf"
refused "a folder that the journal was not moved to" "has no journal"
rm -r "$WORK/elsewhere" # made, and empty
mv "$JOURNAL" "$WORK/elsewhere"
"$WHORLD" token add --dir "$DATA" --name y >/dev/null 2>&1
start_server

say "an authority that was compromised after the copy"
stop_server
cp "$DATA/inventory.db" "$WORK/before.db"
start_server
api POST /api/v1/authorities/device/compromised '{"note":"its key was on a paste site"}' >/dev/null
expect_status "declared" 200
stop_server
rm -f "$DATA"/inventory.db*
cp "$WORK/before.db" "$DATA/inventory.db"
"$WHORLD" journal replay --dir "$DATA" 2>"$WORK/out" || die "replay: $(cat "$WORK/out")"
expect_in "replayed" "$(cat "$WORK/out")" "changes of authorities"
start_server
expect "it is compromised" "$(api GET /api/v1/authorities/device | jq -r .state)" compromised
expect "its successor, which the copy did not know, issues" "$(api GET /api/v1/authorities/device-2 | jq -r '.state + " " + (.is_default | tostring)')" "active true"
expect "the alarm stands again" "$(api GET /api/v1/alarms | jq -r '[.alarms[] | select(.kind == "authority.compromised") | .subject] | join(" ")')" device
CA_SERIAL=$(api GET /api/v1/authorities/device | jq -r .pem | openssl x509 -noout -serial | cut -d= -f2)
expect_in "and its certificate is on the CRL of the root" "$(curl -sS "$PUBLIC/crl/root.crl" | openssl crl -inform DER -noout -text)" "$CA_SERIAL"

say "kill -9 in the middle of a fleet"
"$DEVICE_TOOL" fleet --count 150 --seed-base 9000 --list "$WORK/list.json" >/dev/null
api POST /api/v1/batches "@$WORK/list.json" >/dev/null
expect_status "registered a fleet" 201
stop_server
cp "$DATA/inventory.db" "$WORK/before.db"
start_server
mkdir "$WORK/got"
for most in 10 60; do
    "$DEVICE_TOOL" fleet --count 150 --seed-base 9000 --connections 8 --server "$DEVICE" --ca "$CA" --save "$WORK/got" >/dev/null 2>&1 &
    FLEET=$!
    for _ in $(seq 600); do [ "$(find "$WORK/got" -name '*.pem' | wc -l)" -lt $most ] || break; sleep 0.02; done
    kill -9 "$SERVER_PID"
    wait "$SERVER_PID" 2>/dev/null || true
    wait $FLEET || true
    cp -a "$WORK/elsewhere" "$WORK/cut" # before the next start completes it
    start_server
done
stop_server
GOT=$(find "$WORK/got" -name '*.pem' | wc -l)
[ "$GOT" -gt 0 ] || die "killed before anybody was enrolled: the test shows nothing"
rm -f "$DATA"/inventory.db*
cp "$WORK/before.db" "$DATA/inventory.db"
"$WHORLD" journal replay --dir "$DATA" 2>"$WORK/out" || die "replay: $(cat "$WORK/out")"
start_server
for pem in "$WORK"/got/*.pem; do
    [ "$(api GET "/api/v1/certificates/$(serial_of "$pem")" | jq -r .device_id)" = "$(basename "$pem" .pem)" ] || die "$pem is lost"
done
say "ok  all $GOT certificates that were received are in an older copy and its journal"
stop_server
