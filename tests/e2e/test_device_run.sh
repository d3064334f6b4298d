#!/usr/bin/env bash
# The reference device by itself: `run` does what the server asks for, `recover` comes back by the identity key, both say why they may not;
# and new trust anchors, from a server whose root changes, over real TLS.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
start_server
on_server() { # NAME VERB OPTIONS…
    local name=$1 verb=$2
    shift 2
    "$DEVICE_TOOL" "$verb" --dir "$WORK/$name" --server "$DEVICE" --ca "$CA" "$@"
}
run_once() { on_server "$1" run --contacts 1 2>&1 || true; }
order() { api POST "/api/v1/devices/$1/$2" >/dev/null; }
states() { api GET "/api/v1/devices/$1" | jq -r '[.certificates[].state] | join(" ")'; }
generation() { api GET "/api/v1/devices/$1" | jq .generation; }

say "from first contact on"
ID=$("$DEVICE_TOOL" new --dir "$WORK/a" --seed 31 | head -n 1)
expect_in "a stranger waits" "$(run_once a)" "unknown to the server (to the identity key): nothing to do, generation 0"
register "$ID"
expect_in "then it enrols" "$(run_once a)" "not enrolled (to the identity key): enrolled, generation 1"
expect_in "and is left in peace" "$(run_once a)" "enrolled: nothing to do, generation 1"
expect "it looked at the trust anchors once" "$(test -s "$WORK/a/anchors.bin" && echo stored)" stored
order "$ID" rekey
expect_in "an ordered rekey is seen in status" "$(on_server a status | tail -n 1)" "rekey due: yes"
expect_in "and done" "$(run_once a)" "enrolled: new key, generation 2"
expect_in "once" "$(run_once a)" "enrolled: nothing to do, generation 2"
expect "the server agrees" "$(states "$ID") $(generation "$ID")" "confirmed superseded 2"
expect "several contacts in one run" "$(on_server a run --contacts 3 --every 1s | grep -c "enrolled: nothing to do, generation 2")" 3

say "lost flash: the policy says when"
cp "$WORK/a/credential.bin" "$WORK/kept"
rm "$WORK/a/credential.bin"
OUT=$(run_once a)
expect_in "no, while a used certificate is valid" "$OUT" "enrolled (to the identity key): enrolment failed, generation 0"
expect_in "the reason is told" "$OUT" "403"
cp "$WORK/kept" "$WORK/a/credential.bin"
expect_fails "nor by recover" on_server a recover
expect_in "with the reason" "$(cat "$WORK/out")" "recover: 403"
expect_in "what was in use still is" "$(run_once a)" "enrolled: nothing to do, generation 2"
order "$ID" allow-reenrol
on_server a recover >/dev/null
expect "an allowance is used" "$(states "$ID") $(generation "$ID")" "confirmed superseded superseded 3"

say "revoked: it waits, and comes back when it may"
order "$ID" revoke
expect_in "told" "$(run_once a)" "revoked: the operator decides (to the identity key): nothing to do"
order "$ID" allow-reenrol
expect_in "let in again" "$(run_once a)" "recovered by the identity key, generation 4"

say "a fleet that stays does the same"
"$DEVICE_TOOL" fleet --count 5 --seed-base 900 --list "$WORK/fleet.json" >/dev/null
api POST /api/v1/batches "@$WORK/fleet.json" >/dev/null
"$DEVICE_TOOL" fleet --count 5 --seed-base 900 --connections 2 --server "$DEVICE" --ca "$CA" --stay 6s --contact-every 1s >"$WORK/fleet.out" 2>&1 &
FLEET=$!
PIDS+=("$FLEET")
for _ in $(seq 100); do grep -q '^staying' "$WORK/fleet.out" && break; sleep 0.05; done
for id in $(jq -r '.devices[]' "$WORK/fleet.json"); do order "$id" rekey; done
wait $FLEET || die "the fleet failed: $(cat "$WORK/fleet.out")"
expect_in "each one made a new key" "$(cat "$WORK/fleet.out")" "renewed 0, rekeyed 5, recovered 0, refused 0, failed 0"
expect "the server agrees" "$(for id in $(jq -r '.devices[]' "$WORK/fleet.json"); do states "$id"; generation "$id"; done | sort | uniq -c | xargs)" \
    "5 2 5 confirmed superseded"

stop_server
OUT=$(run_once a)
expect_in "nobody answers" "$OUT" "no answer: nothing done, generation 4, next contact in"
expect_in "the cause is told" "$OUT" "Connection refused"

