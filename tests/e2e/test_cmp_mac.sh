#!/usr/bin/env bash
# MAC protection of CMP: a code made for one device, and OpenSSL's client with nothing else.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need openssl
init_data
start_server
host=${DEVICE#https://}

api POST /api/v1/products '{"name":"coded","admission":"token"}' >/dev/null
expect_status "a product that admits by code" 201
# unit NAME: registers a device of that product; its id is in ID
unit() {
    new_identity "$1"
    api POST /api/v1/batches "{\"product\":\"coded\",\"devices\":[\"$ID\"]}" >/dev/null
    expect_status "the unit $1" 201
}
# code [FIELDS]: makes the code of the device ID; sets CODE and REF
code() {
    api POST "/api/v1/devices/$ID/cmp-code" "{${1-}}" >/dev/null
    expect_status "its code" 201
    CODE=$(jq -r .code "$WORK/body")
    REF=$(jq -r .reference "$WORK/body")
}
state() { api GET "/api/v1/devices/$ID/cmp-code" | jq -r .state; }

# cmp NAME SECRET REFERENCE [ARGUMENT]...: asks for a certificate over NAME's key; only the TLS connection is judged by the root
cmp() {
    local name=$1 secret=$2 reference=$3
    shift 3
    openssl cmp -server "$host" -tls_used -tls_trusted "$CA" -path .well-known/cmp -secret "pass:$secret" -ref "$reference" -subject "/CN=any" \
        -newkey "$WORK/$name.key" -certout "$WORK/$name.crt" -cacertsout "$WORK/roots.pem" -extracertsout "$WORK/extra.pem" -recipient "/CN=whorl" \
        -msg_timeout 20 "$@" >"$WORK/cmp.log" 2>&1
}
works() { say "$1"; shift; cmp "$@" || { tail -5 "$WORK/cmp.log"; die "openssl cmp"; }; }
# refused WHAT WORDS CMP-ARGUMENT…: told by a signature that the root vouches for
refused() {
    local what=$1 words=$2
    shift 2
    if cmp "$@" -trusted "$CA"; then die "$what: it succeeded"; fi
    expect_in "$what" "$(cat "$WORK/cmp.log")" "$words"
}
status_code() { device_json "$1" GET /device/v1/status | jq -r .code; }

say "codes"
unit one
code
expect "is good" "$(state)" active
expect "is nowhere in clear" "$(cat "$DATA"/*.db* | grep -c "${CODE#whorlcmp_}")" 0

say "the first certificate"
new_key op1
new_key other
refused "a wrong secret" "badMessageCheck" op1 "${CODE%?}" "$REF" -cmd ir
wrong=$(grep -o 'PKIStatus.*' "$WORK/cmp.log")
refused "an unknown reference" "badMessageCheck" op1 "$CODE" 0011223344556677 -cmd ir
expect "is the same to whoever asks" "$(grep -o 'PKIStatus.*' "$WORK/cmp.log")" "$wrong"
refused "a request that is no ir" "wrongIntegrity" op1 "$CODE" "$REF" -cmd cr
works "ir, whose answer is lost" op1 "$CODE" "$REF" -cmd ir -disable_confirm
first=$(openssl x509 -in "$WORK/op1.crt" -noout -serial)
expect "binds the code" "$(state)" bound
if cmp other "$CODE" "$REF" -cmd ir; then die "another key: it succeeded"; fi
expect_in "another key is told so under the code, which it knows" "$(cat "$WORK/cmp.log")" "notAuthorized"
works "the same key again" op1 "$CODE" "$REF" -cmd ir
expect "gets the same certificate" "$(openssl x509 -in "$WORK/op1.crt" -noout -serial)" "$first"
expect "confirmed: the code is used up" "$(state)" used
expect_in "the server names the device" "$(openssl x509 -in "$WORK/op1.crt" -noout -subject)" "$ID"
expect "the root came with it, under the code" "$(openssl x509 -in "$WORK/roots.pem" -noout -fingerprint)" "$(openssl x509 -in "$CA" -noout -fingerprint)"
openssl verify -x509_strict -purpose sslclient -CAfile "$WORK/roots.pem" -untrusted "$WORK/extra.pem" "$WORK/op1.crt" >/dev/null || die "openssl verify"
expect "it works" "$(status_code op1)" 10
refused "a used code" "badMessageCheck" op1 "$CODE" "$REF" -cmd ir
expect "is the same to whoever asks" "$(grep -o 'PKIStatus.*' "$WORK/cmp.log")" "$wrong"
new_key op2
openssl cmp -cmd kur -server "$host" -tls_used -tls_trusted "$CA" -path .well-known/cmp -trusted "$CA" -recipient "/CN=whorl" -cert "$WORK/op1.crt" \
    -key "$WORK/op1.key" -newkey "$WORK/op2.key" -certout "$WORK/op2.crt" >"$WORK/cmp.log" 2>&1 || die "kur by the certificate"
expect "from here on it is the certificate that speaks" "$(status_code op2)" 10

say "what ends a code"
unit two
code "\"not_after\":\"$(date -u -d '+1 second' +%FT%TZ)\""
SHORT=$CODE SHORT_REF=$REF
unit three
code
api DELETE "/api/v1/devices/$ID/cmp-code" >/dev/null
expect_status "revoked" 204
expect "it is" "$(state)" revoked
refused "a revoked code" "badMessageCheck" other "$CODE" "$REF" -cmd ir
expect "is the same to whoever asks" "$(grep -o 'PKIStatus.*' "$WORK/cmp.log")" "$wrong"
code
works "a new one in its place, by other algorithms" other "$CODE" "$REF" -cmd ir -digest sha512 -mac hmacWithSHA384
expect "is used" "$(state)" used

say "codes of another kind"
unit four
api POST /api/v1/enrolment-codes '{"name":"lot","kind":"batch","product":"coded","use_limit":5}' >/dev/null
BATCH=$(jq -r .code "$WORK/body") BATCH_REF=$(jq -r .id "$WORK/body")
new_key four.op
refused "a batch code" "badMessageCheck" four.op "$BATCH" "$BATCH_REF" -cmd ir
refused "an expired code" "badMessageCheck" four.op "$SHORT" "$SHORT_REF" -cmd ir
expect "is the same to whoever asks" "$(grep -o 'PKIStatus.*' "$WORK/cmp.log")" "$wrong"
stop_server
