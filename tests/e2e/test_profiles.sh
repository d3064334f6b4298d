#!/usr/bin/env bash
# Certificate profiles: made, followed by devices over EST and by whorl-device, changed under them; IEEE 802.1AR's IDevID without an end, read
# by the openssl command; a TLS server at the edge, which openssl, curl and mosquitto's clients take under its own name and no other.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need openssl
init_data --host whorl.edge.test
start_server
text() { openssl x509 -in "$WORK/$1.crt" -noout -text; }
etag() { sed -n 's/^[Ee][Tt][Aa][Gg]: *\("[^"]*"\).*/\1/p' "$WORK/headers"; }
register_as() { # PRODUCT SERIAL MODEL ID
    printf 'id,serial,model\n%s,%s,%s\n' "$4" "$2" "$3" >"$WORK/list.csv"
    api POST "/api/v1/batches/import?product=$1&format=csv" "@$WORK/list.csv" -H 'Content-Type: text/csv' >/dev/null
    expect_status "registered $2 as a $1" 201
}
enrol() { # NAME: the identity NAME gets a certificate over a new key NAME-op
    new_key "$1-op"
    est "$1" simpleenroll "$(csr "$1-op")"
}
product() { api POST /api/v1/products "$1" >"$WORK/product.json"; }

say "built in"
expect "three profiles are everywhere" "$(api GET /api/v1/profiles | jq -r '[.profiles[].name] | join(" ")')" "edge-tls-server idevid ldevid"
api GET /api/v1/profiles/idevid >/dev/null
api PATCH /api/v1/profiles/idevid '{"no_expiry":false}' -H "If-Match: $(etag)" >/dev/null
expect_status "a built-in one does not change" 409
api GET /api/v1/profiles/idevid/versions/1 | jq -e '.no_expiry and .first_key_only and .hardware_type != null' >/dev/null || die "idevid"
api GET /api/v1/profiles/idevid/versions >/dev/null
api GET /api/v1/profiles/idevid/versions/2 >/dev/null
expect_status "and has one version" 404

say "a profile of our own"
api POST /api/v1/profiles '{"name":"sensor","subject":"serial_number","uri_template":"urn:acme:{model}:{serial}","policies":["1.3.6.1.4.1.32473.1"],
  "key_algorithms":["P-256"],"max_lifetime_s":864000}' >"$WORK/sensor.json"
expect_status "made" 201
TAG=$(etag)
api POST /api/v1/profiles '{"name":"sensor"}' >/dev/null
expect_status "a name is taken once" 409
api POST /api/v1/profiles '{"name":"x","key_purposes":["client_auth","config_signing"],"uri_template":"{nothing}","policies":["1.2.x"],"color":1}' >"$WORK/faults.json"
expect_status "what is wrong with one" 422
expect "is told all at once" "$(jq -r '[.errors[].pointer] | sort | join(" ")' "$WORK/faults.json")" "/color /policies/0 /uri_template"
api POST /api/v1/profiles '{"name":"x","key_purposes":["client_auth","config_signing"]}' >"$WORK/faults.json"
expect_in "purposes that no authority carries" "$(cat "$WORK/faults.json")" "/key_purposes"
product '{"name":"thermo","profile":"sensor","certificate_ttl_s":8640000}'
expect_status "a product that promises more than its profile allows" 422
expect_in "is told where" "$(cat "$WORK/product.json")" "/certificate_ttl_s"
product '{"name":"thermo","profile":"sensor","certificate_ttl_s":864000}'
expect_status "a product names it" 201
PRODUCT=$(jq -r .id "$WORK/product.json")

new_identity one
register_as thermo SN-1 "T 1" "$ID"
enrol one
expect_status "a device enrols under it" 200
keep_certificate one-op
expect_in "its serial number stands in the subject" "$(openssl x509 -in "$WORK/one-op.crt" -noout -subject -nameopt RFC2253)" "serialNumber=SN-1"
expect_in "its URI is made of model and serial number" "$(text one-op)" "URI:urn:acme:T%201:SN-1"
expect_in "the policy is there" "$(text one-op)" "Policy: 1.3.6.1.4.1.32473.1"
new_identity bare
register_as thermo "" "" "$ID"
enrol bare
expect_status "a device without a serial number" 422
expect_in "is told so" "$(cat "$WORK/body")" "no serial number"
expect "and nothing was issued" "$(api GET "/api/v1/devices/$ID" | jq -r .state)" registered

