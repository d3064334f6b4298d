#!/usr/bin/env bash
# Authorities that come and go over REST: an issuing CA and the root are rolled over, one stands by, one is of a tenant, one is asked for elsewhere,
# one leaks. openssl judges what devices hold, over NewWithOld and OldWithNew, with the CRLs that are published.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
start_server

order() { api POST "/api/v1/authorities/$1" "${2:-{\}}" >/dev/null; }
state() { api GET "/api/v1/authorities/$1" >/dev/null; jq -r '.state + (if .is_default then " default" else "" end)' "$WORK/body"; }
pem() { api GET "/api/v1/authorities/$1" >/dev/null; jq -r .pem "$WORK/body"; }
crl() { curl -sf "$PUBLIC/crl/$1.crl" | openssl crl -inform DER; }
# A cross certificate of those that cacerts holds: of subject key $2, signed by the key of $1.
cross() {
    local want_akid want_skid
    want_skid=$(pem "$2" | openssl x509 -noout -ext subjectKeyIdentifier | tail -1 | tr -d ' ')
    want_akid=$(pem "$1" | openssl x509 -noout -ext subjectKeyIdentifier | tail -1 | tr -d ' ')
    curl -s --cacert "$CA" "$DEVICE/.well-known/est/cacerts" | base64 -d | openssl pkcs7 -inform DER -print_certs >"$WORK/all.pem"
    csplit -s -z -f "$WORK/c." "$WORK/all.pem" '/^subject/' '{*}'
    for part in "$WORK"/c.*; do
        skid=$(openssl x509 -in "$part" -noout -ext subjectKeyIdentifier 2>/dev/null | tail -1 | tr -d ' ')
        akid=$(openssl x509 -in "$part" -noout -ext authorityKeyIdentifier 2>/dev/null | tail -1 | tr -d ' ')
        [ "$skid" = "$want_skid" ] && [ "$akid" = "$want_akid" ] && openssl x509 -in "$part"
    done
    rm -f "$WORK"/c.*
}
# What a device holds under the only root $1, by the CA $2 and whatever stands between.
verify() {
    pem "$1" >"$WORK/anchor.pem"
    pem "$2" >"$WORK/chain.pem"
    [ -z "${4:-}" ] || cat "$4" >>"$WORK/chain.pem"
    for id in root root-2 device device-2; do crl "$id"; done >"$WORK/crls.pem"
    openssl verify -x509_strict -crl_check_all -CAfile "$WORK/anchor.pem" -CRLfile "$WORK/crls.pem" -untrusted "$WORK/chain.pem" "$WORK/$3.crt" 2>&1
}

say "a device under the first authority"
new_identity birth
register "$ID"
new_key op1
est birth simpleenroll "$(csr op1)"
expect_status "enrolled" 200
keep_certificate op1

say "the root is rolled over: everybody learns the new one before anything is under it"
order root/roll
expect_status "a successor of the root" 201
expect "it is active, and no default" "$(state root-2)" "active"
order root-2/finish-roll
expect_status "nothing is under it yet" 409
order device/roll '{"issuer":"root-2"}'
expect_status "the device CA follows" 201
expect "the new one issues" "$(state device-2)" "active default"
expect "the old one retires" "$(state device)" "retiring"
cross root root-2 >"$WORK/new_with_old.pem"
cross root-2 root >"$WORK/old_with_new.pem"
new_key op2
est op1 simplereenroll "$(csr op2 "/CN=$ID")"
expect_status "the device takes its next certificate" 200
keep_certificate op2
device_json op2 GET /device/v1/status >/dev/null
expect_status "and uses it" 200

say "openssl, in both directions, with all CRLs"
for _ in $(seq 1 30); do crl device-2 >/dev/null 2>&1 && crl root-2 >/dev/null 2>&1 && break; sleep 0.1; done
expect_in "old root, new certificate, NewWithOld" "$(verify root device-2 op2 "$WORK/new_with_old.pem")" ": OK"
expect_in "new root, old certificate, OldWithNew" "$(verify root-2 device op1 "$WORK/old_with_new.pem")" ": OK"
expect_in "new root, new certificate" "$(verify root-2 device-2 op2)" ": OK"
expect_in "old root, old certificate" "$(verify root device op1)" ": OK"
expect_in "without the cross certificate there is no way" "$(verify root device-2 op2)" "unable to get"

