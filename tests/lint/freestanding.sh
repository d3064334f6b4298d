#!/usr/bin/env bash
# device/core is freestanding: compiled with -ffreestanding -nostdlib, its objects ask for nothing but each other and the four memory
# functions that a compiler may call by itself. Proves itself first, on a file that calls malloc.
set -euo pipefail
cd "$(dirname "$0")/../.."
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
ALLOWED='^(mem(cpy|set|cmp|move)|whorl_[a-z0-9_]+)$'

# prints the names that the folder's objects need and do not have
foreign_names() {
    local objects=("$1"/*.o)
    nm -u "${objects[@]}" | awk 'NF == 2 && $1 == "U" { print $2 }' | sort -u | { grep -Ev "$ALLOWED" || true; }
    nm -u "${objects[@]}" | awk 'NF == 2 && $1 == "U" && $2 ~ /^whorl_/ { print $2 }' | sort -u >"$WORK/needed"
    nm --defined-only "${objects[@]}" | awk 'NF == 3 { print $3 }' | sort -u >"$WORK/defined"
    comm -23 "$WORK/needed" "$WORK/defined"
}

compile() {
    "$CC" -std=c99 -pedantic -Wall -Wextra -Werror -Os -ffreestanding -fno-builtin-malloc -nostdlib -fno-stack-protector -I. -c "$1" -o "$2"
}

STATUS=0
for CC in gcc clang; do
    command -v "$CC" >/dev/null || continue
    mkdir -p "$WORK/proof-$CC" "$WORK/core-$CC"
    printf 'extern void *malloc(unsigned long);\nvoid *f(void);\nvoid *f(void)\n{\n    return malloc(1);\n}\n' >"$WORK/proof.c"
    compile "$WORK/proof.c" "$WORK/proof-$CC/proof.o"
    if [ "$(foreign_names "$WORK/proof-$CC")" != malloc ]; then
        echo "freestanding: the check does not see malloc"
        exit 1
    fi
    for source in device/core/*.c; do
        compile "$source" "$WORK/core-$CC/$(basename "$source" .c).o"
    done
    FOUND=$(foreign_names "$WORK/core-$CC")
    if [ -n "$FOUND" ]; then
        echo "device/core is freestanding, but with $CC it needs:" "$FOUND"
        STATUS=1
    fi
done
exit $STATUS
