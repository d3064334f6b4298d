#!/usr/bin/env bash
# `make demo`: a factory batch of simulated PUF devices goes from public key to working certificate, gets new keys by a campaign, loses
# one of its number, and gets new firmware: a canary that stops a bad release, and a good one for all. A real server on this machine, in a
# folder of its own. Leaves no process behind.
set -euo pipefail
cd "$(dirname "$0")/.."
WHORLD=build/whorld TOOL=build/whorl-device WHORL=build/whorl
WORK=$(mktemp -d "${TMPDIR:-/tmp}/whorl-demo.XXXXXX")
DATA=$WORK/data
COUNT=${DEMO_DEVICES:-200}
PID='' FLEET=''
end() { if [ -n "$1" ]; then kill "$1" 2>/dev/null || true; wait "$1" 2>/dev/null || true; fi; }
trap 'end "$FLEET"; end "$PID"' EXIT

BOLD='' PLAIN=''
if [ -t 1 ]; then BOLD=$(printf '\033[1m') PLAIN=$(printf '\033[0m'); fi
step() { printf '\n%s%s%s\n' "$BOLD" "$*" "$PLAIN"; }
fail() { printf 'demo: %s\n' "$*" >&2; tail -n 20 "$WORK/server.log" >&2 || true; exit 1; }

step "1. A data directory: root, two issuing authorities, server certificate, inventory, admin token"
PORT=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])' 2>/dev/null || echo 18080)
$WHORLD init --dir "$DATA" --name "Whorl demo" --host localhost --host 127.0.0.1 --public-url "http://127.0.0.1:$PORT" >"$WORK/init.txt"
TOKEN=$(cat "$DATA/admin.token")
openssl x509 -in "$DATA/ca.pem" -noout -subject -enddate | sed 's/^/   /'

step "2. The server: HTTPS for devices, HTTPS for management, HTTP for what is published"
WHORL_DEVICE_LISTEN=127.0.0.1:0 WHORL_MANAGEMENT_LISTEN=127.0.0.1:0 WHORL_PUBLIC_LISTEN=127.0.0.1:$PORT \
    $WHORLD serve --dir "$DATA" >"$WORK/ready.json" 2>"$WORK/server.log" &
PID=$!
for _ in $(seq 200); do
    if grep -q ready "$WORK/ready.json"; then break; fi
    kill -0 $PID 2>/dev/null || fail "the server did not start"
    sleep 0.05
done
jq -r '"   devices     https://\(.device)\n   management  https://\(.management)\n   public      http://\(.public)"' "$WORK/ready.json"
DEVICE=https://$(jq -r .device "$WORK/ready.json")
MANAGEMENT=https://$(jq -r .management "$WORK/ready.json")
api() {
    curl -sS --fail-with-body --cacert "$DATA/ca.pem" -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' "$@" ||
        fail "the management API refused: $*"
}

step "3. The production line: $COUNT chips grow their key from their PUF; only SHA-256 of each public key is handed over"
$TOOL fleet --count "$COUNT" --seed-base 1000 --list "$WORK/batch.json"
KNOWN=$(jq '.devices | length' "$WORK/batch.json")
api -X POST --data-binary @"$WORK/batch.json" "$MANAGEMENT/api/v1/batches" >"$WORK/batch.answer.json"
jq -r '"   batch \(.name): \(.device_count) devices registered"' "$WORK/batch.answer.json"

export WHORL_SERVER=$MANAGEMENT WHORL_CA=$DATA/ca.pem WHORL_TOKEN=$TOKEN
BATCH=$(jq -r .name "$WORK/batch.answer.json")
# whose signature their firmware takes: the server's manifest key, and one that lies in a safe
KEY=$($WHORL firmware-key create demo-manifests --role manifest --json | tee "$WORK/key.json" | jq -r .id) || fail "the manifest key could not be made"
jq -r .public_key "$WORK/key.json" >"$WORK/signing.pub"
openssl ecparam -name prime256v1 -genkey -noout -out "$WORK/safe.key"
openssl pkey -in "$WORK/safe.key" -pubout -out "$WORK/safe.pub"

step "4. Power on: every device proves its key by mutual TLS and gets its first certificate"
$TOOL fleet --count "$COUNT" --seed-base 1000 --connections 16 --server "$DEVICE" --ca "$DATA/ca.pem" --save "$WORK" \
    --tenant default --product default --signing-key "$WORK/signing.pub" --recovery-key "$WORK/safe.pub" --failing 0.7 --power-cuts 0.05 \
    --stay 120s --contact-every 2s >"$WORK/fleet.txt" 2>&1 & # they stay, and make contact every two seconds
