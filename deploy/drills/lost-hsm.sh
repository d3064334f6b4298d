#!/usr/bin/env bash
# Drill: the HSM that holds the keys of the authorities is lost, and a copy of its token exists: another unit of a pair, or the backup of the
# token restored into a new one. Proves that every key is in the copy before anything is changed, changes the settings, has the server
# restarted, and waits until it is ready. Prints how long each step took. To be run on the server's machine, as the server's user.
#
#   deploy/drills/lost-hsm.sh DIR --token LABEL [--module FILE.so] [--pin-file FILE] [--restart COMMAND]
#
# DIR        the data directory
# --token    the label of the copy
# --module, --pin-file   where they are others than those of the lost one
# --restart  what restarts the server ("systemctl restart whorld"); without it the drill asks for it and waits 10 minutes
# WHORLD     the server's program (default: whorld)
#
# The settings that were are kept as DIR/whorl.conf.lost-hsm. It may be run again at any time. Exit status: 0 the server signs with the copy;
# 1 not, and the last line says why; 2 wrong usage. Where no copy exists, new authorities are needed: lost-hsm-no-copy.sh.
# Needs bash, awk.
set -euo pipefail
WHORLD=${WHORLD:-whorld}
usage() { sed -n 's/^# \{0,1\}//p' "$0" | sed -n '5,13p' >&2; exit 2; }

dir='' token='' module='' pin_file='' restart=''
while [ $# -gt 0 ]; do
    case $1 in
        --token) [ $# -ge 2 ] || usage; token=$2; shift 2 ;;
        --module) [ $# -ge 2 ] || usage; module=$2; shift 2 ;;
        --pin-file) [ $# -ge 2 ] || usage; pin_file=$2; shift 2 ;;
        --restart) [ $# -ge 2 ] || usage; restart=$2; shift 2 ;;
        -*) usage ;;
        *) [ -z "$dir" ] || usage; dir=$1; shift ;;
    esac
done
[ -n "$dir" ] && [ -n "$token" ] || usage

# shellcheck source=deploy/drills/lib.sh
source "$(dirname "$0")/lib.sh"
setting() { "$WHORLD" config --dir "$dir" | sed -n "s/^$1 = //p"; }

# --- what was
"$WHORLD" config --dir "$dir" >/dev/null || fail "the settings of $dir cannot be read"
[ "$(setting keystore)" = pkcs11 ] || fail "the keys of $dir are not in a token"
if "$WHORLD" hsm status --dir "$dir" >"$work/status" 2>&1; then
    say "the token \"$(setting pkcs11_token)\" answers: is it lost? Going on to the other one"
else
    say "the token \"$(setting pkcs11_token)\": $(tail -n 1 "$work/status")"
fi

# --- is everything in the copy? The environment wins over the file, which is not touched yet.
export WHORL_PKCS11_TOKEN=$token WHORL_PKCS11_SLOT=-1
if [ -n "$module" ]; then export WHORL_PKCS11_MODULE=$module; fi
if [ -n "$pin_file" ]; then export WHORL_PKCS11_PIN_FILE=$pin_file; fi
"$WHORLD" hsm status --dir "$dir" >"$work/status" 2>&1 || fail "the copy does not answer: $(tail -n 1 "$work/status")"
"$WHORLD" check --dir "$dir" >"$work/check" 2>&1 || {
    grep -i problem "$work/check" || tail -n 3 "$work/check"
    fail "the copy is not whole, so nothing was changed"
}
say "every key of an authority is in \"$token\", and signs"

# --- the settings
conf=$dir/whorl.conf
[ -e "$conf.lost-hsm" ] || cp -p "$conf" "$conf.lost-hsm"
awk '!/^(pkcs11_token|pkcs11_slot)[ =]/' "$conf" >"$work/conf"
if [ -n "$module" ]; then awk '!/^pkcs11_module[ =]/' "$work/conf" >"$work/next" && mv "$work/next" "$work/conf"; fi
if [ -n "$pin_file" ]; then awk '!/^pkcs11_pin_file[ =]/' "$work/conf" >"$work/next" && mv "$work/next" "$work/conf"; fi
{
    printf 'pkcs11_token = %s\n' "$token"
    if [ -n "$module" ]; then printf 'pkcs11_module = %s\n' "$module"; fi
    if [ -n "$pin_file" ]; then printf 'pkcs11_pin_file = %s\n' "$pin_file"; fi
} >>"$work/conf"
unset WHORL_PKCS11_TOKEN WHORL_PKCS11_SLOT WHORL_PKCS11_MODULE WHORL_PKCS11_PIN_FILE
cp "$work/conf" "$conf.new" && chmod --reference="$conf" "$conf.new" && sync "$conf.new" && mv "$conf.new" "$conf"
[ "$(setting pkcs11_token)" = "$token" ] || fail "the setting is not in force: the environment of the service may have another"
say "the settings name it; the former ones are $conf.lost-hsm"

# --- the server
if [ -n "$restart" ]; then
    bash -c "$restart" >"$work/restart" 2>&1 || fail "the restart failed: $(tail -n 1 "$work/restart")"
    say "restarted"
else
    say "restart the server now; a new process is needed"
fi
end=$((SECONDS + 600))
until "$WHORLD" ping --dir "$dir" >"$work/ping" 2>&1; do
    [ $SECONDS -lt $end ] || fail "the server is not ready: $(tail -n 1 "$work/ping")"
    sleep 0.3
done
say "the server is ready. Destroy what is left of the lost HSM, or have its keys declared compromised if it was stolen"
