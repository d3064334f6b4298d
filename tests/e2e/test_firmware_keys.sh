#!/usr/bin/env bash
# Keys that sign firmware: made by whorl in the real keystore, certified by an authority that openssl plays, ended.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
printf "a passphrase kept elsewhere\n" >"$WORK/passphrase"
chmod 600 "$WORK/passphrase"
init_data --passphrase-file "$WORK/passphrase"
start_server

KEYS=/api/v1/firmware/keys
whorl() { "$PWD/$BUILD/whorl" --server "$MANAGEMENT" --ca "$CA" --token-file "$DATA/admin.token" "$@"; }

say "a key for manifests"
whorl firmware-key create release --role manifest --json >"$WORK/key.json"
KEY=$(jq -r .id "$WORK/key.json")
expect "openssl names it as the server does" "$(jq -r .public_key "$WORK/key.json" | openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1)" \
    "$(jq -r .spki_sha256 "$WORK/key.json")"
head -1 "$DATA/keys/fw-$KEY.key" >"$WORK/head"
expect "its file is encrypted" "$(cat "$WORK/head")" "-----BEGIN ENCRYPTED PRIVATE KEY-----"
expect "and for nobody else" "$(stat -c %a "$DATA/keys/fw-$KEY.key")" 600

say "a key for updates, with a certificate"
api POST $KEYS '{"name":"updates","role":"cms","algorithm":"ecdsa-p256"}' -H 'Idempotency-Key: "u"' >/dev/null
expect_status "made" 201
CMS=$(jq -r .id "$WORK/body")
jq -r .certificate "$WORK/body" >"$WORK/self.pem"
expect_in "for signing code" "$(openssl x509 -in "$WORK/self.pem" -noout -ext extendedKeyUsage)" "Code Signing"
expect_in "self-signed" "$(openssl verify -CAfile "$WORK/self.pem" "$WORK/self.pem")" OK
whorl firmware-key request "$CMS" >"$WORK/csr.pem"
openssl req -in "$WORK/csr.pem" -verify -noout 2>/dev/null || die "the request does not verify"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/ca.key" -out "$WORK/ca.pem" -subj "/CN=OEM signing CA" -days 30 2>/dev/null
printf 'keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n' >"$WORK/ext"
openssl x509 -req -in "$WORK/csr.pem" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" -CAcreateserial -days 9 -extfile "$WORK/ext" -out "$WORK/leaf.pem" 2>/dev/null
api GET "$KEYS/$CMS/csr" '' -H 'Accept: application/x-pem-file' >/dev/null
expect_status "the request over REST" 200
api PUT "$KEYS/$CMS/certificate" "$(jq -n --rawfile c "$WORK/ca.pem" '{certificate: $c}')" >/dev/null
expect_status "a certificate over another key" 422
api PUT "$KEYS/$CMS/certificate" "$(jq -n --rawfile c "$WORK/leaf.pem" '{certificate: $c}')" >/dev/null
expect_status "the one that the authority made" 200
jq -r .certificate "$WORK/body" | openssl verify -CAfile "$WORK/ca.pem" >/dev/null || die "it does not lead to the authority"
whorl firmware-key certificate "$CMS" --certificate "$WORK/leaf.pem" >/dev/null
expect "whorl lists both" "$(whorl firmware-key list --product default --json | jq -r 'if type == "array" then .[] else . end | .name' | sort | tr '\n' ' ')" "release updates "
api GET "$KEYS?product=default" '' >/dev/null
expect_status "and so does the API" 200
api GET "$KEYS/$CMS" '' >/dev/null
expect_status "one of them" 200
api GET "$KEYS/$KEY/signed" '' >/dev/null
expect_status "what a key signed" 200
expect "nothing yet" "$(jq '.signed | length' "$WORK/body")" 0

say "a backup with keys holds them"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=ada -days 9 -keyout "$WORK/ada.key" -out "$WORK/ada.pem" 2>/dev/null
"$WHORLD" backup --dir "$DATA" --recipient "$WORK/ada.pem" --with-keys --to "$WORK/all.backup" >/dev/null
python3 -B "$E2E/backup_by_hand.py" unpack "$WORK/all.backup" "$WORK/ada.key" "$WORK/ada.pem" "$WORK/unpacked"
cmp "$WORK/unpacked/keys/fw-$CMS.key" "$DATA/keys/fw-$CMS.key" || die "the key is not in the backup"

say "the ends of keys"
api POST "$KEYS/$KEY/retire" '{}' >/dev/null
expect_status "retired" 200
api POST "$KEYS/$KEY/compromised" '{}' >/dev/null
expect_status "it leaked all the same" 200
api POST "$KEYS/$KEY/retire" '{}' >/dev/null
expect_status "which is for good" 409
expect "an alarm stands" "$(api GET /api/v1/alarms '' | jq -r '.alarms[].kind')" firmware_key.compromised
api POST "$KEYS/$KEY/replaced" '{}' >/dev/null
expect_status "nobody trusts it any more" 200
expect "the alarm is over" "$(api GET /api/v1/alarms '' | jq '.alarms | length')" 0

say "after a restart"
stop_server
start_server
api GET "$KEYS/$CMS/csr" '' >/dev/null
expect_status "the key is still there" 200
