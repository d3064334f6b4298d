#!/usr/bin/env bash
# Issuing authorities under devices that are served: one is rolled over, one is a tenant's, the key of one is somebody else's too, by
# deploy/drills/leaked-issuing-ca.sh; each time `openssl verify`, `openssl crl` and `openssl ocsp` have the last word. The root: test_root_roll_clients.sh.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need openssl
init_data
start_server
export WHORL=$PWD/$BUILD/whorl XDG_CONFIG_HOME=$WORK/config WHORL_SERVER=$MANAGEMENT WHORL_CA=$CA WHORL_TOKEN=$TOKEN
ca() { api POST "/api/v1/authorities$1" "${2:-{\}}"; }
state_of() { api GET "/api/v1/authorities/$1" | jq -r .state; }
crl() { # ID: as PEM, once it is there
    for _ in $(seq 50); do
        if curl -fsS -o "$WORK/$1.crl" "$PUBLIC/crl/$1.crl" 2>/dev/null; then break; fi
        sleep 0.1
    done
    openssl crl -inform DER -in "$WORK/$1.crl" -out "$WORK/$1.crl.pem"
}
cacerts() { curl -sS --cacert "$CA" "$DEVICE/.well-known/est/default/cacerts" | base64 -d | openssl pkcs7 -inform DER -print_certs -out "$WORK/all.pem"; }
issuer_of() { openssl x509 -in "$WORK/$1.crt" -noout -issuer; }
enrol_new() { # NAME
    new_identity "birth-$1"
    register "$ID"
    new_key "$1"
    est "birth-$1" simpleenroll "$(csr "$1")"
    expect_status "$1 enrols" 200
    keep_certificate "$1"
}
verify() { # WHAT CERTIFICATE
    cat "$WORK"/*.crl.pem >"$WORK/crls.pem"
    openssl verify -x509_strict -crl_check_all -CAfile "$CA" -untrusted "$WORK/all.pem" -CRLfile "$WORK/crls.pem" "$WORK/$2.crt" >"$WORK/out" 2>&1 ||
        { cat "$WORK/out"; die "openssl verify: $1"; }
    say "ok  $1"
}
# drill ARGUMENTS…: its status in CODE
drill() { CODE=0; "$PWD/deploy/drills/leaked-issuing-ca.sh" "$@" >"$WORK/out" 2>&1 || CODE=$?; }

say "what is refused"
ca "" '{"role":"root"}' >/dev/null
expect_status "a root is made by a roll-over" 422
ca "" '{"role":"device","id":"Device"}' >/dev/null
expect_status "a name that is none" 422
ca "" '{"role":"edge"}' >/dev/null
expect_status "an edge authority without names" 422
ca "" '{"role":"device","frobnicate":1}' >/dev/null
expect_status "an unknown member" 422
ca /nobody/activate >/dev/null
expect_status "one that is not there" 404
ca /device/finish-roll >/dev/null
expect_status "finishing what did not begin" 409
ca /device/activate >/dev/null
expect_status "activating what is active" 409

say "a tenant's own issuing authority"
enrol_new before
ca "" '{"role":"device","id":"device-own","tenant":true,"note":"ours"}' | jq -r .state >"$WORK/word"
expect_status "made" 201
expect "it stands by" "$(cat "$WORK/word")" standby
ca "" '{"role":"device","id":"device-own"}' >/dev/null
expect_status "a name that is taken" 409
ca /device-own/activate >/dev/null
expect_status "activated" 200
enrol_new own
expect "it issues for its tenant" "$(issuer_of own | sed 's/.*CN = //')" "$(api GET /api/v1/authorities/device-own | jq -r .subject | sed 's/CN=//;s/,.*//')"
ca /device-own/retire >/dev/null
expect_status "retired" 200
enrol_new shared
expect_in "the installation's issues again" "$(issuer_of shared)" "$(api GET /api/v1/authorities/device | jq -r .subject | sed 's/CN=//;s/,.*//')"

say "an issuing authority is rolled over"
ca /device/roll '{"note":"yearly"}' >/dev/null
expect_status "rolled" 201
expect "the old one retires" "$(state_of device)" retiring
expect "the new one issues" "$(state_of device-2)" active
enrol_new after
crl root && crl device && crl device-2 && crl device-own
cacerts
verify "a certificate of the old one" before
verify "a certificate of the new one" after
verify "a certificate of the tenant's" own
expect "the device of before is served" "$(device_json before GET /device/v1/status | jq -r .code)" 10

say "a request that somebody else signs"
ca "" '{"role":"device","id":"device-away","external":true}' >/dev/null
expect_status "made" 201
expect "it is pending" "$(state_of device-away)" pending
api GET /api/v1/authorities/device-away/request | jq -r .pem >"$WORK/away.csr"
openssl req -in "$WORK/away.csr" -noout -verify >"$WORK/out" 2>&1 || { cat "$WORK/out" "$WORK/away.csr"; die "the request does not verify"; }
ca /device-away/retire >/dev/null
expect_status "taken back" 204

say "what OCSP and the lists say of an old one"
ask() { # CERTIFICATE AUTHORITY
    [ -s "$WORK/ca-$2.pem" ] || curl -sS "$PUBLIC/ca/$2.cer" | openssl x509 -inform DER -out "$WORK/ca-$2.pem"
    cat "$CA" "$WORK/all.pem" >"$WORK/anchors.pem"
    openssl ocsp -issuer "$WORK/ca-$2.pem" -cert "$WORK/$1.crt" -url "$PUBLIC/ocsp" -CAfile "$WORK/anchors.pem" 2>&1 || true
}
expect_in "a certificate of the one that was rolled" "$(ask before device)" "before.crt: good"
expect_in "a new one" "$(ask after device-2)" "after.crt: good"
SERIAL=$(openssl x509 -in "$WORK/own.crt" -noout -serial | cut -d= -f2 | tr A-F a-f)
api POST "/api/v1/certificates/$SERIAL/revoke" '{"reason":"keyCompromise"}' >/dev/null
expect_status "a certificate of one that retires is revoked" 200
text=$(ask own device-own)
expect_in "OCSP says so" "$text" "own.crt: revoked"
expect_in "and it verifies" "$text" "Response verify OK"
listed() { crl device-own && openssl crl -in "$WORK/device-own.crl.pem" -noout -text | grep -qi "Serial Number: $SERIAL"; }
for _ in $(seq 50); do listed && break; sleep 0.1; done
listed || die "it is not on the list of its CA"
expect "the list is its CA's" "$(openssl crl -in "$WORK/device-own.crl.pem" -noout -CAfile "$WORK/ca-device-own.pem" 2>&1)" "verify OK"
expect_fails "openssl refuses it" openssl verify -crl_check_all -CAfile "$CA" -untrusted "$WORK/all.pem" -CRLfile <(cat "$WORK"/*.crl.pem) "$WORK/own.crt"
expect_in "for that reason" "$(cat "$WORK/out")" "certificate revoked"

say "a key that is somebody else's too, by the drill"
code() { device_json "$1" GET /device/v1/status | jq -r .code; }
new_key waiting
subject=$(openssl x509 -in "$WORK/after.crt" -noout -subject -nameopt compat | sed 's/^subject=//')
est after simplereenroll "$(csr waiting "$subject")"
expect_status "a certificate that waits for its first use" 200
keep_certificate waiting
device_json after GET /device/v1/firmware >/dev/null
expect_status "firmware is there for the device" 200
for bad in '' 'Device' 'device-2' 'device-2 --out' "device-2 --out $WORK/healed --wait soon"; do
    # shellcheck disable=SC2086
    drill $bad
    expect "usage of \"$bad\"" "$CODE" 2
done
drill root --out "$WORK/healed"
expect_in "a root is not revoked" "$CODE $(cat "$WORK/out")" "nobody can revoke it"
drill device-9 --out "$WORK/healed"
expect "one that is not there" "$CODE" 1
"$WHORL" dual-control edit --kind authority.compromised >/dev/null
drill device-2 --out "$WORK/healed" --wait 0
expect_in "where a second person is asked for, it says so" "$CODE $(tail -n 1 "$WORK/out")" "does it wait for a second person?"
expect "and nothing has happened" "$(state_of device-2)" active
BEN=$("$WHORLD" token add --dir "$DATA" --name ben --scope admin,installation,approvals:decide --expires 30 2>/dev/null)
WHORL_TOKEN=$BEN "$WHORL" approval approve "$("$WHORL" approval list --json | jq -r .id)" --yes >/dev/null
drill device-2 --out "$WORK/healed" --wait 0
cat "$WORK/out"
expect "its devices have not come yet" "$CODE" 1
expect_in "another one issues" "$(cat "$WORK/out")" "device-3 issues in its place"
expect_in "the root's list has it" "$(cat "$WORK/out")" "on the CRL of root, cACompromise"
expect_in "OCSP too" "$(cat "$WORK/out")" "OCSP says so"
expect_in "how many devices use it" "$(tail -n 1 "$WORK/out")" "1 devices use it yet; told 0"
expect "it is so for good" "$(state_of device-2)" compromised
ca /device-2/activate >/dev/null
expect_status "no way back" 409
expect "its device may ask, and is told to make a new key" "$(device_json after GET /device/v1/status | jq -c '[.code, .rekey]')" "[10,true]"
device_json after GET /device/v1/firmware >/dev/null
expect_status "and gets no firmware" 403
est after simplereenroll "$(csr waiting "$subject")"
expect_status "its device gets a new certificate" 200
keep_certificate healed
cp "$WORK/waiting.key" "$WORK/healed.key"
expect "… of another authority" "$([ "$(issuer_of healed)" != "$(issuer_of after)" ] && echo yes)" yes
expect "which works" "$(code healed)" 10
drill device-2 --out "$WORK/healed" --wait 10
expect_in "again, and nobody uses it any more" "$CODE $(tail -n 1 "$WORK/out")" "0 "
expect_in "what was done is not done again" "$(cat "$WORK/out")" "declared compromised before"
expect "what it wrote serves a broker" "$(openssl verify -crl_check_all -CAfile "$CA" -untrusted "$WORK/healed/authorities.pem" -CRLfile "$WORK/healed/crls.pem" "$WORK/healed.crt" 2>&1)" "$WORK/healed.crt: OK"
expect_fails "which refuses what the leaked key issued" openssl verify -crl_check_all -CAfile "$CA" -untrusted "$WORK/healed/authorities.pem" -CRLfile "$WORK/healed/crls.pem" "$WORK/after.crt"
expect_in "OCSP knows what it issued" "$(ask after device-2)" "after.crt: good"
expect_in "and that it never issued what a thief makes" "$(openssl ocsp -issuer "$WORK/ca-device-2.pem" -serial 0x0123456789abcdef0123456789abcdef -url "$PUBLIC/ocsp" -noverify 2>&1)" ": revoked"

say "a restart"
stop_server
start_server
expect "everything is as it was" "$(code healed) $(code before) $(state_of device-2) $(state_of device)" "10 10 compromised retiring"
"$WHORLD" audit verify --dir "$DATA" >"$WORK/out" 2>&1 || { cat "$WORK/out"; die "the audit log"; }
stop_server
