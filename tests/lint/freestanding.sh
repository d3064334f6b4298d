#!/bin/sh
# device/core is freestanding: compiled with -ffreestanding -nostdlib, its objects ask for nothing but each other and the memory
# functions that a compiler may call by itself. Proves itself first, on a file that calls malloc.
set -eu
cd "$(dirname "$0")/../.."
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# prints the names that the objects of a folder need and nobody in it has, but for the compiler's own
foreign_names() {
    nm -u "$1"/*.o | awk 'NF == 2 && $1 == "U" { print $2 }' | sort -u >"$WORK/needed"
    nm --defined-only "$1"/*.o | awk 'NF == 3 { print $3 }' | sort -u >"$WORK/defined"
    comm -23 "$WORK/needed" "$WORK/defined" | { grep -Evx 'mem(cpy|set|cmp|move)' || true; }
}

# compiler, source, object
compile() {
    "$1" -std=c99 -pedantic -Wall -Wextra -Werror -Os -ffreestanding -nostdlib -fno-stack-protector -I. -c "$2" -o "$3"
}

STATUS=0
for CC in gcc clang; do
    command -v "$CC" >/dev/null || continue
    mkdir -p "$WORK/proof-$CC" "$WORK/core-$CC"
    printf 'extern void *malloc(unsigned long);\nvoid *f(void);\nvoid *f(void)\n{\n    return malloc(1);\n}\n' >"$WORK/proof.c"
    compile "$CC" "$WORK/proof.c" "$WORK/proof-$CC/proof.o"
    if [ "$(foreign_names "$WORK/proof-$CC")" != malloc ]; then
        echo "freestanding: the check does not see malloc"
        exit 1
    fi
    for source in device/core/*.c; do
        compile "$CC" "$source" "$WORK/core-$CC/$(basename "$source" .c).o"
    done
    FOUND=$(foreign_names "$WORK/core-$CC")
    if [ -n "$FOUND" ]; then
        echo "device/core is freestanding, but with $CC it needs:" "$FOUND"
        STATUS=1
    fi
done
exit $STATUS
