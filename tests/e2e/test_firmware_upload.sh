#!/usr/bin/env bash
# Firmware comes in: whole, in parts, cut and gone on with, twice at once, over a kill -9; what is wrong is refused with its place; what rots
# on the disk is found and healed. FIRMWARE_MIB=2048 makes the large image that large.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
printf 'firmware_image_mib = 4096\nfirmware_reserve_mib = 16\n' >>"$DATA/whorl.conf"
sed -i "s/^management_listen.*/management_listen = 127.0.0.1:$(free_port)/" "$DATA/whorl.conf" # the same after a restart
start_server
MIB=${FIRMWARE_MIB:-256}

UPLOADS=/api/v1/firmware/uploads
IMAGES=/api/v1/firmware/images
pointers() { jq -r '[.errors[].pointer] | sort | join(" ")' "$WORK/body"; }
sum() { sha256sum "$1" | cut -d' ' -f1; }
header() { tr -d '\r' <"$WORK/headers" | tr '[:upper:]' '[:lower:]' | sed -n "s/^$1: //p"; }
# start FILE [MORE-JSON]: begins an upload; sets UPLOAD
start() {
    api POST $UPLOADS "{\"product\":\"default\",\"filename\":\"$(basename "$1")\",\"size\":$(stat -c %s "$1"),\"version\":\"1.0\",\"format\":\"raw\"${2-}}" >/dev/null
    expect_status "an upload begins" 201
    UPLOAD=$(jq -r .id "$WORK/body")
}
# part FILE FROM TO: those bytes of the file
part() {
    head -c "$3" "$1" | tail -c +$(($2 + 1)) >"$WORK/part"
    api PATCH "$UPLOADS/$UPLOAD" "@$WORK/part" -H 'Content-Type: application/partial-upload' -H "Upload-Offset: $2" >/dev/null
}
# whole FILE [QUERY]: in one request
whole() {
    api POST "$IMAGES?product=default&filename=$(basename "$1")${2-&version=1.0&format=raw}" "@$1" -H 'Content-Type: application/octet-stream' >/dev/null
}

say "in parts"
head -c 1000000 /dev/urandom >"$WORK/a.bin"
start "$WORK/a.bin" ",\"sha256\":\"$(sum "$WORK/a.bin")\""
part "$WORK/a.bin" 0 990000
expect_status "99 %" 204
expect "the offset" "$(header upload-offset)" 990000
part "$WORK/a.bin" 0 1000
expect_status "a wrong offset" 409
expect_in "names the right one" "$(jq -r .detail "$WORK/body")" "at byte 990000"
expect "how far it is" "$(curl -sSI --cacert "$CA" -H "Authorization: Bearer $TOKEN" "$MANAGEMENT$UPLOADS/$UPLOAD" | tr -d '\r' | sed -n 's/^Upload-Offset: //p')" 990000
kill -9 "$SERVER_PID"
wait "$SERVER_PID" 2>/dev/null || true
start_server
expect "after kill -9" "$(api GET "$UPLOADS/$UPLOAD" | jq .offset)" 990000
part "$WORK/a.bin" 990000 1000000
expect_status "the rest makes it an image" 201
IMAGE=$(jq -r .id "$WORK/body")
expect "its digest" "$(jq -r .sha256 "$WORK/body")" "$(sum "$WORK/a.bin")"
api GET "$UPLOADS/$UPLOAD" >/dev/null
expect_status "the upload is no more" 404
api GET "$IMAGES/$IMAGE" >/dev/null
expect "SHA-1" "$(jq -r .sha1 "$WORK/body")" "$(sha1sum "$WORK/a.bin" | cut -d' ' -f1)"
expect "MD5" "$(jq -r .md5 "$WORK/body")" "$(md5sum "$WORK/a.bin" | cut -d' ' -f1)"
api GET "$IMAGES/$IMAGE/content" >"$WORK/back"
expect_status "its bytes" 200
expect "are what came" "$(sum "$WORK/back")" "$(sum "$WORK/a.bin")"
api GET "$IMAGES/$IMAGE/content" '' -H 'Range: bytes=10-19' >"$WORK/back"
expect_status "a range of them" 206
expect "is that" "$(sum "$WORK/back")" "$(head -c 20 "$WORK/a.bin" | tail -c +11 | sha256sum | cut -d' ' -f1)"

