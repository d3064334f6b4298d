#!/usr/bin/env python3
"""Cuts the power of a whorld at each operation of a short script, on a file system that loses what was not synced (lossyfs.c), and asks
afterwards for everything that was acknowledged.

  powercut.py [--build DIR] [--jobs N] [--every N] [--from N] [--modes drop,prefix,subset] [--seed N] [--again] [--control normal|early|lie]

Each trial: a data directory made before, the script (hand over devices, enrol them, renew, revoke, retire, change a product, make a token,
import a list), SIGKILL in place of the N-th operation that changes the file system, a cut, a start, and the questions: is it ready in time,
does the audit log verify, is every answer that was received still true? --again cuts a second time during that start. With --control the
server or the disk breaks the promise, and the run fails unless at least one loss is noticed. The last line counts trials."""

import argparse
import concurrent.futures
import hashlib
import json
import os
import random
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

DEVICES = 4
READY_S = 20


class Lost(Exception):
    """Something that was acknowledged is not there."""


class Gone(Exception):
    """The server ended, as it should when the power goes."""


def run(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more).stdout.decode()


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

    def __init__(self, options, data, log, control=None):
        environment = dict(os.environ, WHORL_DEVICE_LISTEN="127.0.0.1:0", WHORL_MANAGEMENT_LISTEN="127.0.0.1:0", WHORL_PUBLIC_LISTEN="127.0.0.1:0",
                           WHORL_WORKERS="8", WHORL_LOOPS="1")
        if control in ("normal", "early"):
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


class Api:
    def __init__(self, server, base):
        self.url, self.token = server.management, base.token
        self.context = ssl.create_default_context(cafile=base.ca)

    def call(self, method, path, body=None, headers=None):
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        request.add_header("Authorization", "Bearer " + self.token)
        request.add_header("Content-Type", "application/json")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=20) as answer:
                return answer.status, json.loads(answer.read() or b"null"), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null"), error.headers
        except (urllib.error.URLError, OSError, ValueError) as error:
            raise Gone() from error


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


