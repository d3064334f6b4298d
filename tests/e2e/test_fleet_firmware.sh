#!/usr/bin/env bash
# takes long
# Firmware from the server to the device core and back: a release made and signed by the server goes to the reference device and to a fleet
# of simulated ones. A canary with bad firmware stops its rollout; the next release reaches all, power cuts or not; a rollback; keys that move.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
offers createRelease || skip "this build has no releases"
COUNT=12
init_data
start_server
WHORL=$PWD/$BUILD/whorl
export XDG_CONFIG_HOME=$WORK/config WHORL_SERVER=$MANAGEMENT WHORL_TOKEN=$TOKEN WHORL_CA=$CA
unset WHORL_PROFILE NO_COLOR
whorl() { "$WHORL" --json "$@"; }

say "keys, devices"
KEY=$(whorl firmware-key create lamp-manifests --role manifest | tee "$WORK/key.json" | jq -r .id)
jq -r .public_key "$WORK/key.json" >"$WORK/signing.pub"
openssl ecparam -name prime256v1 -genkey -noout -out "$WORK/safe.key"
openssl pkey -in "$WORK/safe.key" -pubout -out "$WORK/safe.pub"
IS_FOR=(--tenant default --product default --signing-key "$WORK/signing.pub" --recovery-key "$WORK/safe.pub")
"$DEVICE_TOOL" fleet --count $COUNT --seed-base 5000 --list "$WORK/list.json" >/dev/null
api POST /api/v1/batches "@$WORK/list.json" >/dev/null
ID=$("$DEVICE_TOOL" new --dir "$WORK/one" --seed 4999 | head -n 1)
register "$ID"
one() { "$DEVICE_TOOL" "$1" --dir "$WORK/one" --server "$DEVICE" --ca "$CA" "${@:2}" 2>&1 || true; }
one enrol >/dev/null
"$DEVICE_TOOL" firmware --dir "$WORK/one" "${IS_FOR[@]}"
"$DEVICE_TOOL" fleet --count $COUNT --seed-base 5000 --connections 4 --server "$DEVICE" --ca "$CA" "${IS_FOR[@]}" --failing 0.6 --power-cuts 0.3 \
    --stay 60s --contact-every 1s >"$WORK/fleet.out" 2>&1 &
PIDS+=("$!")

# release FILE VERSION [KEY [OPTIONS…]]: signed and published; sets RELEASE
release() {
    local image
    image=$(curl -sS --cacert "$CA" -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/octet-stream' --data-binary "@$WORK/$1" \
        "$MANAGEMENT/api/v1/firmware/images?product=default&filename=$1&format=raw&version=$2" | jq -r .id)
    RELEASE=$(whorl firmware-release create default --image "$image" --manifest-key "${3:-$KEY}" --version "$2" "${@:4}" | jq -r .id)
    publish
}
publish() {
    whorl firmware-release approve "$RELEASE" >/dev/null
    for _ in $(seq 100); do [ "$(whorl firmware-release show "$RELEASE" | jq -r .state)" = approved ] && break; sleep 0.05; done
    whorl firmware-release publish "$RELEASE" --yes >/dev/null
}
roll() { # NAME OPTIONS…
    whorl rollout create "$1" --release "$RELEASE" --every-device --stop-percent 20 --stop-min 5 --soak 1s --success-percent 90 "${@:2}" >/dev/null
    whorl rollout start "$1" >/dev/null
}
figure() { whorl rollout show "$1" | jq -r "$2"; }
wait_for() { # NAME JQ WANTED
    for _ in $(seq 200); do [ "$(figure "$1" "$2")" = "$3" ] && return; sleep 0.1; done
    die "$1: $2 is $(figure "$1" "$2"), not $3"
}
{ printf 'does not boot'; head -c 3000 /dev/urandom; } >"$WORK/bad.bin"
head -c 60000 /dev/urandom >"$WORK/newer.bin"
head -c 20000 /dev/urandom >"$WORK/small.bin"

say "a canary that fails"
release bad.bin 2.0.0
roll bad --waves count:6,100
wait_for bad .state stopped
expect "nobody but the canary was offered it" "$(figure bad .devices.offered)" 6
[ "$(figure bad .devices.failed)" -ge 2 ] || die "$(figure bad .devices)"

say "one that reaches all"
release small.bin 2.0.1
roll small --waves count:4,100
for _ in $(seq 100); do
    case $(one firmware) in *"succeeded"*) break ;; esac
    sleep 0.1
done
cmp -s "$WORK/small.bin" "$WORK/one/slot-main.a" || cmp -s "$WORK/small.bin" "$WORK/one/slot-main.b" || die "the device holds other bytes"
say "ok  the reference device has it"
wait_for small .devices.succeeded $((COUNT + 1))
expect "no device failed" "$(figure small .devices.failed)" 0
expect "what the server knows of the one" "$(api GET "/api/v1/devices/$ID/firmware" | jq -r .installed.version)" 2.0.1

# takes: until the reference device has installed something; what it said last in $OUT
takes() {
    for _ in $(seq 100); do
        OUT=$(one firmware)
        case $OUT in *"succeeded"* | *"refused"*) return ;; esac
        sleep 0.1
    done
    die "$1: $OUT"
}

say "back, by a newer manifest"
expect_in "a device takes no manifest twice" "$(one firmware)" "nothing to do"
FORMER=$RELEASE
release newer.bin 2.0.2
roll newer --waves 100
takes newer
expect_in "the newer one first" "$OUT" "installed: 2.0.2"
RELEASE=$(whorl firmware-release create default --rollback-of "$FORMER" --manifest-key "$KEY" | jq -r .id)
publish
roll back --waves 100
takes back
expect_in "the former image runs under the next sequence" "$OUT" "installed: 2.0.1, sequence 4"

say "the signing key leaked: the recovery key, offline, moves the pair"
NEXT=$(whorl firmware-key create next-manifests --role manifest | tee "$WORK/key.json" | jq -r .id)
jq -r .public_key "$WORK/key.json" >"$WORK/next.pub"
statement() { # SEQUENCE SIGNING
    "$WHORL" firmware-anchors statement --recovery-key "$WORK/safe.key" --signing-public "$2" --recovery-public "$WORK/safe.pub" --product default \
        --sequence "$1" --output "$WORK/statement" >/dev/null
    "$WHORL" firmware-anchors put default --statement "$WORK/statement" >/dev/null
}
statement 1 "$WORK/signing.pub"
statement 2 "$WORK/next.pub"
release small.bin 2.0.4 "$NEXT"
roll next --waves 100
takes next
expect_in "the device follows" "$OUT" "another pair of manifest keys is in force"
expect_in "and takes what the next key signed" "$OUT" "installed: 2.0.4"
wait_for next .devices.succeeded $((COUNT + 1))
say "ok  so does the fleet"
stop_server
expect_in "the audit log verifies" "$("$WHORLD" audit verify --dir "$DATA")" "verifies"