say "a connection that is cut in the middle"
head -c 3000000 /dev/urandom >"$WORK/cut.bin"
start "$WORK/cut.bin"
timeout 1 curl -sS --cacert "$CA" -X PATCH -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/partial-upload' -H 'Upload-Offset: 0' \
    --limit-rate 800k -T "$WORK/cut.bin" "$MANAGEMENT$UPLOADS/$UPLOAD" >/dev/null 2>&1 || true
for _ in $(seq 50); do
    AT=$(api GET "$UPLOADS/$UPLOAD" | jq .offset)
    [ "$AT" = 0 ] || break
    sleep 0.05
done
[ "$AT" -gt 0 ] && [ "$AT" -lt 3000000 ] || die "the offset after a cut is $AT"
part "$WORK/cut.bin" "$AT" 3000000
expect_status "it goes on from byte $AT" 201

say "the same bytes, at once and again"
head -c 2000000 /dev/urandom >"$WORK/same.bin"
for i in 1 2; do
    curl -sS --cacert "$CA" -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/octet-stream' --data-binary "@$WORK/same.bin" \
        -w '%{http_code}' -o "$WORK/same.$i" "$MANAGEMENT$IMAGES?product=default&filename=same.bin&version=1.1&format=raw" >"$WORK/code.$i" &
    RACE[i]=$!
done
wait "${RACE[1]}" "${RACE[2]}"
expect "one is new" "$(sort "$WORK/code.1" "$WORK/code.2" | tr -d '\n'; cat "$WORK/code.1" "$WORK/code.2" | wc -c)" "2002016"
expect "one image" "$(jq -r .id "$WORK/same.1")" "$(jq -r .id "$WORK/same.2")"
ACME=$(api POST /api/v1/tenants '{"name":"acme"}' | jq -r .id)
OTHER=$(api POST /api/v1/tokens "{\"name\":\"first\",\"scopes\":[\"admin\"],\"tenant_id\":\"$ACME\"}" | jq -r .token)
AS=$OTHER whole "$WORK/same.bin"
expect_status "another tenant is not told that somebody has them" 201
AS=$OTHER api GET "$IMAGES/$IMAGE" >/dev/null
expect_status "and does not see the image" 404
expect "the bytes are there once" "$(find "$DATA/firmware/blobs" -type f | wc -l)" 3

say "what is wrong"
start "$WORK/a.bin" ",\"sha256\":\"$(sum "$WORK/same.bin")\""
part "$WORK/a.bin" 0 1000000
expect_status "a wrong digest" 422
expect "is named" "$(pointers)" "/sha256"
whole "$WORK/a.bin" '&format=mcuboot'
expect_status "no MCUboot image" 422
expect_in "says where" "$(jq -r '.errors[0].detail' "$WORK/body")" "at byte "
: >"$WORK/empty"
api POST $UPLOADS '{"product":"default","filename":"e","size":0,"version":"1"}' >/dev/null
expect_status "an empty one" 422
api POST $UPLOADS '{"product":"default","filename":"e","size":99999999999,"version":"1"}' >/dev/null
expect_status "one that is too large" 413
api POST $UPLOADS '{"product":"none","filename":"../e","size":1,"x":1}' >/dev/null
expect "every wrong field is named" "$(pointers)" "/filename /x"
start "$WORK/a.bin"
AS=$OTHER part "$WORK/a.bin" 0 1000
expect_status "another tenant's upload" 404
expect "is listed for its own" "$(api GET $UPLOADS | jq '.uploads | length')" 1
api DELETE "$UPLOADS/$UPLOAD" >/dev/null
expect_status "it is taken back" 204
expect "and leaves nothing" "$(find "$DATA/firmware/uploads" -type f | wc -l)" 0

