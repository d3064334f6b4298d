#!/usr/bin/env bash
# takes long
# The process that holds the CA keys: what it may do, what the server's memory does not hold, what happens when it is killed, hangs or
# cannot start, and what it says when it is asked for too much or for what it refuses.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need jq
need sqlite3

signer() { pgrep -P "$SERVER_PID" -x whorl-signer || true; }
another_signer() { # NOT: waits until another than that is there
    for _ in $(seq 100); do
        local now
        now=$(signer)
        if [ -n "$now" ] && [ "$now" != "$1" ]; then return; fi
        sleep 0.05
    done
    die "no other signer process"
}
figure() { curl -sS --cacert "$CA" -H "Authorization: Bearer $TOKEN" "$MANAGEMENT/metrics" | awk -v name="$1" '$1 == name { print $2 }'; }
has_ended() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"; }

init_data
echo 'signer_timeout_ms = 600' >>"$DATA/whorl.conf"
start_server
pid=$(signer)

say "what the process is"
expect "two children: it, and who starts it" "$(ps -o comm= --ppid "$SERVER_PID" | sort | xargs)" "whorl-nursery whorl-signer"
expect "no new rights, a filter of system calls" "$(awk '/NoNewPrivs|Seccomp:/ { print $2 }' "/proc/$pid/status" | xargs)" "1 2"
expect "five sockets and nothing else of the server's" "$(find "/proc/$pid/fd" -type l -printf '%f %l\n' | awk '$1 > 2' | grep -c socket:)/$(find "/proc/$pid/fd" -type l | wc -l)" 5/8
expect_fails "by hand it does nothing" "$WHORLD" signer --dir "$DATA" --threads 1

say "where the keys are"
for key in device root; do
    openssl pkey -in "$DATA/keys/ca-$key.key" -passin "file:$DATA/keys/passphrase" -out "$WORK/$key.pem"
done
new_identity birth
register "$ID"
new_key op
est birth simpleenroll "$(csr op)"
expect_status "enrolled through the process" 200
expect "the server's memory has no key of the device CA, nor that of the root" \
    "$(python3 -B "$E2E/find_scalar.py" "$SERVER_PID" "$WORK/device.pem" "$WORK/root.pem")" "0 0"
[ "$(python3 -B "$E2E/find_scalar.py" "$pid" "$WORK/device.pem")" -gt 0 ] || die "the search finds nothing where the key is"
say "ok  the process's own has"

say "killed under load: what was acknowledged is there"
ids=()
for i in $(seq 8); do
    new_identity "load$i"
    new_key "op$i"
    ids+=("$ID")
done
register "${ids[@]}"
(
    for i in $(seq 8); do
        est "load$i" simpleenroll "$(csr "op$i")"
        if [ "$(status)" = 200 ]; then
            keep_certificate "got$i"
        elif [ "$(status)" != 503 ]; then
            echo "$(status)" >"$WORK/unexpected"
        fi
    done
) &
load=$!
for _ in 1 2; do
    sleep 0.15
    kill -9 "$(signer)" 2>/dev/null || true
done
wait "$load"
[ ! -e "$WORK/unexpected" ] || die "a device was told $(cat "$WORK/unexpected")"
lost=0
for file in "$WORK"/got*.crt; do
    serial=$(openssl x509 -in "$file" -noout -serial | cut -d= -f2 | tr A-F a-f)
    api GET "/api/v1/certificates/$serial" >/dev/null
    [ "$(status)" = 200 ] || lost=$((lost + 1))
done
expect "acknowledged and not there" "$lost" 0
another_signer "$pid"
new_identity after
new_key next
register "$ID"
est after simpleenroll "$(csr next)"
expect_status "and it goes on" 200
[ "$(figure whorl_signer_restarts_total)" -ge 1 ] || die "no restart was counted"
say "ok  restarts are counted"

say "stopped: its deadline ends it"
pid=$(signer)
new_identity hang
new_key later
register "$ID"
kill -STOP "$pid"
est hang simpleenroll "$(csr later)" -m 10
expect_status "come again" 503
expect_in "and when" "$(tr A-Z a-z <"$WORK/headers")" "retry-after:"
another_signer "$pid"
for _ in $(seq 50); do
    est hang simpleenroll "$(csr later)"
    if [ "$(status)" = 200 ]; then break; fi
    sleep 0.1
done
expect_status "then it is enrolled" 200

say "the end"
pid=$(signer)
kill -TERM "$pid" # a service manager tells all of them at once
sleep 0.1
expect "it waits for the server" "$(signer)" "$pid"
stop_server
for _ in $(seq 40); do if has_ended "$pid"; then break; fi; sleep 0.05; done
has_ended "$pid" || die "an orphan: $pid"
say "ok  no orphan"
echo 'signer_rate_certificates = 1' >>"$DATA/whorl.conf" # and ten at once
start_server

say "what its rules refuse: it or the server is not what it was"
openssl x509 -x509toreq -in "$DATA/keys/ca-device.cer" -inform DER -signkey "$WORK/device.pem" -out "$WORK/other.csr"
openssl x509 -req -in "$WORK/other.csr" -CA "$CA" -CAkey "$WORK/root.pem" -days 3000 -outform DER -out "$WORK/other.cer" 2>/dev/null -extfile <(
    printf '%s\n' 'basicConstraints = critical,CA:TRUE,pathlen:0' 'keyUsage = critical,keyCertSign,cRLSign' \
        'subjectKeyIdentifier = hash' 'authorityKeyIdentifier = keyid')