say "a root that changes: the chains are made by openssl, the server is Python's"
ca() { # NAME SUBJECT ISSUER(-) EXTENSIONS
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORK/$1.key.new" -subj "/CN=$2" -out "$WORK/$1.csr" 2>/dev/null
    [ -e "$WORK/$1.key" ] || mv "$WORK/$1.key.new" "$WORK/$1.key"
    openssl req -new -key "$WORK/$1.key" -subj "/CN=$2" -out "$WORK/$1.csr" 2>/dev/null
    printf '%b' "$4" >"$WORK/ext"
    if [ "$3" = - ]; then
        openssl x509 -req -in "$WORK/$1.csr" -signkey "$WORK/$1.key" -days 3650 -extfile "$WORK/ext" -out "$WORK/$1.pem" 2>/dev/null
    else
        openssl x509 -req -in "$WORK/$1.csr" -CA "$WORK/$3.pem" -CAkey "$WORK/$3.key" -CAcreateserial -days 3650 -extfile "$WORK/ext" \
            -out "$WORK/$1.pem" 2>/dev/null
    fi
}
ROOT='basicConstraints=critical,CA:TRUE,pathlen:1\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n'
LEAF='subjectAltName=DNS:localhost\nauthorityKeyIdentifier=keyid\nextendedKeyUsage=serverAuth\n'
ca old Root - "$ROOT"
ca new Root - "$ROOT"
cp "$WORK/new.key" "$WORK/cross.key"
ca cross Root old "$ROOT"
ca by-old localhost old "$LEAF"
ca by-new localhost new "$LEAF"
cat >"$WORK/server.py" <<'PY'
import base64, hashlib, http.server, json, os, ssl, subprocess, sys
work, leaf, certs = sys.argv[1], sys.argv[2], sys.argv[3:]
cmd = ['openssl', 'crl2pkcs7', '-nocrl', '-outform', 'DER'] + [a for c in certs for a in ('-certfile', f'{work}/{c}.pem')]
message = subprocess.run(cmd, capture_output=True, check=True).stdout
class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        body = base64.b64encode(message) if self.path == '/.well-known/est/cacerts' else json.dumps(
            {'code': 30, 'status': 'does_not_exist', 'generation': 0, 'anchors_sha256': hashlib.sha256(message).hexdigest()}).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Answer)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(f'{work}/{leaf}.pem', f'{work}/{leaf}.key')
server.socket = context.wrap_socket(server.socket, server_side=True)
with open(f'{work}/port.new', 'w') as f: f.write(str(server.server_port))
os.rename(f'{work}/port.new', f'{work}/port')
server.serve_forever()
PY
# rolled LEAF CERTIFICATES…: one contact with a server that has this certificate and gives these out
rolled() {
    rm -f "$WORK/port"
    python3 "$WORK/server.py" "$WORK" "$@" 2>/dev/null &
    local pid=$!
    PIDS+=("$pid")
    for _ in $(seq 100); do [ -s "$WORK/port" ] && break; sleep 0.05; done
    "$DEVICE_TOOL" run --contacts 1 --dir "$WORK/b" --server "https://localhost:$(cat "$WORK/port")" --ca "$WORK/old.pem" 2>&1 || true
    kill "$pid"
    wait "$pid" 2>/dev/null || true
}
"$DEVICE_TOOL" new --dir "$WORK/b" --seed 32 >/dev/null
expect_in "a server under the new root is none yet" "$(rolled by-new new cross)" "no answer"
expect_in "a new root without NewWithOld is refused" "$(rolled by-old old new)" "no trusted root vouches for 1 new one"
expect "nothing is stored" "$(test -e "$WORK/b/anchors.bin" && echo stored)" ""
expect_in "with it it is taken" "$(rolled by-old old new cross)" "trust anchors: 2 in force, 1 new, 0 gone"
expect_in "a server under the new root is one now" "$(rolled by-new old new cross)" "unknown to the server"
expect_in "one under the old root as well" "$(rolled by-old old new cross)" "unknown to the server"
expect_in "the old root stays while the server stands on it" "$(rolled by-old new cross)" "unknown to the server"
expect_in "and goes when it is gone from the set" "$(rolled by-new new)" "trust anchors: 1 in force, 0 new, 1 gone"
expect_in "a server under the old root is none any more" "$(rolled by-old old)" "no answer"
expect_in "under the new one" "$(rolled by-new new)" "unknown to the server"
