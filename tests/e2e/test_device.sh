#!/usr/bin/env bash
# The reference device against the real server: PUF to certificate, renewal, rekey, challenge, a restart between any two steps.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
start_server
device() { # NAME VERB OPTIONS…
    local name=$1 verb=$2
    shift 2
    "$DEVICE_TOOL" "$verb" --dir "$WORK/$name" --server "$DEVICE" --ca "$CA" "$@"
}
certificates() { api GET "/api/v1/devices/$1" | jq -r '[.certificates[].state] | join(" ")'; }

say "a chip"
"$DEVICE_TOOL" new --dir "$WORK/a" --seed 11 --spki >"$WORK/new.out"
ID=$(head -n 1 "$WORK/new.out")
expect "the id is SHA-256 of the SPKI" "$(sed -n 2p "$WORK/new.out" | base64 -d | sha256sum | cut -d' ' -f1)" "$ID"
expect "the key grows again from noisy cells" "$("$DEVICE_TOOL" id --dir "$WORK/a" | head -n 1)" "$ID"
expect_fails "a chip is enrolled once" "$DEVICE_TOOL" new --dir "$WORK/a" --seed 11
expect_in "unknown to the server" "$(device a status)" "does_not_exist (30)"
expect_fails "not enrolled before it is in a batch" device a enrol
expect_in "the reason is shown" "$(cat "$WORK/out")" "403"

say "its life"
register "$ID"
expect_in "registered" "$(device a status)" "not_enrolled (12)"
device a enrol >/dev/null
expect_in "enrolled" "$(device a status)" "enrolled (10)"
device a renew >/dev/null
device a status >/dev/null
device a rekey >/dev/null
device a status >/dev/null
expect "after renewal and rekey one certificate has rights" "$(certificates "$ID")" "confirmed superseded superseded"
expect "generation" "$(api GET "/api/v1/devices/$ID" | jq .generation)" 2
stop_server
start_server
expect_in "after a restart of the server" "$(device a status)" "enrolled (10)"

say "lost flash: the certificate is gone, the helper data is not"
mkdir "$WORK/lost"
cp -r "$WORK/a" "$WORK/kept"
"$DEVICE_TOOL" new --dir "$WORK/b" --seed 12 >"$WORK/b.id"
ID_B=$(head -n 1 "$WORK/b.id")
register "$ID_B"
cp -r "$WORK/b" "$WORK/b.fresh"
device b enrol >/dev/null
device b status >/dev/null
rm -rf "$WORK/b" && cp -r "$WORK/b.fresh" "$WORK/b"
expect_fails "with a used certificate valid, the identity key alone gets none" device b enrol
api POST "/api/v1/devices/$ID_B/allow-reenrol" >/dev/null
expect_status "the operator allows it once" 200
device b enrol >/dev/null
device b status >/dev/null
expect "the new one took over" "$(certificates "$ID_B")" "confirmed superseded"

say "by challenge, without a client certificate"
"$DEVICE_TOOL" new --dir "$WORK/c" --seed 13 >"$WORK/c.id"
ID_C=$(head -n 1 "$WORK/c.id")
register "$ID_C"
device c enrol --challenge >/dev/null
expect "enrolled by a signed nonce" "$(api GET "/api/v1/devices/$ID_C" | jq -r .state)" enrolled
"$DEVICE_TOOL" new --dir "$WORK/d" --seed 14 >/dev/null
expect_fails "a stranger by challenge" device d enrol --challenge

say "the wrong server"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -out "$WORK/other.pem" -days 2 -subj /CN=other 2>/dev/null
expect_fails "a server that is not under the anchor" "$DEVICE_TOOL" status --dir "$WORK/a" --server "$DEVICE" --ca "$WORK/other.pem"

say "tampered helper data"
helper=$WORK/c/helper.bin
python3 - "$helper" <<'PY'
import sys
d = bytearray(open(sys.argv[1], 'rb').read())
d[len(d) // 2] ^= 0x10
open(sys.argv[1], 'wb').write(d)
PY
expect_fails "no key grows from it" "$DEVICE_TOOL" id --dir "$WORK/c"

say "usage"
status_of() { local s=0; "$@" >"$WORK/out" 2>&1 || s=$?; echo $s; }
expect "no verb" "$(status_of "$DEVICE_TOOL")" 2
expect "unknown verb" "$(status_of "$DEVICE_TOOL" fly)" 2
expect "no directory" "$(status_of "$DEVICE_TOOL" status)" 2
expect "nobody listens" "$(status_of "$DEVICE_TOOL" status --dir "$WORK/a" --server https://127.0.0.1:1 --ca "$CA")" 1
stop_server
expect_in "the audit log verifies" "$("$WHORLD" audit verify --dir "$DATA")" "verifies"
