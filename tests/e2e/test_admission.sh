#!/usr/bin/env bash
# The three ways in: by list, by enrolment code, by a certificate of the chip's maker; with clients that we did not write (curl, openssl,
# strongSwan's pki where it is installed) and with the reference device.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
start_server
device() { # NAME VERB OPTIONS…
    local name=$1 verb=$2
    shift 2
    "$DEVICE_TOOL" "$verb" --dir "$WORK/$name" --server "$DEVICE" --ca "$CA" "$@"
}
# code FIELDS: makes an enrolment code; sets CODE and CODE_ID
code() {
    api POST /api/v1/enrolment-codes "{\"name\":\"e2e\",\"product\":\"sensor\"${1:+,$1}}" >/dev/null
    expect_status "a code: ${1:-for one device}" 201
    CODE=$(jq -r .code "$WORK/body")
    CODE_ID=$(jq -r .id "$WORK/body")
}
used() { api GET "/api/v1/enrolment-codes/$1" | jq -r '"\(.used) \(.state)"'; }
# try WHAT WHO STATUS [CURL-OPTIONS…]: first contact of a new key over EST
try() {
    local what=$1 who=$2 wanted=$3
    shift 3
    new_key "$who.op"
    est "$who" "${LABEL:+$LABEL/}simpleenroll" "$(csr "$who.op")" "$@"
    expect_status "$what" "$wanted"
}
serial_of() { api GET "/api/v1/devices/$1" | jq -r '"\(.state) \(.key_origin) \(.serial)"'; }

say "by code over EST"
new_identity one
ONE=$ID
try "nobody asks for a code where none would do" one 403
api POST /api/v1/products '{"name":"sensor","admission":"token"}' >/dev/null
expect_status "a product that admits by code" 201
PRODUCT_ID=$(jq -r .id "$WORK/body")
try "without a code" one 401
expect_in "it is asked for" "$(tr -d '\r' <"$WORK/headers")" 'WWW-Authenticate: Basic realm="whorl enrolment code"'
code '"serial":"SN 0001"'
try "a wrong one" one 401 -u ":${CODE%?}x"
try "curl -u :CODE" one 200 -u ":$CODE"
keep_certificate one.op
expect "the device is in the inventory" "$(serial_of "$ONE")" "enrolled claimed SN 0001"
expect_in "its key is shown" "$(api GET "/api/v1/devices/$ONE" | jq -r .spki | base64 -d | openssl pkey -pubin -inform DER -noout -text)" "prime256v1"
expect "the code is used" "$(used "$CODE_ID")" "1 used"
est one simpleenroll "$(csr one.op)" -u "name:$CODE"
expect_status "the answer was lost: the same again" 200
cp "$WORK/one.op.crt" "$WORK/first.crt"
keep_certificate one.op
expect "and the same certificate" "$(openssl x509 -in "$WORK/one.op.crt" -noout -serial)" "$(openssl x509 -in "$WORK/first.crt" -noout -serial)"
new_identity two
try "another key with the used code" two 401 -u ":$CODE"
expect_in "the reason is for who holds the code" "$(cat "$WORK/body")" "another device's"
expect "counted once" "$(used "$CODE_ID")" "1 used"

say "what ends a code"
code '"kind":"batch","use_limit":3,"not_after":"'"$(date -u -d '+2 seconds' +%FT%TZ)"'"'
SHORT=$CODE
code '"kind":"batch","use_limit":3'
api POST "/api/v1/enrolment-codes/$CODE_ID/revoke" '{}' >/dev/null
expect_status "revoked" 200
try "a revoked code" two 401 -u ":$CODE"
sleep 2
try "an expired code" two 401 -u ":$SHORT"
expect_in "it says so" "$(cat "$WORK/body")" "expired"
code '"not_before":"'"$(date -u -d '+1 hour' +%FT%TZ)"'"'
try "a code of tomorrow" two 401 -u ":$CODE"

