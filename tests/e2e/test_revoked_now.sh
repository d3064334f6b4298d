#!/usr/bin/env bash
# A revocation takes effect on the next request: within connections that were open before, and in sessions that are resumed by a ticket from
# before. And what simplereenroll says to certificates, subjects and keys that are not its caller's.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need python3
init_data
start_server

enrolled() { # NAME: a device with a certificate; sets ID
    new_identity "$1-birth"
    register "$ID" >/dev/null
    new_key "$1"
    est "$1-birth" simpleenroll "$(csr "$1")"
    expect_status "enrolled $1" 200
    keep_certificate "$1"
}
serial_of() { openssl x509 -in "$WORK/$1.crt" -noout -serial | cut -d= -f2 | tr A-F a-f; }
subject_of() { openssl x509 -in "$WORK/$1.crt" -noout -subject -nameopt compat | sed 's/^subject=//'; }
revoke() { api POST "/api/v1/certificates/$(serial_of "$1")/revoke" '{"reason":"keyCompromise"}' >/dev/null; expect_status "revoked $1" 200; }
# keep NAME ADDRESS [CERTIFICATE]: a connection that stays open, of which ask NAME LINE prints the answer
declare -A TO FROM
keep() {
    local credential=() fifo=$WORK/$1.fifo to from
    if [ $# -eq 3 ]; then credential=("$WORK/$3.crt" "$WORK/$3.key"); fi
    mkfifo "$fifo" "$fifo.out"
    timeout 120 python3 -B "$E2E/keep.py" "${2#https://}" "$CA" ${credential[@]+"${credential[@]}"} <"$fifo" >"$fifo.out" 2>"$fifo.err" &
    PIDS+=($!)
    exec {to}>"$fifo" {from}<"$fifo.out"
    TO[$1]=$to FROM[$1]=$from
}
tell() { echo "$2" >&"${TO[$1]}"; }
ask() {
    local answer
    tell "$1" "$2"
    read -r -t 20 answer <&"${FROM[$1]}" || die "no answer to $2: $(cat "$WORK/$1.fifo.err")"
    echo "$answer"
}
status_in() { jq -r .status <<<"${1#* }"; } # of "200 {…}"

say "--- a connection that was open before"
enrolled open
new_key next
csr next "$(subject_of open)" >"$WORK/next.csr"
keep open "$DEVICE" open
expect "at first" "$(status_in "$(ask open 'GET /device/v1/status')")" enrolled
revoke open
expect "the next request on it is told" "$(status_in "$(ask open 'GET /device/v1/status')")" revoked
ANSWER=$(ask open "POST /.well-known/est/simplereenroll $WORK/next.csr application/pkcs10")
expect "and gets no certificate" "${ANSWER%% *}" 403
expect "nor does a new connection" "$(device_json open GET /device/v1/status | jq -r .status)" revoked

say "--- a session that is resumed by its ticket"
enrolled resumed
keep resumed "$DEVICE" resumed
expect "at first" "$(status_in "$(ask resumed 'GET /device/v1/status')")" enrolled
expect "a ticket is honoured" "$(ask resumed RESUME)" resumed
expect "and still good" "$(status_in "$(ask resumed 'GET /device/v1/status')")" enrolled
revoke resumed
expect "it resumes after the revocation too" "$(ask resumed RESUME)" resumed
expect "but is told" "$(status_in "$(ask resumed 'GET /device/v1/status')")" revoked
csr next "$(subject_of resumed)" >"$WORK/next.csr"
ANSWER=$(ask resumed "POST /.well-known/est/simplereenroll $WORK/next.csr application/pkcs10")
expect "and gets no certificate" "${ANSWER%% *}" 403

say "--- the same with openssl s_client"
enrolled ticket
request() { printf 'GET /device/v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'; }
s_client() { timeout 10 openssl s_client -connect "${DEVICE#https://}" -CAfile "$CA" -cert "$WORK/ticket.crt" -key "$WORK/ticket.key" -ign_eof "$@" 2>/dev/null; }
expect_in "a first session" "$(request | s_client -tls1_3 -sess_out "$WORK/session")" '"enrolled"'
revoke ticket
request | s_client -tls1_3 -sess_in "$WORK/session" >"$WORK/out" || true
expect_in "resumed" "$(cat "$WORK/out")" "Reused, TLSv1.3"
expect_in "and told so" "$(cat "$WORK/out")" '"revoked"'
request | s_client -tls1_2 -sess_out "$WORK/session-1.2" >"$WORK/out" || true
[ ! -s "$WORK/session-1.2" ] || die "TLS 1.2 gave a ticket"
say "ok  TLS 1.2 has no tickets, so no session to resume"

say "--- quarantine and release, on one connection"
enrolled held
keep held "$DEVICE" held
expect "at first" "$(status_in "$(ask held 'GET /device/v1/status')")" enrolled
api POST "/api/v1/devices/$ID/quarantine" >/dev/null
expect_status "put in quarantine" 200
ANSWER=$(status_in "$(ask held 'GET /device/v1/status')")
[ "$ANSWER" != enrolled ] || die "a device in quarantine is told that all is well"
say "ok  told on the next request: $ANSWER"
api POST "/api/v1/devices/$ID/release" >/dev/null
expect "and back" "$(status_in "$(ask held 'GET /device/v1/status')")" enrolled

say "--- a back end's token"
api POST /api/v1/tokens '{"name":"short","scopes":["devices:read"]}' >"$WORK/made"
keep token "$MANAGEMENT"
tell token "HEADER Authorization Bearer $(jq -r .token "$WORK/made")"
ANSWER=$(ask token 'GET /api/v1/devices?limit=1')
expect "at first" "${ANSWER%% *}" 200
api POST "/api/v1/tokens/$(jq -r '.token_id // .id' "$WORK/made")/revoke" >/dev/null
ANSWER=$(ask token 'GET /api/v1/devices?limit=1')
expect "refused on the next request" "${ANSWER%% *}" 401

say "--- simplereenroll: whose certificate, subject and key"
reenrol() { # WHAT STATUS CREDENTIAL CSR
    est "$3" simplereenroll "$4"
    expect_status "$1" "$2"
}
enrolled mine
MINE=$ID
enrolled other
new_key fresh
before=$(sqlite3 "$DATA/inventory.db" 'SELECT COUNT(*) FROM certificate')
reenrol "a revoked certificate" 403 open "$(csr fresh "$(subject_of open)")"
reenrol "another subject" 422 mine "$(csr fresh /CN=somebody)"
reenrol "the subject of another device" 422 mine "$(csr fresh "$(subject_of other)")"
openssl req -new -key "$WORK/fresh.key" -subj "$(subject_of mine)" -addext subjectAltName=DNS:broker.example -outform DER 2>/dev/null | base64 -w0 >"$WORK/san"
reenrol "another subjectAltName" 422 mine "$(cat "$WORK/san")"
reenrol "the operational key of another device" 409 mine "$(csr other "$(subject_of mine)")"
reenrol "the identity key of another device" 409 mine "$(csr other-birth "$(subject_of mine)")"
# a CA that calls itself by our names, down to the device's subject and serial
new_key forged-ca
ISSUER=$(openssl x509 -in "$WORK/mine.crt" -noout -issuer -nameopt compat | sed 's/^issuer=//')
openssl req -x509 -new -key "$WORK/forged-ca.key" -subj "$ISSUER" -days 30 -out "$WORK/forged-ca.crt" 2>/dev/null
new_key forged
openssl req -new -key "$WORK/forged.key" -subj "$(subject_of mine)" 2>/dev/null | openssl x509 -req -CA "$WORK/forged-ca.crt" -CAkey "$WORK/forged-ca.key" \
    -set_serial "0x$(serial_of mine)" -days 20 -extfile <(printf 'extendedKeyUsage=clientAuth\nkeyUsage=critical,digitalSignature\n') \
    -out "$WORK/forged.crt" 2>/dev/null
printf %s "$(csr fresh "$(subject_of mine)")" | curl -sS --cacert "$CA" --cert "$WORK/forged.crt" --key "$WORK/forged.key" -H 'Content-Type: application/pkcs10' \
    --data-binary @- -o /dev/null -w '%{http_code}' "$DEVICE/.well-known/est/simplereenroll" >"$WORK/status" 2>/dev/null || true
case $(status) in 401 | 403 | 000) say "ok  a certificate of another CA with the same names ($(status))" ;; *) die "forged: $(status)" ;; esac
expect "none of them issued anything" "$(sqlite3 "$DATA/inventory.db" 'SELECT COUNT(*) FROM certificate')" "$before"
new_key newer
reenrol "its own" 200 mine "$(csr newer "$(subject_of mine)")"
keep_certificate newer
expect "the new one is used" "$(device_json newer GET /device/v1/status | jq -r .status)" enrolled
reenrol "a superseded certificate" 403 mine "$(csr fresh "$(subject_of mine)")"
expect "the device is none the worse" "$(api GET "/api/v1/devices/$MINE" | jq -r .state)" enrolled
if command -v pki >/dev/null && pki --help 2>&1 | grep -q -- '--est '; then
    for form in open mine; do
        openssl x509 -in "$WORK/$form.crt" -outform DER -out "$WORK/$form.crt.der"
        openssl pkey -in "$WORK/$form.key" -outform DER -out "$WORK/$form.key.der" 2>/dev/null
    done
    curl -sS -o "$WORK/device.cer" "$PUBLIC/ca/device.cer"
    curl -sS -o "$WORK/infrastructure.cer" "$PUBLIC/ca/infrastructure.cer"
    openssl x509 -in "$CA" -outform DER -out "$WORK/root.cer"
    openssl req -new -key "$WORK/fresh.key" -subj "$(subject_of open)" -outform DER -out "$WORK/fresh.csr" 2>/dev/null
    for form in open mine; do
        expect_fails "strongSwan is refused with the certificate of $form" pki --est --url "$DEVICE" --in "$WORK/fresh.csr" --cacert "$WORK/root.cer" \
            --cacert "$WORK/device.cer" --cacert "$WORK/infrastructure.cer" --cert "$WORK/$form.crt.der" --key "$WORK/$form.key.der"
        expect_in "by the server" "$(cat "$WORK/out")" 403
    done
fi
for name in "${!TO[@]}"; do tell "$name" QUIT; done
stop_server
