#!/usr/bin/env bash
# A rollout from end to end, by curl as the devices: drafted, tried, a canary first, failures that stop it, a count, a pause, a cancel, a
# rollback whose counter is too low for some, and the reason for every device that waits.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
offers createRollout || skip "this build has no rollouts"
need sqlite3
init_data
start_server
WHORL=$PWD/$BUILD/whorl
export XDG_CONFIG_HOME=$WORK/config WHORL_SERVER=$MANAGEMENT WHORL_TOKEN=$TOKEN WHORL_CA=$CA
unset WHORL_PROFILE NO_COLOR
whorl() { "$WHORL" --json "$@"; }
# release VERSION SEQUENCE [COUNTER]: its id; its file is $WORK/VERSION.bin
release() {
    head -c 4096 /dev/urandom >"$WORK/$1.bin"
    ONLY_RELEASE=1 python3 -B tests/e2e/firmware_rows.py "$DATA" "$WORK/$1.bin" "$@"
}
declare -A IDS
ddi() { device_json "$1-op" "$2" "/default/controller/v1/${IDS[$1]}${3-}" "${4-}"; }
# polls NAME: what it is told to do: "deploy 1", "cancel 1" or nothing
polls() {
    ddi "$1" GET | jq -r '._links | (.deploymentBase.href, .cancelAction.href) // empty' |
        sed -E 's#.*/deploymentBase/([0-9]+).*#deploy \1#; s#.*/cancelAction/([0-9]+).*#cancel \1#'
}
# says NAME ACTION EXECUTION RESULT [KIND]
says() {
    ddi "$1" POST "/${5:-deploymentBase}/$2/feedback" \
        "{\"id\":\"$2\",\"status\":{\"execution\":\"$3\",\"result\":{\"finished\":\"$4\"},\"details\":[\"by hand\"]}}" >/dev/null
}
fetches() {
    local url
    url=$(ddi "$1" GET "/deploymentBase/$2" | jq -r '.deployment.chunks[0].artifacts[0]._links | (.download // ."download-http").href')
    curl -sS --cacert "$CA" --cert "$WORK/$1-op.crt" --key "$WORK/$1-op.key" -o "$WORK/got" "$url"
    cmp -s "$WORK/got" "$WORK/$3.bin" || die "$1 did not get the bytes of $3"
}
why() { api GET "/api/v1/devices/${IDS[$1]}/firmware/why" | jq -r --arg name "$2" '.rollouts[] | select(.name == $name) | .state + " " + .reason'; }
counts() { api GET "/api/v1/rollouts/$1" | jq -r '.state as $s | .devices | "\($s): \(.offered) offered, \(.waiting) waiting, \(.succeeded) succeeded, \(.failed) failed, \(.cancelled) cancelled"'; }
wait_for() { for _ in $(seq 60); do [ "$(counts "$1" | cut -d: -f1)" = "$2" ] && return; sleep 0.1; done; }

say "a fleet of four, enrolled by hand"
for name in a b c d; do
    new_identity "$name"
    IDS[$name]=$ID
done
register "${IDS[@]}"
for name in a b c d; do
    new_key "$name-op"
    est "$name" simpleenroll "$(csr "$name-op")"
    keep_certificate "$name-op"
    device_json "$name-op" GET /device/v1/status >/dev/null
done
api PATCH "/api/v1/devices/${IDS[a]}" '{"labels":{"ring":"canary"}}' -H 'If-Match: *' >/dev/null
FIRST=$(release 1.0.0 1 2)

say "drafted and tried"
api POST /api/v1/rollouts "{\"name\":\"one\",\"release_id\":\"$FIRST\",\"filter\":{}}" >/dev/null
expect "an empty filter" "$(status) $(jq -r '.errors[0].pointer' "$WORK/body")" "422 /filter"
api POST /api/v1/rollouts/dry-run "{\"release_id\":\"$FIRST\",\"filter\":{\"all\":true}}" >/dev/null
expect "a dry run counts" "$(jq -c '[.count, .at_most, (.sample | length)]' "$WORK/body")" "[4,4,4]"
ONE=$(whorl rollout create one --release "$FIRST" --every-device --waves ring=canary,count:2,100 --stop-percent 50 --stop-min 2 | jq -r .id)
expect "drafted by the command line" "$(api GET "/api/v1/rollouts/$ONE" | jq -c '[.state, .waves]')" \
    '["draft",[{"label":{"ring":"canary"}},{"count":2},{"percent":100}]]'
api POST "/api/v1/rollouts/$ONE/dry-run" >/dev/null
expect "its own dry run" "$(jq .count "$WORK/body")" 4
expect "a draft offers nothing" "$(polls a)" ""
api PATCH "/api/v1/rollouts/$ONE" '{"silent_after_s":3600}' -H 'If-Match: *' >/dev/null
expect_status "a draft changes" 200
sleep 0.01

