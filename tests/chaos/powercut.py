#!/usr/bin/env python3
"""Cuts the power of a server in the middle of what is done to it, and proves that everything it had acknowledged is there afterwards, and
that it starts. The disk is tests/chaos/lossyfs.c: what was not synced is lost, in whole, from some point on, or in part.

Each trial plays one chapter (tests/chaos/chapters) and kills the server at one operation that would change the disk, of all that the chapter
causes, cuts, and asks the server that starts again. Inventory and journal lie in two folders of that disk. After the cut and before anything
is mended, the journal is put beside the inventory of the beginning: together they must hold what is final of everything that was
acknowledged. Each change has its record; audit log and journal must verify. With --again the power goes once more while the server recovers.

What is no server's work is cut in the same way (tests/chaos/commands.py): a migration, a backup, a restore, a replay, the making of a directory.

Before any cut each chapter is played whole. When that is all of them (--script full), what they leave in the audit log is held against the
table of kinds, and what they called against the description of the interface (tests/chaos/kinds.py): a change of state that no chapter makes
fails the run.

A control breaks the promise on purpose and must be noticed: normal (synchronous=NORMAL), early (answer before commit), lie (fsync does
nothing), journal (answer before the journal is written).

  powercut.py [--script full|commands|CHAPTER[,…]] [--every N] [--from N] [--at N] [--modes drop,prefix,subset] [--seed S] [--again]
  powercut.py --random N        N cuts of chapter, operation and mode by chance; each fourth again while it recovers; each tenth under a fleet;
                                then the controls
  powercut.py --sample SECONDS  cuts by chance of the named chapters, until the time is over
  powercut.py --commit SECONDS  for every commit: every operation of the chapter `short`, then a sample of all the others, then the controls
  powercut.py --control C[,C…]  what is broken on purpose must be noticed; with every fortieth (early, journal: twelfth) operation of `short`

A run ends with a table; --json FILE adds its rows to that file. A loss is printed with the words that repeat it. The exit code is 1 when
anything is lost, or when a control is not noticed.
"""

import argparse
import concurrent.futures
import itertools
import os
import random
import shutil
import signal
import sys
import tempfile
import time

import kinds
from chapters import CHAPTERS, FULL, SHORT
from ground import Base
from table import Table
from commands import COMMANDS
from trial import Job, Trial

MODES = ("drop", "prefix", "subset")
CONTROLS = {"lie": 40, "normal": 40, "early": 12, "journal": 12}  # every how many operations


class Run:
    """One run of trials: its table, and what was lost."""

    def __init__(self, options):
        self.options, self.table, self.losses, self.cuts, self.unnoticed = options, Table(), [], 0, []
        self.base = Base(options, options.work)

    def play_whole(self, chapters):
        """How many operations each chapter has: runs in which nothing is cut. Then what all of them make, when it is all of them."""
        operations, seen, calls = {}, set(), set()
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            for result in pool.map(lambda name: self.trial(Job(name, 0, "drop", self.options.seed)), chapters):
                if result.loss is not None:
                    raise SystemExit(f"without a cut: {result.loss}\n{result.tail}")
                operations[result.job.chapter] = result.operations
                seen |= result.kinds
                calls |= result.calls
                print(f"{result.job.chapter} changes the disk {result.operations} times and gets {result.acknowledged} answers to keep", flush=True)
        if set(chapters) >= set(FULL):
            findings = kinds.missing(seen, calls)
            if findings:
                raise SystemExit("\n".join(findings))
            print("every change of state that the server knows is in a chapter, or in the list of tests/chaos/kinds.py", flush=True)
        return operations

    def trial(self, job):
        return (COMMANDS.get(job.chapter) or Trial)(self.options, self.base, job).run()

    def take(self, result):
        job = result.job
        self.cuts += 1
        fault = f"power cut: {job.chapter}, {job.mode}" + (" and again" if job.again else "")
        self.table.add(fault, result.acknowledged, result.asked, result.loss is not None)
        if self.options.verbose:
            print(f"{job}: {result.acknowledged} acknowledged, {result.asked} asked" + ("" if result.fired else ", cut at the end"), flush=True)
        if result.loss is not None:
            self.losses.append(result.loss)
            print("LOST", result.loss, result.tail, sep="\n", flush=True)

    def control(self, name, operations):
        """A server that breaks its promise: some cut must notice."""
        jobs = [Job("short", point, "drop", self.options.seed + point, control=name) for point in range(1, operations + 1, CONTROLS[name])]
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            losses = [result.loss for result in pool.map(self.trial, jobs) if result.loss is not None]
        self.table.controls[name] = (len(jobs), len(losses))
        print(f"control {name}: noticed, such as {losses[0]}" if losses else f"control {name}: not noticed", flush=True)
        if not losses:
            self.unnoticed.append(name)

    def play(self, jobs):
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            for result in pool.map(self.trial, jobs):
                self.take(result)

    def sample(self, jobs, seconds):
        """Until the time is over: pool.map would take all of an endless list at once."""
        end = time.monotonic() + seconds
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            waiting = {pool.submit(self.trial, job) for job in itertools.islice(jobs, self.options.jobs)}
            while waiting:
                done, waiting = concurrent.futures.wait(waiting, return_when=concurrent.futures.FIRST_COMPLETED)
                for future in done:
                    self.take(future.result())
                    if time.monotonic() < end:
                        waiting.add(pool.submit(self.trial, next(jobs)))

    def conclude(self):
        self.table.show()
        if self.options.json:
            self.table.write(self.options.json)
        if self.cuts > 0:
            print(f"seed {self.options.seed}: {self.cuts} cuts, {len(self.losses)} with a loss")
        for name in self.unnoticed:
            print(f"the control {name} was not noticed: the cuts prove nothing")
        return 1 if self.losses or self.unnoticed else 0


