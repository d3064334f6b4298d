#!/usr/bin/env bash
# takes long
# Firmware on the reference device: what it installs and what it refuses, a kill at every step, a line that is cut, a failed boot, and keys
# that move. The certificate is real; the firmware's server is tests/e2e/firmware_server.py, which shares no code with the device.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
FW=$WORK/fw
mkdir "$FW"
OTHER() { python3 -B "$E2E/firmware_server.py" "$@"; }

init_data
start_server
ID=$("$DEVICE_TOOL" new --dir "$WORK/a" --seed 77 | head -n 1)
register "$ID"
"$DEVICE_TOOL" enrol --dir "$WORK/a" --server "$DEVICE" --ca "$CA" >/dev/null
stop_server

say "keys, a server, images"
for key in signing recovery next next-recovery stranger tls; do
    openssl ecparam -name prime256v1 -genkey -noout -out "$FW/$key.key"
    openssl pkey -in "$FW/$key.key" -pubout -out "$FW/$key.pub"
done
openssl req -x509 -key "$FW/tls.key" -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 30 -out "$FW/tls.pem"
printf '{}' >"$FW/offer.json"
python3 -B "$E2E/firmware_server.py" serve "$FW" "$FW/tls.pem" "$FW/tls.key" 2>"$FW/server.log" &
PIDS+=("$!")
for _ in $(seq 100); do [ -s "$FW/port" ] && break; sleep 0.05; done
URL=https://localhost:$(cat "$FW/port")
for n in 1 2 3; do openssl rand 150000 >"$FW/image$n"; done
openssl rand 70000 >"$FW/image4" # two steps
{ printf 'does not boot'; openssl rand 5000; } >"$FW/dud"
FIRMWARE() { "$DEVICE_TOOL" firmware --dir "${DIR:-$WORK/a}" "$@"; }
go() { FIRMWARE --server "$URL" --ca "$FW/tls.pem" 2>&1 || true; }
ACTION=0
# offer SEQUENCE IMAGE [IMAGE-FIELDS [SPEC-FIELDS [OFFER-FIELDS]]]: the next action, signed by $KEY
offer() {
    ACTION=$((ACTION + 1))
    OTHER manifest "$FW/manifest" "$FW/${KEY:-signing}.key" "$(jq -cn --argjson sequence "$1" --arg file "$FW/$2" --argjson image "${3:-{\}}" \
        --argjson spec "${4:-{\}}" '{tenant: "default", product: "lamp", version: "\($sequence).0", sequence: $sequence, images: [{file: $file} + $image]} + $spec')"
    jq -cn --argjson action "$ACTION" --arg manifest "$FW/manifest" --arg file "$FW/$2" --arg sha "$(sha256sum <"$FW/$2" | cut -d' ' -f1)" \
        --argjson more "${5:-{\}}" '{action: $action, manifest: $manifest, images: {($sha): $file}} + $more' >"$FW/offer.json"
    rm -f "$FW/reports" "$FW/ranges"
}
reports() { xargs <"$FW/reports"; }
active() { cmp -s "$FW/$1" "$WORK/a/slot-main.a" || cmp -s "$FW/$1" "$WORK/a/slot-main.b"; }
expect_fails "a device that does not know what it is for" FIRMWARE --server "$URL" --ca "$FW/tls.pem"
FIRMWARE --tenant default --product lamp --model rev-b --signing-key "$FW/signing.pub" --recovery-key "$FW/recovery.pub"
expect_in "nothing is offered" "$(go)" "nothing to do"

say "installed"
offer 5 image1 '{"counter":3}'
OUT=$(go)
expect_in "from offer to success" "$OUT" "installed, restarting"
expect_in "the new version runs" "$OUT" "installed: 5.0, sequence 5"
expect "what the server heard" "$(reports)" "downloading downloaded installed success"
active image1 || die "the slot holds other bytes"
expect_in "once" "$(go)" "nothing to do"

say "refused, before one byte of the image is fetched"
refused() { # WHAT WORDS
    expect_in "$1" "$(go)" "refused: $2"
    expect "  the server is told" "$(reports)" rejected
    [ ! -e "$FW/ranges" ] || die "bytes were fetched"
}
offer 6 image2 '{"counter":3}' '{"product":"other"}'; refused "another product" "the manifest is for another product"
offer 6 image2 '{"counter":3}' '{"model":"rev-a"}'; refused "other hardware" "the manifest is for another product or hardware"
offer 6 image2 '{"counter":3}' '{"tenant":"another"}'; refused "another tenant" "the manifest is for another vendor"
offer 4 image2 '{"counter":3}'; refused "a lower sequence" "the sequence is not above"
offer 5 image2 '{"counter":3}'; refused "the same sequence" "the sequence is not above"
offer 6 image2 '{"counter":2}'; refused "a lower counter" "the security counter is below"
offer 6 image2; refused "no counter where there was one" "the security counter is below"
offer 6 image2 '{"counter":3}' '{"least":6}'; refused "an update that needs another one first" "another release has to be installed first"
KEY=stranger offer 6 image2 '{"counter":3}'; refused "signed by a stranger" "signed by a key that is no anchor"
offer 6 image2 '{"counter":3,"size":0}'; refused "an empty image" "the image is empty"
offer 6 image2 '{"counter":3}'
python3 - "$FW/manifest" <<'PY'
import sys
d = bytearray(open(sys.argv[1], 'rb').read())
d[-20] ^= 1
open(sys.argv[1], 'wb').write(d)
PY
refused "a flipped bit in the manifest" "the manifest is not the one that was signed"

