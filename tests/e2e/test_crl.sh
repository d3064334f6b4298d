#!/usr/bin/env bash
# CRLs as others read them: the complete list with OpenSSL, GnuTLS and strongSwan; shards with OpenSSL, and what the other two make of them.
# Numbers rise, only what changed is signed again, entity tags hold, and a server that starts shows lists of today.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need certtool
need pki
need sqlite3

upper() { tr a-f A-F <<<"$1"; }
serial_of() { openssl x509 -in "$WORK/$1.crt" -noout -serial | cut -d= -f2 | tr A-F a-f; }
number_of() { openssl crl -inform DER -in "$1" -noout -crlnumber | cut -d= -f2; }
cdp_of() { openssl x509 -in "$WORK/$1.crt" -noout -ext crlDistributionPoints | grep -o 'http:[^ ]*'; }
fetch() { curl -sS -f -o "$WORK/$2" "$1"; } # URL FILE
lists() { openssl crl -inform DER -in "$1" -noout -text | grep -q "$(upper "$2")"; } # FILE SERIAL
# wait_listed URL SERIAL: until the list has it
wait_listed() {
    for _ in $(seq 80); do
        if fetch "$1" waited.crl && lists "$WORK/waited.crl" "$2"; then return 0; fi
        sleep 0.1
    done
    die "$1 does not list $2"
}
enrolled() { # NAME: a device with a certificate
    new_identity "$1-birth"
    register "$ID" >/dev/null
    new_key "$1"
    est "$1-birth" simpleenroll "$(csr "$1")"
    keep_certificate "$1"
}
revoke() { api POST "/api/v1/certificates/$(serial_of "$1")/revoke" '{"reason":"keyCompromise"}' >/dev/null; expect_status "revoked $1" 200; }
authorities() { # root.pem and device.pem, PEM and DER
    fetch "$PUBLIC/ca/root.cer" root.cer
    fetch "$PUBLIC/ca/device.cer" device.cer
    for name in root device; do openssl x509 -inform DER -in "$WORK/$name.cer" -out "$WORK/$name.pem"; done
    cat "$WORK/device.pem" "$WORK/root.pem" >"$WORK/trust.pem"
}
pem_lists() { # the named DER lists as one file of PEM
    local file
    for file in "$@"; do openssl crl -inform DER -in "$WORK/$file"; done
}
# How each program judges a device's certificate, with the lists that are given as DER files
by_openssl() { # OPTIONS NAME LISTS…
    local options=$1 name=$2
    shift 2
    pem_lists "$@" >"$WORK/lists.pem"
    # shellcheck disable=SC2086
    openssl verify -x509_strict $options -CAfile "$WORK/trust.pem" -CRLfile "$WORK/lists.pem" "$WORK/$name.crt"
}
by_gnutls() { # NAME LISTS…
    local name=$1
    shift
    pem_lists "$@" >"$WORK/lists.pem"
    certtool --verify --load-ca-certificate "$WORK/trust.pem" --load-crl "$WORK/lists.pem" --infile "$WORK/$name.crt"
}
by_strongswan() { # NAME LISTS…
    local name=$1 option=()
    shift
    for list in "$@"; do option+=(--crl "$WORK/$list"); done
    pki --verify --in "$WORK/$name.crt" --cacert "$WORK/device.cer" --cacert "$WORK/root.cer" "${option[@]}"
}

