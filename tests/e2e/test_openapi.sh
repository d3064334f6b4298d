#!/usr/bin/env bash
# The description that the server hands out is the one of this build. And the calls that no other test makes: figures, and a device that
# proves its key by a challenge.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
echo 'log_level = debug' >>"$DATA/whorl.conf"
start_server

say "the description"
AS=none api GET /openapi.json >/dev/null
expect_status "needs no token" 200
expect "is the one of the build" "$(jq -S . "$WORK/body" | sha256sum)" "$(jq -S . "$OPENAPI" | sha256sum)"
TAG=$(tr -d '\r' <"$WORK/headers" | sed -n 's/^[Ee][Tt]ag: //p')
api GET /openapi.json '' -H "If-None-Match: $TAG" >/dev/null
expect_status "is not sent again" 304
api GET '/openapi.json?colour=red' >/dev/null
expect_status "takes no parameters" 400

say "figures"
api GET /metrics >/dev/null
expect_status "in OpenMetrics" 200
expect_in "to the end" "$(tail -n 1 "$WORK/body")" "# EOF"

say "a request says which trace it belongs to"
TRACE=4bf92f3577b34da6a3ce929d0e0e4736 PARENT=00f067aa0ba902b7
traced() { # STATUS PATH TRACEPARENT…: the line of that request, which the answer's id finds
    local want=$1 path=$2 id value more=()
    shift 2
    for value in "$@"; do more+=(-H "traceparent: $value"); done
    api GET "$path" '' "${more[@]}" >/dev/null
    expect_status "$path, traceparent: $*" "$want"
    id=$(tr -d '\r' <"$WORK/headers" | sed -n 's/^x-request-id: //Ip')
    LINE=$(jq -c --arg id "$id" 'select(.event == "request_traced" and .request_id == $id) | [.trace_id, .parent_id, .method, .route, .status]' "$WORK/server.log")
    [ "$want" = 200 ] || expect "the problem has that request id" "$(jq -r .request_id "$WORK/body")" "$id"
}
traced 200 /api/v1/products "00-$TRACE-$PARENT-01"
expect "the log" "$LINE" "[\"$TRACE\",\"$PARENT\",\"GET\",\"/api/v1/products\",200]"
traced 404 /api/v1/products/01920000-0000-7000-8000-0000000000ff "00-$TRACE-$PARENT-00"
expect "the log" "$LINE" "[\"$TRACE\",\"$PARENT\",\"GET\",\"/api/v1/products/{id}\",404]"
expect "the problem" "$(jq -r .trace_id "$WORK/body")" "$TRACE"
traced 404 /api/v1/products/01920000-0000-7000-8000-0000000000ff "00-$TRACE-$PARENT-01-more"
expect "one that is none is no error, and in no line" "$LINE$(jq -r .trace_id "$WORK/body")" null
traced 404 /api/v1/products/01920000-0000-7000-8000-0000000000ff "00-$TRACE-$PARENT-01" "00-$TRACE-$PARENT-01"
expect "nor are two" "$LINE$(jq -r .trace_id "$WORK/body")" null

say "a change is followed from the answer to its audit record, and back"
IDS() { tr -d '\r' <"$WORK/headers" | sed -n 's/^x-request-id: //Ip'; }
api POST /api/v1/hubs '{"name":"traced","host":"traced.example.com"}' -H "traceparent: 00-$TRACE-$PARENT-01" >/dev/null
expect_status "a hub is made, traceparent sent" 201
CHANGE=$(IDS)
api POST /api/v1/hubs '{"name":"traced","host":"traced.example.com"}' -H "traceparent: 00-$TRACE-$PARENT-01" >/dev/null
expect_status "a second time it is refused" 409
expect "the problem has the ids of its own request" "$(jq -r '.request_id + " " + .trace_id' "$WORK/body")" "$(IDS) $TRACE"
REFUSED=$(IDS)
expect "the log ties the first one's ids together" \
    "$(jq -r --arg id "$CHANGE" 'select(.event == "request_traced" and .request_id == $id) | "\(.trace_id) \(.status)"' "$WORK/server.log")" "$TRACE 201"
api GET "/api/v1/audit?request_id=$CHANGE" >/dev/null
expect "the audit record that it caused" "$(jq -c '[.records[] | [.type, .request_id, .details.name, .details.trace_id]]' "$WORK/body")" \
    "[[\"hub.added\",\"$CHANGE\",\"traced\",\"$TRACE\"]]"
api GET "/api/v1/audit?request_id=$REFUSED" >/dev/null
expect "what was refused caused none" "$(jq -c .records "$WORK/body")" "[]"
api POST /api/v1/hubs '{"name":"plain","host":"plain.example.com"}' >/dev/null
api GET "/api/v1/audit?request_id=$(IDS)" >/dev/null
expect "without a traceparent the record has the request alone" "$(jq -c '[.records[] | [.type, (.details | has("trace_id"))]]' "$WORK/body")" '[["hub.added",false]]'
new_identity traced
register "$ID"
new_key traced-op
device_json traced POST /device/v1/enrol "{\"csr\":\"$(csr traced-op)\",\"generation\":1}" -H "traceparent: 00-$TRACE-$PARENT-01" >/dev/null
expect_status "a device enrols, traceparent sent" 200
api GET "/api/v1/audit?request_id=$(IDS)" >/dev/null
expect "its record" "$(jq -c '[.records[] | [.type, .device_id, .details.trace_id]]' "$WORK/body")" "[[\"device.enrolled\",\"$ID\",\"$TRACE\"]]"
"$WHORLD" audit verify --dir "$DATA" >"$WORK/out" || die "the log does not verify: $(cat "$WORK/out")"
api GET /api/v1/audit/export >/dev/null
cp "$WORK/body" "$WORK/export.jsonl"
expect_in "an export with traces verifies" "$("$WHORLD" audit verify "$WORK/export.jsonl" --ca "$CA")" "verifies"

