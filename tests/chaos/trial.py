"""One cut of the power under a server, and what is asked afterwards."""

import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

from chapter import Api, Gone, Lost, Rows
from chapters import CHAPTERS
from ground import Disk, Server

READY_S, CRL_S = 20, 10


class Job:
    """Which cut: of a chapter, before its operation `point` (0: none), in a mode, with a seed; again: and once more while it recovers;
    control: what the server does wrong on purpose."""

    def __init__(self, chapter, point, mode, seed, again=False, control=None):  # pylint: disable=too-many-arguments
        self.chapter, self.point, self.mode, self.seed, self.again, self.control = chapter, point, mode, seed, again, control

    def __str__(self):
        return f"--script {self.chapter} --at {self.point} --modes {self.mode} --seed {self.seed}" + (" --again" if self.again else "")


class Result:
    """What came of it: operations that the chapter had, answers acknowledged, questions asked afterwards, what is lost, kinds in the log, calls."""

    def __init__(self, job):
        self.job, self.operations, self.fired, self.acknowledged, self.asked, self.loss, self.tail = job, 0, False, 0, 0, None, ""
        self.kinds, self.calls = set(), set()


class Cut:
    """What every trial has: a folder, a disk, and commands of whorld that must go well."""

    def __init__(self, options, base, job):
        self.options, self.base, self.job, self.result = options, base, job, Result(job)
        self.work = tempfile.mkdtemp(prefix="trial.", dir=options.work)
        self.log = os.path.join(self.work, "log")

    def run(self):
        disk = Disk(self.options, self.work)
        try:
            self.on(disk)
        finally:
            disk.close()
            shutil.rmtree(self.work, ignore_errors=True)
        return self.result

    def lost(self, error):
        self.result.loss = f"{self.job}: {error}"
        if os.path.exists(self.log):
            with open(self.log, "rb") as file:
                self.result.tail = file.read()[-1500:].decode(errors="replace")

    def command(self, what, *words, **settings):
        done = subprocess.run([self.options.whorld, *words], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(os.environ, **settings))
        if done.returncode != 0:
            raise Lost(f"{what}: {done.stdout.decode()}")


