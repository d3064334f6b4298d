#!/usr/bin/env bash
# Keys of the authorities and of firmware in a PKCS#11 token (SoftHSM): made there by init, used for enrolment and for an update of SWUpdate,
# there after a restart, not in a backup; settings and PINs that are wrong.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/token.sh
source "$(dirname "$0")/token.sh"
new_token plant
whorl() { "$PWD/$BUILD/whorl" --server "$MANAGEMENT" --ca "$CA" --token-file "$DATA/admin.token" "$@"; }
refused() { # WHAT PART OPTIONS…
    local what=$1 part=$2
    shift 2
    if "$WHORLD" init --dir "$WORK/bad" "$@" >"$WORK/out" 2>&1; then die "$what: it succeeded"; fi
    expect_in "$what" "$(cat "$WORK/out")" "$part"
}

say "what init refuses"
refused "no module" "pkcs11_module" --keystore pkcs11 --pkcs11-token plant
refused "a module that is not there" "there is no PKCS#11 module" --keystore pkcs11 --pkcs11-module /no/such.so --pkcs11-token plant
refused "another token" 'no token is labelled "plane"; there: "plant"' --keystore pkcs11 --pkcs11-module "$MODULE" --pkcs11-token plane \
    --pkcs11-pin-file "$WORK/pin"
refused "no PIN" "no PIN" --keystore pkcs11 --pkcs11-module "$MODULE" --pkcs11-token plant
refused "a token without --keystore" "is for --keystore pkcs11" --pkcs11-token plant
expect "no PIN was tried" "$(logins)" 0
printf 'wrong-pin\n' >"$WORK/wrong"
refused "a wrong PIN" "2 more can be tried" --keystore pkcs11 --pkcs11-module "$MODULE" --pkcs11-token plant --pkcs11-pin-file "$WORK/wrong"
rm -rf "$WORK/bad"

say "a house whose keys are in a token"
init_in_token plant
objects() { find "$WORK/hsm/tokens" -name '*.object' ! -name token.object | wc -l; }
expect "three pairs" "$(objects)" 6
rm "$DATA/installation.json" && touch "$DATA/.init" # as an init that was interrupted leaves it
sed -i 1q "$DATA/keys/ca-infrastructure.token"
init_in_token plant
expect "an init that was interrupted leaves none behind" "$(objects)" 6
expect "no file has a key of an authority" "$(cd "$DATA/keys" && echo ca-*)" "ca-device.token ca-infrastructure.token ca-root.token"
expect_in "a note tells which one it is" "$(head -1 "$DATA/keys/ca-device.token")" "object=ca-device"
expect "of the key in the certificate" "$(openssl x509 -in "$CA" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum)" \
    "$(sed 1d "$DATA/keys/ca-root.token" | openssl pkey -pubin -outform DER | sha256sum)"
expect_in "hsm status" "$("$WHORLD" hsm status --dir "$DATA")" "token     plant"
start_server
if tr '\0' '\n' <"/proc/$SERVER_PID/cmdline" | grep -q "$PIN"; then die "the PIN is an argument"; fi

say "enrolment"
new_identity birth
register "$ID"
new_key op
est birth simpleenroll "$(csr op)"
expect_status "a device enrols" 200
keep_certificate op
base64 -d <(curl -sS --cacert "$CA" "$DEVICE/.well-known/est/cacerts") | openssl pkcs7 -inform DER -print_certs -out "$WORK/chain.pem"
curl -sS "$PUBLIC/crl/device.crl" | openssl crl -inform DER -out "$WORK/device.pem"
openssl verify -x509_strict -crl_check -CAfile "$CA" -untrusted "$WORK/chain.pem" -CRLfile "$WORK/device.pem" "$WORK/op.crt" >/dev/null ||
    die "openssl verify"
say "ok  openssl verify -crl_check"
expect "it is known" "$(device_json op GET /device/v1/status | jq -r .status)" enrolled

say "firmware"
whorl firmware-key create updates --role cms --json >"$WORK/cms.json"
CMS=$(jq -r .id "$WORK/cms.json")
jq -r .certificate "$WORK/cms.json" >"$WORK/cms.pem"
[ -f "$DATA/keys/fw-$CMS.token" ] && [ ! -e "$DATA/keys/fw-$CMS.key" ] || die "the key of firmware is not in the token"
MANIFEST=$(whorl firmware-key create manifest --role manifest --json | jq -r .id)
api POST /api/v1/firmware/keys '{"name":"boot","role":"mcuboot","algorithm":"ed25519"}' >/dev/null
expect_status "no Ed25519 in a token" 422
SWU=$(api POST "/api/v1/firmware/images?product=default&filename=x.swu&format=swu" "@$PWD/tests/vectors/firmware/swu_unsigned.swu" \
    -H 'Content-Type: application/octet-stream' | jq -r .id)
