#!/usr/bin/env bash
# Drill: the root is rolled over, one step at a call, since others need time in between: `publish` a new root beside the old one, `move` the
# issuing CAs under it, `finish` (it names the installation), `retire` the old one. Every call proves with openssl and curl, as clients would, what
# is true at that point: each issuing CA leads to either root through the CRLs of both, and the server is reached by who trusts either.
#
#   deploy/drills/root-roll-over.sh [publish|move [ID…]|finish|retire] --device URL --out FOLDER
#
# (no step)  says where the roll-over stands and which step is next, proves it, changes nothing
# ID…        of move: these only, otherwise all that issue under the old root, the server's own last
# --device   the device listener, https://HOST:PORT
# --out      gets what brokers and gateways take: roots.pem, authorities.pem (issuing CAs, cross certificates), crls.pem
# WHORL      the command line with its profile (default: whorl). Its credential needs certificates:read and installation, and admin for what is a
#            tenant's.
#
# It may be run again at any time: what is done is looked at, not done twice. Exit status: 0 the step is done and proved; 1 not yet, and the last
# line says what is missing; 2 wrong usage. Needs bash, jq, curl, openssl. Where the root's key is elsewhere: docs/authorities.md.
set -euo pipefail
WHORL=${WHORL:-whorl}
read -r -a whorl <<<"$WHORL"
usage() { sed -n 's/^# \{0,1\}//p' "$0" | sed -n '6,14p' >&2; exit 2; }

step='' device='' out='' wanted=()
while [ $# -gt 0 ]; do
    case $1 in
        --device) [ $# -ge 2 ] || usage; device=${2%/}; shift 2 ;;
        --out) [ $# -ge 2 ] || usage; out=$2; shift 2 ;;
        publish | finish | retire | move) [ -z "$step" ] || usage; step=$1; shift ;;
        -*) usage ;;
        *) [ "$step" = move ] || usage; wanted+=("$1"); shift ;;
    esac
