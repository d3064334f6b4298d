#!/usr/bin/env bash
# Many CMP transactions at once, by OpenSSL's own client: all that are open together end well; those that nobody ends stay bounded, and a device
# that behaves gets through. Refusals of one source are limited. WHORL_CMP_LOAD=full: a thousand at once, ten thousand half-open (minutes).
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need gcc
need sqlite3
if [ "${WHORL_CMP_LOAD:-}" = full ]; then at_once=1000 half_open=10000; else at_once=40 half_open=100; fi
client=$WORK/client
gcc -std=c11 -D_GNU_SOURCE -o "$client" tests/bench/cmp.c -lssl -lcrypto -lpthread
init_data
echo "connections_per_address = 5000" >>"$DATA/whorl.conf"
start_server
host=${DEVICE#https://}

rows() { sqlite3 "$DATA/inventory.db" "SELECT COUNT(*) FROM $1"; }
memory() { awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$SERVER_PID/status"; }
devices() { # COUNT NAME: keys in NAME, all registered
    "$client" keys "$1" "$WORK/$2" >"$WORK/ids"
    jq -Rn '{devices: [inputs]}' <"$WORK/ids" >"$WORK/batch"
    api POST /api/v1/batches "@$WORK/batch" >/dev/null
    expect_status "registered $1 devices" 201
}

devices "$at_once" together
"$client" concurrent "$host" "$CA" "$WORK/together" >"$WORK/out" || die "concurrent: $(cat "$WORK/out")"
expect "all that were open at once are enrolled" "$(jq -r '"\(.open) \(.enrolled)"' "$WORK/out")" "$at_once $at_once"
expect "each has one certificate" "$(rows certificate)" "$at_once"
expect "each was confirmed" "$(rows 'certificate WHERE first_used_at IS NOT NULL')" "$at_once"
expect "nothing is open" "$(rows cmp_transaction)" 0

devices $((half_open + 1)) apart
before=$(memory)
"$client" half-open "$host" "$CA" "$WORK/apart" 8 >"$WORK/out" || die "half-open: $(cat "$WORK/out")"
say "$(cat "$WORK/out"); memory $before MB before, $(memory) after"
expect "an honest device gets through" "$(jq -r .honest "$WORK/out")" 1
expect "a row for each that nobody ended" "$(rows cmp_transaction)" "$half_open"
[ $(($(memory) - before)) -lt 64 ] || die "the server grew from $before to $(memory) MB"
say "ok  the server's memory is not theirs"
say "a source that sends what is refused"
new_identity nobody
new_key op
openssl cmp -cmd ir -server "${PUBLIC#http://}" -path x -recipient /CN=whorl -cert "$WORK/nobody.crt" -key "$WORK/nobody.key" -newkey "$WORK/op.key" \
    -subject /CN=any -extracerts "$WORK/nobody.crt" -ignore_keyusage -trusted "$CA" -certout "$WORK/none" -reqout "$WORK/ir.der" >/dev/null 2>&1 || true
[ -s "$WORK/ir.der" ] || die "openssl cmp made no message"
post() { # CURL-OPTIONS…: status and Retry-After, a line each
    curl -sS --cacert "$CA" -H 'Content-Type: application/pkixcmp' --data-binary "@$WORK/ir.der" -w '%{http_code} %header{retry-after}\n' "$@"
}
for _ in $(seq 400); do printf 'url = "%s/.well-known/cmp"\noutput = "%s/answer"\n' "$DEVICE" "$WORK"; done >"$WORK/many"
post -K "$WORK/many" >"$WORK/codes"
expect "is answered at first, then told to wait" "$(sort -u "$WORK/codes" | tr '\n' ' ')" "200  429 1 "
expect_in "in words" "$(cat "$WORK/answer")" "from this address"
sleep 1
expect "and is heard again then" "$(post -o /dev/null "$DEVICE/.well-known/cmp")" "200 "
stop_server
