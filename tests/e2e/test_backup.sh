#!/usr/bin/env bash
# takes long
# A backup made beside a busy server, opened by openssl and Python, restored elsewhere: devices go on, the audit log verifies. Then what
# must not work: cut and changed files, swapped contents, the wrong key, directories that are in use, keys beside their passphrase.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
python3 -c 'import cryptography' 2>/dev/null || skip "python3-cryptography is not installed"
need sqlite3
PASSPHRASE=$WORK/passphrase
head -c 24 /dev/urandom | base64 >"$PASSPHRASE"
init_data --passphrase-file "$PASSPHRASE"
operator() { openssl req -x509 -newkey "${@:2}" -nodes -subj "/CN=$1" -days 30 -keyout "$WORK/$1.key" -out "$WORK/$1.pem" 2>/dev/null; }
operator ada ec -pkeyopt ec_paramgen_curve:P-256
operator ben rsa:3072
operator eve ec -pkeyopt ec_paramgen_curve:P-256
backup() { "$WHORLD" backup --dir "$DATA" --recipient "$WORK/ada.pem" "$@"; }
restore() { "$WHORLD" restore --key "$WORK/ada.key" --certificate "$WORK/ada.pem" "$@"; }
# refused WHAT PART COMMAND…: exit code 1, and a reason
refused() {
    local what=$1 part=$2 status=0
    shift 2
    "$@" >"$WORK/out" 2>&1 || status=$?
    expect "$what: exit code" "$status" 1
    expect_in "$what" "$(cat "$WORK/out")" "$part"
}

say "beside a busy server"
start_server
COUNT=300
mkdir "$WORK/got"
"$DEVICE_TOOL" fleet --count $COUNT --seed-base 900 --list "$WORK/list.json" >/dev/null
api POST /api/v1/batches "@$WORK/list.json" >/dev/null
"$DEVICE_TOOL" new --dir "$WORK/dev" --seed 77 >"$WORK/id"
ID=$(head -n 1 "$WORK/id")
register "$ID"
device() { "$DEVICE_TOOL" "$1" --dir "$WORK/dev" --server "$DEVICE" --ca "$CA"; }
device enrol >/dev/null
device status >/dev/null
"$DEVICE_TOOL" fleet --count $COUNT --seed-base 900 --connections 4 --server "$DEVICE" --ca "$CA" --save "$WORK/got" >"$WORK/fleet.out" 2>&1 &
FLEET=$!
PIDS+=("$FLEET")
for _ in $(seq 200); do [ "$(find "$WORK/got" -name '*.pem' | wc -l)" -ge 10 ] && break; sleep 0.02; done
BEFORE=$(find "$WORK/got" -name '*.pem' -printf '%f\n')
expect_in "a backup while devices enrol" "$(backup --to "$WORK/one.backup" --recipient "$WORK/ben.pem")" "for 2 recipients; without the CA keys"
kill -0 $FLEET 2>/dev/null || die "the fleet was done before the backup: the test shows nothing"
wait $FLEET || { cat "$WORK/fleet.out"; die "devices were disturbed"; }
expect "the file is private" "$(stat -c %a "$WORK/one.backup")" 600
expect "nothing is left in the directory" "$(find "$DATA" -name '.backup*')" ""
expect "the audit log tells for whom" "$(sqlite3 "$DATA/inventory.db" "SELECT body FROM audit WHERE kind = 'backup.made'" | jq -c .recipients)" '["CN=ada","CN=ben"]'
figures=$(api GET /metrics)
made=$(awk '$1 == "whorl_backup_timestamp_seconds" { print $2 }' <<<"$figures")
expect "and the figures when" "$((made == $(sqlite3 "$DATA/inventory.db" "SELECT at / 1000 FROM audit WHERE kind = 'backup.made'")))" 1
expect "which count every certificate" "$(awk '/^whorl_certificates[{]authority="device"/ { n += $2 } END { print n }' <<<"$figures")" \
    "$(sqlite3 "$DATA/inventory.db" 'SELECT count(*) FROM certificate')"
expect_in "with the keys, under their own passphrase" "$(backup --to "$WORK/two.backup" --with-keys)" "with the CA keys"
backup --to - 2>"$WORK/err" | cat >"$WORK/piped.backup"
expect_in "to a pipe" "$(restore --verify --from - --ca "$CA" <"$WORK/piped.backup")" "The backup is whole"