say "a further version"
api PATCH /api/v1/profiles/sensor '{"max_lifetime_s":86400}' -H 'If-Match: "77"' >/dev/null
expect_status "by who has not seen the present one" 412
api PATCH /api/v1/profiles/sensor '{"max_lifetime_s":86400}' -H "If-Match: $TAG" >"$WORK/faults.json"
expect_status "that a product which follows does not fit" 422
expect_in "is told which" "$(cat "$WORK/faults.json")" "product thermo"
api GET "/api/v1/products/$PRODUCT" >/dev/null
api PATCH "/api/v1/products/$PRODUCT" '{"certificate_ttl_s":86400}' -H "If-Match: $(etag)" >/dev/null
api PATCH /api/v1/profiles/sensor '{"max_lifetime_s":86400,"uri_template":null}' -H "If-Match: $TAG" >"$WORK/two.json"
expect "is the second one" "$(jq -r .version "$WORK/two.json")" 2
expect "the first stays readable" "$(api GET /api/v1/profiles/sensor/versions/1 | jq -r .uri_template)" "urn:acme:{model}:{serial}"
expect "both are listed" "$(api GET /api/v1/profiles/sensor/versions | jq -r '[.versions[].version|tostring] | join(" ")')" "1 2"
device_json one-op GET /device/v1/status >"$WORK/status.json"
expect "the old certificate works, and its profile is told" "$(jq -r '.certificate.profile + " " + (.certificate.profile_version|tostring)' "$WORK/status.json")" "sensor 1"
new_key one-two
est one-op simplereenroll "$(openssl req -new -key "$WORK/one-two.key" -subj "/serialNumber=SN-1/CN=$(jq -r .device_id "$WORK/status.json")" -outform DER | base64 -w0)"
expect_status "its next one" 200
keep_certificate one-two
expect "follows the second version" "$(text one-two | grep -c URI:urn:acme)" 0
SERIAL=$(openssl x509 -in "$WORK/one-two.crt" -noout -serial | cut -d= -f2 | tr 'A-F' 'a-f')
expect "the inventory knows by which it was made" "$(api GET "/api/v1/certificates/$SERIAL" | jq -r '.profile + " " + (.profile_version|tostring)')" "sensor 2"
DEV=$(jq -r .device_id "$WORK/status.json")
expect "and so does the device's history" "$(api GET "/api/v1/devices/$DEV/history" | jq -r '[.records[].details | select(.profile) | "\(.profile) \(.profile_version)"] | sort | join(", ")')" "sensor 1, sensor 2"
expect "and why" "$(api GET "/api/v1/devices/$DEV/why" | jq -c '[.certificate.profile_version, .next_profile.name, .next_profile.version]')" '[2,"sensor",2]'
api DELETE /api/v1/profiles/sensor >/dev/null
expect_status "a profile that a product names is not deleted" 409
api GET "/api/v1/products/$PRODUCT" >/dev/null
api PATCH "/api/v1/products/$PRODUCT" '{"profile":null,"profile_version":null}' -H "If-Match: $(etag)" >/dev/null
expect_status "the product goes back to what it had" 200
api DELETE /api/v1/profiles/sensor >/dev/null
expect_status "then it is" 204
api GET /api/v1/profiles/sensor >/dev/null
expect_status "and is gone" 404
expect "its versions are not: certificates name them" "$(api GET /api/v1/profiles/sensor/versions/2 | jq -r .max_lifetime_s)" 86400

