#!/usr/bin/env bash
# takes long
# Callers of an OIDC issuer: tokens made by another program (PyJWT), the issuer over real TLS; every way to be refused; keys that change;
# an issuer that is away.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
/usr/bin/python3 -c 'import jwt, cryptography' 2>/dev/null || skip "python3-jwt and python3-cryptography are not installed"
export PYTHONDONTWRITEBYTECODE=1

cat >"$WORK/issuer.py" <<'PY'
"""The issuer: two documents over TLS; says on stdout what it was asked; away while the file `down` is there."""
import http.server, os, ssl, sys
folder, port = sys.argv[1], int(sys.argv[2])
class Issuer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print(self.path, flush=True)
        name = {"/realm/.well-known/openid-configuration": "discovery", "/keys": "keys"}.get(self.path)
        if os.path.exists(f"{folder}/down") or name is None:
            return self.send_error(503 if name else 404)
        body = open(f"{folder}/{name}", "rb").read()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Issuer)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(f"{folder}/tls.crt", f"{folder}/tls.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
PY
cat >"$WORK/make.py" <<'PY'
"""Keys and tokens by PyJWT. In FOLDER, for each line of orders (words between tabs) a line. keys NAME…: the set of these; token NAME ALG HEADER
CLAIMS: one token (JSON merged into the good one)."""
import hashlib, hmac, json, sys, time, base64
import jwt
from jwt.algorithms import RSAAlgorithm, ECAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pathlib import Path
folder = Path(sys.argv[1])
ISSUER = (folder / "issuer").read_text().strip()
def key(name):
    path = folder / f"{name}.pem"
    if not path.exists():
        made = {"r": lambda: rsa.generate_private_key(65537, 2048), "w": lambda: rsa.generate_private_key(65537, 1024),
                "e": lambda: ec.generate_private_key(ec.SECP256R1()), "s": lambda: ec.generate_private_key(ec.SECP384R1())}[name[0]]()
        path.write_bytes(made.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return serialization.load_pem_private_key(path.read_bytes(), None)
def jwk(name):
    public = key(name).public_key()
    made = json.loads((RSAAlgorithm if name[0] in "rw" else ECAlgorithm).to_jwk(public))
    return {**made, "kid": name, "use": "sig"}
def part(value): return base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).rstrip(b"=").decode()
def token(name, alg, header, claims):
    now = int(time.time())
    good = {"iss": ISSUER, "aud": "whorl", "sub": "anna", "iat": now, "exp": now + 300, "realm_access": {"roles": ["auditor"]}}
    payload = {k: (now + int(v[1:]) if isinstance(v, str) and v[:1] == "@" else v) for k, v in {**good, **json.loads(claims)}.items() if v is not None}
    headers = {"kid": name, **json.loads(header)}
    if alg == "none":
        return part({"alg": "none", "typ": "JWT", **headers}) + "." + part(payload) + "."
    if alg == "confused": # the public key, which everybody has, as an HMAC secret
        public = key(name).public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        text = part({"alg": "HS256", "typ": "JWT", **headers}) + "." + part(payload)
        return text + "." + part(hmac.new(public, text.encode(), hashlib.sha256).digest())
    return jwt.encode(payload, key(name), algorithm=alg, headers={k: v for k, v in headers.items() if v is not None})
for line in sys.stdin:
    command, *words = line.rstrip("\n").split("\t")
    if command == "keys":
        (folder / "keys").write_text(json.dumps({"keys": [jwk(name) for name in words]}))
    print(token(*words) if command == "token" else "", flush=True)
PY

ISSUER_DIR=$WORK/issuer
mkdir "$ISSUER_DIR"
ISSUER_PORT=$(free_port)
ISSUER=https://127.0.0.1:$ISSUER_PORT/realm
echo "$ISSUER" >"$ISSUER_DIR/issuer"
echo "{\"issuer\":\"$ISSUER\",\"jwks_uri\":\"https://127.0.0.1:$ISSUER_PORT/keys\"}" >"$ISSUER_DIR/discovery"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$ISSUER_DIR/tls.key" -out "$ISSUER_DIR/tls.crt" -days 3 -subj /CN=issuer \
    -addext 'subjectAltName=IP:127.0.0.1' 2>/dev/null
coproc /usr/bin/python3 "$WORK/make.py" "$ISSUER_DIR"
PIDS+=("$COPROC_PID")
exec 6<&"${COPROC[0]}" 7>&"${COPROC[1]}"
jose() { # ORDER WORD…
    local IFS=$'\t' line
    printf '%s\n' "$*" >&7
    IFS= read -r line <&6
    printf '%s\n' "$line"
}
# as TOKEN METHOD PATH…: a call with this bearer token
as() { AS=$1 api "${@:2}"; }
# refused WHAT STATUS REASON TOKEN
refused() {
    as "$4" GET /api/v1/whoami >"$WORK/answer"
    expect_status "$1" "$2"
    expect_in "  with the reason" "$(jq -r .detail "$WORK/answer")" "$3"
}
start_issuer() {
    python3 "$WORK/issuer.py" "$ISSUER_DIR" "$ISSUER_PORT" >>"$WORK/issuer.log" 2>&1 &
    ISSUER_PID=$!
    PIDS+=("$ISSUER_PID")
    for _ in $(seq 100); do
        if curl -s --cacert "$ISSUER_DIR/tls.crt" -o /dev/null "https://127.0.0.1:$ISSUER_PORT/up"; then return; fi
        sleep 0.05
    done
    die "the issuer does not start"
}
fetches() { grep -c '^/keys' "$WORK/issuer.log" || true; }

jose keys r1 e1 s1 >/dev/null
init_data
cat >>"$DATA/whorl.conf" <<CONF
oidc_issuer = $ISSUER
oidc_roles_claim = realm_access.roles
oidc_default_tenant = default
CONF
say "settings"
expect_fails "an issuer without an audience" "$WHORLD" serve --dir "$DATA"
expect_in "is told" "$(cat "$WORK/out")" "audience"
echo "oidc_audience = whorl" >>"$DATA/whorl.conf"

say "the issuer is on a private address, under a CA of its own"
start_issuer
start_server
GOOD=$(jose token r1 RS256 '{}' '{}')
as "$GOOD" GET /api/v1/whoami >"$WORK/answer"
expect_status "an address that nobody opened is not called" 503
expect "no word reached the issuer" "$(fetches)" 0
stop_server
echo "outbound_allow = 127.0.0.1" >>"$DATA/whorl.conf"
start_server
as "$GOOD" GET /api/v1/whoami >/dev/null
expect_status "a server certificate of an unknown CA is not believed" 503
expect "no word reached the issuer" "$(fetches)" 0
stop_server
echo "outbound_ca_file = $ISSUER_DIR/tls.crt" >>"$DATA/whorl.conf"
touch "$ISSUER_DIR/down"
start_server
as "$GOOD" GET /api/v1/whoami >/dev/null
expect_status "an issuer that is away when we start: 503, not 401" 503
rm "$ISSUER_DIR/down"
for _ in $(seq 100); do
    as "$GOOD" GET /api/v1/whoami >"$WORK/answer"
    [ "$(status)" = 200 ] && break
    sleep 0.1
done
expect_status "and is found when it is back" 200

say "who they are"
expect "kind" "$(jq -r .kind "$WORK/answer")" oidc
expect "subject" "$(jq -r .subject "$WORK/answer")" anna
expect "tenant" "$(jq -r .tenant "$WORK/answer")" default
ACTOR=$(jq -r .actor "$WORK/answer")
for alg in "r1 PS256" "e1 ES256" "s1 ES384"; do
    # shellcheck disable=SC2086
    as "$(jose token $alg '{"typ":"at+jwt"}' '{}')" GET /api/v1/whoami >/dev/null
    expect_status "$alg" 200
done
as "$(jose token r1 RS256 '{}' '{"aud":["x","whorl"]}')" GET /api/v1/whoami >/dev/null
expect_status "one audience of several" 200

say "what they may do: the tenant's own roles"
as "$GOOD" GET /api/v1/audit >/dev/null
expect_status "auditor reads the audit log" 200
as "$GOOD" POST /api/v1/batches '{"devices":[]}' >/dev/null
expect_status "and registers nothing" 403
as "$(jose token r1 RS256 '{}' '{"realm_access":{"roles":["nobody-knows"]}}')" GET /api/v1/devices >/dev/null
expect_status "roles that are not here give nothing" 403
api POST /api/v1/roles '{"name":"line","scopes":["devices:register"]}' >/dev/null
expect_status "a role is made" 201
new_identity chip
as "$(jose token r1 RS256 '{}' '{"realm_access":{"roles":["line"]}}')" POST /api/v1/batches "{\"devices\":[\"$ID\"]}" >/dev/null
expect_status "and gives what it has" 201
"$WHORLD" tenant add --dir "$DATA" --name acme >/dev/null
expect "another tenant by claim" "$(as "$(jose token r1 RS256 '{}' '{"whorl_tenant":"acme"}')" GET /api/v1/whoami | jq -r .tenant)" acme
expect_in "the audit log knows the subject behind the name" "$(api GET '/api/v1/audit?kind=oidc.seen' | jq -c .)" '"subject":"anna"'
expect_in "and the name" "$(api GET '/api/v1/audit?kind=oidc.seen' | jq -c .)" "$ACTOR"

say "what is refused"
refused "alg none" 401 "not signed" "$(jose token r1 none '{}' '{}')"
refused "alg none with a signature" 401 "alg is not accepted" "$(jose token r1 none '{}' '{}')AAAA"
refused "the public key as an HMAC secret" 401 "alg is not accepted" "$(jose token r1 confused '{}' '{}')"
refused "that, called RS256" 401 "does not hold" "$(jose token r1 confused '{"alg":"RS256"}' '{}')"
refused "RS512" 401 "alg is not accepted" "$(jose token r1 RS512 '{}' '{}')"
refused "another key's signature" 401 "does not hold" "$(jose token r9 RS256 '{"kid":"r1"}' '{}')"
refused "another kind of key" 401 "not the one of its key" "$(jose token e1 ES256 '{"kid":"r1"}' '{}')"
refused "no kid" 401 "names no key" "$(jose token r1 RS256 '{"kid":null}' '{}')"
refused "crit" 401 "critical" "$(jose token r1 RS256 '{"crit":["exp"]}' '{}')"
refused "a token in a token" 401 "another token" "$(jose token r1 RS256 '{"cty":"JWT"}' '{}')"
refused "a logout token" 401 "typ" "$(jose token r1 RS256 '{"typ":"logout+jwt"}' '{}')"
refused "changed after it was signed" 401 "does not hold" "$(sed 's/\.\(.\)/.e/2;s/.....$/AAAAA/' <<<"$GOOD")"
refused "an encrypted one" 401 "encrypted" "a.b.c.d.e"
refused "no JSON" 401 "header" "YQ.YQ.YQ"
refused "expired" 401 "expired" "$(jose token r1 RS256 '{}' '{"exp":"@-61"}')"
expect "  as its own problem" "$(jq -r .type "$WORK/answer")" /problems/token-expired
refused "no exp" 401 "exp is missing" "$(jose token r1 RS256 '{}' '{"exp":null}')"
refused "not before" 401 "nbf" "$(jose token r1 RS256 '{}' '{"nbf":"@120"}')"
refused "made in the future" 401 "iat" "$(jose token r1 RS256 '{}' '{"iat":"@120"}')"
refused "another issuer" 401 "iss" "$(jose token r1 RS256 '{}' "{\"iss\":\"$ISSUER/\"}")"
refused "another audience" 401 "aud" "$(jose token r1 RS256 '{}' '{"aud":"whorls"}')"
refused "no audience" 401 "aud" "$(jose token r1 RS256 '{}' '{"aud":null}')"
refused "nobody" 401 "sub" "$(jose token r1 RS256 '{}' '{"sub":null}')"
refused "a sub without end" 401 "sub" "$(jose token r1 RS256 '{}' "{\"sub\":\"$(printf 'x%.0s' $(seq 300))\"}")"
refused "bound to a key" 401 "cnf" "$(jose token r1 RS256 '{}' '{"cnf":{"jkt":"x"}}')"
refused "a tenant that is not here" 401 "tenant" "$(jose token r1 RS256 '{}' '{"whorl_tenant":"nowhere"}')"
as "$(jose token r1 RS256 '{}' "{\"x\":\"$(printf 'x%.0s' $(seq 9000))\"}")" GET /api/v1/whoami >/dev/null
expect_status "a huge one" 431
as "$GOOD" GET /api/v1/whoami >/dev/null
expect_status "within the leeway and all else: as before" 200
as "$(jose token r1 RS256 '{}' '{"exp":"@-30"}')" GET /api/v1/whoami >/dev/null
expect_status "clocks may differ by a minute" 200

say "the issuer changes its keys"
BEFORE=$(fetches)
jose keys e2 w1 >/dev/null
as "$(jose token e2 ES256 '{}' '{}')" GET /api/v1/whoami >/dev/null
expect_status "a new key is fetched when it is first seen" 200
expect "by one request" "$(($(fetches) - BEFORE))" 1
refused "the key that it replaced" 401 "lists no key" "$GOOD"
refused "an RSA key of 1024 bits" 401 "lists no key" "$(jose token w1 RS256 '{}' '{}')"
for n in $(seq 20); do as "$(jose token e1 ES256 "{\"kid\":\"flood$n\"}" '{}')" GET /api/v1/whoami >/dev/null; done
expect_status "a flood of unknown names" 401
expect "costs the issuer nothing" "$(($(fetches) - BEFORE))" 1

say "the issuer is away"
kill "$ISSUER_PID"
as "$(jose token e2 ES256 '{}' '{}')" GET /api/v1/whoami >/dev/null
expect_status "keys at hand serve on" 200
expect "our own tokens do not care" "$(api GET /api/v1/whoami | jq -r .kind)" token
! grep -q 'eyJ' "$WORK/server.log" || die "a token is in the log"
say "ok  no token is in the log"
stop_server