FLEET=$!
for _ in $(seq 1200); do
    if grep -q '^staying' "$WORK/fleet.txt"; then break; fi
    kill -0 $FLEET 2>/dev/null || { cat "$WORK/fleet.txt"; fail "the fleet was not enrolled"; }
    sleep 0.05
done
sed '/^staying/d; s/^/   /' "$WORK/fleet.txt"
ENROLLED=$(find "$WORK" -maxdepth 1 -name '*.pem' | wc -l)
[ "$ENROLLED" -eq "$KNOWN" ] || fail "$ENROLLED of $KNOWN devices hold a certificate"

step "5. A device that is in no batch is refused"
$TOOL new --dir "$WORK/stranger" --seed 7 >"$WORK/stranger.id"
if $TOOL enrol --dir "$WORK/stranger" --server "$DEVICE" --ca "$DATA/ca.pem" >"$WORK/stranger.txt" 2>&1; then
    fail "a stranger was enrolled"
fi
printf '   %s\n   %s\n' "$(head -c 16 "$WORK/stranger.id")…" "$(tail -n 1 "$WORK/stranger.txt")"

step "6. One device by itself: register, enrol, renew, and what the inventory says of it"
ID=$($TOOL new --dir "$WORK/sensor" --seed 42 | head -n 1)
api -X POST -d "{\"name\":\"demo-single\",\"devices\":[\"$ID\"]}" "$MANAGEMENT/api/v1/batches" >/dev/null
for verb in status enrol renew status; do
    printf '   %-7s ' $verb
    $TOOL $verb --dir "$WORK/sensor" --server "$DEVICE" --ca "$DATA/ca.pem" 2>&1 | tail -n 1 || fail "$verb failed"
done
api "$MANAGEMENT/api/v1/devices/$ID" | jq -r '"   device \(.id[0:16])… is \(.state), certificates: \([.certificates[].state] | join(", "))"'

step "7. New keys for the whole batch: a campaign, a tenth first, no more than $((COUNT / 4)) devices a second"
$WHORL rekey-plan create demo-rekey --batch "$BATCH" --waves 10,100 --rate $((COUNT / 4)) --per second --soak 1s --success-percent 100 \
    --stop-percent 5 --stop-min 20 >/dev/null || fail "the campaign could not be drafted"
$WHORL rekey-plan dry-run demo-rekey --json | jq -r '"   dry run: \(.count) devices"'
$WHORL rekey-plan start demo-rekey >/dev/null || fail "the campaign could not be started"
BEFORE=
for _ in $(seq 300); do
    $WHORL rekey-plan show demo-rekey --json >"$WORK/plan.json"
    NOW=$(jq -r '"wave \(.wave.number): \(.devices.told) told, \(.devices.confirmed) of '"$KNOWN"' on a new key"' "$WORK/plan.json")
    [ "$NOW" = "$BEFORE" ] || printf '   %s\n' "$NOW"
    BEFORE=$NOW
    [ "$(jq .devices.confirmed "$WORK/plan.json")" -lt "$KNOWN" ] || break
    sleep 0.5
done
[ "$(jq .devices.confirmed "$WORK/plan.json")" -eq "$KNOWN" ] || fail "the campaign did not reach every device"

step "8. A device is stolen: revoked, and everybody can know"
openssl x509 -in "$WORK/sensor/device.pem" -out "$WORK/stolen.pem"
ask() { # what OCSP says of the certificate
    openssl ocsp -issuer "$WORK/device-ca.pem" -cert "$WORK/stolen.pem" -CAfile "$DATA/ca.pem" -url "http://127.0.0.1:$PORT/ocsp" 2>/dev/null |
        sed -n "s|^$WORK/stolen.pem: ||p"
}
curl -sS "http://127.0.0.1:$PORT/ca/device.cer" | openssl x509 -inform DER -out "$WORK/device-ca.pem"
printf '   OCSP before    %s\n' "$(ask)"
$WHORL device revoke "$ID" --yes >/dev/null || fail "the device could not be revoked"
printf '   OCSP after     %s\n' "$(ask)"
SERIAL=$(openssl x509 -in "$WORK/stolen.pem" -noout -serial | sed 's/.*=//')
for _ in $(seq 100); do
    curl -sS "http://127.0.0.1:$PORT/crl/device.crl" | openssl crl -inform DER -noout -text >"$WORK/crl.txt"
    if grep -qi "$SERIAL" "$WORK/crl.txt"; then break; fi
    sleep 0.1
