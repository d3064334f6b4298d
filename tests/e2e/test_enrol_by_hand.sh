#!/usr/bin/env bash
# The main job with nothing but curl and openssl: register, first contact, enrol, verify, renew, confirm, revoke, CRL.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
start_server

say "EST without a client certificate"
curl -sS --cacert "$CA" "$DEVICE/.well-known/est/cacerts" >"$WORK/cacerts"
expect "cacerts is base64 on one line" "$(grep -c . "$WORK/cacerts")" 1
base64 -d "$WORK/cacerts" | openssl pkcs7 -inform DER -print_certs -out "$WORK/chain.pem"
expect "cacerts has the root and both issuing authorities" "$(grep -c BEGIN "$WORK/chain.pem")" 3
csrattrs=$(curl -sS -o /dev/null -w '%{http_code}' --cacert "$CA" "$DEVICE/.well-known/est/csrattrs")
case $csrattrs in 200 | 204 | 404) say "ok  csrattrs answers $csrattrs" ;; *) die "csrattrs: $csrattrs" ;; esac

say "first contact"
new_identity birth
register "$ID"
new_key op1
est birth simpleenroll "$(csr op1 /CN=whatever)"
expect_status "simpleenroll under the identity key" 200
expect_in "content type" "$(cat "$WORK/headers")" "application/pkcs7-mime; smime-type=certs-only"
keep_certificate op1
expect "the answer holds one certificate" "$(base64 -d "$WORK/body" | openssl pkcs7 -inform DER -print_certs | grep -c BEGIN)" 1
openssl verify -x509_strict -purpose sslclient -CAfile "$CA" -untrusted "$WORK/chain.pem" "$WORK/op1.crt" >/dev/null || die "openssl verify"
say "ok  openssl verify -x509_strict"
curl -sS --cacert "$CA" --cert "$WORK/op1.crt" --key "$WORK/op1.key" "$DEVICE/.well-known/est/csrattrs" | base64 -d | openssl asn1parse -inform DER >"$WORK/attrs"
expect_in "csrattrs has a template for it (RFC 9908)" "$(cat "$WORK/attrs")" 1.2.840.113549.1.9.16.2.61
expect_in "… under its own name" "$(cat "$WORK/attrs")" "$ID"
expect_in "CN is the device id" "$(openssl x509 -in "$WORK/op1.crt" -noout -subject)" "$ID"
text=$(openssl x509 -in "$WORK/op1.crt" -noout -text)
expect_in "CDP" "$text" "$PUBLIC/crl/device.crl"
expect_in "AIA" "$text" "$PUBLIC/ca/device.cer"
expect_in "EKU" "$text" "TLS Web Client Authentication"
expect_in "OCSP" "$text" "OCSP - URI:$PUBLIC/ocsp"

say "the same request again gets the same certificate"
est birth simpleenroll "$(csr op1)"
keep_certificate again
expect "serial" "$(openssl x509 -in "$WORK/again.crt" -noout -serial)" "$(openssl x509 -in "$WORK/op1.crt" -noout -serial)"

say "status, rekey, confirm"
device_status() { device_json "$1" GET /device/v1/status; }
expect "status under the certificate" "$(device_status op1 | jq -r .status)" enrolled
new_key op2
subject=$(openssl x509 -in "$WORK/op1.crt" -noout -subject -nameopt compat | sed 's/^subject=//')
est op1 simplereenroll "$(csr op2 "$subject")"
expect_status "simplereenroll under the operational key" 200
keep_certificate op2
expect "the old one works until the new one is used" "$(device_status op1 | jq -r .code)" 10
expect "first use of the new one" "$(device_status op2 | jq -r .code)" 10
est op1 simplereenroll "$(csr op2 "$subject")"
expect_status "the old one has no rights any more" 403

say "the inventory"
serial=$(openssl x509 -in "$WORK/op2.crt" -noout -serial | cut -d= -f2 | tr A-F a-f)
expect "certificate by serial" "$(api GET "/api/v1/certificates/$serial" | jq -r .device_id)" "$ID"
expect "device" "$(api GET "/api/v1/devices/$ID" | jq -r .state)" enrolled

say "revocation"
curl -sS "$PUBLIC/crl/device.crl" | openssl crl -inform DER -CAfile "$WORK/chain.pem" -noout 2>"$WORK/crlcheck"
expect_in "the CRL verifies before any revocation" "$(cat "$WORK/crlcheck")" "verify OK"
api POST "/api/v1/certificates/$serial/revoke" '{"reason":"keyCompromise"}' >/dev/null
expect_status "revoke" 200
for _ in $(seq 50); do
    crl=$(curl -sS "$PUBLIC/crl/device.crl" | openssl crl -inform DER -noout -text)
    case $(tr a-f A-F <<<"$crl") in *"$(tr a-f A-F <<<"$serial")"*) break ;; esac
    sleep 0.1
done
expect_in "the CRL lists it" "$(tr a-f A-F <<<"$crl")" "$(tr a-f A-F <<<"$serial")"
expect_in "with its reason" "$crl" "Key Compromise"
curl -sS "$PUBLIC/crl/device.crl" | openssl crl -inform DER -out "$WORK/device.crl.pem"
cat "$WORK/chain.pem" "$CA" >"$WORK/trust.pem"
expect_fails "openssl verify -crl_check refuses it" openssl verify -crl_check -CAfile "$WORK/trust.pem" -CRLfile "$WORK/device.crl.pem" "$WORK/op2.crt"
expect "the device learns it" "$(device_status op2 | jq -r .status)" revoked
est birth simpleenroll "$(csr op2)"
expect_status "no way back by itself" 403
api POST "/api/v1/devices/$ID/allow-reenrol" >/dev/null
expect_status "allow-reenrol" 200
new_key op3
est birth simpleenroll "$(csr op3)"
expect_status "the way back" 200

curl -sS "$PUBLIC/ca/device.cer" | openssl x509 -inform DER -noout -subject >/dev/null || die "ca/device.cer"
say "ok  /ca/device.cer"
stop_server
expect_in "the audit log verifies" "$("$WHORLD" audit verify --dir "$DATA")" "verifies"
