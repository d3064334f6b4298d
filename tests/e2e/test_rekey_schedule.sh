#!/usr/bin/env bash
# The schedule of keys from outside: the header on answers and refusals, read by a parser of structured fields' rules; a changed plan reaches the
# devices that are there; stock clients (curl, strongSwan) that renew or make new keys; who is late is reported, and put in quarantine only when it
# keeps contact.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need sqlite3
need pki
init_data
start_server
whorl() { WHORL_SERVER="$MANAGEMENT" WHORL_TOKEN="$TOKEN" WHORL_CA="$CA" "$BUILD/whorl" "$@"; }
header() { sed -n "s/^$1: *\(.*[^[:space:]]\)[[:space:]]*$/\1/Ip" "$WORK/headers"; }
# after: the header of the last answer; dies when it is no Integer, not below zero, of a structured field with the one parameter there is (RFC 9651)
after() {
    local value
    value=$(header whorl-rekey-after)
    [[ "$value" =~ ^(0|[1-9][0-9]{0,14})(\;key=new)?$ ]] || die "Whorl-Rekey-After: \"$value\""
    printf %s "$value"
}
status_after() { device_json "$1" GET /device/v1/status >/dev/null; after; }
# until_after WHO WANTED: a plan's change comes to the devices by a job, within seconds
until_after() {
    local value=
    for _ in $(seq 50); do
        value=$(status_after "$1")
        [ "$value" = "$2" ] && break
        sleep 0.1
    done
    expect "$1 is told" "$value" "$2"
}
subject_of() { openssl x509 -in "$WORK/$1.crt" -noout -subject -nameopt compat | sed 's/^subject=//'; }
PRODUCT=$(api GET /api/v1/products | jq -r '.products[] | select(.name == "default") | .id')
plan() { api PATCH "/api/v1/products/$PRODUCT" "$1" -H 'If-Match: *' >/dev/null; expect_status "the plan is $1" 200; }

say "every answer says when to come"
new_identity birth
register "$ID"
new_key op1
plan '{"certificate_ttl_s":100000,"renew_percent":50,"renew_spread_percent":0}'
est birth simpleenroll "$(csr op1)"
expect_status "EST gives the first certificate" 200
keep_certificate op1
FIRST=$(after)
[ "$FIRST" = 50000 ] || die "EST said $FIRST"
say "ok  and says when to come for the next"
LEFT=$(status_after op1)
[ "$LEFT" -le 50000 ] && [ "$LEFT" -gt 49900 ] || die "status said $LEFT"
DUE=$(jq -r .renew_after "$WORK/body")
NOW=$(jq -r .server_time "$WORK/body")
DIFFERENCE=$(($(date -d "$DUE" +%s) - $(date -d "$NOW" +%s) - LEFT))
[ "${DIFFERENCE#-}" -le 1 ] || die "status: $DUE at $NOW, but the header said $LEFT"
say "ok  status says the same in its body"
est op1 simplereenroll "AAAA"
expect_status "a refusal of EST" 400
after >/dev/null
device_json op1 POST /device/v1/enrol '{"csr":"AAAA"}' >/dev/null
expect_status "a refusal of the device protocol" 400
after >/dev/null
curl -sS --cacert "$CA" --cert "$WORK/op1.crt" --key "$WORK/op1.key" -D "$WORK/headers" -o /dev/null "$DEVICE/.well-known/est/cacerts"
after >/dev/null
say "ok  and the anchors, to a device that shows its certificate"
curl -sS --cacert "$CA" -D "$WORK/headers" -o /dev/null "$DEVICE/.well-known/est/cacerts"
expect "nobody else is told" "$(header whorl-rekey-after)" ""
device_json birth GET /device/v1/status >/dev/null
expect "nor the identity key" "$(header whorl-rekey-after)" ""

say "a changed plan reaches the devices that are there"
whorl product edit "$PRODUCT" --renew-percent 1 >/dev/null
sleep 0.1
LEFT=$(status_after op1)
for _ in $(seq 50); do [ "$LEFT" -lt 1001 ] && break; sleep 0.1; LEFT=$(status_after op1); done
[ "$LEFT" -lt 1001 ] || die "it is told $LEFT still"
say "ok  $LEFT seconds instead of 50000"
plan '{"renew_percent":50,"rekey_period_s":60}'
for _ in $(seq 50); do case $(status_after op1) in *key=new) break ;; esac; sleep 0.1; done
expect_in "a key of 60 seconds: a new one is asked for" "$(status_after op1)" ";key=new"
expect "in the body too" "$(jq .rekey "$WORK/body")" true

