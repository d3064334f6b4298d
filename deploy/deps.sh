#!/bin/sh
# Installs the packages of the named sets (deploy/packages.txt) that are missing. Says nothing when none is. Needs apt and, when
# something is missing, root or sudo.
set -eu

list=$(dirname "$0")/packages.txt
if ! command -v apt-get >/dev/null 2>&1; then
    echo "Not a Debian system: install the equivalents of the packages in $list yourself." >&2
    exit 0
fi

is_installed() {
    dpkg-query -W -f '${Status}\n' "$1" 2>/dev/null | grep -q '^install ok installed$'
}

# Names of the missing packages of the sets; optional ones only where this release has them, unless=COMMAND ones where
# the command is not there already (from another package, or from none).
missing() {
    for wanted in "$@"; do
        grep -v '^#' "$list" | while read -r set name kind; do
            [ "$set" = "$wanted" ] || continue
            is_installed "$name" && continue
            [ "$kind" != optional ] || apt-cache show "$name" >/dev/null 2>&1 || continue
            case $kind in unless=*) ! command -v "${kind#unless=}" >/dev/null 2>&1 || continue ;; esac
            echo "$name"
        done
    done
}

[ -n "$(missing "$@")" ] || exit 0
as_root=
[ "$(id -u)" -eq 0 ] || as_root=sudo
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
names=$(missing "$@")
# shellcheck disable=SC2086 # a list of words
echo "Installing:" $names
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends $names >/dev/null
