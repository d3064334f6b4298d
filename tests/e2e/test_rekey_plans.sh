#!/usr/bin/env bash
# A rekey campaign from end to end: "all P-256 keys of product X under authority Y", with the reference device and with keys that openssl
# made; waves, a rate, pause, failures that stop it, and the reason for every device that is not done.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
offers createRekeyPlan || skip "this build has no rekey plans"
init_data
start_server
WHORL=$PWD/$BUILD/whorl
export XDG_CONFIG_HOME=$WORK/config WHORL_SERVER=$MANAGEMENT WHORL_TOKEN=$TOKEN WHORL_CA=$CA
unset WHORL_PROFILE NO_COLOR
whorl() { "$WHORL" --json "$@"; }
chip() { "$DEVICE_TOOL" "$2" --dir "$WORK/$1" --server "$DEVICE" --ca "$CA"; }
batch() { # PRODUCT ID…
    local product=$1 list=
    shift
    for id in "$@"; do list="$list${list:+,}\"$id\""; done
    api POST /api/v1/batches "{\"product\":\"$product\",\"devices\":[$list]}" >/dev/null
    expect_status "$# of $product are registered" 201
}
# why PLAN DEVICE: state and reason
why() { api GET "/api/v1/rekey-plans/$1/devices/$2" | jq -r '.state + " " + .reason'; }
counts() { api GET "/api/v1/rekey-plans/$1" | jq -r '.devices | "\(.told) told, \(.waiting) waiting, \(.confirmed) confirmed, \(.failed) failed"'; }

say "a fleet: three chips and a P-384 device of one product, a chip of another"
api POST /api/v1/products '{"name":"sensor"}' >/dev/null
api POST /api/v1/products '{"name":"meter"}' >/dev/null
for name in a b c m; do
    "$DEVICE_TOOL" new --dir "$WORK/$name" --seed "$((40 + ${#name} + $(printf %d "'$name")))" | head -n 1 >"$WORK/$name.id"
done
A=$(cat "$WORK/a.id") B=$(cat "$WORK/b.id") C=$(cat "$WORK/c.id") M=$(cat "$WORK/m.id")
new_identity large
LARGE=$ID
batch sensor "$A" "$B" "$C" "$LARGE"
batch meter "$M"
for name in a b c m; do chip "$name" enrol >/dev/null; chip "$name" status >/dev/null; done
openssl ecparam -name secp384r1 -genkey -noout -out "$WORK/large-op.key" 2>/dev/null
est large simpleenroll "$(csr large-op)"
expect_status "a P-384 key is certified" 200
keep_certificate large-op
sleep 1.1

say "what it would mean, and what is refused"
api POST /api/v1/rekey-plans '{"name":"p256-out","filter":{}}' >/dev/null
expect "an empty filter" "$(status) $(jq -r '.errors[0].pointer' "$WORK/body")" "422 /filter"
api POST /api/v1/rekey-plans/dry-run '{"filter":{"product":"sensor","authority":"device","key_algorithms":["P-256"]}}' >/dev/null
expect "a dry run counts" "$(jq -c '[.count, .at_most, (.sample | length)]' "$WORK/body")" "[3,4,3]"
api POST /api/v1/rekey-plans/dry-run '{"filter":{"product":"sensor","key_algorithms":["RSA"]}}' >/dev/null
expect "and says that nothing is meant" "$(jq -c '[.count, .sample]' "$WORK/body")" "[0,[]]"
PLAN=$(whorl rekey-plan create p256-out --product sensor --authority device --key-algorithm P-256 --waves ring=canary,100 \
    --confirm-within 1h --stop-percent 50 --stop-min 2 | jq -r .id)
