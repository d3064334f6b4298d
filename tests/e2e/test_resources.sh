#!/usr/bin/env bash
# Tenants, products, hubs, tokens and authorities over the real interface: made, changed, listed, refused.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
start_server

etag() { tr -d '\r' <"$WORK/headers" | sed -n 's/^[Ee][Tt]ag: //p'; }
header() { tr -d '\r' <"$WORK/headers" | tr '[:upper:]' '[:lower:]' | sed -n "s/^$1: //p"; }
pointers() { jq -r '[.errors[].pointer] | sort | join(" ")' "$WORK/body"; }

say "a hub and a product on it"
HUB=$(jq -n --rawfile ca "$CA" '{name: "broker", host: "mqtt.example.com", trust_anchors: $ca}')
api POST /api/v1/hubs "$HUB" >/dev/null
expect_status "a hub" 201
expect "its URL" "$(jq -r .url "$WORK/body")" mqtts://mqtt.example.com:8883
api POST /api/v1/products '{"name":"sensor","key_algorithms":["P-256"],"hub":"broker"}' >/dev/null
expect_status "a product" 201
PRODUCT=$(jq -r .id "$WORK/body")
FIRST=$(etag)
api PATCH "/api/v1/products/$PRODUCT" '{"certificate_ttl_s":86400}' >/dev/null
expect_status "a change without a version" 428
api PATCH "/api/v1/products/$PRODUCT" '{"certificate_ttl_s":86400}' -H "If-Match: $FIRST" >/dev/null
expect_status "a change" 200
api PATCH "/api/v1/products/$PRODUCT" '{"certificate_ttl_s":7}' -H "If-Match: $FIRST" >/dev/null
expect_status "a wrong field comes before a stale version" 422
api PATCH "/api/v1/products/$PRODUCT" '{"certificate_ttl_s":90000}' -H "If-Match: $FIRST" >/dev/null
expect_status "a stale version" 412
api POST /api/v1/products '{"renew_percent":0,"recovery":"maybe","colour":"red"}' >/dev/null
expect_status "a bad product" 422
expect "each wrong field is named" "$(pointers)" "/colour /name /recovery /renew_percent"
api PUT "/api/v1/products/$PRODUCT" '{}' >/dev/null
expect_status "a method that is not there" 405
expect_in "Allow says which are" "$(header allow)" patch

say "two changes race for one version"
CURRENT=$(api GET "/api/v1/products/$PRODUCT" >/dev/null; etag)
for i in 1 2; do
    curl -sS --cacert "$CA" -X PATCH -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -H "If-Match: $CURRENT" \
        --data-binary "{\"renew_percent\":$((40 + i))}" -o /dev/null -w '%{http_code}\n' "$MANAGEMENT/api/v1/products/$PRODUCT" >"$WORK/race.$i" &
    RACE[i]=$!
done
wait "${RACE[1]}" "${RACE[2]}"
expect "one is told" "$(sort "$WORK/race.1" "$WORK/race.2" | tr '\n' ' ')" "200 412 "

say "what a device of the product is told"
new_identity unit
api POST /api/v1/batches "{\"product\":\"sensor\",\"devices\":[\"$ID\"]}" >/dev/null
expect_status "a batch of the product" 201
openssl ecparam -name secp384r1 -genkey -noout -out "$WORK/large.key" 2>/dev/null
est unit simpleenroll "$(csr large)"
expect_status "a key that the product does not certify" 422
new_key small
device_json unit POST /device/v1/enrol "{\"csr\":\"$(csr small)\"}" >/dev/null
expect_status "one that it does" 200
expect "the hub" "$(jq -r .hub.url "$WORK/body")" mqtts://mqtt.example.com:8883
expect_in "its trust anchors" "$(jq -r .hub.ca "$WORK/body")" "BEGIN CERTIFICATE"
jq -r .certificate "$WORK/body" | base64 -d | openssl x509 -inform DER -noout -checkend 90000 >/dev/null && die "it lives longer than a day"
say "ok  the certificate lives a day"