say "canaries, then two, then everybody"
api POST "/api/v1/rollouts/$ONE/start" '' -H 'Idempotency-Key: "s1"' >/dev/null
expect_status "started" 200
api POST "/api/v1/rollouts/$ONE/start" >/dev/null
expect_status "another start is refused" 409
expect "not its wave" "$(polls b)$(why b one)" "waiting other_wave"
expect "the canary is offered it" "$(polls a)" "deploy 1"
expect "and again after a power cut" "$(polls a)" "deploy 1"
says a 1 proceeding none
fetches a 1 1.0.0
says a 1 closed success
expect_status "it says that it went well" 200
says a 1 closed success
expect_status "the same again is taken" 200
says a 1 closed failure
expect_status "another end is gone" 410
expect "counted once" "$(counts "$ONE")" "running: 1 offered, 0 waiting, 1 succeeded, 0 failed, 0 cancelled"
api POST "/api/v1/rollouts/$ONE/next-wave" >/dev/null
expect_status "the next wave" 200
expect "one more by count" "$(polls b) $(polls c)$(why c one)" "deploy 1 waiting wave_full"
api POST "/api/v1/rollouts/$ONE/pause" >/dev/null
api POST "/api/v1/rollouts/$ONE/next-wave" >/dev/null
expect "a pause offers nothing to others" "$(polls c)$(polls b)" "deploy 1"
api POST "/api/v1/rollouts/$ONE/resume" >/dev/null
expect "everybody" "$(polls c) $(polls d)" "deploy 1 deploy 1"
expect "why one waits" "$(why d one)" "offered waits_for_report"
says b 1 closed failure
says c 1 closed failure
wait_for "$ONE" stopped
expect "failures stop it" "$(counts "$ONE")" "stopped: 4 offered, 1 waiting, 1 succeeded, 2 failed, 0 cancelled"
expect "with an alarm" "$(api GET /api/v1/alarms | jq -r '.alarms[] | select(.kind == "rollout.stopped") | .subject')" "$ONE"
expect "who has it open is told to stop" "$(polls d)" "cancel 1"
says d 1 closed success cancelAction
expect "and is not asked again" "$(polls d)" ""
expect "who failed" "$(api GET "/api/v1/rollouts/$ONE/devices?state=failed" | jq '.devices | length')" 2
expect "by the command line" "$(whorl rollout devices one --state cancelled | jq -r .id)" 1
whorl rollout cancel one --yes >/dev/null
expect "seen to: the alarm ends" "$(api GET /api/v1/alarms | jq '[.alarms[] | select(.kind == "rollout.stopped")] | length')" 0

say "a newer one, then back: ids go on, and a counter that is too high is told"
SECOND=$(release 2.0.0 2 5)
TWO=$(api POST /api/v1/rollouts "{\"name\":\"two\",\"release_id\":\"$SECOND\",\"filter\":{\"labels\":{\"ring\":\"canary\"}}}" | jq -r .id)
api POST "/api/v1/rollouts/$TWO/start" >/dev/null
expect "its next id" "$(polls a)" "deploy 2"
fetches a 2 2.0.0
says a 2 closed success
THIRD=$(release 1.0.0-again 3 2)
THREE=$(api POST /api/v1/rollouts "{\"name\":\"three\",\"release_id\":\"$THIRD\",\"filter\":{\"all\":true}}" | jq -r .id)
api POST "/api/v1/rollouts/$THREE/dry-run" >/dev/null
expect "the dry run lists it" "$(jq -c '[.count, .excluded_count, .excluded[0].reason]' "$WORK/body")" '[3,1,"counter_too_high"]'
api POST "/api/v1/rollouts/$THREE/start" >/dev/null
expect "the device would refuse it" "$(polls a)$(why a three)" "excluded counter_too_high"
expect "the others have it" "$(polls b)" "deploy 2"
api POST "/api/v1/rollouts/$THREE/cancel" >/dev/null
expect "cancelled by an operator" "$(polls b)" "cancel 2"
says b 2 rejected none cancelAction
expect "a device that refuses goes on" "$(polls b)" "deploy 2"
says b 2 closed success
api GET "/api/v1/devices/${IDS[b]}/firmware" >/dev/null
expect "said without a download: unverified" "$(jq -c '[.actions[0].state, .installed.version, .actions[0].reports[-1].text]' "$WORK/body")" \
    '["unverified","1.0.0-again","by hand"]'
expect "by the command line" "$(whorl device firmware "${IDS[a]}" | jq -r .installed.version)" 2.0.0
expect "nothing runs" "$(whorl device firmware-why "${IDS[a]}" | jq -r '.rollouts | length')" 1
api GET '/api/v1/rollouts?state=running' >/dev/null
expect "what runs" "$(jq -r '.rollouts[].name' "$WORK/body")" two
