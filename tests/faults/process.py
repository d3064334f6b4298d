"""The process itself: restarted and killed under load, the process that holds its keys killed and stopped, its clock moved."""

import datetime
import hashlib
import os
import re
import signal
import ssl
import subprocess
import threading
import time

from server import Gone, Lost
from sweep import Row, Scene
from visit import Api, Device, Visitor, certificate_of

WRITERS, READERS = 8, 4


def rows(options):
    scene = Scene(options, Visitor, may_close=True, first=("hand_over", "enrol"), WHORL_SIGNER_TIMEOUT_MS="600")
    times = 2 if options.sample else 20
    try:
        yield restarts(scene, "restart by SIGTERM under load", signal.SIGTERM, times)
        yield restarts(scene, "SIGKILL under load", signal.SIGKILL, times)
        yield signer(scene, "the key process killed under load", signal.SIGKILL, 2 * times)
        yield signer(scene, "the key process stopped under load", signal.SIGSTOP, times)
        yield clock(scene)
    finally:
        scene.close()


class Load:
    """Writers, each with an API of its own, and readers; until it is told to end."""

    def __init__(self, scene, salt):
        self.scene, self.salt = scene, salt
        self.is_over, self.lock = threading.Event(), threading.Lock()
        self.acknowledged, self.unanswered, self.errors = [], [], []
        self.threads = [threading.Thread(target=self.write, args=(n,)) for n in range(WRITERS)] + [threading.Thread(target=self.read) for _ in range(READERS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        for thread in self.threads:
            thread.join()

    def api(self):
        api = Api(self.scene.house, timeout_s=15)
        api.server = self.scene.server
        api.keep(True)
        return api

    def turn(self, api):
        """On to the server of now."""
        if api.server is not self.scene.server:
            api.server = self.scene.server
            api.keep(True)

    def write(self, writer):
        api, n = self.api(), 0
        while not self.is_over.is_set():
            n += 1
            self.turn(api)
            name = f"load-{self.salt}-{writer}-{n}"
            identity = hashlib.sha256(name.encode()).hexdigest()
            try:
                status, body, _ = api.call("POST", "/api/v1/batches", {"name": name, "devices": [identity]})
            except Gone:
                with self.lock:
                    self.unanswered.append(identity)
                time.sleep(0.02)
                continue
            with self.lock:
                if status == 201:
                    self.acknowledged.append((body["id"], identity))
                elif status != 503 and status != 429:
                    self.errors.append(f"a write is answered {status} {body}")

    def read(self):
        api = self.api()
        while not self.is_over.is_set():
            self.turn(api)
            try:
                status, _, _ = api.call("GET", "/api/v1/devices?limit=10")
                if status not in (200, 429, 503):
                    self.errors.append(f"a read is answered {status}")
            except Gone:
                time.sleep(0.02)


def restarts(scene, name, number, times):
    row = Row(name)
    with Load(scene, name[:4]) as load:
        for _ in range(times):
            time.sleep(0.4)
            row.times += 1
            try:
                if number == signal.SIGTERM:
                    took = scene.server.stop()
                    if took > 5:
                        raise Lost(f"it needed {took:.1f} s to stop")
                else:
                    scene.server.kill()
            except Lost as loss:
                row.lose(str(loss))
            scene.visitor.start(**scene.settings)
        time.sleep(0.2)
    ask_load(scene, row, load, number == signal.SIGTERM)
    scene.remember()
    scene.conclude(row)
    return row


def ask_load(scene, row, load, is_graceful):
    """What was acknowledged is there. After a graceful end also: what was carried out was answered."""
    api = load.api()
    row.acknowledged, row.unanswered = len(load.acknowledged), len(load.unanswered)
    try:
        for batch, identity in load.acknowledged:
            if api.get("/api/v1/batches/" + batch) is None or api.get("/api/v1/devices/" + identity) is None:
                row.lose(f"batch {batch}")
        for identity in load.unanswered if is_graceful else []:
            if api.get("/api/v1/devices/" + identity) is not None:
                row.lose(f"device {identity} is there, and nobody was told")
    except (Lost, Gone) as loss:
        row.lose(repr(loss))
    for error in load.errors[:3]:
        row.lose(error)


# --- the process that holds the keys


def signer_pid(scene):
    """The one that runs, by its own line in the log."""
    with open(scene.house.log, encoding="utf-8", errors="replace") as file:
        found = re.findall(r'"event":"signer.started","pid":(\d+)', file.read())
    return int(found[-1]) if found else None


def signer(scene, name, number, times):
    """Devices enrol while it goes: 200 or 503, and it comes back."""
    row, visitor = Row(name), scene.visitor
    before = (visitor.acknowledged, visitor.refused)
    row.times = times
    is_over = threading.Event()

    def harass():
        while not is_over.wait(0.3):
            try:
                os.kill(signer_pid(scene), number)
            except (OSError, TypeError):
                pass

    try:
        thread = threading.Thread(target=harass)
        thread.start()
        try:
            for _ in range(times):
                visitor.visit(("enrol", "hand_over"))
                visitor.settle()
        finally:
            is_over.set()
            thread.join()
        for _ in range(50):
            refused = visitor.refused
            visitor.visit(("enrol",))
            visitor.settle()
            if visitor.refused == refused:
                break
            time.sleep(0.2)
        else:
            raise Lost("it does not come back")
        if visitor.unanswered:
            raise Lost(f"{visitor.unanswered} requests without an answer")
    except (Lost, Gone) as loss:
        row.lose(str(loss))
        visitor.open = []
    row.acknowledged, row.refused = visitor.acknowledged - before[0], visitor.refused - before[1]
    scene.conclude(row)
    return row


# --- the clock


HOUR, YEAR = 3600, 365 * 86400


def clock(scene):
    """Forward and back while requests run: nothing is issued with a date that is not now's, nothing hangs or storms, and it recovers."""
    row, visitor = Row("clock: an hour and ten years, forward and back"), scene.visitor
    before = visitor.acknowledged
    for shift in (HOUR, -HOUR, 10 * YEAR, -10 * YEAR):
        row.times += 1
        try:
            one_shift(scene, shift)
        except (Lost, Gone) as loss:
            row.lose(f"by {shift} s: {loss}")
            visitor.open = []
        scene.control.shift(0)
        try:
            recovered(scene)
        except (Lost, Gone) as loss:
            row.lose(f"after {shift} s: {loss}")
            visitor.open = []
    row.acknowledged = visitor.acknowledged - before
    scene.conclude(row)
    return row


def one_shift(scene, shift):
    visitor = scene.visitor
    scene.control.shift(shift)
    began, spent = time.monotonic(), cpu_s(scene.server.pid)
    try_enrol(scene, shift)
    if visitor.api.public("/healthz")[0] != 200 or visitor.api.public("/crl/device.crl")[0] != 200:
        raise Lost("what is in memory is not served")
    status, body, _ = visitor.api.call("GET", "/api/v1/devices?limit=5")
    if status not in (200, 401):  # in ten years the token has expired
        raise Lost(f"a read: {status} {body}")
    time.sleep(0.5)
    took, spent = time.monotonic() - began, cpu_s(scene.server.pid) - spent
    if took > 10:
        raise Lost(f"four requests took {took:.1f} s")
    if spent > 0.7 * took:
        raise Lost(f"it was busy for {spent:.1f} of {took:.1f} s")


def try_enrol(scene, shift):
    """Refused, or dated now."""
    visitor = scene.visitor
    device = visitor.device
    status, body, headers = visitor.api.send("POST", "/.well-known/est/simpleenroll", device.csr(), {"Content-Type": "application/pkcs10"}, base=scene.server.device,
                                             context=device.context(scene.house.ca))
    if status == 200:
        serial, der = certificate_of(body)
        text = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-startdate"], input=der, check=True, stdout=subprocess.PIPE).stdout.decode()
        start = ssl.cert_time_to_seconds(text.strip().split("=")[1])
        if abs(start - time.time()) > HOUR + 600:
            raise Lost(f"certificate {serial} is valid from {datetime.datetime.utcfromtimestamp(start)}, the clock was {shift} s off")
        visitor.acknowledged += 1
        visitor.open.append(("certificate", lambda: visitor.api.get("/api/v1/certificates/" + serial) is not None, True))
    elif status not in (403, 503):
        raise Lost(f"enrolment is answered {status} {body}")
    elif status == 503 and "Retry-After" not in headers:
        raise Lost("it is not told when to come again")


def recovered(scene):
    """As soon as the clock is right again."""
    visitor = scene.visitor
    for _ in range(60):
        refused = visitor.refused
        visitor.visit(("enrol", "hand_over"))
        visitor.settle()
        if visitor.refused == refused:
            return
        time.sleep(0.1)
    raise Lost("nothing is issued although the clock is right")


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
