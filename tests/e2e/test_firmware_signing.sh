#!/usr/bin/env bash
# Images signed here for a release that was approved, and held against programs that we did not write: an MCUboot reader in Python, swupdate,
# rauc, openssl. Nothing is signed before; what a key signed is listed.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
/usr/bin/python3 -c 'import cryptography' 2>/dev/null || skip "python3-cryptography is missing"
init_data
start_server
whorl() { "$PWD/$BUILD/whorl" --server "$MANAGEMENT" --ca "$CA" --token-file "$DATA/admin.token" "$@"; }
VECTORS=$PWD/tests/vectors/firmware
IMAGES=/api/v1/firmware/images
upload() { # FILE FORMAT [VERSION]
    api POST "$IMAGES?product=default&filename=$(basename "$1")&format=$2${3:+&version=$3}" "@$1" -H 'Content-Type: application/octet-stream' | jq -r .id
}
key() { whorl firmware-key create "$1" --role "$2" --algorithm "${3:-ecdsa-p256}" --json >"$WORK/$1.json"; jq -r .id "$WORK/$1.json"; }
uses() { whorl firmware-key show "$1" --json | jq .uses; }
approved() {
    whorl firmware-release approve "$1" >/dev/null
    for _ in $(seq 100); do
        STATE=$(whorl firmware-release show "$1" --json | jq -r .state)
        case $STATE in approved) say "ok  approved, and signed"; return ;; draft) break ;; esac
        sleep 0.1
    done
    die "it is $STATE: $(whorl firmware-release show "$1" --json | jq -r .reason)"
}
content() { api GET "$IMAGES/$1/content" >"$2"; }

MANIFEST=$(key manifest manifest)
BOOT=$(key boot mcuboot ed25519)
CMS=$(key updates cms)
BESIDE=$(key beside detached)
jq -r .public_key "$WORK/boot.json" >"$WORK/boot.pem"
jq -r .certificate "$WORK/updates.json" >"$WORK/updates.pem"
jq -r .public_key "$WORK/beside.json" >"$WORK/beside.pem"
A=$(upload "$VECTORS/mcuboot_unsigned.bin" mcuboot)
B=$(upload "$VECTORS/swu_unsigned.swu" swu)
C=$(upload "$VECTORS/rauc_verity.raucb" rauc)
D=$(upload "$VECTORS/esp_unsigned.bin" raw 1.0)

say "a release of four images"
expect_fails "a key of another role is refused" whorl firmware-release create default --image "$A,embedded=$CMS" --manifest-key "$MANIFEST"
RELEASE=$(whorl firmware-release create default --image "$A,part=mcu,embedded=$BOOT" --image "$B,part=gateway,embedded=$CMS" \
    --image "$C,part=panel,embedded=$CMS" --image "$D,part=sensor,detached=$BESIDE" --version 1.0 --manifest-key "$MANIFEST" --json | jq -r .id)
expect "nothing is signed for a draft" "$(uses "$BOOT") $(uses "$CMS") $(uses "$BESIDE") $(uses "$MANIFEST")" "0 0 0 0"
approved "$RELEASE"
expect "each signed what it was for" "$(uses "$BOOT") $(uses "$CMS") $(uses "$BESIDE") $(uses "$MANIFEST")" "1 2 1 1"

say "what came of it"
i=0
for file in mcu swu raucb; do
    MADE[i]=$(api GET "$IMAGES?limit=100" | jq -r --arg from "$(eval echo "\$$(echo ABC | cut -c$((i + 1)))")" '.images[] | select(.derived_from == $from) | .id')
    [ -n "${MADE[i]}" ] || die "no image was derived: $(jq -c '.images[] | keys' "$WORK/body" | head -1)"
    content "${MADE[i]}" "$WORK/made.$file"
    i=$((i + 1))
done
/usr/bin/python3 -B tests/unit/fleet/mcuboot_by_hand.py "$WORK/boot.pem" "$WORK/made.mcu" "$VECTORS/mcuboot_unsigned.bin" || die "an MCUboot reader refuses it"
say "ok  an MCUboot reader takes the first"
if command -v swupdate >/dev/null; then
    TMPDIR=$WORK swupdate -c -k "$WORK/updates.pem" -i "$WORK/made.swu" -H board:1.0 >"$WORK/out" 2>&1 || true # its status depends on who ends first
    grep -qE 'SWUPDATE successful|SWUpdate was successful' "$WORK/out" || { tail -5 "$WORK/out"; die "swupdate refuses the second"; }
    TMPDIR=$WORK swupdate -c -k "$VECTORS/swu.crt" -i "$WORK/made.swu" -H board:1.0 >"$WORK/out" 2>&1 || true
    grep -qE 'SWUPDATE successful|SWUpdate was successful' "$WORK/out" && die "swupdate takes it under another certificate"
    say "ok  swupdate takes the second"
fi
mkdir "$WORK/x"
(cd "$WORK/x" && cpio --quiet -i <../made.swu)
openssl cms -verify -binary -inform DER -in "$WORK/x/sw-description.sig" -content "$WORK/x/sw-description" -CAfile "$WORK/updates.pem" -purpose any \
    -out /dev/null 2>"$WORK/out" || die "openssl refuses it: $(cat "$WORK/out")"
say "ok  so does openssl cms"
if command -v rauc >/dev/null; then
    rauc info --keyring="$WORK/updates.pem" "$WORK/made.raucb" >"$WORK/out" 2>&1 || { tail -5 "$WORK/out"; die "rauc refuses the third"; }
    say "ok  rauc takes the third"
fi
api GET "$IMAGES/$D/signatures" '' >/dev/null
jq -r '.signatures[0].signature' "$WORK/body" | base64 -d >"$WORK/signature"
openssl dgst -sha256 -verify "$WORK/beside.pem" -signature "$WORK/signature" "$VECTORS/esp_unsigned.bin" >/dev/null || die "openssl refuses the fourth's"
say "ok  openssl takes the signature beside the fourth"

say "what a key signed"
api GET "/api/v1/firmware/keys/$MANIFEST/signed" '' >/dev/null
expect "the release" "$(jq -r '.signed[0] | "\(.kind) \(.id)"' "$WORK/body")" "manifest $RELEASE"
api GET "/api/v1/firmware/keys/$CMS/signed" '' >/dev/null
expect "two images" "$(jq -r '[.signed[].kind] | join(" ")' "$WORK/body")" "image image"
whorl firmware-release publish "$RELEASE" --yes >/dev/null

say "a key that leaked between draft and approval"
NEXT=$(whorl firmware-release create default --image "$(upload "$VECTORS/mcuboot_plain.bin" mcuboot),part=mcu,embedded=$BOOT" --version 2.0 --manifest-key "$MANIFEST" --json | jq -r .id)
whorl firmware-key compromised "$BOOT" --yes >/dev/null
expect_fails "nothing is approved with it" whorl firmware-release approve "$NEXT"
expect "nor signed" "$(uses "$BOOT")" 1