done
[[ $device =~ ^https://[^/]+$ ]] && [ -n "$out" ] || usage
mkdir -p "$out"

# shellcheck source=deploy/drills/lib.sh
source "$(dirname "$0")/lib.sh"

# --- where it stands
# of FILTER [ARGUMENTS…]: of the list of authorities
of() { local filter=$1; shift; jq -rs "$@" "$filter" "$work/list"; }
# Sets old (the root that goes), new (the one that comes, or "-"), phase: whole, pending, published, moved, finished.
look() {
    "${whorl[@]}" ca list --all --json >"$work/list" || fail "the authorities cannot be seen with this credential"
    read -r old new phase < <(of '. as $all | (map(select(.role == "root" and .is_default))[0]) as $root
        | (map(select(.role == "root" and .predecessor == $root.id and (.state | IN("pending", "standby", "active")))) | last) as $next
        | (map(select(.id == $root.predecessor and .state == "retiring"))[0]) as $former
        | if $next == null then if $former == null then [$root.id, "-", "whole"] else [$former.id, $root.id, "finished"] end
          elif $next.state != "active" then [$root.id, $next.id, "pending"]
          elif any($all[]; .issuer == $root.id and .state == "active") then [$root.id, $next.id, "published"]
          else [$root.id, $next.id, "moved"] end | join(" ")') || fail "no root is the default one"
}
state() { of '.[] | select(.id == $id) | .state' --arg id "$1"; }
# who issues under the old root, the server's own last
issuing() { of '[.[] | select(.issuer == $o and .state == "active")] | sort_by(.role == "infrastructure") | .[].id' --arg o "$old"; }
order() { "${whorl[@]}" ca "$@" --yes --json >"$work/order" || fail "it could not be ordered: ca $*"; }
waits() { fail "nothing has changed yet; does it wait for a second person? (whorl approval list)"; }

# --- what clients see
anchor() { "${whorl[@]}" ca show "$1" --json | jq -er .pem >"$work/$1.anchor"; }
# reached ID: a client that trusts this root alone gets the set of CA certificates
reached() { curl -sS -f -m 10 --cacert "$work/$1.anchor" -o "$work/set.b64" "$device/.well-known/est/cacerts" 2>"$work/why"; }
take_set() {
    base64 -d "$work/set.b64" | openssl pkcs7 -inform DER -print_certs -out "$work/set.pem" || return 1
    rm -f "$work"/ca-*.pem
    awk '/-BEGIN/{n++} n {print > (d "/ca-" n ".pem")}' d="$work" "$work/set.pem"
}
# facts FILE: sets subject, issuer, print
facts() {
    local lines
    lines=$(openssl x509 -in "$1" -noout -subject -issuer -fingerprint -sha256 -nameopt RFC2253 2>/dev/null) || return 1
    { read -r subject && read -r issuer && read -r print; } <<<"$lines"
    subject=${subject#*=} issuer=${issuer#*=}
}
# Sorts the set: roots.pem, cross.pem (root to root), issuing/ (one file each).
sort_set() {
    local root='' roots='' file id subject issuer print
    rm -rf "$work/issuing"
    mkdir "$work/issuing"
    : >"$work/roots.pem"
    : >"$work/cross.pem"
    for id in "$@"; do
        facts "$work/$id.anchor"
        root=$subject roots="$roots $print"
        cat "$work/$id.anchor" >>"$work/roots.pem"
    done
    for file in "$work"/ca-*.pem; do
        facts "$file" || continue # what stands behind the last certificate
        if [[ $roots == *"$print"* ]]; then
            true
        elif [ "$subject" = "$root" ]; then
            sed -n '/-BEGIN/,/-END/p' "$file" >>"$work/cross.pem"
        elif [ "$issuer" = "$root" ]; then
            sed -n '/-BEGIN/,/-END/p' "$file" >"$work/issuing/$(basename "$file")"
        fi
    done
}
crl() { curl -sS -f -m 10 "$base/crl/$1.crl" 2>"$work/why" | openssl crl -inform DER -out "$work/$1.crl" 2>>"$work/why"; }
# prove ROOT…: that each issuing CA leads to each of them alone, through the CRLs
prove() {
    local id file
    wait_for 30 reached "$1" || fail "who trusts $1 alone does not reach $device: $(head -n 1 "$work/why")"
    take_set || fail "what $device says is no set of certificates"
    sort_set "$@"
    [ -n "$(ls "$work/issuing")" ] || fail "no issuing CA stands under these roots"
    base=$(cat "$work"/issuing/*.pem | openssl x509 -noout -ext crlDistributionPoints | grep -o 'http[^ ]*' | head -n 1)
    base=${base%/crl/*}
    cat "$work"/issuing/*.pem "$work/cross.pem" >"$work/authorities.pem"
    : >"$work/crls.pem"
    for id in "$@" $(of '.[] | select(.role != "root" and .crl_shards == 0 and (.is_external | not) and (.state | IN("standby", "active", "retiring"))) | .id'); do
        wait_for 30 crl "$id" || fail "no CRL of $id at $base/crl/$id.crl: $(head -n 1 "$work/why")"
        cat "$work/$id.crl" >>"$work/crls.pem"
    done
    for id in "$@"; do
        openssl verify -x509_strict -crl_check_all -CAfile "$work/$id.anchor" -untrusted "$work/authorities.pem" -CRLfile "$work/crls.pem" "$work"/issuing/*.pem \
            >"$work/why" 2>&1 || fail "not every issuing CA leads to $id: $(grep -v ': OK' "$work/why" | tr '\n' ' ')"
    done
    for file in roots authorities crls; do
        cp "$work/$file.pem" "$out/$file.pem.new"
        mv "$out/$file.pem.new" "$out/$file.pem"
    done
    say "proved: $(find "$work/issuing" -type f | wc -l) issuing CAs lead to $(echo "$@" | sed 's/ / and to /') alone, through the CRLs; $out holds what others need"
}
is_served() { # by the new root alone
    wait_for 60 reached "$new" || fail "who trusts $new alone does not reach $device: $(head -n 1 "$work/why")"
    say "proved: who trusts $new alone reaches $device"
}

look
# --- one step
case $step:$phase in
    publish:whole)
        order roll "$old"
        look
        [ "$phase" != whole ] || waits
        [ "$phase" = pending ] || say "published: $new stands beside $old, under one name"
        ;;
    move:published)
        for id in "${wanted[@]:-}"; do
            [ -z "$id" ] || [ "$(state "$id")" ] || fail "no authority is named $id"
        done
        for id in $(issuing); do
            if [ ${#wanted[@]} -gt 0 ] && [[ " ${wanted[*]} " != *" $id "* ]]; then continue; fi
            order roll "$id" --issuer "$new"
            look
            [ "$(state "$id")" != active ] || waits
            say "moved: $(of '[.[] | select(.predecessor == $p and .issuer == $n) | .id] | last' --arg p "$id" --arg n "$new") issues in the place of $id"
        done
        ;;
    finish:moved)
        order finish-roll "$old"
        look
        [ "$phase" = finished ] || waits
        say "finished: $new names the installation"
        ;;
    retire:finished)
        for id in $(of '.[] | select(.issuer == $o and .role == "infrastructure" and .state == "retiring") | .id' --arg o "$old"); do
            order retire "$id"
            say "$id is retired: what it issued is this server's own, and was renewed"
        done
        look
        of '.[] | select(.issuer == $o and (.state | IN("retired", "compromised") | not)) | "           \(.id) is \(.state)\(if .ends_at then ", and ends by itself at " + .ends_at else "" end)"' --arg o "$old"
        [ -z "$(of '.[] | select(.issuer == $o and (.state | IN("retired", "compromised") | not)) | .id' --arg o "$old")" ] ||
            fail "$old is needed by what is named above: run this again when that has ended"
        order retire "$old"
        [ "$("${whorl[@]}" ca show "$old" --json | jq -r .state)" = retired ] || waits
        say "retired: $old"
        look
        ;;
    :* | publish:* | move:moved | move:finished | finish:finished) ;; # nothing is left to be done
    retire:whole)
        former=$(of '.[] | select(.id == $o) | .predecessor // ""' --arg o "$old")
        [ -n "$former" ] || fail "no roll-over was begun: publish is the first step"
        ;;
    *:whole) fail "no roll-over was begun: publish is the first step" ;;
    finish:published) fail "these issue under $old yet: $(issuing | tr '\n' ' ')- move is the next step" ;;
    retire:*) fail "$old names the installation: $([ "$phase" = moved ] && echo finish || echo move) is the next step" ;;
esac

# --- what is true now
anchor "$old" || fail "the certificate of $old cannot be read"
[ "$new" = - ] || [ "$phase" = pending ] || anchor "$new" || fail "the certificate of $new cannot be read"
case $phase in
    whole)
        prove "$old"
        say "$old names the installation, and no roll-over is under way: publish begins one"
        ;;
    pending) fail "$new waits for what somebody else signs: whorld ca request, ca import (docs/authorities.md)" ;;
    published)
        prove "$old" "$new"
        say "next: give $out to brokers, gateways and whoever builds devices; when they have it, move: $(issuing | tr '\n' ' ')"
        ;;
    moved)
        prove "$old" "$new"
        is_served
        say "next: finish"
        ;;
    finished)
        prove "$old" "$new"
        is_served
        say "next: a campaign moves devices (whorl rekey-plan create NAME --authority ID); when the last certificate under $old has ended, retire"
        ;;
esac
