#!/usr/bin/env bash
# takes long
# 20,000 devices are revoked in one order; the server is killed in the middle of it, twice, and goes on. Afterwards every certificate is on
# the CRL, once, and every device has its record. Some devices are real; the certificates of the many are put into the inventory by hand.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need sqlite3
init_data
start_server
COUNT=20000 REAL=20
"$DEVICE_TOOL" fleet --count $REAL --seed-base 7000 --list "$WORK/real.json" >/dev/null
REAL=$(jq '.devices | length' "$WORK/real.json")
python3 - "$COUNT" "$WORK/real.json" >"$WORK/list.json" <<'PY'
import hashlib, json, sys
real = json.load(open(sys.argv[2]))["devices"]
made = [hashlib.sha256(b"%d" % i).hexdigest() for i in range(int(sys.argv[1]) - len(real))]
print(json.dumps({"name": "lot-7", "devices": real + made}))
PY
BATCH=$(api POST /api/v1/batches "@$WORK/list.json" | jq -r .id)
expect_status "$COUNT devices are registered" 201
mkdir "$WORK/got"
"$DEVICE_TOOL" fleet --count 20 --seed-base 7000 --connections 4 --server "$DEVICE" --ca "$CA" --save "$WORK/got" >"$WORK/fleet.out" 2>&1 || { cat "$WORK/fleet.out"; die "the fleet did not enrol"; }
stop_server
sqlite3 "$DATA/inventory.db" <<'SQL'
INSERT INTO certificate (serial, authority, tenant, device, generation, state, spki_sha256, not_before, not_after, issued_at, confirmed_at,
    first_used_at, der, ver)
  SELECT substr(id, 1, 16), 'device', tenant, id, 1, 1, randomblob(32), 0, 4000000000000, 1, 1, 1, x'00', 1 FROM device WHERE state = 0;
UPDATE device SET state = 1, generation = 1, enrolled_at = registered_at WHERE state = 0;
UPDATE device_count SET n = (SELECT count(*) FROM device WHERE device.state = 1 AND (device.batch = owner OR device.product = owner OR owner = x'ffffffffffffffffffffffffffffffff')) WHERE state = 1;
UPDATE device_count SET n = 0 WHERE state = 0;
SQL
start_server

expect "a dry run counts" "$(api POST "/api/v1/batches/$BATCH/revoke" '{"reason":"keyCompromise","dry_run":true}' | jq -c '[.at_most, (.sample | length)]')" "[$COUNT,10]"
api POST "/api/v1/batches/$BATCH/revoke" '{"reason":"keyCompromise","note":"stolen"}' -H 'Idempotency-Key: once' >"$WORK/answer"
expect_status "the order is taken at once" 202
OPERATION=$(jq -r .id "$WORK/answer")
progress() { api GET "/api/v1/operations/$OPERATION" | jq "$@"; }
wait_for() { # until DONE devices are done
    for _ in $(seq 600); do
        if [ "$(progress .devices.done)" -ge "$1" ]; then return; fi
        sleep 0.05
    done
    die "the operation does not go on: $(progress -c .)"
}
for most in 1 6000; do
    wait_for $most
    kill -9 "$SERVER_PID"
    wait "$SERVER_PID" 2>/dev/null || true
    start_server
    AT=$(progress .devices.done)
    say "ok  killed with $AT of $COUNT done"
    [ "$AT" -lt $COUNT ] || die "the operation was over before the server was killed: the test shows nothing"
done
expect "a repeat of the order finds it" "$(api POST "/api/v1/batches/$BATCH/revoke" '{"reason":"keyCompromise","note":"stolen"}' -H 'Idempotency-Key: once' | jq -r .id)" "$OPERATION"
worst=0
while [ "$(progress -r .state)" = running ]; do
    before=$(date +%s%N)
    api GET /api/v1/whoami >/dev/null
    took=$((($(date +%s%N) - before) / 1000000))
    [ $took -le $worst ] || worst=$took
    sleep 0.1
done
say "others were answered meanwhile, the slowest after $worst ms"
expect "done" "$(progress -c '[.state, .devices.done, .devices.skipped, .devices.failed]')" "[\"done\",$COUNT,0,0]"
expect "the counts of the batch" "$(api GET "/api/v1/batches/$BATCH" | jq -c '[.devices.enrolled, .devices.revoked]')" "[0,$COUNT]"

crl_count() { curl -sS "$PUBLIC/crl/device.crl" -o "$WORK/device.crl" && openssl crl -inform DER -in "$WORK/device.crl" -noout -text >"$WORK/crl.txt" && grep -c 'Serial Number' "$WORK/crl.txt"; }
for _ in $(seq 100); do
    if [ "$(crl_count)" = $COUNT ]; then break; fi
    sleep 0.1
done
expect "every certificate is on the CRL, once" "$(grep 'Serial Number' "$WORK/crl.txt" | sort -u | wc -l)" $COUNT
expect "with the reason" "$(grep -c 'Key Compromise' "$WORK/crl.txt")" $COUNT
for pem in "$WORK"/got/*.pem; do
    serial=$(openssl x509 -in "$pem" -noout -serial | cut -d= -f2)
    grep -qi "$serial" "$WORK/crl.txt" || die "$serial of a real device is not on the CRL"
done
say "ok  those of the $REAL real devices too"
stop_server
expect "one record for each device" "$(sqlite3 "$DATA/inventory.db" "SELECT count(*), count(DISTINCT device) FROM audit WHERE kind = 'device.revoked'")" "$COUNT|$COUNT"
expect "one record for each certificate" "$(sqlite3 "$DATA/inventory.db" "SELECT count(*) FROM audit WHERE kind = 'certificate.revoked'")" $COUNT
expect_in "the log verifies" "$("$WHORLD" audit verify --dir "$DATA")" "verifies"
