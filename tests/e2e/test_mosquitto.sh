#!/usr/bin/env bash
# An issued certificate opens a mutual-TLS connection to a real broker configured with our CA and CRL; a stranger's does not, and a revoked
# one no longer does once the broker has read the next CRL (SIGHUP).
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need mosquitto
need mosquitto_pub
init_data
start_server
new_identity birth
register "$ID"
new_key op
est birth simpleenroll "$(csr op)"
expect_status "enrolled" 200
keep_certificate op
CRT_ID=$ID

curl -sS "$PUBLIC/ca/device.cer" | openssl x509 -inform DER -out "$WORK/device-ca.pem"
cat "$CA" "$WORK/device-ca.pem" >"$WORK/broker-trust.pem"
# the broker's own certificate: any will do, here one of a throw-away CA
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/broker.key" -out "$WORK/broker.crt" -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost 2>/dev/null
MQTT_PORT=$(free_port)
cat >"$WORK/mosquitto.conf" <<CONF
listener $MQTT_PORT 127.0.0.1
cafile $WORK/broker-trust.pem
certfile $WORK/broker.crt
keyfile $WORK/broker.key
crlfile $WORK/device.crl.pem
require_certificate true
use_identity_as_username true
acl_file $WORK/acl
CONF
# what a timer beside a broker does
fetch_crl() { curl -sS "$PUBLIC/crl/device.crl" | openssl crl -inform DER -out "$WORK/device.crl.new" && mv "$WORK/device.crl.new" "$WORK/device.crl.pem"; }
fetch_crl
echo 'pattern readwrite devices/%u/#' >"$WORK/acl"
chmod 755 "$WORK"; chmod 644 "$WORK"/*.pem "$WORK/broker.crt" "$WORK/broker.key" "$WORK/acl"
mosquitto -c "$WORK/mosquitto.conf" >"$WORK/mosquitto.log" 2>&1 &
BROKER=$!
PIDS+=("$BROKER")
for _ in $(seq 100); do grep -q running "$WORK/mosquitto.log" && break; sleep 0.05; done

client() { # NAME PROGRAM ARGS…
    local who=$1 program=$2
    shift 2
    "$program" -h localhost -p "$MQTT_PORT" --cafile "$WORK/broker.crt" --cert "$WORK/$who.crt" --key "$WORK/$who.key" "$@"
}
client op mosquitto_sub -t "devices/$CRT_ID/up" -C 1 -W 20 >"$WORK/heard" 2>"$WORK/sub.err" &
SUB=$!
PIDS+=("$SUB")
sleep 1
client op mosquitto_pub -t "devices/$CRT_ID/up" -m hello
wait $SUB || { cat "$WORK/sub.err" "$WORK/mosquitto.log"; die "the subscriber heard nothing"; }
expect "published and heard as the device" "$(cat "$WORK/heard")" hello
expect_in "the broker took the device id as the user" "$(cat "$WORK/mosquitto.log")" "$CRT_ID"
new_identity stranger
expect_fails "a self-signed certificate is turned away" client stranger mosquitto_pub -t devices/x/up -m hello

say "a second device, and the first one is revoked"
new_identity birth2
register "$ID"
new_key op2
est birth2 simpleenroll "$(csr op2)"
keep_certificate op2
publish() { client "$1" mosquitto_pub -t devices/x/up -m hello; }
publish op2 || die "the second device is not let in"
SERIAL=$(openssl x509 -in "$WORK/op.crt" -noout -serial | cut -d= -f2)
api POST "/api/v1/certificates/$(tr A-F a-f <<<"$SERIAL")/revoke" '{"reason":"keyCompromise"}' >/dev/null
expect_status "revoked" 200
publish op || die "refused before the broker has read the list"
say "ok  the broker knows nothing yet"
for _ in $(seq 80); do
    fetch_crl
    if openssl crl -in "$WORK/device.crl.pem" -noout -text | grep -q "$SERIAL"; then break; fi
    sleep 0.1
done
chmod 644 "$WORK/device.crl.pem"
kill -HUP "$BROKER"
for _ in $(seq 50); do publish op >/dev/null 2>&1 || break; sleep 0.1; done
expect_fails "after SIGHUP the revoked device is turned away" publish op
sleep 0.5 | openssl s_client -connect "localhost:$MQTT_PORT" -CAfile "$WORK/broker.crt" -cert "$WORK/op.crt" -key "$WORK/op.key" -ign_eof >"$WORK/out" 2>&1 || true
expect_in "because it is revoked" "$(cat "$WORK/out")" "alert certificate revoked"
publish op2 || die "the second device is turned away too"
say "ok  and the other one is not"
stop_server