expect "it stands in the list" "$(api GET '/api/v1/rekey-plans?state=draft' | jq -r '.rekey_plans[].name')" p256-out
api GET "/api/v1/rekey-plans/$PLAN" >/dev/null
expect "drafted by the command line" "$(jq -c '[.state, .waves]' "$WORK/body")" '["draft",[{"label":{"ring":"canary"}},{"percent":100}]]'
api POST "/api/v1/rekey-plans/$PLAN/dry-run" >/dev/null
expect "its own dry run" "$(jq .count "$WORK/body")" 3
chip a status >/dev/null
expect "a draft tells nobody" "$(counts "$PLAN")" "0 told, 0 waiting, 0 confirmed, 0 failed"

say "canaries first"
api PATCH "/api/v1/devices/$A" '{"labels":{"ring":"canary"}}' -H 'If-Match: *' >/dev/null
expect_status "one device is a canary" 200
api POST "/api/v1/rekey-plans/$PLAN/start" '' -H 'Idempotency-Key: "s1"' >/dev/null
expect_status "started" 200
api POST "/api/v1/rekey-plans/$PLAN/start" '' -H 'Idempotency-Key: "s1"' >/dev/null
expect_status "the same order again changes nothing" 200
api POST "/api/v1/rekey-plans/$PLAN/start" >/dev/null
expect_status "another start is refused" 409
api PATCH "/api/v1/rekey-plans/$PLAN" '{"filter":{"all":true}}' -H 'If-Match: *' >/dev/null
expect_status "its filter stays while it runs" 409
expect "before it comes" "$(why "$PLAN" "$A")" "waiting no_contact"
for name in b c m; do chip "$name" status >/dev/null; done
device_json large-op GET /device/v1/status >/dev/null
expect "not a canary" "$(why "$PLAN" "$B")" "waiting other_wave"
expect "another product" "$(why "$PLAN" "$M")" "not_meant product_differs"
expect "another algorithm" "$(why "$PLAN" "$LARGE")" "not_meant key_algorithm_differs"
expect "nobody was told" "$(counts "$PLAN")" "0 told, 0 waiting, 0 confirmed, 0 failed"
chip a status >"$WORK/status.out"
expect "the canary is told in the answer to its request" "$(grep -o '"rekey": *true' "$WORK/status.out" | tr -d ' ')" '"rekey":true'
expect "and is explained" "$(why "$PLAN" "$A")" "told told"
chip a renew >/dev/null
chip a status >/dev/null
expect "renewing the old key is not enough" "$(counts "$PLAN")" "1 told, 1 waiting, 0 confirmed, 0 failed"
chip a rekey >/dev/null
chip a status >/dev/null
expect "a new key is" "$(counts "$PLAN")" "1 told, 0 waiting, 1 confirmed, 0 failed"
expect "its generation" "$(api GET "/api/v1/devices/$A" | jq .generation)" 2

say "everybody, with a pause"
api POST "/api/v1/rekey-plans/$PLAN/pause" >/dev/null
expect_status "paused" 200
api POST "/api/v1/rekey-plans/$PLAN/next-wave" >/dev/null
expect "the next wave" "$(status) $(jq .wave.number "$WORK/body")" "200 2"
chip b status >/dev/null
expect "nobody is told meanwhile" "$(why "$PLAN" "$B")" "waiting plan_not_running"
api POST "/api/v1/rekey-plans/$PLAN/resume" >/dev/null
expect_status "resumed" 200
api PATCH "/api/v1/rekey-plans/$PLAN" '{"rate_limit":{"devices":1,"per":"minute"}}' -H 'If-Match: *' >/dev/null
expect_status "a rate is set while it runs" 200
chip b status >/dev/null
chip c status >/dev/null
expect "one is told" "$(counts "$PLAN")" "2 told, 1 waiting, 1 confirmed, 0 failed"
expect "the other learns why not" "$(why "$PLAN" "$C")" "waiting rate_used_up"
expect_in "also on the page of the device" "$(api GET "/api/v1/devices/$C/why" | jq -c '.rekey_plans')" '"reason":"rate_used_up"'
stop_server
start_server
export WHORL_SERVER=$MANAGEMENT
chip c status >/dev/null
expect "a restart gives nothing away" "$(why "$PLAN" "$C")" "waiting rate_used_up"
expect "who was told" "$(api GET "/api/v1/rekey-plans/$PLAN/devices?state=told" | jq -r '.devices[].device_id')" "$B"

