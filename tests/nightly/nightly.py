#!/usr/bin/env python3
"""`make nightly`: every stage after the other, whatever became of those before; a log for each in build/nightly/; one table at the end, and exit code 1
when one failed. NIGHTLY_ONLY=stage,… runs some of them. A stage fails when its command does, or takes longer than it may; it is skipped when the
last line that it prints says SKIPPED, which the table shows.

Another list of stages, for the test of this program: --stages FILE, Python with STAGES in it. --folder: not build/nightly."""
import argparse
import os
import re
import runpy
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)


def duration(seconds):
    return f'{int(seconds // 3600)}:{int(seconds // 60 % 60):02}:{int(seconds % 60):02}'


def run(command, log_path, hours):
    """@return "ok", "skipped", "FAILED (exit N)", "FAILED (too long)" """
    with open(log_path, 'wb') as log:
        process = subprocess.Popen(['sh', '-c', command], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            code = process.wait(hours * 3600)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # its own session: nobody else is in it
            process.wait()
            return 'FAILED (too long)'
        except KeyboardInterrupt:  # SIGTERM too
            os.killpg(process.pid, signal.SIGTERM)
            raise
    if code != 0:
        return f'FAILED (exit {code})'
    with open(log_path, encoding='utf-8', errors='replace') as log:
        lines = log.read().strip().splitlines()
    return 'skipped' if lines and re.match(r'\s*skipped:?\b', lines[-1], re.I) else 'ok'


def counted(tell, log_path, table_path):
    """What cannot be told is no reason to lose the table of the night."""
    with open(log_path, encoding='utf-8', errors='replace') as log:
        text = log.read()
    try:
        return str(tell(text, table_path))[:100]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return f'not told: {type(error).__name__} {error}'[:100]


def chosen(stages):
    """@return the stages of NIGHTLY_ONLY, in their own order; a name that is none ends the night before it began"""
    only = [name.strip() for name in os.environ.get('NIGHTLY_ONLY', '').split(',') if name.strip()]
    unknown = sorted(set(only) - {stage[0] for stage in stages})
    if unknown:
        print(f'nightly: no such stage: {", ".join(unknown)}; there are {", ".join(stage[0] for stage in stages)}', file=sys.stderr)
        sys.exit(2)
    return [stage for stage in stages if not only or stage[0] in only]


def show(rows):
    head = ('stage', 'result', 'time', 'what it counted')
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(3)]
    lines = ['  '.join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[3]]).rstrip() for row in [head, *rows]]
    return '\n'.join(lines) + '\n'


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--stages', default=os.path.join(HERE, 'stages.py'))
    parser.add_argument('--folder', default='build/nightly')
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    stages = chosen(runpy.run_path(options.stages)['STAGES'])
    os.makedirs(options.folder, exist_ok=True)
    for name in os.listdir(options.folder):  # what a night before left would be taken for this one's
        if name.endswith(('.log', '.json')) or name == 'table':
            os.remove(os.path.join(options.folder, name))
    rows, is_good = [], True
    for name, command, hours, tell in stages:
        begin = time.monotonic()
        print(f'== {name}', flush=True)
        log_path = os.path.join(options.folder, f'{name}.log')
        result = run(command.replace('{folder}', os.path.abspath(options.folder)), log_path, hours)
        is_good = is_good and not result.startswith('FAILED')
        rows.append((name, result, duration(time.monotonic() - begin), counted(tell, log_path, os.path.join(options.folder, f'{name}.json'))))
        print(f'   {result}, {rows[-1][2]}, {rows[-1][3]}', flush=True)
        with open(os.path.join(options.folder, 'table'), 'w', encoding='utf-8') as file:
            file.write(show(rows))  # after each: a night that is cut off has told what it knew
    print(f'\n{show(rows)}', end='')
    if not is_good:
        print(f'nightly: failed; the logs are in {options.folder}/')
    sys.exit(0 if is_good else 1)


if __name__ == '__main__':
    main()
