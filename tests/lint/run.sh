#!/bin/sh
# Every check of the source. Each first proves on examples that it finds what it is for; then it reads the tree.
set -u

cd "$(dirname "$0")/../.." || exit 1
results=${WHORL_RESULTS:-/dev/null}
failed=0

report() {
    if [ "$2" -eq 0 ]; then
        echo "ok   lint $1"
        echo "pass lint $1" >>"$results"
    else
        echo "FAIL lint $1"
        echo "fail lint $1" >>"$results"
        failed=1
    fi
}

for check in layers size sql plans words docs events alarms lifecycle; do
    python3 -B "tests/lint/$check.py" --self-test && python3 -B "tests/lint/$check.py"
    report "$check" $?
done
for check in format shell freestanding openapi; do
    sh "tests/lint/$check.sh"
    report "$check" $?
done
exit "$failed"
