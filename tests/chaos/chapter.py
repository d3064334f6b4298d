"""What the chapters of the power-cut tests are made of: a client of the interface, an inventory read as a file, and the list of what was
acknowledged, each thing with the question that proves it afterwards.

A question asks the server. What the journal must hold too has a second question: it asks the inventory that an older copy and the journal
make together, since that is what is left when the disk of the inventory is lost. Besides, whatever changed something over the interface has
its record in the audit log, found by the id of the request."""

import hashlib
import http.client
import json
import os
import shutil
import sqlite3
import ssl
import subprocess
import time
import urllib.parse


class Lost(Exception):
    """Something that was acknowledged is not there."""


class Gone(Exception):
    """The server ended, as it should when the power goes."""


def run(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more).stdout.decode()


class Client:
    """One connection that is kept; a server that goes away is Gone."""

    def __init__(self, url, context):
        self.management, self.context, self.connection = url, context, None

    def ask(self, method, path, data, headers):
        """(status, bytes, headers). What only looks is asked again when the connection had ended meanwhile."""
        for _ in range(2):
            is_kept = self.connection is not None
            if not is_kept:
                self.connection = http.client.HTTPSConnection(urllib.parse.urlparse(self.management).netloc, context=self.context, timeout=20)
            try:
                self.connection.request(method, path, data, headers)
                answer = self.connection.getresponse()
                return answer.status, answer.read(), answer.headers
            except (http.client.HTTPException, OSError, ValueError) as error:
                self.connection.close()
                self.connection = None
                if method != "GET" or not is_kept:
                    raise Gone() from error
        raise Gone()


class Api(Client):
    """The management interface of a server, or of the one that another client asks; with token, as somebody else than the administrator."""

    def __init__(self, server, base, token=None):
        super().__init__(server.management, ssl.create_default_context(cafile=base.ca))
        self.token, self.seen = base.token if token is None else token, {}

    def call(self, method, path, body=None, headers=None):
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        all_headers = {"Content-Type": "application/json", **(headers or {})}
        if self.token:
            all_headers["Authorization"] = "Bearer " + self.token
        status, text, answer_headers = self.ask(method, path, data, all_headers)
        try:
            return status, json.loads(text or b"null"), answer_headers
        except ValueError:
            return status, text, answer_headers

    def bytes(self, path):
        status, text, _ = self.ask("GET", path, None, {"Authorization": "Bearer " + self.token})
        return text if status == 200 else None

    def get(self, path):
        return self.call("GET", path)[1]

    def look(self, path):
        """(status, body) as at the first time: for the many questions after a cut."""
        if path not in self.seen:
            self.seen[path] = self.call("GET", path)[:2]
        return self.seen[path]


class Rows:
    """An inventory, read as a file."""

    STATES = ("registered", "enrolled", "quarantined", "revoked", "retired", "compromised")
    AUTHORITY_STATES = ("active", "retired", "compromised", "pending", "standby", "retiring")

    def __init__(self, path):
        self.connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)

    def one(self, sql, *values):
        return self.connection.execute(sql, values).fetchone()

    def all(self, sql, *values):
        return self.connection.execute(sql, values).fetchall()

    def certificate(self, serial):
        """(state, DER) or (None, None)"""
        return self.one("SELECT state, der FROM certificate WHERE serial = ?", bytes.fromhex(serial)) or (None, None)

    def device_state(self, identity):
        row = self.one("SELECT state FROM device WHERE id = ?", bytes.fromhex(identity))
        return self.STATES[row[0]] if row else None

    def authority_state(self, identity):
        row = self.one("SELECT state FROM authority WHERE id = ?", identity)
        return self.AUTHORITY_STATES[row[0]] if row else None

    def close(self):
        self.connection.close()


