#!/usr/bin/env bash
# Bad input at the device and management doors: a clear error, nothing changed, nothing lost.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
start_server

new_identity birth
DEVICE_ID=$ID
register "$DEVICE_ID"
new_key op

say "who may enrol"
new_identity stranger
new_key s
est stranger simpleenroll "$(csr s)"
expect_status "unknown device" 403
curl -sS --cacert "$CA" -H 'Content-Type: application/pkcs10' --data-binary "$(csr op)" -o "$WORK/body" -w '%{http_code}' \
    "$DEVICE/.well-known/est/simpleenroll" >"$WORK/status"
expect_status "no client certificate" 401
challenge() { device_json '' POST /device/v1/challenge "{\"device_id\":\"$1\",\"purpose\":\"enrol\"}" >/dev/null; }
challenge "$DEVICE_ID"
expect_status "challenge for a known id" 200
KNOWN_KEYS=$(jq -c 'keys' "$WORK/body")
challenge "$(printf '0%.0s' {1..64})"
expect_status "challenge for an unknown id" 200
expect "looks the same" "$(jq -c 'keys' "$WORK/body")" "$KNOWN_KEYS"
challenge "ABCDEF"
expect_status "an id that is not 64 lower-case hex" 422

say "requests that are refused"
bad() { # WHAT STATUS BODY [CURL-OPTIONS…]
    local what=$1 want=$2 body=$3
    shift 3
    est birth simpleenroll "$body" "$@"
    expect_status "$what" "$want"
}
bad "empty body" 400 ""
bad "garbage instead of base64" 400 "$(head -c 300 /dev/urandom | base64 -w0 | tr 'A' '!')"
bad "1 MB body" 413 "$(head -c 800000 /dev/zero | base64 -w0 | head -c 100000)$(head -c 900000 /dev/zero | tr '\0' A)" -H 'Expect:'
TYPE=text/plain bad "wrong content type" 415 "$(csr op)"
der() { openssl req -new -key "$WORK/$1.key" -subj /CN=x -outform DER; }
bad "trailing bytes" 400 "$({ der op; printf 'xx'; } | base64 -w0)"
der op >"$WORK/r.der"
python3 - "$WORK/r.der" "$WORK/bad.der" "$WORK/ber.der" <<'PY'
import sys
d = bytearray(open(sys.argv[1], 'rb').read())
b = bytearray(d); b[-3] ^= 1
open(sys.argv[2], 'wb').write(b)
assert d[0] == 0x30 and d[1] == 0x81 or d[1] == 0x82
body = d[3:] if d[1] == 0x81 else d[4:]
open(sys.argv[3], 'wb').write(b'\x30\x80' + bytes(body) + b'\0\0')  # indefinite length: BER, not DER
PY
bad "broken signature" 400 "$(base64 -w0 "$WORK/bad.der")"
bad "BER instead of DER" 400 "$(base64 -w0 "$WORK/ber.der")"
bad "the identity key itself" 422 "$(csr birth)"
weak() { # WHAT STATUS KEY-COMMAND…
    local what=$1 want=$2
    shift 2
    "$@" >/dev/null 2>&1 || die "could not make the key for: $what"
    openssl req -new -key "$WORK/weak.key" -subj /CN=x -outform DER -out "$WORK/weak.der" 2>/dev/null
    bad "$what" "$want" "$(base64 -w0 "$WORK/weak.der")"
}
weak "RSA-1024" 422 openssl genrsa -out "$WORK/weak.key" 1024
weak "explicit curve parameters" 422 openssl ecparam -name prime256v1 -param_enc explicit -genkey -noout -out "$WORK/weak.key"
weak "secp256k1" 422 openssl ecparam -name secp256k1 -genkey -noout -out "$WORK/weak.key"
weak "compressed point" 422 openssl ec -in "$WORK/op.key" -conv_form compressed -out "$WORK/weak.key"
openssl req -new -sha1 -key "$WORK/op.key" -subj /CN=x -outform DER 2>/dev/null >"$WORK/sha1.der"
bad "SHA-1 signature" 400 "$(base64 -w0 "$WORK/sha1.der")"
python3 - "$WORK/r.der" "$WORK/off.der" <<'PY'
import sys
d = bytearray(open(sys.argv[1], 'rb').read())
i = d.index(b'\x03\x42\x00\x04')  # BIT STRING, uncompressed point
d[i + 10] ^= 0xff
open(sys.argv[2], 'wb').write(d)
PY
est birth simpleenroll "$(base64 -w0 "$WORK/off.der")"
case $(status) in 400 | 422) say "ok  point not on the curve ($(status))" ;; *) die "point not on the curve: $(status)" ;; esac