say "the dashboard and the alert rules ask for what is printed"
api GET /metrics >/dev/null # a second time: the first one and its status are counted
if /usr/bin/python3 -c 'import prometheus_client, yaml' 2>/dev/null; then
    expect "by the parser of Prometheus' own client" \
        "$(/usr/bin/python3 -B "$E2E/observation.py" "$WORK/body" deploy/grafana/whorl.json deploy/prometheus/whorl.rules.yml | grep -v ' kinds of samples, ')" ""
else
    say "left out: python3-prometheus-client or python3-yaml is not installed"
fi
if command -v promtool >/dev/null; then
    jq '{groups: [{name: "dashboard", rules: [[.panels[].targets[]?.expr, .annotations.list[].expr] | to_entries[]
        | {record: "query:\(.key)", expr: (.value | gsub("\\$__rate_interval"; "5m"))}]}]}' deploy/grafana/whorl.json >"$WORK/dashboard.yml"
    cp deploy/prometheus/whorl.rules.yml "$E2E/observation_rules.yml" "$WORK"
    promtool check rules "$WORK/dashboard.yml" "$WORK/whorl.rules.yml" >"$WORK/promtool" 2>&1 || die "promtool: $(cat "$WORK/promtool")"
    (cd "$WORK" && promtool test rules observation_rules.yml) >"$WORK/promtool" 2>&1 || die "promtool: $(cat "$WORK/promtool")"
    say "ok  promtool reads every query, and the rules fire when they should"
fi

if offers getAuditCheckpoint; then
    say "a checkpoint of the audit log"
    api GET /api/v1/audit/checkpoint >/dev/null
    expect_status "signed" 200
fi

say "a device behind something that ends TLS"
P=$(api GET /api/v1/products | jq -r '.products[0].id')
api PATCH "/api/v1/products/$P" '{"allow_unbound_challenge":true}' -H 'If-Match: *' >/dev/null
expect_status "its product allows proofs that are not bound to the channel" 200
new_identity unit
register "$ID"
# proof PURPOSE(1 status, 2 enrol) GENERATION KEY-SHA256 CSR-SHA256 COUNTER: the member "proof" (docs/device-protocol.md); binding: zeros
proof() {
    local word=status nonce
    if [ "$1" -eq 2 ]; then word=enrol; fi
    device_json '' POST /device/v1/challenge "{\"device_id\":\"$ID\",\"purpose\":\"$word\"}" >"$WORK/challenge"
    nonce=$(jq -r .nonce "$WORK/challenge")
    python3 - "$1" "$(jq -r .server_id "$WORK/challenge")" "$ID" "$2" "$3" "$4" "$nonce" "$5" >"$WORK/pop" <<'PY'
import base64, sys
purpose, server, device, generation, key, csr, nonce, counter = sys.argv[1:]
nonce = base64.b64decode(nonce)
sys.stdout.buffer.write(
    b"WHORL-POP-v1" + bytes([int(purpose)]) + bytes.fromhex(server + device) + int(generation).to_bytes(4, "big")
    + bytes.fromhex(key + csr) + len(nonce).to_bytes(2, "big") + nonce + bytes(32) + int(counter).to_bytes(8, "big"))
PY
    printf '"proof":{"device_id":"%s","spki":"%s","nonce":"%s","counter":%s,"signature":"%s"}' "$ID" \
        "$(openssl pkey -in "$WORK/unit.key" -pubout -outform DER | base64 -w0)" "$nonce" "$5" \
        "$(openssl dgst -sha256 -sign "$WORK/unit.key" "$WORK/pop" | base64 -w0)"
}
ZEROS=$(printf '0%.0s' {1..64})
device_json '' POST /device/v1/status "{$(proof 1 0 "$ZEROS" "$ZEROS" 1)}" >/dev/null
expect "is told its status" "$(status) $(jq -r .status "$WORK/body")" "200 not_enrolled"
new_key op
REQUEST=$(csr op)
KEY=$(openssl pkey -in "$WORK/op.key" -pubout -outform DER | sha256sum | cut -d' ' -f1)
ORDER="{\"csr\":\"$REQUEST\",\"generation\":1,$(proof 2 1 "$KEY" "$(base64 -d <<<"$REQUEST" | sha256sum | cut -d' ' -f1)" 2)}"
device_json '' POST /device/v1/enrol "$ORDER" >/dev/null
expect "is enrolled" "$(status) $(jq -r .generation "$WORK/body")" "200 1"
device_json '' POST /device/v1/enrol "${ORDER/\"counter\":2/\"counter\":3}" >/dev/null
expect_status "not with a proof that was changed" 401
stop_server
