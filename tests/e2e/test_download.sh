#!/usr/bin/env bash
# Devices ask for firmware in our JSON, fetch it in parts and after cuts, by certificate and by signed address, and say how it went; what
# is taken from a device is taken with its next request, on a connection that is open already too.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
# A RAUC bundle where RAUC is there, so that a client that we did not write says whether what arrives is whole.
bundle() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$WORK/sign.key" -out "$WORK/sign.crt" -subj /CN=sign \
        -days 30 2>/dev/null
    mkdir "$WORK/content"
    head -c 5000000 /dev/urandom >"$WORK/content/rootfs.img"
    printf '[update]\ncompatible=board\nversion=1.4.2\n[bundle]\nformat=verity\n[image.rootfs]\nfilename=rootfs.img\n' >"$WORK/content/manifest.raucm"
    rauc --cert "$WORK/sign.crt" --key "$WORK/sign.key" bundle "$WORK/content" "$WORK/os.raucb" >/dev/null 2>&1
    mv "$WORK/os.raucb" "$WORK/os.bin"
}
if command -v rauc >/dev/null; then bundle; else head -c 5000000 /dev/urandom >"$WORK/os.bin"; fi
SIZE=$(stat -c %s "$WORK/os.bin")
head -c 1000 /dev/urandom >"$WORK/other.bin"
start_server
D=$(sha256sum <"$WORK/os.bin" | cut -d' ' -f1)
IMAGE=/device/v1/firmware/images/$D

say "two devices with certificates"
for name in a b; do
    new_identity "birth-$name"
    register "$ID"
    [ "$name" = a ] && ID_A=$ID
    ID_B=$ID
    new_key "$name"
    est "birth-$name" simpleenroll "$(csr "$name")"
    keep_certificate "$name"
done
dev() { device_json "$@" >/dev/null; }
expect "nothing to do" "$(device_json a GET /device/v1/firmware | jq -c 'del(.wants_attributes)')" '{"poll_after_s":300,"anchors_sequence":0}'
dev a GET "$IMAGE"
expect_status "what exists nowhere" 404
dev a GET /device/v1/firmware/anchors
expect_status "no statement about keys" 404
dev birth-a GET /device/v1/firmware
expect_status "under the identity key" 403
expect "without a certificate" "$(curl -sS --cacert "$CA" -o /dev/null -w '%{http_code}' "$DEVICE$IMAGE")" 401

say "an offer"
stop_server
ROLLOUT=$(python3 -B "$E2E/firmware_rows.py" "$DATA" "$WORK/os.bin" 1.4.2 12)
start_server
dev b GET "$IMAGE"
expect_status "no bytes before the offer" 404
device_json a GET /device/v1/firmware >"$WORK/offer"
expect "what is offered" "$(jq -r '.action | "\(.state) \(.version) \(.sequence) \(.artifacts[0].sha256) \(.artifacts[0].size)"' "$WORK/offer")" "offered 1.4.2 12 $D $SIZE"
ACTION=$(jq -r .action.id "$WORK/offer")
expect "told again, whatever happened to it" "$(device_json a GET /device/v1/firmware | jq -r .action.id)" "$ACTION"
dev a GET "/device/v1/firmware/$(jq -r '.action.manifest | ltrimstr("firmware/")' "$WORK/offer")"
expect "the manifest" "$(cat "$WORK/body")" "manifest of 1.4.2"
expect "its digest" "$(sha256sum <"$WORK/body" | cut -d' ' -f1)" "$(jq -r .action.manifest_sha256 "$WORK/offer")"
dev b GET "/device/v1/firmware/manifest/$ACTION"
expect_status "another device's manifest" 404
dev b GET "$IMAGE"
expect_status "another device's bytes" 404
dev a GET "/device/v1/firmware/images/$(sha256sum <"$WORK/other.bin" | cut -d' ' -f1)"
expect_status "bytes that it was not offered" 404

