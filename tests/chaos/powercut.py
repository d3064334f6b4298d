#!/usr/bin/env python3
"""Cuts the power of a server in the middle of a script, and proves that everything it had acknowledged is there afterwards, and that it
starts. The disk is tests/chaos/lossyfs.c: what was not synced is lost, in whole, from some point on, or in part.

Each trial kills the server at one operation that would change the disk, of all that the script causes, cuts, and asks the server that
starts again. Inventory and journal lie in two folders of that disk. After the cut and before anything is mended, the journal is put beside
the inventory of the beginning: together they must hold what is final of everything that was acknowledged. The audit log, the journal and
`whorld check` must agree. With --again the power goes once more while the server recovers.

A control breaks the promise on purpose and must be noticed: normal (synchronous=NORMAL), early (answer before commit), lie (fsync does
nothing), journal (answer before the journal is written).

The short script is that of `make check`: its requests alone, cut at every operation; that of firmware is an upload in parts. The full one has every kind of write, and the start and
the end of the server.

  powercut.py [--script short|firmware|full] [--load N --trials N] [--every N] [--from N] [--modes drop,prefix,subset] [--seed S] [--again] [--control C]
"""

import argparse
import concurrent.futures
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

from script import DEVICES, Api, Gone, Load, Lost, Poller, Rows, Script, run

READY_S = 20
SHORT = ("short", "firmware")  # of their own operations only