say "IDevID"
product '{"name":"maker","profile":"idevid","identity_key_certificates":true}'
new_identity chip
register_as maker HW-7 chip "$ID"
est chip simpleenroll "$(csr chip)"
expect_status "over the identity key" 200
cp "$WORK/chip.key" "$WORK/idevid.key"
keep_certificate idevid
expect "it has no end" "$(openssl x509 -in "$WORK/idevid.crt" -noout -enddate)" "notAfter=Dec 31 23:59:59 9999 GMT"
SAN=$(openssl asn1parse -in "$WORK/idevid.crt" | sed -n '/Subject Alternative Name/{n;s/^ *\([0-9]*\):.*/\1/p;}')
expect_in "hardwareModuleName tells type and serial number" "$(openssl asn1parse -in "$WORK/idevid.crt" -strparse "$SAN")" "1.3.6.1.4.1.32473.1"
expect_in "  … both" "$(openssl asn1parse -in "$WORK/idevid.crt" -strparse "$SAN")" "HW-7"
curl -sS "$PUBLIC/ca/device.cer" | openssl x509 -inform DER -out "$WORK/device-ca.pem"
openssl verify -x509_strict -purpose sslclient -CAfile "$CA" -untrusted "$WORK/device-ca.pem" "$WORK/idevid.crt" >/dev/null || die "openssl verify"
device_json idevid GET /device/v1/status >"$WORK/status.json"
expect "its device is told of no renewal before the end of time" "$(jq -r .renew_after "$WORK/status.json")" "9999-12-31T23:59:59Z"
new_identity later
register_as maker HW-8 chip "$ID"
enrol later
expect_status "over the first operational key too" 200
keep_certificate later-op
new_key later-two
est later-op simplereenroll "$(openssl req -new -key "$WORK/later-two.key" -subj "/serialNumber=HW-8/CN=$ID" -outform DER | base64 -w0)"
expect_status "a second key gets none" 422
expect_in "and why" "$(cat "$WORK/body")" "first key"

say "whorl-device under a profile"
api POST /api/v1/profiles '{"name":"field","subject":"id_only","extensions":["no_revocation"],"max_lifetime_s":604800}' >/dev/null
product '{"name":"field","profile":"field","profile_version":1,"certificate_ttl_s":600000}'
expect_status "pinned to a version" 201
ID=$("$DEVICE_TOOL" new --dir "$WORK/chip9" --seed 9 --spki | head -n 1)
register_as field SN-9 m "$ID"
for verb in enrol rekey status; do
    "$DEVICE_TOOL" "$verb" --dir "$WORK/chip9" --server "$DEVICE" --ca "$CA" >"$WORK/chip9.out" || die "whorl-device $verb"
done
expect_in "enrolled and made a new key" "$(cat "$WORK/chip9.out")" "enrolled (10)"
api GET "/api/v1/devices/$ID" | jq -e '[.certificates[] | .profile + (.profile_version|tostring)] | unique == ["field1"]' >/dev/null || die "profile of the certificates"
SERIAL=$(jq -r '[.certificates[] | select(.state == "confirmed")][0].serial' "$WORK/body")
api GET "/api/v1/certificates/$SERIAL" | jq -r .pem >"$WORK/chip9.crt" 2>/dev/null
expect "the serial number stays in the house" "$(text chip9 | grep -c SN-9)" 0
expect "and no list of revoked certificates is named" "$(text chip9 | grep -c 'CRL Distribution')" 0
say "TLS servers at the edge"
product '{"name":"edge","profile":"edge-tls-server"}'
expect_status "no product follows a profile that nobody issues by" 422
api POST /api/v1/authorities '{"role":"edge","permitted_dns":["whorl.edge.test"]}' >"$WORK/edge.json"
expect_status "no authority for the server's own name" 422
expect_in "and why" "$(cat "$WORK/edge.json")" "own names"
api POST /api/v1/authorities '{"id":"edge","role":"edge","permitted_dns":["edge.test"]}' >"$WORK/edge.json"
expect_status "one for edge.test" 201
api POST /api/v1/authorities/edge/activate '{"default":true}' >/dev/null
expect_status "issues" 200
product '{"name":"edge","profile":"edge-tls-server"}'
expect_status "the built-in profile's names are others" 422
api POST /api/v1/profiles '{"name":"gateway","authority_role":"edge","key_purposes":["client_auth","server_auth"],"dns_template":"{serial}.edge.test",
    "extensions":["must_staple"]}' >/dev/null
