#!/usr/bin/env bash
# CMP messages that no honest client sends: protection, form, transactions. None of them changes anything, and an honest device gets through.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need openssl
init_data
start_server
host=${DEVICE#https://}

# kept NAME OLD KEY [ARGUMENT]...: the message of OpenSSL's client that asks for KEY under OLD, as NAME.der; it is sent to nobody
kept() {
    local name=$1 old=$2 key=$3
    shift 3
    openssl cmp -server "${PUBLIC#http://}" -path x -recipient /CN=whorl -cert "$WORK/$old.crt" -key "$WORK/$old.key" -newkey "$WORK/$key.key" \
        -extracerts "$WORK/$old.crt" -ignore_keyusage -trusted "$CA" -msg_timeout 1 -certout "$WORK/none" -reqout "$WORK/$name.der" "$@" \
        >"$WORK/cmp.log" 2>&1 || true
    [ -s "$WORK/$name.der" ] || die "openssl cmp made no message: $(tail -3 "$WORK/cmp.log")"
}
by_hand() { python3 -B "$E2E/cmp_by_hand.py" "$host" "$CA" "$WORK" "$1" || die "$1"; }
inventory() { # everything that a message could change
    api GET /api/v1/devices | jq -cS '.devices'
    api GET /api/v1/certificates | jq -cS '.certificates'
}

new_identity birth
register "$ID"
new_identity veteran
register "$ID"
new_identity other
openssl x509 -in "$WORK/other.crt" -outform DER -out "$WORK/other.der"
new_key op
kept ir birth op -cmd ir -subject /CN=any
for next in op1 op2; do new_key $next; done
est veteran simpleenroll "$(csr op1)"
keep_certificate op1
est op1 simplereenroll "$(csr op2 "$(openssl x509 -in "$WORK/op1.crt" -noout -subject -nameopt RFC2253 | sed 's/^subject=/\//')")"
expect_status "the veteran has its second certificate" 200
keep_certificate op2
device_json op2 GET /device/v1/status >/dev/null
expect_status "… and uses it" 200
kept kur op1 op -cmd kur

inventory >"$WORK/before"
by_hand messages
inventory >"$WORK/after"
cmp -s "$WORK/before" "$WORK/after" || die "the inventory changed: $(diff "$WORK/before" "$WORK/after" | head -5)"
say "ok  nothing in the inventory changed"
by_hand transaction
stop_server
