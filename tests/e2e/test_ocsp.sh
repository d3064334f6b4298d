#!/usr/bin/env bash
# The OCSP responder, asked by OpenSSL, GnuTLS, NSS and curl: every status, by POST and GET, what caches are told, nonces, limits, and
# that a revocation is told by the next answer.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/lib/nss/unsupported-tools # where Debian 13 has it
need ocsptool
need ocspclnt
init_data
echo "supersede_overlap_h = 0" >>"$DATA/whorl.conf"
start_server
for authority in root device infrastructure; do curl -sS "$PUBLIC/ca/$authority.cer" | openssl x509 -inform DER -out "$WORK/$authority.pem"; done
cat "$WORK/device.pem" "$CA" >"$WORK/chain.pem"
serial_of() { openssl x509 -in "$WORK/$1.crt" -noout -serial | cut -d= -f2 | tr A-F a-f; }
for name in one two; do
    new_identity "id-$name"
    register "$ID"
    new_key "$name"
    est "id-$name" simpleenroll "$(csr "$name")"
    keep_certificate "$name"
done

# ask NAME ISSUER OPTIONS…: what `openssl ocsp` says of a certificate, verified up to the root; the hash of its CertID is $HASH
ask() {
    local name=$1 issuer=$2
    shift 2
    # shellcheck disable=SC2086
    openssl ocsp ${HASH:-} -issuer "$WORK/$issuer.pem" -cert "$WORK/$name.crt" -url "$PUBLIC/ocsp" -CAfile "$CA" "$@" 2>&1 || true
}
request() { python3 -B "$E2E/ocsp_request.py" "$@"; }
# post FILE [CURL-OPTIONS…]: POST of a request; the answer in $WORK/answer
post() {
    local file=$1
    shift
    call "$PUBLIC" POST /ocsp "@$file" -H "Content-Type: ${TYPE:-application/ocsp-request}" "$@" >"$WORK/answer"
}
# get PATH [CURL-OPTIONS…]
get() {
    local path=$1
    shift
    call "$PUBLIC" GET "/ocsp/$path" '' --path-as-is "$@" >"$WORK/answer"
}
# what the answer is: good, revoked, unknown, or the error that it tells
verdict() { openssl ocsp -respin "$WORK/answer" -resp_text -noverify 2>&1 | sed -n 's/^ *Cert Status: //p; s/^Responder Error: //p' | sort -u | tr '\n' ' '; }
header() { tr -d '\r' <"$WORK/headers" | sed -n "s/^$1: //Ip"; }

say "the address stands in the certificates"
expect_in "in a device's" "$(openssl x509 -in "$WORK/one.crt" -noout -ocsp_uri)" "$PUBLIC/ocsp"
openssl s_client -connect "${DEVICE#https://}" -CAfile "$CA" </dev/null 2>/dev/null | openssl x509 -out "$WORK/server.crt"
expect "in the server's" "$(openssl x509 -in "$WORK/server.crt" -noout -ocsp_uri)" "$PUBLIC/ocsp"
expect "not in an authority's, whose issuer may be offline" "$(openssl x509 -in "$WORK/device.pem" -noout -ocsp_uri)" ""

say "openssl ocsp"
for HASH in -sha1 -sha256; do
    text=$(ask one device)
    expect_in "good, with a nonce, $HASH" "$text" "one.crt: good"
    expect_in "and verified" "$text" "Response verify OK"
    expect_in "good, without, $HASH" "$(ask one device -no_nonce)" "one.crt: good"
done
HASH=
expect_in "the server's own certificate" "$(ask server infrastructure)" "server.crt: good"
cp "$WORK/device.pem" "$WORK/device.crt"
expect_in "an authority" "$(ask device root)" "device.crt: good"
text=$(ask one device -cert "$WORK/two.crt")
expect_in "several at once: the first" "$text" "one.crt: good"
expect_in "and the second" "$text" "two.crt: good"

say "GnuTLS and NSS"
text=$(ocsptool --ask="$PUBLIC/ocsp" --load-cert "$WORK/one.crt" --load-issuer "$WORK/device.pem" --load-trust "$WORK/chain.pem" --nonce 2>&1)
expect_in "ocsptool with a nonce" "$text" "Certificate Status: good"
expect_in "which it verifies" "$text" "Verifying OCSP Response: Success"
mkdir "$WORK/nss"
certutil -N -d "sql:$WORK/nss" --empty-password
certutil -A -d "sql:$WORK/nss" -n root -t CT,C,C -i "$CA"
certutil -A -d "sql:$WORK/nss" -n device-ca -t ,, -i "$WORK/device.pem"
for name in one two; do certutil -A -d "sql:$WORK/nss" -n "$name" -t ,, -i "$WORK/$name.crt"; done
expect_in "ocspclnt" "$(ocspclnt -S one -d "sql:$WORK/nss" 2>&1)" "succeeded"
expect_in "the chain with it" "$(ocspclnt -V one -d "sql:$WORK/nss" -u c 2>&1)" "succeeded"