sqlite3 "$DATA/inventory.db" "INSERT INTO firmware_anchors SELECT id, tenant, 3, x'00', x'00', x'd28443a1012800', 1, 1 FROM product WHERE name = 'default'"
dev a GET /device/v1/firmware/anchors
expect "the statement about keys" "$(status) $(od -An -v -tx1 "$WORK/body" | tr -d ' \n')" "200 d28443a1012800"
expect "its number" "$(device_json a GET /device/v1/firmware | jq -r .anchors_sequence)" 3

say "ranges"
get() { curl -sS --cacert "$CA" --cert "$WORK/a.crt" --key "$WORK/a.key" "$@"; }
header() { tr -d '\r' <"$WORK/headers" | sed -n "s/^$1: //Ip"; }
get -I "$DEVICE$IMAGE" >"$WORK/headers"
expect "HEAD" "$(head -c 12 "$WORK/headers" | cut -d' ' -f2) $(header Content-Length) $(header Accept-Ranges)" "200 $SIZE bytes"
TAG=$(header ETag)
expect "the tag" "$TAG" "\"sha256-$D\""
expect "the digest" "$(header Repr-Digest)" "sha-256=:$(printf '%b' "$(sed 's/../\\x&/g' <<<"$D")" | base64 -w0):"
dev a GET "$IMAGE" '' -r 100-299
expect "a part" "$(status) $(header Content-Range) $(cmp -i 0:100 -n 200 "$WORK/body" "$WORK/os.bin" && wc -c <"$WORK/body")" "206 bytes 100-299/$SIZE 200"
dev a GET "$IMAGE" '' -r -1000
expect "its end" "$(status) $(header Content-Range)" "206 bytes $((SIZE - 1000))-$((SIZE - 1))/$SIZE"
dev a GET "$IMAGE" '' -r "$SIZE"-
expect "behind it" "$(status) $(header Content-Range)" "416 bytes */$SIZE"
dev a GET "$IMAGE" '' -r 0-9 -H "If-Range: W/$TAG"
expect_status "a weak tag has all of it sent" 200
dev a GET "$IMAGE" '' -r 0-9 -H "If-Range: $TAG"
expect_status "the strong one the part" 206
dev a GET "$IMAGE" '' -H 'If-Match: "another"'
expect_status "not what it wants" 412
dev a GET "$IMAGE" '' -H "If-None-Match: $TAG"
expect_status "it has it" 304
dev a GET "$IMAGE" '' -H "Range: bytes=0-0,$(seq -s, 2 2 700 | sed 's/[0-9]*/&-&/g')"
expect_status "hundreds of ranges are the whole" 200

say "a download that is cut and resumed"
curl -sS --cacert "$CA" --cert "$WORK/a.crt" --key "$WORK/a.key" --limit-rate 500k -o "$WORK/part" "$DEVICE$IMAGE" 2>/dev/null &
CURL=$!
PIDS+=("$CURL")
for _ in $(seq 100); do if [ "$(stat -c %s "$WORK/part" 2>/dev/null || echo 0)" -gt 100000 ]; then break; fi; sleep 0.05; done
kill -9 "$CURL"
wait "$CURL" 2>/dev/null || true
[ "$(stat -c %s "$WORK/part")" -lt "$SIZE" ] || die "it was not cut"
get -C - -o "$WORK/part" "$DEVICE$IMAGE"
cmp "$WORK/part" "$WORK/os.bin" || die "the resumed download differs"
say "ok  the bytes are the same"
if command -v rauc >/dev/null; then
    expect_in "RAUC verifies them" "$(rauc --keyring "$WORK/sign.crt" info "$WORK/part" 2>/dev/null)" "Compatible"
fi

say "thousands of small ranges on one connection, and what takes them away"
cat >"$WORK/ranges.py" <<'PY'
import http.client, ssl, sys, urllib.parse
device, ca, cert, key, image, path, count = sys.argv[1:8]
context = ssl.create_default_context(cafile=ca)
context.load_cert_chain(cert, key)
at = urllib.parse.urlsplit(device)
link = http.client.HTTPSConnection(at.hostname, at.port, context=context)
whole = open(image, 'rb').read()
def ask(n):
    begin = n * 977 % (len(whole) - 600)
    link.request('GET', path, headers={'Range': f'bytes={begin}-{begin + 511}'})
    answer = link.getresponse()
    body = answer.read()
    assert answer.status != 206 or body == whole[begin:begin + 512], n
    return answer.status