say "decided after the backup: a certificate, a revocation"
"$DEVICE_TOOL" fleet --count 1 --seed-base 900 --list "$WORK/one.json" >/dev/null
GONE=$(jq -r '.devices[0] | if type == "object" then .id // .device_id else . end' "$WORK/one.json")
api POST "/api/v1/devices/$GONE/revoke" '{"reason":"keyCompromise"}' >/dev/null
expect_status "a device is revoked" 200
device renew >/dev/null
device status >/dev/null
LATE=$(api GET "/api/v1/devices/$ID" | jq -r '[.certificates[] | select(.state == "confirmed")][0].serial')
stop_server

say "one at a time, and not on a full disk"
mkdir "$DATA/.backup"
touch "$DATA/.backup/inventory.db" # of one that was killed
exec 8<"$DATA/.backup"
flock 8
refused "a second one" "another backup" backup --to "$WORK/no.backup"
exec 8<&-
backup --to "$WORK/later.backup" >/dev/null
expect "what a killed one left is cleared away" "$(find "$DATA" -name '.backup*')" ""
RECORDS=$(sqlite3 "$DATA/inventory.db" "SELECT count(*) FROM audit WHERE kind = 'backup.made'")
refused "a folder that is not there" "cannot make" backup --to "$WORK/nowhere/no.backup"
refused "a recipient that is none" "no PEM certificate" backup --to "$WORK/no.backup" --recipient "$DATA/whorl.conf"
mkdir "$WORK/small"
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=64k tmpfs "$WORK/small" 2>/dev/null; then
    MOUNTED=$WORK/small
    refused "a full disk" "cannot write" backup --to "$WORK/small/no.backup"
    expect "nothing is left on it" "$(ls -A "$WORK/small")" ""
    umount "$WORK/small" && MOUNTED=
else
    say "note: no small file system can be mounted here"
fi
refused "a stream that takes nothing" "cannot write" \
    bash -c '"$@" >/dev/full' _ "$WHORLD" backup --dir "$DATA" --recipient "$WORK/ada.pem" --to -
[ ! -e "$WORK/no.backup" ] || die "a backup that failed is there"
expect "failed ones are not in the audit log" "$(sqlite3 "$DATA/inventory.db" "SELECT count(*) FROM audit WHERE kind = 'backup.made'")" "$RECORDS"

say "by another hand"
mkdir "$WORK/by-ada" "$WORK/by-ben"
python3 -B "$E2E/backup_by_hand.py" unpack "$WORK/one.backup" "$WORK/ada.key" "$WORK/ada.pem" "$WORK/by-ada"
python3 -B "$E2E/backup_by_hand.py" unpack "$WORK/one.backup" "$WORK/ben.key" "$WORK/ben.pem" "$WORK/by-ben"
diff -r "$WORK/by-ada" "$WORK/by-ben" || die "the operators got different things"
openssl cms -verify -inform DER -in "$WORK/by-ada/manifest.cms" -CAfile "$CA" -purpose any -out "$WORK/manifest.json" 2>"$WORK/err" || die "$(cat "$WORK/err")"
say "ok  openssl verifies the manifest under ca.pem"
expect "its digests hold" "$(cd "$WORK/by-ada" && jq -r '.files[] | "\(.sha256)  \(.name)"' "$WORK/manifest.json" | sha256sum --quiet -c && echo yes)" yes
expect "it names where the journal stands" "$(jq -r '.journal[] | select(.node == "whorld") | .seq > 0' "$WORK/manifest.json")" true
expect "the inventory is whole" "$(sqlite3 "$WORK/by-ada/inventory.db" 'PRAGMA integrity_check')" ok
expect "no key is in it" "$(find "$WORK/by-ada" -name '*.key')" ""
expect "nor a token" "$(grep -rl "$TOKEN" "$WORK/by-ada" || true)" ""
sqlite3 "$WORK/by-ada/inventory.db" "SELECT lower(hex(device)) || '.pem' FROM certificate" | sort -u >"$WORK/kept"
expect "every certificate that was handed out before is in it" "$(sort -u <<<"$BEFORE" | comm -23 - "$WORK/kept")" ""
mkdir "$WORK/by-two"
python3 -B "$E2E/backup_by_hand.py" unpack "$WORK/two.backup" "$WORK/ada.key" "$WORK/ada.pem" "$WORK/by-two"
expect "the keys are encrypted" "$(grep -l 'BEGIN ENCRYPTED PRIVATE KEY' "$WORK"/by-two/keys/*.key | wc -l)" "$(find "$DATA/keys" -name '*.key' | wc -l)"
expect "their passphrase is not with them" "$(grep -rlF "$(cat "$PASSPHRASE")" "$WORK/by-two" || true)" ""

