#!/usr/bin/env bash
# Runs every end-to-end test against the built programs (BUILD=build), or those named as arguments; JOBS of them at once (two a core: most
# of them wait most of the time), except those that measure time or use the machine up: they say "# runs alone" and go first. Those that say
# "# takes long" go before the rest, so that no processor waits for one of them at the end. When all ran, an operation of the API that none of
# them called with success is a failure too. The last line counts.
set -u
cd "$(dirname "$0")/../.." || exit 1
results=${WHORL_RESULTS:-/dev/null} # `make check` counts from there
out=$(mktemp -d "${TMPDIR:-/tmp}/whorl-e2e-run.XXXXXX")
trap 'rm -rf "$out"' EXIT
WHORL_SEEN= # where each test notes the operations that it called
if [ $# -eq 0 ]; then
    set -- tests/e2e/test_*.sh
    WHORL_SEEN=$out/seen
    mkdir "$WHORL_SEEN"
fi

# One test: its output and its verdict into files, its line on the terminal.
run_one() {
    local test=$1 file start status took
    file=$out/$(basename "$test")
    start=$(date +%s)
    timeout -k 5 "${TEST_SECONDS:-240}" bash "$test" >"$file.log" 2>&1
    status=$?
    took=$(($(date +%s) - start))
    case $status in
        0) echo "pass $test" >"$file.result" && printf 'ok       %s (%s checks, %s s)\n' "$test" "$(grep -c '^  ok' "$file.log")" "$took" ;;
        77) echo "skip $test" >"$file.result" && printf 'skipped  %s: %s\n' "$test" "$(tail -n 1 "$file.log")" ;;
        *) echo "fail $test" >"$file.result" && printf 'FAILED   %s (exit %s)\n%s\n' "$test" "$status" "$(cat "$file.log")" ;;
    esac
}
export -f run_one
export out TEST_SECONDS WHORL_SEEN

alone=() long=() short=()
for test in "$@"; do
    if grep -q '^# runs alone' "$test"; then
        alone+=("$test")
    elif grep -q '^# takes long' "$test"; then
        long+=("$test")
    else
        short+=("$test")
    fi
done
together=(${long[@]+"${long[@]}"} ${short[@]+"${short[@]}"})
for test in ${alone[@]+"${alone[@]}"}; do run_one "$test"; done
if [ ${#together[@]} -gt 0 ]; then
    printf '%s\0' "${together[@]}" | xargs -0 -n 1 -P "${JOBS:-$((2 * $(nproc)))}" bash -c 'run_one "$1"' _
fi
if [ -n "$WHORL_SEEN" ] && ! cat "$out"/*.result | grep -q '^fail '; then
    if python3 -B tests/e2e/check_openapi.py coverage "${BUILD:-build}/openapi.json" "$WHORL_SEEN"/*; then verdict=pass; else verdict=fail; fi
    echo "$verdict operations of the API" >"$out/operations.result"
    set -- "$@" operations
fi
cat "$out"/*.result >"$out/all"
grep -v '^skip ' "$out/all" >>"$results"
count() { grep -c "^$1 " "$out/all"; }
printf '%s passed, %s failed, %s skipped\n' "$(count pass)" "$(count fail)" "$(count skip)"
[ "$(cat "$out"/*.result | wc -l)" -eq $# ] && ! grep -q '^fail ' "$out/all"
