#!/usr/bin/env bash
# Authorities under devices that are served: an issuing CA is rolled over, the root is rolled over, a CA's key is somebody else's too; each time
# `openssl verify` has the last word.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need openssl
init_data
start_server
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
# what a verifier is sent: everything but the roots, of which it has its own
without_roots() {
    python3 -B - "$WORK/all.pem" "$WORK"/*-root.pem >"$WORK/sent.pem" <<'PY'
import re, ssl, sys
of = lambda path: [ssl.PEM_cert_to_DER_cert(pem) for pem in re.findall(r"-----BEGIN[^-]*-----.*?-----END[^-]*-----", open(path).read(), re.S)]
roots = [der for path in sys.argv[2:] for der in of(path)]
sys.stdout.write("".join(ssl.DER_cert_to_PEM_cert(der) for der in of(sys.argv[1]) if der not in roots))
PY
}
issuer_of() { openssl x509 -in "$WORK/$1.crt" -noout -issuer; }
enrol_new() { # NAME
    new_identity "birth-$1"
    register "$ID"
    new_key "$1"
    est "birth-$1" simpleenroll "$(csr "$1")"
    expect_status "$1 enrols" 200
    keep_certificate "$1"
}
verify() { # WHAT ANCHOR CERTIFICATE
    cat "$WORK"/*.crl.pem >"$WORK/crls.pem"
    without_roots
    openssl verify -x509_strict -crl_check_all -CAfile "$2" -untrusted "$WORK/sent.pem" -CRLfile "$WORK/crls.pem" "$WORK/$3.crt" >"$WORK/out" 2>&1 ||
        { cat "$WORK/out"; die "openssl verify: $1"; }
    say "ok  $1"
}
cp "$CA" "$WORK/old-root.pem"

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
verify "a certificate of the old one" "$WORK/old-root.pem" before
verify "a certificate of the new one" "$WORK/old-root.pem" after
verify "a certificate of the tenant's" "$WORK/old-root.pem" own
expect "the device of before is served" "$(device_json before GET /device/v1/status | jq -r .code)" 10

say "a request that somebody else signs"
ca "" '{"role":"device","id":"device-away","external":true}' >/dev/null
expect_status "made" 201
expect "it is pending" "$(state_of device-away)" pending
api GET /api/v1/authorities/device-away/request | jq -r .pem >"$WORK/away.csr"
openssl req -in "$WORK/away.csr" -noout -verify >"$WORK/out" 2>&1 || { cat "$WORK/out" "$WORK/away.csr"; die "the request does not verify"; }
ca /device-away/retire >/dev/null
expect_status "taken back" 204

say "the root is rolled over"
ca /root/roll >/dev/null
expect_status "rolled" 201
expect "the new one is there beside the old" "$(state_of root-2) $(state_of root)" "active active"
api GET /api/v1/authorities/root-2/cross-certificates >"$WORK/word"
expect "two certificates lead from one to the other" "$(jq -r '[.cross_certificates[] | .kind + " " + .issuer] | sort | join(", ")' "$WORK/word")" "new_with_old root, old_with_new root-2"
ca /root-2/cross-certificates "$(jq '{certificate: [.cross_certificates[].pem] | add}' "$WORK/word")" | jq .is_new >"$WORK/out"
expect "which change nothing when they come in" "$(status) $(cat "$WORK/out")" "200 false"
ca /device-2/cross-certificates "$(jq '{certificate: .cross_certificates[0].pem}' "$WORK/word")" >/dev/null
expect_status "nor does an issuing authority have any" 409
crl root-2
cacerts
expect "cacerts holds both roots and both cross certificates" "$(grep -c BEGIN "$WORK/all.pem")" 8
curl -sS "$PUBLIC/ca/root-2.cer" | openssl x509 -inform DER -out "$WORK/new-root.pem"
verify "an old certificate under the new root alone, by OldWithNew" "$WORK/new-root.pem" before
ca /root/finish-roll >/dev/null
expect_status "not finished while anything issues under the old one" 409
ca /device-2/roll '{"issuer":"root-2"}' >/dev/null
expect_status "the device authority follows" 201
ca /infrastructure/roll '{"issuer":"root-2"}' >/dev/null
expect_status "so does the server's own" 201
for _ in $(seq 50); do
    curl -sS --cacert "$WORK/new-root.pem" "$DEVICE/.well-known/est/cacerts" >/dev/null 2>&1 && break
    sleep 0.1
done
curl -sS --cacert "$WORK/new-root.pem" "$DEVICE/.well-known/est/cacerts" >/dev/null || die "a client of the new root alone"
cacerts # by a client of the old root alone
enrol_new under
crl device-3 && crl infrastructure-2
cacerts
verify "a new certificate under the new root" "$WORK/new-root.pem" under
verify "a new certificate under the old root alone, by NewWithOld" "$WORK/old-root.pem" under
ca /root/finish-roll >/dev/null
expect_status "finished" 200
expect "the new root names the installation" "$(api GET /api/v1/authorities/root-2 | jq -r .is_default)" true
expect "the old one goes on signing its list" "$(state_of root)" retiring

say "a key that is somebody else's too"
code() { device_json "$1" GET /device/v1/status | jq -r .code; }
new_key waiting
subject=$(openssl x509 -in "$WORK/under.crt" -noout -subject -nameopt compat | sed 's/^subject=//')
est under simplereenroll "$(csr waiting "$subject")"
expect_status "a certificate that waits for its first use" 200
keep_certificate waiting
device_json under GET /device/v1/firmware >/dev/null
expect_status "firmware is there for the device" 200
ca /device-3/compromised '{"note":"incident 12"}' >/dev/null
expect_status "declared" 200
expect "it is so for good" "$(state_of device-3)" compromised
ca /device-3/activate >/dev/null
expect_status "no way back" 409
expect "its device may ask" "$(code under)" 10
device_json under GET /device/v1/firmware >/dev/null
expect_status "and gets no firmware" 403
est under simplereenroll "$(csr waiting "$subject")"
expect_status "its device gets a new certificate" 200
keep_certificate healed
cp "$WORK/waiting.key" "$WORK/healed.key"
expect "… of another authority" "$([ "$(issuer_of healed)" != "$(issuer_of under)" ] && echo yes)" yes
expect "which works" "$(code healed)" 10
for _ in $(seq 50); do
    crl root-2
    openssl crl -in "$WORK/root-2.crl.pem" -noout -text | grep -q "CA Compromise" && break
    sleep 0.1
done
expect_in "the root's list has its certificate" "$(openssl crl -in "$WORK/root-2.crl.pem" -noout -text)" "CA Compromise"
cacerts
cat "$WORK"/*.crl.pem >"$WORK/crls.pem"
expect_fails "openssl verify refuses what it issued" openssl verify -crl_check_all -CAfile "$WORK/new-root.pem" -untrusted "$WORK/sent.pem" -CRLfile "$WORK/crls.pem" "$WORK/under.crt"

say "a restart"
stop_server
start_server
expect "everything is as it was" "$(code healed) $(code before) $(state_of device-3) $(state_of root)" "10 10 compromised retiring"
"$WHORLD" audit verify --dir "$DATA" >"$WORK/out" 2>&1 || { cat "$WORK/out"; die "the audit log"; }
stop_server
