#!/usr/bin/env bash
# The wire as others see it: TLS versions, resumption that proves no key, requests that smugglers send, slow clients.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
cat >>"$DATA/whorl.conf" <<CONF
handshake_timeout_s = 2
header_timeout_s = 2
connections_per_address = 60
workers = 2
CONF
start_server
HOST=${DEVICE#https://}

say "TLS"
version() { openssl s_client -connect "$HOST" -CAfile "$CA" "$@" </dev/null 2>&1 | grep -E '^ *(Protocol|New, )' | head -n 1; }
expect_in "1.3" "$(version -tls1_3)" "TLSv1.3"
expect_in "1.2" "$(version -tls1_2)" "TLSv1.2"
expect_fails "1.1 is refused" openssl s_client -connect "$HOST" -tls1_1 -cipher 'ALL@SECLEVEL=0' </dev/null
expect_fails "a CBC suite is refused" openssl s_client -connect "$HOST" -tls1_2 -cipher ECDHE-ECDSA-AES128-SHA </dev/null
case $(openssl list -kem-algorithms) in
    *X25519MLKEM768*)
        expect_in "post-quantum key exchange" "$(openssl s_client -connect "$HOST" -CAfile "$CA" -groups X25519MLKEM768 </dev/null 2>&1)" "group: X25519MLKEM768"
        expect_in "it is what both prefer" "$(openssl s_client -connect "$HOST" -CAfile "$CA" </dev/null 2>&1)" "group: X25519MLKEM768"
        ;;
    *) say "left out: post-quantum key exchange, which $(openssl version | cut -d' ' -f1,2) does not have (3.5 does)" ;;
esac

say "a resumed session proves no key"
new_identity birth
register "$ID"
new_key op
est birth simpleenroll "$(csr op)"
keep_certificate op
resume() { # CREDENTIAL: one request on a fresh session, which is kept; the answer in $WORK/full
    local cred=(-cert "$WORK/$1.crt" -key "$WORK/$1.key" -CAfile "$CA" -connect "$HOST" -tls1_3)
    rm -f "$WORK/request"
    mkfifo "$WORK/request"
    openssl s_client "${cred[@]}" -sess_out "$WORK/session" -quiet -ign_eof <"$WORK/request" >"$WORK/full" 2>/dev/null &
    local pid=$!
    exec 8>"$WORK/request"
    printf 'GET /device/v1/status HTTP/1.1\r\nHost: x\r\n\r\n' >&8
    for _ in $(seq 100); do
        if grep -q '}' "$WORK/full" && { [ -s "$WORK/session" ] || [ "$1" = birth ]; }; then break; fi
        sleep 0.05
    done
    [ "$1" != birth ] || sleep 0.2 # a ticket would come behind the handshake, before the answer
    exec 8>&-
    kill $pid 2>/dev/null || true
    wait $pid 2>/dev/null || true
}
resume op
expect_in "status under the certificate" "$(cat "$WORK/full")" '"enrolled"'
if [ -s "$WORK/session" ]; then
    BODY=$(csr op)
    { printf 'GET /device/v1/status HTTP/1.1\r\nHost: x\r\n\r\nPOST /.well-known/est/simplereenroll HTTP/1.1\r\nHost: x\r\nContent-Type: application/pkcs10\r\nContent-Length: %s\r\n\r\n%s' \
        "${#BODY}" "$BODY"; sleep 1; } | openssl s_client -connect "$HOST" -CAfile "$CA" -tls1_3 -sess_in "$WORK/session" 2>/dev/null >"$WORK/resumed"
    expect_in "the session was resumed" "$(cat "$WORK/resumed")" "Reused, TLSv1.3"
    expect_in "status still works on it" "$(cat "$WORK/resumed")" '"enrolled"'
    expect_in "enrolment asks for a full handshake" "$(cat "$WORK/resumed")" "403"
else
    die "no session ticket for an operational certificate"
fi
rm -f "$WORK/session"
resume birth
expect_in "without a certificate of ours" "$(cat "$WORK/full")" "HTTP/1.1 "
[ ! -s "$WORK/session" ] || die "a self-signed client got a ticket"
say "ok  no ticket for a self-signed client"

say "what smugglers send (over TLS and in the clear)"
cat >"$WORK/raw.py" <<'PY'
import socket, ssl, sys
tls, host, port = sys.argv[1] == 'tls', *sys.argv[2].rsplit(':', 1)
def is_whole(got):
    head, end, body = got.partition(b'\r\n\r\n')
    sizes = [int(line.split(b':')[1]) for line in head.lower().split(b'\r\n') if line.startswith(b'content-length:')]
    return bool(end) and sizes != [] and len(body) >= sizes[0]
def ask(raw):
    s = socket.create_connection((host, int(port)), 5)
    if tls:
        c = ssl._create_unverified_context()
        s = c.wrap_socket(s)
    s.sendall(raw)
    s.settimeout(5)
    got = b''
    try:
        while True:
            d = s.recv(65536)
            if not d:
                return got, True
            got += d
            if b'\r\n\r\n' in got and b'HTTP/1.1 200' in got:
                return got, False
            if is_whole(got):
                s.settimeout(1)  # for an answer to what follows, if that is taken for a request
    except (socket.timeout, ConnectionResetError, ssl.SSLError):
        return got, False
