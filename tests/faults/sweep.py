"""One fault at each of its positions: a visit while the call number n fails, everything asked when it does not, and what must hold each
time. A family of faults (disk.py, resources.py …) is a list of these."""

import os
import random
import tempfile
import time

from server import MAKE, MEMORY, NAME, RESERVE, SYNC, TRUNCATE, WRITE, Gone, House, Lost, Server
from visit import Visitor

IN_COMMIT = WRITE | SYNC | TRUNCATE | NAME | MAKE | RESERVE  # none of these comes behind a commit and before its answer
ENDED_BY_ITSELF = (1, 70)  # EXIT_FAILURE, DB_EXIT_UNSAFE
CALM_DESCRIPTORS, CALM_KIB = 4, 24 << 10
VISITS_MAX = 400
LASTING_S = 0.7  # who is not even accepted waits no longer for what does not end by itself


class Row:
    """One line of the table."""

    def __init__(self, fault):
        self.fault, self.times, self.acknowledged, self.refused, self.unanswered, self.ended, self.lost = fault, 0, 0, 0, 0, 0, 0
        self.losses = []

    def lose(self, what):
        self.lost += 1
        self.losses.append(f"{self.fault}: {what}")

    def as_json(self):
        return {"fault": self.fault, "times": self.times, "acknowledged": self.acknowledged, "lost": self.lost, "refused": self.refused,
                "unanswered": self.unanswered, "ended": self.ended, "losses": self.losses}


class Scene:
    """A house with a server and a visitor, for faults of one row after the other."""

    def __init__(self, options, kind=Visitor, may_close=False, first=None, **settings):
        self.options, self.kind, self.may_close, self.first, self.settings = options, kind, may_close, first, settings
        self.make()

    def make(self):
        self.house = House(self.options, tempfile.mkdtemp(prefix="scene.", dir=self.options.work))
        self.control = self.house.control
        self.visitor = self.kind(self.house)
        self.visitor.start(**self.settings)
        self.visitor.prepare()
        self.visitor.visit(self.first)  # what is made at the first use only is no leak
        self.visitor.settle()
        self.remember()

    def renew(self):
        """Another house when this one has had its visits: lists are asked for in one page."""
        if self.visitor.visits > VISITS_MAX:
            self.close()
            self.make()

    @property
    def server(self):
        return self.visitor.server

    def remember(self):
        self.calm = (len(self.server.descriptors()), self.server.memory_kib())

    # --- one position

    def position(self, row, kinds, error, at, is_lasting=False, visits=None):
        """False: the call number `at` did not come any more."""
        visitor, control = self.visitor, self.control
        before = (visitor.acknowledged, visitor.refused, visitor.unanswered)
        self.house.mark_log()
        control.arm(kinds, error, at, is_lasting)
        surprise = None
        visitor.api.timeout_s = LASTING_S if is_lasting else 20
        try:
            visitor.visit(visits)
        except Lost as loss:
            surprise = loss
        visitor.api.timeout_s = 20
        fired, last = control.fired, control.last
        control.heal()
        row.times += 1 if fired else 0
        try:
            if surprise is not None:
                raise surprise
            self.after(row, visitor.refused > before[1], visitor.unanswered > before[2])
            if control.resynced:
                raise Lost("a sync that had failed was made again")
        except Lost as loss:
            row.lose(f"call {at} ({last}): {loss}")
            visitor.open = []
            self.revive()
        row.acknowledged += visitor.acknowledged - before[0]
        row.refused += visitor.refused - before[1]
        row.unanswered += visitor.unanswered - before[2]
        return fired > 0

    def after(self, row, was_refused, was_unanswered):
        """With the fault off: it lives, or ended for a reason that it tells; what was acknowledged is there."""
        code = None
        if self.has_ended(was_unanswered):
            code = self.server.process.returncode
            row.ended += 1
            reasons = self.house.reasons()
            self.visitor.start(**self.settings)
            self.remember()
            if code not in ENDED_BY_ITSELF or not reasons:
                raise Lost(f"it ended with {code}: {self.house.log_end()}")
        elif was_unanswered and not self.may_close:
            raise Lost("a request was not answered although the server lives")
        if was_refused and code is None and not self.house.reasons():
            raise Lost("a request was refused and the log does not say why")
        self.visitor.settle()

    def has_ended(self, is_doubtful):
        """Who still answers has not; a process that ends closes its sockets before it can be waited for."""
        if is_doubtful and not self.server.has_ended():
            try:
                self.visitor.api.public("/healthz")
                return False
            except Gone:
                return self.server.has_ended(5)
        return self.server.has_ended()

    def revive(self):
        self.visitor.api.forget()
        if self.server.has_ended():
            self.visitor.start(**self.settings)

    # --- the end of a row

    def conclude(self, row):
        """All that was acknowledged is there still, before a stop and after it; nothing is left behind; the house is whole."""
        try:
            self.is_calm()
            if self.server.stop() > 5:
                raise Lost("it needed more than 5 s to stop")
            self.house.verify()
            if self.house.leftovers():
                raise Lost(f"left behind: {self.house.leftovers()}")
            self.visitor.start(**self.settings)
            self.visitor.ask_again()
        except (Lost, Gone) as loss:
            row.lose(f"at the end: {loss!r}")
            self.revive()
        self.visitor.kept = []
        self.remember()

    def is_calm(self):
        """As many descriptors as before, and no more memory than some."""
        descriptors, memory = self.calm
        now = self.server.descriptors()
        if len(now) > descriptors + CALM_DESCRIPTORS:
            raise Lost(f"{len(now)} descriptors are open, there were {descriptors}: {now}")
        if self.server.memory_kib() > memory + CALM_KIB:
            raise Lost(f"{self.server.memory_kib()} KiB of memory, there were {memory}")

    def wait_calm(self, within_s):
        """What clients left takes a moment to go."""
        until = time.monotonic() + within_s
        while True:
            try:
                self.is_calm()
                return
            except Lost:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def close(self):
        self.server.kill()
        self.house.clear()


