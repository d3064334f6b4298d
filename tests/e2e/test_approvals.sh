#!/usr/bin/env bash
# A second person's word on the real server: two people, a token that is no second person, what waits and what becomes of it.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
start_server
ANNA=$TOKEN
BEN=$("$WHORLD" token add --dir "$DATA" --name ben --scope admin --expires 30 2>/dev/null)

new_identity birth
register "$ID"
new_key op
est birth simpleenroll "$(csr op)"
expect_status "enrolled" 200
keep_certificate op
device_status() { curl -sS --cacert "$CA" --cert "$WORK/op.crt" --key "$WORK/op.key" "$DEVICE/device/v1/status" | jq -r .status; }
header() { tr -d '\r' <"$WORK/headers" | sed -n "s/^$1: //Ip"; }

say "the setting"
api GET /api/v1/dual-control >"$WORK/answer"
expect "nothing waits at first" "$(jq -c .kinds "$WORK/answer")" "[]"
ETAG=$(header etag)
api PATCH /api/v1/dual-control '{"kinds":["device.compromised","devices.revoke_many"]}' -H "If-Match: $ETAG" >/dev/null
expect_status "one person turns it on" 200
ETAG=$(header etag)
api PATCH /api/v1/dual-control '{"kinds":[]}' -H "If-Match: $ETAG" >"$WORK/answer"
expect_status "and cannot turn it off" 202
OFF=$(jq -r .id "$WORK/answer")
expect "it waits" "$(jq -r '.kind + " " + .state' "$WORK/answer")" "dual_control.change pending"
expect "it is still on" "$(api GET /api/v1/dual-control | jq '.kinds | length')" 2

say "compromised"
api POST "/api/v1/devices/$ID/compromised" '{"reason":"cloned"}' -H 'Idempotency-Key: "k1"' >"$WORK/answer"
expect_status "waits" 202
WAITS=$(jq -r .id "$WORK/answer")
expect "Location names the approval" "$(header location)" "/api/v1/approvals/$WAITS"
expect "the request is whole" "$(jq -c .request "$WORK/answer")" "{\"device\":\"$ID\",\"reason\":\"cloned\"}"
DIGEST=$(printf 'whorl-approval-v1\ndevice.compromised\n%s\n%s' "$(jq -cS .request "$WORK/answer")" "$(jq -cS .subject "$WORK/answer")" | sha256sum | cut -d' ' -f1)
expect "anybody can compute the digest" "$(jq -r .digest "$WORK/answer")" "$DIGEST"
expect "the device works meanwhile" "$(device_status)" enrolled
expect "the key gets the same approval" "$(api POST "/api/v1/devices/$ID/compromised" '{"reason":"cloned"}' -H 'Idempotency-Key: "k1"' | jq -r .id)" "$WAITS"
api POST "/api/v1/approvals/$WAITS/approve" >"$WORK/answer"
expect_status "who asked cannot approve" 403
EXPIRES=$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)
ANNA_TOO=$(api POST /api/v1/tokens "{\"name\":\"second\",\"scopes\":[\"admin\"],\"expires_at\":\"$EXPIRES\"}" | jq -r .token)
AS=$ANNA_TOO api POST "/api/v1/approvals/$WAITS/approve" >"$WORK/answer"
expect_status "nor with a token that they made" 403
expect_in "which is said" "$(jq -r .detail "$WORK/answer")" "another token of the same owner is the same person"
expect "Ben sees what waits" "$(AS=$BEN api GET '/api/v1/approvals?state=pending' | jq -r '[.approvals[].kind] | sort | join(" ")')" "device.compromised dual_control.change"
AS=$BEN api POST "/api/v1/approvals/$WAITS/approve" '{"comment":"checked"}' >"$WORK/answer"
expect_status "Ben approves" 200
expect "it is done" "$(jq -r '.state + " " + .result' "$WORK/answer")" "executed $ID"
expect "the device is told" "$(device_status)" device_revoked
AS=$BEN api POST "/api/v1/approvals/$WAITS/reject" >/dev/null
expect_status "only one decision" 409

say "rejected, withdrawn, void"
new_identity birth2
register "$ID"
ask() { api POST "/api/v1/devices/$ID/compromised" "{\"reason\":\"$1\"}" | jq -r .id; }
ONE=$(ask one) TWO=$(ask two) THREE=$(ask three)
expect "Ben rejects" "$(AS=$BEN api POST "/api/v1/approvals/$ONE/reject" | jq -r .state)" rejected
expect "Anna withdraws" "$(AS=$ANNA api POST "/api/v1/approvals/$TWO/withdraw" | jq -r .state)" withdrawn
api POST "/api/v1/devices/$ID/quarantine" >/dev/null
expect_status "the device changes" 200
AS=$BEN api POST "/api/v1/approvals/$THREE/approve" >"$WORK/answer"
expect_status "it is not what was asked for any more" 409
expect_in "which is said" "$(jq -r .detail "$WORK/answer")" "void"
expect "and kept" "$(api GET "/api/v1/approvals/$THREE" | jq -r .state)" void
stop_server
start_server # what waits survives
expect "off, by two" "$(AS=$BEN api POST "/api/v1/approvals/$OFF/approve" | jq -r .state)" executed
expect "nothing waits any more" "$(api GET /api/v1/dual-control | jq -c .kinds)" "[]"
api POST "/api/v1/devices/$ID/compromised" >/dev/null
expect_status "one person is enough again" 200

expect "the log has every step" "$(api GET /api/v1/audit | jq -r '.records[].type' | grep '^approval\.' | sort | uniq -c | awk '{ printf "%s%s=%s", s, $2, $1; s=" " }')" \
    "approval.executed=2 approval.rejected=1 approval.requested=5 approval.void=1 approval.withdrawn=1"
stop_server
expect_in "the log verifies" "$("$WHORLD" audit verify --dir "$DATA")" "verifies"
