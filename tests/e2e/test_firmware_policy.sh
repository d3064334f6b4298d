#!/usr/bin/env bash
# How the devices of a product fetch firmware: read, set and changed over the real interface and by whorl.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
start_server

etag() { tr -d '\r' <"$WORK/headers" | sed -n 's/^[Ee][Tt]ag: //p'; }
POLICY=/api/v1/products/default/firmware-policy
api GET $POLICY >/dev/null
expect_status "the policy of a product that nobody touched" 200
expect "its defaults" "$(jq -c 'del(.updated_at)' "$WORK/body")" '{"poll_s":300,"signed_urls":false,"target_tokens":false,"first_use_alias":true,"overdue":"warn"}'
FIRST=$(etag)
api PUT $POLICY '{"poll_s":60}' -H "If-Match: $FIRST" >/dev/null
expect_status "it is set" 200
api PUT $POLICY '{"poll_s":60}' -H "If-Match: $FIRST" >/dev/null
expect_status "at a version that is gone" 412
api PATCH $POLICY '{"overdue":"exclude"}' -H "If-Match: $(api GET $POLICY >/dev/null; etag)" >/dev/null
expect_status "and changed" 200
expect "the rest stays" "$(jq -c '[.poll_s,.overdue]' "$WORK/body")" '[60,"exclude"]'

whorl() { "$PWD/$BUILD/whorl" --server "$MANAGEMENT" --ca "$CA" --token-file "$DATA/admin.token" "$@"; }
whorl firmware-policy edit default --poll 2m --target-tokens true >"$WORK/out"
expect "whorl changes it" "$(whorl firmware-policy show default --json | jq -c '[.poll_s,.target_tokens]')" '[120,true]'

say "one device"
new_identity unit
register "$ID"
DEVICE_ID=$ID
api PUT "/api/v1/devices/$DEVICE_ID/firmware/target-token" '{}' >/dev/null
expect_status "a target token" 200
expect "it is shown" "$(jq -r '.target_token | length' "$WORK/body")" 64
api DELETE "/api/v1/devices/$DEVICE_ID/firmware/target-token" >/dev/null
expect_status "taken back" 204
api DELETE "/api/v1/devices/$DEVICE_ID/firmware/controller" >/dev/null
expect_status "no name of its own" 204
expect "whorl makes one" "$(whorl firmware-policy make-token "$DEVICE_ID" --json | jq -r '.target_token | length')" 64

say "the configuration of clients"
whorl firmware-policy client-config "$DEVICE_ID" --client swupdate --host whorl.example:8443 >"$WORK/out"
expect_in "SWUpdate" "$(cat "$WORK/out")" "tenant = \"DEFAULT\"; id = \"$DEVICE_ID\"; url = \"https://whorl.example:8443\";"
whorl firmware-policy client-config "$DEVICE_ID" --client swupdate-general --host whorl.example:8443 --folder /data >"$WORK/out"
expect_in "its other server" "$(cat "$WORK/out")" 'sslkey = "/data/device.key"'
whorl firmware-policy client-config "$DEVICE_ID" --client rauc --host whorl.example:8443 >"$WORK/out"
expect_in "RAUC" "$(cat "$WORK/out")" "target_name               = $DEVICE_ID"
expect_fails "a client that is not known" whorl firmware-policy client-config "$DEVICE_ID" --client curl --host whorl.example:8443
expect_fails "a host that would write more than a host" whorl firmware-policy client-config "$DEVICE_ID" --client rauc --host 'x"; y'
