#!/usr/bin/env bash
# The token is pulled while devices enrol (GONE_SECONDS, 1, later it is back): enrolment answers 503 and when to come again, OCSP and CRL go on,
# and afterwards every device enrols and nothing that was given out is lost. A token that answers garbage: nobody gets it.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/token.sh
source "$(dirname "$0")/token.sh"
new_token plant
init_in_token plant
echo "signer_timeout_ms = 700" >>"$DATA/whorl.conf"
start_server
COUNT=60
mkdir "$WORK/got"
"$DEVICE_TOOL" fleet --count $COUNT --seed-base 7000 --list "$WORK/list.json" >/dev/null
KNOWN=$(jq '.devices | length' "$WORK/list.json")
api POST /api/v1/batches "@$WORK/list.json" >/dev/null
expect_status "registered $KNOWN devices" 201
run_fleet() {
    "$DEVICE_TOOL" fleet --count $COUNT --seed-base 7000 --connections 4 --server "$DEVICE" --ca "$CA" --save "$WORK/got" >"$WORK/fleet.out" 2>&1
}
for authority in device infrastructure; do curl -sS "$PUBLIC/ca/$authority.cer" | openssl x509 -inform DER -out "$WORK/$authority.pem"; done
cat "$WORK/device.pem" "$CA" >"$WORK/chain.pem"
new_identity birth
register "$ID"
new_key op
est birth simpleenroll "$(csr op)"
keep_certificate op
new_identity late
register "$ID"
new_key late-op
answers() { # what does not wait for the token
    expect "the device's status" "$(device_json op GET /device/v1/status | jq -r .status)" enrolled
    expect "the CRL" "$(curl -sS -o "$WORK/crl" -w '%{http_code}' "$PUBLIC/crl/device.crl")" 200
    expect_in "OCSP" "$(openssl ocsp -sha256 -issuer "$WORK/device.pem" -cert "$WORK/op.crt" -url "$PUBLIC/ocsp" -CAfile "$CA" 2>&1 || true)" ": good"
}
refused() { # WHAT
    new_key late-op # one that has no certificate yet, or the answer needs no signature
    est late simpleenroll "$(csr late-op)"
    expect_status "$1" 503
    expect_in "and says when to come again" "$(tr -d '\r' <"$WORK/headers" | tr A-Z a-z)" "retry-after: "
    if grep -qi certificate "$WORK/headers" || [ "$(head -c 2 "$WORK/body")" = MI ]; then die "it looks like a certificate"; fi
}

comes_back() { # WHAT: nobody does anything but wait
    new_key back
    for _ in $(seq 400); do
        est late simpleenroll "$(csr back)"
        if [ "$(status)" = 200 ]; then break; fi
        sleep 0.1
    done
    expect_status "$1" 200
}

say "a token that answers garbage, or nothing"
for how in wrong-bytes huge-length hang; do
    tell $how
    refused "enrolment with $how"
done
tell
answers
comes_back "enrolment goes on by itself"

say "a token that is pulled in the middle"
run_fleet &
FLEET=$!
for _ in $(seq 200); do
    if [ "$(find "$WORK/got" -name '*.pem' | wc -l)" -ge 5 ]; then break; fi
    sleep 0.02
done
tell gone
wait $FLEET || true # some of them were refused
GOT=$(find "$WORK/got" -name '*.pem' | wc -l)
say "$GOT of $KNOWN devices had theirs before"
[ "$GOT" -ge 5 ] && [ "$GOT" -lt "$KNOWN" ] || die "it was pulled too early or too late: the test shows nothing"
refused "enrolment"
answers
sleep "${GONE_SECONDS:-1}"
answers
alarm_is() { # WANTED: within 15 s
    for _ in $(seq 150); do
        ALARMS=$(api GET /api/v1/alarms | jq -r '.alarms[].kind' | grep signer || true)
        if [ "$ALARMS" = "$1" ]; then break; fi
        sleep 0.1
        est late simpleenroll "$(csr late-op)" # somebody asks, as somebody always does
    done
    expect "the alarm of the signer" "$ALARMS" "$1"
}
alarm_is signer.unavailable

say "it is back"
tell
comes_back "enrolment goes on by itself"
alarm_is ""
run_fleet || die "the fleet: $(tail -3 "$WORK/fleet.out")"
expect "all enrolled" "$(find "$WORK/got" -name '*.pem' | wc -l)" "$KNOWN"
find "$WORK/got" -name "*.pem" >"$WORK/files"
xargs openssl verify -CAfile "$WORK/chain.pem" <"$WORK/files" >/dev/null || die "one does not verify"
for file in $(shuf -n 6 --random-source=<(yes) "$WORK/files"); do
    serial=$(openssl x509 -in "$file" -noout -serial | cut -d= -f2 | tr A-F a-f)
    expect "in the inventory" "$(api GET "/api/v1/certificates/$serial" | jq -r .serial)" "$serial"
done
expect_in "the audit log holds" "$("$WHORLD" audit verify --dir "$DATA")" "The audit log verifies"

say "a server that starts without it"
stop_server
tell away
start_server
expect "serves who has a certificate" "$(device_json op GET /device/v1/status | jq -r .status)" enrolled
refused "enrolment"
tell
comes_back "and finds the keys when it is there"