path = b'/device/v1/challenge' if tls else b'/healthz'
body = b'{"device_id":"' + b'0' * 64 + b'","purpose":"enrol"}'
head = b'POST ' + path + b' HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
cases = {
    'content-length and transfer-encoding': head + b'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'two content-lengths': head + b'Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef',
    'transfer-encoding gzip': head + b'Transfer-Encoding: gzip\r\n\r\nx',
    'transfer-encoding gzip, chunked': head + b'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    'bare LF after a field': b'POST ' + path + b' HTTP/1.1\r\nHost: x\nContent-Length: 0\r\n\r\n',
    'bare LF request line': b'GET ' + path + b' HTTP/1.1\nHost: x\n\n',
    'obs-fold': head + b'X-A: b\r\n Transfer-Encoding: chunked\r\n\r\n',
    'space before the colon': head + b'Content-Length : 3\r\n\r\nabc',
    'NUL in a field': head + b'X-A: a\0b\r\n\r\n',
    'bare LF in a chunk line': head + b'Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n',
    'chunk size that overflows': head + b'Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n',
    'negative content-length': head + b'Content-Length: -1\r\n\r\n',
    'plus content-length': head + b'Content-Length: +5\r\n\r\nabcde',
    'no host': b'GET ' + path + b' HTTP/1.1\r\n\r\n',
    'two hosts': b'GET ' + path + b' HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    'percent zero': b'GET ' + path + b'%00.x HTTP/1.1\r\nHost: x\r\n\r\n',
    'headers without end': b'GET ' + path + b' HTTP/1.1\r\nHost: x\r\nX-A: ' + b'a' * 20000 + b'\r\n\r\n',
    'garbage': b'\x16\x03\x01' + b'\xff' * 64 + b'\r\n\r\n',
}
bad = 0
for name, raw in cases.items():
    got, closed = ask(raw)
    line = got.split(b'\r\n', 1)[0].decode('latin-1')
    # one refusal, and nothing of what follows is read as a request; 405 where the path takes no body at all
    refusals = ('400', '404', '405', '411', '413', '414', '431', '501', '505')
    ok = line == '' or line.split(' ')[1] in refusals and got.count(b'HTTP/1.1 ') == 1
    print(('  ok  ' if ok else 'FAILED: ') + name + ': ' + (line or 'closed'))
    bad += not ok
good, _ = ask(head + b'Content-Length: %d\r\n\r\n' % len(body) + body) if tls else ask(b'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
print(('  ok  ' if b' 200 ' in good.split(b'\r\n', 1)[0] else 'FAILED: ') + 'an honest request')
sys.exit(1 if bad or b' 200 ' not in good.split(b'\r\n', 1)[0] else 0)
PY
python3 "$WORK/raw.py" tls "$HOST" || die "over TLS"
python3 "$WORK/raw.py" plain "${PUBLIC#http://}" || die "in the clear"

say "methods and paths"
code() { curl -sS -o /dev/null -D "$WORK/headers" -w '%{http_code}' --cacert "$CA" "$@"; }
expect "unknown path" "$(code "$DEVICE/nothing")" 404
expect "wrong method" "$(code -X DELETE "$DEVICE/device/v1/challenge")" 405
expect_in "names what is allowed" "$(cat "$WORK/headers")" "Allow: POST"
expect "management is not on the device listener" "$(code -H "Authorization: Bearer $TOKEN" "$DEVICE/api/v1/whoami")" 404
expect "devices are not on the management listener" "$(code "$MANAGEMENT/device/v1/status")" 404
expect "chunked upload" "$(code -H 'Content-Type: application/json' -H 'Transfer-Encoding: chunked' -d "{\"device_id\":\"$ID\",\"purpose\":\"enrol\"}" "$DEVICE/device/v1/challenge")" 200

say "conditional requests"
TAG=$(curl -sSI "$PUBLIC/crl/device.crl" | tr -d '\r' | sed -n 's/^[Ee][Tt][Aa][Gg]: //p')
curl -sSv -H "If-None-Match: $TAG" "$PUBLIC/crl/device.crl" "$PUBLIC/crl/device.crl" -o "$WORK/c1" -o "$WORK/c2" 2>"$WORK/conditional"
expect "two answers" "$(grep -c '< HTTP/1.1 304' "$WORK/conditional")" 2
expect_in "on one connection" "$(tr '[:upper:]' '[:lower:]' <"$WORK/conditional")" "re-using existing"
expect "without a body" "$(cat "$WORK/c1" "$WORK/c2" 2>/dev/null | wc -c)" 0

say "slow and silent clients hold no worker"
cat >"$WORK/slow.py" <<'PY'
import socket, ssl, sys, time
host, port = sys.argv[1].rsplit(':', 1)
held = []
for i in range(20):
    s = socket.create_connection((host, int(port)), 5)
    if i % 2:
        s = ssl._create_unverified_context().wrap_socket(s)
        s.sendall(b'POST /device/v1/challenge HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{' if i % 4 == 1 else b'GET / HT')
    held.append(s)
print('holding', flush=True)
t = time.time()
gone = 0
for i, s in enumerate(held):
    if i % 4 == 1:
        continue # a body may take longer than a header
    s.settimeout(max(0.1, 15 - (time.time() - t)))
    try:
        while s.recv(4096):
            pass
        gone += 1
    except socket.timeout:
        pass
    except OSError:
        gone += 1
print(gone, flush=True)
PY
python3 "$WORK/slow.py" "$HOST" >"$WORK/slow.out" &
SLOW=$!
PIDS+=("$SLOW")
for _ in $(seq 100); do grep -q holding "$WORK/slow.out" && break; sleep 0.05; done
expect "others are served meanwhile" "$(code -H 'Content-Type: application/json' -d "{\"device_id\":\"$ID\",\"purpose\":\"enrol\"}" "$DEVICE/device/v1/challenge")" 200
wait "$SLOW"
expect "silent handshakes and half headers are cut off" "$(tail -n 1 "$WORK/slow.out")" 15
stop_server
