#!/usr/bin/env bash
# Runs every end-to-end test against the built programs (BUILD=build), or those named as arguments. The last line counts.
set -u
cd "$(dirname "$0")/../.." || exit 1
passed=0 failed=0 skipped=0
results=${WHORL_RESULTS:-/dev/null} # `make check` counts from there
if [ $# -eq 0 ]; then set -- tests/e2e/test_*.sh; fi
for test in "$@"; do
    start=$(date +%s)
    output=$(timeout -k 5 "${TEST_SECONDS:-240}" bash "$test" 2>&1)
    status=$?
    took=$(($(date +%s) - start))
    case $status in
        0) passed=$((passed + 1)) && echo "pass $test" >>"$results" && printf 'ok       %s (%s checks, %s s)\n' "$test" "$(grep -c '^  ok' <<<"$output")" "$took" ;;
        77) skipped=$((skipped + 1)) && printf 'skipped  %s: %s\n' "$test" "$(tail -n 1 <<<"$output")" ;;
        *) failed=$((failed + 1)) && echo "fail $test" >>"$results" && printf 'FAILED   %s (exit %s)\n%s\n' "$test" "$status" "$output" ;;
    esac
done
printf '%s passed, %s failed, %s skipped\n' $passed $failed $skipped
[ $failed -eq 0 ]
