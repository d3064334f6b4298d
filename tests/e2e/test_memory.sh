#!/usr/bin/env bash
# Memory stays below what `whorld check` prints, whatever callers do: half-open connections, the largest bodies, slowly and at once, pipelined
# requests, large answers that nobody reads. Who finds no room is told to come again, and afterwards everything is as before.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
cat >>"$DATA/whorl.conf" <<CONF
connections = 800
body_memory_mib = 64
body_bytes_per_second = 1
rate_address = 0
rate_tenant = 0
CONF
MOST=$("$WHORLD" check --dir "$DATA" | sed -n 's/^  memory   at most \([0-9]*\) MiB.*/\1/p')
start_server
expect_in "check tells the budget of bodies" "$("$WHORLD" check --dir "$DATA")" "of which bodies 64 MiB"
python3 - >"$WORK/ids.json" <<'PY'
import hashlib, json
print(json.dumps({'devices': [hashlib.sha256(b'%d' % i).hexdigest() for i in range(2000)]}))
PY
api POST /api/v1/batches "@$WORK/ids.json" >/dev/null
expect_status "a fleet is there" 201
python3 -B "$E2E/hostile_mix.py" "${DEVICE#https://}" "${MANAGEMENT#https://}" "${PUBLIC#http://}" "$TOKEN" "$SERVER_PID" "${MIX_SECONDS:-2}" >"$WORK/mix"
fact() { jq -r "$1" "$WORK/mix"; }
if [ "$(fact .most_mib)" -lt "$MOST" ]; then say "ok  $(fact .most_mib) MiB at most, of $MOST"; else die "$(fact .most_mib) MiB, more than $MOST"; fi
expect "some were told to come again" "$(fact '.statuses."503" > 0')" true
expect "and some were served" "$(fact '.statuses."200" > 0')" true
expect "a body that can never be handled is 413" "$(fact .never)" 413
expect "brackets and nothing else are 413" "$(fact .brackets)" 413
expect_in "who was refused is counted" "$(api GET /metrics | grep 'refused_total{reason="memory"}' | grep -v ' 0$')" memory
for _ in $(seq 50); do
    if [ "$(api GET /metrics | awk '$1 == "whorl_body_memory_bytes" { print $2 }')" -lt 100000 ]; then break; fi
    sleep 0.1
done
expect "the budget is whole again" "$(api GET /metrics | awk '$1 == "whorl_body_memory_bytes" { print ($2 < 100000) }')" 1
expect "the list is read when it is over" "$(api GET '/api/v1/devices?limit=1000' | jq '.devices | length')" 1000
stop_server