def jobs_of(options, operations):
    """Every one in turn, in one mode after the other."""
    modes = options.modes.split(",")
    points = ([(name, options.at)] if options.at else [(name, point) for point in range(options.first, operations[name] + 1, options.every)]
              for name in options.chapters)
    for n, (name, point) in enumerate(itertools.chain(*points)):
        yield Job(name, point, modes[(n + options.seed) % len(modes)], options.seed if options.at else options.seed + point, options.again)


def chance_jobs(options, operations):
    """Without end: a chapter is taken as often as it has operations, but the small ones not too rarely; each tenth is the fleet."""
    chance, modes = random.Random(options.seed), options.modes.split(",")
    names = [name for name in operations if name != "fleet"] or ["fleet"]
    weights = [max(operations[name], sum(operations.values()) // (3 * len(operations))) for name in names]
    for n in itertools.count():
        name = "fleet" if n % 10 == 9 and "fleet" in operations else chance.choices(names, weights)[0]
        again = options.again or bool(options.random) and n % 4 == 3
        yield Job(name, chance.randint(1, operations[name]), chance.choice(modes), chance.randrange(1 << 30), again)


def read_options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--script", default="full")
    parser.add_argument("--random", type=int, default=0)
    parser.add_argument("--sample", type=float, default=0)
    parser.add_argument("--commit", type=float, default=0)
    parser.add_argument("--load", type=int, default=400, help="devices of the fleet")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--from", type=int, default=1, dest="first")
    parser.add_argument("--at", type=int, default=0)
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--seed", type=int)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--json")
    parser.add_argument("--control")
    options = parser.parse_args()
    if options.seed is None:  # a commit's cuts change from day to day
        options.seed = int(time.time() // 86400) if options.commit else random.randrange(1 << 20)
    options.chapters = list(FULL) + ([*COMMANDS, "fleet"] if options.random else []) if options.script == "full" else list(COMMANDS) if options.script == "commands" else options.script.split(",")
    if options.commit or options.control:
        options.chapters = ["short"] + ([name for name in (*SHORT, *FULL, *COMMANDS) if name != "short"] if options.commit else [])
    options.controls_played = list(CONTROLS) if options.commit or options.random else (options.control or "").split(",") if options.control else []
    unknown = [name for name in (*options.chapters, *options.controls_played) if name not in CHAPTERS and name not in COMMANDS and name not in CONTROLS]
    if unknown:
        parser.error(f"no {unknown[0]}; there are {', '.join([*CHAPTERS, *COMMANDS])}, and the controls {', '.join(CONTROLS)}")
    options.load = options.load if "fleet" in options.chapters else 0
    options.whorld, options.whorl, options.tool = (os.path.abspath(os.path.join(options.build, name)) for name in ("whorld", "whorl", "whorl-device"))
    options.lossyfs, options.controls = (os.path.abspath(os.path.join(options.build, "chaos", name)) for name in ("lossyfs", "controls.so"))
    return options


def play(run, options):
    operations = {} if options.at else run.play_whole(options.chapters)
    if options.commit:
        options.chapters = ["short"]
        run.play(jobs_of(options, operations))
        run.sample(chance_jobs(options, {name: n for name, n in operations.items() if name != "short"}), options.commit)
    elif options.random:
        run.play(itertools.islice(chance_jobs(options, operations), options.random))
    elif options.sample:
        run.sample(chance_jobs(options, operations), options.sample)
    elif not options.control:
        run.play(jobs_of(options, operations))
    for name in options.controls_played:
        run.control(name, operations.get("short") or run.play_whole(["short"])["short"])


def main():
    options = read_options()
    options.work = tempfile.mkdtemp(prefix="whorl-chaos.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))  # and the disks are taken down
    try:
        run = Run(options)
        play(run, options)
        return run.conclude()
    finally:
        shutil.rmtree(options.work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
