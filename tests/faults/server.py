"""A server that the library of preload/ is in, and what can be seen of it from outside."""

import json
import mmap
import os
import shutil
import signal
import struct
import subprocess
import time

WRITE, SYNC, TRUNCATE, NAME, MAKE, RESERVE, MAP, READ, OPEN, DESCRIPTOR, THREAD, SPAWN, MEMORY = (1 << n for n in range(13))
SHORT = -1
READY_S, STOP_S = 20, 5


class Gone(Exception):
    """No answer came."""


class Lost(Exception):
    """Something that was acknowledged is not there, or something else that must not be."""


class Control:
    """The file that a test and the library share; the places are those of preload/faults.h."""

    SIZE = 512
    KINDS, ERROR, AT, LASTING, DELAY, LEAKING, CLOCK, COUNT, FIRED, RESYNCED, LAST = 0, 4, 8, 12, 16, 20, 24, 32, 36, 40, 48

    def __init__(self, path):
        self.path = path
        with open(path, "wb") as file:
            file.write(bytes(self.SIZE))
        with open(path, "r+b") as file:
            self.bytes = mmap.mmap(file.fileno(), self.SIZE)

    def put(self, place, value, form="<I"):
        self.bytes[place:place + struct.calcsize(form)] = struct.pack(form, value)

    def take(self, place):
        return struct.unpack("<I", self.bytes[place:place + 4])[0]

    def arm(self, kinds, error, at, is_lasting=False):
        """The call number `at` of these kinds fails, counted from now; 0: they are only counted."""
        self.heal()
        self.bytes[self.LAST:] = bytes(self.SIZE - self.LAST)
        for place in (self.COUNT, self.FIRED, self.RESYNCED):
            self.put(place, 0)
        self.put(self.ERROR, error, "<i")
        self.put(self.AT, at)
        self.put(self.LASTING, int(is_lasting))
        self.put(self.KINDS, kinds)

    def heal(self):
        self.put(self.KINDS, 0)
        self.put(self.AT, 0)

    def slow(self, milliseconds):
        self.put(self.DELAY, milliseconds * 1000)

    def leak(self, is_leaking):
        self.put(self.LEAKING, int(is_leaking))

    def shift(self, seconds):
        self.put(self.CLOCK, int(seconds * 1000), "<q")

    @property
    def count(self):
        return self.take(self.COUNT)

    @property
    def fired(self):
        return self.take(self.FIRED)

    @property
    def resynced(self):
        return self.take(self.RESYNCED)

    @property
    def last(self):
        return self.bytes[self.LAST:].split(b"\0")[0].decode(errors="replace")


class Server:
    """whorld on a house, its log kept from one start to the next."""

    def __init__(self, house, limits=None, expect_ready=True, **settings):
        self.house = house
        environment = dict(os.environ, WHORL_DEVICE_LISTEN="127.0.0.1:0", WHORL_MANAGEMENT_LISTEN="127.0.0.1:0", WHORL_PUBLIC_LISTEN="127.0.0.1:0",
                           WHORL_WORKERS="4", WHORL_LOOPS="1", LD_PRELOAD=house.options.preload, WHORL_FAULTS=house.control.path,
                           WHORL_FAULTS_ROOT=house.data)
        environment.update(settings)
        with open(house.log, "ab") as log:
            self.process = subprocess.Popen([house.options.whorld, "serve", "--dir", house.data], stdout=subprocess.PIPE, stderr=log, env=environment,
                                            preexec_fn=limits)
        self.pid = self.process.pid
        begun = time.monotonic()
        line = self.process.stdout.readline()
        self.started_s = time.monotonic() - begun
        if not line:
            self.process.wait()
            self.process.stdout.close()
            if expect_ready:
                raise Lost("the server does not start: " + house.log_end())
            raise Gone()
        ready = json.loads(line)
        self.device, self.management, self.public = "https://" + ready["device"], "https://" + ready["management"], "http://" + ready["public"]

    def place(self, listener):
        host, port = getattr(self, listener).split("//")[1].rsplit(":", 1)
        return host, int(port)

    def has_ended(self, within_s=0.0):
        """Whether it ended, or just ends: its sockets close before it can be waited for."""
        try:
            self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self):
        """As a service manager does; how long it took."""
        begun = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_S + 10)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise Lost("it does not stop") from error
        self.process.stdout.close()
        if code != 0:
            raise Lost(f"it ended with {code} after SIGTERM: {self.house.log_end()}")
        return time.monotonic() - begun

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    # --- what it holds

    def descriptors(self):
        return sorted(os.readlink(f"/proc/{self.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{self.pid}/fd") if os.path.lexists(f"/proc/{self.pid}/fd/{fd}"))

    def memory_kib(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("RssAnon"))

    def threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def signer(self):
        """The process that holds the keys, or None."""
        done = subprocess.run(["pgrep", "-P", str(self.pid), "-x", "whorl-signer"], check=False, stdout=subprocess.PIPE)
        return int(done.stdout.split()[0]) if done.stdout.split() else None


class House:
    """A data directory that was just made, in a folder of its own with its control file and its log."""

    def __init__(self, options, work):
        self.options, self.root = options, work
        self.data, self.log = os.path.join(work, "data"), os.path.join(work, "log")
        self.control = Control(os.path.join(os.path.dirname(work), os.path.basename(work) + ".control"))
        self.command("init", "--host", "127.0.0.1", "--host", "localhost", "--public-url", "http://127.0.0.1:1", name="Faults")
        self.ca = os.path.join(self.data, "ca.pem")
        with open(os.path.join(self.data, "admin.token"), encoding="ascii") as file:
            self.token = file.read().strip()
        self.log_at = 0

    def command(self, *words, **more):
        name = ["--name", more["name"]] if "name" in more else []
        done = subprocess.run([self.options.whorld, *words, "--dir", self.data, *name], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        if done.returncode != 0:
            raise Lost(f"whorld {' '.join(words)}: {done.stdout.decode(errors='replace')[-600:]}")
        return done.stdout.decode(errors="replace")

    def mark_log(self):
        self.log_at = os.path.getsize(self.log) if os.path.exists(self.log) else 0

    def log_lines(self):
        """Since mark_log()."""
        if not os.path.exists(self.log):
            return []
        with open(self.log, "rb") as file:
            file.seek(self.log_at)
            return file.read().decode(errors="replace").splitlines()

    def log_end(self):
        return " | ".join(self.log_lines()[-4:])

    def reasons(self):
        """The lines since mark_log() that say what is wrong."""
        return [line for line in self.log_lines() if '"level":"warn"' in line or '"level":"error"' in line]

    def leftovers(self):
        """Temporary files that nobody needs any more."""
        found = []
        for folder, _, names in os.walk(self.data):
            found += [os.path.join(folder, name) for name in names if ".tmp-" in name]
        return found

    def verify(self):
        """That the house is whole, with the server stopped."""
        self.command("audit", "verify")
        self.command("journal", "verify")
        text = self.command("check")
        if "0 problems" not in text:
            raise Lost("whorld check: " + text[-600:])

    def clear(self):
        shutil.rmtree(self.root, ignore_errors=True)
