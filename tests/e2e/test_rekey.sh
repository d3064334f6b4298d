#!/usr/bin/env bash
# Two phases of a key, on the real server: stock EST clients (curl and openssl) that lose answers and make fresh keys, the reference device by
# the JSON protocol, recoveries that wait for a word, and what proves, or does not prove, that two hold a device's keys.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
WHORL=$PWD/$BUILD/whorl
export XDG_CONFIG_HOME=$WORK/config
unset WHORL_SERVER WHORL_TOKEN WHORL_CA WHORL_PROFILE
init_data
start_server
export WHORL_SERVER=$MANAGEMENT WHORL_TOKEN=$TOKEN WHORL_CA=$CA
PRODUCT=$(api GET /api/v1/products | jq -r '.products[] | select(.name == "default").id')
policy() { api PATCH "/api/v1/products/$PRODUCT" "$1" -H 'If-Match: *' >/dev/null; expect_status "policy $1" 200; }
word() { device_json "$1" GET /device/v1/status | jq -r .status; } # a use of the certificate, and what the device is told
states() { api GET "/api/v1/devices/$ID" | jq -r '[.certificates[].state] | join(" ")'; }
state() { api GET "/api/v1/devices/$ID" | jq -r .state; }
suspected() { api GET "/api/v1/devices/$ID/history?kind=device.clone_suspected" | jq -r '[.records[].details.rule] | join(" ")'; }
# rekey OLD NEW: a stock client's: a fresh key NEW under the certificate OLD
rekey() {
    new_key "$2"
    est "$1" simplereenroll "$(csr "$2" "/CN=$ID")"
    [ "$(status)" != 200 ] || keep_certificate "$2"
}
# enrolled: a device with the certificate op, which it has used
enrolled() {
    new_identity birth
    register "$ID"
    new_key op
    est birth simpleenroll "$(csr op)"
    expect_status "enrolled" 200
    keep_certificate op
    expect "its certificate works" "$(word op)" enrolled
}

say "--- a stock client loses its answer and comes with a fresh key"
enrolled
rekey op lost
expect_status "rekey" 200
rekey op next
expect_status "the answer was lost: once more, with another fresh key" 200
expect "the old one works" "$(word op)" enrolled
expect "what was never used was replaced" "$(states)" "unconfirmed superseded confirmed"
expect "the generation rose twice" "$(api GET "/api/v1/devices/$ID" | jq .generation)" 3
expect "the new one is used" "$(word next)" enrolled
expect "and the old one has no rights here" "$(states)" "confirmed superseded superseded"
rekey op late
expect_status "nor may it ask again" 403
est birth simpleenroll "$(csr late)"
expect_status "the identity key gets nothing while a certificate that was used is valid" 403
expect_in "there is an event" "$(api GET "/api/v1/devices/$ID/history?kind=device.recovery_requested" | jq -c '.records[0].details')" '"policy":"expired"'

say "--- a recovery that waits for a word"
enrolled
policy '{"recovery":"approve"}'
new_key r1
est birth simpleenroll "$(csr r1)"
expect_status "refused" 403
expect_in "it stands in the list" "$("$WHORL" device list --recovery requested --json | jq -r .id)" "$ID"
expect "with its time" "$(api GET "/api/v1/devices/$ID" | jq -r '.recovery.requested_at | type')" string
api POST "/api/v1/devices/$ID/allow-recovery" '{"valid_for_s":30}' >/dev/null
expect_status "half a minute is too short" 422
"$WHORL" device allow-recovery "$ID" --valid-for 1h --reason "called in" >"$WORK/out"
expect_in "an operator allows one, for an hour" "$(cat "$WORK/out")" allowed_until
expect "which answers it: only the device above still waits" "$(api GET '/api/v1/devices?recovery=requested' | jq '.devices | length')" 1
est birth simpleenroll "$(csr r1)"
expect_status "the identity key may ask now" 200
new_key r2
est birth simpleenroll "$(csr r2)"
expect_status "that answer was lost: once more" 200
keep_certificate r2
expect "nothing is superseded by it yet" "$(word op)" enrolled
expect "it is used" "$(word r2)" enrolled
expect "and the one before has no rights" "$(word op)" not_enrolled
new_key r3
est birth simpleenroll "$(csr r3)"
expect_status "the word was good once" 403
policy '{"recovery":"expired"}'

