#!/usr/bin/env bash
# What the server takes from itself: the rights, files and system calls of every thread, tried from inside by code that was loaded into it;
# a user and a port below 1024, for who starts it as root; and where the kernel does not allow it.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need jq
need cc

# of FIELD: its values in all threads of the server
of() { cat "/proc/$SERVER_PID"/task/*/status | awk -v name="$1:" '$1 == name { $1 = ""; print }' | sort -u | xargs; }
tried() { sed -n "s/^intruder $1 //p" "$WORK/server.log" | tail -n 1; }
# intruded [LAST]: starts the server with the intruder in it
intruded() {
    printf '#!/bin/sh\nexec env LD_PRELOAD="%s" INTRUDER_FILE="%s" INTRUDER_LAST="%s" "%s" "$@"\n' \
        "$WORK/intruder.so" "$WORK/outside" "${1:-}" "$real" >"$WORK/intruded"
    chmod +x "$WORK/intruded"
    WHORLD=$WORK/intruded
    start_server
    WHORLD=$real
}
until_in_log() {
    for _ in $(seq 100); do
        if grep -q "$1" "$WORK/server.log"; then return; fi
        sleep 0.03
    done
    die "no \"$1\" in the log"
}
ended_by() { # WHAT STATUS: the server ends by itself
    local status=0
    wait "$SERVER_PID" || status=$?
    SERVER_PID=
    expect "$1" $status "$2"
}

init_data
real=$WHORLD
echo outside >"$WORK/outside"
cc -shared -fPIC -D_GNU_SOURCE -o "$WORK/intruder.so" "$E2E/intruder.c" -ldl -lpthread
if ! LD_PRELOAD=$WORK/intruder.so "$WHORLD" version >/dev/null 2>&1; then skip "nothing can be loaded into this build"; fi

say "every thread"
intruded
until_in_log '^intruder end'
if grep -q '"event":"sandbox.without"' "$WORK/server.log"; then
    without=$(grep -m 1 '"event":"sandbox.without"' "$WORK/server.log" | jq -r .reason)
    echo "sandbox = required" >>"$DATA/whorl.conf"
    stop_server
    expect_fails "required, where it cannot be had ($without)" "$WHORLD" serve --dir "$DATA"
    skip "$without"
fi
expect "no capability: effective, permitted, inheritable, ambient" "$(of CapEff) $(of CapPrm) $(of CapInh) $(of CapAmb)" \
    "0000000000000000 0000000000000000 0000000000000000 0000000000000000"
if [ "$(id -u)" = 0 ]; then expect "nor can it come" "$(of CapBnd)" 0000000000000000; fi
expect "no new rights, a filter" "$(of NoNewPrivs) $(of Seccomp)" "1 2"
expect_in "said at the start" "$(cat "$WORK/server.log")" '"event":"sandbox","rights":true,"files":true,"calls":true'
expect "and told as figures" "$(curl -sS --cacert "$CA" -H "Authorization: Bearer $TOKEN" "$MANAGEMENT/metrics" | grep '^whorl_sandbox{' | awk '{ n += $2 } END { print n }')" 3

say "what code inside of it is refused (errno)"
expect "files elsewhere: read, write, remove, truncate" "$(tried read) $(tried write) $(tried remove) $(tried truncate)" "13 13 13 1"
expect "links; other processes; programs as data" "$(tried link) $(tried other-process) $(tried run)" "1 13 13"
expect "sockets of other families" "$(tried netlink) $(tried packet)" "97 97"
expect "another listening port" "$(tried bind) $(tried listen)" "1 1"
expect "another process, another name space" "$(tried process) $(tried space)" "1 1"
expect "memory that is written and run" "$(tried writable-code) $(tried code)" "1 1"
expect "root's rights, another filter, calls of tomorrow" "$(tried user) $(tried filter) $(tried newer)" "1 1 38"
expect "but names are looked up" "$(tried resolve)" 0
api GET /api/v1/devices >/dev/null
expect_status "and it serves" 200
stop_server
for call in execve ptrace unshare; do
    intruded "$call"
    ended_by "$call ends it (SIGSYS)" 159
done

say "where a container forbids it"
printf '#!/bin/sh\nexec python3 -B "%s" "%s" "$@"\n' "$E2E/forbid.py" "$WHORLD" >"$WORK/forbidden"
chmod +x "$WORK/forbidden"
WHORLD=$WORK/forbidden
start_server
expect_in "it goes on, and says what is missing" "$(cat "$WORK/server.log")" '"part":"calls","reason":"no filter of system calls: Operation not permitted"'
expect_in "of files too" "$(cat "$WORK/server.log")" '"part":"files"'
expect_in "and of the signer" "$(cat "$WORK/server.log")" signer.unfiltered
expect "rights are dropped all the same" "$(of CapEff) $(of NoNewPrivs)" "0000000000000000 1"
stop_server
cp "$DATA/whorl.conf" "$WORK/whorl.conf"
echo 'sandbox = required' >>"$DATA/whorl.conf"
expect_fails "required: it does not start" "$WHORLD" serve --dir "$DATA"
expect_in "and says why" "$(cat "$WORK/out")" "sandbox = required: no Landlock"
WHORLD=$real

say "a user"
start_server
stop_server
say "ok  required, and had"
echo 'user = nobody' >>"$DATA/whorl.conf"
if [ "$(id -u)" = 0 ]; then
    expect_fails "of whom the folder is not" "$WHORLD" serve --dir "$DATA"
    expect_in "is told how to make it so" "$(cat "$WORK/out")" "chown -R nobody"
    chmod 711 "$WORK"
    chown -R nobody "$DATA"
    port=$(for p in $(seq 700 1023); do python3 -c "import socket; socket.socket().bind(('127.0.0.1', $p))" 2>/dev/null && echo "$p" && break; done)
    sed -i "s/^device_listen = .*/device_listen = 127.0.0.1:$port/" "$DATA/whorl.conf"
    start_server
    nobody=$(id -u nobody)
    expect "it is that user, for good" "$(of Uid)" "$nobody $nobody $nobody $nobody"
    expect "without capabilities" "$(of CapEff) $(of CapBnd)" "0000000000000000 0000000000000000"
    expect "the signer too" "$(awk '/^Uid/ { print $2 }' "/proc/$(pgrep -P "$SERVER_PID" -x whorl-signer)/status")" "$nobody"
    expect "on a port below 1024" "$DEVICE" "https://127.0.0.1:$port"
    api GET /api/v1/devices >/dev/null
    expect_status "it serves" 200
    stop_server
    sed -i '/^user =/d' "$DATA/whorl.conf"
    expect_fails "root without its rights is not let into another's folder" "$WHORLD" serve --dir "$DATA"
    expect_in "and told what to do" "$(cat "$WORK/out")" "name that user in the setting \`user\`"
else
    expect_fails "another one, without being root" "$WHORLD" serve --dir "$DATA"
    expect_in "is told" "$(cat "$WORK/out")" "only root can change to it"
fi
