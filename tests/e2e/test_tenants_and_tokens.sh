#!/usr/bin/env bash
# Tokens and tenants: what a credential opens, and that tenants never see each other.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
start_server
MINE=$TOKEN

say "tokens"
expect "whoami" "$(api GET /api/v1/whoami | jq -r .tenant)" default
AS=${MINE}x api GET /api/v1/whoami >/dev/null
expect_status "a token with a typing error" 401
AS=nonsense api GET /api/v1/whoami >/dev/null
expect_status "no token at all" 401
expect_in "says how" "$(tr -d '\r' <"$WORK/headers" | tr '[:upper:]' '[:lower:]')" "www-authenticate: bearer"
api GET "/api/v1/whoami?access_token=$MINE" >/dev/null
[ "$(status)" != 200 ] || die "a token in the query string was taken"
say "ok  a token in the query string is refused"

say "made and revoked beside the running server"
READER=$("$WHORLD" token add --dir "$DATA" --name reader --scope devices:read --expires 30 2>/dev/null)
AS=$READER api GET /api/v1/devices >/dev/null
expect_status "devices:read reads" 200
AS=$READER api POST /api/v1/batches '{"devices":[]}' >/dev/null
expect_status "and does not write" 403
READER_ID=$(cut -d_ -f2 <<<"$READER")
"$WHORLD" token revoke --dir "$DATA" --id "$READER_ID" >/dev/null
AS=$READER api GET /api/v1/devices >/dev/null
expect_status "revoked" 401
SOON=$(date -u -d '+3 seconds' +%Y-%m-%dT%H:%M:%SZ)
SHORT=$("$WHORLD" token add --dir "$DATA" --name short --scope devices:read --expires "$SOON" 2>/dev/null)
AS=$SHORT api GET /api/v1/devices >/dev/null
expect_status "before its expiry" 200
for _ in $(seq 100); do
    AS=$SHORT api GET /api/v1/devices >"$WORK/answer"
    [ "$(status)" = 200 ] || break
    sleep 0.1
done
expect_status "after its expiry" 401
expect_in "with its own reason" "$(jq -r .type "$WORK/answer")" "token-expired"
expect_fails "a scope that does not exist" "$WHORLD" token add --dir "$DATA" --name x --scope devices:own

for n in 1 2 3 4; do
    "$WHORLD" token add --dir "$DATA" --name "beside$n" --scope devices:read >"$WORK/beside.$n" 2>/dev/null &
    BESIDE[n]=$!
done
for n in 1 2 3 4; do
    wait "${BESIDE[n]}" || die "a command did not wait for the other"
    AS=$(cat "$WORK/beside.$n") api GET /api/v1/devices >/dev/null
    expect_status "commands beside each other take turns ($n)" 200
done

say "two tenants"
"$WHORLD" tenant add --dir "$DATA" --name acme >/dev/null
expect_fails "the same name twice" "$WHORLD" tenant add --dir "$DATA" --name acme
expect_fails "a name that is no label" "$WHORLD" tenant add --dir "$DATA" --name 'Acme Corp'
ACME=$("$WHORLD" token add --dir "$DATA" --tenant acme --name back-end --scope admin 2>/dev/null)
new_identity shared
SHARED=$ID
BATCH=$(api POST /api/v1/batches "{\"devices\":[\"$SHARED\"]}" | jq -r .id)
AS=$ACME api GET "/api/v1/devices/$SHARED" >/dev/null
expect_status "another tenant's device" 404
AS=$ACME api GET "/api/v1/batches/$BATCH" >/dev/null
expect_status "another tenant's batch" 404
AS=$ACME api POST /api/v1/batches "{\"devices\":[\"$SHARED\"]}" >/dev/null
expect_status "the same id in another tenant shows nothing" 201

say "two equal claims need the label"
new_key one
est shared simpleenroll "$(csr one)"
expect_status "without a label" 403
est shared nobody/simpleenroll "$(csr one)"
expect_status "an unknown label" 404
est shared acme/simpleenroll "$(csr one)"
expect_status "with the tenant's label" 200
keep_certificate one
SERIAL=$(openssl x509 -in "$WORK/one.crt" -noout -serial | cut -d= -f2 | tr A-F a-f)
api GET "/api/v1/certificates/$SERIAL" >/dev/null
expect_status "the other tenant does not see the certificate" 404
api POST "/api/v1/certificates/$SERIAL/revoke" '{"reason":"keyCompromise"}' >/dev/null
expect_status "and cannot revoke it" 404
AS=$ACME api GET "/api/v1/certificates/$SERIAL" >/dev/null
expect_status "its own tenant does" 200

say "idempotency and listing"
KEY="Idempotency-Key: \"$(cat /proc/sys/kernel/random/uuid)\""
new_identity idem
BODY="{\"name\":\"idem\",\"devices\":[\"$ID\"]}"
FIRST=$(api POST /api/v1/batches "$BODY" -H "$KEY" | jq -r .id)
expect "the same key gives the same batch" "$(api POST /api/v1/batches "$BODY" -H "$KEY" | jq -r .id)" "$FIRST"
api POST /api/v1/batches '{"name":"other","devices":[]}' -H "$KEY" >/dev/null
expect_status "the same key with another body" 422
python3 -c '
import json, hashlib
print(json.dumps({"name": "many", "devices": [hashlib.sha256(b"p%d" % i).hexdigest() for i in range(250)]}))' >"$WORK/many.json"
api POST /api/v1/batches "@$WORK/many.json" >/dev/null
expect_status "250 more" 201
next="/api/v1/devices?limit=100" seen=0 pages=0
while [ -n "$next" ]; do
    seen=$((seen + $(api GET "$next" | jq '.devices | length')))
    pages=$((pages + 1))
    next=$(tr -d '\r' <"$WORK/headers" | sed -n 's/^[Ll]ink: <\([^>]*\)>; rel="next".*/\1/p' | sed "s|^https://[^/]*||")
done
expect "every device once over the pages" "$seen" 252
expect "pages" "$pages" 3
api GET "/api/v1/devices?cursor=AAAA" >/dev/null
expect_status "a forged cursor" 400
stop_server