say "base64 that others write"
bad "CRLF, spaces and tabs are accepted" 200 "$(der op | base64 -w 40 | sed 's/$/ \t\r/')"
keep_certificate op
expect "nothing before that was enrolled" "$(api GET "/api/v1/devices/$DEVICE_ID" | jq '.certificates | length')" 1

say "keys belong to one device"
new_identity second
register "$ID"
est second simpleenroll "$(csr op)"
expect_status "a key of another device" 409
est second simpleenroll "$(csr birth)"
case $(status) in 409 | 422) say "ok  the identity key of another device" ;; *) die "identity key of another device: $(status)" ;; esac

say "two devices race for one key"
for n in 1 2; do
    new_identity "race$n"
    register "$ID"
done
new_key shared
for n in 1 2; do
    (printf %s "$(csr shared)" | curl -sS --cacert "$CA" --cert "$WORK/race$n.crt" --key "$WORK/race$n.key" -o /dev/null \
        -H 'Content-Type: application/pkcs10' --data-binary @- -w '%{http_code}\n' "$DEVICE/.well-known/est/simpleenroll" >"$WORK/race.$n") &
    RACE[n]=$!
done
wait "${RACE[1]}" "${RACE[2]}"
expect "one wins, one is told" "$(sort "$WORK/race.1" "$WORK/race.2" | tr '\n' ' ')" "200 409 "

say "10,000 challenges for a victim's id; the victim still enrols"
new_identity victim
VICTIM=$ID
register "$VICTIM"
BODY="{\"device_id\":\"$VICTIM\",\"purpose\":\"enrol\"}"
seq 10000 | sed "s|.*|url = \"$DEVICE/device/v1/challenge\"\noutput = /dev/null|" >"$WORK/many"
curl -sS --cacert "$CA" -H 'Content-Type: application/json' -d "$BODY" -K "$WORK/many" -w '%{http_code}\n' | sort | uniq -c >"$WORK/codes"
expect "all are answered alike" "$(awk '{print $1" "$2}' "$WORK/codes")" "10000 200"
new_key v
est victim simpleenroll "$(csr v)"
expect_status "the victim enrols" 200

say "batches"
api POST /api/v1/batches "{\"devices\":[\"$DEVICE_ID\"]}" >/dev/null
expect_status "the same id twice in one tenant" 409
python3 -c '
import json, hashlib
ids = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(10000)]
ids[6789] = "not-an-id"
print(json.dumps({"name": "big", "devices": ids}))' >"$WORK/big.json"
api POST /api/v1/batches "@$WORK/big.json" >"$WORK/answer"
expect_status "one bad line among 10,000" 422
expect "the line is named" "$(jq -r '.errors[0].pointer' "$WORK/answer")" "/devices/6789"
FIRST=$(python3 -c 'import hashlib; print(hashlib.sha256(b"0").hexdigest())')
api GET "/api/v1/devices/$FIRST" >/dev/null
expect_status "nothing of it was imported" 404
for body in '' '{' '[]' '{"devices":"x"}' '{"devices":[{}]}' '{"devices":[1]}' '{"devices":[],"colour":1}' '{"devices":[],"devices":[]}'; do
    printf %s "$body" >"$WORK/b.json"
    api POST /api/v1/batches "@$WORK/b.json" >/dev/null
    case $(status) in 400 | 422) say "ok  $(status) for '$body'" ;; *) die "'$body': $(status)" ;; esac
done
api GET /api/v1/devices/XYZ >/dev/null
case $(status) in 400 | 404 | 422) say "ok  $(status) for a device id that is none" ;; *) die "device id: $(status)" ;; esac
stop_server
expect_in "the audit log verifies" "$("$WHORLD" audit verify --dir "$DATA")" "verifies"
