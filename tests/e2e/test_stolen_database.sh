#!/usr/bin/env bash
# Who takes the data directory, without its keys, holds no secret that opens anything: every kind of secret is made and used, then looked for, as
# text and as bytes, in all files and in the log. Nor do the figures name anybody.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need jq

init_data
echo "outbound_allow = 127.0.0.0/8" >>"$DATA/whorl.conf"
start_server
rm "$DATA/admin.token" # an operator keeps it elsewhere
declare -A SECRETS=([the admin token]="$TOKEN")
# made WHAT STATUS FILTER: the secret that was just answered
made() {
    expect_status "made: $1" "$2"
    SECRETS[$1]=$(jq -er "$3" "$WORK/body")
}

api POST /api/v1/tokens '{"name":"backend","scopes":["devices:read"]}' >/dev/null
made "a back end's token" 201 .token
AS=${SECRETS["a back end's token"]} api GET /api/v1/devices >/dev/null
expect_status "it is used" 200
api POST /api/v1/products '{"name":"sensor","admission":"token"}' >/dev/null
api POST /api/v1/enrolment-codes '{"name":"line","product":"sensor"}' >/dev/null
made "an enrolment code" 201 .code
new_identity dev
new_key op
est dev simpleenroll "$(csr op)" -u ":${SECRETS["an enrolment code"]}"
expect_status "it is used" 200
keep_certificate op
new_identity coded
api POST /api/v1/batches "{\"product\":\"sensor\",\"devices\":[\"$ID\"]}" >/dev/null
api POST "/api/v1/devices/$ID/cmp-code" '{}' >/dev/null
made "a CMP code" 201 .code
api POST /api/v1/webhooks '{"name":"hook","url":"https://127.0.0.1:9/hook","types":["device.*"]}' >/dev/null
made "a webhook's secret" 201 .secret
"$WHORLD" user add --dir "$DATA" --name anna >"$WORK/invitation"
SECRETS["an invitation"]=$(grep -oE '[A-Za-z0-9_-]{20,}' "$WORK/invitation" | head -n 1)
code="{\"code\":\"${SECRETS["an invitation"]}\""
SECRETS["a password"]=mint-gravel-otter-7
api POST /api/v1/invitations/accept "$code,\"password\":\"${SECRETS["a password"]}\"}" >/dev/null
made "an authenticator's secret" 200 .totp_secret
SECRETS["a device's challenge of possession, its private key"]=$(openssl pkey -in "$WORK/op.key" -outform DER | base64 -w0 | cut -c 40-80)
openssl pkey -in "$DATA/keys/tls-server.key" -passin "file:$DATA/keys/passphrase" -out "$WORK/tls.pem"
openssl pkey -in "$DATA/keys/ca-device.key" -passin "file:$DATA/keys/passphrase" -out "$WORK/ca.pem"
SECRETS["the passphrase"]=$(cat "$DATA/keys/passphrase")

curl -sS --cacert "$CA" -H "Authorization: Bearer $TOKEN" "$MANAGEMENT/metrics" >"$WORK/metrics"
for name in "$ID" "$(openssl x509 -in "$WORK/op.crt" -noout -serial | cut -d= -f2 | tr A-F a-f)" backend anna 127.0.0.1; do
    if grep -qF -- "$name" "$WORK/metrics"; then die "the figures name $name"; fi
done
say "ok  the figures name no device, certificate, token, person or address"
stop_server

python3 -B - "$DATA" "$WORK/server.log" "$WORK/tls.pem" "$WORK/ca.pem" 3< <(for what in "${!SECRETS[@]}"; do printf '%s\t%s\n' "$what" "${SECRETS[$what]}"; done) <<'PY' || die "see above"
import base64
import binascii
import os
import subprocess
import sys

folder, log, *keys = sys.argv[1:]
wanted = {}
with os.fdopen(3) as pairs:
    for line in pairs:
        what, secret = line.rstrip("\n").split("\t")
        if len(secret) < 12:
            sys.exit(f"{what} is \"{secret}\": no secret to look for")
        wanted[what] = {secret.encode(), secret.encode()[4:]}
        for decode in (base64.b64decode, base64.b32decode, base64.urlsafe_b64decode, binascii.unhexlify):
            for text in (secret, secret.split("_")[-1]):
                try:
                    raw = decode(text + "=" * (-len(text) % 4) if decode is not binascii.unhexlify else text)
                except (ValueError, binascii.Error):
                    continue
                if len(raw) >= 10:
                    wanted[what].add(raw)
for path in keys:
    text = subprocess.run(["openssl", "pkey", "-in", path, "-noout", "-text"], check=True, capture_output=True, text=True).stdout
    scalar = bytes.fromhex("".join(text.split("priv:")[1].split("pub:")[0].split()).replace(":", ""))
    wanted[f"the key {os.path.basename(path)}"] = {scalar[-32:]}
files = [os.path.join(at, name) for at, folders, names in os.walk(folder) for name in names]
kept = {os.path.join(folder, "keys", "passphrase")}
faults, count = [], 0
for path in [*files, log]:
    with open(path, "rb") as file:
        content = file.read()
    count += len(content)
    faults += [f"{what} is in {os.path.relpath(path, folder)}" for what, forms in wanted.items() if any(form in content for form in forms) and path not in kept]
with open(next(iter(kept)), "rb") as file:  # the search finds what is there
    content = file.read()
if not any(form in content for form in wanted["the passphrase"]):
    faults.append("the search finds nothing")
print(*faults, sep="\n", end="\n" if faults else "")
print(f"  ok  none of {len(wanted)} secrets is in {len(files)} files of {count >> 10} KiB, nor in the log")
sys.exit(1 if faults else 0)
PY
