#!/usr/bin/env bash
# What the server reads in images of each format, beside those who know the formats: swupdate, rauc, and a reader in Python that shares no
# code with it. Good ones are taken, bad ones refused with the place and the reason.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
start_server

KEYS=/api/v1/firmware/boot-keys
FW=$WORK/fw
VECTORS=$PWD/tests/vectors/firmware
whorl() { "$PWD/$BUILD/whorl" --server "$MANAGEMENT" --ca "$CA" --token-file "$DATA/admin.token" "$@"; }
judge() { python3 -B "$VECTORS/judge.py" "$@"; }
mkdir "$FW"
(cd "$FW" && python3 -B "$VECTORS/make.py") || die "the images cannot be made"

say "others take what was made"
for key in p256 p384 rsa2048 rsa3072 ed25519; do
    judge "$FW/$key.pub.pem" "$FW/mcuboot_$key.bin" >"$WORK/out" || die "$(cat "$WORK/out")"
    [ ! -e "$FW/esp_$key.bin" ] || judge "$FW/$key.pub.pem" "$FW/esp_$key.bin" >"$WORK/out" || die "$(cat "$WORK/out")"
done
judge "$FW/ed25519.pub.pem" "$FW/mcuboot_pure.bin" >"$WORK/out" || die "$(cat "$WORK/out")"
expect_in "swupdate" "$(timeout 20 swupdate -c -k "$FW/swu.crt" -H gateway:1.0 -i "$FW/swu_signed.swu" 2>&1 | sed 's|SWUpdate was successful|SWUPDATE successful|')" "SWUPDATE successful"
printf '[system]\ncompatible=gateway\nbootloader=noop\n[keyring]\npath=%s\ncheck-purpose=codesign\n' "$FW/authority.crt" >"$WORK/rauc.conf"
for form in plain verity; do
    expect_in "rauc, $form" "$(timeout 20 rauc -c "$WORK/rauc.conf" info "$FW/rauc_$form.raucb" 2>&1)" " signature by 'CN = rauc'"
done

say "boot keys"
api POST $KEYS "$(jq -n --rawfile p "$FW/p256.pub.pem" '{name: "boot", kind: "mcuboot", public: $p}')" -H 'Idempotency-Key: "b"' >/dev/null
expect_status "registered" 201
BOOT=$(jq -r .id "$WORK/body")
expect "named as imgtool names it" "$(jq -r .digest "$WORK/body")" "$(openssl pkey -pubin -in "$FW/p256.pub.pem" -outform DER | sha256sum | cut -d' ' -f1)"
whorl boot-key add rsa --kind mcuboot --public "$FW/rsa3072.pub.pem" --json >"$WORK/rsa.json"
expect "RSA keys too" "$(jq -r .digest "$WORK/rsa.json")" "$(openssl rsa -pubin -in "$FW/rsa3072.pub.pem" -RSAPublicKey_out -outform DER 2>/dev/null | sha256sum | cut -d' ' -f1)"
whorl boot-key add chip --kind esp --public "$FW/p256.pub.pem" --json >/dev/null
whorl boot-key add pure --kind mcuboot --public "$FW/ed25519.pub.pem" --json >"$WORK/pure.json"
whorl boot-key add gateway --kind cms --public "$FW/authority.crt" --json >/dev/null
whorl boot-key add updates --kind cms --public "$FW/swu.crt" --json >/dev/null
whorl boot-key add bare --kind detached --public "$FW/rsa2048.pub.pem" --json >/dev/null
expect "all are listed" "$(whorl boot-key list --product default --json | jq -r 'if type == "array" then .[] else . end | .name' | sort | tr '\n' ' ')" \
    "bare boot chip gateway pure rsa updates "
api GET "$KEYS?product=default" '' >/dev/null
expect_status "by the API" 200
api GET "$KEYS/$BOOT" '' >/dev/null
expect_status "one of them" 200
api POST $KEYS "$(jq -n --rawfile p "$FW/rsa2048.pub.pem" '{name: "x", kind: "esp", public: $p}')" >/dev/null
expect_status "a key that the chip does not know" 422
expect_in "and why" "$(jq -r '.errors[0] | .pointer + " " + .detail' "$WORK/body")" "/public Secure Boot v2 knows RSA keys of 3072 bits, this one has 2048"

# upload FILE FORMAT: the status is what expect_status sees
upload() {
    AUTO=$((${AUTO:-0} + 1))
    curl -sS --cacert "$CA" -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/octet-stream' --data-binary "@$1" -o "$WORK/body" \
        -w '%{http_code}' "$MANAGEMENT/api/v1/firmware/images?product=${PRODUCT:-default}&filename=image-$AUTO&format=$2" >"$WORK/upload.status"
}
# good FILE FORMAT FILTER WANTED
good() {
    upload "$FW/$1" "$2"
    expect "$1 is taken" "$(cat "$WORK/upload.status")" 201
    expect "$1: $3" "$(jq -r "$3" "$WORK/body")" "$4"
}
# bad FILE FORMAT PLACE REASON
bad() {
    upload "$1" "$2"
    expect "$(basename "$1") is refused" "$(cat "$WORK/upload.status")" 422
    expect_in "with place and reason" "$(jq -r '.errors[0].detail // .detail' "$WORK/body")" "at byte $3: $4"
}
# turn FILE PLACE: FILE with one bit turned there
turn() {
    python3 -c 'import sys; b = bytearray(open(sys.argv[1], "rb").read()); b[int(sys.argv[2])] ^= 1; open(sys.argv[3], "wb").write(b)' "$FW/$1" "$2" "$WORK/turned"
}

