#!/usr/bin/env bash
# The same request again: under one Idempotency-Key everything is made once, and what else comes under that key is told why not; a cursor
# holds for its own list only.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
start_server
detail() { jq -r .detail "$WORK/body"; }

say "made once"
# once PATH BODY OTHER-BODY: made, answered again, refused with another body
once() {
    local key="Idempotency-Key: \"$1\"" id
    id=$(api POST "$1" "$2" -H "$key" | jq -r .id)
    expect "$1" "$(status)" 201
    api POST "$1" "$2" -H "$key" >/dev/null
    expect "again: the first answer" "$(status) $(jq -r .id "$WORK/body")" "201 $id"
    api POST "$1" "$2" -H "Idempotency-Key: $1" >/dev/null
    expect "the key without quotes is the same" "$(status) $(jq -r .id "$WORK/body")" "201 $id"
    api POST "$1" "$3" -H "$key" >/dev/null
    expect "another body" "$(status) $(detail)" "422 the Idempotency-Key was used for another request"
}
once /api/v1/hubs '{"name":"broker","host":"a.example.com"}' '{"name":"broker","host":"b.example.com"}'
once /api/v1/products '{"name":"sensor"}' '{"name":"sensor","renew_percent":50}'
once /api/v1/tenants '{"name":"acme"}' '{"name":"other"}'
new_identity unit
once /api/v1/batches "{\"devices\":[\"$ID\"]}" "{\"name\":\"x\",\"devices\":[\"$ID\"]}"
api POST /api/v1/products '{"name":"second"}' -H 'Idempotency-Key: "/api/v1/hubs"' >/dev/null
expect_status "a key of another kind of thing" 422
api POST /api/v1/products '{"name":"second"}' -H 'Idempotency-Key: ""' >/dev/null
expect_status "an empty key" 400
api POST /api/v1/products '{"name":"second"}' -H "Idempotency-Key: $(printf 'k%.0s' {1..129})" >/dev/null
expect_status "a key that is too long" 400
api POST /api/v1/products '{"name":"second"}' -H 'Idempotency-Key: a b' >/dev/null
expect_status "a key with a space" 400

say "where the answer held a secret"
TOKEN_ID=$(api POST /api/v1/tokens '{"name":"line","scopes":["audit:read"]}' -H 'Idempotency-Key: t' | jq -r .id)
api POST /api/v1/tokens '{"name":"line","scopes":["audit:read"]}' -H 'Idempotency-Key: t' >/dev/null
expect_status "it is not shown again" 409
expect_in "what was made is named" "$(detail)" "$TOKEN_ID"
expect "and was made once" "$(api GET /api/v1/tokens | jq '[.tokens[] | select(.name == "line")] | length')" 1

say "while it runs"
python3 -c '
import hashlib, json
print(json.dumps({"name": "long", "devices": [hashlib.sha256(b"%d" % i).hexdigest() for i in range(150000)]}))' >"$WORK/long.json"
curl -sS --cacert "$CA" -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -H 'Idempotency-Key: long' \
    --data-binary "@$WORK/long.json" -H 'Expect:' -o "$WORK/long.out" -w '%{http_code}' "$MANAGEMENT/api/v1/batches" >"$WORK/long.status" &
LONG=$!
PIDS+=("$LONG")
SEEN=
while kill -0 "$LONG" 2>/dev/null; do
    api POST /api/v1/batches '{"devices":[]}' -H 'Idempotency-Key: long' >/dev/null # refused (422) when it may run
    if [ "$(status)" = 409 ]; then SEEN=$(detail) && break; fi
done
expect "a second request under its key" "$SEEN" "a request with this Idempotency-Key is still running: ask again for its answer"
wait "$LONG"
expect "the first is not disturbed" "$(cat "$WORK/long.status") $(jq .device_count "$WORK/long.out")" "201 150000"
api POST /api/v1/batches "@$WORK/long.json" -H 'Idempotency-Key: long' >/dev/null
expect "afterwards the second gets its answer" "$(status) $(jq -r .id "$WORK/body")" "201 $(jq -r .id "$WORK/long.out")"

say "twenty at once"
for n in $(seq 20); do
    curl -sS --cacert "$CA" -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -H 'Idempotency-Key: crowd' \
        -d '{"name":"crowd","host":"a.example.com"}' -o "$WORK/crowd.$n" -w '%{http_code}\n' "$MANAGEMENT/api/v1/hubs" >"$WORK/crowd.status.$n" &
    CROWD[n]=$!
done
wait "${CROWD[@]}"
expect "each got the answer, or is told to ask again" "$(cat "$WORK"/crowd.status.* | grep -cv '^201$\|^409$')" 0
expect "one hub was made" "$(cat "$WORK"/crowd.[0-9]* | jq -r 'select(.name == "crowd").id' | sort -u | wc -l)" 1

say "cursors"
NEXT=$(api GET '/api/v1/devices?limit=1&state=registered' | jq -r .next)
api GET "/api/v1/devices?limit=1&state=registered&cursor=$NEXT" >/dev/null
expect_status "under its own filter" 200
for list in '/api/v1/devices?state=enrolled' '/api/v1/devices?limit=1' '/api/v1/batches?limit=1' '/api/v1/audit?limit=1'; do
    api GET "$list&cursor=$NEXT" >/dev/null
    expect "in $list" "$(status) $(detail | cut -c1-10)" "400 the cursor"
done
api GET "/api/v1/devices?limit=1&state=registered&cursor=${NEXT%?}$([ "${NEXT: -1}" = 0 ] && echo 1 || echo 0)" >/dev/null
expect_status "with one character changed" 400
ACME=$(api GET /api/v1/tenants | jq -r '.tenants[] | select(.name == "acme").id')
OTHER=$(api POST /api/v1/tokens "{\"name\":\"first\",\"scopes\":[\"admin\"],\"tenant_id\":\"$ACME\"}" | jq -r .token)
AS=$OTHER api GET "/api/v1/devices?limit=1&state=registered&cursor=$NEXT" >/dev/null
expect_status "by another tenant" 400
stop_server
expect_in "the audit log verifies" "$("$WHORLD" audit verify --dir "$DATA")" "verifies"
