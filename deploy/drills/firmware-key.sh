#!/usr/bin/env bash
# Drill: the key that signs release manifests of a product has leaked. Declares it compromised, lists what it signed, makes another key, signs a
# statement about the product's manifest keys with the recovery key, which no server has, and puts it in force: devices fetch it, and take
# manifests of the new key only. Prints how long each step took.
#
#   deploy/drills/firmware-key.sh KEY --recovery-key FILE [--passphrase-file FILE] [--next-recovery-public FILE] [--name NAME]
#
# KEY                     id of the leaked key (`whorl firmware-key list`), or of the one before, when the drill is run again
# --recovery-key          private key in force as recovery key (PEM). It may be asked for its passphrase by --passphrase-file
# --next-recovery-public  the recovery key from now on (PEM public key); the same one stays in force without it
# --name                  of the new key (default: manifest- and the time)
# WHORL                   the command line with its profile (default: whorl). Its credential needs firmware:read and firmware:release.
#
# Run it where the recovery key may be shown; or make the statement elsewhere, as the drill does with `whorl firmware-anchors statement`, and put it in
# force by `whorl firmware-anchors put`. It may be run again at any time. Exit status: 0 the devices are told; 1 not yet, and the last line says
# what is missing; 2 wrong usage. Needs bash, jq, openssl.
set -euo pipefail
WHORL=${WHORL:-whorl}
read -r -a whorl <<<"$WHORL"
usage() { sed -n 's/^# \{0,1\}//p' "$0" | sed -n '6,14p' >&2; exit 2; }

key='' recovery='' passphrase=() next='' name="manifest-$(date -u +%Y%m%dT%H%M%SZ)"
while [ $# -gt 0 ]; do
    case $1 in
        --recovery-key) [ $# -ge 2 ] || usage; recovery=$2; shift 2 ;;
        --passphrase-file) [ $# -ge 2 ] || usage; passphrase=(--passphrase-file "$2"); shift 2 ;;
        --next-recovery-public) [ $# -ge 2 ] || usage; next=$2; shift 2 ;;
        --name) [ $# -ge 2 ] || usage; name=$2; shift 2 ;;
        -*) usage ;;
        *) [ -z "$key" ] || usage; key=$1; shift ;;
    esac
done
[[ $key =~ ^[0-9a-f]{8}-[0-9a-f-]{27}$ ]] && [ -r "$recovery" ] || usage

# shellcheck source=deploy/drills/lib.sh
source "$(dirname "$0")/lib.sh"
of() { jq -r "$2" "$work/$1"; }

# --- what leaked
"${whorl[@]}" firmware-key show "$key" --json >"$work/key" || fail "no firmware key $key can be seen with this credential"
[ "$(of key .role)" = manifest ] || fail "the key is of role $(of key .role): devices are moved from it by their boot loader or updater, not by a statement"
product=$(of key .product)
say "key $(of key .name) of product $product, $(of key .state), signed $(of key .uses) times"
if [ "$(of key .state)" != compromised ]; then
    "${whorl[@]}" firmware-key compromised "$key" --yes >/dev/null || fail "it could not be declared compromised"
    say "compromised: from here on it signs nothing at this server"
fi
"${whorl[@]}" firmware-key signed "$key" --json >"$work/signed"
jq -r '(if type == "array" then .[] else . end) | "           \(.kind) \(.id)  \(.at)"' "$work/signed"

# --- what takes its place
"${whorl[@]}" firmware-anchors show "$product" --json >"$work/anchors" 2>"$work/why" || fail "product $product has no statement about its manifest keys: $(head -n 1 "$work/why")"
if [ "$(of anchors .signing_key.spki_sha256)" != "$(of key .spki_sha256)" ]; then
    say "statement $(of anchors .sequence) is in force, and names another key"
    exit 0
fi
"${whorl[@]}" firmware-key create "$name" --role manifest --product "$product" --json >"$work/fresh" || fail "no other key could be made"
of fresh .public_key >"$work/signing.pem"
if [ -n "$next" ]; then cp "$next" "$work/recovery.pem"; else of anchors .recovery_key.public_key >"$work/recovery.pem"; fi
say "another key: $(of fresh .name), $(of fresh .id)"

# --- said by the recovery key
"${whorl[@]}" firmware-anchors statement --recovery-key "$recovery" "${passphrase[@]}" --signing-public "$work/signing.pem" \
    --recovery-public "$work/recovery.pem" --product "$product" ${WHORL_TENANT:+--tenant-name "$WHORL_TENANT"} --sequence $(($(of anchors .sequence) + 1)) \
    --output "$work/statement" || fail "the statement could not be made"
"${whorl[@]}" firmware-anchors put "$product" --statement "$work/statement" --json >"$work/anchors" || fail "the statement was not taken"
say "statement $(of anchors .sequence) is in force: devices take it at their next contact, and then refuse what the leaked key signs"
say "withdraw the releases that nobody should install, and sign others with $(of fresh .name)"