say "tokens"
api POST /api/v1/tokens '{"name":"line","scopes":["devices:read"],"allowed_sources":["127.0.0.0/8"]}' -H 'Idempotency-Key: "t"' >/dev/null
expect_status "a token" 201
LINE=$(jq -r .token "$WORK/body")
LINE_ID=$(jq -r .id "$WORK/body")
expect "is kept by nobody on the way" "$(header cache-control)" no-store
AS=$LINE api GET /api/v1/devices >/dev/null
expect_status "it works" 200
api POST /api/v1/tokens '{"name":"line","scopes":["devices:read"],"allowed_sources":["127.0.0.0/8"]}' -H 'Idempotency-Key: "t"' >"$WORK/answer"
expect_status "the same again cannot show the secret" 409
expect_in "but names the token" "$(jq -r .detail "$WORK/answer")" "$LINE_ID"
NEXT=$(api POST "/api/v1/tokens/$LINE_ID/rotate" '' | jq -r .token)
AS=$LINE api GET /api/v1/devices >/dev/null
expect_status "rotated: the first secret still works" 200
AS=$NEXT api GET /api/v1/devices >/dev/null
expect_status "and the second" 200
api POST "/api/v1/tokens/$LINE_ID/drop-old-secret" '{}' >/dev/null
AS=$LINE api GET /api/v1/devices >/dev/null
expect_status "dropped" 401
api PATCH "/api/v1/tokens/$LINE_ID" '{"allowed_sources":["192.0.2.0/24"]}' -H 'If-Match: *' >/dev/null
expect_status "bound to another network" 200
AS=$NEXT api GET /api/v1/devices >/dev/null
expect_status "not good from here" 401
api POST "/api/v1/tokens/$LINE_ID/revoke" '' >/dev/null
expect_status "revoked" 200

say "tenants"
ACME=$(api POST /api/v1/tenants '{"name":"acme"}' | jq -r .id)
expect_status "a tenant" 201
api PATCH "/api/v1/tenants/$ACME" '{"display_name":"Acme GmbH"}' -H "If-Match: $(etag)" >/dev/null
expect "what people call it" "$(jq -r .display_name "$WORK/body")" "Acme GmbH"
ADMIN=$(api POST /api/v1/tokens "{\"name\":\"first\",\"scopes\":[\"admin\"],\"tenant_id\":\"$ACME\"}" | jq -r .token)
expect_status "its first token" 201
AS=$ADMIN api GET "/api/v1/products/$PRODUCT" >/dev/null
expect_status "another tenant's product" 404
AS=$ADMIN api PATCH "/api/v1/products/$PRODUCT" '{"name":"mine"}' -H 'If-Match: *' >/dev/null
expect_status "cannot be changed either" 404
AS=$ADMIN api GET /api/v1/tenants >/dev/null
expect_status "an admin of a tenant does not see tenants" 403
MADE=$("$WHORLD" token add --dir "$DATA" --name operator --scope installation 2>/dev/null)
AS=$MADE api GET '/api/v1/tenants?limit=1' >/dev/null
expect_status "the scope installation does" 200
expect_in "and goes on" "$(header link)" 'rel="next"'
api GET '/api/v1/tenants?colour=red' >/dev/null
expect_status "an unknown parameter" 400

say "authorities"
expect "three" "$(api GET /api/v1/authorities | jq '.authorities | length')" 3
api GET /api/v1/authorities/device/chain '' -H 'Accept: application/pem-certificate-chain' >"$WORK/chain.pem"
openssl verify -CAfile "$CA" "$WORK/chain.pem" >/dev/null || die "the chain does not verify"
say "ok  the chain verifies"
api GET /api/v1/authorities/root/chain '' -H 'Accept: application/pkix-cert' >/dev/null
expect "the root as DER" "$(openssl x509 -inform DER -in "$WORK/body" -outform PEM)" "$(openssl x509 -in "$CA")"
stop_server
"$WHORLD" audit verify --dir "$DATA" >"$WORK/verify.out" || die "$(cat "$WORK/verify.out")"
say "ok  the audit log verifies"
