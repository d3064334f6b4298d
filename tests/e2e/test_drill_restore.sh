#!/usr/bin/env bash
# The drill "restore from backup" (deploy/drills/restore.sh) goes through, tells RPO and RTO, and fails when it is too slow or a backup
# does not open.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need jq; need sqlite3
deploy/drills/restore.sh "$BUILD" >"$WORK/drill" 2>&1 || { cat "$WORK/drill"; die "the drill failed"; }
expect_in "devices came back" "$(cat "$WORK/drill")" "certificates from before the backup are honoured"
expect_in "nothing is lost: the journal had it" "$(grep '^RPO' "$WORK/drill")" "RPO 0 certificates; the backup was"
expect_in "the RTO is told" "$(grep '^RTO' "$WORK/drill")" " s (from the disaster"
say "$(grep '^RPO' "$WORK/drill"); $(grep '^RTO' "$WORK/drill")"

say "it can fail: a whorld whose restore leaves the last devices out"
mkdir "$WORK/programs"
ln -s "$DEVICE_TOOL" "$WORK/programs/whorl-device"
cat >"$WORK/programs/whorld" <<SCRIPT
#!/bin/sh
[ "\$1" != serve ] || exec "$WHORLD" "\$@" # the drill ends the server by its pid
"$WHORLD" "\$@" || exit
dir= previous=
for word; do
    if [ "\$previous" = --dir ]; then dir=\$word; fi
    previous=\$word
done
[ "\$1" != restore ] || sqlite3 "\$dir/inventory.db" "DELETE FROM certificate WHERE serial IN (SELECT serial FROM certificate ORDER BY issued_at LIMIT 3 OFFSET 5)"
SCRIPT
chmod +x "$WORK/programs/whorld"
if WHORL_DRILL_NO_JOURNAL=1 deploy/drills/restore.sh "$WORK/programs" >"$WORK/drill" 2>&1; then cat "$WORK/drill"; die "the drill did not notice"; fi
expect_in "certificates that are gone are noticed" "$(cat "$WORK/drill")" "DRILL FAILED: of 40 certificates"
