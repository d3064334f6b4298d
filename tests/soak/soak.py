#!/usr/bin/env python3
"""The soak: SOAK_MINUTES (60) of mixed work at a steady rate against one real server, with faults; then a verdict (judge.py).

The schedule is open: each piece of work has its time, whether those before it were answered or not. Stops and kills fall into the first fifth of
the time, so that what is judged, its last two thirds, is one life of the server. Everything that the server acknowledged is written down and asked
again after each of its starts, and all of it at the end, behind one more kill under load.

SOAK_RATE scales the rate (1), --leak memory|descriptors loads a leak into the server, which must be noticed: the run then succeeds when it is not
passed for that reason. Results in build/soak/, or --folder."""
import argparse
import heapq
import json
import os
import queue
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import judge  # noqa: E402
from book import Book  # noqa: E402
from clients import Web  # noqa: E402
from place import BUILD, WHORLD, Place  # noqa: E402
from sampler import Sampler  # noqa: E402
from trouble import Trouble  # noqa: E402
from work_devices import DeviceWork  # noqa: E402
from work_operators import OperatorWork  # noqa: E402

THREADS = 16
LATE_S = 1.0
STARTS = (('term', 0.03), ('kill', 0.06), ('term', 0.09), ('kill', 0.12), ('kill', 0.15), ('term', 0.18))  # share of the time


class Schedule:
    """Work at its time by a few threads; long work (streams) by threads of its own."""

    def __init__(self, book):
        self.book, self.heap, self.order = book, [], 0
        self.queue, self.is_over = queue.Queue(), threading.Event()
        self.paused = threading.Event()
        self.busy, self.lock = 0, threading.Lock()

    def every(self, seconds, kind, action, is_long=False, at=None):
        first = random.random() * seconds if at is None else at
        heapq.heappush(self.heap, (time.monotonic() + first, self.order, seconds, kind, action, is_long))
        self.order += 1

    def once(self, at, kind, action):
        self.every(0, kind, action, True, at)

    def _turn(self, due, kind, action):
        if time.monotonic() - due > LATE_S:
            self.book.late += 1
        self.book.run(kind, action)

    def _worker(self):
        while True:
            work = self.queue.get()
            if work is None:
                return
            self._turn(*work)

    def run(self, seconds):
        workers = [threading.Thread(target=self._worker, daemon=True) for _ in range(THREADS)]
        for worker in workers:
            worker.start()
        end = time.monotonic() + seconds
        while True:
            due, order, period, kind, action, is_long = self.heap[0]
            now = time.monotonic()
            if now >= end:
                break
            if due > now:
                time.sleep(min(due - now, end - now))
                continue
            heapq.heappop(self.heap)
            if period:
                heapq.heappush(self.heap, (due + period, order, period, kind, action, is_long))
            if is_long:
                threading.Thread(target=self._turn, args=(due, kind, action), daemon=True).start()
            else:
                self.queue.put((due, kind, action))
            if not self.heap:
                break
        return workers

    def finish(self, workers):
        for _ in workers:
            self.queue.put(None)
        for worker in workers:
            worker.join(90)


def plan(schedule, rate, seconds, parts):
    """The load. A period is the seconds between two of its kind at rate 1."""
    devices, operators, trouble = parts
    minute = seconds / 60  # of an hour's soak: what is rare keeps its share in a short one
    for period, kind, action in (
            (0.5, 'status', devices.status), (0.6, 'DDI poll', devices.poll), (3, 'EST enrolment', devices.enrol), (2.5, 'EST renewal', devices.renew),
            (4, 'EST new key', devices.rekey), (12, 'CMP first', devices.cmp_first), (9, 'CMP update', devices.cmp_update),
            (1, 'CRL', devices.crl), (0.7, 'OCSP', devices.ocsp), (5, 'OCSP, verified', devices.ocsp_verified),
            (0.5, 'read', operators.read), (6, 'pages of a list', operators.pages), (2, 'look at a device', operators.look_at_device),
            (2, 'label', operators.label), (15, 'revocation', operators.revoke), (12, 'token', operators.token),
            (2, 'bad request', trouble.bad_request), (2, 'break off', trouble.break_off)):
        schedule.every(period / rate, kind, action)
    for period, kind, action in ((8, 'event stream', operators.follow), (35, 'login', operators.log_in), (10, 'reference device', devices.reference),
                                 (max(15, 0.75 * minute), 'fleet', devices.fleet), (max(8, minute / 3), 'wave', operators.wave)):
        schedule.every(period, kind, action, True)
    schedule.every(max(30, 2 * minute), 'release and rollout', operators.campaign, True, max(5, minute / 4))
    schedule.every(max(40, 5 * minute), 'backup', operators.backup, True, max(10, minute))
    schedule.every(max(20, minute), 'reload', trouble.reload, True, max(6, minute / 2))
    schedule.every(max(30, 4 * minute), 'signer killed', trouble.signer, True, max(15, 2 * minute))
    for how, share in STARTS:
        schedule.once(share * seconds, 'restart', lambda how=how: trouble.restart(how == 'term') and None)


