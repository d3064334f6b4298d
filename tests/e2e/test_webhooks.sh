#!/usr/bin/env bash
# takes long
# Webhooks against a receiver that checks the signatures itself: delivery, retries, outages, 410, rotation, replay, a kill in the middle.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
start_server

PORT=$(free_port)
IN=$WORK/in # of the receiver
mkdir -p "$IN"
receive() {
    python3 tests/e2e/receiver.py "$PORT" "$IN" &
    RECEIVER=$!
    PIDS+=("$RECEIVER")
}
deaf() { kill "$RECEIVER" 2>/dev/null && wait "$RECEIVER" 2>/dev/null || true; }
# wait_for WHAT COMMAND…: until it succeeds, twenty seconds at most
wait_for() {
    local what=$1
    shift
    for _ in $(seq 400); do
        if "$@" >/dev/null 2>&1; then say "ok  $what"; return; fi
        sleep 0.05
    done
    die "$what: not within twenty seconds"
}
hub() { api POST /api/v1/hubs "{\"name\":\"$1\",\"host\":\"mqtt.example.com\"}" >/dev/null; expect_status "hub $1" 201; }
# seen CONDITION: of any request that the receiver wrote down
seen() { jq -es "any(.[]; $1)" "$IN/log"; }
got() { seen ".data.name == \"$1\" and .status < 300 and .good"; }
log() { jq -rs "$1" "$IN/log"; }
make() { api POST /api/v1/webhooks "{\"name\":\"$1\",\"url\":\"$2\",\"types\":[\"hub.*\",\"webhook.*\"]}"; }

allow() { printf 'outbound_allow = 127.0.0.0/8\noutbound_allow_http = 1\n' >>"$DATA/whorl.conf"; }

say "what may not be called"
make near "http://127.0.0.1:$PORT/x" >/dev/null
expect_status "http" 422
make near "https://127.0.0.1:$PORT/x" >/dev/null
expect_status "loopback" 422
expect "names the field" "$(jq -r '.errors[].pointer' "$WORK/body")" /url
make near "https://[::ffff:169.254.169.254]/latest" >/dev/null
expect_status "the metadata address of a cloud, in disguise" 422
make near "https://user:secret@example.com/" >/dev/null
expect_status "credentials" 422
stop_server
cp "$DATA/whorl.conf" "$WORK/strict.conf"
allow
start_server
make near "http://127.0.0.1:$PORT/x" >"$WORK/webhook"
expect_status "what the operator allows" 201
NEAR=/api/v1/webhooks/$(jq -r .id "$WORK/webhook")
stop_server
cp "$WORK/strict.conf" "$DATA/whorl.conf"
start_server
receive
api POST "$NEAR/test" '' >/dev/null
expect_status "allowed no more: a test" 202
wait_for "is tried" sh -c "curl -sS --cacert '$CA' -H 'Authorization: Bearer $TOKEN' '$MANAGEMENT$NEAR/deliveries' | jq -e '.deliveries[0].attempts > 0'"
expect "and reaches nobody" "$(api GET "$NEAR/deliveries" | jq -r '.deliveries[0] | [.state, .response_status // "none"] | join(" ")')" "waiting none"
[ ! -s "$IN/log" ] || die "the receiver was called"
api DELETE "$NEAR" >/dev/null
expect_status "removed" 204
api GET "$NEAR" >/dev/null
expect_status "for good" 404
expect "none is left" "$(api GET /api/v1/webhooks | jq -c .webhooks)" "[]"
stop_server
allow
start_server

say "delivered and signed"
make erp "http://127.0.0.1:$PORT/hook" >"$WORK/webhook"
expect_status "a webhook" 201
HOOK=/api/v1/webhooks/$(jq -r .id "$WORK/webhook")
jq -r .secret "$WORK/webhook" >"$IN/secrets"
expect_in "with a secret" "$(cat "$IN/secrets")" whsec_
expect "that no other answer holds" "$(api GET "$HOOK" | jq -r '.secret // "none"')" none
hub one
wait_for "it came" got one
expect "under the event's id, fresh" "$(log '.[0] | [.same, .age_s < 5, .type] | join(" ")')" "true true hub.added"
expect "the id is that of the feed" "$(api GET '/api/v1/events?type=hub.*' | jq -r '.events[-1].id')" "$(log '.[0].id')"
api POST /api/v1/products '{"name":"unheard"}' >/dev/null
hub two
wait_for "the next" got two
expect "and nothing of other types" "$(log '[.[].type] | unique | join(" ")')" hub.added
api POST "$HOOK/test" '' -H 'Idempotency-Key: "t"' >/dev/null
api POST "$HOOK/test" '' -H 'Idempotency-Key: "t"' >/dev/null
wait_for "a test" seen '.type == "webhook.test" and .good'