say "superseded: in its overlap"
new_key next
est two simplereenroll "$(csr next "$(openssl x509 -in "$WORK/two.crt" -noout -subject -nameopt RFC2253 | sed 's/^subject=/\//')")"
expect_status "the next key" 200
keep_certificate next
expect_in "good while it waits" "$(ask next device)" "next.crt: good"
expect_in "the one before, too" "$(ask two device)" "two.crt: good"
device_json next GET /device/v1/status >/dev/null
expect_in "used: the next stays good" "$(ask next device)" "next.crt: good"
say "GET, and what caches are told"
SERIAL=$(serial_of one)
path=$(request "$WORK/device.pem" "$SERIAL" --url none)
get "$path"
expect "good" "$(verdict)" "good "
expect "its type" "$(header content-type)" application/ocsp-response
expect "Cache-Control" "$(header cache-control)" "max-age=600, public, no-transform, must-revalidate"
expect "the tag is the hash" "$(header etag)" "\"$(sha256sum <"$WORK/answer" | cut -d' ' -f1)\""
[ -n "$(header date)" ] && [ -n "$(header expires)" ] && [ -n "$(header last-modified)" ] || die "Date, Expires and Last-Modified"
next=$(openssl ocsp -respin "$WORK/answer" -resp_text -noverify 2>/dev/null | sed -n 's/^ *Next Update: //p')
expect "Expires is nextUpdate" "$(date -ud "$(header expires)" +%s)" "$(date -ud "$next" +%s)"
ETAG=$(header etag)
cp "$WORK/answer" "$WORK/first"
get "$path"
cmp -s "$WORK/answer" "$WORK/first" || die "the second answer is not the kept one"
get "$path" -H "If-None-Match: $ETAG"
expect_status "not modified" 304
expect "the tag again" "$(header etag)" "$ETAG"
get "$(request "$WORK/device.pem" "$SERIAL" --url all)"
cmp -s "$WORK/answer" "$WORK/first" || die "escaped, it is the same question"
say "ok  %2F, %2B and %3D are the same question"
path=$(request "$WORK/device.pem" "$SERIAL" --slashes --url none)
expect_in "a path with //" "$path" "//"
get "$path"
expect "is read as it is" "$(verdict)" "good "
get "$(request "$WORK/device.pem" "$SERIAL" --slashes --url slash)"
expect "and with %2F%2F" "$(verdict)" "good "
curl -sS -I --path-as-is "$PUBLIC/ocsp/$path" >"$WORK/headers"
expect "HEAD has the length" "$(header content-length)" "$(wc -c <"$WORK/answer")"

say "nonces"
for octets in 0 1 15 16 32 128 129; do
    request "$WORK/device.pem" "$SERIAL" --nonce "$octets" >"$WORK/request"
    post "$WORK/request"
    expect_status "$octets octets" 200
    case $octets in
        0 | 129) expect "$octets: refused" "$(verdict)" "malformedrequest (1) " ;;
        *)
            expect "$octets: answered" "$(verdict)" "good "
            has=$(openssl ocsp -respin "$WORK/answer" -resp_text -noverify 2>/dev/null | grep -c "OCSP Nonce" || true)
            expect "$octets: comes back or not" "$has" "$([ "$octets" -ge 16 ] && echo 1 || echo 0)"
            ;;
    esac
done
get "$(request "$WORK/device.pem" "$SERIAL" --nonce 32 --url all)"
expect "an answer with a nonce is for no cache" "$(header cache-control)$(header etag)" ""

say "what is nobody's"
for way in --sha1 ""; do
    # shellcheck disable=SC2086
    request "$WORK/device.pem" 0123456789abcdef0123456789abcdef $way >"$WORK/request"
    post "$WORK/request"
    expect "a serial that no device has $way" "$(verdict)" "revoked "
done
expect_in "it was never issued" "$(openssl ocsp -respin "$WORK/answer" -resp_text -noverify 2>/dev/null)" "Revocation Time: Jan  1 00:00:00 1970 GMT"
for authority in root infrastructure; do
    get "$(request "$WORK/$authority.pem" 0123456789abcdef0123456789abcdef --url none)"
    expect "a serial of $authority that is not known" "$(verdict)" "unknown "
