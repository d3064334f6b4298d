#!/usr/bin/env bash
# Devices change their owner on the real server: offered by one tenant, accepted by another; what each sees, what the device is told, the
# CRL, the way back, and a second person on both sides.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
start_server
"$WHORLD" tenant add --dir "$DATA" --name acme >/dev/null 2>&1
person() { "$WHORLD" token add --dir "$DATA" --tenant "$1" --name "$2" --scope admin --expires 30 2>/dev/null; }
ACME=$(person acme boss)
EXPIRES=$(date -u -d '+1 day' +%Y-%m-%dT%H:%M:%SZ)
device_status() { curl -sS --cacert "$CA" --cert "$WORK/$1.crt" --key "$WORK/$1.key" "$DEVICE/device/v1/status"; }
enrol() { # CREDENTIAL NEW-KEY
    new_key "$2"
    est "$1" simpleenroll "$(csr "$2")"
    expect_status "enrolled" 200
    keep_certificate "$2"
}
wait_completed() {
    for _ in $(seq 100); do
        if [ "$(AS=$1 api GET "/api/v1/transfers/$2" | jq -r .state)" = completed ]; then return; fi
        sleep 0.1
    done
    die "the transfer is not completed: $(AS=$1 api GET "/api/v1/transfers/$2")"
}

new_identity birth
BIRTH=$ID
register "$BIRTH"
enrol birth op1
SALT=$(device_status birth | jq -r .owner_salt)

say "offered and accepted"
api POST /api/v1/transfers "{\"to_tenant\":\"acme\",\"devices\":[\"$BIRTH\"],\"note\":\"sold\",\"expires_at\":\"$EXPIRES\"}" >"$WORK/answer"
expect_status "offered" 201
TRANSFER=$(jq -r .id "$WORK/answer")
expect "the device works meanwhile" "$(device_status op1 | jq -r .status)" enrolled
expect "the other tenant sees the offer" "$(AS=$ACME api GET '/api/v1/transfers?direction=incoming' | jq -r '.transfers[0].from_tenant + " " + .transfers[0].note')" "default sold"
AS=$ACME api GET "/api/v1/devices/$BIRTH" >/dev/null
expect_status "and nothing of the device" 404
AS=$ACME api POST "/api/v1/transfers/$TRANSFER/accept" '{"batch":"bought-1"}' >"$WORK/answer"
expect_status "accepted" 200
wait_completed "$TOKEN" "$TRANSFER"
expect "the device is told to enrol again" "$(device_status op1 | jq -r .status)" not_enrolled
expect "by whom" "$(device_status birth | jq -r .tenant)" acme
[ "$(device_status birth | jq -r .owner_salt)" != "$SALT" ] || die "the next owner has the salt of the one before"
say "ok  with another salt"
est op1 simplereenroll "$(csr op1 "/CN=$BIRTH")"
expect_status "the certificate of the owner before has no rights" 403
enrol birth op2
expect "the device is the next owner's" "$(device_status op2 | jq -r '.status + " " + .tenant + " " + (.generation | tostring)')" "enrolled acme 2"
expect "there it has its model and state" "$(AS=$ACME api GET "/api/v1/devices/$BIRTH" | jq -r .state)" enrolled
expect "here only its history" "$(api GET "/api/v1/devices/$BIRTH" | jq -r '.state + " " + (has("transferred_at") | tostring)')" "retired true"
expect "which says why" "$(api GET "/api/v1/devices/$BIRTH/history" | jq -r '[.records[].type] | index("device.transferred") != null')" true
serial=$(openssl x509 -in "$WORK/op1.crt" -noout -serial | cut -d= -f2)
for _ in $(seq 50); do
    crl=$(curl -sS "$PUBLIC/crl/device.crl" | openssl crl -inform DER -noout -text)
    case $crl in *"$serial"*) break ;; esac
    sleep 0.1
done
expect_in "the CRL lists the old certificate" "$crl" "$serial"
expect_in "with the reason" "$crl" "Cessation Of Operation"
api POST /api/v1/batches "{\"devices\":[\"$BIRTH\"]}" >"$WORK/answer"
expect_status "it cannot be registered again" 409
expect_in "which is said" "$(cat "$WORK/answer")" "by a transfer only"

say "and back, with a second person on each side"
ACME_TOO=$(person acme deputy)
MINE_TOO=$(person default deputy)
AS=$ACME api PATCH /api/v1/dual-control '{"kinds":["transfer.offer"]}' -H 'If-Match: "0"' >/dev/null
api PATCH /api/v1/dual-control '{"kinds":["transfer.accept"]}' -H 'If-Match: "0"' >/dev/null
expect_status "both ask for it" 200
BATCH=$(AS=$ACME api GET /api/v1/batches | jq -r '.batches[] | select(.name == "bought-1").id')
AS=$ACME api POST /api/v1/transfers "{\"to_tenant\":\"default\",\"batch_id\":\"$BATCH\",\"expires_at\":\"$EXPIRES\"}" >"$WORK/answer"
expect_status "the offer waits" 202
TRANSFER=$(AS=$ACME_TOO api POST "/api/v1/approvals/$(jq -r .id "$WORK/answer")/approve" | jq -r .result)
expect_status "their second person agrees" 200
api POST "/api/v1/transfers/$TRANSFER/accept" '{"batch":"returned"}' >"$WORK/answer"
expect_status "accepting waits" 202
AS=$MINE_TOO api POST "/api/v1/approvals/$(jq -r .id "$WORK/answer")/approve" >/dev/null
expect_status "our second person agrees" 200
wait_completed "$TOKEN" "$TRANSFER"
expect "the device is told" "$(device_status op2 | jq -r .status)" not_enrolled
enrol birth op3
expect "it is ours again" "$(device_status op3 | jq -r '.tenant + " " + (.generation | tostring)')" "default 3"
expect "in its new batch" "$(api GET /api/v1/batches | jq -r '.batches[] | select(.name == "returned").device_count')" 1

say "nothing comes of it"
AS=$ACME api GET "/api/v1/devices/$BIRTH" >/dev/null
expect "they keep their history" "$(jq -r .state "$WORK/body")" retired
api POST "/api/v1/devices/$BIRTH/quarantine" >/dev/null
api POST /api/v1/transfers "{\"to_tenant\":\"acme\",\"devices\":[\"$BIRTH\"],\"expires_at\":\"$EXPIRES\"}" >"$WORK/answer"
expect_status "a quarantined device stays" 409
expect_in "which is said" "$(jq -r .detail "$WORK/answer")" "a transfer needs it to be registered, enrolled or revoked"
stop_server
expect_in "the log verifies" "$("$WHORLD" audit verify --dir "$DATA")" "verifies"
expect_in "the directory is whole" "$("$WHORLD" check --dir "$DATA")" "0 problems"
