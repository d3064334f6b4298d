# Shared by the end-to-end tests (sourced, bash): a real whorld in a folder of its own, assertions, clean-up.
# Each test_*.sh is one program: it prints what it checks, exits 0 when all held, 77 when it cannot run here (says why).
# shellcheck shell=bash disable=SC2034
set -euo pipefail

BUILD=${BUILD:-build}
WHORLD=$PWD/$BUILD/whorld
DEVICE_TOOL=$PWD/$BUILD/whorl-device
E2E=$PWD/tests/e2e
OPENAPI=$PWD/$BUILD/openapi.json
WORK=$(mktemp -d "${TMPDIR:-/tmp}/whorl-e2e.XXXXXX")
DATA=$WORK/data
CALLS=$WORK/calls # what api and device_json sent and got, for check_openapi.py
mkdir "$CALLS"
SERVER_PID=
PIDS=()

MOUNTED= # a file system that a test mounted
cleanup() {
    local status=$?
    for pid in "${PIDS[@]}" $SERVER_PID; do kill -9 "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    if [ -n "$MOUNTED" ]; then umount -l "$MOUNTED"; fi
    if [ $status -ne 0 ] && [ $status -ne 77 ] && [ -f "$WORK/server.log" ]; then
        echo "--- last lines of the server"
        tail -n 15 "$WORK/server.log"
    fi
    if [ $status -eq 0 ] && [ -f "$CALLS/index" ]; then
        python3 -B "$E2E/check_openapi.py" calls "$OPENAPI" "$CALLS" ${WHORL_SEEN:+"$WHORL_SEEN/$(basename "$0")"} || status=1
    fi
    if [ -n "${KEEP:-}" ]; then echo "kept $WORK"; else rm -rf "$WORK"; fi
    exit $status
}
trap cleanup EXIT

say() { printf '  %s\n' "$*"; }
die() { printf 'FAILED: %s\n' "$*"; exit 1; }
skip() { printf 'skipped: %s\n' "$*"; exit 77; }
need() { command -v "$1" >/dev/null || skip "$1 is not installed"; }

# expect WHAT ACTUAL WANTED
expect() { [ "$2" = "$3" ] || die "$1: got \"$2\", wanted \"$3\""; say "ok  $1"; }
# expect_in WHAT TEXT PART
expect_in() { case "$2" in *"$3"*) say "ok  $1" ;; *) die "$1: \"$3\" is not in: $(printf %s "$2" | head -c 400)" ;; esac; }
# expect_fails WHAT COMMAND…
expect_fails() { local what=$1; shift; if "$@" >"$WORK/out" 2>&1; then die "$what: it succeeded"; fi; say "ok  $what"; }

# A port that is free now; the public URL stands in certificates before the server runs, so it cannot be 0.
# Below those that the kernel gives to whoever asks for any, and each once in turn, since scripts run side by side.
free_port() {
    python3 - "${TMPDIR:-/tmp}/whorl-e2e.port" <<'PY'
import fcntl, os, socket, sys
with open(os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o666), "r+") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    port = int(file.read() or 20000)
    while True:
        port = port + 1 if port < 29999 else 20000
        try:
            with socket.socket() as s:
                s.bind(("127.0.0.1", port))
            break
        except OSError:
            continue
    file.seek(0)
    file.truncate()
    file.write(str(port))
print(port)
PY
}

init_data() {
    PUBLIC_PORT=$(free_port)
    "$WHORLD" init --dir "$DATA" --host localhost --host 127.0.0.1 --public-url "http://127.0.0.1:$PUBLIC_PORT" "$@" >"$WORK/init.out"
    cat >>"$DATA/whorl.conf" <<CONF
device_listen = 127.0.0.1:0
management_listen = 127.0.0.1:0
public_listen = 127.0.0.1:$PUBLIC_PORT
workers = 16
CONF
    TOKEN=$(cat "$DATA/admin.token")
    CA=$DATA/ca.pem
}

# Starts the server on $DATA and sets DEVICE, MANAGEMENT, PUBLIC (URLs).
start_server() {
    rm -f "$WORK/ready" # the line of a server before this one says nothing
    "$WHORLD" serve --dir "$DATA" >"$WORK/ready" 2>>"$WORK/server.log" &
    SERVER_PID=$!
    for _ in $(seq 300); do
        if grep -q '"ready"' "$WORK/ready" 2>/dev/null; then break; fi
        kill -0 "$SERVER_PID" 2>/dev/null || { cat "$WORK/server.log"; die "the server ended at its start"; }
        sleep 0.05
    done
    grep -q '"ready"' "$WORK/ready" || die "the server was not ready in 15 s"
    DEVICE=https://$(jq -r .device "$WORK/ready")
    MANAGEMENT=https://$(jq -r .management "$WORK/ready")
    PUBLIC=http://$(jq -r .public "$WORK/ready")
}

