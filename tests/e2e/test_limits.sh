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
# burst COUNT METHOD URL CURL-OPTIONS…: so many at once over one connection, whatever else the machine does; CODES are all statuses, the rest is of
# the last one
burst() {
    local count=$1 method=$2 url=$3
    shift 3
    CODES=$(curl -sS --cacert "$CA" -X "$method" -o "$WORK/body" -D "$WORK/all" -w '%{http_code} ' "$@" "$url#[1-$count]")
    awk 'BEGIN { RS = "\r\n\r\n" } NF { last = $0 } END { printf "%s\r\n\r\n", last }' "$WORK/all" >"$WORK/headers"
    printf %s "${CODES% }" | sed 's/.* //' >"$WORK/status"
}

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
ONES=(--cert "$WORK/one.crt" --key "$WORK/one.key")
burst 8 GET "$DEVICE/device/v1/status" "${ONES[@]}"
expect_in "a burst of four" "$CODES" "200 200 200 200 "
expect_status "then no more" 429
burst 8 POST "$DEVICE/.well-known/est/simpleenroll" "${ONES[@]}" -H 'Content-Type: application/pkcs10' --data x
expect_status "nor by EST" 429
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
RECORDS=$(AS=$OTHER events)
limits rate_tenant=1 rate_tenant_burst=2
OTHERS=(-H "Authorization: Bearer $OTHER")
burst 6 GET "$MANAGEMENT/api/v1/hubs" "${OTHERS[@]}"
expect_in "a burst of two" "$CODES" "200 200 "
expect_status "then no more" 429
expect "its problem" "$(jq -r '.type + " " + (.status | tostring)' "$WORK/body")" "/problems/too-many-requests 429"
expect "nothing is left" "$(field tenant r)" 0
expect "its field t is Retry-After" "$(field tenant t)" "$(retry_after)"
api GET /api/v1/products >/dev/null
expect_status "another tenant" 200
limits rate_tenant=0
expect "the audit log has no word of it" "$(AS=$OTHER events)" "$RECORDS"

say "an address"
limits rate_tenant=0 rate_address=1 rate_address_burst=3
burst 8 GET "$MANAGEMENT/api/v1/hubs" -H 'Authorization: Bearer whorl_nonsense'
expect_in "its credential is wrong" "$CODES" "401 401 401 "
expect_status "then nobody looks at it" 429
WAIT=$(retry_after)
burst 8 POST "$DEVICE/device/v1/challenge" -H 'Content-Type: application/json' --data '{}'
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
for scope in address device tenant; do
    expect "the figure of a $scope" "$(($(sed -n "s/^whorl_requests_limited_total{scope=\"$scope\"} //p" "$WORK/metrics") > 0))" 1
done
expect "nothing to say without limits" "$(fields)" '{}'