def der_of(path):
    with open(path, encoding="ascii", errors="ignore") as file:
        return ssl.PEM_cert_to_DER_cert("-----BEGIN" + file.read().split("-----BEGIN", 1)[1].split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n")


def serial_of(path):
    return run("openssl", "x509", "-in", path, "-noout", "-serial").split("serial=")[1].split()[0].lower().rjust(32, "0")


def in_future(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def made_up(what, n):
    """The id of a device that nobody has."""
    return hashlib.sha256(f"{what} {n}".encode()).hexdigest()


class Chapter:
    """The acknowledged things of one trial, in order. A subclass has play(server) and, where it needs them, settings of the server."""

    settings = {}
    with_start = False  # whether the operations of the start and of the end of the server are cut too

    def __init__(self, options, base, work):
        self.options, self.base, self.work = options, base, work
        self.acknowledged = []  # (what, question of the server, question of the rows that the journal gives back, or None)
        self.requests = []  # ids of those that changed something
        self.calls = set()  # what was called, for the list of all that can be
        self.kept = {}  # path of an object: what may be seen of it, of which the last may have been on its way when the power went
        self.states = {}  # of devices: what they may be, likewise
        self.revoked = []  # (serial, authority)

    def more_settings(self):
        """Of the server, that are this trial's own."""
        return {}

    def close(self):
        """When the trial is over."""

    def note(self, what, question, of_rows=None):
        self.acknowledged.append((what, question, of_rows))

    # --- the management interface

    def api(self, server, token=None):
        return Api(server, self.base, token)

    def want(self, answer, *wanted):
        status, body, headers = answer
        if status not in wanted:
            if status in (500, 503):  # what a disk that fails may bring before the process ends
                raise Gone()
            raise Lost(f"an answer {status}: {body}")
        return body, headers

    def change(self, api, method, path, body=None, wanted=(200, 201, 202, 204), headers=None, recorded=True):
        """A request that changes something: its answer. It has its record in the audit log, unless told otherwise."""
        body, answer_headers = self.want(api.call(method, path, body, headers), *wanted)
        self.calls.add(f"{method} {path}")
        if recorded:
            self.requests.append((f"{method} {path}", answer_headers["X-Request-Id"]))
        return body

    def expect(self, path, what, now):
        """What is seen of an object from now on: fields, each a value, several in a tuple, or a function; None: it is not there."""
        self.kept[path] = [now]
        self.note(f"{what}: {path}", lambda a: self.holds(a, path), None)

    def seen(self, api, what):
        """Behind the name of what is lost: what is there, and what should be."""
        path = what.split(": ")[-1]
        return f" is {api.look(path)}, not one of {self.kept[path]}" if path in self.kept else ""

    def holds(self, api, path):
        status, body = api.look(path)
        return any(status == 404 if seen is None else status == 200 and all(fits(body.get(name), value) for name, value in seen.items())
                   for seen in self.kept[path])

    def make(self, api, path, body, recorded=True, headers=None, **now):
        """A new object in a collection."""
        made = self.change(api, "POST", path, body, (200, 201), headers, recorded)
        self.expect(f"{path.split('?')[0]}/{made.get('id', made.get('name'))}", "made", now)
        return made

    def moved(self, api, method, path, body, at, now, **more):
        """An object that was made before: it is as before or as after, until the answer is there."""
        before = self.kept.get(at, [{}])[0]
        after = None if now is None else {**(before or {}), **now}
        self.kept[at] = [before, after]
        done = self.change(api, method, path, body, **more)
        self.expect(at, f"{method} {path}", after)
        return done

    def alter(self, api, path, body, **now):
        now = now or {name: value for name, value in body.items() if not isinstance(value, (dict, list))}
        return self.moved(api, "PATCH", path, body, path, now, headers={"If-Match": "*"})

    def act(self, api, path, verb, body=None, **now):
        return self.moved(api, "POST", f"{path}/{verb}", body if body is not None else {}, path, now)

    def remove(self, api, path):
        self.moved(api, "DELETE", path, None, path, None, headers={"If-Match": "*"})

    def until(self, server, question, what="it"):
        """Waits for what comes by itself."""
        for _ in range(400):
            if question():
                return
            if server.process.poll() is not None:
                raise Gone()
            time.sleep(0.05)
        if server.is_gone():
            raise Gone()
        raise Lost(f"{what} did not come")

    def beside(self, server, *words):
        """A command of whorld beside the running server: what it prints."""
        done = subprocess.run([self.options.whorld, *words, "--dir", server.data], check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env={name: value for name, value in server.environment.items() if name != "LD_PRELOAD"})
        if done.returncode != 0:
            if server.is_gone():
                raise Gone()
            raise Lost(f"whorld {' '.join(words)}: {done.stderr.decode()}")
        return done.stdout.decode()

    # --- devices

    def order(self, api, identity, verb, state, body=None, later=()):
        """An order over a device; later: what it may become by itself."""
        before = self.states.get(identity, Rows.STATES)
        self.states[identity] = (*before, state, *later)  # until the answer is there
        self.change(api, "POST", f"/api/v1/devices/{identity}/{verb}", body or {})
        self.note_state(identity, state, *later)

    def note_state(self, identity, *states):
        self.states[identity] = states
        self.note(f"{states[0]} {identity}", lambda a: a.look("/api/v1/devices/" + identity)[1]["state"] in self.states[identity],
                  lambda rows: rows.device_state(identity) in self.states[identity])

    def device(self, server, n, verb, *words):
        """One step of a device of the reference client; its folder is on an honest disk."""
        folder = os.path.join(self.work, f"device{n}")
        if not os.path.isdir(folder):
            shutil.copytree(self.base.devices[n][0], folder)
        done = subprocess.run([self.options.tool, verb, "--dir", folder, "--server", server.device, "--ca", self.base.ca, *words], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            if server.is_gone():
                raise Gone()
            raise Lost(f"{verb} of device {n}: {done.stdout.decode()}")
        for name in sorted(os.listdir(folder)):
            if name.endswith((".pem", ".crt")):
                self.certificate(os.path.join(folder, name))
        if verb == "enrol":
            self.note_state(self.base.devices[n][1], "enrolled")
        if verb == "status":
            self.confirmed(self.serial_of_device(n))

    def certificate(self, path):
        serial, der = serial_of(path), der_of(path)

        def is_there(api):
            status, body = api.look("/api/v1/certificates/" + serial)
            return status == 200 and ssl.PEM_cert_to_DER_cert(body["pem"]) == der

        self.note("certificate " + serial, is_there, lambda rows: rows.certificate(serial)[1] == der)

    def confirmed(self, serial):
        self.note("confirmed " + serial, lambda a: a.look("/api/v1/certificates/" + serial)[1]["state"] != "unconfirmed",
                  lambda rows: rows.certificate(serial)[0] != 0)

    def revoked_certificate(self, serial, authority="device"):
        self.revoked.append((serial, authority))
        self.note("revoked " + serial, lambda a: a.look("/api/v1/certificates/" + serial)[1]["state"] == "revoked",
                  lambda rows: rows.certificate(serial)[0] == 3)

    def serial_of_device(self, n):
        folder = os.path.join(self.work, f"device{n}")
        return serial_of(os.path.join(folder, next(name for name in sorted(os.listdir(folder)) if name.endswith((".pem", ".crt")))))


def fits(seen, value):
    if callable(value):
        return value(seen)
    return seen in value if isinstance(value, tuple) else seen == value
