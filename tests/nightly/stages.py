"""What a night runs, in this order: name, command, hours that it may take, and how to tell what it counted. A command is one of make's targets or a
line for sh; {folder} is where the stage may leave a table. FUZZ_SECONDS, AFL_SECONDS, CHAOS_TRIALS and SOAK_MINUTES are those of the targets."""
import json
import os
import re


def last(pattern, say=None):
    """What the last line says that has this in it."""
    def tell(log, _):
        found = re.findall(f'^.*{pattern}.*$', log, re.M)
        if not found:
            return ''
        return say(re.search(pattern, found[-1])) if say else found[-1].strip()
    return tell


def count(pattern, what):
    return lambda log, _: f'{len(re.findall(pattern, log, re.M))} {what}'


def rows_of(table):
    return table['faults'] if isinstance(table, dict) else table


def faults(_, path):
    """The sums of a table of faults: rows of fault, times, acknowledged, lost."""
    if not os.path.exists(path):
        return 'no table'
    with open(path, encoding='utf-8') as file:
        rows = rows_of(json.load(file))
    sums = [sum(row.get(column) or 0 for row in rows) for column in ('times', 'acknowledged', 'lost')]
    return f'{len(rows)} kinds, {sums[0]:,} times, {sums[1]:,} acknowledged, {sums[2]:,} lost'


def executions(log, _):
    """What tests/fuzz/explore.sh says of each target, from libFuzzer's own count."""
    runs = [int(n) for n in re.findall(r'^ok   fuzz_\w+: (\d+) executions', log, re.M)]
    return f'{len(runs)} targets, {sum(runs):,} executions'


def soak(log, _):
    said = re.search(r'Acknowledged: ([\d,]+) facts.*?(\d+) lost', log)
    flat = len(re.findall(r' flat$', log, re.M))
    return f'{flat} series flat, {said.group(1)} acknowledged, {said.group(2)} lost' if said else 'no verdict'


CASES = last(r'\d+ passed, \d+ failed')
PROGRAMS = count(r'^ok   ', 'programs')
# What everything else stands on comes first; what takes longest, last. cppcheck: one reads all that gcc and clang read.
STAGES = (
    ('check', 'make check', 3, CASES),
    ('debian13', 'deploy/ci/debian13 check', 3, CASES),
    ('tsan', 'make tsan', 2, PROGRAMS),
    ('valgrind', 'make valgrind', 6, PROGRAMS),
    ('tidy', 'make tidy VARIANT=clang', 3, count(r'(warning|error): ', 'findings')),
    ('analyzer', 'make -j"${JOBS:-$(nproc)}" VARIANT=analyzer all', 3, count(r'-Wanalyzer', 'findings')),
    ('cppcheck', 'make cppcheck', 1, count(r'(error|warning|performance|portability): ', 'findings')),
    ('container', 'tests/container/run.sh', 1, count(r'^ *ok', 'checks')),
    ('deb', 'make deb-test', 1, count(r'^ *ok', 'checks')),
    ('vm', 'make vm-test', 1, count(r'^ *ok', 'checks')),
    ('reproducible', 'make reproducible', 1, last(r'\S')),
    ('chaos', 'make chaos-random CHAOS_JSON={folder}/chaos.json', 6, faults),
    ('chaos-controls', 'make chaos-controls', 1, last(r'noticed|control')),
    ('faults', 'make faults FAULTS_JSON={folder}/faults.json', 6, faults),
    ('fuzz', 'make fuzz FUZZ_SECONDS="${FUZZ_SECONDS:-300}"', 12, executions),
    ('afl', 'make afl AFL_SECONDS="${AFL_SECONDS:-300}"', 3, count(r'^ok   afl ', 'targets')),
    ('soak-controls', 'make soak-controls', 1, count(r'is noticed', 'leaks noticed')),
    ('soak', 'make soak', 3, soak),
)