class Trial(Cut):
    """Of a chapter."""

    def settings(self, disk, chapter):
        return {"WHORL_JOURNAL_DIR": os.path.join(disk.path, "journal"), **chapter.settings, **chapter.more_settings()}

    def on(self, disk):
        job, result = self.job, self.result
        data = os.path.join(disk.path, "data")
        shutil.copytree(self.base.data, data)
        shutil.move(os.path.join(data, "journal"), os.path.join(disk.path, "journal"))
        disk.tell("settle")
        disk.tell("lie 1" if job.control == "lie" else "lie 0")
        chapter = CHAPTERS[job.chapter](self.options, self.base, self.work)
        try:
            result.loss = self.play(disk, data, chapter)
            disk.tell("lie 0")
            disk.tell(f"cut {job.mode} {job.seed}")
            journal = os.path.join(self.work, "journal")
            shutil.copytree(os.path.join(disk.path, "journal"), journal)
            if job.again:
                self.cut_again(disk, data, chapter)
            if result.loss is None:
                self.verify(disk, data, chapter)
                self.verify_journal(journal, chapter)
        except Lost as error:
            result.loss = str(error)
        finally:
            chapter.close()
        result.acknowledged = len(chapter.acknowledged)
        if result.loss is not None:
            self.lost(result.loss)

    def play(self, disk, data, chapter):
        """What was wrong before any cut. The operations are those of the chapter; when it is over before the power goes, it goes then."""
        server, loss, result = None, None, self.result
        disk.tell(f"arm {self.job.point if chapter.with_start else 0}")
        try:
            server = Server(self.options, data, self.log, self.job.control, **self.settings(disk, chapter))
            server.disk = disk
            if not chapter.with_start:
                disk.tell(f"arm {self.job.point}")
            chapter.play(server)
            if chapter.with_start:
                server.end()
        except Gone:
            if self.job.point == 0:  # nothing was cut: what was not played proves nothing
                loss = "the chapter ended before its end"
        except Lost as error:
            loss = f"before the cut: {error}"
        except (KeyError, IndexError, TypeError) as error:
            loss = None if disk.ask()["fired"] else f"before the cut: an answer is not as awaited: {error!r}"
        state = disk.ask()
        result.operations, result.fired = state["operations"], bool(state["fired"])
        if server is not None and server.process.poll() is None:
            server.end(signal.SIGKILL)
        return loss

    def cut_again(self, disk, data, chapter):
        """The power goes once more while the server starts."""
        disk.tell(f"arm {random.Random(self.job.seed).randint(1, 40)}")
        try:
            Server(self.options, data, self.log, **self.settings(disk, chapter)).end()
        except Gone:
            pass
        disk.tell(f"cut {self.job.mode} {self.job.seed + 1}")

    # --- after the cut

    def verify(self, disk, data, chapter):
        """Everything that was acknowledged, and that the house is whole."""
        begun = time.monotonic()
        settings = self.settings(disk, chapter)
        try:
            server = Server(self.options, data, self.log, **settings)
        except Gone as error:
            raise Lost("the server does not start") from error
        try:
            if time.monotonic() - begun > READY_S:
                raise Lost("the server needed too long to start")
            self.ask_server(server, chapter)
        except (Gone, KeyError, TypeError) as error:
            raise Lost(f"an answer is missing: {error!r}") from error
        finally:
            server.end()
        rows = Rows(os.path.join(data, "inventory.db"))
        self.ask_rows(rows, chapter, "the inventory")
        self.ask_records(rows, chapter)
        rows.close()
        self.command("the audit log does not verify", "audit", "verify", "--dir", data, **settings)
        self.command("the journal does not verify", "journal", "verify", "--dir", data, **settings)

    def ask_server(self, server, chapter):
        api = Api(server, self.base)
        for what, question, _ in chapter.acknowledged:
            if question is not None:
                self.result.asked += 1
                if not question(api):
                    raise Lost(f"{what}{chapter.seen(api, what)}")
        for authority in sorted({authority for _, authority in chapter.revoked}):
            self.check_crl(server, authority, [serial for serial, of in chapter.revoked if of == authority])

    def check_crl(self, server, authority, serials):
        """What is revoked stands on the list that is published, moments after a start: the list of before is shown until the next one is signed."""
        self.result.asked += len(serials)
        end = time.monotonic() + CRL_S
        while True:
            listed = urllib.request.urlopen(f"{server.public}/crl/{authority}.crl", timeout=10).read()
            text = subprocess.run(["openssl", "crl", "-inform", "DER", "-noout", "-text"], input=listed, stdout=subprocess.PIPE, check=True).stdout.decode()
            missing = [serial for serial in serials if serial.lstrip("0") not in text.lower().replace(":", "")]
            if not missing:
                return
            if time.monotonic() > end:
                raise Lost(f"the revoked certificate {missing[0]} is not on the CRL of {authority}")
            time.sleep(0.1)

    def ask_rows(self, rows, chapter, where):
        for what, _, of_rows in chapter.acknowledged:
            if of_rows is not None:
                self.result.asked += 1
                if not of_rows(rows):
                    raise Lost(f"{what}, of {where}")

    def ask_records(self, rows, chapter):
        """What was changed over the interface is on record."""
        found = {request for (request,) in rows.all("SELECT DISTINCT request_id FROM audit")}
        for what, request in chapter.requests:
            self.result.asked += 1
            if request not in found:
                raise Lost(f"the record of {what}")
        self.result.kinds = {kind for (kind,) in rows.all("SELECT DISTINCT kind FROM audit")}
        self.result.calls = chapter.calls

    def verify_journal(self, journal, chapter):
        """The disk of the inventory is gone: the copy of the beginning and the journal, as the cut left it."""
        older = os.path.join(self.work, "older")
        shutil.copytree(self.base.data, older)
        shutil.rmtree(os.path.join(older, "journal"))
        shutil.copytree(journal, os.path.join(older, "journal"))
        self.command("the journal cannot be replayed", "journal", "replay", "--dir", older)
        rows = Rows(os.path.join(older, "inventory.db"))
        self.ask_rows(rows, chapter, "an older copy and the journal")
        self.result.kinds |= {kind for (kind,) in rows.all("SELECT DISTINCT kind FROM audit")}
        rows.close()
