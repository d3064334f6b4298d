#!/usr/bin/env bash
# A full disk: 503, nothing half-written, and the server goes on when there is space again.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root to mount a small file system"
mkdir "$DATA"
mount -t tmpfs -o size=5m tmpfs "$DATA" 2>/dev/null || skip "cannot mount a file system here"
MOUNTED=$DATA
init_data
printf 'firmware_reserve_mib = 1\n' >>"$DATA/whorl.conf"
start_server
image() {
    head -c 4500000 /dev/zero >"$WORK/image"
    api POST '/api/v1/firmware/images?product=default&filename=a&format=raw&version=1' "@$WORK/image" -H 'Content-Type: application/octet-stream' >"$WORK/answer"
}
image
expect_status "an image that would not leave the reserve" 503
expect_in "is told why" "$(jq -r .type "$WORK/answer")" "disk-full"
expect "and leaves nothing" "$(find "$DATA/firmware" -type f | wc -l)" 0
batch() { python3 -c '
import json, hashlib, sys
print(json.dumps({"name": sys.argv[1], "devices": [hashlib.sha256((sys.argv[1] + str(i)).encode()).hexdigest() for i in range(1500)]}))' "$1"; }
for n in $(seq 20); do
    batch "b$n" >"$WORK/b.json"
    api POST /api/v1/batches "@$WORK/b.json" >"$WORK/answer"
    [ "$(status)" = 201 ] || break
    LAST=b$n
done
expect_status "the disk is full" 503
expect_in "and the problem says so" "$(jq -r .type "$WORK/answer")" "disk-full"
new_identity birth
expect "reading goes on" "$(api GET '/api/v1/devices?limit=1' | jq '.devices | length')" 1
FIRST=$(python3 -c 'import hashlib, sys; print(hashlib.sha256((sys.argv[1] + "0").encode()).hexdigest())' "b$n")
api GET "/api/v1/devices/$FIRST" >/dev/null
expect_status "nothing of the refused batch is there" 404
FIRST=$(python3 -c 'import hashlib, sys; print(hashlib.sha256((sys.argv[1] + "0").encode()).hexdigest())' "$LAST")
api GET "/api/v1/devices/$FIRST" >/dev/null
expect_status "the one before it is there" 200
mount -o remount,size=64m "$DATA"
image
expect_status "with space again the image comes" 201
register "$ID"
new_key op
est birth simpleenroll "$(csr op)"
expect_status "with space again a device enrols" 200
stop_server
expect_in "the audit log verifies" "$("$WHORLD" audit verify --dir "$DATA")" "verifies"
