#!/usr/bin/env bash
# Drill: the server's disk is gone; restore the installation from its backup on another machine.
#
#   deploy/drills/restore.sh [FOLDER]      FOLDER: where whorld and whorl-device are (build/ by default)
#
# Everything is the drill's own, in a temporary directory that goes when it ends: an installation, a fleet that enrols, an operator with a
# key that is not on the host. In order, with a line for each step and what it took:
#   1. the installation works: devices enrol, one is watched; its journal is on another disk (journal_dir)
#   2. a backup is made while others go on enrolling (docs/backup.md)
#   3. the disaster: the server is killed, its directory destroyed
#   4. the restore, into another directory, by the operator with the backup, his key, the kept keys and their passphrase
#   5. the server starts on it, and devices come back with the certificates they had: the watched one renews and takes its next key
#   6. what was enrolled after the backup is honoured too: the journal had it. With WHORL_DRILL_NO_JOURNAL=1 the journal is destroyed with the
#      disk: then those certificates are unknown, so they are refused, and their number is the loss
# The last lines are the RPO (age of the backup at the disaster) and the RTO (from the disaster to the first answer to a device). Exit code
# 0: restored as promised; 1: not, and why. With WHORL_DRILL_RTO=SECONDS a slower one fails too.
#
# To drill with an installation of yours, do steps 4 and 5 by docs/backup.md on a machine without network to your devices.
set -euo pipefail
PROGRAMS=$(realpath "${1:-build}")
WORK=$(mktemp -d "${TMPDIR:-/tmp}/whorl-drill.XXXXXX")
SERVER=
FLEET=
finish() {
    local status=$?
    for pid in $SERVER $FLEET; do kill -9 "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$WORK"
    exit $status
}
trap finish EXIT
fail() { echo "DRILL FAILED: $*"; exit 1; }
since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }
step() { printf '%6s s  %s\n' "$(since "$BEGAN")" "$*"; }
BEGAN=$EPOCHREALTIME

