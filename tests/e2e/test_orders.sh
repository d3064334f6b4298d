#!/usr/bin/env bash
# Orders that go on after their answer, and how they end otherwise than well: an operation is cancelled half-way, a transfer is rejected or
# withdrawn; a product asks for a second person.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
offers cancelOperation || skip "this build has no operations"
init_data
start_server
header() { tr -d '\r' <"$WORK/headers" | sed -n "s/^$1: //Ip"; }

say "a product asks for a second person"
PRODUCT=$(api POST /api/v1/products '{"name":"sensor"}' | jq -r .id)
api GET "/api/v1/products/$PRODUCT/dual-control" >/dev/null
expect "nothing waits at first" "$(status) $(header etag) $(jq -c .kinds "$WORK/body")" '200 "0" []'
api PATCH "/api/v1/products/$PRODUCT/dual-control" '{"kinds":["device.compromised"]}' -H 'If-Match: "0"' >/dev/null
expect "adding holds at once" "$(status) $(jq -c .kinds "$WORK/body")" '200 ["device.compromised"]'
new_identity unit
api POST /api/v1/batches "{\"product\":\"sensor\",\"devices\":[\"$ID\"]}" >/dev/null
api POST "/api/v1/devices/$ID/compromised" '{"reason":"cloned"}' >/dev/null
expect_status "the order waits" 202
expect "the device is what it was" "$(api GET "/api/v1/devices/$ID" | jq -r .state)" registered

say "operations"
new_key op
est unit simpleenroll "$(csr op)"
expect_status "the device enrols" 200
OPERATION=$(api POST "/api/v1/products/$PRODUCT/revoke" '{"reason":"keyCompromise","note":"stolen pallet"}' | jq -r .id)
expect_status "all of a product" 202
for _ in $(seq 100); do
    if [ "$(api GET "/api/v1/operations/$OPERATION" | jq -r .state)" = "done" ]; then break; fi
    sleep 0.05
done
expect "is done" "$(api GET "/api/v1/devices/$ID" | jq -r .state)" revoked
api POST "/api/v1/operations/$OPERATION/cancel" '{}' >/dev/null
expect_status "too late to cancel" 409
python3 -c '
import hashlib, json
print(json.dumps({"name": "long", "devices": [hashlib.sha256(b"%d" % i).hexdigest() for i in range(60000)]}))' >"$WORK/long.json"
BATCH=$(api POST /api/v1/batches "@$WORK/long.json" | jq -r .id)
LONG=$(api POST "/api/v1/batches/$BATCH/revoke" '{"reason":"keyCompromise"}' | jq -r .id)
expect_status "a long one" 202
api POST "/api/v1/operations/$LONG/cancel" '{}' >/dev/null
expect "is cancelled" "$(status) $(jq -r .state "$WORK/body")" "200 cancelled"
expect "both are listed" "$(api GET /api/v1/operations | jq -r '[.operations[].id] | sort == (["'"$OPERATION"'", "'"$LONG"'"] | sort)')" true

say "transfers"
"$WHORLD" tenant add --dir "$DATA" --name acme >/dev/null 2>&1
ACME=$("$WHORLD" token add --dir "$DATA" --tenant acme --name boss --scope admin --expires 30 2>/dev/null)
EXPIRES=$(date -u -d '+1 day' +%Y-%m-%dT%H:%M:%SZ)
new_identity sold
register "$ID"
offer() { api POST /api/v1/transfers "{\"to_tenant\":\"acme\",\"devices\":[\"$ID\"],\"expires_at\":\"$EXPIRES\"}" | jq -r .id; }
OFFER=$(offer)
AS=$ACME api POST "/api/v1/transfers/$OFFER/reject" '{}' >/dev/null
expect "rejected by the other tenant" "$(status) $(jq -r .state "$WORK/body")" "200 rejected"
OFFER=$(offer)
expect_status "offered again" 201
AS=$ACME api POST "/api/v1/transfers/$OFFER/withdraw" '{}' >/dev/null
case $(status) in 403 | 404 | 409) say "ok  the other tenant does not withdraw it ($(status))" ;; *) die "withdrawn by the other tenant: $(status)" ;; esac
api POST "/api/v1/transfers/$OFFER/withdraw" '{}' >/dev/null
expect "withdrawn" "$(status) $(jq -r .state "$WORK/body")" "200 withdrawn"
AS=$ACME api POST "/api/v1/transfers/$OFFER/accept" '{"batch":"bought"}' >/dev/null
expect_status "and not to be had any more" 409
expect "the device stayed" "$(api GET "/api/v1/devices/$ID" | jq -r .state)" registered
stop_server
expect_in "the audit log verifies" "$("$WHORLD" audit verify --dir "$DATA")" "verifies"
