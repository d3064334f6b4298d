#!/bin/sh
# Replays tests/fuzz/corpus/NAME/ into each built target fuzz_NAME of folder $1. A target without kept inputs is a failure.
set -u

output=$(mktemp)
trap 'rm -f "$output"' EXIT
results=${WHORL_RESULTS:-/dev/null}
failed=0
for source in tests/fuzz/fuzz_*.c; do
    [ -e "$source" ] || continue
    target=$(basename "$source" .c)
    corpus=tests/fuzz/corpus/${target#fuzz_}
    if ls "$corpus"/* >"$output" 2>&1 && timeout -k 5 120 "$1/$target" "$corpus"/* >"$output" 2>&1; then
        echo "ok   $target ($(find "$corpus" -type f | wc -l) inputs)"
        echo "pass $target" >>"$results"
    else
        cat "$output"
        echo "FAIL $target"
        echo "fail $target" >>"$results"
        failed=$((failed + 1))
    fi
done
[ "$failed" -eq 0 ]
