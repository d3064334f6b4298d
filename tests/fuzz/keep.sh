#!/bin/sh
# Takes into tests/fuzz/corpus/ what libFuzzer and AFL++ found and what reaches code that no kept input reaches: $1 is the folder of libFuzzer's
# targets. Prints what is new; look at it before it is committed.
set -eu

for source in tests/fuzz/fuzz_*.c; do
    target=$(basename "$source" .c)
    name=${target#fuzz_}
    corpus=tests/fuzz/corpus/$name
    set -- "$1"
    for found in "build/fuzz/found/$name" "build/afl/out/$name/default/queue"; do
        if [ -n "$(ls -A "$found" 2>/dev/null)" ]; then set -- "$@" "$found"; fi
    done
    [ $# -gt 1 ] || continue
    programs=$1
    before=$(find "$corpus" -type f | wc -l)
    shift
    "$programs/$target" -merge=1 -max_len=65536 -rss_limit_mb=2048 -timeout=10 "$corpus" "$@" >"build/fuzz/keep.log" 2>&1 ||
        { tail -n 20 build/fuzz/keep.log; echo "FAIL $target"; exit 1; }
    set -- "$programs"
    after=$(find "$corpus" -type f | wc -l)
    [ "$after" -eq "$before" ] || echo "$target: $((after - before)) new inputs in $corpus"
done