class Script:
    """The acknowledged things of one trial, in order, each with the question that proves it."""

    def __init__(self, options, base, work):
        self.options, self.base, self.work = options, base, work
        self.acknowledged = []

    def note(self, what, question):
        self.acknowledged.append((what, question))

    def play(self, server):
        api = Api(server, self.base)
        self.hand_over(api)
        for n in range(DEVICES):
            self.device(server, n, "enrol")
        self.device(server, 0, "renew")
        self.device(server, 1, "rekey")
        self.orders(api)
        self.things(api)

    def want(self, answer, *wanted):
        status, body, headers = answer
        if status not in wanted:
            if status in (500, 503):  # what a disk that fails may bring before the process ends
                raise Gone()
            raise Lost(f"an answer {status}: {body}")
        return body, headers

    def hand_over(self, api):
        ids = [identity for _, identity in self.base.devices]
        batch, _ = self.want(api.call("POST", "/api/v1/batches", {"name": "lot", "devices": ids}), 201)
        self.note("batch", lambda a: a.call("GET", "/api/v1/batches/" + batch["id"])[1].get("device_count") == DEVICES)
        for identity in ids:
            self.note("device", lambda a, i=identity: a.call("GET", "/api/v1/devices/" + i)[0] == 200)

    def device(self, server, n, verb):
        """One device's step, with the reference client; its folder is on an honest disk."""
        folder = os.path.join(self.work, f"device{n}")
        if not os.path.isdir(folder):
            shutil.copytree(self.base.devices[n][0], folder)
        done = subprocess.run([self.options.tool, verb, "--dir", folder, "--server", server.device, "--ca", self.base.ca], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            if server.is_gone():
                raise Gone()
            raise Lost(f"{verb} of device {n}: {done.stdout.decode()}")
        for name in sorted(os.listdir(folder)):
            if name.endswith((".pem", ".crt")):
                self.certificate(os.path.join(folder, name))

    def certificate(self, path):
        text = run("openssl", "x509", "-in", path, "-noout", "-serial", "-fingerprint", "-sha256")
        serial = text.split("serial=")[1].split()[0].lower().rjust(32, "0")
        with open(path, "rb") as file:
            der = ssl.PEM_cert_to_DER_cert(file.read().decode("ascii", "ignore").split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n")

        def is_there(api):
            status, body, _ = api.call("GET", "/api/v1/certificates/" + serial)
            return status == 200 and ssl.PEM_cert_to_DER_cert(body["pem"]) == der

        self.note("certificate " + serial, is_there)

    def orders(self, api):
        identity = self.base.devices[2][1]
        self.want(api.call("POST", f"/api/v1/devices/{identity}/revoke", {"reason": "keyCompromise"}), 200)
        self.note("revoked", lambda a: a.call("GET", "/api/v1/devices/" + identity)[1]["state"] == "revoked")
        retired = self.base.devices[3][1]
        self.want(api.call("POST", f"/api/v1/devices/{retired}/retire", {}), 200)
        self.note("retired", lambda a: a.call("GET", "/api/v1/devices/" + retired)[1]["state"] == "retired")

    def things(self, api):
        hub, _ = self.want(api.call("POST", "/api/v1/hubs", {"name": "hub", "host": "broker.example"}), 201)
        product, headers = self.want(api.call("POST", "/api/v1/products", {"name": "sensor", "hub": hub["name"]}), 201)
        path = "/api/v1/products/" + product["id"]
        self.note("product", lambda a: a.call("GET", path)[0] == 200)
        self.want(api.call("PATCH", path, {"renew_percent": 33}, {"If-Match": headers["ETag"]}), 200)
        self.note("changed product", lambda a: a.call("GET", path)[1]["renew_percent"] == 33)
        order = {"name": "line", "scopes": ["devices:read"], "expires_at": time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() + 86400 * 30))}
        token, _ = self.want(api.call("POST", "/api/v1/tokens", order), 201)
        self.note("token", lambda a: a.call("GET", "/api/v1/tokens/" + token["id"])[0] == 200)
        ids = [hashlib.sha256(b"imported %d" % n).hexdigest() for n in range(300)]
        lines = "".join(json.dumps({"id": i}) + "\n" for i in ids).encode()
        batch, _ = self.want(api.call("POST", "/api/v1/batches/import?format=jsonl&name=imported", lines, {"Content-Type": "application/x-ndjson"}), 201)
        self.note("import", lambda a: a.call("GET", "/api/v1/devices/" + ids[299])[0] == 200 and batch is not None)