say "held and deleted"
api PATCH "$IMAGES/$IMAGE" '{"hold_until":"2099-01-01T00:00:00Z","hold_reason":"law"}' -H 'If-Match: *' >/dev/null
expect_status "held" 200
api DELETE "$IMAGES/$IMAGE" >/dev/null
expect_status "and not deleted" 409
api PATCH "$IMAGES/$IMAGE" '{"hold_until":null}' -H 'If-Match: *' >/dev/null
api DELETE "$IMAGES/$IMAGE" >/dev/null
expect_status "deleted" 204
expect "listed by product" "$(api GET "$IMAGES?product=default&state=ready" | jq '.images | length')" 2

say "a bit flips on the disk"
SAME=$(jq -r .id "$WORK/same.1")
BLOB=$DATA/firmware/blobs/$(sum "$WORK/same.bin" | cut -c1-2)/$(sum "$WORK/same.bin")
python3 -c 'import sys; f = open(sys.argv[1], "r+b"); f.seek(77777); b = f.read(1)[0]; f.seek(77777); f.write(bytes([b ^ 16]))' "$BLOB"
expect_fails "whorld check tells, when it reads all" "$WHORLD" check --dir "$DATA" --firmware
stop_server
start_server
api GET "$IMAGES/$SAME/content" >/dev/null
expect_status "after a start it is not given out" 410
expect "it is withdrawn" "$(api GET "$IMAGES/$SAME" | jq -r .state)" withdrawn
expect "an alarm stands" "$(api GET /api/v1/alarms | jq -r '[.alarms[] | select(.kind == "firmware.corrupt")] | length')" 1
whole "$WORK/same.bin"
expect_status "the same file again" 200
expect "heals it" "$(jq -r .state "$WORK/body")" ready
expect "the alarm is over" "$(api GET /api/v1/alarms | jq -r '[.alarms[] | select(.kind == "firmware.corrupt")] | length')" 0
api GET "$IMAGES/$SAME/content" >/dev/null
expect_status "it is given out" 200

say "the command line"
export WHORL_SERVER=$MANAGEMENT WHORL_CA=$CA WHORL_TOKEN=$TOKEN XDG_CONFIG_HOME=$WORK
WHORL=$PWD/$BUILD/whorl
head -c 500000 /dev/urandom >"$WORK/b.bin"
start "$WORK/b.bin" ",\"sha256\":\"$(sum "$WORK/b.bin")\""
part "$WORK/b.bin" 0 400000
"$WHORL" firmware upload "$WORK/b.bin" --format raw --version 1.0 --json >"$WORK/out" 2>"$WORK/err" || die "$(cat "$WORK/err")"
expect_in "it goes on with what was left" "$(cat "$WORK/err")" "goes on at byte 400000 of 500000"
expect "to the image" "$(jq -r .sha256 "$WORK/out")" "$(sum "$WORK/b.bin")"
"$WHORL" firmware upload "$WORK/b.bin" --format raw --version 1.0 >/dev/null 2>"$WORK/err" || die "$(cat "$WORK/err")"
expect_in "the same again is told" "$(cat "$WORK/err")" "were there already"
head -c 67108864 /dev/zero | openssl enc -aes-128-ctr -K 00 -iv 00 2>/dev/null >"$WORK/c.bin"
"$WHORL" firmware upload "$WORK/c.bin" --format raw --version 3.0 --json >"$WORK/out" 2>"$WORK/err" &
SENDS=$!
PIDS+=("$SENDS")
for _ in $(seq 200); do
    [ -z "$(find "$DATA/firmware/uploads" -type f -size +16M)" ] || break
    sleep 0.02