product '{"name":"edge","profile":"gateway"}'
expect_status "a profile of ours under edge.test" 201
new_identity gw
register_as edge GW-1 m "$ID"
enrol gw
expect_status "a gateway enrols" 200
keep_certificate gw-op
device_json gw-op GET /device/v1/status >"$WORK/status.json"
expect "it is a device like any other here" "$(jq -r '.status + " " + .certificate.profile' "$WORK/status.json")" "enrolled gateway"
curl -sS "$PUBLIC/ca/edge.cer" | openssl x509 -inform DER -out "$WORK/edge-ca.pem"
expect_in "its authority is bound to names" "$(openssl x509 -in "$WORK/edge-ca.pem" -noout -text)" "Name Constraints: critical"
expect_in "  … and not to this server's" "$(openssl x509 -in "$WORK/edge-ca.pem" -noout -text | sed -n '/Excluded/,$p')" "DNS:whorl.edge.test"
expect_in "it must staple (TLS feature, RFC 7633)" "$(openssl x509 -in "$WORK/gw-op.crt" -noout -ext tlsfeature)" "status_request"
openssl ocsp -issuer "$WORK/edge-ca.pem" -cert "$WORK/gw-op.crt" -no_nonce -url "$PUBLIC/ocsp" -respout "$WORK/staple.der" -CAfile "$CA" >"$WORK/ocsp.out" 2>&1 ||
    die "nothing to staple: $(cat "$WORK/ocsp.out")"
EDGE_PORT=$(free_port)
openssl s_server -accept "127.0.0.1:$EDGE_PORT" -cert "$WORK/gw-op.crt" -key "$WORK/gw-op.key" -cert_chain "$WORK/edge-ca.pem" -status_file "$WORK/staple.der" -www -quiet >/dev/null 2>&1 &
PIDS+=("$!")
reach() { curl -sS -o /dev/null --cacert "$CA" --retry 20 --retry-connrefused --retry-delay 0 --resolve "$1:$EDGE_PORT:127.0.0.1" "https://$1:$EDGE_PORT/"; }
reach gw-1.edge.test || die "curl does not take the gateway"
say "ok  curl takes it under the root alone"
curl -sS -o /dev/null --cert-status --cacert "$CA" --resolve "gw-1.edge.test:$EDGE_PORT:127.0.0.1" "https://gw-1.edge.test:$EDGE_PORT/" || die "curl does not take what it staples"
say "ok  and what it staples"
expect_fails "not under another name" reach gw-2.edge.test
expect_fails "not under the server's" reach whorl.edge.test
if command -v mosquitto >/dev/null && command -v mosquitto_pub >/dev/null; then
    MQTT_PORT=$(free_port)
    cat "$WORK/gw-op.crt" "$WORK/edge-ca.pem" >"$WORK/broker.pem"
    printf 'listener %s 127.0.0.1\ncertfile %s/broker.pem\nkeyfile %s/gw-op.key\nallow_anonymous true\n' "$MQTT_PORT" "$WORK" "$WORK" >"$WORK/mosquitto.conf"
    chmod 755 "$WORK"
    chmod 644 "$WORK/broker.pem" "$WORK/gw-op.key"
    mosquitto -c "$WORK/mosquitto.conf" >"$WORK/mosquitto.log" 2>&1 &
    PIDS+=("$!")
    for _ in $(seq 100); do grep -q running "$WORK/mosquitto.log" && break; sleep 0.05; done
    expect_fails "mosquitto_pub refuses a broker that is not named as it is called" mosquitto_pub -h localhost -p "$MQTT_PORT" --cafile "$CA" -t a -m b
    mosquitto_pub -h localhost -p "$MQTT_PORT" --insecure --cafile "$CA" -t a -m b || die "mosquitto_pub does not trust the broker's chain"
    say "ok  and trusts its chain under the root"
fi
stop_server
