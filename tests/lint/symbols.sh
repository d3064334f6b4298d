#!/bin/sh
# No global name may be defined twice in the archives given: a program that links both would silently call one of the two.
# Proves itself first, on two objects that share a name.
set -eu
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# prints the names that more than one object of the archives defines
shared_names() {
    nm --defined-only --quiet "$@" | awk 'NF == 3 && $2 ~ /^[BCDRST]$/ { print $3 }' | sort | uniq -d
}

for part in one two; do
    printf 'int twice(void);\nint twice(void)\n{\n    return 1;\n}\nint %s;\n' "$part" >"$WORK/$part.c"
    "${CC:-cc}" -c "$WORK/$part.c" -o "$WORK/$part.o"
    ar qcsD "$WORK/$part.a" "$WORK/$part.o"
done
if [ "$(shared_names "$WORK/one.a" "$WORK/two.a")" != twice ]; then
    echo "symbols: the check does not see a name that two archives define" >&2
    exit 1
fi
for archive in "$@"; do
    [ -r "$archive" ] || {
        echo "symbols: $archive is not there" >&2
        exit 1
    }
done
found=$(shared_names "$@")
for name in $found; do
    echo "$name is defined more than once:" >&2
    nm --defined-only --quiet --print-file-name "$@" | awk -v name="$name" '$NF == name { sub(/:[^:]*$/, "", $1); print "  " $1 }' >&2
done
[ -z "$found" ]