RELEASE=$(whorl firmware-release create default --image "$SWU,embedded=$CMS" --version 1.0 --manifest-key "$MANIFEST" --json | jq -r .id)
whorl firmware-release approve "$RELEASE" >/dev/null
for _ in $(seq 100); do
    STATE=$(whorl firmware-release show "$RELEASE" --json | jq -r .state)
    if [ "$STATE" = approved ]; then break; fi
    sleep 0.1
done
expect "approved, and signed" "$STATE" approved
MADE=$(api GET "/api/v1/firmware/images?limit=100" | jq -r --arg from "$SWU" '.images[] | select(.derived_from == $from) | .id')
api GET "/api/v1/firmware/images/$MADE/content" >"$WORK/made.swu"
mkdir "$WORK/x" && (cd "$WORK/x" && cpio --quiet -i <../made.swu)
openssl cms -verify -binary -inform DER -in "$WORK/x/sw-description.sig" -content "$WORK/x/sw-description" -CAfile "$WORK/cms.pem" -purpose any \
    -out /dev/null 2>"$WORK/out" || die "openssl refuses it: $(cat "$WORK/out")"
say "ok  openssl cms takes it"

say "a restart"
stop_server
start_server
new_key op2
est op simplereenroll "$(csr op2 "$(openssl x509 -in "$WORK/op.crt" -noout -subject -nameopt compat | sed 's/^subject=//')")"
expect_status "the device renews" 200

say "a backup"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=ada -days 9 -keyout "$WORK/ada.key" -out "$WORK/ada.pem" 2>/dev/null
"$WHORLD" backup --dir "$DATA" --recipient "$WORK/ada.pem" --to "$WORK/backup" >"$WORK/out"
expect_in "says what it cannot hold" "$(cat "$WORK/out")" 'The keys in the token "plant" are in no backup'
stop_server

say "the settings of another house"
sed -i 's/^keystore = pkcs11/keystore = files/' "$DATA/whorl.conf"
expect_fails "files, where the keys are in a token" "$WHORLD" serve --dir "$DATA"
expect_in "says so" "$(cat "$WORK/out")" "names a key in a token: set keystore = pkcs11"
sed -i 's/^keystore = files/keystore = pkcs11/' "$DATA/whorl.conf"

say "a PIN that is wrong three times, never a fourth"
BEFORE=$(logins)
for pin in 0000 0000 1111 2222 3333 "$PIN"; do
    printf '%s\n' "$pin" >"$WORK/pin"
    expect_fails "PIN $pin" timeout 20 "$WHORLD" serve --dir "$DATA"
done
expect "three were tried" "$(($(logins) - BEFORE))" 3
expect_in "the last start says what to do" "$(cat "$WORK/out")" "reset-pin-attempts"
if grep -rqE '1111|2222' "$WORK/out" "$WORK/server.log"; then die "a PIN is in the log"; fi
expect_in "status counts them" "$("$WHORLD" hsm status --dir "$DATA")" "3 of 3 PINs in vain"
"$WHORLD" hsm reset-pin-attempts --dir "$DATA" >/dev/null
start_server
say "ok  and it starts with the right one"

say "a house of files moves: the setting decides about new keys"
stop_server
rm -rf "$DATA"
init_data
sed -i '/^keystore\|^pkcs11_/d' "$DATA/whorl.conf"
printf 'keystore = pkcs11\npkcs11_module = %s\npkcs11_token = plant\npkcs11_pin_file = %s\n' "$MODULE" "$WORK/pin" >>"$DATA/whorl.conf"
start_server
CMS=$(whorl firmware-key create updates --role cms --json | jq -r .id)
[ -f "$DATA/keys/fw-$CMS.token" ] && [ -f "$DATA/keys/ca-device.key" ] || die "the house is not mixed"
new_identity mixed
register "$ID"
new_key mixed-op
est mixed simpleenroll "$(csr mixed-op)"
expect_status "the authority in its file goes on" 200
