#!/usr/bin/env bash
# `whorl top` against the real server under some load: on a terminal of any size, on none, when the server goes away and comes back, and for whom.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need python3
WHORL=$PWD/$BUILD/whorl
export XDG_CONFIG_HOME=$WORK/config
unset WHORL_SERVER WHORL_TOKEN WHORL_CA WHORL_PROFILE NO_COLOR
init_data
start_server
sed -i "s/^management_listen.*/management_listen = ${MANAGEMENT#https://}/" "$DATA/whorl.conf" # where it will be again
top() { "$WHORL" top --server "$MANAGEMENT" --ca "$CA" --token-file "$WORK/token" "$@"; }
# on_terminal WAY: as tests/e2e/top_on_terminal.py tells
on_terminal() {
    TERM=xterm python3 -B "$E2E/top_on_terminal.py" "$1" "$WHORL" top --interval 1s --server "$MANAGEMENT" --ca "$CA" --token-file "$DATA/admin.token" >"$WORK/out" 2>&1 ||
        die "$1: $(cat "$WORK/out")"
    say "ok  $1"
}
(
    while :; do
        curl -sS --cacert "$CA" -H "Authorization: Bearer $(cat "$DATA/admin.token")" -o /dev/null "$MANAGEMENT/api/v1/products?limit=[1-20]" || sleep 0.2
        curl -sS -o /dev/null "$PUBLIC/crl/nobody.crl" || sleep 0.2
    done
) 2>/dev/null &
LOAD=$!
PIDS+=("$LOAD")

new_identity unit
register "$ID"
new_key op
est unit simpleenroll "$(csr op)"
expect_status "a device enrols" 200

say "a terminal"
pids=()
for way in quit resize int term hup stop; do
    on_terminal "$way" &
    pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || die "one of them"; done

say "no terminal"
cp "$DATA/admin.token" "$WORK/token"
top --once --interval 1s >"$WORK/out" &
pids=($!)
top --once --interval 1s --json >"$WORK/json" &
pids+=($!)
(set -o pipefail && top --interval 1s | head -n 5 >"$WORK/head") &
pids+=($!)
for pid in "${pids[@]}"; do wait "$pid" || die "one of them"; done
expect_in "one page" "$(cat "$WORK/out")" "requests/s    all "
for section in handshakes/s queues commits/s loops devices certificates campaigns 'ends in' process; do
    grep -q "^$section .*[0-9]" "$WORK/out" || die "nothing of $section: $(cat "$WORK/out")"
done
expect_in "its certificate" "$(cat "$WORK/out")" "certificates  unconfirmed 0   confirmed 1"
expect_in "with the routes" "$(cat "$WORK/out")" "  GET /api/v1/products"
expect_in "whether it is ready" "$(grep '^ready ' "$WORK/out")" "yes"
expect "without an order to a terminal" "$(grep -c $'\033' "$WORK/out" || true)" 0
expect "of lines that end" "$(tail -c 1 "$WORK/out" | od -An -c | tr -d ' ')" '\n'
expect "an object for programs" "$(jq -r '[.away, .restarted, (.figures.requests.all > 1), (.figures.requests["2xx"] > 1), (.figures.routes[0].route | type),
    .readiness.status, (.alarms | type)] | map(tostring) | join(" ")' "$WORK/json")" "false false true true string ready array"
expect "a reader that leaves is no failure" "$(head -n 1 "$WORK/head" | cut -c1-10)" "whorl top "
for bad in 0s 2h x ''; do
    status=0
    top --interval "$bad" >"$WORK/out" 2>&1 || status=$?
    expect "--interval '$bad'" "$status" 2
done

say "for whom"
api POST /api/v1/tokens '{"name":"scraper","scopes":["metrics:read"]}' | jq -r .token >"$WORK/token"
top --once --interval 1s --json >"$WORK/out" || die "metrics:read is enough"
expect "metrics:read is enough; what it may not see is left out" "$(jq -c '[.figures != null, has("alarms"), has("rollouts"), has("readiness")]' "$WORK/out")" \
    '[true,false,false,true]'
api POST /api/v1/tokens '{"name":"other","scopes":["devices:read"]}' | jq -r .token >"$WORK/token"
status=0
top --once >"$WORK/out" 2>"$WORK/err" || status=$?
expect "without it: exit code" "$status" 1
expect_in "and why" "$(cat "$WORK/err")" "metrics:read"
cp "$DATA/admin.token" "$WORK/token"

say "a server that goes and comes back"
top --interval 1s --json >"$WORK/pages" 2>"$WORK/err" &
TOP=$!
# page_with FILTER: waits for a page of which it holds
page_with() {
    for _ in $(seq 200); do
        if jq -se "any(.[]; $1)" "$WORK/pages" >/dev/null 2>&1; then return; fi
        sleep 0.1
    done
    die "no page with $1: $(tail -n 3 "$WORK/pages") $(cat "$WORK/err")"
}
page_with '.figures.requests.all != null'
stop_server
page_with '.away and (.notice | test("^away since .*no answer from"))'
start_server
page_with '.restarted and .figures.requests.all == null and .figures.queues.workers != null'
sleep 1.2
expect "and goes on" "$(tail -n 1 "$WORK/pages" | jq -c '[.away, .restarted, .figures.requests.all != null]')" '[false,false,true]'
expect "no rate is ever negative" "$(jq -s '[.[].figures // {} | .. | numbers | select(. < 0)] | length' "$WORK/pages")" 0
kill -TERM "$TOP"
status=0
wait "$TOP" || status=$?
expect "SIGTERM ends it" "$status" 143
kill "$LOAD"
stop_server
status=0
top --once >"$WORK/out" 2>"$WORK/err" || status=$?
expect "--once does not wait for a server: exit code" "$status" 1
expect_in "and says why" "$(cat "$WORK/err")" "no answer from"
