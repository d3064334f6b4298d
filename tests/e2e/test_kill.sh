#!/usr/bin/env bash
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
received() { find "$WORK/got" -name '*.pem' | wc -l; }
for most in 10 60 130; do
    run_fleet &
    FLEET=$!
    for _ in $(seq 600); do
        [ "$(received)" -lt $most ] || break
        sleep 0.02
    done
    kill -9 "$SERVER_PID"
    wait "$SERVER_PID" 2>/dev/null || true
    wait $FLEET || true # it was cut off: that is the point
    start_server
    say "killed with $(received) certificates received"
    [ "$(received)" -ge $most ] && [ "$(received)" -lt "$KNOWN" ] || die "not in the middle of the fleet: the test shows nothing"
done
GOT=$(received)
# all of them over one connection
python3 -B - "$MANAGEMENT/api/v1/certificates/" "$WORK/answers" "$WORK"/got/*.pem >"$WORK/lookups" <<'PY'
import os, ssl, sys
for path in sys.argv[3:]:
    der = ssl.PEM_cert_to_DER_cert(open(path).read())
    at = der.index(bytes.fromhex("a003020102")) + 5  # behind [0] version 3: INTEGER serialNumber
    serial = der[at + 2 : at + 2 + der[at + 1]].hex()[-32:]
    print(f'url = "{sys.argv[1]}{serial}"\noutput = "{sys.argv[2]}/{os.path.basename(path)[:-4]}"')
PY
mkdir "$WORK/answers"
curl -sS --cacert "$CA" -H "Authorization: Bearer $TOKEN" -K "$WORK/lookups"
expect "every one is in the inventory, and its device's" "$(cd "$WORK/answers" && jq -r 'select(.device_id == input_filename) | .device_id' -- * | wc -l)" "$GOT"
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
