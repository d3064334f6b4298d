"""What a trial of the power-cut tests stands on: the disk that loses what was not synced, a server on it, and the data directory that all
begin with."""

import json
import os
import signal
import subprocess
import sys
import time

from chapter import Api, Gone, Lost, run
from maker import Maker
from unit import Unit

DEVICES, UNITS, RELEASES = 10, 8, 4
ADMINS = "admin,installation,approvals:decide"


class Disk:
    """A mounted lossyfs."""

    def __init__(self, options, work):
        self.path = os.path.join(work, "disk")
        os.mkdir(self.path)
        self.process = subprocess.Popen([options.lossyfs, "-f", "-s", self.path], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for _ in range(2000):
            if os.path.ismount(self.path):
                return
            time.sleep(0.005)
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
        self.process.stderr.close()


class Server:
    """whorld on the disk; control: what it does wrong on purpose."""

    def __init__(self, options, data, log, control=None, words=(), **settings):
        environment = dict(os.environ, WHORL_DEVICE_LISTEN="127.0.0.1:0", WHORL_MANAGEMENT_LISTEN="127.0.0.1:0", WHORL_PUBLIC_LISTEN="127.0.0.1:0",
                           WHORL_WORKERS="8", WHORL_LOOPS="1", **settings)
        if control in ("normal", "early", "journal"):
            environment.update(LD_PRELOAD=options.controls, WHORL_CONTROL=control)
        self.disk = None  # once the trial says so
        self.log, self.data, self.environment = open(log, "ab"), data, environment
        self.process = subprocess.Popen([options.whorld, "serve", "--dir", data, *words], stdout=subprocess.PIPE, stderr=self.log, env=environment)
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.process.stdout.close()
            self.log.close()
            raise Gone()
        ready = json.loads(line)
        self.device = "https://" + ready["device"]
        self.management = "https://" + ready["management"]
        self.public = "http://" + ready["public"]

    def is_gone(self):
        """Whether it ended, or just ends (its sockets close before it can be waited for), or has no power and does not know it yet."""
        if self.disk is not None and self.disk.ask()["fired"]:
            return True
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            return False
        return True

    def signer(self):
        """The process that holds the CA keys."""
        found = subprocess.run(["pgrep", "-P", str(self.process.pid), "-x", "whorl-signer"], check=False, stdout=subprocess.PIPE).stdout.split()
        if not found:
            raise Gone()
        return int(found[0])

    def end(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait()
        self.process.stdout.close()
        self.log.close()
        return self.process.returncode


class Base:
    """What every trial begins with, made once on an honest disk: a data directory; devices of the reference client that are registered, units
    (openssl and Python) of which the last two are registered and the others enrolled; three people, one of another tenant; releases."""

    def __init__(self, options, work):
        self.data = os.path.join(work, "base")
        run(options.whorld, "init", "--dir", self.data, "--host", "127.0.0.1", "--host", "localhost", "--public-url", "http://127.0.0.1:1")
        with open(os.path.join(self.data, "whorl.conf"), "a", encoding="ascii") as file:  # webhooks of the tests are on this machine
            file.write("outbound_allow = 127.0.0.0/8\noutbound_allow_http = 1\n")
        self.ca = os.path.join(self.data, "ca.pem")
        with open(os.path.join(self.data, "admin.token"), encoding="ascii") as file:
            self.token = file.read().strip()
        run(options.whorld, "tenant", "add", "--dir", self.data, "--name", "acme")
        self.second = self.person(options, "ben")
        self.other = self.person(options, "boss", "--tenant", "acme")
        self.devices = []
        for n in range(DEVICES):
            folder = os.path.join(work, f"device{n}")
            self.devices.append((folder, run(options.tool, "new", "--dir", folder, "--seed", str(100 + n)).split()[0]))
        self.units = [Unit.new(os.path.join(work, f"unit{n}")) for n in range(UNITS)]
        self.maker = Maker(os.path.join(work, "maker"))
        self.register(options, work)
        self.releases = [self.release(work, n) for n in range(1, RELEASES + 1)]

    def person(self, options, name, *words):
        scopes = "admin" if words else ADMINS
        return run(options.whorld, "token", "add", "--dir", self.data, "--name", name, "--scope", scopes, "--expires", "30", *words).split()[0]

    def register(self, options, work):
        server = Server(options, self.data, os.path.join(work, "base.log"))
        api = Api(server, self)
        identities = [identity for _, identity in self.devices] + [unit.identity for unit in self.units]
        bodies = [json.dumps({"name": "base", "devices": identities}).encode()]
        if options.load:
            path = os.path.join(work, "fleet.json")
            run(options.tool, "fleet", "--count", str(options.load), "--seed-base", "50000", "--list", path)
            with open(path, "rb") as file:
                bodies.append(file.read())
        for body in bodies:
            status, answer, _ = api.call("POST", "/api/v1/batches", body)
            if status != 201:
                raise SystemExit(f"registering the devices: {status} {answer}")
        try:
            for unit in self.units[:-2]:
                unit.enrol(server, self)
                unit.status(server, self)  # the first use
        except Lost as error:
            raise SystemExit(f"the units: {error}") from error
        server.end()

    def release(self, work, sequence):
        """One that is published, as rows: how it comes to be has a chapter of its own."""
        image = os.path.join(work, f"1.0.{sequence}.bin")
        with open(image, "wb") as file:
            file.write(b"%d" % sequence * 100)
        rows = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e", "firmware_rows.py")
        return run(sys.executable, "-B", rows, self.data, image, f"1.0.{sequence}", str(sequence), env=dict(os.environ, ONLY_RELEASE="1")).strip()
