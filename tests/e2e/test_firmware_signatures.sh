#!/usr/bin/env bash
# Signatures beside an image: made by openssl as an HSM of the operator would, taken where they hold, given out as they came.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
start_server
whorl() { "$PWD/$BUILD/whorl" --server "$MANAGEMENT" --ca "$CA" --token-file "$DATA/admin.token" "$@"; }

head -c 300000 /dev/urandom >"$WORK/image.bin"
upload() {
    api POST "/api/v1/firmware/images?product=default&filename=$1&version=$2&format=raw" "@$WORK/$1" -H 'Content-Type: application/octet-stream' >/dev/null
    expect_status "an image" 201
    jq -r .id "$WORK/body" >"$WORK/id"
}
upload image.bin 1.0
SIGNATURES=/api/v1/firmware/images/$(cat "$WORK/id")/signatures
bring() { api POST "$1" "$(jq -n --arg s "$(base64 -w0 "$2")" '{signature: $s}')" "${@:3}" >/dev/null; }

openssl ecparam -name prime256v1 -genkey -noout -out "$WORK/ec.key"
openssl genpkey -algorithm ed25519 -out "$WORK/ed.key" 2>/dev/null
for key in ec ed; do openssl pkey -in "$WORK/$key.key" -pubout -out "$WORK/$key.pem"; done
openssl dgst -sha256 -sign "$WORK/ec.key" -out "$WORK/ec.sig" "$WORK/image.bin"
openssl pkeyutl -sign -inkey "$WORK/ed.key" -rawin -in "$WORK/image.bin" -out "$WORK/ed.sig"

bring "$SIGNATURES" "$WORK/ec.sig"
expect_status "without a boot key nothing is taken" 422
for key in ec ed; do
    api POST /api/v1/firmware/boot-keys "$(jq -n --arg name $key --rawfile pem "$WORK/$key.pem" '{name: $name, product: "default", kind: "detached", public: $pem}')" >/dev/null
    expect_status "a boot key ($key)" 201
done
bring "$SIGNATURES" "$WORK/ec.sig"
expect_status "ECDSA" 201
expect "its form" "$(jq -r .form "$WORK/body")" ecdsa
FIRST=$(jq -r .id "$WORK/body")
bring "$SIGNATURES" "$WORK/ec.sig"
expect "the same again is the same" "$(jq -r .id "$WORK/body")" "$FIRST"
for _ in 1 2; do
    bring "$SIGNATURES" "$WORK/ec.sig" -H 'Idempotency-Key: one-attempt'
    expect "and under a key" "$(jq -r .id "$WORK/body")" "$FIRST"
done
bring "$SIGNATURES" "$WORK/ed.sig" -H 'Idempotency-Key: one-attempt'
expect_status "a key that stands for other bytes" 422
whorl firmware-signature bring "$(cat "$WORK/id")" --signature "$WORK/ed.sig" >/dev/null
expect "whorl lists both" "$(whorl firmware-signature list "$(cat "$WORK/id")" --json | jq -r '(if type == "array" then .[] else . end) | .form' | tr '\n' ' ')" "ecdsa ed25519 "
api GET "$SIGNATURES" '' >/dev/null
expect_status "and the API" 200
api GET "$SIGNATURES/$FIRST" '' >"$WORK/back"
expect_status "as a file" 200
cmp "$WORK/body" "$WORK/ec.sig" || cmp "$WORK/back" "$WORK/ec.sig" || die "it is not what was brought"
openssl dgst -sha256 -verify "$WORK/ec.pem" -signature "$WORK/ec.sig" "$WORK/image.bin" >/dev/null || die "openssl does not agree"

head -c 300000 /dev/urandom >"$WORK/other.bin"
upload other.bin 2.0
bring "/api/v1/firmware/images/$(cat "$WORK/id")/signatures" "$WORK/ec.sig"
expect_status "of another image" 422
expect "the place" "$(jq -r '.errors[].pointer' "$WORK/body")" /signature
head -c 70 /dev/urandom >"$WORK/noise"
bring "$SIGNATURES" "$WORK/noise"
expect_status "noise" 422
