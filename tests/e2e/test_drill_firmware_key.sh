#!/usr/bin/env bash
# deploy/drills/firmware-key.sh against a real server: the manifest key leaked, with its private half in the thief's hands; the recovery key moves the
# product's devices to another one, and the thief can neither move them nor sign for them.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
/usr/bin/python3 -c 'import cbor2, cryptography' 2>/dev/null || skip "python3-cbor2 or python3-cryptography is not installed"
export WHORL=$PWD/$BUILD/whorl
DRILL=$PWD/deploy/drills/firmware-key.sh
init_data
start_server
export XDG_CONFIG_HOME=$WORK/config WHORL_SERVER=$MANAGEMENT WHORL_CA=$CA WHORL_TOKEN=$TOKEN
pair() { openssl ecparam -name prime256v1 -genkey -noout -out "$WORK/$1.key"; openssl pkey -in "$WORK/$1.key" -pubout -out "$WORK/$1.pem"; }
ANCHORS=/api/v1/products/default/firmware-anchors
in_force() { api GET $ANCHORS '' >/dev/null; jq -r .statement "$WORK/body" | base64 -d >"$WORK/in-force"; }

say "--- a wrong call changes nothing"
for bad in '' 'x' '--recovery-key' '01a20ee7-5495-7fc0-8873-4ce1159f76fd' '--colour'; do
    # shellcheck disable=SC2086
    CODE=0; "$DRILL" $bad >"$WORK/out" 2>&1 || CODE=$?
    expect "usage of \"$bad\"" "$CODE" 2
done

say "--- a product whose devices trust a key of the server, and one that is in a safe"
pair recovery
openssl pkey -in "$WORK/recovery.key" -aes256 -passout pass:safe -out "$WORK/sealed.key"
echo safe >"$WORK/safe"
"$WHORL" firmware-key create first --role manifest --json >"$WORK/first.json"
LEAKED=$(jq -r .id "$WORK/first.json")
jq -r .public_key "$WORK/first.json" >"$WORK/first.pem"
"$WHORL" firmware-anchors statement --recovery-key "$WORK/sealed.key" --passphrase-file "$WORK/safe" --signing-public "$WORK/first.pem" \
    --recovery-public "$WORK/recovery.pem" --product default --sequence 1 >"$WORK/statement.b64"
api PUT $ANCHORS "$(jq -n --rawfile s "$WORK/statement.b64" '{statement: ($s | rtrimstr("\n"))}')" >/dev/null
expect_status "the first statement" 200
in_force
expect "a reader that is not ours agrees" "$(/usr/bin/python3 -B "$E2E/statement_by_hand.py" "$WORK/in-force" "$WORK/recovery.pem")" \
    "1 $(jq -r '"\(.signing_key.spki_sha256) \(.recovery_key.spki_sha256)"' "$WORK/body")"
expect "its signing key" "$(jq -r .signing_key.spki_sha256 "$WORK/body")" "$(jq -r .spki_sha256 "$WORK/first.json")"

say "--- a device of it, and a release that the key signed"
ID=$("$DEVICE_TOOL" new --dir "$WORK/chip" --seed 31 | head -n 1)
register "$ID"
"$DEVICE_TOOL" enrol --dir "$WORK/chip" --server "$DEVICE" --ca "$CA" >/dev/null
"$DEVICE_TOOL" firmware --dir "$WORK/chip" --tenant default --product default --signing-key "$WORK/first.pem" --recovery-key "$WORK/recovery.pem"
contact() { "$DEVICE_TOOL" firmware --dir "$WORK/chip" --server "$DEVICE" --ca "$CA" 2>&1 || true; }
# rollout VERSION KEY: an image, a release signed by the key, on its way to every device
rollout() {
    local image release
    printf 'firmware %s' "$1" >"$WORK/image"
    image=$(api POST "/api/v1/firmware/images?product=default&filename=image&format=raw&version=$1" "@$WORK/image" -H 'Content-Type: application/octet-stream' | jq -r .id)
    release=$("$WHORL" firmware-release create default --image "$image" --manifest-key "$2" --json | jq -r .id)
    "$WHORL" firmware-release approve "$release" >/dev/null
    for _ in $(seq 100); do
        [ "$("$WHORL" firmware-release show "$release" --json | jq -r .state)" = approved ] && break
        sleep 0.1
    done
    "$WHORL" firmware-release publish "$release" --yes >/dev/null
    "$WHORL" rollout create "to-$1" --release "$release" --every-device >/dev/null
    "$WHORL" rollout start "to-$1" >/dev/null
}
rollout 1.0 "$LEAKED"
expect_in "the device takes it" "$(contact)" "installed: 1.0"
rollout 1.1 "$LEAKED"