def last_acts(place, book, operators, trouble, schedule, workers):
    """A kill under load, everything asked again, a graceful stop, and the proofs of whorld itself."""
    trouble.restart(False)
    schedule.finish(workers)
    count = book.ask_again(operators.is_so)
    untold = operators.is_told(90)
    place.stop()
    checks = []
    for words in (('check', '--dir', place.dir), ('audit', 'verify', '--dir', place.dir), ('journal', 'verify', '--dir', place.dir)):
        said = place.tool(*words)
        if words[0] == 'check' and '0 problems' not in said:
            place.problems.append(f'whorld check: {said[-300:]}')
        checks.append(f'`whorld {" ".join(words[:-2])}`: {said.splitlines()[-1] if said else "silent"}')
    return count, untold, checks


def machine():
    with open('/proc/meminfo', encoding='ascii') as file:
        memory = int(file.readline().split()[1]) / 1024 / 1024
    return f'{os.cpu_count()} cores shared with the load, {memory:.0f} GiB of memory, {os.uname().sysname} {os.uname().release.partition("-")[0]}'


def build_leak(work):
    path = os.path.join(work, 'leak.so')
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'leak.c')
    subprocess.run(['cc', '-shared', '-fPIC', '-O1', '-D_GNU_SOURCE', '-o', path, source, '-ldl'], check=True)
    return path


def soak(options, work, folder):
    seconds, rate = options.minutes * 60, options.rate
    if options.leak:
        os.environ['WHORL_SOAK_LEAK'] = options.leak
    place = Place(work, build_leak(work) if options.leak else None)
    book = Book(place, os.path.join(folder, 'acknowledged.jsonl'))
    web = Web(place, book)
    devices = DeviceWork(web, book, work)
    operators = OperatorWork(web, book, work, devices)
    trouble = Trouble(web, book, operators)
    schedule = Schedule(book)
    try:
        place.start()
        devices.prepare()
        operators.prepare()
        plan(schedule, rate, seconds, (devices, operators, trouble))
        every = min(10.0, seconds / 80)
        sampler = Sampler(place, book, os.path.join(folder, 'samples.csv'), max(1, round(seconds / every / 60)))
        schedule.every(every, 'sample', sampler.take, True, 0)
        workers = schedule.run(seconds)
        count, untold, checks = last_acts(place, book, operators, trouble, schedule, workers)
    finally:
        place.end()
        shutil.copy(place.log_path, folder)
    version = subprocess.run([WHORLD, 'version'], capture_output=True, text=True, check=False).stdout.split('\n')[0]
    total = book.totals()
    with open(os.path.join(folder, 'result.json'), 'w', encoding='utf-8') as file:
        json.dump({'command': f'make soak SOAK_MINUTES={options.minutes:g}' + (f' SOAK_RATE={rate:g}' if rate != 1 else ''),
                   'date': time.strftime('%Y-%m-%d', time.gmtime()), 'version': version, 'machine': machine(), 'results': total, 'problems': place.problems,
                   'kinds': {k: v for k, v in book.results.items() if k != 'sample'},
                   'examples': {f'{k}: {r}': v for (k, r), v in book.examples.items()}, 'lost': book.lost,
                   'acknowledged': count, 'asked_again': book.asked_again, 'late': book.late, 'faults': trouble.done, 'stops': place.stops,
                   'untold': untold, 'webhook_calls': operators.receiver.calls, 'webhook_failures': operators.receiver.failures, 'checks': checks},
                  file, indent=1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--minutes', type=float, default=float(os.environ.get('SOAK_MINUTES') or 60))
    parser.add_argument('--rate', type=float, default=float(os.environ.get('SOAK_RATE') or 1))
    parser.add_argument('--leak', choices=('memory', 'descriptors'))
    parser.add_argument('--folder', default=os.path.join(BUILD, 'soak'))
    parser.add_argument('--keep', action='store_true', help='the data directory too')
    options = parser.parse_args()
    os.makedirs(options.folder, exist_ok=True)
    for name in ('acknowledged.jsonl', 'samples.csv', 'result.json'):
        if os.path.exists(os.path.join(options.folder, name)):
            os.remove(os.path.join(options.folder, name))
    work = tempfile.mkdtemp(prefix='whorl-soak.')
    print(f'soak of {options.minutes:g} minutes; results in {options.folder}', flush=True)
    try:
        soak(options, work, options.folder)
    finally:
        if options.keep:
            print(f'kept {work}')
        else:
            shutil.rmtree(work, ignore_errors=True)
    text, is_good = judge.report(options.folder)
    print(text)
    with open(os.path.join(options.folder, 'result.json'), encoding='utf-8') as file:
        examples = json.load(file)['examples']
    for kind in sorted(k for k in examples if k.endswith('unexpected')):
        print(f'{kind}: {examples[kind][:3]}')
    if options.leak:
        what = {'memory': 'anonymous memory of the server', 'descriptors': 'descriptors of the server'}[options.leak]
        noticed = f'not flat: {what}' in text
        print(f'the leak of {options.leak} is {"noticed" if noticed else "NOT NOTICED"}')
        sys.exit(0 if noticed else 1)
    sys.exit(0 if is_good else 1)


if __name__ == '__main__':
    main()
