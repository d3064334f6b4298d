#!/bin/bash
# takes long
# Lists of chips through the API: every format, atomic and by line, dry runs, 100,000 devices in flat memory, a client
# that leaves half-way, and real manifests of chip makers where the samples are at hand.
. tests/e2e/lib.sh
need jq
need openssl
need python3

SAMPLES=../shared/data

init_data
start_server

# import FILE QUERY [CURL-OPTIONS…]: body on stdout and in $WORK/body, status by `status`
import() {
    local file=$1 query=$2
    shift 2
    api POST "/api/v1/batches/import?$query" "@$file" -H 'Content-Type: application/octet-stream' "$@" >/dev/null
}
answer() { jq -r "$1" "$WORK/body"; }
device_count() { api GET "/api/v1/devices?limit=1000" | jq '.devices | length'; }
ids() { python3 -c '
import hashlib, sys
for i in range(int(sys.argv[2]), int(sys.argv[3])):
    print(hashlib.sha256(f"{sys.argv[1]}-{i}".encode()).hexdigest())' "$1" "$2" "$3"; }
quarklink() { ids "$@" | jq -Rn '{devices: [inputs]}' -c; }

say "--- the formats"
quarklink ql 0 3 >"$WORK/ql.json"
import "$WORK/ql.json" 'name=ql&format=quarklink'
expect_status "a QuarkLink list" 201
expect "its count" "$(answer '.accepted, .refused, .batch.device_count' | xargs)" "3 0 3"
expect_in "its place" "$(cat "$WORK/headers")" "ocation: /api/v1/batches/$(answer .batch.id)"
api POST '/api/v1/batches/import?name=csv' @- -H 'Content-Type: text/csv; charset=utf-8' >/dev/null <<CSV
id,serial,model,colour
$(ids csv 0 1),SN-1,gw-2,"red, or ""blue"""
CSV
expect_status "CSV by its media type" 201
api GET "/api/v1/devices/$(ids csv 0 1)" >/dev/null
expect "its values" "$(answer '.serial, .model, .attributes.colour' | xargs -d '\n')" 'SN-1 gw-2 red, or "blue"'
ids lines 0 2 | sed 's/.*/{"id":"&","serial":"J"}/' >"$WORK/jsonl"
import "$WORK/jsonl" 'name=jsonl&format=jsonl'
expect_status "JSON Lines" 201
new_identity issuer
for n in 1 2; do
    new_key "chip$n"
    openssl req -new -key "$WORK/chip$n.key" -subj "/CN=chip-$n" 2>/dev/null |
        openssl x509 -req -CA "$WORK/issuer.crt" -CAkey "$WORK/issuer.key" -set_serial "$n" -days 9 -out "$WORK/chip$n.pem" 2>/dev/null
done
cat "$WORK/chip1.pem" "$WORK/chip2.pem" >"$WORK/bundle"
import "$WORK/bundle" 'name=optiga&format=infineon'
expect "an OPTIGA bundle" "$(status) $(answer .accepted)" "201 2"
id1=$(openssl pkey -in "$WORK/chip1.key" -pubout -outform DER | sha256sum | cut -d' ' -f1)
api GET "/api/v1/devices/$id1" >/dev/null
expect "its device goes by its key" "$(status) $(answer .serial)" "200 chip-1"
new_key esp
openssl req -new -key "$WORK/esp.key" -subj "/CN=esp" 2>/dev/null |
    openssl x509 -req -CA "$WORK/issuer.crt" -CAkey "$WORK/issuer.key" -set_serial 9 -days 9 -out "$WORK/esp.pem" 2>/dev/null
printf 'MAC,cn,cert\n4BA2BB8764BD,u,"%s"\n' "$(cat "$WORK/esp.pem")" >"$WORK/esp.csv"
import "$WORK/esp.csv" 'name=esp&format=espressif'
expect "an Espressif manifest" "$(status) $(answer .accepted)" "201 1"

say "--- a Microchip manifest of an own signer"
openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$WORK/signer.key" -subj "/CN=own signer" \
    -days 9 -out "$WORK/signer.pem" 2>/dev/null
cat >"$WORK/manifest.py" <<'PY'
import base64, hashlib, json, subprocess, sys
work, count, forge = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "forge"
u = lambda b: base64.urlsafe_b64encode(b).rstrip(b"=").decode()
run = lambda *a, **k: subprocess.run(a, check=True, capture_output=True, **k).stdout
cert = run("openssl", "x509", "-in", work + "/signer.pem", "-outform", "DER")
ski = run("openssl", "x509", "-in", work + "/signer.pem", "-noout", "-ext", "subjectKeyIdentifier").decode().split("\n")[1]
head = u(json.dumps({"alg": "ES256", "kid": u(bytes.fromhex(ski.strip().replace(":", ""))),
                     "x5t#S256": u(hashlib.sha256(cert).digest())}).encode())
out = []
for n in range(count):
    key = run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout")
    point = run("openssl", "pkey", "-pubout", "-outform", "DER", input=key)[-64:]
    uid = "%018x" % n
    payload = u(json.dumps({"version": 1, "uniqueId": uid, "partNumber": "ATECC608A-X", "publicKeySet": {"keys": [
        {"kid": "0", "kty": "EC", "crv": "P-256", "x": u(point[:32]), "y": u(point[32:])}]}}).encode())
    der = run("openssl", "dgst", "-sha256", "-sign", work + "/signer.key", input=(head + "." + payload).encode())
    numbers, at = [], 2
    for _ in range(2):
        size = der[at + 1]
        numbers.append(int.from_bytes(der[at + 2:at + 2 + size], "big").to_bytes(32, "big"))
        at += 2 + size
    signature = bytearray(b"".join(numbers))
    if forge and n == count - 1:
        signature[40] ^= 1
    out.append({"payload": payload, "protected": head, "header": {"uniqueId": uid}, "signature": u(bytes(signature))})
json.dump(out, sys.stdout)
PY
python3 "$WORK/manifest.py" "$WORK" 3 genuine >"$WORK/manifest.json"
before=$(device_count)
import "$WORK/manifest.json" 'name=mchp&format=microchip'
expect_status "its signer is not pinned" 422
expect_in "the reason says so" "$(answer .detail)" "not pinned"
mkdir "$DATA/manifest-signers"
cp "$WORK/signer.pem" "$DATA/manifest-signers/own.pem"
import "$WORK/manifest.json" 'name=mchp&format=microchip'
expect "pinned, it is taken without a restart" "$(status) $(answer .accepted)" "201 3"
import "$WORK/manifest.json" 'name=mchp-again&format=microchip'
expect_status "the same manifest twice" 409
expect "each line says so" "$(answer '[.lines[].reason] | unique | join("|")')" "registered already (registered)"
expect "the serial number helps to find it" "$(answer '.lines[0].serial')" "000000000000000000"
python3 "$WORK/manifest.py" "$WORK" 3 forge >"$WORK/forged.json"
for mode in atomic lines; do
    import "$WORK/forged.json" "name=forged&format=microchip&mode=$mode"
    expect "one broken signature, mode $mode" "$(status) $(answer '.accepted, .refused, .lines[0].line' | xargs)" "422 0 1 3"
done
expect "nothing of them came in" "$(device_count)" "$((before + 3))"

say "--- one bad line"
{ echo id; ids bad 0 2; echo nonsense; ids bad 2 4; ids bad 0 1; } >"$WORK/bad.csv"
before=$(device_count)
import "$WORK/bad.csv" 'name=bad&format=csv&dry_run=true'
cp "$WORK/body" "$WORK/dry"
expect "dry run" "$(status) $(answer '.dry_run, .accepted, .refused, .batch' | xargs)" "200 true 0 2 null"
import "$WORK/bad.csv" 'name=bad&format=csv'
expect "atomic: refused" "$(status) $(answer '.accepted, .refused' | xargs)" "422 0 2"
expect "the same report as the dry run" "$(answer .lines)" "$(jq .lines "$WORK/dry")"
expect "nothing came in" "$(device_count)" "$before"
import "$WORK/bad.csv" 'name=bad&format=csv&mode=lines'
expect "by line: the good ones" "$(status) $(answer '.accepted, .refused, .batch.device_count' | xargs)" "201 4 2 4"
expect "the same report again" "$(answer .lines)" "$(jq .lines "$WORK/dry")"
expect "the refused lines" "$(answer '[.lines[] | "\(.line) \(.code)"] | join(",")')" "4 unprocessable,7 conflict"
import "$WORK/bad.csv" 'name=bad2&format=csv&mode=lines'
expect "none is good any more" "$(status) $(answer .refused)" "422 6"

say "--- bad input"
import "$WORK/ql.json" 'name=ql&format=quarklink&mode=some'
expect_status "an unknown mode" 400
import "$WORK/ql.json" 'name=ql&format=xml'
expect_status "an unknown format" 400
import "$WORK/ql.json" 'name=ql&colour=red'
expect_status "an unknown parameter" 400
import "$WORK/ql.json" 'name=ql'
expect_status "no format at all" 415
import "$WORK/ql.json" 'name=new&format=quarklink&product=none'
expect_status "no such product" 422
quarklink other 0 1 >"$WORK/other.json"
import "$WORK/other.json" 'name=ql&format=quarklink'
expect_status "a name that is taken" 409
printf '0A091B5C001500070063, 00112233445566778899aabbccddeeff\n' >"$WORK/keys.txt"
import "$WORK/keys.txt" 'format=infineon'
expect "a keys file" "$(status) $(answer .title)" "422 The request is well-formed but cannot be carried out"
import "$WORK/issuer.key" 'format=infineon'
expect_in "a private key" "$(answer .detail)" "private key"
printf '{"devices":["' >"$WORK/cut.json"
import "$WORK/cut.json" 'format=quarklink'
expect_status "a list that ends within" 400
AS=whorl_0_0_0 import "$WORK/ql.json" 'format=quarklink'
expect_status "no good token" 401
api GET /api/v1/batches/import >/dev/null
expect_status "it is no batch" 400

say "--- 100,000 devices"
quarklink big 0 100000 >"$WORK/big.json"
rss() { awk '/VmRSS/ {print $2}' "/proc/$SERVER_PID/status"; }
before=$(rss)
(while rss; do sleep 0.05; done >"$WORK/rss") &
PIDS+=($!)
WATCH=$!
import "$WORK/big.json" 'name=big&format=quarklink&dry_run=true'
expect "dry run" "$(status) $(answer '.accepted, .refused' | xargs)" "200 100000 0"
start=$(date +%s.%N)
import "$WORK/big.json" 'name=big&format=quarklink'
expect "all of them" "$(status) $(answer '.accepted, .batch.device_count' | xargs)" "201 100000 100000"
printf '  in %.1f s\n' "$(echo "$(date +%s.%N) - $start" | bc)"
import "$WORK/big.json" 'name=big2&format=quarklink'
expect "again: a report of every line" "$(status) $(answer '.refused, (.lines | length), .lines[99999].line' | xargs)" \
    "409 100000 100000 100000"
quarklink more 0 12000 >"$WORK/more.json"
import "$WORK/more.json" 'name=more&format=quarklink&mode=lines'
expect "by line, over several transactions" "$(status) $(answer '.accepted, .batch.device_count' | xargs)" "201 12000 12000"
kill "$WATCH" 2>/dev/null
growth=$(($(sort -n "$WORK/rss" | tail -1) - before))
[ "$growth" -lt 65536 ] || die "the server grew by $growth KiB"
say "ok  the server grew by $growth KiB"

say "--- a large JSON body leaves nothing behind"
before=$(rss)
for _ in 1 2; do
    api POST /api/v1/batches "@$WORK/big.json" >/dev/null
    expect_status "100,000 devices as one JSON body, known already" 409
done
growth=$(($(rss) - before))
[ "$growth" -lt 49152 ] || die "the server kept $growth KiB"
say "ok  the server kept $growth KiB"

say "--- a client that leaves half-way"
quarklink left 0 50000 >"$WORK/left.json"
curl -sS --cacert "$CA" -X POST -H "Authorization: Bearer $TOKEN" -T "$WORK/left.json" --limit-rate 1M --max-time 1 -o /dev/null \
    "$MANAGEMENT/api/v1/batches/import?name=left&format=quarklink" 2>/dev/null && die "the upload was not cut"
api GET "/api/v1/devices/$(ids left 0 1)" >/dev/null
expect_status "nothing of it came in" 404
import "$WORK/left.json" 'name=left&format=quarklink'
expect_status "its name is free" 201

say "--- once by its Idempotency-Key"
quarklink once 0 3 >"$WORK/once.json"
import "$WORK/once.json" 'name=once&format=quarklink' -H 'Idempotency-Key: once-1'
expect_status "the first time" 201
first=$(jq -cS . "$WORK/body")
import "$WORK/once.json" 'name=once&format=quarklink' -H 'Idempotency-Key: once-1'
expect "again: the same answer" "$(status) $(jq -cS . "$WORK/body")" "201 $first"
import "$WORK/once.json" 'name=twice&format=quarklink' -H 'Idempotency-Key: once-1'
expect_status "the key for other terms" 422
quarklink once 3 6 >"$WORK/other.json"
import "$WORK/other.json" 'name=once&format=quarklink' -H 'Idempotency-Key: once-1'
expect_status "the key for another body" 422
expect_in "which says so" "$(answer .detail)" "Idempotency-Key was used for another request"
api POST /api/v1/hubs '{"name":"h","host":"h.example"}' -H 'Idempotency-Key: once-1' >/dev/null
expect_status "the key for something else" 422
quarklink byline 0 7000 >"$WORK/lines.json"
for n in 1 2; do
    import "$WORK/lines.json" 'name=lines&format=quarklink&mode=lines' -H 'Idempotency-Key: lines-1'
    expect "by line, time $n" "$(status) $(answer '.accepted, .batch.device_count' | xargs)" "201 7000 7000"
done
import "$WORK/ql.json" 'name=dry&format=quarklink&dry_run=true' -H 'Idempotency-Key: dry-1'
import "$WORK/other.json" 'name=dry&format=quarklink' -H 'Idempotency-Key: dry-1'
expect_status "a dry run uses up no key" 201
quarklink slow 0 40000 >"$WORK/slow.json"
curl -sS --cacert "$CA" -X POST -H "Authorization: Bearer $TOKEN" -H 'Idempotency-Key: slow-1' -T "$WORK/slow.json" --limit-rate 2M -o "$WORK/slow.out" \
    -w '%{http_code}' "$MANAGEMENT/api/v1/batches/import?name=slow&format=quarklink" >"$WORK/slow.status" &
SLOW=$!
PIDS+=("$SLOW")
sleep 0.4
import "$WORK/slow.json" 'name=slow&format=quarklink' -H 'Idempotency-Key: slow-1'
expect "while it runs" "$(status) $(answer .detail | cut -d: -f1)" "409 a request with this Idempotency-Key is still running"
import "$WORK/ql.json" 'name=ql&format=quarklink' -H 'Idempotency-Key: slow-2'
expect_status "another key is free" 409
wait "$SLOW"
expect "the first one is not disturbed" "$(cat "$WORK/slow.status")" 201
import "$WORK/slow.json" 'name=slow&format=quarklink' -H 'Idempotency-Key: slow-1'
expect "afterwards: its answer" "$(status) $(answer .accepted)" "201 40000"
curl -sS --cacert "$CA" -X POST -H "Authorization: Bearer $TOKEN" -H 'Idempotency-Key: gone-1' -T "$WORK/left.json" --limit-rate 1M --max-time 1 -o /dev/null \
    "$MANAGEMENT/api/v1/batches/import?name=gone&format=quarklink" 2>/dev/null && die "the upload was not cut"
for _ in $(seq 50); do
    import "$WORK/once.json" 'name=gone&format=quarklink&mode=lines' -H 'Idempotency-Key: gone-1'
    [ "$(answer .detail | cut -d: -f1)" = "a request with this Idempotency-Key is still running" ] || break
    sleep 0.1
done
expect_in "a key of an upload that was cut is free" "$(answer .detail)" "3 of 3 lines refused"

say "--- no trace"
expect "temporary files" "$(find "$DATA" -name 'spool*' | wc -l)" 0

if [ -d "$SAMPLES/microchip" ]; then
    say "--- real manifests"
    import "$SAMPLES/microchip/manifest_ATECC608A-MAH4I.json" 'name=mah4i&format=microchip'
    expect "Microchip, version 1" "$(status) $(answer .accepted)" "201 2"
    import "$SAMPLES/microchip/ECC608-TMNGTLSS-B.json" 'name=tmng&format=microchip'
    expect "Microchip, version 2: genuine, but without keys" "$(status) $(answer '.refused, ([.lines[].reason] | unique | length)' | xargs)" "422 10 1"
    expect_in "it says why" "$(answer .lines[0].reason)" "version 2"
    import "$SAMPLES/espressif/manifest-espressif.csv" 'name=espressif&format=espressif&mode=lines'
    expect "Espressif, RSA-2048 where the product does not allow it" "$(status) $(answer .refused)" "422 7"
    expect_in "it says why" "$(answer .lines[0].reason)" "2048"
    cat "$SAMPLES"/infineon/*_E0E0.pem "$SAMPLES"/infineon/*_E0E1.pem >"$WORK/reel.pem"
    import "$WORK/reel.pem" 'name=reel&format=infineon'
    expect "Infineon" "$(status) $(answer .accepted)" "201 2"
else
    say "skipped: no real manifests in $SAMPLES"
fi
stop_server
"$WHORLD" check --dir "$DATA" >"$WORK/check.out" 2>&1 || die "the directory does not check: $(cat "$WORK/check.out")"
