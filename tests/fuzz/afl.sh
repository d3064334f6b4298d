#!/bin/sh
# Runs AFL++ over the targets named behind the folder $1 of instrumented programs and the seconds $2, JOBS of them at once, from their kept
# inputs and from what earlier runs found. An input that crashes, or that truly never ends, is named, left in build/afl/crash/, and makes the
# run fail; it belongs into tests/fuzz/corpus/NAME/ with its fix. `make fuzz-keep` takes over what reaches new code.
set -u

programs=$1 seconds=$2
shift 2
export AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_TESTCACHE_SIZE=32
mkdir -p build/afl/crash

run_one() {
    name=$3
    target=$1/fuzz_$name
    out=build/afl/out/$name
    seeds=build/afl/seeds/$name
    mkdir -p "$seeds" "$out"
    find "tests/fuzz/corpus/$name" "$out" -type f \( -path 'tests/*' -o -path '*/queue/id*' \) -size -64k -exec cp -t "$seeds" {} +
    rm -rf "$out"
    if ! timeout -k 10 $(($2 + 120)) afl-fuzz -V "$2" -t 2000+ -m none -i "$seeds" -o "$out" -- "$target" >"build/afl/$name.log" 2>&1; then
        tail -n 20 "build/afl/$name.log"
        echo "FAIL afl $name: afl-fuzz did not run"
        return 1
    fi
    bad=0
    for input in "$out"/default/crashes/id* "$out"/default/hangs/id*; do
        [ -e "$input" ] || continue
        case $input in
            */hangs/*) # a busy machine makes many of these: it counts if it takes 10 s alone
                status=0
                timeout 10 "$target" "$input" >/dev/null 2>&1 || status=$?
                [ "$status" -eq 124 ] || continue
                ;;
        esac
        kept=build/afl/crash/$name-$(sha256sum "$input" | cut -c 1-16)
        cp "$input" "$kept"
        echo "CRASH $kept"
        bad=1
    done
    awk -F ' *: *' '{ f[$1] = $2 } END { printf "%s executions, %s of %s inputs found, %s of the map covered", f["execs_done"], f["corpus_found"], f["corpus_count"], f["bitmap_cvg"] }' \
        "$out/default/fuzzer_stats" >"build/afl/$name.line"
    if [ "$bad" -eq 0 ]; then echo "ok   afl $name: $(cat "build/afl/$name.line")"; else echo "FAIL afl $name: $(cat "build/afl/$name.line")"; fi
    return "$bad"
}

if [ "${1:-}" = --one ]; then
    run_one "$programs" "$seconds" "$2"
    exit
fi
printf '%s\n' "$@" | xargs -P "${JOBS:-$(nproc)}" -n 1 sh "$0" "$programs" "$seconds" --one
