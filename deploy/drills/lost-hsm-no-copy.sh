#!/usr/bin/env bash
# Drill: the HSM that holds the keys of issuing authorities is lost, and there is no copy of its token; the key of the root is elsewhere (in a file, or
# offline). Puts the notes of the lost keys aside, has new keys made in another token or in files, makes successors of the lost authorities under the
# root, orders the devices under them to make new keys, and waits for them. Prints how long each step took. To be run on the server's machine, as the
# server's user, while the server runs: it serves everything that needs no signature. Where a copy exists: lost-hsm.sh.
#
#   deploy/drills/lost-hsm-no-copy.sh DIR (--token LABEL [--module FILE.so] [--pin-file FILE] | --files) [--restart COMMAND]
#                                     [--waves LIST] [--rate N] [--wait SECONDS]
#
# DIR        the data directory
# --token    the label of a new, empty token; --files: in files, until there is one
# --module, --pin-file   where they are others than those of the lost one
# --restart  what restarts the server ("systemctl restart whorld"); without it the drill asks for it and waits 10 minutes
# --waves, --rate   of the campaigns `lost-ID`, as `whorl rekey-plan create` has them (everybody at once; rate in a second)
# --wait     how long to wait for the devices (86400; 0: not at all)
# WHORLD, WHORL   the server's program, and the command line with its profile (default: whorld, whorl). Its credential needs certificates:read,
#            devices:read, devices:write and installation, or admin for what is a tenant's.
#
# It may be run again at any time: what is done is looked at, not done twice. Exit status: 0 no device uses a lost authority any more; 1 not yet, and the
# last line says what is missing; 2 wrong usage. A lost key signs no CRL: the last list of a lost authority should outlive the move (crl_lifetime_h).
# If the HSM was stolen and not destroyed, declare its authorities compromised instead: leaked-issuing-ca.sh. Needs bash, awk, jq.
set -euo pipefail
WHORLD=${WHORLD:-whorld}
WHORL=${WHORL:-whorl}
read -r -a whorl <<<"$WHORL"
usage() { sed -n 's/^# \{0,1\}//p' "$0" | sed -n '7,19p' >&2; exit 2; }

dir='' token='' files='' module='' pin_file='' restart='' course=() wait_s=86400
while [ $# -gt 0 ]; do
    case $1 in
        --files) files=1; shift; continue ;;
        --token | --module | --pin-file | --restart | --waves | --rate | --wait) [ $# -ge 2 ] || usage ;;
        -*) usage ;;
        *) [ -z "$dir" ] || usage; dir=$1; shift; continue ;;
    esac
    case $1 in
        --token) token=$2 ;;
        --module) module=$2 ;;
        --pin-file) pin_file=$2 ;;
        --restart) restart=$2 ;;
        --waves) course+=(--waves "$2") ;;
        --rate) [[ $2 =~ ^[0-9]+$ ]] || usage; course+=(--rate "$2" --per second) ;;
        --wait) [[ $2 =~ ^[0-9]+$ ]] || usage; wait_s=$2 ;;
    esac
    shift 2
done
[ -n "$dir" ] && [ -n "$token$files" ] && { [ -z "$token" ] || [ -z "$files" ]; } || usage

# shellcheck source=deploy/drills/lib.sh
source "$(dirname "$0")/lib.sh"
of() { jq -r "$2" "$work/$1"; }
setting() { "$WHORLD" config --dir "$dir" | sed -n "s/^$1 = //p"; }
authorities() { "${whorl[@]}" ca list --all --json >"$work/list" 2>"$work/why" || fail "the authorities cannot be seen: $(head -n 1 "$work/why")"; }
lost() { (cd "$aside" 2>/dev/null && for note in "$1"*.token; do [ ! -e "$note" ] || echo "${note%.token}"; done) | sed "s/^$1//"; }
aside=$dir/keys/lost-hsm conf=$dir/whorl.conf

