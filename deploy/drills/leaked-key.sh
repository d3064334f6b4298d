#!/usr/bin/env bash
# Drill: the operational key of a device has leaked. Revokes its certificate (keyCompromise), waits until the CRL that the certificate points to
# and the OCSP responder that it names say so, allows the device one enrolment under its identity key, which never left the chip, and waits for
# it to come back with another key. Prints how long each step took.
#
#   deploy/drills/leaked-key.sh SERIAL [--wait SECONDS]
#
# SERIAL     of the certificate over the leaked key (`whorl certificate list --device ID`), lower-case hexadecimal
# --wait     how long to wait for the device (3600; 0: not at all). Lists and answers are waited for 60 s.
# WHORL      the command line with its profile (default: whorl). Its credential needs devices:read, devices:write, certificates:read and
#            certificates:revoke.
#
# It may be run again at any time: what is done is looked at, not done twice. Exit status: 0 the device is back, or has a newer key already;
# 1 not yet, and the last line says what is missing; 2 wrong usage.
# Needs bash, jq, curl, openssl.
set -euo pipefail
WHORL=${WHORL:-whorl}
read -r -a whorl <<<"$WHORL"
usage() { sed -n 's/^# \{0,1\}//p' "$0" | sed -n '5,12p' >&2; exit 2; }

serial='' wait_s=3600
while [ $# -gt 0 ]; do
    case $1 in
        --wait) [ $# -ge 2 ] && [[ $2 =~ ^[0-9]+$ ]] || usage; wait_s=$2; shift 2 ;;
        -*) usage ;;
        *) [ -z "$serial" ] || usage; serial=$1; shift ;;
    esac
done
[[ $serial =~ ^[0-9a-f]{32}$ ]] || usage

# shellcheck source=deploy/drills/lib.sh
source "$(dirname "$0")/lib.sh"
certificate() { "${whorl[@]}" certificate show "$serial" --json >"$work/certificate" || fail "no certificate $serial can be seen with this credential"; }
of_certificate() { jq -r "$1" "$work/certificate"; }
device() { "${whorl[@]}" device show "$id" --json >"$work/device" || fail "the device $id cannot be seen with this credential"; }
of_device() { jq -r "$1" "$work/device"; }

# --- what leaked
certificate
id=$(of_certificate .device_id)
key=$(of_certificate .spki_sha256)
of_certificate .pem >"$work/certificate.pem"
"${whorl[@]}" authority chain "$(of_certificate .authority)" >"$work/chain.pem" || fail "the chain of the authority cannot be read"
openssl x509 -in "$work/chain.pem" -out "$work/issuer.pem"
say "certificate $serial of device $id, generation $(of_certificate .generation), $(of_certificate .state)"

# --- revoked
if [ "$(of_certificate .state)" = revoked ]; then
    say "it was revoked before: $(of_certificate .revocation_reason)"
else
    "${whorl[@]}" certificate revoke "$serial" --reason keyCompromise --yes >/dev/null || fail "it could not be revoked"
    certificate
    [ "$(of_certificate .state)" = revoked ] || fail "it is not revoked; is a second person asked for? (whorl approval list)"
    say "revoked: from here on Whorl refuses it"
fi

# --- told to everybody
crl_lists() {
    curl -sS -f -m 10 -o "$work/crl" "$crl" 2>"$work/why" || return 1
    openssl crl -inform DER -in "$work/crl" -CAfile "$work/issuer.pem" -noout 2>&1 | grep -q 'verify OK' || return 1
    openssl crl -inform DER -in "$work/crl" -noout -text | grep -qi "Serial Number: $serial"
}
ocsp_says() {
    openssl ocsp -issuer "$work/issuer.pem" -cert "$work/certificate.pem" -url "$ocsp" -CAfile "$work/chain.pem" -timeout 10 >"$work/ocsp" 2>&1 || return 1
    grep -q 'Response verify OK' "$work/ocsp" && grep -q ': revoked' "$work/ocsp"
}
crl=$(openssl x509 -in "$work/certificate.pem" -noout -ext crlDistributionPoints 2>/dev/null | grep -o 'http[^ ]*' | head -n 1 || true)
ocsp=$(openssl x509 -in "$work/certificate.pem" -noout -ocsp_uri)
if [ -n "$crl" ]; then
    wait_for 60 crl_lists || fail "$crl does not list it: $(head -n 1 "$work/why")"
    say "on the CRL: $crl"
fi
if [ -n "$ocsp" ]; then
    wait_for 60 ocsp_says || fail "$ocsp does not say that it is revoked: $(head -n 1 "$work/ocsp")"
    say "OCSP says so: $ocsp"
fi

# --- the way back
is_back() {
    device
    [ "$(of_device .state)" = enrolled ] && [ -n "$(of_device ".certificates[] | select(.state == \"confirmed\" and .spki_sha256 != \"$key\") | .serial")" ]
}
if is_back; then
    say "the device has another key"
    exit 0
fi
case $(of_device .state) in
    revoked)
        if [ "$(of_device .reenrol_allowed)" = true ]; then
            say "it may enrol again: allowed before"
        else
            "${whorl[@]}" device allow-reenrol "$id" --reason "leaked key of $serial" >/dev/null || fail "re-enrolment could not be allowed"
            say "it may enrol again under its identity key, once"
        fi
        ;;
    enrolled) say "it waits for the first use of its new certificate" ;;
    *) fail "the device is $(of_device .state): decide about that first" ;;
esac
wait_for "$wait_s" is_back || fail "the device has not come back yet: run this again, or visit it"
say "the device is back with another key, generation $(of_device .generation)"
