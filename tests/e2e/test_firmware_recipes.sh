#!/usr/bin/env bash
# The recipes of docs/firmware.md, line by line, with images that the tools of each family would make: what is written there publishes.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
start_server
SERVER=$MANAGEMENT
ROOT=$PWD
whorl() { "$ROOT/$BUILD/whorl" --server "$MANAGEMENT" --ca "$CA" --token-file "$DATA/admin.token" "$@"; }

# the lines behind "$ " in the console blocks of the section
awk '/^## /{is_here = ($0 == "## From a file to a release")} is_here' docs/firmware.md |
    awk '/^```console/{is_block = 1; next} /^```/{is_block = 0; print ""} is_block && /^\$ /{print substr($0, 3)}' >"$WORK/recipes"
expect "lines to run" "$(grep -c . "$WORK/recipes")" 27
VECTORS=$PWD/tests/vectors/firmware
mkdir "$WORK/desk"
cd "$WORK/desk"
cp "$CA" ca.pem
cp "$VECTORS/esp_p256.bin" app.bin
cp "$VECTORS/p256.pub.pem" esp_key.pem
cp "$VECTORS/mcuboot_p256.bin" zephyr.signed.bin
cp "$VECTORS/p256.pub.pem" mcuboot_key.pem
cp "$VECTORS/swu_signed.swu" update.swu
cp "$VECTORS/swu.crt" swupdate.crt
cp "$VECTORS/rauc_verity.raucb" update.raucb
cp "$VECTORS/authority.crt" rauc_ca.crt
export SERVER TOKEN
# shellcheck source=/dev/null
source "$WORK/recipes" >"$WORK/said" 2>&1 || die "$(tail -5 "$WORK/said")"
cd "$ROOT"
api GET '/api/v1/firmware/releases?state=published' >/dev/null
expect "published" "$(jq -r '.releases[].product' "$WORK/body" | tr '\n' ' ')" "meter sensor gateway panel "
expect "with the versions of their images" "$(jq -r '[.releases[].version | select(. != "")] | length' "$WORK/body")" 4
expect "and the counters of those that have one" "$(jq -r '[.releases[].counter // empty] | length' "$WORK/body")" 2
say "an image that nobody of theirs signed"
api POST "/api/v1/firmware/releases" '{"product":"sensor","images":[]}' >/dev/null
expect_status "is no release" 422
cp "$VECTORS/mcuboot_unsigned.bin" "$WORK/desk/u.bin"
code=$(curl -sS --cacert "$CA" -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/octet-stream' --data-binary "@$WORK/desk/u.bin" \
    -o /dev/null -w '%{http_code}' "$MANAGEMENT/api/v1/firmware/images?product=sensor&format=mcuboot&filename=u.bin")
expect "is not even taken" "$code" 422