say "fetched, and not installed"
flipped() { python3 -c "import sys; d = bytearray(open(sys.argv[1], 'rb').read()); d[99999] ^= 64; open(sys.argv[2], 'wb').write(d)" "$FW/$1" "$FW/$2"; }
offer 6 image2 '{"counter":3}'
flipped image2 bad
jq --arg file "$FW/bad" '.images |= map_values($file)' "$FW/offer.json" >"$FW/x" && mv "$FW/x" "$FW/offer.json"
expect_in "a flipped bit in the image" "$(go)" "failed: the image is not the one that was signed"
offer 6 image2 '{"counter":3,"size":149999}'
expect_in "another size" "$(go)" "failed: the image has another size"
expect "the server is told" "$(reports)" "downloading failure"
offer 6 dud '{"counter":3}'
expect_in "a failed boot" "$(go)" "failed: it did not come up, the former one runs again"
expect "after a second try" "$(reports)" "downloading downloaded installed installed failure"
expect_in "what ran before does" "$(go)" "installed: 5.0, sequence 5"
active image1 || die "the former image is gone"

say "a line that is cut"
offer 6 image2 '{"counter":3}' '{}' '{"cut":100000}'
expect_in "told" "$(go)" "no connection"
jq 'del(.cut)' "$FW/offer.json" >"$FW/x" && mv "$FW/x" "$FW/offer.json"
rm "$FW/ranges"
expect_in "resumed" "$(go)" "succeeded"
expect "from the last byte that was durable" "$(head -n 1 "$FW/ranges")" "65536-131071"

say "the server's word"
offer 7 image3 '{"counter":3}' '{}' '{"window":false}'
expect_in "outside of its window it is fetched only" "$(go)" "waits for its window"
jq '.cancelling = true' "$FW/offer.json" >"$FW/x" && mv "$FW/x" "$FW/offer.json"
expect_in "taken back" "$(go)" "cancelled"
offer 8 image1 '{"counter":3}' '{"version":"5.0"}'
expect_in "a rollback is a newer manifest over the former image" "$(go)" "installed: 5.0, sequence 8"
active image1 || die "the slot holds other bytes"

say "killed at every change of what lasts"
cp -r "$WORK/a" "$WORK/template"
offer 9 image4 '{"counter":4}'
cp "$FW/offer.json" "$FW/template.json"
killed=0
while :; do
    rm -rf "$WORK/a" && cp -r "$WORK/template" "$WORK/a"
    cp "$FW/template.json" "$FW/offer.json"
    status=0
    FIRMWARE --server "$URL" --ca "$FW/tls.pem" --kill-at $((killed + 1)) >"$WORK/kill.out" 2>&1 || status=$?
    [ $status -eq 137 ] || break
    killed=$((killed + 1))
    OUT=$(go)
    case $OUT in *"installed: 9.0, sequence 9"*) ;; *) die "killed at change $killed: $OUT $(reports)" ;; esac
    [ "$(tail -n 1 "$FW/reports")" = success ] || die "killed at change $killed: $(reports)"
    active image4 || die "killed at change $killed: the slot holds other bytes"
done
expect "the last run came through" $status 0
[ $killed -ge 20 ] || die "only $killed changes"
say "ok  $killed kills, each followed by success"

say "keys that move"
statement() { # SEQUENCE BY
    OTHER statement "$FW/statement" "$FW/$2.key" "$(jq -cn --argjson sequence "$1" --arg a "$FW/next.pub" --arg b "$FW/next-recovery.pub" \
        '{tenant: "default", product: "lamp", sequence: $sequence, signing: $a, recovery: $b}')"
    jq --argjson sequence "$1" --arg file "$FW/statement" '.anchors = [$sequence, $file]' "$FW/offer.json" >"$FW/x" && mv "$FW/x" "$FW/offer.json"
}
KEY=next offer 10 image1 '{"counter":4}'; refused "the next key before the statement" "signed by a key that is no anchor"
statement 1 signing
expect_in "the key that leaked moves nothing" "$(go)" "the statement of manifest keys is refused: signed by a key that is no anchor"
offer 10 image1 '{"counter":4}'
expect_in "it still signs" "$(go)" "sequence 10"
KEY=recovery offer 11 image2 '{"counter":4}'
expect_in "and so does the recovery key" "$(go)" "sequence 11"
offer 12 image1 '{"counter":4}'
statement 1 recovery
OUT=$(go)
expect_in "a statement by the recovery key moves the pair" "$OUT" "another pair of manifest keys is in force"
expect_in "the key that leaked signs nothing any more" "$OUT" "signed by a key that is no anchor"
KEY=recovery offer 12 image1 '{"counter":4}'; refused "nor does the former recovery key" "signed by a key that is no anchor"
KEY=next offer 12 image1 '{"counter":4}'
expect_in "the next one does" "$(go)" "sequence 12"
statement 1 next-recovery
expect_in "a statement works once" "$(go)" "nothing to do"
