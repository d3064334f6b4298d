#!/usr/bin/env bash
# The audit log taken out of the house: an export verifies offline, whatever is done to it is noticed with the line and the reason, a
# checkpoint verifies with openssl alone, and a log that was rewritten or cut contradicts what was signed before.
. "$(dirname "$0")/lib.sh"
need jq; need sqlite3; need openssl
init_data
start_server

verify() { "$WHORLD" audit verify "$@"; }
get() { curl -sS --fail --cacert "$CA" -H "Authorization: Bearer ${AS:-$TOKEN}" "$@"; }
# broken WHAT FILE PART [OPTION…]: verification fails with 1 and says so
broken() {
    local what=$1 file=$2 part=$3 status=0
    shift 3
    verify "$file" --ca "$CA" "$@" >"$WORK/out" 2>&1 || status=$?
    expect "$what: exit code" "$status" 1
    expect_in "$what" "$(cat "$WORK/out")" "$part"
}

# two tenants take turns, so that each one's records are hidden in the other's export
api POST /api/v1/tenants '{"name":"other"}' >/dev/null
OTHER=$("$WHORLD" token add --dir "$DATA" --name auditor --tenant other --scope admin | grep -o 'whorl_[0-9a-f_A-Za-z]*')
for i in 1 2 3 4 5; do
    api POST /api/v1/batches "{\"name\":\"lot-$i\",\"devices\":[\"$(printf '%064d' "$i")\"]}" >/dev/null
    AS=$OTHER api POST /api/v1/batches "{\"name\":\"lot-$i\",\"devices\":[\"$(printf '%064d' "$i")\"]}" >/dev/null
    AS=$OTHER api POST "/api/v1/devices/$(printf '%064d' "$i")/quarantine" '{"note":"umlaut ä, quote \" and \\"}' >/dev/null
done

get "$MANAGEMENT/api/v1/audit/export" >"$WORK/export.jsonl"
expect_in "the export verifies" "$(verify "$WORK/export.jsonl" --ca "$CA")" "The export verifies"
expect "no record of another tenant is shown" "$(jq -r 'select(.type == "device.quarantined") | .type' "$WORK/export.jsonl" | wc -l)" 0
expect_in "but hidden ones are counted" "$(verify "$WORK/export.jsonl" --ca "$CA")" " hidden ones"
expect "every line has the fields of CR 2.8" "$(jq -c 'select((has("ts") and has("source") and has("category") and has("type") and
    has("event_id") and has("result")) | not)' "$WORK/export.jsonl")" ""
expect_in "without the CA it is said that nobody vouches" "$(verify "$WORK/export.jsonl")" "WHICH INSTALLATION was not checked"
AS=$OTHER get "$MANAGEMENT/api/v1/audit/export?kind=device.quarantined" >"$WORK/other.jsonl"
expect "a filter shows its kind only" "$(jq -r 'select(.type | startswith("export.") | not) | .type' "$WORK/other.jsonl" | sort | uniq -c | xargs)" \
    "5 device.quarantined"
expect_in "and the filtered export verifies" "$(verify "$WORK/other.jsonl" --ca "$CA")" "5 records"

# what is done to an export
E=$WORK/bad.jsonl
first() { grep -n "$1" "$WORK/export.jsonl" | head -1 | cut -d: -f1; }
shown=$(first '"type":"batch.registered"')
sed "${shown}s/lot-1/lot-9/g" "$WORK/export.jsonl" >"$E"
broken "a flipped text" "$E" "line $shown: record"
sed "${shown}{s/\"source\":\"token:0/\"source\":\"token:1/;t;s/\"source\":\"token:[1-9a-f]/\"source\":\"token:0/}" "$WORK/export.jsonl" >"$E"
broken "another actor" "$E" "is not what was hashed"
sed "${shown}s/\"category\":\"configuration\"/\"category\":\"backup\"/" "$WORK/export.jsonl" >"$E"
broken "another category" "$E" "category is not that of type"
sed "${shown}d" "$WORK/export.jsonl" >"$E"
broken "a removed record" "$E" "is missing"
sed "$(first export.hidden)d" "$WORK/export.jsonl" >"$E"
broken "a removed hidden record" "$E" "is missing"
awk -v n="$shown" 'NR==n {kept=$0; next} {print} NR==n+1 {print kept}' "$WORK/export.jsonl" >"$E"
broken "two swapped lines" "$E" "line $shown:"
awk -v n="$shown" '{print} NR==n {print}' "$WORK/export.jsonl" >"$E"
broken "a repeated line" "$E" "out of order"
head -c -100 "$WORK/export.jsonl" >"$E"
broken "a truncated file" "$E" "ends within this line"
head -n -1 "$WORK/export.jsonl" >"$E"
broken "a file without its last line" "$E" "ends without its checkpoint"
{ head -n -2 "$WORK/export.jsonl"; tail -n 1 "$WORK/export.jsonl"; } >"$E"
broken "a cut tail" "$E" "signs another export"
sed '1s/"until":"2/"until":"3/' "$WORK/export.jsonl" >"$E"
broken "a changed first line" "$E" "signs another export"
jq -c 'if .type == "export.checkpoint" then .cms |= (.[0:400] + (if .[400:401] == "A" then "B" else "A" end) + .[401:]) else . end' "$WORK/export.jsonl" >"$E"
broken "a flipped byte in the signature" "$E" "line "
: >"$E"
verify "$E" --ca "$CA" >"$WORK/out" 2>&1 && die "an empty file verifies"
say "ok  an empty file is nothing"
expect_fails "a file of something else" "$WHORLD" audit verify "$DATA/whorl.conf"
status=0; verify "$WORK/nowhere" >/dev/null 2>&1 || status=$?
expect "a file that is not there" "$status" 1
status=0; verify >/dev/null 2>&1 || status=$?
expect "no file: usage" "$status" 2

