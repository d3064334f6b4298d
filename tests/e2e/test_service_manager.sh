#!/usr/bin/env bash
# Under a service manager: sockets that it made (by name and by port), a restart over them that loses no connection, what it is told and when,
# the watchdog, and handed-over things that are refused. The manager is manager.py; systemd's own tool is tried where it is installed.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"

init_data
MANAGER_PID=
# managed [NAME=ADDRESS:PORT…]: the server under manager.py; its output in ready, notes in notes
managed() {
    rm -f "$WORK/ready" "$WORK/notes"
    python3 -B "$E2E/manager.py" "$WORK/notes" "$@" -- "$WHORLD" serve --dir "$DATA" >"$WORK/ready" 2>>"$WORK/server.log" &
    MANAGER_PID=$!
    PIDS+=("$MANAGER_PID")
}
# until_in FILE PATTERN [COUNT]: waits for so many lines
until_in() {
    for _ in $(seq 300); do
        if [ -f "$1" ] && [ "$(grep -c "$2" "$1")" -ge "${3:-1}" ]; then return; fi
        sleep 0.03
    done
    die "no \"$2\" in $1: $(cat "$1")"
}
server_pid() { pgrep -P "$MANAGER_PID" -x whorld; }
# refused WHAT PART SOCKETS…: the server ends with 1 and says why
refused() {
    local what=$1 part=$2 status=0
    shift 2
    : >"$WORK/server.log"
    managed "$@"
    wait "$MANAGER_PID" || status=$?
    expect "$what: exit" $status 1
    expect_in "$what" "$(cat "$WORK/server.log")" "$part"
}

say "what cannot be served is refused"
refused "an unknown name on an unknown port" 'name it device, management or public' device=127.0.0.1:0 metrics=127.0.0.1:0
refused "one that does not listen" 'does not listen' silent=127.0.0.1:0
expect "numbers that are none" "$(status=0; LISTEN_PID=1x LISTEN_FDS=1 "$WHORLD" serve --dir "$DATA" >/dev/null 2>"$WORK/out" || status=$?; echo $status)" 1
expect_in "are named" "$(cat "$WORK/out")" "LISTEN_PID"

say "device and management by name, public by its port"
managed device=127.0.0.1:0 management=127.0.0.1:0 "whorld.socket=127.0.0.1:$PUBLIC_PORT"
until_in "$WORK/notes" READY=1
mapfile -t PORTS < <(head -n 1 "$WORK/ready" | jq -r '.[]')
expect "the ready line tells where" "$(tail -n 1 "$WORK/ready" | jq -rc '[.device,.management,.public]')" \
    "[\"127.0.0.1:${PORTS[0]}\",\"127.0.0.1:${PORTS[1]}\",\"127.0.0.1:$PUBLIC_PORT\"]"
MANAGEMENT=https://127.0.0.1:${PORTS[1]}
PUBLIC=http://127.0.0.1:$PUBLIC_PORT
api GET /api/v1/devices >/dev/null
expect_status "the management listener answers" 200
expect "the device listener shakes hands" "$(curl -sS -o /dev/null -w '%{http_code}' --cacert "$CA" "https://127.0.0.1:${PORTS[0]}/device/v1/status")" 401
expect "ready" "$(curl -sS -o /dev/null -w '%{http_code}' "$PUBLIC/readyz")" 200
expect "ping asks the same address" "$("$WHORLD" ping --dir "$DATA")" ready
until_in "$WORK/notes" WATCHDOG=1 2
say "ok  the watchdog is fed twice a second"
kill -HUP "$MANAGER_PID"
until_in "$WORK/notes" RELOADING=1
expect_in "a reload tells its time" "$(grep RELOADING=1 "$WORK/notes")" MONOTONIC_USEC=
until_in "$WORK/notes" READY=1 2
say "ok  and its end"

say "a restart over the same sockets"
python3 -B - "$PUBLIC_PORT" "$WORK/over" >"$WORK/comers" <<'PY' &
# New connections all the time, from before the stop until after the next start: connected, answered, closed without an answer.
import collections, os, socket, sys, time
port, over, seen = int(sys.argv[1]), sys.argv[2], collections.Counter()
while not os.path.exists(over):
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as s:
            try:
                s.settimeout(10)
                s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                seen["answered" if b" 200 " in s.recv(1000)[:20] else "closed"] += 1
            except OSError:
                seen["closed"] += 1
    except OSError:
        seen["refused"] += 1
    time.sleep(0.005)
print(seen["answered"], seen["closed"], seen["refused"])
PY
COMERS=$!
PIDS+=("$COMERS")
sleep 0.2
kill -TERM "$(server_pid)"
until_in "$WORK/notes" STOPPING=1
while server_pid >"$WORK/pids" && [ "$(ps -o stat= -p "$(cat "$WORK/pids")" | cut -c 1)" != Z ]; do sleep 0.02; done
curl -sS -m 10 -o /dev/null -w '%{http_code}' "$PUBLIC/healthz" >"$WORK/between" &
BETWEEN=$!
sleep 0.2
expect "who comes when no server runs is not turned away" "$(kill -0 $BETWEEN && cat "$WORK/between")" ""
kill -USR1 "$MANAGER_PID"
wait $BETWEEN
expect "but answered by the next" "$(cat "$WORK/between")" 200
sleep 0.2
touch "$WORK/over"
wait $COMERS
read -r answered closed turned_away <"$WORK/comers"
expect "under a load of new connections nobody is refused" "$turned_away" 0
[ "$answered" -gt 4 ] && [ "$closed" -le 2 ] || die "answered $answered, closed without an answer $closed"
say "ok  $answered answered, $closed closed before anything of theirs was read"

say "a loop that hangs is not vouched for"
kill -STOP "$(server_pid)"
sleep 0.1
COUNT=$(grep -c WATCHDOG=1 "$WORK/notes")
sleep 0.7
expect "silence" "$(grep -c WATCHDOG=1 "$WORK/notes")" "$COUNT"
kill -CONT "$(server_pid)"
until_in "$WORK/notes" WATCHDOG=1 $((COUNT + 1))
kill -TERM "$MANAGER_PID"
wait "$MANAGER_PID" || die "it ended with $?"
say "ok  the end: exit 0"

if command -v systemd-socket-activate >/dev/null; then
    port=$(free_port)
    systemd-socket-activate -l "127.0.0.1:$port" -l "127.0.0.1:$PUBLIC_PORT" --fdname=device:public "$WHORLD" serve --dir "$DATA" >"$WORK/ready" 2>>"$WORK/server.log" &
    PIDS+=($!)
    sleep 0.2
    expect "systemd-socket-activate: the first connection starts it and is answered" "$(curl -sS -m 10 --retry 5 --retry-connrefused -o /dev/null -w '%{http_code}' "$PUBLIC/readyz")" 200
    expect "on its socket" "$(jq -r .device "$WORK/ready")" "127.0.0.1:$port"
fi
