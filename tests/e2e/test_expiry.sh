#!/usr/bin/env bash
# Time passes: an expired certificate may ask and nothing else, the identity key recovers the device as the product's policy allows; a request
# that was under way when the server was told to stop is answered; only the full handshake enrols.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need sqlite3
init_data
sqlite3 "$DATA/inventory.db" 'UPDATE product SET certificate_ttl_s = 3'
start_server
device_status() { device_json "$1" GET /device/v1/status | jq -r .status; }

say "an expired certificate"
new_identity birth
register "$ID"
new_key op1
est birth simpleenroll "$(csr op1)"
keep_certificate op1
expect "at first" "$(device_status op1)" enrolled
ended() { for _ in $(seq 100); do [ "$(device_status "$1")" != certificate_expired ] || return 0; sleep 0.1; done; }
ended op1
expect "after its end it is told so" "$(device_status op1)" certificate_expired
expect "so is the identity key" "$(device_status birth)" certificate_expired
new_key op2
subject=$(openssl x509 -in "$WORK/op1.crt" -noout -subject -nameopt compat | sed 's/^subject=//')
est op1 simplereenroll "$(csr op2 "$subject")"
expect_status "it gets no new one" 403
est birth simplereenroll "$(csr op2)"
expect_status "the identity key recovers the device" 200
keep_certificate op2
expect "the new one works" "$(device_status op2)" enrolled
ended op2
sqlite3 "$DATA/inventory.db" 'UPDATE product SET recovery = 0'
new_key op3
est birth simpleenroll "$(csr op3)"
expect_status "not where the product never recovers" 403
api POST "/api/v1/devices/$ID/allow-reenrol" >/dev/null
est birth simpleenroll "$(csr op3)"
expect_status "unless the operator allows it" 200

say "SIGTERM with a request under way and silent clients beside it"
new_identity late
cat >"$WORK/late.py" <<'PY'
import socket, ssl, sys, time
host, port = sys.argv[1].rsplit(':', 1)
silent = [socket.create_connection((host, int(port)), 5) for _ in range(3)]
s = ssl._create_unverified_context().wrap_socket(socket.create_connection((host, int(port)), 5))
body = b'{"devices":["%s"]}' % sys.argv[3].encode()
s.sendall(b'POST /api/v1/batches HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer ' + sys.argv[2].encode() +
          b'\r\nContent-Length: %d\r\n\r\n' % len(body) + body[:9])
time.sleep(0.3)
print('under way', flush=True)
time.sleep(0.7)
s.sendall(body[9:])
print(s.recv(4096).split(b'\r\n', 1)[0].decode(), flush=True)
PY
python3 "$WORK/late.py" "${MANAGEMENT#https://}" "$TOKEN" "$ID" >"$WORK/late.out" &
LATE=$!
PIDS+=("$LATE")
for _ in $(seq 100); do grep -q 'under way' "$WORK/late.out" && break; sleep 0.05; done
stop_server
say "ok  exit 0"
wait "$LATE"
expect "it was answered" "$(tail -n 1 "$WORK/late.out")" "HTTP/1.1 201 Created"
start_server
api GET "/api/v1/devices/$ID" >/dev/null
expect_status "and done" 200
stop_server
expect_in "the audit log verifies" "$("$WHORLD" audit verify --dir "$DATA")" "verifies"