say "whose code it is"
"$WHORLD" tenant add --dir "$DATA" --name acme >"$WORK/tenant" 2>&1 || { cat "$WORK/tenant"; die "tenant add"; }
code '"kind":"batch","use_limit":9'
LABEL=acme try "another tenant's label does not look at it" two 403 -u ":$CODE"
LABEL=default try "its own does" two 200 -u ":$CODE"
api PATCH "/api/v1/products/$PRODUCT_ID" '{"admission":"listed"}' -H 'If-Match: *' >/dev/null
expect_status "the product turns to lists" 200
new_identity three
THREE=$ID
try "its codes admit nobody then" three 401 -u ":$CODE"
api PATCH "/api/v1/products/$PRODUCT_ID" '{"admission":"token","must_be_listed":true}' -H 'If-Match: *' >/dev/null
try "a code is not enough where a list is needed too" three 403 -u ":$CODE"
api POST /api/v1/batches "{\"product\":\"sensor\",\"devices\":[\"$THREE\"]}" >/dev/null
try "nor is the list" three 401
try "both are" three 200 -u ":$CODE"
expect "a listed key is its list's" "$(serial_of "$THREE")" "enrolled batch null"
api PATCH "/api/v1/products/$PRODUCT_ID" '{"must_be_listed":false}' -H 'If-Match: *' >/dev/null

say "two race for the last use"
code '"kind":"batch","use_limit":1'
for n in 1 2 3 4; do
    new_identity "racer$n"
    new_key "racer$n.op"
    csr "racer$n.op" >"$WORK/racer$n.csr"
done
for n in 1 2 3 4; do
    curl -sS --cacert "$CA" --cert "$WORK/racer$n.crt" --key "$WORK/racer$n.key" -u ":$CODE" -H 'Content-Type: application/pkcs10' \
        --data-binary "@$WORK/racer$n.csr" -o /dev/null -w '%{http_code}\n' "$DEVICE/.well-known/est/simpleenroll" >"$WORK/racer$n.status" &
    PIDS+=($!)
done
for pid in "${PIDS[@]}"; do wait "$pid" || true; done
PIDS=()
expect "one of four got in" "$(sort "$WORK"/racer*.status | uniq -c | tr -s ' \n' ' ')" " 1 200 3 401 "
expect "and one use was counted" "$(used "$CODE_ID")" "1 used"

say "many at once, for a line"
api POST /api/v1/enrolment-codes '{"name":"line","product":"sensor","count":50}' >"$WORK/codes.json"
expect_status "fifty codes" 201
expect "each its own" "$(jq -r '.enrolment_codes[].code' "$WORK/codes.json" | sort -u | wc -l)" 50

say "the reference device, by JSON"
"$DEVICE_TOOL" new --dir "$WORK/a" --seed 21 >"$WORK/a.id"
LINE_CODE=$(jq -r '.enrolment_codes[7].code' "$WORK/codes.json")
expect_in "unknown without the code" "$(device a status)" "does_not_exist (30)"
expect_in "admissible with it" "$(device a status --code "$LINE_CODE")" "not_enrolled (12)"
expect_fails "a wrong code" device a enrol --code "${LINE_CODE%?}x"
device a enrol --code "$LINE_CODE" >/dev/null
expect "in" "$(serial_of "$(head -n 1 "$WORK/a.id")")" "enrolled claimed null"
device a rekey >/dev/null
expect_in "and on without it" "$(device a status)" "enrolled (10)"
"$DEVICE_TOOL" new --dir "$WORK/b" --seed 22 >"$WORK/b.id"
expect_fails "the same code for another chip" device b enrol --code "$LINE_CODE"
device b enrol --challenge --code "$(jq -r '.enrolment_codes[8].code' "$WORK/codes.json")" >/dev/null
expect "by challenge, with a code" "$(serial_of "$(head -n 1 "$WORK/b.id")")" "enrolled claimed null"

