#!/usr/bin/env bash
# The same tree gives the same bytes: built twice from clean copies, in folders whose names differ in length, under two clocks (where libfaketime
# is installed) and two users' settings; programs and package are compared. `make reproducible`.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH CCACHE_DISABLE=1
sh deploy/deps.sh build deb
for folder in a a-longer-name/below; do
    mkdir -p "$work/$folder"
    git ls-files -z --cached --others --exclude-standard | tar --null -T - -cf - --ignore-failed-read 2>/dev/null | tar -xf - -C "$work/$folder"
done
# build FOLDER SHIFT LANGUAGE UMASK ZONE
build() {
    local clock=()
    if command -v faketime >/dev/null; then clock=(faketime -f "$2"); fi
    cd "$work/$1"
    umask "$4"
    export HOME=$work/$1 LANG=$3 LC_ALL=$3 TZ=$5
    "${clock[@]}" make -s -j"$(nproc)" all >/dev/null
    make -s deb >/dev/null
    cd build
    sha256sum whorld whorl whorl-device openapi.json ./*.deb
}
(build a +0s C.UTF-8 022 UTC) >"$work/first"
(build a-longer-name/below +40d POSIX 077 Asia/Kathmandu) >"$work/second"
if ! diff "$work/first" "$work/second"; then
    echo "FAIL reproducible: the two builds differ" >&2
    exit 1
fi
echo "ok   reproducible: $(wc -l <"$work/first") files are the same, built in two places at two times"
cat "$work/first"