say "restored elsewhere"
mkdir "$WORK/safe" && cp -r "$DATA/keys" "$WORK/safe/keys" && cp -r "$DATA/journal" "$WORK/safe/journal"
cp "$CA" "$WORK/anchor.pem"
mv "$DATA" "$WORK/lost"
CA=$WORK/anchor.pem
refused "without the journal, silently" "--accept-rollback" restore --from "$WORK/one.backup" --dir "$DATA" --keys-from "$WORK/safe/keys"
[ ! -e "$DATA" ] || die "something is left: $(find "$DATA")"
restore --from "$WORK/one.backup" --dir "$DATA" --keys-from "$WORK/safe/keys" --ca "$CA" --journal "$WORK/safe/journal" >"$WORK/restored" 2>"$WORK/err"
expect_in "the journal is replayed" "$(cat "$WORK/restored")" "entries replayed, the last of"
expect_in "it tells what can be lost" "$(cat "$WORK/restored")" "RPO"
expect_in "and how long it took" "$(cat "$WORK/restored")" "RTO"
expect_in "and whose it is" "$(cat "$WORK/restored")" "that of your ca.pem"
expect_in "the directory is whole" "$("$WHORLD" check --dir "$DATA")" "0 problems"
expect_in "the audit log verifies" "$("$WHORLD" audit verify --dir "$DATA")" "verifies"
expect "and tells of it" "$(sqlite3 "$DATA/inventory.db" "SELECT count(*) FROM audit WHERE kind = 'backup.restored'")" 1
expect "modes" "$(cd "$DATA" && stat -c '%n %a' . inventory.db keys keys/ca-root.key ca.pem whorl.conf | xargs)" \
    ". 700 inventory.db 600 keys 700 keys/ca-root.key 600 ca.pem 644 whorl.conf 644"
start_server
expect_in "a device goes on with the certificate it got after the backup" "$(device status)" "enrolled (10)"
expect "that one is in the inventory" "$(api GET "/api/v1/certificates/$LATE" | jq -r .device_id)" "$ID"
expect "what was revoked after the backup is revoked" "$(api GET "/api/v1/devices/$GONE" | jq -r .state)" revoked
device renew >/dev/null
expect_in "renews" "$(device status)" "enrolled (10)"
device rekey >/dev/null
expect_in "and takes its next key" "$(device status)" "enrolled (10)"
expect "the token of before is good" "$(api GET '/api/v1/devices?limit=1' | jq '.devices | length')" 1

say "what is in use is not replaced"
refused "over a running server" "a server is running" restore --from "$WORK/one.backup" --dir "$DATA" --keys-from "$WORK/safe/keys"
expect_in "which goes on" "$(device status)" "enrolled (10)"
stop_server
refused "over an installation" "there is an installation" restore --from "$WORK/one.backup" --dir "$DATA" --keys-from "$WORK/safe/keys"
mkdir "$WORK/foreign" && touch "$WORK/foreign/file"
refused "over anything else" "is not empty" restore --from "$WORK/one.backup" --dir "$WORK/foreign" --keys-from "$WORK/safe/keys"
expect "which is untouched" "$(ls -A "$WORK/foreign")" file