cp "$DATA/keys/ca-device.cer" "$WORK/own.cer"
mv "$WORK/other.cer" "$DATA/keys/ca-device.cer" # with a key identifier of OpenSSL's kind: what the next process holds the key to
pid=$(signer)
kill -9 "$pid"
another_signer "$pid"
pid=$(signer)
RULE="the signer refuses key ca-device: a certificate whose authority key identifier is another's"
new_key no
est hang simpleenroll "$(csr no)"
expect_status "enrolment" 500
if grep -qi "refuses\|identifier" "$WORK/body"; then die "it tells the device why"; fi
for _ in $(seq 60); do
    alarms=$(api GET /api/v1/alarms | jq -r '.alarms[] | select(.kind == "signer.refused") | "\(.severity) \(.detail)"')
    if [ -n "$alarms" ]; then break; fi
    sleep 0.1
done
expect "a critical alarm with the rule" "$alarms" "critical $RULE"
expect "a record" "$(sqlite3 "$DATA/inventory.db" "SELECT body ->> 'reason' FROM audit WHERE kind = 'signer.refused'")" \
    "$RULE"
[ "$(figure 'whorl_signer_requests_total{result="refused"}')" -ge 1 ] || die "no figure"
expect_in "the process's own log" "$(cat "$WORK/server.log")" '"event":"signer.refused"'
mv "$WORK/own.cer" "$DATA/keys/ca-device.cer"

say "an alarm stands while it is away"
new_identity cmp
new_key over-cmp
register "$ID"
ask_by_cmp() { # KEY [ARGUMENT…]: OpenSSL's client, which polls when it is told to
    local key=$1
    shift
    openssl cmp -cmd ir -server "${DEVICE#https://}" -path .well-known/cmp -tls_used -tls_trusted "$CA" -trusted "$CA" -recipient /CN=whorl \
        -cert "$WORK/cmp.crt" -key "$WORK/cmp.key" -extracerts "$WORK/cmp.crt" -ignore_keyusage -newkey "$WORK/$key.key" -subject /CN=any \
        -certout "$WORK/$key.crt" -total_timeout 30 "$@" >"$WORK/$key.log" 2>&1
}
ask_by_cmp over-cmp -cmd genm -infotype signKeyPairTypes || true # refused; the key of answers is certified at the first one
mv "$DATA/whorl.conf" "$WORK/whorl.conf"
kill -9 "$(signer)"
ask_by_cmp over-cmp &
cmp=$!
for _ in $(seq 60); do
    alarms=$(api GET /api/v1/alarms | jq -r '.alarms[].kind' | grep unavailable || true)
    if [ -n "$alarms" ]; then break; fi
    sleep 0.1
done
expect "the alarm" "$alarms" signer.unavailable
expect "readiness says it, and is ready" "$(curl -sS -w ' %{http_code}' "$PUBLIC/readyz")" '{"status":"ready","reason":"nothing is signed just now: the signer is away"} 200'
expect "the CRL is served" "$(curl -sS -o /dev/null -w '%{http_code}' "$PUBLIC/crl/device.crl")" 200
expect "the figure" "$(figure whorl_signer_up)" 0
for _ in $(seq 60); do
    waiting=$(sqlite3 -readonly "$DATA/inventory.db" "SELECT COUNT(*) FROM cmp_transaction WHERE serial IS NULL")
    if [ "$waiting" -gt 0 ]; then break; fi
    sleep 0.1
done
expect "a request by CMP waits" "$waiting" 1
mv "$WORK/whorl.conf" "$DATA/whorl.conf"
another_signer 0
wait "$cmp" || die "CMP: $(tail -5 "$WORK/over-cmp.log")"
say "ok  and got its certificate by polling when it was back"
for _ in $(seq 60); do
    alarms=$(api GET /api/v1/alarms | jq -r '.alarms[].kind' | grep unavailable || true)
    if [ -z "$alarms" ]; then break; fi
    sleep 0.1
done
expect "it ends by itself" "$alarms" ""
expect "both are in the audit log" "$(sqlite3 "$DATA/inventory.db" "SELECT DISTINCT kind FROM audit WHERE kind LIKE 'signer.%' ORDER BY kind" | xargs)" "signer.lost signer.refused signer.returned"

say "more than its rate"
new_key many
for _ in $(seq 24); do
    new_key many # another one each time, or the answer needs no signature
    est hang simpleenroll "$(csr many)"
    if [ "$(status)" != 200 ]; then break; fi
done
expect_status "come again" 503
expect "in a second, said once" "$(tr -d '\r' <"$WORK/headers" | grep -i '^retry-after' | tr A-Z a-z)" "retry-after: 1"
[ "$(figure 'whorl_signer_requests_total{result="limited"}')" -ge 1 ] || die "no figure"
say "ok  it is counted"

pid=$(signer)
kill -9 "$SERVER_PID"
wait "$SERVER_PID" 2>/dev/null || true
SERVER_PID=
for _ in $(seq 40); do if has_ended "$pid"; then break; fi; sleep 0.05; done
has_ended "$pid" || die "it outlived a killed server: $pid"
say "ok  killed, it takes the process along"

say "a passphrase that is wrong, and keys inside"
WHORL_CA_PASSPHRASE='another passphrase' timeout 20 "$WHORLD" serve --dir "$DATA" >/dev/null 2>"$WORK/wrong" && die "it started"
expect_in "is told" "$(cat "$WORK/wrong")" "passphrase"
echo 'signer = inside' >>"$DATA/whorl.conf"
start_server
expect "no process" "$(signer)" ""
[ "$(python3 -B "$E2E/find_scalar.py" "$SERVER_PID" "$WORK/device.pem")" -gt 0 ] || die "inside, the key is not in memory"
say "ok  inside means inside"
stop_server
