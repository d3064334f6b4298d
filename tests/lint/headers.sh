#!/bin/sh
# Each header compiles alone, with the project's own warnings. Wants CC, CFLAGS and JOBS from the Makefile.
set -eu

check_one() {
    header=$1
    language="c11"
    case $header in
    device/core/*) language="c99" ;;
    esac
    # twice: the second time the include guard must hold
    # shellcheck disable=SC2086 # CFLAGS is a list of words
    printf '#include "%s"\n#include "%s"\nextern const int alone;\n' "$header" "$header" |
        "$CC" $CFLAGS -std=$language -fsyntax-only -x c - || {
        echo "$header does not compile alone" >&2
        return 1
    }
}

if [ "${1:-}" = --one ]; then
    shift
    for header in "$@"; do
        check_one "$header"
    done
    exit 0
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
printf 'struct needs { size_t n; };\n' >"$folder/broken.h"
if sh "$0" --one "$folder/broken.h" 2>/dev/null; then
    echo "headers.sh: self-test: a header that lacks <stddef.h> was not noticed" >&2
    exit 1
fi
git ls-files --cached --others --exclude-standard '*.h' | xargs -r -P "${JOBS:-2}" -n 8 sh "$0" --one