start() { # DIRECTORY
    : >"$WORK/ready"
    "$PROGRAMS/whorld" serve --dir "$1" >"$WORK/ready" 2>>"$WORK/server.log" &
    SERVER=$!
    for _ in $(seq 600); do
        if grep -q '"ready"' "$WORK/ready"; then break; fi
        kill -0 "$SERVER" 2>/dev/null || fail "the server ended: $(tail -n 1 "$WORK/server.log")"
        sleep 0.05
    done
    grep -q '"ready"' "$WORK/ready" || fail "the server was not ready in 30 s"
    DEVICE=https://$(jq -r .device "$WORK/ready")
    MANAGEMENT=https://$(jq -r .management "$WORK/ready")
}
device() { "$PROGRAMS/whorl-device" "$1" --dir "$WORK/device" --server "$DEVICE" --ca "$WORK/kept/ca.pem"; }
fleet() { # COUNT SEED OPTIONS…
    "$PROGRAMS/whorl-device" fleet --count "$1" --seed-base "$2" --server "$DEVICE" --ca "$WORK/kept/ca.pem" "${@:3}"
}
register() { # FILE
    curl -sS --fail --cacert "$WORK/kept/ca.pem" -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
        --data-binary "@$1" "$MANAGEMENT/api/v1/batches" >/dev/null
}
known() { # DIRECTORY: how many of the certificates in DIRECTORY the restored inventory knows, and how many there are
    local pem
    for pem in "$1"/*.pem; do
        printf 'url = "%s/api/v1/certificates/%s"\noutput = "%s"\n' "$MANAGEMENT" \
            "$(openssl x509 -in "$pem" -noout -serial | cut -d= -f2 | tr A-F a-f)" "$WORK/answer"
    done >"$WORK/urls"
    curl -sS --cacert "$WORK/kept/ca.pem" -H "Authorization: Bearer $TOKEN" -w '%{http_code}\n' --config "$WORK/urls" |
        awk '/200/ { n++ } END { print n + 0, NR }'
}

# 1
mkdir "$WORK/vault" "$WORK/kept" "$WORK/disk" "$WORK/before" "$WORK/after"
head -c 24 /dev/urandom | base64 >"$WORK/kept/passphrase"
"$PROGRAMS/whorld" init --dir "$WORK/first" --host localhost --host 127.0.0.1 --passphrase-file "$WORK/kept/passphrase" >/dev/null
printf '%s = 127.0.0.1:0\n' device_listen management_listen public_listen >>"$WORK/first/whorl.conf"
echo "journal_dir = $WORK/disk/journal" >>"$WORK/first/whorl.conf"
cp -r "$WORK/first/keys" "$WORK/first/ca.pem" "$WORK/kept/"
TOKEN=$(cat "$WORK/first/admin.token")
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=Operator' -days 30 -keyout "$WORK/vault/operator.key" \
    -out "$WORK/operator.pem" 2>/dev/null
start "$WORK/first"
"$PROGRAMS/whorl-device" new --dir "$WORK/device" --seed 4711 >"$WORK/id"
printf '{"devices":["%s"]}' "$(head -n 1 "$WORK/id")" >"$WORK/one.json"
register "$WORK/one.json"
device enrol >/dev/null
device status >/dev/null
fleet 40 100 --list "$WORK/list.json" >/dev/null
register "$WORK/list.json"
fleet 40 100 --save "$WORK/before" >/dev/null || fail "the fleet could not enrol"
step "the installation works: 41 devices have enrolled"

# 2
fleet 120 5000 --list "$WORK/list.json" >/dev/null
register "$WORK/list.json"
fleet 120 5000 --connections 2 --save "$WORK/after" >"$WORK/fleet.out" 2>&1 &
FLEET=$!
"$PROGRAMS/whorld" backup --dir "$WORK/first" --to "$WORK/vault/one.backup" --recipient "$WORK/operator.pem" >"$WORK/backup.out" 2>&1 ||
    fail "$(cat "$WORK/backup.out")"
step "$(cat "$WORK/backup.out")"
wait $FLEET || fail "devices were disturbed by the backup"
FLEET=
MOMENT=$(date -d "$(sed -n 's/.* as of \([^ ]*\): .*/\1/p' "$WORK/backup.out")" +%s)

# 3
DISASTER=$EPOCHREALTIME
kill -9 "$SERVER"
wait "$SERVER" 2>/dev/null || true
SERVER=
rm -rf "$WORK/first"
HOW=()
if [ -n "${WHORL_DRILL_NO_JOURNAL:-}" ]; then
    rm -rf "$WORK/disk/journal"
    HOW=(--accept-rollback)
fi
step "the disaster: the server is dead, its directory destroyed${HOW:+, its journal too}"

# 4
"$PROGRAMS/whorld" restore --from "$WORK/vault/one.backup" --key "$WORK/vault/operator.key" --certificate "$WORK/operator.pem" \
    --ca "$WORK/kept/ca.pem" --keys-from "$WORK/kept/keys" --dir "$WORK/second" ${HOW[@]+"${HOW[@]}"} >"$WORK/restore.out" 2>&1 || fail "$(cat "$WORK/restore.out")"
step "restored from the backup into another directory"
"$PROGRAMS/whorld" audit verify --dir "$WORK/second" >"$WORK/audit.out" || fail "$(cat "$WORK/audit.out")"

# 5
start "$WORK/second"
device status >"$WORK/status" || fail "the device is not known: $(cat "$WORK/status")"
RTO=$(since "$DISASTER")
step "the first device has its answer"
grep -q 'enrolled (10)' "$WORK/status" || fail "the device is not enrolled: $(cat "$WORK/status")"
device renew >/dev/null || fail "the device cannot renew"
device rekey >/dev/null || fail "the device cannot take its next key"
device status >/dev/null || fail "the device's next key is not taken"
read -r COUNT ALL <<<"$(known "$WORK/before")"
[ "$COUNT" = "$ALL" ] || fail "of $ALL certificates from before the backup $COUNT are known"
step "all $ALL certificates from before the backup are honoured; the watched device renewed and rekeyed"

# 6
read -r COUNT ALL <<<"$(known "$WORK/after")"
step "of $ALL that enrolled during and after the backup $COUNT are honoured; $((ALL - COUNT)) must enrol again"
[ -n "${HOW:+1}" ] || [ "$COUNT" = "$ALL" ] || fail "the journal did not bring back what was enrolled after the backup"
printf 'RPO %s certificates; the backup was %s s old at the disaster\n' "$((ALL - COUNT))" \
    "$(awk -v a="$MOMENT" -v b="$DISASTER" 'BEGIN { printf "%.1f", b - a }')"
printf 'RTO %s s (from the disaster to the first answer)\n' "$RTO"
if [ -n "${WHORL_DRILL_RTO:-}" ]; then
    awk -v a="$RTO" -v b="$WHORL_DRILL_RTO" 'BEGIN { exit a > b }' || fail "the RTO is over $WHORL_DRILL_RTO s"
fi
