#!/usr/bin/env bash
# Back ends with a client certificate of their own CA: asked for only where it is set, known by their key, gone when they are revoked.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"

# ca NAME; leaf NAME CA [EXTENSION]
ca() {
    new_key "$1"
    openssl req -x509 -new -key "$WORK/$1.key" -subj "/CN=$1" -days 30 -addext 'keyUsage=critical,keyCertSign' -out "$WORK/$1.crt" 2>/dev/null
}
leaf() {
    new_key "$1"
    openssl req -new -key "$WORK/$1.key" -subj "/CN=$1" 2>/dev/null | openssl x509 -req -CA "$WORK/$2.crt" -CAkey "$WORK/$2.key" -CAcreateserial \
        -days 20 -extfile <(printf 'extendedKeyUsage=%s\nkeyUsage=digitalSignature\n' "${3:-clientAuth}") -out "$WORK/$1.crt" 2>/dev/null
}
key_hash() { openssl pkey -in "$WORK/$1.key" -pubout -outform DER | sha256sum | cut -d' ' -f1; }
# by CERTIFICATE METHOD PATH [CURL-OPTIONS…]: a call with a client certificate and no token
by() {
    local who=$1 method=$2 path=$3
    shift 3
    curl -sS --cacert "$CA" --cert "$WORK/$who.crt" --key "$WORK/$who.key" -X "$method" -o "$WORK/body" -D "$WORK/headers" -w '%{http_code}' "$@" \
        "$MANAGEMENT$path" >"$WORK/status"
    cat "$WORK/body"
}
asked_for() { openssl s_client -connect "${MANAGEMENT#https://}" -CAfile "$CA" </dev/null 2>/dev/null | grep -A3 -i 'client certificate CA names' || true; }

ca company
ca other
leaf erp company
leaf stranger other
leaf server company serverAuth
init_data
start_server

say "where nothing is set, nobody is asked"
expect "no certificate request" "$(asked_for | grep -c '^CN' || true)" 0
by erp GET /api/v1/whoami >/dev/null
expect_status "a certificate is not seen" 401
stop_server

say "a wrong file is told at the start"
echo "management_client_ca = $WORK/nowhere.pem" >>"$DATA/whorl.conf"
expect_fails "no such file" "$WHORLD" serve --dir "$DATA"
expect_in "named by its setting" "$(cat "$WORK/out")" management_client_ca
cp "$WORK/company.crt" "$WORK/anchors.pem"
sed -i "s#^management_client_ca.*#management_client_ca = $WORK/anchors.pem#" "$DATA/whorl.conf"
start_server
expect_in "the anchor is named to clients" "$(asked_for | sed 's/ = /=/g')" "CN=company"

say "the key must be known"
by erp GET /api/v1/whoami >"$WORK/answer"
expect_status "not registered" 401
expect_in "the refusal tells the key's hash" "$(jq -r .detail "$WORK/answer")" "$(key_hash erp)"
jq -n --rawfile pem "$WORK/erp.crt" '{name: "erp", certificate: $pem, scopes: ["devices:read"]}' >"$WORK/order"
api POST /api/v1/client-certificates "@$WORK/order" >"$WORK/made"
expect_status "registered by the certificate" 201
ID=$(jq -r .id "$WORK/made")
expect "its hash" "$(jq -r .spki_sha256 "$WORK/made")" "$(key_hash erp)"
expect "it is a caller now" "$(by erp GET /api/v1/whoami | jq -r .kind)" client_certificate
by erp GET /api/v1/devices >/dev/null
expect_status "that reads devices" 200
by erp GET /api/v1/products >/dev/null
expect_status "and nothing else" 403
expect_in "the scope is named" "$(tr -d '\r' <"$WORK/headers")" 'scope="products:read"'
by erp GET /api/v1/devices --tls-max 1.2 >/dev/null
expect_status "on TLS 1.2 too" 200
api POST /api/v1/client-certificates "@$WORK/order" >/dev/null
expect_status "the same name and key again" 409

