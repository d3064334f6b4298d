#!/usr/bin/env bash
# A root and both issuing CAs are rolled over under a running server and fleet, by deploy/drills/root-roll-over.sh, and clients that we did not write
# look on, in TLS, cacerts, CRLs and OCSP, without a restart: openssl, curl, GnuTLS, strongSwan, a broker.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need sqlite3
init_data
start_server
export WHORL=$PWD/$BUILD/whorl XDG_CONFIG_HOME=$WORK/config WHORL_SERVER=$MANAGEMENT WHORL_CA=$CA WHORL_TOKEN=$TOKEN
PORT=${DEVICE##*:}
OLD=$WORK/old.pem NEW=$WORK/new.pem BOTH=$WORK/both.pem
cp "$CA" "$OLD"
field() { openssl x509 -noout "$@"; }
id_of() { openssl x509 -in "$1" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1; }
sent() { openssl s_client -connect "$DEVICE_ADDRESS" -showcerts </dev/null 2>/dev/null | sed -n '/-BEGIN/,/-END/p'; }
DEVICE_ADDRESS=${DEVICE#https://}
cacerts() { curl -sS --cacert "${1:-$BOTH}" "$DEVICE/.well-known/est/cacerts" | base64 -d >"$WORK/set.p7"; openssl pkcs7 -inform DER -in "$WORK/set.p7" -print_certs -out "$WORK/set.pem"; }
set_holds() { cacerts "$@" && grep -c BEGIN "$WORK/set.pem"; }
# until SECONDS COMMAND…
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || die "not in time: $*"
        sleep 0.1
    done
}
PARTIES=$WORK/parties # what the drill writes for others
drill() { CODE=0; "$PWD/deploy/drills/root-roll-over.sh" "$@" --device "$DEVICE" --out "$PARTIES" >"$WORK/drill" 2>&1 || CODE=$?; }
step() { drill "$@"; [ $CODE -eq 0 ] || { cat "$WORK/drill"; die "root-roll-over $*: $CODE"; }; say "ok  root-roll-over $*"; }
refused() { drill "${@:2}"; expect_in "$1" "$CODE $(cat "$WORK/drill")" "${WANTED:-2}"; }

say "--- before"
FLEET=6
"$DEVICE_TOOL" fleet --count $FLEET --seed-base 700 --list "$WORK/list.json" >/dev/null
api POST /api/v1/batches "@$WORK/list.json" >/dev/null
SEED=770
for name in reader sleeper gateway; do
    SEED=$((SEED + 1))
    "$DEVICE_TOOL" new --dir "$WORK/$name" --seed $SEED | head -n 1 >"$WORK/$name.id"
done
register "$(cat "$WORK/reader.id")" "$(cat "$WORK/sleeper.id")" "$(cat "$WORK/gateway.id")"
device() { "$DEVICE_TOOL" "$1" --dir "$WORK/$2" --server "$DEVICE" --ca "${ROOT:-$OLD}" "${@:3}" 2>&1; }
device enrol reader >/dev/null
device enrol sleeper >/dev/null
device enrol gateway --challenge >/dev/null
"$DEVICE_TOOL" fleet --count $FLEET --seed-base 700 --connections 3 --server "$DEVICE" --ca "$OLD" --stay 240s --contact-every 1s \
    --report "$WORK/report.json" >"$WORK/fleet.out" 2>&1 &
PIDS+=("$!")
expect "the server sends its leaf and the CA above" "$(sent | grep -c BEGIN)" 2
expect "the set is small" "$(set_holds "$OLD")" 3
new_identity birth
register "$ID"
new_key first
est birth simpleenroll "$(csr first)"
keep_certificate first
FIRST_CN=$(field -in "$WORK/first.crt" -issuer)

say "--- the new root is published; nothing stands on it yet"
WANTED="2 " refused "a step that is none: usage" rollback
WANTED="1 " refused "no other step is the first one" move
expect_in "it says so" "$(cat "$WORK/drill")" "no roll-over was begun"
step publish
expect_in "openssl has proved it" "$(cat "$WORK/drill")" "2 issuing CAs lead to root and to root-2 alone, through the CRLs"
expect "two roots, two cross certificates, two issuing CAs" "$(set_holds "$OLD")" 6
api GET /api/v1/authorities/root-2/cross-certificates >"$WORK/word"
expect "two certificates lead from one to the other" "$(jq -r '[.cross_certificates[] | .kind + " " + .issuer] | sort | join(", ")' "$WORK/word")" "new_with_old root, old_with_new root-2"
api POST /api/v1/authorities/root-2/cross-certificates "$(jq '{certificate: [.cross_certificates[].pem] | add}' "$WORK/word")" | jq .is_new >"$WORK/out"
expect "which change nothing when they come in" "$(status) $(cat "$WORK/out")" "200 false"
api POST /api/v1/authorities/device/cross-certificates "$(jq '{certificate: .cross_certificates[0].pem}' "$WORK/word")" >/dev/null
expect_status "nor does an issuing authority have any" 409
curl -sS "$PUBLIC/ca/root-2.cer" | openssl x509 -inform DER -out "$NEW"
cat "$OLD" "$NEW" >"$BOTH"
OLD_ID=$(id_of "$OLD") NEW_ID=$(id_of "$NEW")
expect "one name" "$(field -in "$OLD" -subject)" "$(field -in "$NEW" -subject)"
[ "$OLD_ID" != "$NEW_ID" ] || die "with one key"
expect_in "who trusts the old root is served" "$(curl -sS --cacert "$OLD" "$DEVICE/device/v1/status" -w '%{http_code}')" "401"
expect_fails "who trusts the new one alone is not yet" curl -sS --cacert "$NEW" "$DEVICE/.well-known/est/cacerts"
expect_in "the reference device takes it" "$(device run reader --contacts 1)" "trust anchors: 2 in force, 1 new, 0 gone"
expect_in "by challenge too" "$(device status gateway --challenge)" "\"server_id\":\"$OLD_ID\""
fleet_has() { [ "$(jq -r ".$1[\"$2\"]" "$WORK/report.json")" = "$3" ]; }
until_true 10 fleet_has roots "$NEW_ID" $FLEET
expect "and so does the fleet, which keeps the old one" "$(jq -r ".roots[\"$OLD_ID\"]" "$WORK/report.json")" $FLEET
expect "no set was refused" "$(jq .anchors_refused "$WORK/report.json")" 0

swan() { # WHAT ROOTS…: pki --estca into a folder of its own
    local what=$1 args=() i=0
    shift
    rm -rf "$WORK/swan"
    mkdir "$WORK/swan"
    for root in "$@"; do
        i=$((i + 1))
        openssl x509 -in "$root" -outform DER -out "$WORK/swan/anchor$i.der"
        args+=(--cacert "anchor$i.der")
    done
    (cd "$WORK/swan" && pki --estca --url "https://localhost:$PORT" "${args[@]}" --caout ca.pem --outform pem) >"$WORK/swan.log" 2>&1 ||
        { cat "$WORK/swan.log"; die "strongSwan: $what"; }
    say "ok  strongSwan: $what"
}
# swan_enrol NAME OLD-NAME DN ROOTS…: pki --est; the key and certificate as NAME.key and NAME.crt
swan_enrol() {
    local name=$1 with=$2 dn=$3 args=()
    shift 3
    for root in "$@"; do args+=(--cacert "$root"); done
    new_key "$name"
    openssl req -new -key "$WORK/$name.key" -subj "$dn" -outform DER -out "$WORK/$name.csr"
    pki --est --url "https://localhost:$PORT" --in "$WORK/$name.csr" "${args[@]}" --cert "$WORK/$with.crt" --key "$WORK/$with.key" --outform pem \
        >"$WORK/$name.crt" 2>"$WORK/est.log" && [ -s "$WORK/$name.crt" ] || { cat "$WORK/est.log"; die "strongSwan: pki --est for $name"; }
    say "ok  strongSwan enrols: $name, by $(openssl x509 -in "$WORK/$name.crt" -noout -issuer | sed 's/.*CN = //')"
}
HAS_SWAN=
if command -v pki >/dev/null && pki --help 2>&1 | grep -q -- '--est '; then
    HAS_SWAN=yes
    swan "takes the set with one anchor" "$OLD"
    expect "it wrote both roots, and all CAs and cross certificates below" "$(find "$WORK/swan" -name 'ca*.pem' | wc -l)" 6
    expect_in "it knows one of them" "$(cat "$WORK/swan.log")" "Root CA equals trusted TLS Root CA"
    expect "and leaves the other to people" "$(grep -c 'Root CA cert is untrusted' "$WORK/swan.log")" 1
    new_identity swan0
    SWAN=$ID
    register "$SWAN"
    swan_enrol swan1 swan0 /CN=ignored "$WORK"/swan/ca-*.pem "$OLD"
else
    say "without strongSwan: its pki is not installed, or has no EST client"
fi

say "--- the device CA is rolled; the new one stands under the new root"
WANTED="1 " refused "finish comes later" finish
expect_in "and what is missing is named" "$(cat "$WORK/drill")" "these issue under root yet: device infrastructure"
WANTED="no authority is named nobody" refused "who is not there is not moved" move nobody
step move device
expect_in "one issues in the place of the other" "$(cat "$WORK/drill")" "moved: device-2 issues in the place of device"
expect_in "and who is left is named" "$(cat "$WORK/drill")" "move: infrastructure"
new_key second
est first simplereenroll "$(csr second "$(field -in "$WORK/first.crt" -subject -nameopt compat | sed 's/^subject=//')")"
expect_status "a renewal" 200
keep_certificate second
expect "comes from the new one" "$([ "$FIRST_CN" != "$(field -in "$WORK/second.crt" -issuer)" ] && echo yes)" yes
NEW_CN=$(field -in "$WORK/second.crt" -issuer -nameopt multiline | sed -n 's/ *commonName *= //p')
curl -sS "$PUBLIC/ca/device.cer" | openssl x509 -inform DER >"$WORK/device-ca.pem"
curl -sS "$PUBLIC/ca/device-2.cer" | openssl x509 -inform DER >"$WORK/device-ca-2.pem"
expect "three issuing CAs and two cross certificates for others" "$(grep -c BEGIN "$PARTIES/authorities.pem")" 5
expect "both roots" "$(grep -c BEGIN "$PARTIES/roots.pem")" 2
for root in "$OLD" "$NEW"; do
    openssl verify -x509_strict -crl_check_all -CAfile "$root" -untrusted "$PARTIES/authorities.pem" -CRLfile "$PARTIES/crls.pem" "$WORK/first.crt" "$WORK/second.crt" \
        >"$WORK/out" 2>&1 || { cat "$WORK/out"; die "by what the drill wrote, under $root"; }
    say "ok  openssl verifies both certificates to the last CRL by what the drill wrote, under $(basename "$root")"
done
expect_fails "and not without the cross certificates" openssl verify -CAfile "$OLD" -untrusted "$WORK/device-ca-2.pem" "$WORK/second.crt"

say "--- the server moves to the new root, without a restart"
step move
expect_in "a client of the new root alone" "$(cat "$WORK/drill")" "who trusts root-2 alone reaches $DEVICE"
expect "it sends leaf, CA and NewWithOld" "$(sent | grep -c BEGIN)" 3
expect "tls/server.pem says the same" "$(grep -c BEGIN "$DATA/tls/server.pem")" 3
for root in "$OLD" "$NEW" "$BOTH"; do
    curl -sSf -o /dev/null --cacert "$root" "$DEVICE/.well-known/est/cacerts" || die "curl with $root"
    openssl s_client -connect "$DEVICE_ADDRESS" -CAfile "$root" -verify_return_error -verify_ip 127.0.0.1 </dev/null >"$WORK/out" 2>&1 || { tail -5 "$WORK/out"; die "openssl with $root"; }
    if command -v gnutls-cli >/dev/null; then
        gnutls-cli --x509cafile "$root" --verify-hostname localhost -p "$PORT" 127.0.0.1 </dev/null >"$WORK/out" 2>&1 || { tail -5 "$WORK/out"; die "GnuTLS with $root"; }
    fi
    say "ok  curl, openssl and GnuTLS with $(basename "$root")"
done
expect_in "a device that slept with the old root comes and learns" "$(device run sleeper --contacts 1)" "trust anchors: 2 in force, 1 new, 0 gone"
expect_in "and needs the old one no more" "$(device run sleeper --contacts 1)" "enrolled: nothing to do"
ROOT=$NEW "$DEVICE_TOOL" new --dir "$WORK/late" --seed 799 | head -n 1 >"$WORK/late.id"
register "$(cat "$WORK/late.id")"
ROOT=$NEW device enrol late --challenge >/dev/null || die "a device of the new root alone"
expect_in "one that was built with the new root leaves the old one aside" "$(ROOT=$NEW device run late --contacts 1)" "enrolled"
expect_in "its proof names the new root, though the old one names the server" "$(ROOT=$NEW device status late --challenge)" "enrolled (10)"
expect "the server still calls itself by the old one" "$(curl -sS --cacert "$BOTH" --cert "$WORK/second.crt" --key "$WORK/second.key" "$DEVICE/device/v1/status" | jq -r .server_id)" "$OLD_ID"
if [ -n "$HAS_SWAN" ]; then
    swan "with the old root alone, over NewWithOld" "$OLD"
    swan_enrol swan2 swan1 "/CN=$SWAN" "$WORK"/swan/ca-*.pem "$OLD"
    swan "with both roots" "$OLD" "$NEW"
    swan_enrol swan3 swan2 "/CN=$SWAN" "$WORK"/swan/ca-*.pem "$OLD" "$NEW"
    swan "with the new one alone" "$NEW"
fi

if command -v mosquitto >/dev/null && command -v mosquitto_pub >/dev/null; then
    say "--- a broker, by what it was given"
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/broker.key" -out "$WORK/broker.crt" -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
    chmod 755 "$WORK"
    # broker NAME CAS…: sets MQTT_PORT
    broker() {
        local name=broker-$1
        shift
        cat "$@" >"$WORK/$name.pem"
        MQTT_PORT=$(free_port)
        printf '%s\n' "listener $MQTT_PORT 127.0.0.1" "cafile $WORK/$name.pem" "certfile $WORK/broker.crt" "keyfile $WORK/broker.key" "crlfile $PARTIES/crls.pem" \
            "require_certificate true" "use_identity_as_username true" >"$WORK/$name.conf"
        chmod 755 "$PARTIES"
        chmod 644 "$WORK"/*.pem "$WORK"/broker.* "$PARTIES"/*
        mosquitto -c "$WORK/$name.conf" >"$WORK/$name.log" 2>&1 &
        PIDS+=("$!")
        until_true 5 grep -q running "$WORK/$name.log"
    }
    publish() { mosquitto_pub -h localhost -p "$MQTT_PORT" --cafile "$WORK/broker.crt" --cert "$WORK/$1.crt" --key "$WORK/$1.key" -t x -m x; }
    broker before "$OLD" "$WORK/device-ca.pem"
    publish first || die "a broker of before: the first certificate"
    expect_fails "a broker of before knows the first certificate only" publish second
    broker told "$OLD" "$PARTIES/authorities.pem"
    publish first || die "the old root with cross certificates: the first certificate"
    publish second || die "the old root with cross certificates: the second certificate"
    say "ok  with the old root, both CAs and the cross certificates it knows both"
    broker both "$PARTIES/roots.pem" "$WORK/device-ca.pem" "$WORK/device-ca-2.pem"
    publish first || die "both roots: the first certificate"
    publish second || die "both roots: the second certificate"
    say "ok  with both roots too"
    broker after "$NEW" "$WORK/device-ca-2.pem"
    publish second || die "the new root: the second certificate"
    expect_fails "with the new root and CA alone it knows the second only" publish first
fi

say "--- the new root names the installation, and the old one goes"
step finish
named() { [ "$(curl -sS --cacert "$BOTH" --cert "$WORK/second.crt" --key "$WORK/second.key" "$DEVICE/device/v1/status" | jq -r .server_id)" = "$NEW_ID" ]; }
expect_in "what comes next is said" "$(tail -n 1 "$WORK/drill")" "a campaign moves devices"
until_true 5 named
expect_in "devices prove under it" "$(device status sleeper --challenge)" "enrolled (10)"
RECORDS=$(api GET "/api/v1/audit?limit=1000" | jq '[.records[] | select(.type | startswith("authority."))] | length')
step publish
step finish
expect "again, and nothing is done twice" "$(api GET "/api/v1/audit?limit=1000" | jq '[.records[] | select(.type | startswith("authority."))] | length')" "$RECORDS"

say "--- OCSP and CRLs of the old ones, before they end"
# ask CERTIFICATE ISSUER
ask() { openssl ocsp -issuer "$2" -cert "$1" -url "$PUBLIC/ocsp" -CAfile "$WORK/anchors.pem" 2>&1 || true; }
cat "$BOTH" "$PARTIES/authorities.pem" >"$WORK/anchors.pem"
for root in root root-2; do
    curl -sS "$PUBLIC/crl/$root.crl" | openssl crl -inform DER -noout -CAfile "$([ $root = root ] && echo "$OLD" || echo "$NEW")" 2>&1
done >"$WORK/out"
expect "each root signs its own list" "$(cat "$WORK/out")" "$(printf 'verify OK\nverify OK')"
expect_in "a certificate of the old CA" "$(ask "$WORK/first.crt" "$WORK/device-ca.pem")" ": good"
expect_in "one of the new CA" "$(ask "$WORK/second.crt" "$WORK/device-ca-2.pem")" ": good"
expect_in "the old CA, by the old root" "$(ask "$WORK/device-ca.pem" "$OLD")" ": good"
expect_in "the new CA, by the new root" "$(ask "$WORK/device-ca-2.pem" "$NEW")" ": good"

say "--- a campaign moves who is left, and the old root goes when nothing under it lives"
"$WHORL" rekey-plan create off-the-old-root --authority device >/dev/null
"$WHORL" rekey-plan start off-the-old-root >/dev/null
WANTED="1 " refused "the old root is needed" retire
expect_in "by the old CA" "$(cat "$WORK/drill")" "root is needed by what is named above"
expect "the server's own CA goes, whose certificates are renewed" "$(api GET /api/v1/authorities/infrastructure | jq -r .state)" retired
device run sleeper --contacts 1 >/dev/null
until_true 20 fleet_has issuers "$NEW_CN" $FLEET
say "ok  the whole fleet has certificates of the new CA"
sqlite3 -cmd '.timeout 5000' "$DATA/inventory.db" "UPDATE authority SET ends_at = 1 WHERE id = 'device'" # its last certificate, in a year, has ended
api POST /api/v1/authorities/device/retire '{}' >/dev/null
expect_status "the old CA has ended" 200
step retire
expect "the last list of the old CA stays where certificates name it" "$(curl -sS -o /dev/null -w '%{http_code}' "$PUBLIC/crl/device.crl")" 200
until_true 10 fleet_has roots "$OLD_ID" null
expect "the fleet let the old root go" "$(jq -r ".roots[\"$NEW_ID\"]" "$WORK/report.json")" $FLEET
expect "and no set was refused on the whole way" "$(jq .anchors_refused "$WORK/report.json")" 0
expect "nor did a contact fail" "$(jq .failed "$WORK/report.json")" 0
expect "the server sends two" "$(sent | grep -c BEGIN)" 2
if [ -n "$HAS_SWAN" ]; then swan_enrol swan4 swan3 "/CN=$SWAN" "$WORK/device-ca-2.pem" "$NEW"; fi
expect_fails "who trusts the old root alone is served no more" curl -sS --cacert "$OLD" "$DEVICE/.well-known/est/cacerts"
expect_in "the reference device drops it too" "$(device run sleeper --contacts 1)" "trust anchors: 1 in force, 0 new, 1 gone"
printf 'x' >"$WORK/image"
openssl ecparam -name prime256v1 -genkey -noout | openssl pkey -pubout -out "$WORK/sign.pub"
"$DEVICE_TOOL" firmware --dir "$WORK/sleeper" --tenant default --product default --signing-key "$WORK/sign.pub" --recovery-key "$WORK/sign.pub"
expect_in "its way to firmware is open" "$(device firmware sleeper)" "installed: none by a manifest yet"
stop_server
start_server
DEVICE_ADDRESS=${DEVICE#https://}
expect_in "after a restart all is as it was" "$(device run sleeper --contacts 1)" "enrolled: nothing to do"
expect "the certificate too" "$(sent | grep -c BEGIN)" 2
stop_server