say "a chip maker: root, intermediate, chips"
cd "$WORK"
openssl ecparam -name secp384r1 -genkey -noout -out vroot.key
openssl req -x509 -new -sha384 -key vroot.key -subj "/O=Example Chips/CN=Root" -days 7300 -out vroot.crt 2>/dev/null
openssl ecparam -name prime256v1 -genkey -noout -out vca.key
openssl req -new -key vca.key -subj "/O=Example Chips/CN=CA 1" -out vca.csr 2>/dev/null
printf 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n' >vca.ext
openssl x509 -req -in vca.csr -CA vroot.crt -CAkey vroot.key -CAcreateserial -days 7300 -extfile vca.ext -out vca.crt 2>/dev/null
printf 'basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nauthorityKeyIdentifier=keyid\n' >chip.ext
chip() { # NAME CN [SIGN-OPTIONS…]: a chip with its maker's certificate, and that of the CA behind it
    local name=$1 cn=$2
    shift 2
    openssl ecparam -name prime256v1 -genkey -noout -out "$name.key"
    openssl req -new -key "$name.key" -subj "/O=Example Chips/CN=$cn" -out "$name.csr" 2>/dev/null
    openssl x509 -req -in "$name.csr" -CA vca.crt -CAkey vca.key -CAcreateserial -extfile chip.ext -out "$name.leaf" "$@" 2>/dev/null
    cat "$name.leaf" vca.crt >"$name.crt"
    ID=$(openssl pkey -in "$name.key" -pubout -outform DER | sha256sum | cut -d' ' -f1)
}
chip chip1 sn0001 -days 7300
CHIP1=$ID
chip chip2 sn0002 -days 7300
CHIP2=$ID
cd - >/dev/null
device_status() { curl -sS --cacert "$CA" --cert "$WORK/$1.crt" --key "$WORK/$1.key" "$DEVICE/device/v1/status" | jq -r .status; }
api POST /api/v1/products '{"name":"gateway","admission":"vendor_ca"}' >/dev/null
expect_status "a product that admits by maker" 201
GATEWAY_ID=$(jq -r .id "$WORK/body")
expect "no CA is pinned yet" "$(device_status chip1)" does_not_exist
api POST /api/v1/vendor-cas "$(jq -n --rawfile pem "$WORK/chip1.leaf" '{name:"chip",product:"gateway",certificate:$pem}')" >/dev/null
expect_status "a chip's certificate cannot be pinned" 422
api POST /api/v1/vendor-cas "$(jq -n --rawfile pem "$WORK/vroot.crt" '{name:"maker",product:"gateway",batch:"gateways",certificate:$pem}')" >/dev/null
expect_status "the root is pinned" 201
PIN=$(jq -r .id "$WORK/body")
expect "a chip under it may come in" "$(device_status chip1)" not_enrolled
expect "a chip that does not send its CA may not" "$(cp "$WORK/chip1.key" "$WORK/cut.key" && cp "$WORK/chip1.leaf" "$WORK/cut.crt" && device_status cut)" does_not_exist
try "it comes in" chip1 200
expect "attested, with its maker's name" "$(serial_of "$CHIP1")" "enrolled attested sn0001"
expect "counted" "$(api GET "/api/v1/vendor-cas/$PIN" | jq -r .admitted)" 1
expect "in the batch" "$(api GET "/api/v1/batches" | jq -r '.batches[]|select(.name=="gateways").device_count')" 1
new_identity self
try "a key that signs for itself does not (codes are another product's way)" self 401
# OpenSSL 3.5 takes no negative days, 3.0 no dates
if openssl x509 -help 2>&1 | grep -q -- -not_after; then PAST=(-not_before 20200101000000Z -not_after 20200201000000Z); else PAST=(-days -1); fi
(cd "$WORK" && chip old sn0003 "${PAST[@]}")
expect "nor does a chip whose certificate has expired" "$(device_status old)" does_not_exist

say "strongSwan as a chip"
if command -v pki >/dev/null && pki --help 2>&1 | grep -q -- '--est '; then
    # its EST client sends the certificate alone, so the CA that signed it must be pinned itself
    api POST /api/v1/vendor-cas "$(jq -n --rawfile pem "$WORK/vca.crt" '{name:"maker-ca1",product:"gateway",batch:"gateways",certificate:$pem}')" >/dev/null
    expect_status "the intermediate is pinned too" 201
    PIN2=$(jq -r .id "$WORK/body")
    cd "$WORK"
    openssl x509 -in "$CA" -outform DER -out anchor.der
    pki --estca --url "$DEVICE" --cacert anchor.der --caout swan.pem --outform pem 2>/dev/null
    openssl x509 -in chip2.leaf -outform DER -out chip2.crt.der
    openssl ec -in chip2.key -outform DER -out chip2.key.der 2>/dev/null
    openssl ecparam -name prime256v1 -genkey -noout -outform DER -out swan.key.der
    pki --req --type ecdsa --in swan.key.der --dn CN=ignored --outform der >swan.csr.der
    pki --est --url "$DEVICE" --in swan.csr.der --cacert swan.pem --cacert swan-1.pem --cacert swan-2.pem \
        --cert chip2.crt.der --key chip2.key.der --outform der >swan.crt.der 2>swan.log || { cat swan.log; die "pki --est"; }
    cd - >/dev/null
    expect_in "it has a certificate" "$(openssl x509 -in "$WORK/swan.crt.der" -inform DER -noout -subject)" "$CHIP2"
    expect "and is attested" "$(serial_of "$CHIP2")" "enrolled attested sn0002"
    api POST "/api/v1/vendor-cas/$PIN2/retire" '{}' >/dev/null
