#!/bin/sh
# Runs each libFuzzer target of folder $1 for $2 seconds, JOBS of them at once, from its kept inputs. New inputs stay in
# build/fuzz/found/NAME; an input that crashes is named, left in build/fuzz/crash/, and belongs into tests/fuzz/corpus/NAME/ with its fix. All
# targets run; the exit code is not 0 if one failed.
set -u

run_one() {
    target=$3
    name=${target#fuzz_}
    log=build/fuzz/log/$name
    mkdir -p build/fuzz/crash build/fuzz/log "build/fuzz/found/$name"
    if "$1/$target" -max_total_time="$2" -timeout=10 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/crash/$name-" "build/fuzz/found/$name" "tests/fuzz/corpus/$name" >"$log" 2>&1; then
        echo "ok   $target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") executions, $(sed -n 's/^stat::new_units_added: *//p' "$log") new inputs"
        return 0
    fi
    grep -v '^stat::' "$log" | tail -n 40
    sed -n 's/^Test unit written to /CRASH /p' "$log"
    echo "FAIL $target"
    return 1
}

if [ "${3:-}" = --one ]; then
    run_one "$1" "$2" "$4"
    exit
fi
for source in tests/fuzz/fuzz_*.c; do
    basename "$source" .c
done | xargs -P "${JOBS:-$(nproc)}" -n 1 sh "$0" "$1" "$2" --one
