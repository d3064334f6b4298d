#!/bin/sh
# Runs test programs: a line for each that passes, the whole output of each that fails. JOBS of them at once (one a core); those of
# server/ and those with threads measure time, so they run one after the other.
#   WRAP           words before each program (valgrind …)
#   TEST_SECONDS   how long one may take (120)
#   WHORL_RESULTS  file that gets a line "pass NAME" or "fail NAME" for each
set -u

run_one() {
    program=$1
    log=$(mktemp)
    # shellcheck disable=SC2086 # WRAP is a list of words
    timeout -k 5 "${TEST_SECONDS:-120}" $WRAP "$program" >"$log" 2>&1
    code=$?
    if [ "$code" -eq 0 ]; then
        count=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$log" | head -n 1)
        printf 'ok   %s (%s)\n' "$program" "${count:-?}"
        echo "pass $program" >>"$WHORL_RESULTS"
    else
        printf '%s\nFAIL %s (exit %s)\n' "$(cat "$log")" "$program" "$code"
        echo "fail $program" >>"$WHORL_RESULTS"
    fi
    rm -f "$log"
    return "$code"
}

WRAP=${WRAP:-}
WHORL_RESULTS=${WHORL_RESULTS:-/dev/null}
export WRAP WHORL_RESULTS
if [ "${1:-}" = --one ]; then
    run_one "$2"
    exit
fi
# ThreadSanitizer of clang 14 needs the small address randomisation of older kernels
case "$*" in
*/tsan/*) setarch "$(uname -m)" -R true 2>/dev/null && WRAP="setarch $(uname -m) -R $WRAP" ;;
esac

# what empty inventories are copied from: tests/unit/inventory_template.h
WHORL_TEST_TEMPLATES=$(mktemp -d)
export WHORL_TEST_TEMPLATES
trap 'rm -rf "$WHORL_TEST_TEMPLATES"' EXIT

alone='/server/|_threads$'
failed=0
printf '%s\n' "$@" | grep -Ev "$alone" | xargs -r -n 1 -P "${JOBS:-$(nproc)}" sh "$0" --one || failed=1
printf '%s\n' "$@" | grep -E "$alone" | xargs -r -n 1 sh "$0" --one || failed=1
exit "$failed"