def positions(options, last, kinds):
    """Every one, or some that chance takes, the first and the last among them."""
    sample = options.sample or (options.sample_memory if kinds == MEMORY else 0)
    if sample <= 0 or last <= sample:
        return list(range(1, last + 1))
    chance = random.Random(options.seed + last)
    return sorted({1, last, *chance.sample(range(1, last + 1), sample)})


def sweep(scene, fault, kinds, error, **more):
    """A row: each position of a visit."""
    row = Row(fault)
    scene.renew()
    scene.visitor.is_strict = kinds & IN_COMMIT == kinds
    visitor = scene.visitor
    visitor.may_blame = False
    refused = visitor.refused + visitor.unanswered
    scene.control.arm(kinds, error, 0)
    visitor.visit(more.get("visits"))
    last = scene.control.count
    scene.control.heal()
    visitor.settle()
    if visitor.refused + visitor.unanswered > refused:
        row.lose("a request is refused although nothing fails")
    visitor.may_blame = kinds == MEMORY
    for at in positions(scene.options, last, kinds):
        if not scene.position(row, kinds, error, at, **more):
            break
        if row.lost > 3:
            break
    scene.conclude(row)
    return row


def start_sweep(options, fault, kinds, error, **settings):
    """A row: each position of a start. It refuses with a reason, or serves; the next start is well."""
    row = Row(fault)
    house = House(options, tempfile.mkdtemp(prefix="start.", dir=options.work))
    visitor = Visitor(house)
    visitor.start(**settings)
    visitor.prepare()
    visitor.server.stop()
    house.control.arm(kinds, error, 0)
    visitor.start(**settings)
    last = house.control.count
    house.control.heal()
    visitor.server.stop()
    for at in positions(options, last, kinds):
        house.mark_log()
        house.control.arm(kinds, error, at)
        try:
            one_start(row, house, visitor, settings)
        except Lost as loss:
            row.lose(f"call {at} ({house.control.last}): {loss}")
        house.control.heal()
    try:
        house.verify()
        if house.leftovers():
            raise Lost(f"left behind: {house.leftovers()}")
    except Lost as loss:
        row.lose(f"at the end: {loss}")
    house.clear()
    return row


def one_start(row, house, visitor, settings):
    row.times += 1 if start_once(row, house, visitor, settings) else 0
    house.control.heal()
    visitor.start(**settings)
    before = visitor.acknowledged
    visitor.visit(("hand_over", "enrol"))
    if visitor.refused or visitor.unanswered:
        raise Lost("a request is refused after the start that follows")
    visitor.settle()
    visitor.server.stop()
    row.acknowledged += visitor.acknowledged - before


def start_once(row, house, visitor, settings):
    """With the fault: who says that it is ready answers. @return whether the call came"""
    try:
        server = Server(house, expect_ready=False, **settings)
    except Gone:
        row.ended += 1
        if reason_of(house) is None:
            raise Lost("it refuses to start and does not say why: " + house.log_end()) from None
        return True
    visitor.server = visitor.api.server = server
    fired = house.control.fired > 0
    house.control.heal()
    try:
        if visitor.api.public("/healthz")[0] != 200:
            raise Lost("it is ready and does not answer")
        server.stop()
    except Gone as error:
        server.kill()
        raise Lost("it said that it was ready: " + house.log_end()) from error
    return fired


def reason_of(house):
    """The line that says why it did not start."""
    lines = [line for line in house.log_lines() if line.startswith("whorld: ") or '"level":"error"' in line]
    return lines[-1] if lines else None
