#!/usr/bin/env bash
# runs alone
# kill -9 in the middle of a fleet run, several times: every certificate that a device received is in the inventory, the audit chain
# verifies, and the devices that had no answer enrol afterwards.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
start_server
COUNT=300
mkdir "$WORK/got"
"$DEVICE_TOOL" fleet --count $COUNT --seed-base 5000 --list "$WORK/list.json" >/dev/null
KNOWN=$(jq '.devices | length' "$WORK/list.json")
api POST /api/v1/batches "@$WORK/list.json" >/dev/null
expect_status "registered $KNOWN devices" 201

run_fleet() {
    "$DEVICE_TOOL" fleet --count $COUNT --seed-base 5000 --connections 8 --server "$DEVICE" --ca "$CA" --save "$WORK/got" >"$WORK/fleet.out" 2>&1
}
for delay in 0.3 0.7 1.1; do
    run_fleet &
    FLEET=$!
    sleep $delay
    kill -9 "$SERVER_PID"
    wait "$SERVER_PID" 2>/dev/null || true
    wait $FLEET || true # it was cut off: that is the point
    start_server
    say "killed after $delay s; $(find "$WORK/got" -name '*.pem' | wc -l) certificates received so far"
done
GOT=$(find "$WORK/got" -name '*.pem' | wc -l)
[ "$GOT" -gt 0 ] || die "the server was killed before anybody was enrolled: the test shows nothing"
for pem in "$WORK"/got/*.pem; do
    serial=$(openssl x509 -in "$pem" -noout -serial | cut -d= -f2 | tr A-F a-f)
    [ "$(api GET "/api/v1/certificates/$serial" | jq -r .device_id)" = "$(basename "$pem" .pem)" ] || die "$pem is not in the inventory"
done
say "ok  all $GOT certificates received are in the inventory"
run_fleet || { cat "$WORK/fleet.out"; die "the fleet could not go on"; }
expect "everybody is enrolled in the end" "$(find "$WORK/got" -name '*.pem' | wc -l)" "$KNOWN"
stop_server
expect_in "the audit log verifies" "$("$WHORLD" audit verify --dir "$DATA")" "verifies"
expect_in "the directory is whole" "$("$WHORLD" check --dir "$DATA")" "0 problems"

say "one flipped byte"
cp -r "$DATA" "$WORK/tampered"
expect "one record is changed" "$(sqlite3 "$WORK/tampered/inventory.db" "UPDATE audit SET body = replace(body, 'serial', 'seriaI')
    WHERE (node, epoch, lane, seq) IN (SELECT node, epoch, lane, seq FROM audit WHERE instr(body, 'serial') > 0 LIMIT 1); SELECT changes()")" 1
expect_fails "audit verify notices" "$WHORLD" audit verify --dir "$WORK/tampered"