say "with the keys from the backup"
begin=${EPOCHREALTIME/./}
restore --from "$WORK/two.backup" --dir "$WORK/two" --accept-rollback >"$WORK/restored" 2>"$WORK/err"
whole=$((${EPOCHREALTIME/./} - begin)) # as long as that takes, here and now
expect_in "a rollback can be accepted" "$(cat "$WORK/restored")" "the rollback was accepted"
expect_in "and is told what it costs" "$(cat "$WORK/err")" "lost"
expect_in "it is whole" "$("$WHORLD" check --dir "$WORK/two")" "0 problems"
none() { [ ! -e "$WORK/new" ] || die "something is left: $(find "$WORK/new")"; }
refused "keys from two places" "leave --keys-from away" restore --from "$WORK/two.backup" --dir "$WORK/new" --keys-from "$WORK/safe/keys"
refused "no keys at all" "--keys-from" restore --from "$WORK/one.backup" --dir "$WORK/new"
none
"$WHORLD" init --dir "$WORK/other" --host localhost --passphrase-file "$PASSPHRASE" >/dev/null
refused "the keys of another installation" "the key of authority" restore --from "$WORK/one.backup" --dir "$WORK/new" --keys-from "$WORK/other/keys" --accept-rollback
refused "the trust anchor of another" "installation" restore --from "$WORK/one.backup" --dir "$WORK/new" --keys-from "$WORK/safe/keys" --ca "$WORK/other/ca.pem"
refused "a folder without a journal" "no journal is in" restore --from "$WORK/two.backup" --dir "$WORK/new" --journal "$WORK/safe/keys"
"$WHORLD" tenant add --dir "$WORK/other" --name other >/dev/null # begins a journal
refused "the journal of another installation" "another" restore --from "$WORK/two.backup" --dir "$WORK/new" --journal "$WORK/other/journal"
cp -r "$WORK/safe/journal" "$WORK/broken"
BROKEN=$(find "$WORK/broken" -name 'whorld-*.journal' | sort | tail -n 1)
python3 -c 'import os, sys; f = open(sys.argv[1], "r+b"); f.seek(os.path.getsize(sys.argv[1]) // 2); b = f.read(1); f.seek(-1, 1); f.write(bytes([b[0] ^ 1]))' "$BROKEN"
refused "a journal with a flipped byte" "broken" restore --from "$WORK/two.backup" --dir "$WORK/new" --journal "$WORK/broken"
mv "$PASSPHRASE" "$PASSPHRASE.away"
refused "no passphrase" "passphrase" restore --from "$WORK/two.backup" --dir "$WORK/new" --accept-rollback
mv "$PASSPHRASE.away" "$PASSPHRASE"
none
"$WHORLD" init --dir "$WORK/trial" --host localhost >/dev/null
refused "keys beside their passphrase do not travel" "lies beside them" \
    "$WHORLD" backup --dir "$WORK/trial" --to "$WORK/trial.backup" --recipient "$WORK/ada.pem" --with-keys
[ ! -e "$WORK/trial.backup" ] || die "a file is there"

say "damaged files"
E=$WORK/bad.backup
verify() { restore --verify --from "$E"; }
SIZE=$(stat -c %s "$WORK/one.backup")
for cut in 0 5 11 300 5000 $((SIZE / 2)) $((SIZE - 1)); do
    head -c "$cut" "$WORK/one.backup" >"$E"
    refused "cut to $cut bytes" "" restore --from "$E" --dir "$WORK/new" --keys-from "$WORK/safe/keys"
done
none
for at in 3 9 40 400 3000 $((SIZE / 2)) $((SIZE - 1)); do
    cp "$WORK/one.backup" "$E"
    python3 -c 'import sys; f = open(sys.argv[1], "r+b"); f.seek(int(sys.argv[2])); b = f.read(1); f.seek(int(sys.argv[2])); f.write(bytes([b[0] ^ 1]))' "$E" "$at"
    refused "byte $at changed" "" verify
done
{ cat "$WORK/one.backup"; echo; } >"$E"
refused "something behind it" "" verify
refused "another operator's key" "sealed for others" \
    "$WHORLD" restore --verify --from "$WORK/one.backup" --key "$WORK/eve.key" --certificate "$WORK/eve.pem"
refused "a key that is not the certificate's" "not that of the certificate" \
    "$WHORLD" restore --verify --from "$WORK/one.backup" --key "$WORK/eve.key" --certificate "$WORK/ada.pem"

