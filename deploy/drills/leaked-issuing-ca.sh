#!/usr/bin/env bash
# Drill: the key of an issuing CA has leaked. Declares it compromised, which revokes its certificate, lets another one issue in its place, and leaves
# its devices nothing but their status and a new key; waits until the CRL and OCSP of its issuer say so; writes down what brokers and gateways take
# instead of it; orders the devices under it, in waves if that is wished, to make new keys, and waits for them. Prints how long each step took.
#
#   deploy/drills/leaked-issuing-ca.sh ID --out FOLDER [--waves LIST] [--rate N] [--wait SECONDS]
#
# ID         of the issuing CA (`whorl ca list`)
# --out      gets authorities.pem (who issues now, and the chain above) and crls.pem (the list of who certified it, the list of who issues now)
# --waves, --rate   of the campaign `leaked-ID`, as `whorl rekey-plan create` has them (everybody at once; rate in a second)
# --wait     how long to wait for the devices (86400; 0: not at all). Lists and answers are waited for 60 s.
# WHORL      the command line with its profile (default: whorl). Its credential needs certificates:read, devices:read, devices:write and
#            installation, or admin for what is a tenant's.
#
# It may be run again at any time: what is done is looked at, not done twice. Exit status: 0 no device uses it any more; 1 not yet, and the last line
# says what is missing; 2 wrong usage. Needs bash, jq, curl, openssl. A root cannot be revoked: docs/authorities.md.
set -euo pipefail
WHORL=${WHORL:-whorl}
read -r -a whorl <<<"$WHORL"
usage() { sed -n 's/^# \{0,1\}//p' "$0" | sed -n '6,14p' >&2; exit 2; }

id='' out='' course=() wait_s=86400
while [ $# -gt 0 ]; do
    case $1 in
        --out) [ $# -ge 2 ] || usage; out=$2; shift 2 ;;
        --waves) [ $# -ge 2 ] || usage; course+=(--waves "$2"); shift 2 ;;
        --rate) [ $# -ge 2 ] && [[ $2 =~ ^[0-9]+$ ]] || usage; course+=(--rate "$2" --per second); shift 2 ;;
        --wait) [ $# -ge 2 ] && [[ $2 =~ ^[0-9]+$ ]] || usage; wait_s=$2; shift 2 ;;
        -*) usage ;;
        *) [ -z "$id" ] || usage; id=$1; shift ;;
    esac
done
[[ $id =~ ^[a-z][a-z0-9-]{0,30}$ ]] && [ -n "$out" ] || usage
mkdir -p "$out"

# shellcheck source=deploy/drills/lib.sh
source "$(dirname "$0")/lib.sh"
of() { jq -r "$2" "$work/$1"; }
show() { "${whorl[@]}" ca show "$1" --json >"$work/$2" || fail "no authority $1 can be seen with this credential"; }

# --- what leaked
show "$id" leaked
role=$(of leaked .role) serial=$(of leaked .serial) issuer=$(of leaked '.issuer // ""')
[ "$role" != root ] || fail "$id is a root: nobody can revoke it. Whoever trusts it must be told, and takes another one: docs/authorities.md"
of leaked .pem >"$work/leaked.pem"
say "$id, $role, $(of leaked .state), $(of leaked .subject), serial $serial"

# --- no more
if [ "$(of leaked .state)" = compromised ]; then
    say "it was declared compromised before"
else
    "${whorl[@]}" ca compromised "$id" --note "drill leaked-issuing-ca" --yes >/dev/null || fail "it could not be declared compromised"
    show "$id" leaked
    [ "$(of leaked .state)" = compromised ] || fail "nothing has changed yet; does it wait for a second person? (whorl approval list)"
    say "compromised: it issues nothing, and its devices may ask for their status and make new keys"
fi
# the key of the next one is made after the order, and an approved order is carried out a moment later
successor=
succeeded() {
    "${whorl[@]}" ca list --all --json >"$work/list" || fail "the authorities cannot be seen with this credential"
    successor=$(jq -rs '[.[] | select(.role == $l[0].role and .owner == $l[0].owner and .state == "active")] | (map(select(.is_default)) + .)[0].id // ""' \
        --slurpfile l "$work/leaked" "$work/list")
    [ -n "$successor" ]
}
wait_for 10 succeeded || fail "nobody issues in its place yet: see the alarms, and whorl ca list"
say "$successor issues in its place"

