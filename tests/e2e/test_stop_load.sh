#!/usr/bin/env bash
# takes long
# A graceful stop under load: every request that was sent gets its whole answer or none at all, nothing that was acknowledged is lost, and the
# process has ended within five seconds, also when a client is slow, a receiver of webhooks or an issuer of tokens hangs, or the signer does.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
BOUND=5
init_data
HOLE=$(free_port)
cat >>"$DATA/whorl.conf" <<CONF
outbound_allow = 127.0.0.0/8
outbound_allow_http = 1
oidc_issuer = http://127.0.0.1:$HOLE
oidc_audience = whorl
signer_timeout_ms = 60000
CONF
# what takes connections and never says a word
python3 -c '
import socket, sys, threading
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
kept = []
while True:
    kept.append(s.accept())' "$HOLE" &
PIDS+=($!)
start_server

# ends WHAT: SIGTERM, and how long until the process is gone
ends() {
    local begin=${EPOCHREALTIME/./} code=0
    kill -TERM "$SERVER_PID"
    timeout 30 tail --pid="$SERVER_PID" -s 0.02 -f /dev/null || true
    wait "$SERVER_PID" || code=$?
    SERVER_PID=
    local took=$(((${EPOCHREALTIME/./} - begin) / 1000))
    [ $code -eq 0 ] || die "$1: exit $code"
    [ $took -lt $((BOUND * 1000)) ] || die "$1: $took ms"
    say "ok  $1: ended after $took ms"
}

say "under load"
head -c 3000000 /dev/urandom >"$WORK/image"
IMAGE=$(api POST '/api/v1/firmware/images?product=default&filename=a&format=raw&version=1' "@$WORK/image" -H 'Content-Type: application/octet-stream' | jq -r .id)
IMAGE=$IMAGE python3 -B "$E2E/stop_load.py" "$DEVICE" "$MANAGEMENT" "$PUBLIC" "$CA" "$TOKEN" "$SERVER_PID" 1.5 "$WORK" >"$WORK/load" || { cat "$WORK/load"; die "requests"; }
code=0
wait "$SERVER_PID" || code=$?
SERVER_PID=
expect "exit" $code 0
say "$(head -n 1 "$WORK/load")"
[ "$(jq -n --slurpfile l "$WORK/load" '$l[0]["seconds to the end"] < '$BOUND)" = true ] || die "too late"
[ "$(wc -l <"$WORK/acknowledged")" -gt 10 ] || die "the load did nothing"
sqlite3 "$DATA/inventory.db" "SELECT name FROM batch" | sort >"$WORK/there"
expect "nothing that was acknowledged is lost" "$(sort "$WORK/acknowledged" | comm -23 - "$WORK/there" | wc -l)" 0
expect "what had no answer was not done" "$(sort "$WORK/unanswered" | comm -12 - "$WORK/there" | wc -l)" 0

say "slow clients"
start_server
python3 - "$DEVICE" "$MANAGEMENT" "$PUBLIC" "$CA" "$TOKEN" "$IMAGE" >"$WORK/slow" <<'PY' &
import socket, ssl, sys, time
device, management, public, ca, token, image = sys.argv[1:7]
context = ssl.create_default_context(cafile=ca)
def to(place):
    host, _, port = place.partition('://')[2].partition(':')
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect((host, int(port)))
    return raw
def tls(place):
    return context.wrap_socket(to(place), server_hostname='127.0.0.1')
kept = [to(device), to(public), tls(device)]  # nothing said; a handshake not begun
download = tls(management)
download.sendall(f'GET /api/v1/firmware/images/{image}/content HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n'.encode())
upload = tls(management)
upload.sendall(f'POST /api/v1/batches HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n{{'.encode())
head = tls(device)
head.sendall(b'GET /device/v1/status HTTP/1.1\r\nHos')
events = tls(management)
events.sendall(f'GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nAccept: text/event-stream\r\n\r\n'.encode())
print('there', flush=True)
while True:
    download.recv(10)
    try:
        upload.sendall(b' ')
    except OSError:
        pass
    time.sleep(0.1)
PY
PIDS+=($!)
until [ -s "$WORK/slow" ]; do sleep 0.02; done
sleep 0.2
ends "downloads, uploads, heads, handshakes and streams that take their time"

say "others that hang"
start_server
api POST /api/v1/webhooks "{\"name\":\"hole\",\"url\":\"http://127.0.0.1:$HOLE/\",\"types\":[\"batch.*\"]}" >/dev/null
expect_status "a webhook to where nobody answers" 201
new_identity unit
register "$ID"
b64() { printf %s "$1" | base64 -w0 | tr '+/' '-_' | tr -d =; }
JWT=$(b64 '{"alg":"ES256","kid":"k"}').$(b64 "{\"iss\":\"http://127.0.0.1:$HOLE\",\"aud\":\"whorl\",\"exp\":4000000000}").$(head -c 64 /dev/zero | base64 -w0 | tr '+/' '-_' | tr -d =)
curl -sS -m 20 --cacert "$CA" -H "Authorization: Bearer $JWT" -o /dev/null -w '%{http_code}' "$MANAGEMENT/api/v1/whoami" >"$WORK/jwt" &
ASKED=$!
PIDS+=($!)
kill -STOP "$(pgrep -P "$SERVER_PID" -x whorl-signer)"
new_key op
est unit simpleenroll "$(csr op)" -m 20 &
ENROLS=$!
PIDS+=($!)
sleep 0.7
[ ! -s "$WORK/jwt" ] || die "the issuer does not hang: $(cat "$WORK/jwt")"
ends "a webhook, an issuer and a signer"
wait $ENROLS $ASKED || true
expect "who waited for the signer is told to come again" "$(status)" 503
expect "who waited for the issuer too" "$(cat "$WORK/jwt")" 503

say "afterwards"
expect_in "the audit log verifies" "$("$WHORLD" audit verify --dir "$DATA")" "verifies"
expect_in "the directory is whole" "$("$WHORLD" check --dir "$DATA")" "0 problems"
start_server
est unit simpleenroll "$(csr op)"
expect_status "the device enrols" 200
stop_server
