#!/usr/bin/env bash
# deploy/drills/leaked-key.sh against a real server and a reference device: the leaked key is refused everywhere, the device comes back with
# another one; the drill can be run again at every point.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
export WHORL=$PWD/$BUILD/whorl
DRILL=$PWD/deploy/drills/leaked-key.sh
init_data
start_server
export XDG_CONFIG_HOME=$WORK/config WHORL_SERVER=$MANAGEMENT WHORL_CA=$CA WHORL_TOKEN=$TOKEN
device() { "$DEVICE_TOOL" "$1" --dir "$WORK/chip" --server "$DEVICE" --ca "$CA" "${@:2}"; }
state() { api GET "/api/v1/devices/$ID" | jq -r .state; }
current() { api GET "/api/v1/devices/$ID" | jq -r '.certificates[] | select(.state == "confirmed") | .serial'; }

say "--- a wrong call changes nothing"
for bad in '' 'x' '00 11' '--wait' '--colour'; do
    # shellcheck disable=SC2086
    CODE=0; "$DRILL" $bad >"$WORK/out" 2>&1 || CODE=$?
    expect "usage of \"$bad\"" "$CODE" 2
done
expect_fails "a certificate that nobody knows" "$DRILL" 00112233445566778899aabbccddeeff

say "--- a device with a certificate"
"$DEVICE_TOOL" new --dir "$WORK/chip" --seed 21 >"$WORK/chip.id"
ID=$(head -n 1 "$WORK/chip.id")
register "$ID"
device enrol >/dev/null
device status >/dev/null
LEAKED=$(current)
KEY=$(api GET "/api/v1/certificates/$LEAKED" | jq -r .spki_sha256)
expect "enrolled" "$(state)" enrolled

say "--- the drill, with a device that does not come"
CODE=0; "$DRILL" "$LEAKED" --wait 0 >"$WORK/out" 2>&1 || CODE=$?
cat "$WORK/out"
expect "it says that the device is not back" "$CODE" 1
expect_in "revoked" "$(cat "$WORK/out")" "from here on Whorl refuses it"
expect_in "on the CRL" "$(cat "$WORK/out")" "on the CRL: $PUBLIC/crl/device.crl"
expect_in "and by OCSP" "$(cat "$WORK/out")" "OCSP says so: $PUBLIC/ocsp"
expect_in "and allowed to return" "$(cat "$WORK/out")" "may enrol again under its identity key"
expect "the reason" "$(api GET "/api/v1/certificates/$LEAKED" | jq -r .revocation_reason)" keyCompromise
expect "the device is revoked" "$(state)" revoked
expect_in "and told that it may enrol again" "$(device status)" not_enrolled

say "--- again, and the device comes meanwhile"
"$DRILL" "$LEAKED" --wait 60 >"$WORK/out" 2>&1 &
RUN=$!
PIDS+=("$RUN")
for _ in $(seq 100); do grep -q 'may enrol again' "$WORK/out" && break; sleep 0.1; done
device recover >"$WORK/device.out" 2>&1 || device enrol >"$WORK/device.out" 2>&1 || { cat "$WORK/device.out"; die "the device cannot come back"; }
device status >/dev/null
wait "$RUN" || { cat "$WORK/out"; die "the drill ended with $?"; }
cat "$WORK/out"
expect_in "what was done is not done again" "$(cat "$WORK/out")" "it was revoked before: keyCompromise"
expect_in "nor allowed again" "$(cat "$WORK/out")" "allowed before"
expect_in "the device is back" "$(cat "$WORK/out")" "back with another key"
expect "enrolled" "$(state)" enrolled
[ "$(api GET "/api/v1/certificates/$(current)" | jq -r .spki_sha256)" != "$KEY" ] || die "with the leaked key"
say "ok  another key"
NOW=$(current)

say "--- once more: nothing is left to be done"
RECORDS=$(api GET "/api/v1/audit?limit=1000" | jq '.records | length')
"$DRILL" "$LEAKED" >"$WORK/out" 2>&1 || { cat "$WORK/out"; die "a repeat fails"; }
expect_in "it has another key" "$(cat "$WORK/out")" "the device has another key"
expect "the same certificate" "$(current)" "$NOW"
expect "no change was recorded" "$(api GET "/api/v1/audit?limit=1000" | jq '.records | length')" "$RECORDS"
stop_server
