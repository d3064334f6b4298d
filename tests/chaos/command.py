"""What trials of commands have in common: a command that is cut, and what must hold then."""

import os
import random
import subprocess
import threading

from chapter import Api, Gone, Lost, Rows
from ground import Server
from trial import Cut

LOCK = threading.Lock()  # what is made once is made by one of the trials


class Command(Cut):
    """lay: what stands on the disk before. act: the command, cut at the operation; whether it said that it is done. judge: what must hold then."""

    def on(self, disk):
        job, result = self.job, self.result
        try:
            self.prepare()
            self.lay(disk)
            disk.tell("settle")
            disk.tell(f"arm {job.point}")
            is_done = self.act(disk)
            state = disk.ask()
            result.operations, result.fired = state["operations"], bool(state["fired"])
            disk.tell(f"cut {job.mode} {job.seed}")
            if job.point == 0 and not is_done:
                raise Lost("it fails without a cut")
            if job.again:  # the power goes once more under the same command
                disk.tell(f"arm {random.Random(job.seed).randint(1, 200)}")
                is_done = self.act(disk) or is_done
                disk.tell(f"cut {job.mode} {job.seed + 1}")
            result.acknowledged = int(is_done)
            self.judge(disk, is_done)
            if os.path.exists(self.log_of(disk)):
                rows = Rows(self.log_of(disk))
                result.kinds = {kind for (kind,) in rows.all("SELECT DISTINCT kind FROM audit")}
                rows.close()
        except Lost as error:
            self.lost(error)

    def prepare(self):
        """What is made once, on an honest disk."""

    def once(self, name, make):
        """A folder in the work of all trials."""
        path = os.path.join(self.options.work, name)
        with LOCK:
            if not os.path.exists(path):
                make(path + ".new")
                os.rename(path + ".new", path)
        return path

    def log_of(self, disk):
        return os.path.join(disk.path, "data", "inventory.db")

    def whorld(self, *words, **settings):
        """(exit code, output)"""
        done = subprocess.run([self.options.whorld, *words], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(os.environ, **settings),
                              timeout=60)
        with open(self.log, "ab") as file:
            file.write(done.stdout)
        return done.returncode, done.stdout.decode(errors="replace")

    def says(self, what, *words, **settings):
        """A command that must go well now."""
        self.result.asked += 1
        code, output = self.whorld(*words, **settings)
        if code != 0:
            raise Lost(f"{what}: {code} {output[-600:]}")
        return output

    def serves(self, data, token=None, devices=(), **settings):
        """The directory starts, and knows the devices."""
        self.result.asked += 1
        try:
            server = Server(self.options, data, self.log, **settings)
        except Gone as error:
            raise Lost("the server does not start") from error
        try:
            api = Api(server, Ground(data, token))
            for identity, state in devices:
                self.result.asked += 1
                status, body, _ = api.call("GET", "/api/v1/devices/" + identity)
                if status != 200 or body["state"] != state:
                    raise Lost(f"the device {identity} is {status} {body}, not {state}")
        except Gone as error:
            raise Lost("the server does not answer") from error
        finally:
            server.end()
        self.says("the audit log", "audit", "verify", "--dir", data, **settings)
        self.says("the journal", "journal", "verify", "--dir", data, **settings)

    def known(self):
        """Devices of the base."""
        return [(unit.identity, "enrolled") for unit in self.base.units[:2]] + [(self.base.devices[0][1], "registered")]


class Ground:
    """What a client needs to know of a directory."""

    def __init__(self, data, token):
        self.ca = os.path.join(data, "ca.pem")
        with open(os.path.join(data, "admin.token"), encoding="ascii") as file:
            self.token = token or file.read().strip()
