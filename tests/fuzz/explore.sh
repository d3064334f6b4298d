#!/bin/sh
# Runs each libFuzzer target of folder $1 for $2 seconds, from its kept inputs. New inputs stay in build/fuzz/found/NAME; an input
# that crashes is left in build/fuzz/crash/ and belongs into tests/fuzz/corpus/NAME/ with its fix.
set -eu

mkdir -p build/fuzz/crash
for source in tests/fuzz/fuzz_*.c; do
    [ -e "$source" ] || continue
    target=$(basename "$source" .c)
    name=${target#fuzz_}
    mkdir -p "build/fuzz/found/$name"
    echo "== $target"
    "$1/$target" -max_total_time="$2" -timeout=10 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/crash/$name-" "build/fuzz/found/$name" "tests/fuzz/corpus/$name"
done