stop_server() {
    kill -TERM "$SERVER_PID"
    local status=0
    wait "$SERVER_PID" || status=$?
    SERVER_PID=
    [ $status -eq 0 ] || die "the server ended with $status after SIGTERM"
}

# call URL METHOD PATH BODY CURL-OPTIONS…: what api and device_json share. BODY is text, @FILE, or empty for none; JSON unless an option
# says another Content-Type. Everything is recorded, and held against the description of the API when the test ends.
call() {
    local url=$1 method=$2 path=$3 body=$4 id=$EPOCHREALTIME-$BASHPID type='' data=() facts
    shift 4
    if [ -n "$body" ]; then
        data=(--data-binary "$body")
        type=application/json
        if [[ "$*" =~ [Cc]ontent-[Tt]ype:\ *([^ ;]+) ]]; then type=${BASH_REMATCH[1]}; else data+=(-H "Content-Type: $type"); fi
        case $body in
            @-) ;;
            @*) head -c 300000 "${body#@}" >"$CALLS/$id.request" ;;
            *) printf %s "$body" >"$CALLS/$id.request" ;;
        esac
    fi
    facts=$(curl -sS --cacert "$CA" -X "$method" "${data[@]}" -o "$WORK/body" -D "$WORK/headers" -w '%{http_code}\t%{content_type}' "$@" "$url$path")
    printf %s "${facts%%$'\t'*}" >"$WORK/status"
    printf '%s\t%s\t%s\t%s\t%s\n' "$id" "$method" "$path" "$facts" "$type" >>"$CALLS/index"
    tee "$CALLS/$id.body" <"$WORK/body"
}
# api METHOD PATH [BODY [CURL-OPTIONS…]]: management call with the admin token (or $AS); body on stdout, status in $STATUS via file
api() {
    local method=$1 path=$2 body=${3-}
    shift $(($# < 3 ? $# : 3))
    call "$MANAGEMENT" "$method" "$path" "$body" -H "Authorization: Bearer ${AS:-$TOKEN}" "$@"
}
# device_json CREDENTIAL METHOD PATH [BODY [CURL-OPTIONS…]]: the same on the device listener, with the certificate and key of CREDENTIAL, if any
device_json() {
    local who=$1 method=$2 path=$3 body=${4-} credential=()
    shift $(($# < 4 ? $# : 4))
    if [ -n "$who" ]; then credential=(--cert "$WORK/$who.crt" --key "$WORK/$who.key"); fi
    call "$DEVICE" "$method" "$path" "$body" "${credential[@]}" "$@"
}
# Whether the API of this build has the operation.
offers() { grep -q "\"operationId\": \"$1\"" "$OPENAPI"; }
# The status of the last api or device call.
status() { cat "$WORK/status"; }
expect_status() { expect "$1" "$(status)" "$2"; }

# new_identity NAME: a P-256 key and its self-signed certificate; sets ID to its device id
new_identity() {
    openssl ecparam -name prime256v1 -genkey -noout -out "$WORK/$1.key" 2>/dev/null
    openssl req -x509 -new -key "$WORK/$1.key" -subj "/CN=$1" -days 3650 -out "$WORK/$1.crt" 2>/dev/null
    ID=$(openssl pkey -in "$WORK/$1.key" -pubout -outform DER | sha256sum | cut -d' ' -f1)
}
new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$WORK/$1.key" 2>/dev/null; }
# csr KEY [SUBJECT]: base64 of a request over KEY, on one line
csr() { openssl req -new -key "$WORK/$1.key" -subj "${2:-/CN=ignored}" -outform DER 2>/dev/null | base64 -w0; }
register() {
    local list=
    for id in "$@"; do list="$list${list:+,}\"$id\""; done
    api POST /api/v1/batches "{\"devices\":[$list]}" >/dev/null
    expect_status "registered $# device(s)" 201
}
# est CREDENTIAL OPERATION CSR-BASE64 [CURL-OPTIONS…]: POST with the certificate and key of CREDENTIAL; the body in $WORK/body
est() {
    local who=$1 op=$2 body=$3
    shift 3
    printf %s "$body" | curl -sS --cacert "$CA" --cert "$WORK/$who.crt" --key "$WORK/$who.key" -H "Content-Type: ${TYPE:-application/pkcs10}" \
        --data-binary @- -o "$WORK/body" -D "$WORK/headers" -w '%{http_code}' "$@" "$DEVICE/.well-known/est/$op" >"$WORK/status"
}
# keep_certificate NAME: the certificate of the last EST answer as NAME.crt
keep_certificate() { base64 -d "$WORK/body" | openssl pkcs7 -inform DER -print_certs 2>/dev/null | openssl x509 -out "$WORK/$1.crt"; }
