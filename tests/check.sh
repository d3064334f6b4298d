#!/bin/sh
# All that `make check` runs, in order; stops at the first step that fails. The last line counts test programs and cases.
# A step may write "pass NAME" and "fail NAME" lines to $WHORL_RESULTS; one that writes none counts as one case.
set -u

WHORL_RESULTS=$(mktemp)
export WHORL_RESULTS
trap 'rm -f "$WHORL_RESULTS"' EXIT

step() {
    name=$1
    shift
    lines=$(wc -l <"$WHORL_RESULTS")
    echo "== $name"
    "$@"
    code=$?
    if [ "$(wc -l <"$WHORL_RESULTS")" -eq "$lines" ]; then
        if [ "$code" -eq 0 ]; then
            echo "pass $name" >>"$WHORL_RESULTS"
        else
            echo "fail $name" >>"$WHORL_RESULTS"
        fi
    fi
    return "$code"
}

step quick "${MAKE:-make}" quick && step openapi tests/openapi/lint.sh && step tsan "${MAKE:-make}" tsan && step e2e tests/e2e/run.sh &&
    step chaos "${MAKE:-make}" chaos-short && step faults "${MAKE:-make}" faults-short
code=$?
passed=$(grep -c '^pass ' "$WHORL_RESULTS")
failed=$(grep -c '^fail ' "$WHORL_RESULTS")
if [ "$code" -ne 0 ] && [ "$failed" -eq 0 ]; then
    failed=1 # a step broke before it could count
fi
grep '^fail ' "$WHORL_RESULTS"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
