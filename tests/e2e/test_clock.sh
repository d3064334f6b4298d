#!/usr/bin/env bash
# A clock gone wrong: back an hour and forward ten years against the monotonic clock, under a running server and over a restart. Nothing is
# issued, what stands goes on, CRLs are served; the drill tells what to do; a clock that is right again needs nobody.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need sqlite3
FAKETIME_LIB=$(find /usr/lib -name libfaketimeMT.so.1 2>/dev/null | head -n 1)
[ -n "$FAKETIME_LIB" ] || skip "libfaketime is not installed"
REAL=$WHORLD
TIME_FILE=$WORK/time
set_clock() { printf '%s\n' "$1" >"$TIME_FILE.new"; mv "$TIME_FILE.new" "$TIME_FILE"; }
set_clock +0
cat >"$WORK/whorld" <<SH
#!/bin/sh
# the wall clock of this program is moved by a file, which its sandbox would not let it read; its monotonic clock is the real one
exec env WHORL_SANDBOX=off LD_PRELOAD=$FAKETIME_LIB FAKETIME_TIMESTAMP_FILE=$TIME_FILE FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 $REAL "\$@"
SH
chmod +x "$WORK/whorld"
init_data
WHORLD=$WORK/whorld
start_server
export WHORL="$PWD/$BUILD/whorl" WHORL_SERVER=$MANAGEMENT WHORL_CA=$CA WHORL_TOKEN=$TOKEN
drill() { CODE=0; deploy/drills/clock.sh "$@" >"$WORK/drill" 2>&1 || CODE=$?; }
events() { sqlite3 "$DATA/inventory.db" "SELECT count(*) FROM audit WHERE kind = '$1'"; }
crl_is_fresh() {
    curl -sS -o "$WORK/crl" "$PUBLIC/crl/device.crl"
    openssl crl -inform DER -in "$WORK/crl" -noout -nextupdate >"$WORK/next"
    [ "$(date -d "$(sed 's/nextUpdate=//' "$WORK/next")" +%s)" -gt "$(date +%s)" ]
}
held() { for _ in $(seq 100); do [ "$(api GET /api/v1/clock | jq -r .is_held)" = "$1" ] && return; sleep 0.1; done; die "is_held is not $1"; }
# until_event KIND COUNT
until_event() { for _ in $(seq 100); do [ "$(events "$1")" -ge "$2" ] && return; sleep 0.1; done; die "no event $1"; }

say "a clock that goes on"
new_identity one
register "$ID"
new_key op1
est one simpleenroll "$(csr op1)"
expect_status "a device enrols" 200
keep_certificate op1
drill; [ "$CODE" -ne 2 ] || cat "$WORK/drill"
expect "the drill finds nothing" "$CODE" 0

say "forward by ten years"
set_clock +3650d
new_key op2
subject=$(openssl x509 -in "$WORK/op1.crt" -noout -subject -nameopt compat | sed 's/^subject=//')
est one simpleenroll "$(csr op2)"
expect_status "nothing is issued, from the first moment" 503
expect_in "the device is told when to come again" "$(cat "$WORK/headers")" "etry-"
until_event clock.held 1
expect "one event" "$(events clock.held)" 1
expect "readiness says it, and is ready" "$(curl -sS -w ' %{http_code}' "$PUBLIC/readyz")" '{"status":"ready","reason":"nothing is issued just now: the clock is in doubt"} 200'
crl_is_fresh || die "the CRL has run out"
say "ok  the CRL is served"
[ "$(sqlite3 "$DATA/inventory.db" "SELECT count(*) FROM certificate WHERE issued_at > $(($(date +%s) * 1000 + 86400000))")" -eq 0 ] || die "something was issued"
set_clock +0
held false
until_event clock.returned 1
expect "the alarm ends" "$(api GET /api/v1/alarms | jq '[.alarms[] | select(.kind == "clock.held")] | length')" 0
say "ok  a clock that is right again needs nobody"
new_key op2
est op1 simplereenroll "$(csr op2 "$subject")"
expect_status "and the device renews" 200
keep_certificate op2

say "back by an hour, and over a restart"
set_clock -1h
until_event clock.held 2
expect "one alarm" "$(api GET /api/v1/alarms | jq -r '[.alarms[] | select(.kind == "clock.held") | .severity] | join(",")')" critical
new_key op3
est op2 simplereenroll "$(csr op3 "$subject")"
expect_in "nothing is issued" "403 503" "$(status)" # it is not valid yet by this clock, or the clock is held
AS=$TOKEN api POST /api/v1/clock/confirm "{\"time\":\"$(date -u +%FT%TZ)\"}" >/dev/null
expect_status "who knows the time does not confirm this one" 422
drill; [ "$CODE" -ne 2 ] || cat "$WORK/drill"
expect "the drill does not either" "$CODE" 1
expect_in "and says what to do" "$(cat "$WORK/drill")" "set the server's clock right"
drill --confirm
expect "not even when told to" "$CODE" 1
stop_server
start_server
export WHORL_SERVER=$MANAGEMENT
held true
say "ok  a restart confirms nothing"
api GET /api/v1/clock | jq -e '.reason == "stepped" and .step_s < -3500' >/dev/null || die "$(cat "$WORK/body")"
set_clock +0
drill --confirm
expect "set right, and confirmed by the drill" "$CODE" 0
drill; [ "$CODE" -ne 2 ] || cat "$WORK/drill"
expect "trusted again" "$CODE" 0
expect "with its event" "$(events clock.confirmed)" 1
est op2 simplereenroll "$(csr op3 "$subject")"
expect_status "the device goes on" 200
api POST /api/v1/clock/confirm "{\"time\":\"$(date -u +%FT%TZ)\"}" >/dev/null
expect_status "nothing is left to confirm" 409

say "a clock that had been wrong and was corrected"
set_clock +1h
held true
api POST /api/v1/clock/confirm "{\"time\":\"$(date -u -d '+1 hour' +%FT%TZ)\"}" >/dev/null
expect_status "is confirmed by who knows the time" 200
expect "and trusted" "$(api GET /api/v1/clock | jq -r .is_held)" false
set_clock +0
held true
"$WHORL" clock confirm --time 0s >/dev/null
expect "back again, by the command line" "$(api GET /api/v1/clock | jq -r .is_held)" false

say "a start in the past"
stop_server
set_clock -2d
start_server
export WHORL_SERVER=$MANAGEMENT
held true
expect "it is behind" "$(api GET /api/v1/clock | jq -r .reason)" behind
set_clock +0
held false
say "ok  until the time has come"
stop_server
"$REAL" audit verify --dir "$DATA" >"$WORK/out" || die "the audit log: $(cat "$WORK/out")"
say "ok  the audit log verifies"