say "--- one complete list"
init_data
start_server
authorities
enrolled good
enrolled bad
expect "the certificate points to it" "$(cdp_of good)" "$PUBLIC/crl/device.crl"
fetch "$PUBLIC/crl/device.crl" before.crl
revoke bad
wait_listed "$PUBLIC/crl/device.crl" "$(serial_of bad)"
fetch "$PUBLIC/crl/device.crl" device.crl
fetch "$PUBLIC/crl/root.crl" root.crl
[ $((16#$(number_of "$WORK/device.crl" | sed 's/^0x//'))) -gt $((16#$(number_of "$WORK/before.crl" | sed 's/^0x//'))) ] || die "the number did not rise"
say "ok  the number rose"
case $(openssl crl -inform DER -in "$WORK/device.crl" -noout -text) in *Issuing*) die "a complete list with a scope" ;; *) say "ok  no issuing distribution point" ;; esac
by_openssl -crl_check_all good device.crl root.crl >"$WORK/out" 2>&1 || die "openssl: $(cat "$WORK/out")"
say "ok  openssl takes the good one"
expect_fails "openssl refuses the revoked one" by_openssl -crl_check_all bad device.crl root.crl
expect_in "because it is revoked" "$(cat "$WORK/out")" "certificate revoked"
by_gnutls good device.crl root.crl >"$WORK/out" 2>&1 || die "certtool: $(cat "$WORK/out")"
say "ok  certtool takes the good one"
expect_fails "certtool refuses the revoked one" by_gnutls bad device.crl root.crl
expect_in "because it is revoked" "$(cat "$WORK/out")" revoked
by_strongswan good device.crl root.crl >"$WORK/out" 2>&1 || die "pki: $(cat "$WORK/out")"
expect_in "pki takes the good one" "$(cat "$WORK/out")" "certificate trusted"
expect_fails "pki refuses the revoked one" by_strongswan bad device.crl root.crl
expect_in "because it is revoked" "$(cat "$WORK/out")" revoked

say "--- what a cache needs"
TAG=$(curl -sS -D - -o /dev/null "$PUBLIC/crl/device.crl" | tr -d '\r' | sed -n 's/^[Ee][Tt]ag: //p')
expect "the same list is not sent again" "$(curl -sS -o /dev/null -w '%{http_code}' -H "If-None-Match: $TAG" "$PUBLIC/crl/device.crl")" 304
revoke good
wait_listed "$PUBLIC/crl/device.crl" "$(serial_of good)"
expect "a new one is" "$(curl -sS -o /dev/null -w '%{http_code}' -H "If-None-Match: $TAG" "$PUBLIC/crl/device.crl")" 200
expect "no shards here" "$(curl -sS -o /dev/null -w '%{http_code}' "$PUBLIC/crl/device/0.crl")" 404

say "--- a start after a week: lists of today are there with the first answer"
fetch "$PUBLIC/crl/device.crl" kept.crl
stop_server
sqlite3 "$DATA/inventory.db" 'UPDATE crl SET this_update = this_update - 700000000, next_update = next_update - 700000000'
start_server
fetch "$PUBLIC/crl/device.crl" first.crl
expect_fails "another list than before" cmp -s "$WORK/kept.crl" "$WORK/first.crl"
[ "$(date -d "$(openssl crl -inform DER -in "$WORK/first.crl" -noout -nextupdate | cut -d= -f2)" +%s)" -gt "$(date +%s)" ] || die "it has ended"
say "ok  and it holds today"
stop_server

say "--- shards"
for count in 8 17 512 x -16 ''; do
    expect_fails "--crl-shards \"$count\" is refused" "$WHORLD" init --dir "$WORK/none" --crl-shards "$count"
done
DATA=$WORK/sharded
init_data --crl-shards 16
start_server
authorities
expect "the authority says so" "$(api GET /api/v1/authorities/device | jq -r .crl_shards)" 16
expect "the others have none" "$(api GET /api/v1/authorities/infrastructure | jq -r .crl_shards)" 0
expect "16 shards and 3 complete lists" "$(sqlite3 "$DATA/inventory.db" 'SELECT COUNT(*) FROM crl')" 19
enrolled one
enrolled two
SHARD=$(cdp_of two)
expect "the certificate points to the shard of its serial" "$SHARD" "$PUBLIC/crl/device/$((16#$(serial_of two | tail -c 2))).crl"
fetch "$SHARD" shard.crl
text=$(openssl crl -inform DER -in "$WORK/shard.crl" -noout -text)
expect_in "which is critical about its scope" "$text" "Issuing Distribution Point: critical"
expect_in "and names the same address" "$text" "$SHARD"
fetch "$PUBLIC/crl/root.crl" root.crl
for options in "-extended_crl -crl_check_all" -crl_check_all; do
    by_openssl "$options" two shard.crl root.crl >"$WORK/out" 2>&1 || die "openssl: $(cat "$WORK/out")"
    say "ok  openssl $options takes it"
done

numbers() { sqlite3 "$DATA/inventory.db" "SELECT shard, number FROM crl WHERE authority = 'device' AND shard > 0 ORDER BY shard"; }
numbers >"$WORK/numbers"
sleep 1.1
revoke two
wait_listed "$SHARD" "$(serial_of two)"
wait_listed "$PUBLIC/crl/device.crl" "$(serial_of two)"
say "ok  its shard lists it, and the complete list beside"
expect "no other shard was signed again" "$(numbers | diff "$WORK/numbers" - | grep -c '^>')" 1
fetch "$SHARD" shard.crl
fetch "$PUBLIC/crl/device.crl" device.crl
for options in "-extended_crl -crl_check_all" -crl_check_all; do
    expect_fails "openssl $options refuses the revoked one" by_openssl "$options" two shard.crl root.crl
    expect_in "because it is revoked" "$(cat "$WORK/out")" "certificate revoked"
done
if [ "$(cdp_of one)" = "$SHARD" ]; then OTHER=$PUBLIC/crl/device/$(((16#$(serial_of one | tail -c 2) + 1) % 16)).crl; else OTHER=$(cdp_of one); fi
fetch "$OTHER" other.crl
expect_fails "another shard proves nothing" by_openssl "-extended_crl -crl_check_all" two other.crl root.crl
expect_in "openssl says why" "$(cat "$WORK/out")" "ifferent CRL scope"

say "--- who cannot use shards (docs/revocation.md says so)"
# verdict PROGRAM LISTS…: about the revoked certificate
verdict() {
    local judge=$1
    shift
    if "$judge" two "$@" >"$WORK/out" 2>&1; then echo "trusted"; else echo "refused"; fi
}
all=()
for i in $(seq 0 15); do
    fetch "$PUBLIC/crl/device/$i.crl" "shard-$i.crl"
    all+=("shard-$i.crl")
done
stop_server # or strongSwan fetches what it wants
printf '  %-12s %-14s %-14s %s\n' '' 'its own shard' 'another shard' 'all shards'
for judge in by_gnutls by_strongswan; do
    printf '  %-12s %-14s %-14s %s\n' "${judge#by_}" "$(verdict $judge shard.crl root.crl)" "$(verdict $judge other.crl root.crl)" \
        "$(verdict $judge "${all[@]}" root.crl)"
done
expect_fails "with the complete list GnuTLS refuses it" by_gnutls two device.crl root.crl
expect_in "because it is revoked" "$(cat "$WORK/out")" revoked
expect_fails "and strongSwan too" by_strongswan two device.crl root.crl
expect_in "because it is revoked" "$(cat "$WORK/out")" revoked

say "--- the address stays when the settings change"
sed -i 's,^public_url = .*,public_url = http://other.example:8080,' "$DATA/whorl.conf"
start_server
PUBLIC=http://127.0.0.1:$PUBLIC_PORT
enrolled three
expect "a new certificate points to where the first did" "$(cdp_of three)" "$PUBLIC/crl/device/$((16#$(serial_of three | tail -c 2))).crl"
expect_in "its issuer is where the settings say" "$(openssl x509 -in "$WORK/three.crt" -noout -text)" "http://other.example:8080/ca/device.cer"
for bad in 16 01 -1 0x1 ''; do
    expect "no shard \"$bad\"" "$(curl -sS -o /dev/null -w '%{http_code}' "$PUBLIC/crl/device/$bad.crl")" 404
done
stop_server
