#!/usr/bin/env bash
# EST channel binding (RFC 7030 §3.5): a challengePassword must be the tls-unique of this very connection, with Python's TLS as the client.
# Also the server's own certificate: one that does not fit is replaced at the start.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
start_server
new_identity birth
register "$ID"
new_key op
cat >"$WORK/bound.py" <<'PY'
import base64, http.client, socket, ssl, subprocess, sys
host, work, how = sys.argv[1:4]
context = ssl.create_default_context(cafile=sys.argv[4])
context.maximum_version = ssl.TLSVersion.TLSv1_2
context.load_cert_chain(f'{work}/birth.crt', f'{work}/birth.key')
name, port = host.rsplit(':', 1)
connection = http.client.HTTPSConnection(name, int(port), context=context)
connection.connect()
binding = base64.b64encode(connection.sock.get_channel_binding('tls-unique')).decode()
password = {'right': binding, 'wrong': base64.b64encode(b'x' * 12).decode(), 'stale': open(f'{work}/stale').read() if how == 'stale' else ''}[how]
open(f'{work}/stale', 'w').write(binding)
open(f'{work}/req.cnf', 'w').write(
    '[req]\nprompt=no\ndistinguished_name=dn\nattributes=attrs\n[dn]\nCN=x\n[attrs]\nchallengePassword=' + password + '\n')
der = subprocess.run(['openssl', 'req', '-new', '-key', f'{work}/op.key', '-config', f'{work}/req.cnf', '-outform', 'DER'],
                     check=True, capture_output=True).stdout
connection.request('POST', '/.well-known/est/simpleenroll', base64.b64encode(der), {'Content-Type': 'application/pkcs10'})
print(connection.getresponse().status)
PY
bound() { python3 "$WORK/bound.py" "${DEVICE#https://}" "$WORK" "$1" "$CA"; }
expect "a binding of nothing" "$(bound wrong)" 400
expect "the binding of another connection" "$(bound stale)" 400
expect "the binding of this connection" "$(bound right)" 200

say "the server's certificate"
stop_server
cp "$DATA/tls/server.pem" "$WORK/own.pem"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=other -days 90 -out "$DATA/tls/server.pem" 2>/dev/null
start_server
expect "one over another key is replaced" "$(curl -sS --cacert "$CA" -o /dev/null -w '%{http_code}' "$DEVICE/.well-known/est/cacerts")" 200
stop_server
head -c 100 "$WORK/own.pem" >"$DATA/tls/server.pem"
start_server
expect "a damaged one is replaced" "$(curl -sS --cacert "$CA" -o /dev/null -w '%{http_code}' "$DEVICE/.well-known/est/cacerts")" 200
stop_server