say "--- the server is broken into: the thief has the signing key"
openssl pkey -in "$DATA/keys/fw-$LEAKED.key" -passin "file:$DATA/keys/passphrase" -out "$WORK/stolen.key"
pair thief
"$WHORL" firmware-anchors statement --recovery-key "$WORK/stolen.key" --signing-public "$WORK/thief.pem" --recovery-public "$WORK/first.pem" \
    --product default --sequence 2 --output "$WORK/forged"
expect_fails "a statement by the signing key moves nothing" "$WHORL" firmware-anchors put default --statement "$WORK/forged"
expect_fails "nor does a device that reads by hand take it" /usr/bin/python3 -B "$E2E/statement_by_hand.py" "$WORK/forged" "$WORK/recovery.pem"

say "--- the drill"
CODE=0; "$DRILL" "$LEAKED" --recovery-key "$WORK/sealed.key" --passphrase-file /dev/null --name lost >"$WORK/out" 2>&1 || CODE=$?
expect "without the passphrase it says what is missing" "$CODE" 1
expect_in "namely" "$(cat "$WORK/out")" "the statement could not be made"
pair next
"$DRILL" "$LEAKED" --recovery-key "$WORK/sealed.key" --passphrase-file "$WORK/safe" --next-recovery-public "$WORK/next.pem" --name second | tee "$WORK/out"
expect_in "it was compromised before" "$(cat "$WORK/out")" "compromised, signed 2 times"
expect_in "and the devices are told" "$(cat "$WORK/out")" "statement 2 is in force"
in_force
read -r SEQUENCE SIGNING NEXT <<<"$(/usr/bin/python3 -B "$E2E/statement_by_hand.py" "$WORK/in-force" "$WORK/recovery.pem")"
expect "the statement is the second" "$SEQUENCE" 2
expect "names the new key" "$SIGNING" "$("$WHORL" firmware-key list --json | jq -r '(if type == "array" then .[] else . end) | select(.name == "second") | .spki_sha256')"
expect "and the next recovery key" "$NEXT" "$(openssl pkey -pubin -in "$WORK/next.pem" -outform DER | sha256sum | cut -d' ' -f1)"
expect "no alarm stands" "$(api GET /api/v1/alarms '' | jq '.alarms | length')" 0

say "--- what the devices do"
OUT=$(contact)
expect_in "they move" "$OUT" "another pair of manifest keys is in force"
expect_in "and refuse what the leaked key signed before" "$OUT" "signed by a key that is no anchor"
SECOND=$("$WHORL" firmware-key list --json | jq -r '(if type == "array" then .[] else . end) | select(.name == "second") | .id')
"$WHORL" rollout cancel to-1.1 --yes >/dev/null
rollout 1.2 "$SECOND"
expect_in "they take what the new key signs" "$(contact)" "installed: 1.2"

say "--- afterwards"
"$WHORL" firmware-anchors statement --recovery-key "$WORK/recovery.key" --signing-public "$WORK/first.pem" --recovery-public "$WORK/recovery.pem" \
    --product default --sequence 3 --output "$WORK/back"
expect_fails "the former recovery key moves nothing" "$WHORL" firmware-anchors put default --statement "$WORK/back"
"$WHORL" firmware-anchors statement --recovery-key "$WORK/next.key" --signing-public "$WORK/first.pem" --recovery-public "$WORK/next.pem" \
    --product default --sequence 3 --output "$WORK/back"
expect_fails "and the next one does not move devices back to the leaked key" "$WHORL" firmware-anchors put default --statement "$WORK/back"
"$DRILL" "$LEAKED" --recovery-key "$WORK/next.key" >"$WORK/out"
expect_in "the drill has nothing left to do" "$(cat "$WORK/out")" "names another key"