say "good images"
good mcuboot_p256.bin mcuboot '[.version, .facts.security_counter, .facts.signed] | map(tostring) | join(" ")' "1.4.2+7 5 true"
good mcuboot_rsa3072.bin mcuboot .facts.signature rsa3072_pss
good mcuboot_pure.bin mcuboot .facts.signature ed25519_pure
good esp_p256.bin esp '[.version, .facts.chip, .facts.secure_boot_v2] | map(tostring) | join(" ")' "2.1.0 esp32c3 true"
good swu_signed.swu swu '[.version, .facts.description, .facts.signed] | map(tostring) | join(" ")' "3.1.4 a gateway true"
good swu_json.swu swu .version 3.2.0
good swu_rsa.swu swu '[.facts.signature, .facts.signed] | map(tostring) | join(" ")' "bare true"
good rauc_plain.raucb rauc '[.version, .facts.compatible, .facts.signed] | map(tostring) | join(" ")' "5.0.1 gateway true"
good rauc_verity.raucb rauc '.facts.images[0].slot' rootfs

say "bad ones"
turn mcuboot_p256.bin 100
bad "$WORK/turned" mcuboot 318 "the hash is not that of the image"
expect_fails "so says the other reader" judge "$FW/p256.pub.pem" "$WORK/turned"
turn mcuboot_p256.bin 420
bad "$WORK/turned" mcuboot 390 "the signature does not hold under the registered boot key that it names"
expect_fails "so says the other reader" judge "$FW/p256.pub.pem" "$WORK/turned"
head -c 400 "$FW/mcuboot_p256.bin" >"$WORK/cut"
bad "$WORK/cut" mcuboot 310 "the file ends within the TLVs"
bad "$FW/mcuboot_p384.bin" mcuboot 422 "the signature is by a key that is not registered"
bad "$FW/mcuboot_unsigned.bin" mcuboot 0 "the image is not signed, and the product has boot keys"
bad "$FW/esp_rsa3072.bin" esp 4096 "the signature is by a key that is not registered"
turn esp_p256.bin 12
bad "$WORK/turned" esp 608 "the appended hash"
turn esp_no_hash.bin 12
bad "$WORK/turned" esp 12 "the image is for chip 4, the newest image of the product for chip 5"
turn swu_newc.swu 1200
upload "$WORK/turned" swu
expect "a turned bit in an archive" "$(cat "$WORK/upload.status")" 422
bad "$FW/swu_unsigned.swu" swu 0 "the image is not signed"
turn rauc_verity.raucb 5000
bad "$WORK/turned" rauc 4096 "the block of 4096 bytes here has another hash"
turn rauc_plain.raucb 5000
upload "$WORK/turned" rauc
expect "a turned bit in a plain bundle" "$(cat "$WORK/upload.status")" 422
bad "$FW/mcuboot_p256.bin" esp 0 "no ESP-IDF image"

say "a bundle with two levels of hashes, by rauc, for a product without keys"
api POST /api/v1/products '{"name":"gateway"}' >/dev/null
expect_status "the product" 201
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORK/rauc.key" -out "$WORK/rauc.crt" -subj /CN=gateway -days 30 2>/dev/null
mkdir "$WORK/bundle"
head -c 1200000 /dev/urandom >"$WORK/bundle/rootfs.img"
printf '[update]\ncompatible=gateway\nversion=6.0\n[bundle]\nformat=verity\n[image.rootfs]\nfilename=rootfs.img\n' >"$WORK/bundle/manifest.raucm"
rauc --cert="$WORK/rauc.crt" --key="$WORK/rauc.key" bundle "$WORK/bundle" "$FW/large.raucb" >"$WORK/out" 2>&1 || die "$(cat "$WORK/out")"
PRODUCT=gateway
good large.raucb rauc '[.version, .facts.signed] | map(tostring) | join(" ")' "6.0 false"
turn large.raucb 1000000
bad "$WORK/turned" rauc 999424 "the block of 4096 bytes here has another hash"

say "a key that is revoked"
api POST "$KEYS/$BOOT/revoke" '{}' >/dev/null
expect_status "revoked" 200
whorl boot-key revoke "$(jq -r .id "$WORK/pure.json")" --yes --json >"$WORK/out"
expect "by whorl" "$(jq -r .state "$WORK/out")" revoked