say "a key that stays"
sqlite3 "$DATA/inventory.db" 'UPDATE device_key SET first_seen_at = first_seen_at - 100000'
plan '{"renew_percent":40}'
until_after op1 "0;key=new"
cp "$WORK/op1.key" "$WORK/op2.key"
est op1 simplereenroll "$(csr op1 "$(subject_of op1)")"
expect_status "the old key is certified again" 200
expect "and is due at once" "$(after)" "0;key=new"
keep_certificate op2
expect "as its first use says" "$(status_after op2)" "0;key=new"
plan '{"rekey_required":true}'
est op2 simplereenroll "$(csr op2 "$(subject_of op2)")"
expect_status "unless the product says no" 422
expect_in "with a reason" "$(cat "$WORK/body")" "make a new key pair"
expect "the refusal says what to do" "$(after)" "0;key=new"
api PATCH "/api/v1/products/$PRODUCT" '{"rekey_period_s":0}' -H 'If-Match: *' >/dev/null
expect_status "a key cannot be required anew without an age" 422

say "strongSwan renews with a new key, as it always does"
cd "$WORK"
openssl x509 -in "$CA" -outform DER -out anchor.der
openssl x509 -in op2.crt -outform DER -out op2.crt.der
openssl pkey -in op2.key -outform DER -out op2.key.der
pki --estca --url "$DEVICE" --cacert anchor.der --caout swan.pem --outform pem 2>/dev/null || die "pki --estca"
new_key op3
openssl pkey -in op3.key -outform DER -out op3.key.der
pki --req --type ecdsa --in op3.key.der --dn "CN=$ID" --outform der >op3.csr.der || die "pki --req"
pki --est --url "$DEVICE" --in op3.csr.der --cacert swan.pem --cacert swan-1.pem --cacert swan-2.pem --cert op2.crt.der --key op2.key.der \
    --outform pem >op3.crt 2>swan.log || { cat swan.log; die "pki --est"; }
cd - >/dev/null
case $(status_after op3) in 0*) die "the new key is asked for already: $(after)" ;; esac
expect "the new key is good for a while" "$(jq .generation "$WORK/body")" 2

say "who is late is reported; who keeps contact and does nothing is put in quarantine"
plan '{"renew_percent":1,"certificate_ttl_s":100000,"rekey_period_s":0,"rekey_required":false,"overdue_alert_after_s":1,"overdue_quarantine_days":2}'
new_identity silent
SILENT=$ID
register "$ID"
new_key quiet
plan '{"certificate_ttl_s":60}'
est silent simpleenroll "$(csr quiet)"
new_identity stubborn
STUBBORN=$ID
register "$ID"
new_key same
est stubborn simpleenroll "$(csr same)"
keep_certificate same
sleep 0.7
expect "it is due" "$(status_after same)" 0
expect "when it was seen is shown at once" "$(api GET "/api/v1/devices/$STUBBORN" | jq 'has("last_seen_at")')" true
expect "and since when it knows" "$(api GET "/api/v1/devices/$STUBBORN/why" | jq -c '.schedule | [.contact_days, .quarantine_days, .new_key]')" "[0,2,false]"
stop_server
expect "it is written at the end" "$(sqlite3 "$DATA/inventory.db" "SELECT count(*) FROM device_contact WHERE told_at IS NOT NULL")" 1
# three days pass for the one that keeps contact, and for the one that is silent
sqlite3 "$DATA/inventory.db" "UPDATE device_contact SET told_at = told_at - 172800000, day_at = day_at - 86400000, contact_days = 1 WHERE told_at IS NOT NULL;
    INSERT INTO device_contact (device, tenant, seen_at, told_at, contact_days, day_at) SELECT device, tenant, seen_at - 172800000, seen_at - 172800000, 0, seen_at - 172800000
    FROM device_contact WHERE device = x'$SILENT' ON CONFLICT DO UPDATE SET told_at = seen_at - 172800000, day_at = seen_at - 172800000"
start_server
status_after same >/dev/null
for _ in $(seq 140); do
    STATE=$(api GET "/api/v1/devices/$STUBBORN" | jq -r .state)
    OVERDUE=$(api GET "/api/v1/products/$PRODUCT" | jq .devices.overdue)
    [ "$STATE" = quarantined ] && [ "$OVERDUE" = 1 ] && break
    sleep 0.1
done
expect "the one that keeps contact" "$STATE" quarantined
expect "it gets no more certificates" "$(est same simplereenroll "$(csr same "$(subject_of same)")"; status)" 403
expect "its record says why" "$(api GET "/api/v1/devices/$STUBBORN/history?kind=device.quarantined" | jq -c '.records[0] | [.source, .details.cause, .details.contact_days]')" \
    '["whorld","overdue",2]'
expect "the silent one" "$(api GET "/api/v1/devices/$SILENT" | jq -r .state)" enrolled
expect "is counted" "$OVERDUE" 1
expect "is reported" "$(api GET "/api/v1/devices/$SILENT/history?kind=device.overdue" | jq '.records | length')" 1
expect "and an alarm stands for the product" "$(api GET /api/v1/alarms | jq -r '.alarms[] | select(.kind == "devices.overdue") | .subject')" "$PRODUCT"
stop_server
