#!/usr/bin/env bash
# Alarms about what ends: a server that wakes up years later says which authorities are near their end, and takes it back when the clock is
# right again; the figures tell each end.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need faketime
need sqlite3
WHORL=$PWD/$BUILD/whorl
init_data
echo 'clock_step_limit_s = 0' >>"$DATA/whorl.conf" # whoever wakes up years later asks an operator first; here nobody is asked

# at OFFSET COMMAND…: with another date. Not by faketime itself, which would stand between a signal and the program.
# shellcheck disable=SC2016
FAKE_LIBRARY=$(faketime -f +0s sh -c 'echo "$LD_PRELOAD"')
at() { local offset=$1; shift; env FAKETIME="$offset" LD_PRELOAD="$FAKE_LIBRARY" "$@"; }
# The server's clock, and that of curl, which looks at the dates of certificates.
OFFSET=
curl() { if [ -n "$OFFSET" ]; then at "$OFFSET" curl "$@"; else command curl "$@"; fi; }
serve() {
    local plain=$WHORLD
    if [ -n "$OFFSET" ]; then
        printf '#!/bin/sh\nexec env FAKETIME="%s" LD_PRELOAD=%q "%s" "$@"\n' "$OFFSET" "$FAKE_LIBRARY" "$plain" >"$WORK/whorld"
        chmod +x "$WORK/whorld"
        WHORLD=$WORK/whorld
    fi
    start_server
    WHORLD=$plain
}
alarms() { api GET /api/v1/alarms | jq -r '.alarms[] | "\(.severity) \(.kind) \(.subject)"' | sort; }
figure() { curl -sS --cacert "$CA" -H "Authorization: Bearer $TOKEN" "$MANAGEMENT/metrics" | grep -F "$1" | cut -d' ' -f2; }

serve
say "today"
expect "nothing is wrong" "$(alarms)" ""
expect_status "a list all the same" 200
expect "a figure of none" "$(figure 'whorl_alarms{kind="authority.expires",severity="warning"}')" 0
end_of() { date -d "$(openssl x509 "$@" -noout -enddate | cut -d= -f2)" +%s; }
expect "the end of the root" "$(figure 'whorl_expiry_timestamp_seconds{what="authority",subject="root"}')" "$(end_of -in "$CA")"
curl -sS -o "$WORK/device.cer" "$PUBLIC/ca/device.cer"
END=$(end_of -inform DER -in "$WORK/device.cer")
for what in 'crl",subject="device' 'server_certificate",subject="server'; do
    [ "$(figure "whorl_expiry_timestamp_seconds{what=\"$what\"}")" -gt "$(date +%s)" ] || die "$what has no end"
    say "ok  an end of $what"
done
api GET '/api/v1/alarms?limit=0' >/dev/null
expect_status "a bad page" 400
stop_server

say "years later"
LATER=$((END - $(date +%s) - 60 * 86400))
OFFSET=+${LATER}s
# the token has ended by then too
TOKEN_LIFE=$(sqlite3 "$DATA/inventory.db" 'SELECT MAX(expires_at) FROM token')
sqlite3 "$DATA/inventory.db" "UPDATE token SET expires_at = $(((END + 86400) * 1000))"
serve
expect "the issuing authorities end in 60 days" "$(alarms)" "critical authority.expires device
critical authority.expires infrastructure"
expect "counted" "$(figure 'whorl_alarms{kind="authority.expires",severity="critical"}')" 2
expect_in "logged" "$(cat "$WORK/server.log")" '"event":"alarm.raised"'
api GET /api/v1/alarms >"$WORK/answer"
expect_in "with what to do" "$(jq -r '.alarms[0].remedy' "$WORK/answer")" "successor"
expect_in "the command line shows them" "$(at "$OFFSET" "$WHORL" --server "$MANAGEMENT" --ca "$CA" --token-file "$DATA/admin.token" alarms 2>&1 || true)" \
    authority.expires
stop_server

say "the clock is right again"
OFFSET=
sqlite3 "$DATA/inventory.db" "UPDATE token SET expires_at = $TOKEN_LIFE"
serve
expect "nothing is wrong" "$(alarms)" ""
expect "nothing is counted" "$(figure 'whorl_alarms{kind="authority.expires",severity="critical"}')" 0
expect "two raised, two cleared" "$(sqlite3 "$DATA/inventory.db" "SELECT COUNT(*) FROM audit WHERE kind IN ('alarm.raised', 'alarm.cleared')")" 4
stop_server
