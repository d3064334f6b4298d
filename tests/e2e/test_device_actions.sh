#!/usr/bin/env bash
# Orders about a device on the real server: felt with the next request, also on a connection that is kept alive; the CRL; the log.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
start_server

new_identity birth
register "$ID"
new_key op
est birth simpleenroll "$(csr op)"
expect_status "enrolled" 200
keep_certificate op
order() { api POST "/api/v1/devices/$ID/$1" "${2-}"; }

say "a connection that is kept alive"
coproc TLS { openssl s_client -quiet -no_ign_eof -connect "${DEVICE#https://}" -CAfile "$CA" -cert "$WORK/op.crt" -key "$WORK/op.key" 2>/dev/null; }
PIDS+=("$TLS_PID")
ask() { # one request on the kept connection; its JSON on stdout
    printf 'GET /device/v1/status HTTP/1.1\r\nHost: %s\r\n\r\n' "${DEVICE#https://}" >&"${TLS[1]}"
    local line='' size=0
    while IFS= read -r -t 10 line <&"${TLS[0]}"; do
        line=${line%$'\r'}
        case ${line,,} in content-length:*) size=${line#*: } ;; '') break ;; esac
    done
    IFS= read -r -t 10 -N "$size" line <&"${TLS[0]}"
    printf '%s' "$line"
}
answer() { # `read` in a subshell would lose what it read ahead, so the answer goes through a file
    ask >"$WORK/answer"
    jq -r "$1" "$WORK/answer"
}
expect "works" "$(answer .status)" enrolled
order quarantine '{"reason":"odd traffic","note":"ticket \"7\""}' >/dev/null
expect_status "quarantine" 200
expect "refused with its next request on that connection" "$(answer .status)" revoked
order quarantine >"$WORK/answer"
expect_status "again is the wrong state" 409
expect_in "which is named" "$(jq -r .detail "$WORK/answer")" "the device is quarantined"
expect_in "with what would be allowed" "$(jq -r .detail "$WORK/answer")" "allowed now: release, revoke, retire, compromised"
est op simplereenroll "$(csr op "/CN=$ID")"
expect_status "no certificate in quarantine" 403
expect "and the operator is told why" "$(api GET "/api/v1/devices/$ID/why" | jq -r '.obstacle.cause + " " + .refusals[0].cause')" "quarantined quarantined"
order release >/dev/null
expect_status "release" 200
expect "works again on that connection" "$(answer .status)" enrolled

say "rekey"
order rekey >/dev/null
expect "the device is told" "$(answer .rekey)" true
new_key op2
subject=$(openssl x509 -in "$WORK/op.crt" -noout -subject -nameopt compat | sed 's/^subject=//')
est op simplereenroll "$(csr op2 "$subject")"
expect_status "it makes a new key" 200
keep_certificate op2
device_status() { device_json "$1" GET /device/v1/status; }
expect "and is left in peace" "$(device_status op2 | jq -r '.rekey // "no"')" no

say "labels"
etag=$(api GET "/api/v1/devices/$ID" >/dev/null; tr -d '\r' <"$WORK/headers" | sed -n 's/^[Ee][Tt]ag: //p')
api PATCH "/api/v1/devices/$ID" '{"labels":{"site":"Zürich"}}' >/dev/null
expect_status "a change without a version" 428
api PATCH "/api/v1/devices/$ID" '{"labels":{"site":"Zürich"}}' -H "If-Match: $etag" >/dev/null
expect_status "with it" 200
expect "found by its label" "$(api GET "/api/v1/devices?label=site%3DZ%C3%BCrich" | jq -r '.devices[0].id')" "$ID"

say "retired"
serial=$(openssl x509 -in "$WORK/op2.crt" -noout -serial | cut -d= -f2)
order retire '{"reason":"scrapped"}' >/dev/null
expect_status "retire" 200
expect "the device is told" "$(device_status op2 | jq -r .status)" device_revoked
api POST /api/v1/batches "{\"devices\":[\"$ID\"]}" >"$WORK/answer"
expect_status "it is never registered again" 409
expect_in "which is said" "$(cat "$WORK/answer")" "never be registered again"
for _ in $(seq 50); do
    crl=$(curl -sS "$PUBLIC/crl/device.crl" | openssl crl -inform DER -noout -text | tr a-f A-F)
    case $crl in *"$serial"*) break ;; esac
    sleep 0.1
done
expect_in "the CRL lists its certificate" "$crl" "$serial"
expect_in "with the reason" "$(tr A-F a-f <<<"$crl")" "$(tr A-F a-f <<<"Cessation Of Operation")"
batch=$(api GET /api/v1/batches | jq -r '.batches[0].id')
expect "the counts of its batch" "$(api GET "/api/v1/batches/$batch" | jq -c '[.devices.enrolled, .devices.retired]')" "[0,1]"

say "the log"
expect "its history" "$(api GET "/api/v1/devices/$ID/history?limit=1" | jq -r '.records[0].type')" device.retired
api GET /api/v1/audit/export >"$WORK/audit.jsonl"
expect "every line has the fields of CR 2.8" "$(jq -c 'select((has("ts") and has("source") and has("category") and has("type") and has("event_id") and has("result")) | not)' "$WORK/audit.jsonl")" ""
expect "quarantine and release are in the export" "$(jq -r 'select(.type == "device.quarantined" or .type == "device.released").type' "$WORK/audit.jsonl" | paste -sd' ')" "device.quarantined device.released"
stop_server
expect_in "the log verifies" "$("$WHORLD" audit verify --dir "$DATA")" "verifies"