say "the roll-over is finished"
order infrastructure/roll '{"issuer":"root-2"}'
expect_status "this server's own CA follows" 201
order root/finish-roll
expect_status "finished" 200
expect "the new root names the installation" "$(state root-2)" "active default"
expect "the old one retires" "$(state root)" "retiring"

say "others: one that stands by, one of the tenant, one that is asked for elsewhere"
api POST /api/v1/authorities '{"role":"device","id":"spare"}' >/dev/null
expect_status "made" 201
expect "it stands by" "$(state spare)" "standby"
order spare/activate '{"default":false}'
expect_status "activated" 200
order spare/retire '{"note":"not needed"}'
expect_status "retired" 200
api POST /api/v1/authorities '{"role":"device","tenant":true,"external":true}' >/dev/null
expect_status "a request for somebody else" 201
PENDING=$(jq -r .id "$WORK/body")
api GET "/api/v1/authorities/$PENDING/request" >/dev/null
expect_status "the request" 200
jq -r .pem "$WORK/body" >"$WORK/ca.csr"
expect_in "openssl reads it" "$(openssl req -in "$WORK/ca.csr" -noout -verify -text 2>&1)" "CA:TRUE, pathlen:0"
order "$PENDING/retire"
expect_status "it is taken back" 204

say "the key of the device CA leaks"
order device-2/compromised '{"note":"drill","rekey_within_s":0}'
expect_status "declared" 200
expect "it is so for good" "$(state device-2)" "compromised"
order device-2/activate
expect_status "nothing brings it back" 409
NEXT=$(api GET /api/v1/authorities >/dev/null; jq -r '.authorities[] | select(.role == "device" and .is_default and .state == "active") | .id' "$WORK/body")
[ -n "$NEXT" ] || die "nobody issues to devices"
SERIAL=$(pem device-2 | openssl x509 -noout -serial | cut -d= -f2)
for _ in $(seq 1 50); do crl root-2 | openssl crl -noout -text | grep -q "$SERIAL" && break; sleep 0.1; done
expect_in "its certificate is on the CRL of its root" "$(crl root-2 | openssl crl -noout -text | grep -A4 "$SERIAL")" "CA Compromise"

say "the devices under it heal by themselves"
remaining() { api GET /api/v1/authorities/device-2 | jq -r .remaining.devices; }
for _ in $(seq 1 50); do [ "$(remaining)" = 1 ] && break; sleep 0.1; done
expect "one remains" "$(remaining)" 1
expect "why tells it" "$(api GET "/api/v1/devices/$ID/why" | jq -r .compromised_authority.authority)" device-2
device_json op2 GET /device/v1/status >/dev/null
expect_status "its certificate opens status" 200
expect "which tells it to rekey now" "$(jq -r '(.rekey | tostring) + " " + (.renew_after <= .server_time | tostring)' "$WORK/body")" "true true"
new_key op3
est op2 simplereenroll "$(csr op3 "/CN=$ID")"
expect_status "and the next certificate" 200
keep_certificate op3
device_json op3 GET /device/v1/status >/dev/null
expect "which tells it nothing of the kind" "$(jq -r .rekey "$WORK/body")" null
expect "nor does why" "$(api GET "/api/v1/devices/$ID/why" | jq -r .compromised_authority)" null
for _ in $(seq 1 80); do [ "$(remaining)" = 0 ] && break; sleep 0.1; done
expect "none remains" "$(remaining)" 0

say "another device"
new_identity late
register "$ID"
new_key op9
est late simpleenroll "$(csr op9)"
expect_status "another authority issues" 200
keep_certificate op9
expect_in "it is the next one" "$(openssl x509 -in "$WORK/op9.crt" -noout -text)" "/crl/$NEXT.crl"