say "the Authorization header wins"
expect "a token beside the certificate" "$(by erp GET /api/v1/whoami -H "Authorization: Bearer $TOKEN" | jq -r .kind)" token
by erp GET /api/v1/whoami -H 'Authorization: Bearer wrong' >/dev/null
expect_status "a wrong token is not made good" 401
expect "a token with a stranger's certificate" "$(by stranger GET /api/v1/whoami -H "Authorization: Bearer $TOKEN" | jq -r .kind)" token
by erp POST "/api/v1/client-certificates/$ID/revoke" -H 'Origin: https://evil.example' >"$WORK/answer"
expect_status "a page in a browser cannot use it" 401

say "chains that do not lead there"
for who in stranger server; do
    api POST /api/v1/client-certificates "{\"name\":\"$who\",\"spki_sha256\":\"$(key_hash $who)\",\"scopes\":[\"devices:read\"]}" >/dev/null
    expect_status "the key of $who is registered" 201
    by $who GET /api/v1/whoami >"$WORK/answer"
    expect_status "and refused all the same" 401
    expect_in "with the reason" "$(jq -r .detail "$WORK/answer")" management_client_ca
done
openssl req -x509 -new -key "$WORK/erp.key" -subj /CN=erp -days 3 -out "$WORK/self.crt" 2>/dev/null
cp "$WORK/erp.key" "$WORK/self.key"
by self GET /api/v1/whoami >/dev/null
expect_status "the right key in a certificate of its own" 401
expect "no certificate at all: tokens as ever" "$(api GET /api/v1/whoami | jq -r .kind)" token

say "the anchors change with SIGHUP"
cat "$WORK/company.crt" "$WORK/other.crt" >"$WORK/anchors.pem"
kill -HUP "$SERVER_PID"
for _ in $(seq 50); do
    by stranger GET /api/v1/whoami >/dev/null
    [ "$(status)" = 200 ] && break
    sleep 0.1
done
expect_status "a second CA" 200
cp "$WORK/company.crt" "$WORK/anchors.pem"
kill -HUP "$SERVER_PID"
for _ in $(seq 50); do
    by stranger GET /api/v1/whoami >/dev/null
    [ "$(status)" = 401 ] && break
    sleep 0.1
done
expect_status "is taken away again" 401
echo rubbish >"$WORK/anchors.pem"
kill -HUP "$SERVER_PID"
sleep 0.3
by erp GET /api/v1/whoami >/dev/null
expect_status "a broken file changes nothing" 200

say "revoked, on an open connection"
PYTHONDONTWRITEBYTECODE=1 python3 - "$MANAGEMENT" "$CA" "$WORK/erp" "$TOKEN" "$ID" <<'PY' || die "the kept connection"
import http.client, ssl, sys, urllib.parse
url, ca, erp, token, row = sys.argv[1:]
host = urllib.parse.urlparse(url)
def connect(certificate):
    context = ssl.create_default_context(cafile=ca)
    if certificate:
        context.load_cert_chain(erp + ".crt", erp + ".key")
    return http.client.HTTPSConnection(host.hostname, host.port, context=context)
def ask(connection, method, path, headers={}):
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status
kept = connect(True)
assert ask(kept, "GET", "/api/v1/devices") == 200
socket = kept.sock
admin = connect(False)
assert ask(admin, "POST", f"/api/v1/client-certificates/{row}/revoke", {"Authorization": "Bearer " + token}) == 200
assert ask(kept, "GET", "/api/v1/devices") == 401
assert kept.sock is socket, "it was not the same connection"
PY
say "ok  the next request on the same connection is refused"
by erp GET /api/v1/whoami >/dev/null
expect_status "and on a new one" 401
expect_in "the audit log has it" "$(api GET '/api/v1/audit?kind=client_certificate.revoked' | jq -c .)" "$ID"
stop_server
