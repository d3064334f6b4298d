#!/bin/sh
# The layout of C files, by clang-format 14: other versions lay out differently, so elsewhere this check says that it is left out.
# Names the first line of each file that `make format` would change.
set -eu

tool=$(command -v clang-format-14 || true)
if [ -z "$tool" ]; then
    echo "clang-format-14 is not here: layout not checked"
    exit 0
fi
if printf 'int  f( void ){return 1;}\n' | "$tool" --dry-run -Werror --assume-filename=a.c 2>/dev/null; then
    echo "format.sh: self-test: a badly laid out line was not noticed" >&2
    exit 1
fi
findings=$(git ls-files --cached --others --exclude-standard '*.c' '*.h' |
    xargs -r "$tool" --dry-run 2>&1 |
    awk -F: '/clang-format-violations/ && !seen[$1]++ { print $1 ":" $2 ": layout (make format)" }')
[ -z "$findings" ] || {
    echo "$findings"
    exit 1
}
