#!/bin/sh
# Runs test programs one after the other: a line for each that passes, the whole output of each that fails.
#   WRAP           words before each program (valgrind …)
#   TEST_SECONDS   how long one may take (120)
#   WHORL_RESULTS  file that gets a line "pass NAME" or "fail NAME" for each
set -u

output=$(mktemp)
trap 'rm -f "$output"' EXIT
results=${WHORL_RESULTS:-/dev/null}
failed=0
# ThreadSanitizer of clang 14 needs the small address randomisation of older kernels
wrap=${WRAP:-}
case "$*" in
*/tsan/*) setarch "$(uname -m)" -R true 2>/dev/null && wrap="setarch $(uname -m) -R $wrap" ;;
esac
for program in "$@"; do
    # shellcheck disable=SC2086 # WRAP is a list of words
    if timeout -k 5 "${TEST_SECONDS:-120}" $wrap "$program" >"$output" 2>&1; then
        count=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$output" | head -n 1)
        echo "ok   $program (${count:-?})"
        echo "pass $program" >>"$results"
    else
        code=$?
        cat "$output"
        echo "FAIL $program (exit $code)"
        echo "fail $program" >>"$results"
        failed=$((failed + 1))
    fi
done
[ "$failed" -eq 0 ]