say "two secrets"
api POST "$HOOK/rotate-secret" '' >"$WORK/webhook"
OLD=$(cat "$IN/secrets")
jq -r .secret "$WORK/webhook" >"$IN/secrets"
hub three
wait_for "signed with the new one" got three
echo "$OLD" >"$IN/secrets"
hub four
wait_for "and with the old one" got four
expect "both at once" "$(log '.[-1].signatures')" 2
api POST "$HOOK/rotate-secret" '' >/dev/null
expect_status "a third" 409
jq -r .secret "$WORK/webhook" >"$IN/secrets"
api POST "$HOOK/drop-old-secret" '' >/dev/null
expect_status "the old one dropped" 200

say "a receiver that turns one down gets the others, and that one again"
echo 500 >"$IN/answer"
hub poison
wait_for "turned down" seen '.data.name == "poison" and .status == 500'
echo 200 >"$IN/answer"
hub after
wait_for "the next comes first" got after
wait_for "then the retry" got poison
expect "under the same id" "$(log '[.[] | select(.data.name == "poison").id] | unique | length')" 1
echo 302 >"$IN/answer"
hub redirected
wait_for "a redirect is a failure" seen '.data.name == "redirected" and .status == 302'
echo 200 >"$IN/answer"
api GET "$HOOK/deliveries?state=waiting" >/dev/null
expect "is shown with its reason" "$(jq -r '.deliveries[0].error' "$WORK/body")" "the receiver answered 302"
api POST "$HOOK/deliveries/$(jq -r '.deliveries[0].id' "$WORK/body")/retry" '' >/dev/null
expect_status "an order to retry" 202
wait_for "is followed at once" got redirected

say "nobody there, a kill, and back"
deaf
for name in away-1 away-2 away-3; do hub "$name"; done
wait_for "the webhook is held" sh -c "curl -sS --cacert '$CA' -H 'Authorization: Bearer $TOKEN' '$MANAGEMENT$HOOK' | jq -e .held_until"
kill -9 "$SERVER_PID"
wait "$SERVER_PID" 2>/dev/null || true
start_server
hub away-4
receive
for name in away-1 away-2 away-3 away-4; do wait_for "came: $name" got "$name"; done
expect "each once, under one id" "$(log '[.[] | select((.data.name // "") | startswith("away")) | select(.status == 200).id] | (length == 4 and (unique | length == 4))')" true

say "killed while a call is on its way"
echo 0.3 >"$IN/delay"
for i in 1 2 3 4 5 6; do hub "mid-$i"; done
wait_for "the first is on its way" seen '.data.name == "mid-1"'
kill -9 "$SERVER_PID"
wait "$SERVER_PID" 2>/dev/null || true
echo 0 >"$IN/delay"
start_server
for i in 1 2 3 4 5 6; do wait_for "came: mid-$i" got "mid-$i"; done
expect "under one id each" "$(log '[.[] | select((.data.name // "") | startswith("mid")).id] | unique | length')" 6

say "replay"
FROM=$(api GET '/api/v1/events?type=hub.*' | jq -r '.events[] | select(.data.name == "mid-4").id')
: >"$IN/log"
api POST "$HOOK/replay" "{\"after\":\"$FROM\"}" >/dev/null
expect_status "ordered" 202
wait_for "the last again" got mid-6
expect "what came behind, in order, under its id" "$(log '[.[] | select(.type == "hub.added").data.name] | join(" ")')" "mid-5 mid-6"
api POST "$HOOK/replay" '{"since":"2020-01-01T00:00:00Z"}' >/dev/null
wait_for "everything since" got one

say "walls"
ACME=$(api POST /api/v1/tenants '{"name":"acme"}' | jq -r .id)
OTHER=$(api POST /api/v1/tokens "{\"name\":\"o\",\"scopes\":[\"admin\"],\"tenant_id\":\"$ACME\"}" | jq -r .token)
AS=$OTHER api GET "$HOOK" >/dev/null
expect_status "another tenant's webhook" 404
AS=$OTHER api GET "$HOOK/deliveries" >/dev/null
expect_status "its deliveries" 404
expect "the log holds no secret" "$(grep -c "$(cut -c7-40 "$IN/secrets")" "$WORK/server.log" || true)" 0
grep -q "$(cut -c7-40 "$IN/secrets")" "$DATA"/inventory.db* && die "the inventory holds a secret in clear"
say "ok  nor does the inventory"

api GET /metrics >/dev/null
expect_in "the figures tell of calls that reached nobody" "$(cat "$WORK/body")" 'whorl_webhook_calls_total{result="unreached"}'
say "410: no more"
echo 410 >"$IN/answer"
hub gone
wait_for "disabled" sh -c "curl -sS --cacert '$CA' -H 'Authorization: Bearer $TOKEN' '$MANAGEMENT$HOOK' | jq -e '.enabled == false'"
expect_in "with the reason" "$(api GET "$HOOK" | jq -r .disabled_reason)" 410
api POST "$HOOK/test" '' >/dev/null
expect_status "a test" 409
echo 200 >"$IN/answer"
hub meanwhile
api PATCH "$HOOK" '{"enabled":true}' -H 'If-Match: *' >/dev/null
expect_status "enabled again" 200
wait_for "what happened meanwhile" got meanwhile
stop_server
"$WHORLD" audit verify --dir "$DATA" >"$WORK/verify.out" || die "$(cat "$WORK/verify.out")"
say "ok  the audit log verifies"
