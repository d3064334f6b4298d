#!/usr/bin/env bash
# How many requests an address, a device and a tenant may make: a burst passes, the next one is 429 with Retry-After and changes nothing,
# who waits so long passes, nobody else waits; what answers say of it; SIGHUP.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"

init_data
start_server

# fields: those of the last answer. field NAME PARAMETER: of them, or "null"
fields() { python3 -B "$E2E/limit_fields.py" "$WORK/headers" || die "the fields of limits: $(grep -i ^ratelimit "$WORK/headers")"; }
field() { fields | jq -r ".$1.$2"; }
retry_after() { sed -n 's/^Retry-After: \([0-9]*\)\r$/\1/p' "$WORK/headers"; }
# limits KEY=VALUE…: in force from here on
limits() {
    local before
    before=$(grep -c '"event":"reload.done"' "$WORK/server.log" || true)
    sed -i '/^rate_/d' "$DATA/whorl.conf"
    printf '%s\n' "$@" | sed 's/=/ = /' >>"$DATA/whorl.conf"
    kill -HUP "$SERVER_PID"
    for _ in $(seq 100); do
        if [ "$(grep -c '"event":"reload.done"' "$WORK/server.log")" -gt "$before" ]; then return; fi
        sleep 0.02
    done
    die "the settings were not read again"
}
events() { api GET '/api/v1/audit?limit=200' | jq '.records | length'; }

say "as it is delivered"
api GET /api/v1/products >/dev/null
expect "an address" "$(field address q),$(field address w)" 20000,20
expect "a tenant" "$(field tenant q),$(field tenant w)" 5000,10
new_identity one
ONE=$ID
new_identity two
new_key key1
new_key key2
register "$ONE" "$ID"
device_json one GET /device/v1/status >/dev/null
expect "a device is told nothing while it is far from its limit" "$(fields)" '{}'

say "a device"
limits rate_device=1 rate_device_burst=4
for left in 3 2 1 0; do
    device_json one GET /device/v1/status >/dev/null
    expect "a request of a burst of four" "$(status)" 200
done
expect "the last one says so" "$(field device r)" 0
est one simpleenroll "$(csr key1)"
expect_status "the next one, in EST" 429
expect_in "in the words of EST" "$(cat "$WORK/body")" "too many requests from this device"
WAIT=$(retry_after)
expect "its field t is Retry-After" "$(field device t)" "$WAIT"
est two simpleenroll "$(csr key2)"
expect_status "another device enrols meanwhile" 200
sleep "$WAIT"
est one simpleenroll "$(csr key1)"
expect_status "Retry-After was enough" 200

say "a tenant"
limits rate_device=0
api POST /api/v1/tenants '{"name":"acme"}' >/dev/null
ACME=$(jq -r .id "$WORK/body")
OTHER=$(api POST /api/v1/tokens "{\"name\":\"other\",\"scopes\":[\"admin\"],\"tenant_id\":\"$ACME\"}" | jq -r .token)
HUBS=$(AS=$OTHER api GET /api/v1/hubs)
RECORDS=$(AS=$OTHER events)
limits rate_tenant=1 rate_tenant_burst=2
for left in 1 0; do
    AS=$OTHER api GET /api/v1/hubs >/dev/null
    expect "a request of two" "$(status),$(field tenant r)" "200,$left"
done
AS=$OTHER api POST /api/v1/hubs '{"name":"late","url":"mqtts://mqtt.example.com:8883"}' >/dev/null
expect_status "the third" 429
expect "its problem" "$(jq -r '.type + " " + (.status | tostring)' "$WORK/body")" "/problems/too-many-requests 429"
[ "$(retry_after)" -ge 1 ] || die "no Retry-After"
api GET /api/v1/products >/dev/null
expect_status "another tenant" 200
limits rate_tenant=0
expect "nothing was changed" "$(AS=$OTHER api GET /api/v1/hubs)" "$HUBS"
expect "nor noted in the audit log" "$(AS=$OTHER events)" "$RECORDS"

say "an address"
limits rate_tenant=0 rate_address=1 rate_address_burst=3
for _ in 1 2 3; do
    AS=whorl_nonsense api GET /api/v1/hubs >/dev/null
    expect "its credential is wrong" "$(status)" 401
done
AS=whorl_nonsense api GET /api/v1/hubs >/dev/null
expect_status "then nobody looks at it" 429
WAIT=$(retry_after)
device_json '' POST /device/v1/challenge "{\"device_id\":\"$ONE\",\"purpose\":\"status\"}" >/dev/null
expect_status "nor on the other listener" 429
api GET /api/v1/products '' --interface 127.0.0.2 >/dev/null
expect_status "from another address" 200
expect "lists are for everybody" "$(curl -sS -o /dev/null -w '%{http_code}' "$PUBLIC/crl/device.crl")" 200
if [ "$WAIT" -gt 1 ]; then WAIT=1; fi # who is told more is only spread
sleep "$WAIT"
api GET /api/v1/products >/dev/null
expect_status "Retry-After was enough" 200
limits rate_tenant=0 rate_address=0
api GET /metrics >"$WORK/metrics"
expect "the figures" "$(sed -n 's/^whorl_requests_limited_total//p' "$WORK/metrics" | tr '\n' ' ')" '{scope="address"} 2 {scope="device"} 1 {scope="tenant"} 1 '
expect "nothing to say without limits" "$(fields)" '{}'