done
kill -9 "$SERVER_PID"
wait "$SERVER_PID" 2>/dev/null || true
start_server
wait "$SENDS" || die "$(cat "$WORK/err")"
expect "over a kill -9 of the server" "$(jq -r .sha256 "$WORK/out")" "$(sum "$WORK/c.bin")"
expect_fails "what is refused" "$WHORL" firmware upload "$WORK/b.bin" --format esp
expect_in "is told with its place" "$(cat "$WORK/out")" "at byte 0"
"$WHORL" firmware images --product default >"$WORK/out"
expect_in "they are listed" "$(cat "$WORK/out")" "c.bin"
"$WHORL" firmware hold "$(api GET "$IMAGES?limit=1" | jq -r '.images[0].id')" --until 2099-01-01T00:00:00Z --reason law >"$WORK/out" 2>&1
expect_in "and held" "$(cat "$WORK/out")" "2099-01-01"

say "in a backup"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/op.key" -subj /CN=operator -days 9 -out "$WORK/op.pem" 2>/dev/null
"$WHORLD" backup --dir "$DATA" --to "$WORK/whole.backup" --recipient "$WORK/op.pem" >"$WORK/out" || die "$(cat "$WORK/out")"
"$WHORLD" restore --from "$WORK/whole.backup" --key "$WORK/op.key" --certificate "$WORK/op.pem" --dir "$WORK/restored" --keys-from "$DATA/keys" \
    --accept-rollback >"$WORK/out" 2>&1 || die "$(cat "$WORK/out")"
files() { (cd "$1/firmware/blobs" && find . -type f | sort); }
expect "every file is in it" "$(comm -13 <(files "$WORK/restored") <(files "$DATA"))" "" # one that nobody needs may have gone since
"$WHORLD" check --dir "$WORK/restored" --firmware >"$WORK/out" || die "$(cat "$WORK/out")"
expect_in "and all are whole" "$(cat "$WORK/out")" "all read"
expect "the backup leaves no links" "$(find "$DATA" -path '*/.backup/*' | wc -l)" 0
rm -rf "$WORK/restored" "$WORK/whole.backup"

say "$MIB MiB, and the memory of the server"
ROOM=$(df --output=avail -m "$DATA" | tail -n 1)
[ "$ROOM" -gt $((3 * MIB + 64)) ] || skip "no room for an image of $MIB MiB"
truncate -s "${MIB}M" "$WORK/large.bin"
printf 'whorl' | dd of="$WORK/large.bin" conv=notrunc status=none
anonymous() { awk '/^RssAnon/ {print int($2 / 1024)}' "/proc/$SERVER_PID/status"; }
( while kill -0 "$SERVER_PID" 2>/dev/null && [ ! -e "$WORK/done" ]; do anonymous >>"$WORK/memory"; sleep 0.05; done ) &
WATCH=$!
PIDS+=("$WATCH")
curl -sS --cacert "$CA" -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/octet-stream' -T "$WORK/large.bin" -X POST -o "$WORK/body" \
    -w '%{http_code}' "$MANAGEMENT$IMAGES?product=default&filename=large.bin&version=2.0" >"$WORK/status"
expect_status "it comes" 201
LARGE=$(jq -r .id "$WORK/body")
expect "whole" "$(jq -r .sha256 "$WORK/body")" "$(sum "$WORK/large.bin")"
curl -sS --cacert "$CA" -H "Authorization: Bearer $TOKEN" "$MANAGEMENT$IMAGES/$LARGE/content" | cmp - "$WORK/large.bin" || die "it came back otherwise"
touch "$WORK/done"
wait "$WATCH" 2>/dev/null || true
MOST=$(sort -n "$WORK/memory" | tail -n 1)
[ "$MOST" -lt 64 ] || die "the server had $MOST MiB of memory of its own"
say "ok  it goes out again, and $MOST MiB of memory was the most"
stop_server
"$WHORLD" check --dir "$DATA" >"$WORK/check.out" || die "$(cat "$WORK/check.out")"
expect_in "whorld check looks at it" "$(cat "$WORK/check.out")" "firmware"
"$WHORLD" audit verify --dir "$DATA" >/dev/null || die "the audit log does not verify"
