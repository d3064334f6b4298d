#!/usr/bin/env bash
# The power was cut, at the server and at its fleet: the server starts again, and every device comes back in the same moment with a full handshake.
# Who is turned away waits as the reference device does. All are served, none is lost, OCSP and the CRL are answered meanwhile, memory is bounded.
# WHORL_STORM=full (10,000), or a number: so many devices whose seconds last a second, on default settings, and a table
# (docs/measurements.md#power-back).
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"

IS_FULL=0 COUNT=300 SECOND_MS=20 P99_MS=2000
if [ -n "${WHORL_STORM:-}" ]; then IS_FULL=1 COUNT=${WHORL_STORM/full/10000} SECOND_MS=1000 P99_MS=250; fi
init_data
cat >>"$DATA/whorl.conf" <<CONF
device_listen = 127.0.0.1:$(free_port)
connections_per_address = 20000
CONF
if [ $IS_FULL = 1 ]; then sed -i '/^workers = /d' "$DATA/whorl.conf"; fi # as it is delivered
start_server
"$DEVICE_TOOL" fleet --count "$COUNT" --seed-base 7000000 --list "$WORK/list.json" >/dev/null
while read -r ids; do
    api POST /api/v1/batches "{\"devices\":$ids}" >/dev/null
    [ "$(status)" = 201 ] || die "the fleet was not registered: $(cat "$WORK/body")"
done < <(jq -c '.devices | _nwise(1000)' "$WORK/list.json")
# Onboarded by few at a time, so that nobody is turned away yet. Devices have processors of their own: here they take what the server leaves.
nice -n 10 "$DEVICE_TOOL" fleet --count "$COUNT" --seed-base 7000000 --connections 4 --save "$WORK/certificates" --server "$DEVICE" --ca "$CA" \
    --power-back "$WORK/go" --second-ms $SECOND_MS --stay 30m >"$WORK/fleet.out" 2>"$WORK/fleet.err" &
FLEET=$!
PIDS+=("$FLEET")
for _ in $(seq 6000); do
    if grep -q 'stand ready' "$WORK/fleet.out"; then break; fi
    kill -0 $FLEET 2>/dev/null || { cat "$WORK/fleet.out" "$WORK/fleet.err"; die "the fleet was not onboarded"; }
    sleep 0.1
done
if [ $IS_FULL = 0 ]; then # it comes back so small that it must turn some away
    sed -i '/^workers = /d' "$DATA/whorl.conf"
    printf '%s\n' 'workers = 2' 'queue_limit = 16' 'handshakes = 16' 'accept_wait_ms = 300' 'queue_wait_ms = 300' >>"$DATA/whorl.conf"
fi
kill -9 "$SERVER_PID"
wait "$SERVER_PID" 2>/dev/null || true
start_server
curl -sSo "$WORK/issuer.cer" "$PUBLIC/ca/device.cer"
SERIAL=$(openssl x509 -in "$(find "$WORK/certificates" -name '*.pem' | sort | head -n 1)" -noout -serial | cut -d= -f2)
python3 -B "$E2E/ocsp_request.py" "$WORK/issuer.cer" "$SERIAL" >"$WORK/ocsp.req"
python3 "$E2E/power_back.py" sample "$SERVER_PID" 127.0.0.1 "$PUBLIC_PORT" /crl/device.crl "$WORK/ocsp.req" "$WORK/stop" "$WORK/samples" &
SAMPLER=$!
PIDS+=("$SAMPLER")
sleep 0.2
touch "$WORK/go"
wait $FLEET || { cat "$WORK/fleet.out" "$WORK/fleet.err"; die "not every device was served"; }
touch "$WORK/stop"
wait $SAMPLER
python3 "$E2E/power_back.py" table "$WORK/fleet.out" "$WORK/samples" >"$WORK/table"
grep '^|' "$WORK/table"
JUDGED=$(tail -n 1 "$WORK/table")
judged() { jq -r ".$1" <<<"$JUDGED"; }
expect "all came back" "$(judged devices)" "$(jq '.devices | length' "$WORK/list.json")"
expect "all were served, none is lost" "$(judged served),$(judged lost)" "$(judged devices),0"
expect "OCSP and CRL never failed" "$(judged failures)" 0
expect "nor waited long" "$(jq "(.ocsp_p99 < $P99_MS) and (.crl_p99 < $P99_MS) and (.answers > 20)" <<<"$JUDGED")" true
if [ $IS_FULL = 0 ]; then
    expect "some had to come again" "$(jq '(.unreached + .refused) > 0' <<<"$JUDGED")" true
else
    expect "in a steady stream" "$(jq '.variation < 0.5' <<<"$JUDGED")" true
fi
# figure NAME: of /metrics, the sum over its labels
figure() { sed -n "s/^$1[{ ].* //p" "$WORK/metrics" | awk '{ n += $1 } END { print n + 0 }'; }
metrics() { api GET /metrics >"$WORK/metrics"; }
if [ $IS_FULL = 0 ]; then
    # two workers, and twelve callers that never pause: somebody always waits, and the jobs of every second let them go first
    metrics
    YIELDS=$(figure whorl_yields_total) RUNS=$(figure whorl_job_runs_total)
    MANAGED=${MANAGEMENT#https://}
    python3 -B "$E2E/press.py" "${MANAGED%:*}" "${MANAGED##*:}" "$CA" "$DATA/admin.token" '/api/v1/devices?limit=200' 12 2.5 >"$WORK/pressed"
    metrics
    expect "background work let requests go first" "$(($(figure whorl_yields_total) > YIELDS))" 1
    expect "and went on" "$(($(figure whorl_job_runs_total) > RUNS))" 1
fi
expect "the memory of the server is bounded" "$(jq '.memory_mb < 600' <<<"$JUDGED")" true
stop_server