class Disk:
    """A mounted lossyfs."""

    def __init__(self, options, work):
        self.path = os.path.join(work, "disk")
        os.mkdir(self.path)
        self.process = subprocess.Popen([options.lossyfs, "-f", "-s", self.path], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for _ in range(200):
            if os.path.ismount(self.path):
                return
            time.sleep(0.01)
        raise SystemExit("lossyfs was not mounted: " + self.process.stderr.read().decode())

    def tell(self, line):
        fd = os.open(os.path.join(self.path, ".ctl"), os.O_WRONLY)
        os.write(fd, line.encode())
        os.close(fd)

    def ask(self):
        fd = os.open(os.path.join(self.path, ".ctl"), os.O_RDONLY)
        text = os.read(fd, 256)
        os.close(fd)
        return json.loads(text)

    def close(self):
        subprocess.run(["umount", "-l", self.path], check=False)
        self.process.terminate()
        self.process.wait()


class Server:
    """whorld on the disk; control: what it does wrong on purpose."""

    def __init__(self, options, data, log, control=None, **settings):
        environment = dict(os.environ, WHORL_DEVICE_LISTEN="127.0.0.1:0", WHORL_MANAGEMENT_LISTEN="127.0.0.1:0", WHORL_PUBLIC_LISTEN="127.0.0.1:0",
                           WHORL_WORKERS="8", WHORL_LOOPS="1", **settings)
        if control in ("normal", "early", "journal"):
            environment.update(LD_PRELOAD=options.controls, WHORL_CONTROL=control)
        self.log = open(log, "ab")
        self.process = subprocess.Popen([options.whorld, "serve", "--dir", data], stdout=subprocess.PIPE, stderr=self.log, env=environment)
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise Gone()
        ready = json.loads(line)
        self.device = "https://" + ready["device"]
        self.management = "https://" + ready["management"]
        self.public = "http://" + ready["public"]

    def is_gone(self):
        """Whether it ended, or just ends: its sockets close before it can be waited for."""
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            return False
        return True

    def end(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait()
        self.process.stdout.close()
        self.log.close()
        return self.process.returncode


class Base:
    """What every trial begins with: a data directory and devices, made once on an honest disk."""

    def __init__(self, options, work):
        self.data = os.path.join(work, "base")
        run(options.whorld, "init", "--dir", self.data, "--host", "127.0.0.1", "--host", "localhost", "--public-url", "http://127.0.0.1:1")
        self.ca = os.path.join(self.data, "ca.pem")
        with open(os.path.join(self.data, "admin.token"), encoding="ascii") as file:
            self.token = file.read().strip()
        self.devices = []
        for n in range(DEVICES):
            folder = os.path.join(work, f"device{n}")
            self.devices.append((folder, run(options.tool, "new", "--dir", folder, "--seed", str(100 + n)).split()[0]))
        self.poller, self.releases = Poller(work), []
        self.register(options, work)

    def register(self, options, work):
        server = Server(options, self.data, os.path.join(work, "base.log"))
        api = Api(server, self)
        bodies = [json.dumps({"name": "base", "devices": [identity for _, identity in self.devices] + [self.poller.identity]}).encode()]
        if options.load:
            path = os.path.join(work, "fleet.json")
            run(options.tool, "fleet", "--count", str(options.load), "--seed-base", "50000", "--list", path)
            with open(path, "rb") as file:
                bodies.append(file.read())
        for body in bodies:
            status, answer, _ = api.call("POST", "/api/v1/batches", body)
            if status != 201:
                raise SystemExit(f"registering the devices: {status} {answer}")
        self.poller.enrol(server, self.ca)
        server.end()
        self.releases = [self.release(work, n) for n in (1, 2)]

    def release(self, work, sequence):
        """One that is published, as rows: how it comes to be has tests of its own."""
        image = os.path.join(work, f"1.0.{sequence}.bin")
        with open(image, "wb") as file:
            file.write(b"%d" % sequence * 100)
        rows = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e", "firmware_rows.py")
        return run(sys.executable, "-B", rows, self.data, image, f"1.0.{sequence}", str(sequence), env=dict(os.environ, ONLY_RELEASE="1")).strip()


class Trial:
    def __init__(self, options, base, point, mode):
        self.options, self.base, self.point, self.mode = options, base, point, mode
        self.work = tempfile.mkdtemp(prefix="trial.", dir=options.work)
        self.log = os.path.join(self.work, "log")

    def run(self):
        """(fired, operations, acknowledged, loss or None)"""
        disk = Disk(self.options, self.work)
        try:
            return self.on(disk)
        finally:
            disk.close()
            shutil.rmtree(self.work, ignore_errors=True)

    def settings(self, disk):
        return {"WHORL_JOURNAL_DIR": os.path.join(disk.path, "journal")}

    def on(self, disk):
        options, seed = self.options, self.options.seed + self.point
        data = os.path.join(disk.path, "data")
        shutil.copytree(self.base.data, data)
        shutil.move(os.path.join(data, "journal"), os.path.join(disk.path, "journal"))
        disk.tell("settle")
        disk.tell("lie 1" if options.control == "lie" else "lie 0")
        disk.tell("arm 0" if options.script in SHORT else f"arm {self.point}")
        script = (Load if options.load else Script)(options, self.base, self.work)
        state, loss = self.play(disk, data, script)
        disk.tell("lie 0")
        disk.tell(f"cut {self.mode} {seed}")
        journal = os.path.join(self.work, "journal")
        shutil.copytree(os.path.join(disk.path, "journal"), journal)
        if options.again:
            self.cut_again(disk, data, seed)
        try:
            if loss is None:
                self.verify(disk, data, script)
                self.verify_journal(journal, script)
        except Lost as error:
            loss = str(error)
        if loss is not None:
            loss = f"operation {self.point}, {self.mode}, seed {seed}: {loss}"
            with open(self.log, "rb") as file:
                options.tail = file.read()[-1500:].decode(errors="replace")
        return state["fired"], state["operations"], len(script.acknowledged), loss

    def play(self, disk, data, script):
        """What the disk had seen when the script was over, and what was wrong before any cut."""
        server, loss = None, None
        try:
            server = Server(self.options, data, self.log, self.options.control, **self.settings(disk))
            if self.options.script in SHORT:  # its own operations, without those of the start
                disk.tell(f"arm {self.point}")
            script.play(server)
        except Gone:
            if self.point == 0:  # nothing was cut: what was not played proves nothing
                loss = "the script ended before its end"
        except Lost as error:
            loss = f"before the cut: {error}"
        state = disk.ask()
        if server is not None:
            if self.options.script in SHORT and not state["fired"]:
                disk.tell("arm 0")
            server.end(signal.SIGKILL if state["fired"] else signal.SIGTERM)
        return state, loss

    def cut_again(self, disk, data, seed):
        """The power goes once more while the server starts."""
        disk.tell(f"arm {random.Random(seed).randint(1, 40)}")
        try:
            Server(self.options, data, self.log, **self.settings(disk)).end()
        except Gone:
            pass
        disk.tell(f"cut {self.mode} {seed + 1}")

    # --- after the cut

    def verify(self, disk, data, script):
        """Everything that was acknowledged, and that the house is whole."""
        begun = time.monotonic()
        try:
            server = Server(self.options, data, self.log, **self.settings(disk))
        except Gone as error:
            raise Lost("the server does not start") from error
        try:
            if time.monotonic() - begun > READY_S:
                raise Lost("the server needed too long to start")
            self.ask_server(server, script)
        except (Gone, KeyError, TypeError) as error:
            raise Lost(f"an answer is missing: {error!r}") from error
        finally:
            server.end()
        rows = Rows(os.path.join(data, "inventory.db"))
        self.ask_rows(rows, script, "the inventory")
        rows.close()
        self.command("the audit log does not verify", "audit", "verify", "--dir", data, **self.settings(disk))
        self.command("the journal does not verify", "journal", "verify", "--dir", data, **self.settings(disk))

    def command(self, what, *words, **settings):
        done = subprocess.run([self.options.whorld, *words], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(os.environ, **settings))
        if done.returncode != 0:
            raise Lost(f"{what}: {done.stdout.decode()}")

    def ask_server(self, server, script):
        api = Api(server, self.base)
        for what, question, _ in script.acknowledged:
            if question is not None and not question(api):
                raise Lost(what)
        if "revoked" in [what for what, _, _ in script.acknowledged]:
            self.check_crl(server, api)

    def check_crl(self, server, api):
        """What is revoked stands on the list that is published, at once after a start."""
        listed = urllib.request.urlopen(server.public + "/crl/device.crl", timeout=10).read()
        text = subprocess.run(["openssl", "crl", "-inform", "DER", "-noout", "-text"], input=listed, stdout=subprocess.PIPE, check=True).stdout.decode().lower()
        status, device, _ = api.call("GET", "/api/v1/devices/" + self.base.devices[1][1])
        for certificate in device["certificates"] if status == 200 else []:
            if certificate["state"] == "revoked" and certificate["serial"].lstrip("0") not in text.replace(":", ""):
                raise Lost("a revoked certificate is not on the CRL")

    def ask_rows(self, rows, script, where):
        for what, _, of_rows in script.acknowledged:
            if of_rows is not None and not of_rows(rows):
                raise Lost(f"{what}, of {where}")

    def verify_journal(self, journal, script):
        """The disk of the inventory is gone: the copy of the beginning and the journal, as the cut left it."""
        older = os.path.join(self.work, "older")
        shutil.copytree(self.base.data, older)
        shutil.rmtree(os.path.join(older, "journal"))
        shutil.copytree(journal, os.path.join(older, "journal"))
        self.command("the journal cannot be replayed", "journal", "replay", "--dir", older)
        rows = Rows(os.path.join(older, "inventory.db"))
        self.ask_rows(rows, script, "an older copy and the journal")
        rows.close()


def points_of(options, base):
    """How many operations the whole script has: a run in which nothing is cut."""
    fired, operations, acknowledged, loss = Trial(options, base, 0, "drop").run()
    if loss is not None and options.control is None:
        raise SystemExit(f"without a cut: {loss}\n{options.tail}")
    assert not fired
    print(f"the script changes the disk {operations} times and gets {acknowledged} answers to keep")
    return operations


def jobs_of(options, last):
    """(operation, mode) of each trial; more than `last` of them come round again with other luck."""
    modes = options.modes.split(",")
    points = range(options.first, last + 1, options.every)
    if options.trials:
        chance = random.Random(options.seed)
        points = [chance.randint(last // 2, last) for _ in range(options.trials)]
    return [(point, modes[(n + options.seed) % len(modes)]) for n, point in enumerate(points)]


def conclude(options, losses, trials, kept):
    if options.control is not None:
        print(f"control {options.control}: {len(losses)} of {trials} cuts noticed" + (f", such as: {losses[0]}" if losses else ""))
        return 0 if losses else 1
    print(f"seed {options.seed}: {trials} cuts, {kept} acknowledged answers asked for again, {len(losses)} cuts with a loss")
    return 1 if losses else 0


def read_options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--script", choices=["short", "firmware", "full"], default="full")
    parser.add_argument("--load", type=int, default=0)
    parser.add_argument("--trials", type=int, default=0)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--from", type=int, default=1, dest="first")
    parser.add_argument("--modes", default="drop,prefix,subset")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 20))
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--control", choices=["normal", "early", "lie", "journal"])
    options = parser.parse_args()
    options.whorld, options.tool = (os.path.abspath(os.path.join(options.build, name)) for name in ("whorld", "whorl-device"))
    options.lossyfs, options.controls = (os.path.abspath(os.path.join(options.build, "chaos", name)) for name in ("lossyfs", "controls.so"))
    options.tail = ""
    return options


def main():
    options = read_options()
    options.work = tempfile.mkdtemp(prefix="whorl-chaos.")
    losses, kept, trials = [], 0, 0
    try:
        base = Base(options, options.work)
        jobs = jobs_of(options, points_of(options, base))
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            for _, _, acknowledged, loss in pool.map(lambda job: Trial(options, base, *job).run(), jobs):
                trials, kept = trials + 1, kept + acknowledged
                if loss is not None:
                    losses.append(loss)
                    if options.control is None:
                        print("LOST", loss, options.tail, sep="\n")
    finally:
        shutil.rmtree(options.work, ignore_errors=True)
    return conclude(options, losses, trials, kept)


if __name__ == "__main__":
    sys.exit(main())