# a checkpoint, with a client that we did not write
get -H 'Accept: application/pkcs7-mime' "$MANAGEMENT/api/v1/audit/checkpoint" >"$WORK/early.p7m"
openssl cms -verify -inform DER -in "$WORK/early.p7m" -CAfile "$CA" -purpose any -out "$WORK/checkpoint.json" 2>"$WORK/out" || die "$(cat "$WORK/out")"
expect "openssl reads what was signed" "$(jq -r '.whorl' "$WORK/checkpoint.json")" audit-checkpoint
expect_in "ours too" "$(verify "$WORK/early.p7m" --ca "$CA")" "The checkpoint verifies"
get "$MANAGEMENT/api/v1/audit/checkpoint" >"$WORK/early.json"
expect "as JSON" "$(jq -r '.checkpoint.heads | length > 0' "$WORK/early.json")" true
expect_in "and that verifies" "$(verify "$WORK/early.json" --ca "$CA")" "The checkpoint verifies"

# somebody else's signature, and another installation's export
openssl req -x509 -newkey rsa:2048 -nodes -subj '/CN=Whorl audit log' -addext extendedKeyUsage=1.3.6.1.5.5.7.3.36 -days 2 -keyout "$WORK/f.key" -out "$WORK/f.crt" 2>/dev/null
openssl cms -sign -nodetach -binary -in "$WORK/checkpoint.json" -signer "$WORK/f.crt" -inkey "$WORK/f.key" -outform DER -out "$WORK/forged.p7m"
broken "a foreign signature" "$WORK/forged.p7m" "not by this installation"
openssl cms -sign -nodetach -binary -in "$WORK/checkpoint.json" -signer "$DATA/tls/server.pem" -inkey "$WORK/f.key" -outform DER -out "$WORK/x.p7m" 2>/dev/null && die "signed with another's certificate"
"$WHORLD" init --dir "$WORK/second" --host localhost >/dev/null
status=0; verify "$WORK/export.jsonl" --ca "$WORK/second/ca.pem" >"$WORK/out" 2>&1 || status=$?
expect "another installation's CA: exit code" "$status" 1
expect_in "another installation's CA" "$(cat "$WORK/out")" "not by this installation"

# the inventory itself, rewritten by somebody who can compute hashes, contradicts what was signed
api POST /api/v1/batches "{\"name\":\"late\",\"devices\":[\"$(printf '%064d' 77)\"]}" >/dev/null
get "$MANAGEMENT/api/v1/audit/export" >"$WORK/late.jsonl"
expect_in "a later export holds the ends of the checkpoint" "$(verify "$WORK/late.jsonl" --ca "$CA" --checkpoint "$WORK/early.p7m")" \
    "earlier checkpoint that it holds: 1"
stop_server
expect_in "the directory agrees with the checkpoint" "$("$WHORLD" audit verify --dir "$DATA" --checkpoint "$WORK/early.p7m")" "verifies"
expect_in "its end was signed when the server stopped" "$("$WHORLD" audit verify --dir "$DATA")" "1 signed anchors"
cp -r "$DATA" "$WORK/cut"
expect "five records are cut off" "$(sqlite3 "$WORK/cut/inventory.db" "DELETE FROM audit WHERE (node, epoch, lane, seq) IN (SELECT node, audit.epoch, lane, seq
    FROM audit JOIN node ON node.id = audit.node AND node.epoch = audit.epoch WHERE node.name = 'whorld' ORDER BY seq DESC LIMIT 5); SELECT changes()")" 5
status=0; "$WHORLD" audit verify --dir "$WORK/cut" --checkpoint "$WORK/early.p7m" >"$WORK/out" 2>&1 || status=$?
expect "a log without its tail: exit code" "$status" 1
expect_in "a log without its tail" "$(cat "$WORK/out")" "which a checkpoint signed, is missing"
status=0; "$WHORLD" audit verify --dir "$WORK/cut" >"$WORK/out" 2>&1 || status=$?
expect "and without a checkpoint of ours: exit code" "$status" 1
expect_in "and without a checkpoint of ours: the anchor" "$(cat "$WORK/out")" "which a checkpoint signed, is missing"
