#!/usr/bin/env bash
# Fewer file descriptors than the settings want: the server takes as many connections as it can serve, says so once, and outlives a flood.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
cat >"$WORK/limited" <<LIMITED
#!/bin/sh
ulimit -n 560
exec "$WHORLD" "\$@"
LIMITED
chmod +x "$WORK/limited"
WHORLD=$WORK/limited
start_server
expect "it says what it can" "$(jq -r 'select(.event == "connections_limited") | .connections' "$WORK/server.log")" 100
cat >"$WORK/flood.py" <<'PY'
import socket, sys
host, port = sys.argv[1].rsplit(':', 1)
held, answered = [], 0
for _ in range(300):
    s = socket.create_connection((host, int(port)), 5)
    held.append(s)
    try:
        s.sendall(b'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
        answered += s.recv(100).startswith(b'HTTP/1.1 200')
    except OSError:
        pass
print(answered)
PY
expect "so many are served at once, and a sixteenth is kept for the operator" "$(python3 "$WORK/flood.py" "${PUBLIC#http://}")" 94
expect "the others fill no log" "$(grep -c connection_failed "$WORK/server.log" || true)" 0
expect "afterwards all is well" "$(curl -sS -o /dev/null -w '%{http_code}' --retry 3 --retry-all-errors "$PUBLIC/healthz")" 200
stop_server
