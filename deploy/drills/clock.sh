#!/usr/bin/env bash
# Drill: a clock gone wrong. Asks the server whether its clock is in doubt, compares it with the clock of this computer (which is not the
# server, and should be kept by NTP), and confirms the server's clock only when both agree. Otherwise it says which way to set it.
#
#   deploy/drills/clock.sh            looks, says what to do, changes nothing
#   deploy/drills/clock.sh --confirm  confirms a clock that agrees with this computer's
#
# WHORL: the command line with its profile (default: whorl). Exit status: 0 the clock is trusted, 1 it is still held, 2 it could not be asked.
set -euo pipefail
WHORL=${WHORL:-whorl}
read -r -a whorl <<<"$WHORL"

clock=$("${whorl[@]}" clock show --json) || { echo "the server could not be asked" >&2; exit 2; }
field() { jq -r "$1" <<<"$clock"; }

if [ "$(field .is_held)" = false ]; then
    echo "the clock of the server is trusted: $(field .time)"
    exit 0
fi
away=$(($(date -d "$(field .time)" +%s) - $(date +%s)))
limit=$(field .step_limit_s)
echo "held since $(field .held_since): $(field .reason) by $(field .step_s) s; nothing is issued, nothing expires"
echo "the server says $(field .time), this computer $(date -u +%FT%TZ): $away s apart"
if [ "${away#-}" -gt "$limit" ]; then
    echo "set the server's clock right (timedatectl, chronyc makestep): issuing then goes on by itself, or after --confirm" >&2
    exit 1
fi
if [ "${1-}" != --confirm ]; then
    echo "both agree: call with --confirm if this computer's clock is right" >&2
    exit 1
fi
"${whorl[@]}" clock confirm --time 0s >/dev/null
echo "confirmed: issuing goes on"
