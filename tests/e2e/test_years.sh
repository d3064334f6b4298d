#!/usr/bin/env bash
# takes long
# Three years in the life of a fleet: the real server and the real device core on one clock that the simulator moves (libfaketime). Power
# cuts, lost answers, months in a drawer, wiped flash; in the end each device has exactly one confirmed key, and the books verify.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
FAKETIME=$(find /usr/lib -name libfaketimeMT.so.1 2>/dev/null | head -n 1)
[ -n "$FAKETIME" ] || skip "libfaketime is not installed"
COUNT=${YEARS_DEVICES:-40}
date -u '+%Y-%m-%d %H:%M:%S' >"$WORK/clock"
# on_clock PROGRAM: a command that runs PROGRAM on the clock of the file, which no sandbox keeps it from reading
on_clock() {
    cat >"$WORK/clocked-$(basename "$1")" <<SH
#!/bin/sh
exec env TZ=UTC WHORL_SANDBOX=off LD_PRELOAD=$FAKETIME FAKETIME_NO_CACHE=1 DONT_FAKE_MONOTONIC=1 FAKETIME_FORCE_MONOTONIC_FIX=0 FAKETIME_TIMESTAMP_FILE=$WORK/clock "$1" "\$@"
SH
    chmod +x "$WORK/clocked-$(basename "$1")"
    echo "$WORK/clocked-$(basename "$1")"
}
PLAIN=$WHORLD
export WHORL_SERVER_CERTIFICATE_DAYS=825
WHORLD=$(on_clock "$PLAIN")
FLEET=$(on_clock "$DEVICE_TOOL")
CURL=$(on_clock "$(command -v curl)")
curl() { "$CURL" "$@"; }
init_data
echo "clock_step_limit_s = 0" >>"$DATA/whorl.conf"
start_server
"$DEVICE_TOOL" fleet --count "$COUNT" --seed-base 7000 --list "$WORK/list.json" >/dev/null
api POST /api/v1/batches "@$WORK/list.json" >/dev/null
expect_status "registered" 201
PRODUCT=$(api GET '/api/v1/products?limit=1' | jq -r '.products[0].id')
ETAG=$(api GET "/api/v1/products/$PRODUCT" >/dev/null; tr -d '\r' <"$WORK/headers" | sed -n 's/^[Ee][Tt]ag: //p')
api PATCH "/api/v1/products/$PRODUCT" '{"certificate_ttl_s":7776000,"rekey_period_s":15552000,"recovery":"expired"}' -H "If-Match: $ETAG" >/dev/null
expect_status "certificates for 90 days, keys for 180" 200

say "who does not follow the clock is told"
years() { timeout 200 "$1" fleet --count "$COUNT" --seed-base 7000 --server "$DEVICE" --ca "$CA" --years 3 --clock "$2" "${@:3}"; }
expect_fails "a fleet on the machine's own clock" years "$DEVICE_TOOL" "$WORK/elsewhere"
expect_fails "a fleet without a clock" "$FLEET" fleet --count 1 --server "$DEVICE" --ca "$CA" --years 3

say "three years"
( while sleep 0.5; do kill -HUP "$SERVER_PID" 2>/dev/null || exit 0; done ) & # the server renews its own certificate at a reload, once an hour
PIDS+=("$!")
years "$FLEET" "$WORK/clock" --contact-every 14d --report "$WORK/report.json" >"$WORK/years.out" 2>&1 ||
    { cat "$WORK/years.out"; die "the fleet did not come through"; }
sed 's/^/    /' "$WORK/years.out"
figure() { sed -n "s/.*$1 \([0-9]*\).*/\1/p" "$WORK/years.out" | head -n 1; }
at_least() { [ "$(figure "$1")" -ge "$2" ] || die "$1: $(figure "$1"), wanted at least $2"; say "ok  $1: $(figure "$1")"; }
at_least renewed $((COUNT * 6))
at_least rekeyed $((COUNT * 3))
at_least recovered $((COUNT / 10))
at_least 'power cuts' "$COUNT"
at_least 'answers lost' "$COUNT"
crl_age() { # days between the list and the clock
    local signed
    signed=$(curl -sS "$PUBLIC/crl/device.crl" | openssl crl -inform DER -noout -lastupdate | sed 's/.*=//')
    echo $((($(date -ud "$(cat "$WORK/clock")" +%s) - $(date -d "$signed" +%s)) / 86400))
}
for _ in $(seq 50); do [ "$(crl_age)" -lt 8 ] && break; sleep 0.1; done # the job looks once a second
expect "the server's CRL is of these days" "$(($(crl_age) < 8))" 1

say "what the server has in its books"
TOKEN=$("$WHORLD" token add --dir "$DATA" --name later --scope 'devices:read' | tail -n 1) # the first one ended after a year
bad=0
while read -r id generation; do
    got=$(api GET "/api/v1/devices/$id" | jq -r '"\([.certificates[] | select(.state == "confirmed")] | length) \([.certificates[] | select(.state == "unconfirmed")] | length) \(.state) \(.generation)"')
    [ "$got" = "1 0 enrolled $generation" ] || { say "$id holds generation $generation, the server has: $got"; bad=$((bad + 1)); }
done < <(jq -r '.devices[] | "\(.id) \(.generation)"' "$WORK/report.json")
expect "each device has exactly one confirmed key, the one that it holds" "$bad" 0
stop_server
expect_in "the audit log verifies" "$("$WHORLD" audit verify --dir "$DATA")" "verifies"