say "a stock client: a new key by simplereenroll"
api POST /api/v1/rekey-plans '{"name":"p384","filter":{"key_algorithms":["P-384"]}}' >/dev/null
P384=$(jq -r .id "$WORK/body")
api POST "/api/v1/rekey-plans/$P384/start" >/dev/null
device_json large-op GET /device/v1/status >/dev/null
expect_in "the header tells it" "$(tr -d '\r' <"$WORK/headers" | grep -i '^whorl-rekey-after:')" ";key=new"
openssl ecparam -name secp384r1 -genkey -noout -out "$WORK/next.key" 2>/dev/null
est large-op simplereenroll "$(openssl req -new -key "$WORK/next.key" -subj "$(openssl x509 -in "$WORK/large-op.crt" -noout -subject -nameopt compat | sed 's/^subject=//')" -outform DER | base64 -w0)"
expect_status "re-enrolled over a new key" 200
keep_certificate next
device_json next GET /device/v1/status >/dev/null
expect "confirmed" "$(counts "$P384")" "1 told, 0 waiting, 1 confirmed, 0 failed"

say "failures stop it"
api POST /api/v1/rekey-plans '{"name":"hasty","filter":{"product":"meter"},"confirm_within_s":1,"stop_on_failure":{"percent":100}}' >/dev/null
HASTY=$(jq -r .id "$WORK/body")
api POST "/api/v1/rekey-plans/$HASTY/start" >/dev/null
chip m status >/dev/null
for _ in $(seq 60); do
    if [ "$(api GET "/api/v1/rekey-plans/$HASTY" | jq -r .state)" = stopped ]; then break; fi
    sleep 0.1
done
expect_in "stopped, with the reason" "$(api GET "/api/v1/rekey-plans/$HASTY" | jq -r '.state + ": " + .reason')" "stopped: 1 of 1 devices"
expect "the device failed" "$(why "$HASTY" "$M")" "failed not_confirmed_in_time"
chip m rekey >/dev/null
chip m status >/dev/null
expect "and came late" "$(why "$HASTY" "$M")" "confirmed confirmed"

say "by the command line"
expect "list" "$(whorl rekey-plan list | jq -r .name | sort | tr '\n' ' ')" "hasty p256-out p384 "
expect "try" "$(whorl rekey-plan try --product sensor | jq .count)" 4
expect "show" "$(whorl rekey-plan show p256-out | jq -r .state)" running
expect "pause" "$(whorl rekey-plan pause p256-out | jq -r .state)" paused
expect "resume" "$(whorl rekey-plan resume p256-out | jq -r .state)" running
expect "edit" "$(whorl rekey-plan edit p256-out --rate 50 | jq -c .rate_limit)" '{"devices":50,"per":"second"}'
expect "devices" "$(whorl rekey-plan devices p256-out --state confirmed | jq -r .device_id)" "$A"
expect "why" "$(whorl rekey-plan why p256-out "$M" | jq -r .reason)" product_differs
expect_fails "no wave behind the last" "$WHORL" rekey-plan next-wave p256-out
expect "cancel" "$(whorl --yes rekey-plan cancel p256-out | jq -r .state)" cancelled
api POST "/api/v1/rekey-plans/$P384/cancel" >/dev/null
expect_status "cancelled" 200
expect "the events" "$(api GET '/api/v1/events?type=rekey_plan.*&limit=100' | jq -r '[.events[].type | sub("rekey_plan."; "")] | unique | join(" ")')" \
    "added cancelled changed device_failed paused resumed started stopped wave_opened"
stop_server
expect_in "the audit log verifies" "$("$WHORLD" audit verify --dir "$DATA")" "verifies"
