#!/usr/bin/env bash
# MAC protection of CMP: a code made for one device, and OpenSSL's client with nothing else.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need openssl
init_data
start_server

api POST /api/v1/products '{"name":"coded","admission":"token"}' >/dev/null
expect_status "a product that admits by code" 201
# unit NAME: registers a device of that product; its id is in ID
unit() {
    new_identity "$1"
    api POST /api/v1/batches "{\"product\":\"coded\",\"devices\":[\"$ID\"]}" >/dev/null
    expect_status "the unit $1" 201
}
# code [FIELDS]: makes the code of the device ID; sets CODE
# shellcheck disable=SC2120
code() {
    api POST "/api/v1/devices/$ID/cmp-code" "{${1-}}" >/dev/null
    expect_status "its code" 201
    CODE=$(jq -r .code "$WORK/body")
}
state() { api GET "/api/v1/devices/$ID/cmp-code" | jq -r .state; }

say "codes"
unit one
code
expect "is good" "$(state)" active
expect "is nowhere in clear" "$(cat "$DATA"/*.db* | grep -c "${CODE#whorlcmp_}")" 0
api DELETE "/api/v1/devices/$ID/cmp-code" >/dev/null
expect_status "revoked" 204
expect "it is" "$(state)" revoked
