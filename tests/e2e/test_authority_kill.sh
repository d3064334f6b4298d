#!/usr/bin/env bash
# kill -9 while authorities are rolled over, activated and declared compromised: what was acknowledged holds, what was begun is finished at
# the next start, one authority issues, and the device that lives through all of it rekeys each time.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
start_server

device() { "$DEVICE_TOOL" "$1" --dir "$WORK/d0" --server "$DEVICE" --ca "$CA"; }
authorities() { api GET /api/v1/authorities | jq -r "[.authorities[] | select(.role == \"device\") | select($1) | .id] | join(\" \")"; }
# The answer of an order that the server may not live to give; its status is in $WORK/answered, or nothing is.
order() {
    curl -sS --cacert "$CA" -X POST -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d "$2" -o "$WORK/answer" \
        -w '%{http_code}' "$MANAGEMENT/api/v1/authorities/$1" >"$WORK/answered" 2>/dev/null || true
}

ID=$("$DEVICE_TOOL" new --dir "$WORK/d0" --seed 900 | cut -d' ' -f1)
register "$ID"
device enrol >/dev/null
api POST /api/v1/authorities '{"role":"device","id":"spare"}' >/dev/null
expect_status "one stands by" 201
ROUND=0
# when to kill: at a time, when the new key is in its file, when the answer is here
moment() {
    case $1 in
        key)
            until KEY_FILES=("$DATA"/keys/ca-*.key) && { [ ${#KEY_FILES[@]} -gt "$KEYS" ] || [ -s "$WORK/answered" ]; }; do :; done
            ;;
        answer) for _ in $(seq 1000); do if [ -s "$WORK/answered" ]; then break; fi; sleep 0.005; done ;;
        *) sleep "$1" ;;
    esac
}
for step in "roll 0.04" "roll key" "roll answer" "activate 0.04" "compromised answer" "compromised key"; do
    VERB=${step% *}
    KEY_FILES=("$DATA"/keys/ca-*.key)
    KEYS=${#KEY_FILES[@]}
    ROUND=$((ROUND + 1))
    BEFORE=$(authorities '.state == "active" and .is_default')
    SUBJECT=$BEFORE
    if [ "$VERB" = activate ]; then SUBJECT=spare; fi
    : >"$WORK/answered"
    order "$SUBJECT/$VERB" '{}' &
    CURL=$!
    moment "${step#* }"
    kill -9 "$SERVER_PID"
    wait "$SERVER_PID" 2>/dev/null || true
    wait $CURL
    start_server
    for _ in $(seq 100); do
        if [ -z "$(authorities '.state == "pending"')" ]; then break; fi
        sleep 0.05
    done
    expect "round $ROUND, $VERB: what was begun is finished" "$(authorities '.state == "pending"')" ""
    AFTER=$(authorities '.state == "active" and .is_default')
    [ "$(wc -w <<<"$AFTER")" = 1 ] || die "round $ROUND: \"$AFTER\" issue by default"
    if [[ "$(cat "$WORK/answered")" = 20? ]] && [ "$BEFORE" = "$AFTER" ]; then die "round $ROUND: $VERB was acknowledged, and $BEFORE is as before"; fi
    STATE=$(api GET "/api/v1/authorities/$SUBJECT" | jq -r .state)
    say "killed at ${step#* }: answered \"$(cat "$WORK/answered")\", $SUBJECT is $STATE, $AFTER issues"
    if [ "$VERB" = compromised ] && [ "$STATE" = compromised ]; then
        [ "$(api GET /api/v1/alarms | jq -r "[.alarms[].subject] | index(\"$SUBJECT\") != null")" = true ] || die "no alarm of $SUBJECT"
    fi
    device rekey >/dev/null || die "round $ROUND: the device has no way to $AFTER"
    device status >/dev/null
done
expect "the device holds a certificate of who issues now" "$(api GET "/api/v1/certificates?device=$ID&state=confirmed" | jq -r '.certificates[0].authority')" "$AFTER"
stop_server
expect_in "the audit log verifies" "$("$WHORLD" audit verify --dir "$DATA")" "verifies"
expect_in "the directory is whole" "$("$WHORLD" check --dir "$DATA")" "0 problems"
KEY_FILES=("$DATA"/keys/ca-*.key)
expect "no key is there without its authority" "$(sqlite3 "$DATA/inventory.db" 'SELECT COUNT(*) FROM authority')" "${#KEY_FILES[@]}"
