#!/usr/bin/env bash
# Events over the real interface: by cursor, as a stream that resumes, stays and ends with the server; walls between tenants.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
cat >>"$DATA/whorl.conf" <<CONF
idle_timeout_s = 1
event_streams_per_tenant = 2
CONF
start_server

hub() { api POST /api/v1/hubs "{\"name\":\"$1\",\"host\":\"mqtt.example.com\"}" >/dev/null; expect_status "a hub" 201; }
# follow NAME [CURL-OPTIONS…]: a stream into $WORK/NAME, in the background; sets FOLLOWER
follow() {
    local name=$1
    shift
    curl -sSN --cacert "$CA" -H "Authorization: Bearer ${AS:-$TOKEN}" -H 'Accept: text/event-stream' -D "$WORK/$name.headers" "$@" \
        -o "$WORK/$name" "$MANAGEMENT/api/v1/events${QUERY:-}" &
    FOLLOWER=$!
    PIDS+=("$FOLLOWER")
    wait_for "the stream $name began" grep -q '^retry:' "$WORK/$name"
}
# wait_for WHAT COMMAND…: until it succeeds, ten seconds at most
wait_for() {
    local what=$1
    shift
    for _ in $(seq 200); do
        if "$@" >/dev/null 2>&1; then say "ok  $what"; return; fi
        sleep 0.05
    done
    die "$what: not within ten seconds"
}
ids() { sed -n 's/^id: //p' "$WORK/$1"; }

say "by cursor"
api GET '/api/v1/events?after=latest' >/dev/null
LAST=$(jq -r .last "$WORK/body")
hub one
hub two
expect "what came since" "$(api GET "/api/v1/events?after=$LAST" | jq -r '[.events[] | .type + "=" + .data.name] | join(" ")')" "hub.added=one hub.added=two"
expect "one at a time" "$(api GET "/api/v1/events?after=$LAST&limit=1" | jq -r '.events[0].data.name')" one
NEXT=$(jq -r .next "$WORK/body")
expect "and the next" "$(api GET "/api/v1/events?after=$NEXT" | jq -r '.events[0].data.name, .next')" $'two\nnull'
expect "numbers without gaps from the first event on" "$(api GET '/api/v1/events?limit=1000' | jq -c '[.events[].sequence] == [range(1; (.events | length) + 1)]')" true
api GET '/api/v1/events?type=hub' >/dev/null
expect_status "a type that no event has" 400
api GET "/api/v1/events?after=${LAST}0" >/dev/null
expect_status "an event that is not there" 404

say "as a stream"
QUERY="?after=$LAST&type=hub.*" follow all
wait_for "both hubs" grep -q '"two"' "$WORK/all"
expect_in "a stream of events" "$(cat "$WORK/all.headers")" "text/event-stream"
SECOND=$(ids all | tail -n 1)
hub three
wait_for "what happens now" grep -q '"three"' "$WORK/all"
expect "each has a line of type" "$(grep -c '^event: hub.added' "$WORK/all")" 3
kill "$FOLLOWER"
hub four
follow resumed -H "Last-Event-ID: $SECOND"
RESUMED=$FOLLOWER
wait_for "resumed: what was missed" grep -q '"four"' "$WORK/resumed"
expect "and nothing twice" "$(ids all | head -n 2 | grep -cFxf - "$WORK/resumed" || true)" 0

say "what a command beside the server changes is told too"
"$WHORLD" token add --dir "$DATA" --name beside --scope devices:read >/dev/null 2>&1
wait_for "by the next look" grep -q '"name":"beside"' "$WORK/resumed"

say "a token that ends"
api POST /api/v1/tokens '{"name":"short","scopes":["events:read"]}' >"$WORK/token"
AS=$(jq -r .token "$WORK/token") QUERY="?after=latest" follow short
SHORT=$FOLLOWER
api POST "/api/v1/tokens/$(jq -r .id "$WORK/token")/revoke" '' >/dev/null
expect_status "revoked" 200
status=0
wait "$SHORT" || status=$?
expect "the stream ended within a beat" "$status" 0

say "limits and walls"
QUERY="?after=latest" follow second
curl -sS --cacert "$CA" -H "Authorization: Bearer $TOKEN" -H 'Accept: text/event-stream' -o "$WORK/body" -w '%{http_code}' "$MANAGEMENT/api/v1/events" >"$WORK/status"
expect_status "a third of two" 429
kill "$FOLLOWER"
ACME=$(api POST /api/v1/tenants '{"name":"acme"}' | jq -r .id)
OTHER=$(api POST /api/v1/tokens "{\"name\":\"o\",\"scopes\":[\"admin\"],\"tenant_id\":\"$ACME\"}" | jq -r .token)
AS=$OTHER api GET "/api/v1/events?after=$LAST" >/dev/null
expect_status "another tenant's event" 404
expect "and none of ours among its own" "$(AS=$OTHER api GET '/api/v1/events' | jq -r '[.events[].type] | unique | join(" ")')" "product.added tenant.added token.added"

say "a quiet stream outlives the idle time, and ends with the server"
sleep 2
hub five
wait_for "still there" grep -q '"five"' "$WORK/resumed"
before=$(date +%s)
stop_server
[ $(($(date +%s) - before)) -lt 5 ] || die "the stop took long"
status=0
wait "$RESUMED" || status=$?
expect "the stream ended as a whole" "$status" 0

say "a day away, and a restart"
start_server
expect "everything since, once" "$(api GET "/api/v1/events?after=$LAST&type=hub.*" | jq -r '[.events[].data.name] | join(" ")')" "one two three four five"
stop_server
