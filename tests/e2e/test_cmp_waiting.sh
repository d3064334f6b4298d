#!/usr/bin/env bash
# CMP while nothing can be signed: a request waits (waiting, pollReq, pollRep) for the signer, and its transaction goes on where the server was killed.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need openssl
need python3
init_data
echo 'signer_timeout_ms = 400' >>"$DATA/whorl.conf"
start_server
signer() { pgrep -P "$SERVER_PID" -x whorl-signer || true; }
host() { printf %s "${DEVICE#https://}"; }
# ask NAME OLD ARGUMENT...: asks for NAME's key by OLD's; what is sent and what comes are in NAME.req and NAME.rsp
ask() {
    local name=$1 old=$2
    shift 2
    openssl cmp -server "$(host)" -tls_used -tls_trusted "$CA" -path .well-known/cmp -trusted "$CA" -cert "$WORK/$old.crt" -key "$WORK/$old.key" \
        -newkey "$WORK/$name.key" -certout "$WORK/$name.crt" -recipient "/CN=whorl" -msg_timeout 20 -reqout "$WORK/$name.req" -rspout "$WORK/$name.rsp" \
        "$@" >"$WORK/cmp.log" 2>&1
}
follow() { # VERB NAME KEY: the next message of NAME's transaction; its answer is in NAME.next, as text in NAME.txt
    python3 -B "$E2E/cmp_follow.py" "$1" "$WORK/$2.req" "$WORK/$2.rsp" "$WORK/$3.key" >"$WORK/follow.der"
    curl -sS -o "$WORK/$2.next" --cacert "$CA" -H "Content-Type: application/pkixcmp" --data-binary "@$WORK/follow.der" "$DEVICE/.well-known/cmp"
    openssl asn1parse -inform DER -in "$WORK/$2.next" >"$WORK/$2.txt"
}
body_of() { sed -n 's/^ *[0-9]*:d=1 .*cont \[ \([0-9]*\) \].*/\1/p' "$WORK/$1.txt" | head -1; }
code() { device_json "$1" GET /device/v1/status | jq -r .code; }
kill_server() {
    kill -9 "$SERVER_PID"
    wait "$SERVER_PID" 2>/dev/null || true
    start_server
}

new_identity birth
register "$ID"
for key in op1 op2 op3 op4; do new_key $key; done
ask op1 birth -cmd ir -subject /CN=x -extracerts "$WORK/birth.crt" -ignore_keyusage || { tail -5 "$WORK/cmp.log"; die "ir"; }
expect "a device under its first certificate" "$(code op1)" 10

say "the signer is stopped: the request waits, and goes on when somebody signs again"
stopped=$(signer)
kill -STOP "$stopped"
ask op2 op1 -cmd kur -msg_timeout 3 -total_timeout 3 -rspout "$WORK/waiting.rsp,$WORK/op2.rsp,$WORK/conf.rsp" || { tail -5 "$WORK/cmp.log"; die "kur"; }
for answer in waiting op2 conf; do openssl asn1parse -inform DER -in "$WORK/$answer.rsp" >"$WORK/$answer.txt"; done
expect "kup, kup and pkiConf" "$(body_of waiting) $(body_of op2) $(body_of conf)" "8 8 19"
expect "of which the first says waiting" "$(grep -c "INTEGER *:03$" "$WORK/waiting.txt") $(grep -c "INTEGER *:03$" "$WORK/op2.txt")" "1 0"
[ "$(signer)" != "$stopped" ] || die "the signer is the same"
expect "the new certificate works" "$(code op2)" 10
expect "the older one has no rights any more" "$(code op1)" 12

say "kill -9 between the certificate and its confirmation"
ask op3 op2 -cmd kur -disable_confirm || { tail -5 "$WORK/cmp.log"; die "kur"; }
kill_server
expect "a certificate that waits takes nothing" "$(code op2)" 10
follow confirm op3 op2
expect "certConf is answered by pkiConf" "$(body_of op3)" 19
expect "from then on the older one has no rights" "$(code op2)" 12
follow confirm op3 op2
expect "the same word once more is of no transaction" "$(body_of op3)" 23

say "kill -9 between the certificate and its refusal"
ask op4 op3 -cmd kur -disable_confirm || { tail -5 "$WORK/cmp.log"; die "kur"; }
kill_server
follow reject op4 op3
expect "it is answered by pkiConf" "$(body_of op4)" 19
serial=$(openssl x509 -in "$WORK/op4.crt" -noout -serial | cut -d= -f2 | tr A-F a-f)
expect "the certificate is revoked" "$(api GET "/api/v1/certificates/$serial" | jq -r '"\(.state) \(.revocation_reason)"')" "revoked cessationOfOperation"
expect "its device goes on" "$(code op3)" 10
stop_server