# --- is it lost, and is the root elsewhere?
"$WHORLD" config --dir "$dir" >/dev/null || fail "the settings of $dir cannot be read"
authorities
root=$(jq -rs '[.[] | select(.role == "root" and .state == "active")] | (map(select(.is_default)) + .)[0].id // ""' "$work/list")
[ -n "$root" ] || fail "no root is active: see whorl ca list"
if [ ! -d "$aside" ]; then
    [ "$(setting keystore)" = pkcs11 ] || fail "the keys of $dir are not in a token"
    if "$WHORLD" check --dir "$dir" >"$work/check" 2>&1; then fail "every key of an authority is there, and signs: nothing is lost, and nothing was changed"; fi
    [ ! -e "$dir/keys/ca-$root.token" ] ||
        fail "the key of the root $root is lost too: nobody can make authorities that the devices trust. Found an installation anew: docs/hsm.md; nothing was changed"
    # --- the new place; the environment wins over the file, which is not touched yet
    if [ -n "$token" ]; then
        WHORL_PKCS11_TOKEN=$token WHORL_PKCS11_SLOT=-1 WHORL_PKCS11_MODULE=${module:-$(setting pkcs11_module)} \
            WHORL_PKCS11_PIN_FILE=${pin_file:-$(setting pkcs11_pin_file)} "$WHORLD" hsm status --dir "$dir" >"$work/status" 2>&1 ||
            fail "the new token does not answer, so nothing was changed: $(tail -n 1 "$work/status")"
    fi
    [ -e "$conf.lost-hsm" ] || cp -p "$conf" "$conf.lost-hsm"
    awk '!/^(keystore|pkcs11_token|pkcs11_slot)[ =]/' "$conf" >"$work/conf"
    if [ -n "$module" ]; then awk '!/^pkcs11_module[ =]/' "$work/conf" >"$work/next" && mv "$work/next" "$work/conf"; fi
    if [ -n "$pin_file" ]; then awk '!/^pkcs11_pin_file[ =]/' "$work/conf" >"$work/next" && mv "$work/next" "$work/conf"; fi
    if [ -n "$files" ]; then echo 'keystore = files'; else printf 'keystore = pkcs11\npkcs11_token = %s\n' "$token"; fi >>"$work/conf"
    if [ -n "$module" ]; then printf 'pkcs11_module = %s\n' "$module" >>"$work/conf"; fi
    if [ -n "$pin_file" ]; then printf 'pkcs11_pin_file = %s\n' "$pin_file" >>"$work/conf"; fi
    cp "$work/conf" "$conf.new" && chmod --reference="$conf" "$conf.new" && sync "$conf.new" && mv "$conf.new" "$conf"
    # --- last, because this is what "done" is seen by
    mkdir -m 700 "$aside.new" && for note in "$dir"/keys/*.token; do mv "$note" "$aside.new/"; done
    sync "$aside.new" && mv "$aside.new" "$aside"
    say "the settings name the new place ($conf.lost-hsm are the former ones), the notes of lost keys are in $aside"
    if [ -n "$restart" ]; then
        bash -c "$restart" >"$work/restart" 2>&1 || fail "the restart failed: $(tail -n 1 "$work/restart")"
    else
        say "restart the server now"
        wait_for 600 eval '! "$WHORLD" ping --dir "$dir" >/dev/null 2>&1' || fail "the server was not restarted"
    fi
fi
ready() { "$WHORLD" ping --dir "$dir" >"$work/ping" 2>&1; }
wait_for 600 ready || fail "the server is not ready: $(tail -n 1 "$work/ping")"
say "the server is ready; lost are the keys of $(lost ca- | xargs)"

# --- successors
authorities
for id in $(lost ca-); do
    jq -s --arg id "$id" '[.[] | select(.id == $id)][0] // {}' "$work/list" >"$work/one"
    if [ "$(of one '.state // "unknown"')" != active ]; then continue; fi
    jq -rs --arg id "$id" '[.[] | select(.predecessor == $id and .state != "retired")][0].id // ""' "$work/list" >"$work/next"
    if [ -s "$work/next" ] && [ -n "$(cat "$work/next")" ]; then
        next=$(cat "$work/next")
        "${whorl[@]}" ca activate "$next" --note "drill lost-hsm" --yes >/dev/null 2>"$work/why" ||
            fail "$next waits for its certificate, which $root signs: docs/authorities.md#offline-root ($(head -n 1 "$work/why")); then run this again"
        say "$next takes the place of $id"
    elif "${whorl[@]}" ca roll "$id" --issuer "$root" --note "drill lost-hsm" --json --yes >"$work/made" 2>"$work/why"; then
        say "$(of made '.id // "a successor, once a second person agrees,"') takes the place of $id"
    else
        "${whorl[@]}" ca roll "$id" --external --note "drill lost-hsm" --json --yes >"$work/made" 2>>"$work/why" || fail "$id has no successor: $(head -n 1 "$work/why")"
        say "$(of made .id) waits for its certificate: the key of $root is not here"
        missing="sign what waits with $root (docs/authorities.md#offline-root), import it, and run this again"
    fi
done
[ -z "${missing:-}" ] || fail "$missing"
authorities
waiting=$(jq -rs --arg ids "$(lost ca-)" '($ids | split("\n")) as $lost | [.[] | select(.state == "active" and (.id as $i | $lost | index($i)))] | map(.id) | join(" ")' "$work/list")
[ -z "$waiting" ] || fail "still active, without a key: $waiting; do the orders wait for a second person? (whorl approval list)"
firmware=$(lost fw- | xargs)
[ -z "$firmware" ] || say "lost too are keys of firmware: $firmware; make others, and let the devices trust them (firmware-key.sh)"

# --- the devices
left=''
for id in $(lost ca-); do
    under() { "${whorl[@]}" rekey-plan try --authority "$id" --json >"$work/try" 2>"$work/why" || fail "the devices of $id cannot be counted: $(head -n 1 "$work/why")"; }
    nobody() { under && [ "$(of try .count)" = 0 ]; }
    [ "$(jq -rs --arg id "$id" '[.[] | select(.id == $id)][0].role // ""' "$work/list")" = device ] || continue
    if nobody; then continue; fi
    plan=lost-$id
    if ! "${whorl[@]}" rekey-plan show "$plan" --json >"$work/plan" 2>/dev/null; then
        "${whorl[@]}" rekey-plan create "$plan" --authority "$id" "${course[@]}" --json >"$work/plan" || fail "a campaign for $id could not be drafted"
    fi
    if [ "$(of plan .state)" = draft ]; then
        "${whorl[@]}" rekey-plan start "$plan" >/dev/null || fail "the campaign $plan could not be started"
        say "the campaign $plan tells the devices of $id to make new keys"
    fi
    if ! wait_for "$wait_s" nobody; then left="$left$id: $(of try '.count // "at least \(.at_least)"') "; fi
done
[ -z "$left" ] || fail "devices use a lost authority yet ($left): run this again before its last CRL ends"
mv "$aside" "$aside-$(date -u +%Y%m%dT%H%M%SZ)" # the next time is another one
say "no device uses a lost authority any more. Brokers and gateways: take the new ones from cacerts, and the lost ones out"