for n in range(int(count)):
    assert ask(n) == 206, n
sock = link.sock
print('ready', flush=True)
for line in sys.stdin:
    print(ask(0), 'same' if link.sock is sock else 'another', flush=True)
PY
coproc RANGES { python3 "$WORK/ranges.py" "$DEVICE" "$CA" "$WORK/a.crt" "$WORK/a.key" "$WORK/os.bin" "$IMAGE" 3000 2>&1; }
read -r line <&"${RANGES[0]}"
expect "3,000 ranges" "$line" ready

echo >&"${RANGES[1]}"; read -r line <&"${RANGES[0]}"
expect "one more" "$line" "206 same"
order() { api POST "/api/v1/devices/$ID_A/$1" '{"reason":"test"}' >/dev/null; }
order quarantine
expect_status "the device is quarantined" 200
echo >&"${RANGES[1]}"; read -r line <&"${RANGES[0]}"
expect "the next range on the same connection" "$line" "403 same"
order release
expect_status "released" 200
echo >&"${RANGES[1]}"; read -r line <&"${RANGES[0]}"
expect "and the next" "$line" "206 same"
END=${RANGES[1]}
exec {END}>&-

say "signed addresses"
URLS=/device/v1/firmware/urls
dev a POST $URLS "{\"sha256\":\"$D\"}"
expect_status "off by default" 403
VER=$(api GET /api/v1/products/default/firmware-policy '' -D "$WORK/headers" >/dev/null; header ETag)
api PATCH /api/v1/products/default/firmware-policy '{"signed_urls":true}' -H "If-Match: ${VER:-\"0\"}" -H 'Content-Type: application/merge-patch+json' >/dev/null
expect_status "the product allows them" 200
dev b POST $URLS "{\"sha256\":\"$D\"}"
expect_status "not for another device" 404
dev a POST $URLS "{\"sha256\":\"$D\",\"expires_in\":901}"
expect_status "fifteen minutes at most" 422
HREF=$(device_json a POST $URLS "{\"sha256\":\"$D\"}" | jq -r .href)
plain() { call "$DEVICE" GET "/device/v1/$1" '' "${@:2}" >/dev/null; status; }
expect "without a certificate" "$(plain "$HREF")" 200
cmp "$WORK/body" "$WORK/os.bin" || die "the bytes differ"
expect "a part of it" "$(plain "$HREF" -r 0-99)" 206
expect "HEAD was not signed" "$(curl -sS --cacert "$CA" -o /dev/null -w '%{http_code}' -I "$DEVICE/device/v1/$HREF")" 403
LAST=${HREF: -1}
expect "a flipped bit" "$(plain "${HREF%?}$([ "$LAST" = 0 ] && echo 1 || echo 0)")" 403
expect "for another device" "$(plain "${HREF/device=$ID_A/device=$ID_B}")" 403
expect "for longer" "$(plain "$(sed -E 's/expires=[0-9]+/expires=9999999999/' <<<"$HREF")")" 403
expect "for other bytes" "$(plain "${HREF/$D/$(sha256sum <"$WORK/other.bin" | cut -d' ' -f1)}")" 403
expect "an older key" "$(plain "$(sed -E 's/key=[0-9]+/key=1/' <<<"$HREF")")" 403
expect "the rest of its budget" "$(plain "$HREF" -r "100-$((SIZE - 1))")" 206
expect "twice the size is all" "$(plain "$HREF" -r 0-99)" 410
SHORT=$(device_json a POST $URLS "{\"sha256\":\"$D\",\"expires_in\":1}" | jq -r .href)
HREF=$(device_json a POST $URLS "{\"sha256\":\"$D\",\"expires_in\":600}" | jq -r .href) # of another second: another address
order quarantine
expect "a quarantined device" "$(plain "$HREF" -r 0-99)" 403
order release
expect "a released one" "$(plain "$HREF" -r 0-99)" 206
sleep 1.1
expect "after its time" "$(plain "$SHORT" -r 0-99)" 410
! grep -q "${HREF##*signature=}" "$WORK/server.log" || die "the log has a signature"