# --- told to everybody
[ -n "$issuer" ] || fail "whoever signed its certificate is not here, and must revoke it: serial $serial"
show "$issuer" issuer
of issuer .pem >"$work/issuer.pem"
url=$(openssl x509 -in "$work/leaked.pem" -noout -ext crlDistributionPoints 2>/dev/null | grep -o 'http[^ ]*' | head -n 1 || true)
[ -n "$url" ] || fail "its certificate names no CRL: tell by hand who relies on it"
lists() {
    curl -sS -f -m 10 -o "$work/issuer.crl" "$url" 2>"$work/why" || return 1
    openssl crl -inform DER -in "$work/issuer.crl" -CAfile "$work/issuer.pem" -noout 2>&1 | grep -q 'verify OK' || return 1
    openssl crl -inform DER -in "$work/issuer.crl" -noout -text | grep -A 4 -i "Serial Number: $serial" | grep -q 'CA Compromise'
}
told() {
    openssl ocsp -issuer "$work/issuer.pem" -cert "$work/leaked.pem" -url "${url%/crl/*}/ocsp" -CAfile "$work/issuer.pem" -timeout 10 >"$work/ocsp" 2>&1 || return 1
    grep -q 'Response verify OK' "$work/ocsp" && grep -q ': revoked' "$work/ocsp"
}
wait_for 60 lists || fail "$url does not list it; where the key of $issuer is elsewhere, its next list must be signed there (whorld ca request) $(head -n 1 "$work/why")"
say "on the CRL of $issuer, cACompromise: $url"
if wait_for 5 told; then say "OCSP says so: ${url%/crl/*}/ocsp"; else say "OCSP does not: $(head -n 1 "$work/ocsp")"; fi

# --- what others take
crl() { curl -sS -f -m 10 "${url%/crl/*}/crl/$successor.crl" 2>"$work/why" | openssl crl -inform DER -out "$work/successor.crl" 2>>"$work/why"; }
"${whorl[@]}" authority chain "$successor" >"$out/authorities.pem" || fail "the chain of $successor cannot be read"
openssl crl -inform DER -in "$work/issuer.crl" >"$out/crls.pem"
if wait_for 30 crl; then cat "$work/successor.crl" >>"$out/crls.pem"; else say "no complete CRL of $successor: $(head -n 1 "$work/why")"; fi
openssl verify -x509_strict -crl_check_all -CAfile "$work/issuer.pem" -CRLfile "$out/crls.pem" "$work/leaked.pem" >"$work/verify" 2>&1 && fail "openssl verify takes it yet"
grep -q 'certificate revoked' "$work/verify" || fail "openssl verify says: $(grep -m 1 error "$work/verify")"
say "openssl verify refuses it. Give $out to brokers and gateways, and take $id out of what they trust: who checks the CRLs of devices' CAs alone trusts it yet"
if [ "$role" != device ]; then
    say "the certificates under it are to be made anew where they are used; no device has one"
    exit 0
fi

# --- the devices
under() { "${whorl[@]}" rekey-plan try --authority "$id" --json >"$work/try" || fail "the devices under it cannot be counted with this credential"; }
nobody() { under && [ "$(of try .count)" = 0 ]; }
if nobody; then
    say "no device uses it"
    exit 0
fi
plan=leaked-$id
if ! "${whorl[@]}" rekey-plan show "$plan" --json >"$work/plan" 2>/dev/null; then
    "${whorl[@]}" rekey-plan create "$plan" --authority "$id" "${course[@]}" --json >"$work/plan" || fail "a campaign could not be drafted"
fi
if [ "$(of plan .state)" = draft ]; then
    "${whorl[@]}" rekey-plan start "$plan" >/dev/null || fail "the campaign could not be started"
    say "the campaign $plan tells its devices to make new keys, under $successor"
else
    say "the campaign $plan is $(of plan .state)"
fi
if ! wait_for "$wait_s" nobody; then
    "${whorl[@]}" rekey-plan show "$plan" --json >"$work/plan"
    fail "$(of try '.count // "at least \(.at_least)"') devices use it yet; $(of plan '.devices | "told \(.told), confirmed \(.confirmed), failed \(.failed)"'): run this again"
fi
say "no device uses it any more"