done
printf '   CRL            number %s, %s revoked, this one among them: %s\n' "$(sed -n '/CRL Number/{n;s/ //g;p}' "$WORK/crl.txt")" \
    "$(grep -c 'Serial Number' "$WORK/crl.txt")" "$(grep -qi "$SERIAL" "$WORK/crl.txt" && echo yes || echo no)"
printf '   the device     %s\n' "$($TOOL run --contacts 1 --dir "$WORK/sensor" --server "$DEVICE" --ca "$DATA/ca.pem" 2>&1 | tail -n 1)"

# release FILE VERSION: uploaded, approved, signed, published; its id
release() {
    local image id
    image=$($WHORL firmware upload "$1" --format raw --version "$2" --json 2>>"$WORK/upload.txt" | jq -r .id)
    [ -n "$image" ] || return 1
    id=$($WHORL firmware-release create default --image "$image" --manifest-key "$KEY" --version "$2" --json | jq -r .id)
    [ -n "$id" ] && $WHORL firmware-release approve "$id" >/dev/null || return 1
    for _ in $(seq 100); do
        [ "$($WHORL firmware-release show "$id" --json | jq -r .state)" != approved ] || break
        sleep 0.1
    done
    $WHORL firmware-release publish "$id" --yes >/dev/null || return 1
    echo "$id"
}
# roll NAME RELEASE END: a canary of 20 devices, then everybody; shown until it is in that state
roll() {
    local now before=
    $WHORL rollout create "$1" --release "$2" --batch "$BATCH" --waves count:20,100 --stop-percent 20 --stop-min 10 --soak 1s --success-percent 90 \
        --finish-after-quiet 1s >/dev/null || fail "the rollout could not be drafted"
    $WHORL rollout start "$1" >/dev/null || fail "the rollout could not be started"
    for _ in $(seq 200); do
        $WHORL rollout show "$1" --json >"$WORK/rollout.json"
        now=$(jq -r '"\(.state), wave \(.wave.number): \(.devices.offered) offered, \(.devices.succeeded) succeeded, \(.devices.failed) failed"' "$WORK/rollout.json")
        [ "$now" = "$before" ] || printf '   %s\n' "$now"
        before=$now
        case $3 in
            all) [ "$(jq .devices.succeeded "$WORK/rollout.json")" -lt "$KNOWN" ] || return 0 ;;
            *) [ "$(jq -r .state "$WORK/rollout.json")" != "$3" ] || return 0 ;;
        esac
        sleep 0.3
    done
    fail "the rollout did not come to its end"
}

step "9. New firmware: 2.0.0 does not come up on most devices, and a canary of 20 finds out"
{ printf 'does not boot'; head -c 12000 /dev/urandom; } >"$WORK/lamp-2.0.0.bin"
head -c 12000 /dev/urandom >"$WORK/lamp-2.0.1.bin"
BAD=$(release "$WORK/lamp-2.0.0.bin" 2.0.0) || fail "2.0.0 could not be released"
roll demo-2.0.0 "$BAD" stopped
printf '   each device that failed runs what it ran before; nobody else was offered it\n'

step "10. 2.0.1: the canary, then all of them; each verifies the manifest, installs into a slot, boots, reports"
GOOD=$(release "$WORK/lamp-2.0.1.bin" 2.0.1) || fail "2.0.1 could not be released"
roll demo-2.0.1 "$GOOD" all
end "$FLEET"
FLEET=

step "11. The books: nothing was acknowledged that is not written down"
kill -TERM $PID
wait $PID || fail "the server did not stop cleanly"
PID=
$WHORLD audit verify --dir "$DATA" | sed 's/^/   /'
printf '\nWhere things lie: %s\n   data/ca.pem      the trust anchor for devices\n   data/whorl.conf  settings\n' "$WORK"
printf '   *.pem            the certificates that the %s devices received\n   server.log       what the server said\n' "$ENROLLED"
printf 'Run it yourself:  build/whorld serve --dir %s   (remove the folder when done)\n' "$DATA"
