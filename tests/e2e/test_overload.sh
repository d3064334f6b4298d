#!/usr/bin/env bash
# More new connections than there is time for handshakes: those that are open are served, OCSP is, management is; who waits too long is reset
# and has seen no byte of a ServerHello; and when the storm is over, it is over.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
cat >>"$DATA/whorl.conf" <<CONF
loops = 1
handshakes = 64
accept_wait_ms = 100
CONF
start_server
metric() { api GET /metrics | awk -v name="$1" '$1 == name { print $2 }'; }
# before the storm, whose last connections come in when the kernel sends their bytes again, seconds later:
# connections that say nothing cost a place each, and the oldest gives way: the bound of `handshakes` keeps nobody out
python3 - "${DEVICE##*:}" <<'PY' >"$WORK/silent"
import socket, sys, time
sockets = [socket.create_connection(('127.0.0.1', int(sys.argv[1]))) for _ in range(200)]
time.sleep(0.5)
closed = 0
for s in sockets:
    s.setblocking(False)
    try:
        closed += s.recv(1) == b''
    except BlockingIOError:
        pass
    except OSError:
        closed += 1
print(closed)
sys.stdout.flush()
time.sleep(1)
PY
expect "of 200 silent connections 64 are held" "$(cat "$WORK/silent")" 136
refused() { metric "whorl_http_refused_total{reason=\"$1\"}"; }
expect "the others are counted" "$(($(refused handshakes) + $(refused stale)))" 136

openssl x509 -in "$DATA/tls/server.pem" -out "$WORK/server.crt"
sed -n '/-----END/,$p' "$DATA/tls/server.pem" | sed 1d | openssl x509 -out "$WORK/issuer.crt"
openssl ocsp -sha256 -issuer "$WORK/issuer.crt" -cert "$WORK/server.crt" -no_nonce -reqout "$WORK/request.der" >/dev/null 2>&1
python3 -B "$E2E/storm_of_hellos.py" "${DEVICE#https://}" "${MANAGEMENT#https://}" "${PUBLIC#http://}" "$TOKEN" "$CA" "$WORK/request.der" 3 >"$WORK/storm"
fact() { jq -c "$1" "$WORK/storm"; }
least() { if [ "$2" -ge "$3" ]; then say "ok  $1 ($2)"; else die "$1: $2 is less than $3"; fi; }
expect "the open connection was always answered" "$(fact '.kept.statuses | keys')" '["200"]'
expect "OCSP was always answered" "$(fact '.ocsp.statuses | keys')" '["200"]'
expect "management was always answered, on new connections" "$(fact '.management.statuses | keys')" '["200"]'
for who in kept ocsp management; do
    expect "none of $who waited two seconds" "$(fact ".$who.longest_s < 2")" true
    least "requests of $who" "$(fact ".$who.statuses.\"200\"")" 10
done
expect "a new device is served right after the storm" "$(fact '.after')" 200
expect "and did not wait for what the storm had left" "$(fact '.after_s < 2')" true
least "handshakes of the storm that were begun" "$(fact .storm.hello)" 100
least "connections that were closed before ServerHello" "$(fact .storm.silent)" 100
expect "none was told anything else" "$(fact .storm.other)" 0
least "those that waited too long" "$(metric 'whorl_http_refused_total{reason="stale"}')" 100
least "those that had left before their turn" "$(metric 'whorl_http_refused_total{reason="gone"}')" 1
least "pauses in accepting" "$(metric 'whorl_accept_pauses_total{listener="device"}')" 10
expect_in "their time is counted" "$(metric 'whorl_accept_paused_seconds_total{listener="device"}')" "."
left=
for _ in $(seq 50); do # whoever asks has a handshake too, and the figures are as old as the last tick: once none is enough
    left="$(metric whorl_tls_handshakes_unfinished) $(metric 'whorl_accept_queued{listener="device"}')"
    if [ "$left" = "0 0" ]; then break; fi
    sleep 0.1
done
expect "no handshake is left, nothing waits to be accepted" "$left" "0 0"

expect "a device comes in when it is over" "$(curl -sS --cacert "$CA" -o /dev/null -w '%{http_code}' "$DEVICE/.well-known/est/cacerts")" 200
stop_server
