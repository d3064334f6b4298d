#!/bin/bash
# The half of an offline root that has the key: a key and a root made by the openssl command, a request of an issuing CA, and what
# `whorld ca sign` tells, signs, refuses and remembers. No data directory, no server.
. "$(dirname "$0")/lib.sh"
need openssl

cd "$WORK"
printf 'sixteen bytes and more\n' >passphrase
openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null |
    openssl pkcs8 -topk8 -scrypt -passout file:passphrase -out root.key
openssl req -x509 -key root.key -passin file:passphrase -subj "/O=Acme/CN=Root CA" -days 4000 -out root.pem \
    -addext basicConstraints=critical,CA:TRUE,pathlen:1 -addext keyUsage=critical,keyCertSign,cRLSign
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout device.key -out device.csr -subj "/O=Acme/CN=Device CA" 2>/dev/null

# ceremony FILTER: the file that would travel, changed by jq
ceremony() {
    jq -n --rawfile root root.pem --rawfile csr device.csr '{format: "whorl-ca-ceremony/1", made_at: "2026-01-01T00:00:00Z", issuer: "root",
        issuer_certificate: $root, public_url: "http://pki.example", certificates: [{authority: "device-2", kind: "issuing", role: "device",
        key_purposes: 0, lifetime_days: 3650, request: $csr}], crl: {number: 41, lifetime_days: 180, revoked: [{serial:
        "0102030405060708090a0b0c0d0e0f10", revoked_at: "2026-01-01T00:00:00Z", reason: 2, subject: "CN=Device CA 1"}]}}' | jq -c "$1"
}
sign() { "$WHORLD" ca sign --key root.key --ca root.pem --passphrase-file passphrase "$@"; }
ceremony . >request.json

# --- told first, signed when said so
expect_fails "nothing is signed before it is told" sign request.json -o answer.pem
expect_in "what it would sign" "$(cat out)" 'a certificate of the issuing CA "device-2"'
expect_in "whose" "$(cat out)" "CN=Device CA,O=Acme"
expect_in "that it certifies no further CA" "$(cat out)" "pathlen      0"
expect_in "what it revokes" "$(cat out)" "0102030405060708090a0b0c0d0e0f10 at 2026-01-01T00:00:00Z (cACompromise) CN=Device CA 1"
expect_in "how to say yes" "$(cat out)" "again with --yes"
[ ! -e answer.pem ] && [ ! -e root.key.state ] || die "something was written"
sign request.json -o answer.pem --yes >out
openssl crl -in answer.pem -out root.crl
expect "openssl verifies what was signed, with its CRL" \
    "$(openssl verify -x509_strict -crl_check -CAfile root.pem -CRLfile root.crl answer.pem)" "answer.pem: OK"
expect_in "the addresses of the signing CA" "$(openssl x509 -in answer.pem -noout -text)" "URI:http://pki.example/crl/root.crl"
expect "the CRL's number is the one asked for" "$(openssl crl -in root.crl -noout -crlnumber)" "crlNumber=0x29"

# --- no number twice, whatever is asked for
sign request.json -o second.pem --yes >out
expect "the next one has the next number" "$(openssl crl -in second.pem -noout -crlnumber)" "crlNumber=0x2A"
expect "it is remembered beside the key" "$(jq .crl_number root.key.state)" 42
sign request.json -o a.pem --yes >out1 & one=$!
sign request.json -o b.pem --yes >out2 & two=$!
wait $one && wait $two
expect "two at once get two numbers" "$(for f in a b; do openssl crl -in $f.pem -noout -crlnumber; done | sort | xargs)" \
    "crlNumber=0x2B crlNumber=0x2C"
cp root.key.state kept
echo '{' >root.key.state
expect_fails "a damaged memory is not guessed" sign request.json -o none.pem --yes
expect_in "why" "$(cat out)" "holds the last CRL number"
jq -c '.key_sha256 = "0" * 64' kept >root.key.state
expect_fails "nor one of another key" sign request.json -o none.pem --yes
cp kept root.key.state

# --- refused
refused() { # WHAT FILTER WORDS
    ceremony "$2" >bad.json
    expect_fails "$1" sign bad.json -o none.pem --yes
    expect_in "  and says so" "$(cat out)" "$3"
}
refused "a life beyond the root's" '.certificates[0].lifetime_days = 4001' "beyond the end of the signing CA"
refused "a CRL beyond the root's life" '.crl.lifetime_days = 4001' "beyond the end of the signing CA"
refused "another root" '.certificates[0].role = "root"' "no role of an issuing CA"
refused "a member that nobody knows" '.certificates[0].pathlen = 3' "pathlen"
refused "a later format" '.format = "whorl-ca-ceremony/2"' "this program knows whorl-ca-ceremony/1"
refused "a request that is none" '.certificates[0].request = "words"' "no PEM request"
refused "an empty order" '.certificates = [] | del(.crl)' "asks for nothing"
head -c 500 request.json >cut.json
expect_fails "a file that is cut" sign cut.json -o none.pem --yes
head -c 2000000 /dev/zero >huge.json
expect_fails "a huge file" sign huge.json -o none.pem --yes
echo 'not the passphrase at all' >wrong
expect_fails "a wrong passphrase" "$WHORLD" ca sign --key root.key --ca root.pem --passphrase-file wrong request.json -o none.pem --yes
expect_fails "no passphrase" "$WHORLD" ca sign --key root.key --ca root.pem request.json -o none.pem --yes
expect_in "and says what is missing" "$(cat out)" "give its passphrase"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key -out other.pem -subj "/O=Acme/CN=Root CA" -days 4000 \
    -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
expect_fails "a key of another root" "$WHORLD" ca sign --key other.key --ca root.pem request.json -o none.pem --yes
expect_fails "a root of another key, of the same name" "$WHORLD" ca sign --key other.key --ca other.pem request.json -o none.pem --yes
expect_in "the file is for another CA" "$(cat out)" "for another CA"
[ ! -e none.pem ] || die "an answer was written"
expect "nothing of this took a number" "$(jq .crl_number root.key.state)" 44
status=0
"$WHORLD" ca sign --key root.key request.json >out 2>&1 || status=$?
expect "a missing option is a usage error" $status 2
