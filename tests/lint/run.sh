#!/bin/sh
# Every check of the source, JOBS of them at once (one a core). Each first proves on examples that it finds what it is for; then it reads
# the tree.
set -u

cd "$(dirname "$0")/../.." || exit 1
WHORL_RESULTS=${WHORL_RESULTS:-/dev/null}
export WHORL_RESULTS

run_one() {
    log=$(mktemp)
    if [ -f "tests/lint/$1.py" ]; then
        { python3 -B "tests/lint/$1.py" --self-test && python3 -B "tests/lint/$1.py"; } >"$log" 2>&1
    else
        sh "tests/lint/$1.sh" >"$log" 2>&1
    fi
    code=$?
    cat "$log"
    rm -f "$log"
    if [ "$code" -eq 0 ]; then
        echo "ok   lint $1"
        echo "pass lint $1" >>"$WHORL_RESULTS"
    else
        echo "FAIL lint $1"
        echo "fail lint $1" >>"$WHORL_RESULTS"
    fi
    return "$code"
}

if [ "${1:-}" = --one ]; then
    run_one "$2"
    exit
fi
# the longest first
printf '%s\n' shell format freestanding plans openapi layers size sql words docs events alarms lifecycle fuzz threats |
    xargs -P "${JOBS:-$(nproc)}" -n 1 sh tests/lint/run.sh --one
