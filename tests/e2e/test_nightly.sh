#!/usr/bin/env bash
# The driver of `make nightly`: it goes on after a failure, keeps each log, tells what each stage counted, and its exit code tells whether one
# failed; a stage that takes too long, one whose command is not there, one that was skipped, one that is asked for and unknown.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
NIGHT=$WORK/night
cat >"$WORK/stages.py" <<'PY'
import sys
sys.path.insert(0, 'tests/nightly')
from stages import CASES, count, executions, faults, last, soak

STAGES = (
    ('good', 'echo "ok   one"; echo "ok   two"; echo "2 passed, 0 failed"', 1, CASES),
    ('bad', 'echo "it broke"; exit 3', 1, last('broke')),
    ('gone', '/no/such/program', 1, count('^ok', 'programs')),
    ('slow', 'sleep 60', 0.2 / 3600, count('.', 'lines')),
    ('away', 'echo "SKIPPED: no device for it"', 1, last('SKIPPED')),
    ('faults', """echo '{"faults": [{"fault": "a", "times": 3, "acknowledged": 1500, "lost": 0}, {"fault": "b", "times": 4, "acknowledged": 20, "lost": 1}]}' >{folder}/faults.json""", 1, faults),
    ('cuts', """echo '[{"fault": "a", "times": 5, "acknowledged": 7, "lost": 0}, {"fault": "control: x", "times": 1, "noticed": 1, "lost": 0}]' >{folder}/cuts.json""", 1, faults),
    ('empty', 'true', 1, faults),
    ('fuzz', 'printf "ok   fuzz_one: 1000 executions, 3 new inputs\\nok   fuzz_two: 500 executions, 0 new inputs\\n"', 1, executions),
    ('soak', 'printf "x  1  flat\\nAcknowledged: 12,345 facts, 9 times asked again, 0 lost.\\n"', 1, soak),
    ('odd', 'echo hello', 1, lambda log, path: log['x']),
    ('after', 'echo "3 passed, 0 failed"', 1, CASES),
)
PY
night() { python3 -B tests/nightly/nightly.py --stages "$WORK/stages.py" --folder "$NIGHT" >"$WORK/out" 2>&1; }
row() { grep "^$1 " "$NIGHT/table" | tr -s ' ' | sed 's/ [0-9]*:[0-9][0-9]:[0-9][0-9]/ TIME/'; }
mkdir "$NIGHT"
echo '{"faults": [{"times": 99}]}' >"$NIGHT/empty.json" # of another night
expect "a night in which something failed" "$(night && echo 0 || echo $?)" 1
expect "every stage has a line" "$(wc -l <"$NIGHT/table")" 13
expect "what passed" "$(row good)" "good ok TIME 2 passed, 0 failed"
expect "what failed" "$(row bad)" "bad FAILED (exit 3) TIME it broke"
expect "what is not there" "$(row gone)" "gone FAILED (exit 127) TIME 0 programs"
expect "what took too long" "$(row slow)" "slow FAILED (too long) TIME 0 lines"
expect "what was skipped" "$(row away)" "away skipped TIME SKIPPED: no device for it"
expect "sums of faults" "$(row faults)" "faults ok TIME 2 kinds, 7 times, 1,520 acknowledged, 1 lost"
expect "and of a list of them" "$(row cuts)" "cuts ok TIME 2 kinds, 6 times, 7 acknowledged, 0 lost"
expect "nothing of another night" "$(row empty)" "empty ok TIME no table"
expect "fuzzing" "$(row fuzz)" "fuzz ok TIME 2 targets, 1,500 executions"
expect "a soak" "$(row soak)" "soak ok TIME 1 series flat, 12,345 acknowledged, 0 lost"
expect_in "what cannot be told" "$(row odd)" "odd ok TIME not told: TypeError"
expect "it went on" "$(row after)" "after ok TIME 3 passed, 0 failed"
expect "each log is kept" "$(cat "$NIGHT/bad.log")" "it broke"
expect_in "the table is the end of the output" "$(tail -n 2 "$WORK/out")" "after"
NIGHTLY_ONLY=after,good night || die "two that pass: $(cat "$WORK/out")"
expect "some of them, in their order" "$(cut -d' ' -f1 "$NIGHT/table" | xargs)" "stage good after"
expect "an unknown one" "$(NIGHTLY_ONLY=good,nothing night && echo 0 || echo $?)" 2
expect_in "is named" "$(cat "$WORK/out")" "no such stage: nothing"
expect "nothing ran" "$(cut -d' ' -f1 "$NIGHT/table" | xargs)" "stage good after"

say "the stages of make nightly are there"
python3 -B - <<'PY' >"$WORK/targets"
import sys
sys.path.insert(0, 'tests/nightly')
from stages import STAGES
import re
for name, command, hours, tell in STAGES:
    words = command.split()
    print(next((w for w in words[1:] if re.fullmatch('[a-z0-9-]+', w) and not w.startswith('-')), '') if words[0] == 'make' else f'./{words[0]}')
PY
while read -r target; do
    case $target in
        ./*) [ -x "$target" ] || die "$target cannot be run" ;;
        *) grep -Eq "^$target:" Makefile || die "make has no target $target" ;;
    esac
done <"$WORK/targets"
say "ok  $(wc -l <"$WORK/targets") of them"