def verify(options, base, data, script, trial):
    """After the cut: everything that was acknowledged, and that the house is whole."""
    begun = time.monotonic()
    try:
        server = Server(options, data, trial.log)
    except Gone as error:
        raise Lost("the server does not start") from error
    try:
        if time.monotonic() - begun > READY_S:
            raise Lost("the server needed too long to start")
        api = Api(server, base)
        for what, question in script.acknowledged:
            if not question(api):
                raise Lost(what)
        if "revoked" in [what for what, _ in script.acknowledged]:
            check_crl(server, api, base)
    except (Gone, KeyError, TypeError) as error:
        raise Lost(f"an answer is missing: {error!r}") from error
    finally:
        server.end()
    done = subprocess.run([options.whorld, "audit", "verify", "--dir", data], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise Lost("the audit log does not verify: " + done.stdout.decode())


def check_crl(server, api, base):
    """What is revoked stands on the list that is published, at once after a start."""
    listed = urllib.request.urlopen(server.public + "/crl/device.crl", timeout=10).read()
    text = subprocess.run(["openssl", "crl", "-inform", "DER", "-noout", "-text"], input=listed, stdout=subprocess.PIPE, check=True).stdout.decode().lower()
    status, device, _ = api.call("GET", "/api/v1/devices/" + base.devices[2][1])
    for certificate in device["certificates"] if status == 200 else []:
        if certificate["state"] == "revoked" and certificate["serial"].lstrip("0") not in text.replace(":", ""):
            raise Lost("a revoked certificate is not on the CRL")


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

    def on(self, disk):
        options, seed = self.options, self.options.seed + self.point
        data = os.path.join(disk.path, "data")
        shutil.copytree(self.base.data, data)
        disk.tell("settle")
        disk.tell("lie 1" if options.control == "lie" else "lie 0")
        disk.tell(f"arm {self.point}")
        script = Script(options, self.base, self.work)
        loss = None
        server = None
        try:
            server = Server(options, data, self.log, options.control)
            script.play(server)
        except Gone:
            pass
        except Lost as error:
            loss = f"before the cut: {error}"
        if server is not None:
            server.end(signal.SIGKILL if disk.ask()["fired"] else signal.SIGTERM)
        state = disk.ask()
        disk.tell("lie 0")
        disk.tell(f"cut {self.mode} {seed}")
        if options.again:
            self.cut_again(disk, data, seed)
        try:
            if loss is None:
                verify(options, self.base, data, script, self)
        except Lost as error:
            loss = str(error)
        if loss is not None:
            loss = f"operation {self.point}, {self.mode}, seed {seed}: {loss}"
            with open(self.log, "rb") as file:
                options.tail = file.read()[-1500:].decode(errors="replace")
        return state["fired"], state["operations"], len(script.acknowledged), loss

    def cut_again(self, disk, data, seed):
        """The power goes once more while the server starts."""
        disk.tell(f"arm {random.Random(seed).randint(1, 40)}")
        try:
            Server(self.options, data, self.log).end()
        except Gone:
            pass
        disk.tell(f"cut {self.mode} {seed + 1}")


def points_of(options, base):
    """How many operations the whole script has: a run in which nothing is cut."""
    fired, operations, acknowledged, loss = Trial(options, base, 0, "drop").run()
    if loss is not None and options.control is None:
        raise SystemExit(f"without a cut: {loss}\n{options.tail}")
    assert not fired
    print(f"the script changes the disk {operations} times and gets {acknowledged} answers to keep")
    return operations


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--from", type=int, default=1, dest="first")
    parser.add_argument("--modes", default="drop,prefix,subset")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 20))
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--control", choices=["normal", "early", "lie"])
    options = parser.parse_args()
    options.whorld, options.tool = (os.path.abspath(os.path.join(options.build, name)) for name in ("whorld", "whorl-device"))
    options.lossyfs, options.controls = (os.path.abspath(os.path.join(options.build, "chaos", name)) for name in ("lossyfs", "controls.so"))
    options.tail = ""
    options.work = tempfile.mkdtemp(prefix="whorl-chaos.")
    modes = options.modes.split(",")
    losses, kept, trials = [], 0, 0
    try:
        base = Base(options, options.work)
        last = points_of(options, base)
        jobs = [(point, modes[(point + options.seed) % len(modes)]) for point in range(options.first, last + 1, options.every)]
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            for _, _, acknowledged, loss in pool.map(lambda job: Trial(options, base, *job).run(), jobs):
                trials, kept = trials + 1, kept + acknowledged
                if loss is not None:
                    losses.append(loss)
                    if options.control is None:
                        print("LOST", loss, options.tail, sep="\n")
    finally:
        shutil.rmtree(options.work, ignore_errors=True)
    if options.control is not None:
        print(f"control {options.control}: {len(losses)} of {trials} cuts noticed" + (f", such as: {losses[0]}" if losses else ""))
        return 0 if losses else 1
    print(f"seed {options.seed}: {trials} cuts, {kept} acknowledged answers asked for again, {len(losses)} with a loss")
    return 1 if losses else 0


if __name__ == "__main__":
    sys.exit(main())
