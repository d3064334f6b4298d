#!/usr/bin/env bash
# Every operation that names an object, called for the object of another tenant (tests/e2e/foreign_tenant.py): as if it were nowhere.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
echo 'outbound_allow = 127.0.0.0/8' >>"$DATA/whorl.conf"
start_server
"$WHORLD" tenant add --dir "$DATA" --name other >/dev/null 2>&1
"$WHORLD" tenant add --dir "$DATA" --name third >/dev/null 2>&1
OTHER=$("$WHORLD" token add --dir "$DATA" --tenant other --name boss --scope admin --expires 30 2>/dev/null)
new_identity birth
register "$ID"
new_key op
est birth simpleenroll "$(csr op)"
expect_status "enrolled" 200
keep_certificate op
SERIAL=$(api GET "/api/v1/devices/$ID" | jq -r '.certificates[0].serial')
openssl pkey -in "$WORK/op.key" -pubout -out "$WORK/boot.pem"
python3 -B "$E2E/foreign_tenant.py" "$OPENAPI" "$MANAGEMENT" "$CA" "$TOKEN" "$OTHER" "$ID" "$SERIAL" "$WORK/boot.pem" >"$WORK/said" || die "$(cat "$WORK/said")"
say "ok  $(cat "$WORK/said")"