done
get "$(request "$WORK/device.pem" ff --url none)"
expect "a serial that we could not give" "$(verdict)" "revoked "
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORK/other.key" -out "$WORK/other.pem" -subj /CN=other -days 2 2>/dev/null
get "$(request "$WORK/other.pem" "$SERIAL" --url none)"
expect "an issuer that is not ours" "$(verdict)" "unauthorized (6) "
expect_in "as openssl is told" "$(ask one other)" "unauthorized"

say "bad input"
request "$WORK/device.pem" "$SERIAL" >"$WORK/request"
TYPE=text/plain post "$WORK/request"
expect_status "another content type" 415
head -c 50 "$WORK/request" >"$WORK/bad"
post "$WORK/bad"
expect "cut" "$(status) $(verdict)" "200 malformedrequest (1) "
{ cat "$WORK/request"; echo; } >"$WORK/bad"
post "$WORK/bad"
expect "a byte behind the end" "$(status) $(verdict)" "200 malformedrequest (1) "
head -c 5000 /dev/zero >"$WORK/bad"
post "$WORK/bad"
expect_status "huge" 413
for path in 'not*base64' MFEw '%2F' 'MFEw%00'; do
    get "$path"
    case $path in
        *%00) expect_status "a NUL in the path" 400 ;;
        *) expect "no request: $path" "$(status) $(verdict)" "200 malformedrequest (1) " ;;
    esac
done
many=$(for i in $(seq 10 25); do echo "0123456789abcdef0123456789abcd$i"; done)
# shellcheck disable=SC2086
request "$WORK/device.pem" $many >"$WORK/request"
post "$WORK/request"
expect "sixteen certificates in one request" "$(verdict)" "revoked "
# shellcheck disable=SC2086
request "$WORK/device.pem" $many "$SERIAL" >"$WORK/request"
post "$WORK/request"
expect "not seventeen" "$(verdict)" "malformedrequest (1) "
call "$PUBLIC" GET /ocsp '' >/dev/null
expect_status "GET without a request" 405
call "$PUBLIC" GET /ocsp/ '' >/dev/null
expect_status "and with an empty one" 404

say "a revocation is told by the next answer"
path=$(request "$WORK/device.pem" "$SERIAL" --url none)
get "$path"
expect "good before" "$(verdict)" "good "
api POST "/api/v1/certificates/$SERIAL/revoke" '{"reason":"keyCompromise"}' >/dev/null
get "$path" -H "If-None-Match: $ETAG"
expect_status "another answer" 200
expect "revoked" "$(verdict)" "revoked "
text=$(ask one device)
expect_in "with its reason" "$text" "Reason: keyCompromise"
expect_in "GnuTLS" "$(ocsptool --ask="$PUBLIC/ocsp" --load-cert "$WORK/one.crt" --load-issuer "$WORK/device.pem" 2>&1)" "Certificate Status: revoked"
expect_in "NSS" "$(ocspclnt -V one -d "sql:$WORK/nss" -u c 2>&1 || true)" "has been revoked"

for _ in $(seq 130); do
    case $(ask two device) in *"two.crt: revoked"*) break ;; esac
    sleep 0.1
done
expect_in "superseded: when the overlap is over" "$(ask two device)" "Reason: superseded"

say "limits and figures"
request "$WORK/device.pem" "$SERIAL" --nonce 32 >"$WORK/request"
for i in $(seq 300); do printf 'next\nurl = "%s/ocsp"\nheader = "Content-Type: application/ocsp-request"\ndata-binary = "@%s"\noutput = "%s"\n' "$PUBLIC" "$WORK/request" "$WORK/nonce.$i"; done |
    sed 1d | curl -sS -K -
later=$(grep -lc $'^0\x03\n\x01\x03' "$WORK"/nonce.* | wc -l)
[ "$later" -ge 50 ] || die "only $later of 300 requests with a nonce were put off"
say "ok  who asks with nonces all the time is put off (tryLater)"
get "$(request "$WORK/device.pem" "$SERIAL" --url none)"
expect "what is kept is told all the same" "$(verdict)" "revoked "
figures=$(call "$MANAGEMENT" GET /metrics '' -H "Authorization: Bearer $TOKEN")
expect_in "what was answered" "$figures" 'whorl_ocsp_answers_total{result="malformed"}'
expect_in "the end of the signers" "$figures" 'whorl_expiry_timestamp_seconds{what="ocsp_signer",subject="device"}'
[ "$(sed -n 's/^whorl_ocsp_recalled_total //p' <<<"$figures")" -ge 5 ] || die "nothing came from memory"
stop_server