say "reports"
report() { device_json "$1" POST /device/v1/firmware/report "$2" >/dev/null; status; }
expect "another device's action" "$(report b "{\"action\":\"$ACTION\",\"state\":\"success\"}")" 404
expect "no such word" "$(report a "{\"action\":\"$ACTION\",\"state\":\"done\"}")" 422
expect "progress, and what is not known" "$(report a "{\"action\":$ACTION,\"state\":\"downloading\",\"progress\":{\"done\":1,\"of\":2},\"x\":[]}")" 204
expect "the wrong digest" "$(report a "{\"action\":\"$ACTION\",\"state\":\"success\",\"sha256\":\"$(printf '0%.0s' $(seq 64))\"}")" 409
expect "installed" "$(report a "{\"action\":\"$ACTION\",\"state\":\"installed\",\"sha256\":\"$D\"}")" 204
expect "it says so" "$(device_json a GET /device/v1/firmware | jq -r .action.state)" installed
expect "success" "$(report a "{\"action\":\"$ACTION\",\"state\":\"success\",\"sha256\":\"$D\",\"message\":\"up\"}")" 204
expect "the same again" "$(report a "{\"action\":\"$ACTION\",\"state\":\"success\",\"sha256\":\"$D\"}")" 204
expect "another end" "$(report a "{\"action\":\"$ACTION\",\"state\":\"failure\"}")" 410
expect "it counts as verified" "$(sqlite3 "$DATA/inventory.db" 'SELECT state FROM firmware_action')" 5
expect "nothing more to do" "$(device_json a GET /device/v1/firmware | jq -r '.action // "none"')" none
dev a PUT /device/v1/firmware/attributes '{"slot":"b"}'
expect_status "attributes" 204
expect "they are not asked for again" "$(device_json a GET /device/v1/firmware | jq -r '.wants_attributes // false')" false

say "a poll storm of one device"
get -Z --parallel-max 8 -o /dev/null -w '%{http_code}\n' "$DEVICE/device/v1/firmware?n=[1-200]" 2>/dev/null | sort | uniq -c >"$WORK/storm" || true
expect "each poll is answered" "$(awk '{print $2, $1}' "$WORK/storm")" "200 200"
expect "with one action in all" "$(sqlite3 "$DATA/inventory.db" 'SELECT count(*) FROM firmware_action')" 1

say "a rollout that is taken back in the middle of a download"
expect "the other device is offered it" "$(device_json b GET /device/v1/firmware | jq -r .action.state)" offered
OTHER=$(jq -r .action.id "$WORK/body")
coproc RANGES { python3 "$WORK/ranges.py" "$DEVICE" "$CA" "$WORK/b.crt" "$WORK/b.key" "$WORK/os.bin" "$IMAGE" 100 2>&1; }
read -r line <&"${RANGES[0]}"
expect "some ranges" "$line" ready
api POST "/api/v1/rollouts/$ROLLOUT/cancel" >/dev/null
expect_status "the rollout is cancelled" 200
echo >&"${RANGES[1]}"; read -r line <&"${RANGES[0]}"
expect "the next range on the same connection" "$line" "410 same"
END=${RANGES[1]}
exec {END}>&-
expect "the device is told to stop" "$(device_json b GET /device/v1/firmware | jq -r .action.state)" cancelling
expect "it did" "$(report b "{\"action\":\"$OTHER\",\"state\":\"cancelled\"}")" 204
expect "nothing more to do" "$(device_json b GET /device/v1/firmware | jq -r '.action // "none"')" none
stop_server
