#!/usr/bin/env bash
# OpenSSL's CMP client against the real server: first contact, key update, a restart between a request and its confirmation, and what is refused.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need openssl
init_data
start_server
api GET /api/v1/authorities/infrastructure/chain >"$WORK/chain.json"
host=${DEVICE#https://}

# cmp NAME OLD [ARGUMENT]...: asks for NAME's key, protected by OLD's; the answer is in NAME.crt
cmp() {
    local name=$1 old=$2
    shift 2
    openssl cmp -server "$host" -tls_used -tls_trusted "$CA" -path .well-known/cmp -trusted "$CA" -ignore_keyusage \
        -cert "$WORK/$old.crt" -key "$WORK/$old.key" -newkey "$WORK/$name.key" -certout "$WORK/$name.crt" -extracertsout "$WORK/extra.pem" \
        -recipient "/CN=whorl" -msg_timeout 20 "$@" >"$WORK/cmp.log" 2>&1
}
works() { say "$1"; shift; cmp "$@" || { tail -5 "$WORK/cmp.log"; die "openssl cmp"; }; }
refused() { # WHAT WORDS NAME OLD [ARGUMENT]...
    local what=$1 words=$2
    shift 2
    if cmp "$@"; then die "$what: it succeeded"; fi
    expect_in "$what" "$(cat "$WORK/cmp.log")" "$words"
}
of() { openssl x509 -in "$WORK/$1.crt" -noout "-$2"; }
code() { device_json "$1" GET /device/v1/status | jq -r .code; }

say "first contact: ir under the identity key"
new_identity birth
new_key op1
new_key op2
shown=(-extracerts "$WORK/birth.crt") # this client never sends a self-signed certificate by itself
refused "a key that nobody registered" "notAuthorized" op1 birth -cmd ir -subject "/CN=anything" "${shown[@]}"
register "$ID"
refused "a message without its certificate" "badMessageCheck" op1 birth -cmd ir -subject "/CN=anything"
works "ir" op1 birth -cmd ir -subject "/CN=anything" "${shown[@]}" -disable_confirm
first=$(of op1 serial)
works "ir again, the certificate from TLS" op1 birth -cmd ir -subject "/CN=anything" -tls_cert "$WORK/birth.crt" -tls_key "$WORK/birth.key"
expect "is one certificate" "$(of op1 serial)" "$first"
expect_in "the server names the device" "$(of op1 subject)" "$ID"
openssl verify -x509_strict -purpose sslclient -CAfile "$CA" -untrusted "$WORK/extra.pem" "$WORK/op1.crt" >/dev/null || die "openssl verify"
expect "the certificate works" "$(code op1)" 10
expect "the signer of answers is for that alone" "$(openssl x509 -in "$WORK/extra.pem" -noout -ext extendedKeyUsage | tail -1 | tr -d " ")" "CMCRegistrationAuthority"
refused "under the identity key nothing more, now that it is confirmed" "notAuthorized" op2 birth -cmd ir -subject "/CN=anything" "${shown[@]}"

say "key update"
refused "kur under the identity key" "notAuthorized" op2 birth -cmd kur -oldcert "$WORK/birth.crt" "${shown[@]}"
works "kur" op2 op1 -cmd kur
new_key op3
expect "certConf has confirmed the new one" "$(code op2)" 10
works "cr" op3 op2 -cmd cr
new_key op4
openssl req -new -key "$WORK/op4.key" -subj "/serialNumber=x" -out "$WORK/other.csr" 2>/dev/null
refused "a PKCS#10 of another name" "badCertTemplate" op4 op3 -cmd p10cr -csr "$WORK/other.csr"
openssl x509 -x509toreq -in "$WORK/op3.crt" -signkey "$WORK/op4.key" -out "$WORK/op4.csr" 2>/dev/null ||
    die "a request with the certificate's own name"
works "p10cr" op4 op3 -cmd p10cr -csr "$WORK/op4.csr"
expect "its certificate works" "$(code op4)" 10

say "without a confirmation"
new_key op5
works "implicit confirmation" op5 op4 -cmd kur -implicit_confirm
expect "the old one works until the new one is used" "$(code op4)" 10
expect "first use" "$(code op5)" 10
new_key op6
works "the same key twice" op6 op5 -cmd kur -disable_confirm
first=$(of op6 serial)
works "… after a lost answer" op6 op5 -cmd kur
expect "is one certificate" "$(of op6 serial)" "$first"

say "revocation by the device itself"
# rr OLD CERTIFICATE [ARGUMENT]...: asks for the certificate to be revoked, protected by OLD's key
rr() {
    local old=$1 certificate=$2
    shift 2
    openssl cmp -cmd rr -server "$host" -tls_used -tls_trusted "$CA" -path .well-known/cmp/revocation -trusted "$CA" -ignore_keyusage \
        -cert "$WORK/$old.crt" -key "$WORK/$old.key" -oldcert "$WORK/$certificate.crt" -recipient "/CN=whorl" -msg_timeout 20 "$@" >"$WORK/cmp.log" 2>&1
}
not_revoked() { # WHAT WORDS OLD CERTIFICATE [ARGUMENT]...
    local what=$1 words=$2
    shift 2
    if rr "$@"; then die "$what: it succeeded"; fi
    expect_in "$what" "$(cat "$WORK/cmp.log")" "$words"
}
new_key spare
works "a certificate that is not used" spare op6 -cmd kur -disable_confirm
new_identity other
new_key theirs
register "$ID"
works "another device" theirs other -cmd ir -subject "/CN=anything" -extracerts "$WORK/other.crt"
not_revoked "another device's" "badCertId" op6 theirs
cp "$CA" "$WORK/root.crt"
not_revoked "the root's" "badCertId" op6 root -revreason 1
not_revoked "under the identity key" "notAuthorized" birth op6 "${shown[@]}"
not_revoked "on hold" "badRequest" op6 spare -revreason 6
rr op6 spare -revreason 4 || { tail -5 "$WORK/cmp.log"; die "rr"; }
expect "is on record with its reason" "$(api GET "/api/v1/certificates/$(of spare serial | cut -d= -f2 | tr A-F a-f)" | jq -r '"\(.state) \(.revocation_reason)"')" "revoked superseded"
not_revoked "again" "certRevoked" op6 spare
works "one more" spare op6 -cmd kur -disable_confirm
sqlite3 "$DATA/inventory.db" "UPDATE certificate SET not_after = 1000 WHERE lower(hex(serial)) LIKE '%$(of spare serial | cut -d= -f2 | tr A-F a-f)'"
not_revoked "an expired one" "badRequest" op6 spare
expect "the device goes on" "$(code op6)" 10
rr theirs theirs -revreason 1 || { tail -5 "$WORK/cmp.log"; die "rr of its own protection"; }
expect "that one is revoked" "$(code theirs)" 14
expect "… and its device has lost its place" "$(api GET "/api/v1/devices/$ID" | jq -r .state)" revoked
not_revoked "with it, anything" "certRevoked" theirs theirs

say "what everybody may know"
new_key op7
if openssl cmp -help 2>&1 | grep -q -- "-template"; then # OpenSSL 3.5
    works "genm caCerts" op7 op6 -cmd genm -infotype caCerts -cacertsout "$WORK/cas.pem"
    expect "root and both issuing authorities" "$(grep -c BEGIN "$WORK/cas.pem")" 3
else
    refused "genm signKeyPairTypes is not answered" "badRequest" op7 op6 -cmd genm -infotype signKeyPairTypes
fi

template=(-cmd genm -infotype certReqTemplate)
if openssl cmp -help 2>&1 | grep -q -- "-template"; then template+=(-template "$WORK/template.der" -keyspec "$WORK/keyspec.der"); fi
works "genm certReqTemplate" op7 op6 "${template[@]}" -rspout "$WORK/genp.der"
openssl asn1parse -inform DER -in "$WORK/genp.der" >"$WORK/genp.txt"
expect_in "a key on P-256" "$(grep -A3 "id-regCtrl-algId\|1.3.6.1.5.5.7.5.1.11" "$WORK/genp.txt")" prime256v1
grep -q "$(of op6 subject | grep -o '[0-9a-f]\{64\}')" "$WORK/genp.txt" || die "the subject of the certificate is not told"
say "ok  under the names of the certificate"

say "what is refused"
refused "an unprotected message" "wrongIntegrity" op7 op6 -cmd ir -unprotected_requests
new_key op8
cat "$WORK/op6.crt" >"$WORK/stolen.pem"
# the thief signs with its own key and shows the device's certificate
openssl cmp -cmd kur -server "$host" -tls_used -tls_trusted "$CA" -path .well-known/cmp -trusted "$CA" -recipient "/CN=whorl" -subject "/CN=x" \
    -cert "$WORK/birth.crt" -key "$WORK/birth.key" -newkey "$WORK/op8.key" -certout "$WORK/op8.crt" -oldcert "$WORK/stolen.pem" >"$WORK/cmp.log" 2>&1 &&
    die "kur for a certificate of another key"
say "ok  kur for a certificate of another key"
refused "a code that nobody has" "badMessageCheck" op7 op6 -cmd ir -subject /CN=x -ref 1234 -secret pass:none
post() { # BYTES-FILE TYPE PATH
    curl -sS -o "$WORK/answer" -w '%{http_code} %{content_type}' --cacert "$CA" -H "Content-Type: $2" --data-binary "@$1" "$DEVICE/.well-known/cmp$3"
}
printf 'no DER' >"$WORK/garbage"
head -c 70000 /dev/zero >"$WORK/huge"
expect "another content type" "$(post "$WORK/garbage" text/plain "" | cut -c1-3)" 415
expect "no message at all" "$(post "$WORK/garbage" application/pkixcmp "" | cut -c1-3)" 400
expect "a huge one" "$(post "$WORK/huge" application/pkixcmp "" | cut -c1-3)" 413
expect "an operation that is none" "$(post "$WORK/garbage" application/pkixcmp /frobnicate | cut -c1-3)" 404
expect "a tenant that is none" "$(post "$WORK/garbage" application/pkixcmp /p/nobody/initialization | cut -c1-3)" 404
expect "GET" "$(curl -sS -o /dev/null -w '%{http_code}' --cacert "$CA" "$DEVICE/.well-known/cmp")" 405

say "a message again"
works "a request that is kept" op7 op6 -cmd kur -reqout "$WORK/kur.der,$WORK/conf.der"
expect "its confirmation again" "$(post "$WORK/conf.der" application/pkixcmp "")" "200 application/pkixcmp"
expect_in "… is refused" "$(openssl asn1parse -inform DER -in "$WORK/answer")" "no transaction of this sender"
expect "a cut one" "$(head -c 200 "$WORK/kur.der" >"$WORK/cut.der"; post "$WORK/cut.der" application/pkixcmp "" | cut -c1-3)" 400

say "a restart between the request and its confirmation"
new_key op8
works "a request whose messages are kept" op8 op7 -cmd kur -disable_confirm -reqout "$WORK/kur8.der" -rspout "$WORK/kup8.der"
kill -9 "$SERVER_PID"
wait "$SERVER_PID" 2>/dev/null || true
start_server
host=${DEVICE#https://}
expect "the certificate waits for its first use" "$(code op7)" 10
works "the request again gives the same one, and is confirmed" op8 op7 -cmd kur
expect "it works" "$(code op8)" 10

say "a superseded certificate"
new_key op9
refused "kur with it" "certRevoked" op9 op7 -cmd kur
expect "the request that was kept, again" "$(post "$WORK/kur8.der" application/pkixcmp "")" "200 application/pkixcmp"
expect_in "… is refused too" "$(openssl asn1parse -inform DER -in "$WORK/answer")" "not admitted"
works "whoever sends old messages stops no device" op9 op8 -cmd kur
expect "its certificate works" "$(code op9)" 10
stop_server
