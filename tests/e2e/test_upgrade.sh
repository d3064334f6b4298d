#!/usr/bin/env bash
# Data directories that earlier programs left (tests/upgrade/fixtures, each named by its schema, each ended by kill -9) are opened by
# today's: everything that was said of devices is still said, what was revoked stays so, devices go on with the certificates they have, and
# the copy from before the migration is there. A schema of tomorrow is refused, and nothing is changed.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need faketime
need sqlite3
# As on the day after each was made: its certificates end, this test does not.
# shellcheck disable=SC2016
FAKE_LIBRARY=$(faketime -f +0s sh -c 'echo "$LD_PRELOAD"')
DAYS=$((($(date +%s) - $(date -d 2026-11-26 +%s)) / 86400))
[ "$DAYS" -gt 0 ] || DAYS=0
printf '#!/bin/sh\nexec env FAKETIME=-%sd LD_PRELOAD=%q "$@"\n' "$DAYS" "$FAKE_LIBRARY" >"$WORK/then"
printf '#!/bin/sh\nexec "%s/then" "%s" "$@"\n' "$WORK" "$WHORLD" >"$WORK/whorld"
chmod +x "$WORK/then" "$WORK/whorld"
WHORLD=$WORK/whorld
curl() { "$WORK/then" curl "$@"; }
tool() { local what=$1 n=$2; shift 2; "$WORK/then" "$DEVICE_TOOL" "$what" --dir "$WORK/devices/$n" --server "$DEVICE" --ca "$CA" "$@"; }
# What must not change, of one device or certificate.
facts() { jq -cS '{id, state, batch_id, product_id, generation, registered_at, enrolled_at,
    certificates: [.certificates[]? | {serial, generation, state, not_after, spki_sha256, revocation_reason}] | sort_by(.serial)}' "$@"; }
NEWEST=$(find db/migrations/sqlite -name '*.sql' | sort | tail -n 1 | sed 's/.*\/0*\([1-9][0-9]*\)_.*/\1/')
schema() { sqlite3 "file:$DATA/inventory.db?mode=ro" 'SELECT MAX(v) FROM schema_version'; }

goes_on() { # the life of the devices under today's server
    expect "a device has its status by the certificate it had" "$(tool status 0 | jq -r .device_id)" "$(jq -r .id "$WORK/said/0.json")"
    tool rekey 0 >/dev/null
    tool status 0 >/dev/null
    expect "and gets its next key" "$(api GET "/api/v1/devices/$(jq -r .id "$WORK/said/0.json")" | jq .generation)" 3
    tool renew 1 >/dev/null
    expect_fails "what was revoked opens nothing" tool renew 2
    tool enrol 3 >/dev/null
    expect "what was registered enrols" "$(api GET "/api/v1/devices/$(jq -r .id "$WORK/said/3.json")" | jq -r .state)" enrolled
    local revoked listed
    revoked="$(jq -r '.certificates[0].serial | ascii_upcase | ltrimstr("0")' "$WORK/said/2.json")"
    for _ in $(seq 50); do # a start shows the list that it has; one that is behind is signed again a second later
        curl -sS -o "$WORK/crl" "$PUBLIC/crl/device.crl"
        listed=$(openssl crl -inform DER -in "$WORK/crl" -noout -text)
        case $listed in *"$revoked"*) break ;; esac
        sleep 0.1
    done
    expect_in "the revoked one is on the list" "$listed" "$revoked"
}

for fixture in tests/upgrade/fixtures/*.tar.xz; do
    say "$(basename "$fixture" .tar.xz)"
    rm -rf "$WORK/data" "$WORK/devices" "$WORK/said"
    tar -xJf "$fixture" -C "$WORK" --no-same-owner
    TOKEN=$(cat "$DATA/admin.token")
    CA=$DATA/ca.pem
    old=$(schema)
    start_server
    expect "the schema is today's" "$(schema)" "$NEWEST"
    for said in "$WORK"/said/[0-9].json; do
        api GET "/api/v1/devices/$(jq -r .id "$said")" >"$WORK/now"
        expect "device $(basename "$said" .json) is as it was" "$(facts "$WORK/now")" "$(facts "$said")"
    done
    if [ -f "$WORK/said/release.json" ]; then
        api GET "/api/v1/firmware/releases/$(jq -r .id "$WORK/said/release.json")" >"$WORK/now"
        expect "so is its release" "$(jq -c '[.state, .manifest_sha256, .sequence]' "$WORK/now")" "$(jq -c '[.state, .manifest_sha256, .sequence]' "$WORK/said/release.json")"
    fi
    goes_on
    stop_server
    "$WHORLD" audit verify --dir "$DATA" >/dev/null || die "the audit log does not verify"
    "$WHORLD" journal verify --dir "$DATA" >/dev/null || die "the journal does not verify"
    "$WHORLD" check --dir "$DATA" >"$WORK/out" || die "check: $(cat "$WORK/out")"
    say "ok  audit log, journal and check"
    copy=$(find "$DATA" -name "00*-*Z.db" | head -n 1)
    if [ "$old" -lt "$NEWEST" ]; then
        [ -n "$copy" ] || die "no copy from before: $(ls "$DATA")"
        expect "the copy of before has the schema of before" "$(sqlite3 "file:$copy?mode=ro" 'SELECT MAX(v) FROM schema_version')" "$old"
    fi
done

say "tomorrow's"
sqlite3 "$DATA/inventory.db" "INSERT INTO schema_version VALUES ($((NEWEST + 1)), $((NEWEST + 1)), 1); PRAGMA wal_checkpoint(TRUNCATE);" >/dev/null
before=$(sha256sum <"$DATA/inventory.db")
expect_fails "a newer schema is refused" "$WHORLD" serve --dir "$DATA"
expect_in "and told why" "$(cat "$WORK/out")" "use a newer whorld"
expect "nothing is changed" "$(sha256sum <"$DATA/inventory.db")" "$before"