say "sealed again by somebody who knows an operator's certificate"
forge() { python3 -B "$E2E/backup_by_hand.py" pack "$WORK/by-ada" "$WORK/ada.pem" "$E"; }
forge
expect_in "as it was it is good" "$(verify)" "The backup is whole"
cp "$WORK/by-ada/inventory.db" "$WORK/inventory.kept"
python3 -c 'import sys; f = open(sys.argv[1], "r+b"); f.seek(9000); f.write(b"swapped")' "$WORK/by-ada/inventory.db"
forge
refused "a swapped inventory" "not the file that the manifest names" restore --from "$E" --dir "$WORK/new" --keys-from "$WORK/safe/keys"
cp "$WORK/inventory.kept" "$WORK/by-ada/inventory.db"
cp "$WORK/other/ca.pem" "$WORK/by-ada/ca.pem"
truncate -s "$(jq '.files[] | select(.name == "ca.pem").size' "$WORK/manifest.json")" "$WORK/by-ada/ca.pem"
forge
refused "another trust anchor" "not the file that the manifest names" verify
openssl cms -sign -nodetach -binary -in "$WORK/manifest.json" -signer "$WORK/eve.pem" -inkey "$WORK/eve.key" -outform DER -out "$WORK/by-ada/manifest.cms"
forge
refused "a manifest that somebody else signed" "not for signing documents" verify
none

say "killed at any moment"
complete=0 refused=0
for n in $(seq 6); do
    rm -rf "$WORK/new"
    setsid "$WHORLD" restore --key "$WORK/ada.key" --certificate "$WORK/ada.pem" --from "$WORK/two.backup" --dir "$WORK/new" --accept-rollback >/dev/null 2>&1 &
    victim=$!
    sleep "$(awk "BEGIN { print $n * $whole / 6e6 }")"
    kill -9 $victim 2>/dev/null || true
    wait $victim 2>/dev/null || true
    if [ -e "$WORK/new/installation.json" ]; then
        complete=$((complete + 1))
    else
        refused=$((refused + 1))
        if "$WHORLD" serve --dir "$WORK/new" >"$WORK/out" 2>&1; then die "serve accepted a half-made directory ($n)"; fi
        restore --from "$WORK/two.backup" --dir "$WORK/new" --accept-rollback >"$WORK/out" 2>&1 || die "it could not be repeated ($n): $(cat "$WORK/out")"
    fi
    expect_in "whole in the end ($n)" "$("$WHORLD" check --dir "$WORK/new")" "0 problems"
done
say "ok  $refused half-made ones refused and made anew, $complete complete"
[ $refused -gt 0 ] || die "no restore was interrupted: the test shows nothing"

say "before a migration"
NEWEST=$(sqlite3 "$WORK/two/inventory.db" 'SELECT max(v) FROM schema_version')
sqlite3 "$WORK/two/inventory.db" "DELETE FROM schema_version WHERE v = $NEWEST" # the step will fail: its tables are there
if "$WHORLD" serve --dir "$WORK/two" >"$WORK/out" 2>&1; then die "a migration that cannot succeed did"; fi
COPY=$(find "$WORK/two/before-migration" -name '*.db')
expect_in "the inventory was kept before the step failed" "$COPY" "before-migration/$(printf %04d $((NEWEST - 1)))-"
expect "the copy is whole" "$(sqlite3 "$COPY" 'PRAGMA integrity_check')" ok
rm "$WORK"/two/inventory.db*
cp "$COPY" "$WORK/two/inventory.db"
sqlite3 "$WORK/two/inventory.db" "INSERT INTO schema_version (v, min_reader, applied_at) VALUES ($NEWEST, $NEWEST, 1)"
expect_in "and takes the inventory's place" "$("$WHORLD" check --dir "$WORK/two")" "0 problems"

say "in constant memory"
sqlite3 "$WORK/two/inventory.db" "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) INSERT INTO challenge_used SELECT randomblob(4000), i FROM n"
SIZE=$(($(stat -c %s "$WORK/two/inventory.db") >> 20))
memory() { # COMMAND…: the most that it held at once, in MiB
    python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10)' "$@"
}
USED=$(memory "$WHORLD" backup --dir "$WORK/two" --to "$WORK/large.backup" --recipient "$WORK/ada.pem")
[ "$USED" -lt 64 ] && [ "$SIZE" -gt 80 ] || die "the backup of $SIZE MiB took $USED MiB of memory"
rm -rf "$WORK/new"
RESTORED=$(memory "$WHORLD" restore --from "$WORK/large.backup" --key "$WORK/ada.key" --certificate "$WORK/ada.pem" --keys-from "$WORK/safe/keys" --dir "$WORK/new" \
    --journal "$WORK/two/journal")
[ "$RESTORED" -lt 64 ] || die "its restore took $RESTORED MiB of memory"
say "ok  $SIZE MiB with $USED MiB of memory, and back with $RESTORED MiB"