else
    say "skipped: this strongSwan has no EST client"
fi

say "the reference device with its maker's certificate"
"$DEVICE_TOOL" new --dir "$WORK/c" --seed 23 --spki >"$WORK/c.out"
C_ID=$(head -n 1 "$WORK/c.out")
sed -n 2p "$WORK/c.out" | base64 -d | openssl pkey -pubin -inform DER -out "$WORK/c.pub"
(cd "$WORK" && openssl x509 -req -in chip1.csr -force_pubkey c.pub -CA vca.crt -CAkey vca.key -CAcreateserial -days 7300 -extfile chip.ext \
    -out c.leaf 2>/dev/null && cat c.leaf vca.crt >c.pem)
expect_in "admissible" "$(device c status --certificate "$WORK/c.pem")" "not_enrolled (12)"
device c enrol --certificate "$WORK/c.pem" >/dev/null
expect "in" "$(serial_of "$C_ID")" "enrolled attested sn0001"
expect_in "and on without it" "$(device c status)" "enrolled (10)"

say "two tenants pin one maker"
ACME=$("$WHORLD" token add --dir "$DATA" --tenant acme --name t --scope admin 2>/dev/null | head -n 1)
AS=$ACME api POST /api/v1/products '{"name":"their","admission":"vendor_ca"}' >/dev/null
expect_status "the other tenant's product" 201
AS=$ACME api POST /api/v1/vendor-cas "$(jq -n --rawfile pem "$WORK/vroot.crt" '{name:"maker",product:"their",certificate:$pem}')" >/dev/null
expect_status "and its pin" 201
(cd "$WORK" && chip chip4 sn0004 -days 7300)
CHIP4=$(openssl pkey -in "$WORK/chip4.key" -pubout -outform DER | sha256sum | cut -d' ' -f1)
try "without a label nobody gets the chip" chip4 403
expect_in "both are told" "$(api GET '/api/v1/audit?kind=device.contested' | jq -r '.records[0].type')" device.contested
LABEL=acme try "the label decides" chip4 200
expect "whose it is" "$(AS=$ACME api GET "/api/v1/devices/$CHIP4" | jq -r .key_origin)" attested

say "a retired CA"
api POST "/api/v1/vendor-cas/$PIN/retire" '{}' >/dev/null
expect_status "retired" 200
(cd "$WORK" && chip chip5 sn0005 -days 7300)
LABEL=default try "admits nobody" chip5 401
est chip1 simpleenroll "$(csr chip1.op)"
expect_status "whom it let in stays" 200
api GET "/api/v1/products/$GATEWAY_ID" >/dev/null
expect "the product's counts are kept" "$(jq -r .devices.enrolled "$WORK/body")" "$(api GET "/api/v1/devices?product=$GATEWAY_ID" | jq '.devices|length')"

say "guessing is slow, and for the guesser only"
for n in $(seq 12); do est self simpleenroll "$(csr self.op)" -u ":guess$n"; done
for n in $(seq 3); do est self simpleenroll "$(csr self.op)" -u ":guess$n"; done
expect_status "after many wrong codes" 429
expect_in "it is told when" "$(tr -d '\r' <"$WORK/headers")" "Retry-After: "
try "without a code nobody waits" self 401
stop_server
expect_in "the audit log verifies" "$("$WHORLD" audit verify --dir "$DATA")" "verifies"