say "--- two keys for one generation"
enrolled
# ask CREDENTIAL KEY GENERATION: over the JSON protocol, with a stated generation
ask() {
    new_key "$2"
    device_json "$1" POST /device/v1/enrol "{\"csr\":\"$(csr "$2" "/CN=$ID")\",\"generation\":$3}" >"$WORK/answer"
}
ask op a2 2
expect_status "generation 2" 200
ask op b2 2
expect_status "generation 2 again, with another key" 403
expect "the device is stopped" "$(state) $(suspected)" "quarantined same_generation"
expect "and told so" "$(word op)" revoked
api POST "/api/v1/devices/$ID/release" >/dev/null
policy '{"clone_response":"alert"}'
ask op c2 2
expect_status "a product that only alerts" 422
expect_in "says why" "$(jq -r .detail "$WORK/answer")" "with another key"
expect "nothing is stopped" "$(state) $(suspected)" "enrolled same_generation same_generation"
policy '{"clone_response":"quarantine"}'

say "--- who has nothing stops nobody"
enrolled
ask op a2 2
expect_status "generation 2" 200
new_identity stranger
STRANGER=$ID
ID=$(api GET "/api/v1/devices?sort=-registered_at" | jq -r '.devices[0].id')
[ "$STRANGER" != "$ID" ] || die "a stranger is registered"
ask stranger b2 2
expect_status "a stranger" 403
new_key forged
openssl req -x509 -new -key "$WORK/forged.key" -subj "/CN=$ID" -days 9 -out "$WORK/forged.crt" 2>/dev/null
ask forged b2 2
expect_status "who writes the device's name into a certificate of its own" 403
new_key b2
bad=$(csr b2 "/CN=$ID" | base64 -d | python3 -c 'import sys; d = bytearray(sys.stdin.buffer.read()); d[-1] ^= 1; sys.stdout.buffer.write(d)' | base64 -w0)
device_json op POST /device/v1/enrol "{\"csr\":\"$bad\",\"generation\":2}" >/dev/null
expect_status "a request whose signature does not hold" 400
cp "$WORK/op.crt" "$WORK/thief.crt"
cp "$WORK/forged.key" "$WORK/thief.key"
expect_fails "the device's certificate without its key" curl -sS --cacert "$CA" --cert "$WORK/thief.crt" --key "$WORK/thief.key" "$DEVICE/device/v1/status"
expect "the device is not touched" "$(state) $(suspected)" "enrolled "

say "--- the reference device: two chips with one root"
device() { # NAME VERB OPTIONS…
    local name=$1 verb=$2
    shift 2
    "$DEVICE_TOOL" "$verb" --dir "$WORK/$name" --server "$DEVICE" --ca "$CA" "$@"
}
ID=$("$DEVICE_TOOL" new --dir "$WORK/a" --seed 21 | head -n 1)
register "$ID"
device a enrol >/dev/null
expect_in "enrolled" "$(device a status)" "enrolled (10)"
cp -r "$WORK/a" "$WORK/copy"
device a rekey >/dev/null
expect_in "it has its next key" "$(device a status)" "enrolled (10)"
device copy rekey >"$WORK/out" 2>&1 || true
expect "a copy comes with the old one: refused, and no proof yet" "$(state) $(suspected)" "enrolled "
device a status >/dev/null 2>&1 || true
expect "the device goes on: two lines are in use" "$(state) $(suspected)" "quarantined two_lines"

say "--- and a device that was put back to what it stored before its last rekey"
ID=$("$DEVICE_TOOL" new --dir "$WORK/b" --seed 22 | head -n 1)
register "$ID"
device b enrol >/dev/null
device b status >/dev/null
cp -r "$WORK/b" "$WORK/b.before"
device b rekey >/dev/null
device b status >/dev/null
rm -rf "$WORK/b"
mv "$WORK/b.before" "$WORK/b"
device b rekey >"$WORK/out" 2>&1 || true
device b status >"$WORK/out" 2>&1 || true
api POST "/api/v1/devices/$ID/allow-recovery" >/dev/null
expect_status "allowed over REST, for the usual time" 200
device b enrol >/dev/null
device b status >/dev/null
device b rekey >/dev/null
expect_in "is no clone" "$(device b status)" "enrolled (10)"
expect "nothing was suspected" "$(state) $(suspected)" "enrolled "
stop_server
expect_in "the audit log verifies" "$("$WHORLD" audit verify --dir "$DATA")" "verifies"
