#!/usr/bin/env bash
# runs alone
# Everything at once for some seconds: fleets, clients that break off anywhere, requests that are refused, and a reload every 100 ms.
# Then SIGTERM: exit 0, nothing lost, no report of a sanitizer. Takes the AddressSanitizer build where there is a recent one, or STORM_BUILD.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
if [ -z "${STORM_BUILD:-}" ] && [ "$BUILD/asan/whorld" -nt "$BUILD/whorld" ]; then STORM_BUILD=$BUILD/asan; fi
WHORLD=$PWD/${STORM_BUILD:-$BUILD}/whorld
SECONDS_LONG=${STORM_SECONDS:-12}
init_data
cat >>"$DATA/whorl.conf" <<CONF
connections_per_address = 500
handshake_timeout_s = 2
header_timeout_s = 2
CONF
start_server
cat >"$WORK/breaker.py" <<'PY'
# Connects, sends a piece of something, breaks off in one of four ways; until the time is over.
import random, socket, ssl, struct, sys, time
host, port, plain, end, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), time.time() + float(sys.argv[4]), int(sys.argv[5])
random.seed(seed)
context = ssl._create_unverified_context()
TEXTS = [b'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' * 40,
         b'GET /device/v1/status HTTP/1.1\r\nHost: x\r\n\r\n' * 5,
         b'POST /device/v1/challenge HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n{"device_id":"00","purpose":"enrol"}    ',
         b'POST /.well-known/est/simpleenroll HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nzz\r\n',
         b'POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nzz\r\n',
         b'GET /healthz HTTP/1.1\r\nHost: x\nX: y\r\n\r\n', bytes(range(256))]
count = 0
while time.time() < end:
    try:
        secure = random.random() < 0.6
        s = socket.create_connection((host, port if secure else plain), 3)
        if secure and random.random() < 0.3:  # within the handshake
            s.sendall(b'\x16\x03\x01\x02\x00\x01' + random.randbytes(random.randrange(300)))
        elif secure:
            s = context.wrap_socket(s, server_hostname='localhost')
        text = random.choice(TEXTS)
        s.sendall(text[:random.randrange(len(text) + 1)] if random.random() < 0.5 else text)
        how = random.randrange(4)
        if how == 0:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        elif how == 1:
            s.shutdown(socket.SHUT_WR)
            s.settimeout(0.05)
            s.recv(1000)
        elif how == 2:
            s.settimeout(0.02)
            s.recv(random.randrange(1, 5000))
        s.close()
        count += 1
    except OSError:
        count += 1
print(count)
PY
PORT=${DEVICE##*:}
for seed in 1 2 3; do
    python3 "$WORK/breaker.py" 127.0.0.1 "$PORT" "$PUBLIC_PORT" "$SECONDS_LONG" $seed >"$WORK/broken.$seed" &
    PIDS+=($!)
done
while sleep 0.1; do kill -HUP "$SERVER_PID" 2>/dev/null || break; done &
PIDS+=($!)
END=$(($(date +%s) + SECONDS_LONG)) round=0 enrolled=0
while [ "$(date +%s)" -lt $END ]; do
    round=$((round + 1))
    case $((round % 3)) in 0) how=() ;; 1) how=(--keep-alive) ;; *) how=(--renew) ;; esac
    base=$((round * 10000))
    "$DEVICE_TOOL" fleet --count 40 --seed-base $base --list "$WORK/list.json" >/dev/null
    api POST /api/v1/batches "@$WORK/list.json" >/dev/null
    [ "$(status)" = 201 ] || die "batch $round got $(status)"
    "$DEVICE_TOOL" fleet --count 40 --seed-base $base --connections 8 --server "$DEVICE" --ca "$CA" "${how[@]}" >"$WORK/fleet.out" 2>&1 ||
        { cat "$WORK/fleet.out"; die "fleet $round ${how[*]}"; }
    enrolled=$((enrolled + $(jq '.devices | length' "$WORK/list.json")))
done
wait "${PIDS[@]:0:3}"
say "ok  $round fleets, $enrolled devices, among $(awk '{ n += $1 } END { print n }' "$WORK"/broken.*) connections that broke off"
"$DEVICE_TOOL" fleet --count 40 --seed-base "$base" --connections 8 --renew --server "$DEVICE" --ca "$CA" >/dev/null 2>&1 &
FLEET=$!
sleep 0.3
stop_server
wait $FLEET || true # cut off by the stop
say "ok  the stop in the middle of a fleet ends with 0"
if grep -E 'Sanitizer|runtime error' "$WORK/server.log"; then die "a sanitizer has something to say"; fi
say "ok  no report in the log"
expect_in "the audit log verifies" "$("$WHORLD" audit verify --dir "$DATA")" "verifies"
expect_in "the directory is whole" "$("$WHORLD" check --dir "$DATA")" "0 problems"
