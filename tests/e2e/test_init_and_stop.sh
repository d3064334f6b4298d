#!/usr/bin/env bash
# takes long
# The data directory: complete or refused; one server at a time; graceful stop; reload.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"

say "usage"
status_of() { local s=0; "$@" >"$WORK/out" 2>&1 || s=$?; echo $s; }
expect "no command" "$(status_of "$WHORLD")" 2
expect "unknown command" "$(status_of "$WHORLD" fly)" 2
expect "init without --dir" "$(status_of "$WHORLD" init)" 2
expect "unknown option" "$(status_of "$WHORLD" serve --dir x --colour)" 2
expect "help" "$(status_of "$WHORLD" help)" 0

say "directories that are not ours"
expect "serve on nothing" "$(status_of "$WHORLD" serve --dir "$WORK/none")" 1
mkdir "$WORK/foreign" && touch "$WORK/foreign/file"
expect "serve on a foreign directory" "$(status_of "$WHORLD" serve --dir "$WORK/foreign")" 1
expect "init on a foreign directory" "$(status_of "$WHORLD" init --dir "$WORK/foreign")" 1
expect "it is untouched" "$(ls -A "$WORK/foreign")" file

say "init killed at any moment leaves nothing that serve accepts, and can be repeated"
complete=0 refused=0 begin=${EPOCHREALTIME/./}
"$WHORLD" init --dir "$WORK/whole" >/dev/null
whole=$((${EPOCHREALTIME/./} - begin)) # as long as that takes, here and now
for n in $(seq 12); do
    dir=$WORK/killed
    rm -rf "$dir"
    setsid "$WHORLD" init --dir "$dir" >/dev/null 2>&1 &
    victim=$!
    sleep "$(awk "BEGIN { print $n * $whole / 10e6 }")"
    kill -9 $victim 2>/dev/null || true
    wait $victim 2>/dev/null || true
    if [ -e "$dir/installation.json" ]; then
        complete=$((complete + 1))
        expect_in "a complete one checks out ($n)" "$("$WHORLD" check --dir "$dir")" "0 problems"
    else
        refused=$((refused + 1))
        [ "$(status_of "$WHORLD" serve --dir "$dir")" = 1 ] || die "serve accepted a half-made directory ($n)"
        [ "$(status_of "$WHORLD" init --dir "$dir")" = 0 ] || { cat "$WORK/out"; die "init could not be repeated ($n)"; }
        [ "$(status_of "$WHORLD" check --dir "$dir")" = 0 ] || { cat "$WORK/out"; die "the repeated init is not whole ($n)"; }
    fi
done
say "ok  $refused half-made directories refused and made anew, $complete complete"
[ $refused -gt 0 ] || die "no init was interrupted: the test shows nothing"
[ $complete -gt 0 ] || say "note: no init came to its end within the time"

mkdir "$WORK/early" && touch "$WORK/early/.init.tmp-AbCdEf"
expect "nor does one killed before its first mark stood" "$(status_of "$WHORLD" init --dir "$WORK/early")" 0
mkdir -p "$WORK/late/keys" && touch "$WORK/late/.init" "$WORK/late/inventory.db-journal" "$WORK/late/keys/foreign"
expect "what is not ours is not cleared away" "$(status_of "$WHORLD" init --dir "$WORK/late")" 1
rm "$WORK/late/keys/foreign"
expect "and the mark stays until all of ours is gone" "$(status_of "$WHORLD" init --dir "$WORK/late")" 0

init_data
expect "a second init is refused" "$(status_of "$WHORLD" init --dir "$DATA")" 1
expect_in "check is content" "$("$WHORLD" check --dir "$DATA")" "0 problems"
expect_in "check tells what to back up" "$("$WHORLD" check --dir "$DATA")" "Back up"
expect_in "check knows the embedded passphrase" "$("$WHORLD" check --dir "$DATA")" "passphrase lies beside"
expect "admin.token is private" "$(stat -c %a "$DATA/admin.token")" 600
expect "keys are private" "$(stat -c %a "$DATA/keys")" 700
grep -rl "PRIVATE KEY" "$DATA" | xargs -r grep -L ENCRYPTED >"$WORK/plain"
expect "no key in the clear" "$(cat "$WORK/plain")" ""
chmod 644 "$DATA/keys/passphrase"
expect "check sees an open secret" "$(status_of "$WHORLD" check --dir "$DATA")" 1
chmod 600 "$DATA/keys/passphrase"
chmod 777 "$DATA"
expect "and a folder that others may write in" "$(status_of "$WHORLD" check --dir "$DATA")" 1
chmod 700 "$DATA"

say "settings"
expect "an unknown key" "$(cp "$DATA/whorl.conf" "$WORK/conf"; echo 'colour = red' >>"$DATA/whorl.conf"; status_of "$WHORLD" serve --dir "$DATA")" 1
expect_in "is named with its line" "$(cat "$WORK/out")" "colour"
cp "$WORK/conf" "$DATA/whorl.conf"
expect "a number out of range in the environment" "$(WHORL_WORKERS=0 status_of "$WHORLD" serve --dir "$DATA")" 1
expect "the environment wins" "$(WHORL_WORKERS=7 "$WHORLD" config --dir "$DATA" | grep '^workers')" "workers = 7"
"$WHORLD" config --markdown | diff - docs/configuration.md || die "docs/configuration.md is not what the table says"
say "ok  docs/configuration.md agrees with the table"
expect "a wrong passphrase" "$(WHORL_CA_PASSPHRASE=xxxxxxxxxxxxxxxxxxxxxxxx status_of "$WHORLD" serve --dir "$DATA")" 1

say "one server at a time; signals"
start_server
curl -sS "$PUBLIC/healthz" >/dev/null || die healthz
expect "readyz" "$(curl -sS -o /dev/null -w '%{http_code}' "$PUBLIC/readyz")" 200
expect "whorld ping: ready" "$("$WHORLD" ping --dir "$DATA")" ready
expect "a second serve is refused" "$(status_of "$WHORLD" serve --dir "$DATA")" 1
fingerprint() { openssl s_client -connect "${DEVICE#https://}" </dev/null 2>/dev/null | openssl x509 -noout -fingerprint; }
BEFORE=$(fingerprint)
echo 'hosts = localhost,127.0.0.1,renewed.example' >>"$DATA/whorl.conf"
kill -HUP "$SERVER_PID"
for _ in $(seq 100); do [ "$(fingerprint)" != "$BEFORE" ] && break; sleep 0.05; done
expect_in "SIGHUP: the new host is in the certificate" \
    "$(openssl s_client -connect "${DEVICE#https://}" </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName)" renewed.example
openssl s_client -connect "${DEVICE#https://}" -CAfile "$CA" -verify_return_error -verify_hostname renewed.example </dev/null >/dev/null 2>&1 || die "the renewed chain does not verify"
say "ok  openssl s_client verifies chain and name"
stop_server
say "ok  SIGTERM: exit 0"
expect_fails "whorld ping: nobody there" "$WHORLD" ping --dir "$DATA"
expect_fails "whorld ping: no such directory" "$WHORLD" ping --dir "$WORK/nowhere"
for pause in 0 0.01 0.02 0.03 0.04 0.05; do
    start_server
    kill -TERM "$SERVER_PID"
    sleep $pause
    kill -TERM "$SERVER_PID" 2>/dev/null || true
    ended=0
    wait "$SERVER_PID" || ended=$?
    SERVER_PID=
    [ $ended -eq 0 ] || die "a second SIGTERM $pause s after the first: exit $ended"
done
say "ok  an impatient second SIGTERM changes nothing"
start_server
stop_server
