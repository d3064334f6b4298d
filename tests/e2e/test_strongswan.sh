#!/usr/bin/env bash
# strongSwan's EST client against the real server: anchors, first contact with a self-signed certificate, renewal.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need pki
pki --help 2>&1 | grep -q -- '--est ' || skip "this strongSwan has no EST client"
init_data
start_server

openssl x509 -in "$CA" -outform DER -out "$WORK/anchor.der"
cd "$WORK"
say "pki --estca"
pki --estca --url "$DEVICE" --cacert "$WORK/anchor.der" --caout swan.pem --outform pem 2>"$WORK/estca.log" || { cat "$WORK/estca.log"; die "pki --estca"; }
expect_in "it found the root" "$(cat "$WORK/estca.log")" "Root CA equals trusted TLS Root CA"

say "pki --est: first contact (it calls simplereenroll when it has a certificate)"
openssl ecparam -name prime256v1 -genkey -noout -outform DER -out birth.key.der
openssl req -x509 -new -key birth.key.der -keyform DER -subj /CN=birth -days 3650 -outform DER -out birth.crt.der 2>/dev/null
ID=$(openssl pkey -in birth.key.der -inform DER -pubout -outform DER | sha256sum | cut -d' ' -f1)
cd - >/dev/null
register "$ID"
cd "$WORK"
swan() { # NAME OLD-NAME DN
    openssl ecparam -name prime256v1 -genkey -noout -outform DER -out "$1.key.der"
    pki --req --type ecdsa --in "$1.key.der" --dn "$3" --outform der >"$1.csr.der" || die "pki --req"
    pki --est --url "$DEVICE" --in "$1.csr.der" --cacert swan.pem --cacert swan-1.pem --cacert swan-2.pem \
        --cert "$2.crt.der" --key "$2.key.der" --outform der >"$1.crt.der" 2>"$1.log" || { cat "$1.log"; die "pki --est for $1"; }
    [ -s "$1.crt.der" ] || { cat "$1.log"; die "pki --est gave nothing"; }
}
expect "root and both issuing authorities were written" "$(find . -name "swan*.pem" | wc -l)" 3
swan op1 birth "CN=ignored"
expect_in "the certificate names the device" "$(openssl x509 -in op1.crt.der -inform DER -noout -subject)" "$ID"

say "pki --est: renewal with the certificate just received"
swan op2 op1 "CN=$ID"
OLD=$(openssl x509 -in op1.crt.der -inform DER -noout -serial)
NEW=$(openssl x509 -in op2.crt.der -inform DER -noout -serial)
[ "$OLD" != "$NEW" ] || die "renewal gave the same certificate"
say "ok  a new certificate"
cd - >/dev/null
stop_server
