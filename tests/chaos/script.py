"""What a trial of the power-cut tests does to a server, each acknowledged thing with the question that proves it afterwards.

A question asks the server. What the journal must hold too has a second question: it asks the inventory that an older copy and the journal
make together, since that is what is left when the disk of the inventory is lost."""

import base64
import hashlib
import json
import os
import shutil
import sqlite3
import ssl
import subprocess
import time
import urllib.error
import urllib.request

DEVICES = 6


class Lost(Exception):
    """Something that was acknowledged is not there."""


class Gone(Exception):
    """The server ended, as it should when the power goes."""


def run(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more).stdout.decode()


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

    def bytes(self, path):
        request = urllib.request.Request(self.url + path)
        request.add_header("Authorization", "Bearer " + self.token)
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=20) as answer:
                return answer.read()
        except urllib.error.HTTPError:
            return None

    def get(self, path):
        return self.call("GET", path)[1]


class Rows:
    """An inventory, read as a file."""

    STATES = ("registered", "enrolled", "quarantined", "revoked", "retired", "compromised")

    def __init__(self, path):
        self.connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)

    def one(self, sql, *values):
        return self.connection.execute(sql, values).fetchone()

    def certificate(self, serial):
        """(state, DER) or (None, None)"""
        return self.one("SELECT state, der FROM certificate WHERE serial = ?", bytes.fromhex(serial)) or (None, None)

    def device_state(self, identity):
        row = self.one("SELECT state FROM device WHERE id = ?", bytes.fromhex(identity))
        return self.STATES[row[0]] if row else None

    def close(self):
        self.connection.close()


def der_of(path):
    with open(path, encoding="ascii", errors="ignore") as file:
        return ssl.PEM_cert_to_DER_cert(file.read().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n")


def serial_of(path):
    return run("openssl", "x509", "-in", path, "-noout", "-serial").split("serial=")[1].split()[0].lower().rjust(32, "0")


class Poller:
    """A device of openssl and Python, enrolled on an honest disk: it fetches firmware as clients of DDI do."""

    def __init__(self, work):
        self.work = work
        for name in ("identity", "operational"):
            run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.path(name + ".key"))
        run("openssl", "req", "-x509", "-new", "-key", self.path("identity.key"), "-subj", "/CN=poller", "-days", "30", "-out", self.path("identity.crt"))
        spki = subprocess.run(["openssl", "pkey", "-in", self.path("identity.key"), "-pubout", "-outform", "DER"], check=True, stdout=subprocess.PIPE).stdout
        self.identity = hashlib.sha256(spki).hexdigest()

    def path(self, name):
        return os.path.join(self.work, "poller-" + name)

    def context(self, ca, name="operational"):
        context = ssl.create_default_context(cafile=ca)
        context.load_cert_chain(self.path(name + ".crt"), self.path(name + ".key"))
        return context

    def enrol(self, server, ca):
        csr = run("openssl", "req", "-new", "-key", self.path("operational.key"), "-subj", "/CN=ignored").encode()
        der = base64.b64encode(ssl.PEM_cert_to_DER_cert(csr.decode().replace("CERTIFICATE REQUEST", "CERTIFICATE")))
        request = urllib.request.Request(server.device + "/.well-known/est/simpleenroll", der, {"Content-Type": "application/pkcs10"})
        with urllib.request.urlopen(request, context=self.context(ca, "identity")) as answer:
            bag = base64.b64decode(answer.read())
        pem = subprocess.run(["openssl", "pkcs7", "-inform", "DER", "-print_certs"], input=bag, check=True, stdout=subprocess.PIPE).stdout
        with open(self.path("operational.crt"), "wb") as file:
            file.write(pem[pem.index(b"-----BEGIN"):])
        urllib.request.urlopen(server.device + "/device/v1/status", context=self.context(ca)).close()  # the first use


class Script:
    """The acknowledged things of one trial, in order."""

    def __init__(self, options, base, work):
        self.options, self.base, self.work = options, base, work
        self.acknowledged = []  # (what, question of the server, question of the rows that the journal gives back, or None)

    def note(self, what, question, of_rows=None):
        self.acknowledged.append((what, question, of_rows))

    def note_state(self, identity, state):
        self.note(state, lambda a: a.get("/api/v1/devices/" + identity)["state"] == state, lambda rows: rows.device_state(identity) == state)

    def play(self, server):
        api = Api(server, self.base)
        if self.options.script == "firmware":
            self.firmware(api, b"short firmware" * 3, parts=2)
            return
        self.device(server, 1, "enrol")
        self.device(server, 1, "status")  # the first use
        self.revoke_certificate(api)
        self.order(api, 2, "quarantine", "quarantined")
        if self.options.script == "full":
            self.whole(server, api)

    def whole(self, server, api):
        self.hand_over(api)
        self.device(server, 0, "enrol")
        self.device(server, 0, "renew")
        self.device(server, 3, "enrol")
        self.device(server, 3, "rekey")
        self.device(server, 3, "status")  # confirms
        self.device(server, 4, "enrol")
        self.rekey_order(api)
        self.order(api, 4, "revoke", "revoked", {"reason": "keyCompromise"})
        self.order(api, 5, "retire", "retired")
        self.things(api)
        self.people(api)
        self.second_person(api)
        self.offers(server, api)
        self.feed(api)
        self.firmware(api, b"firmware in parts" * 5000, parts=3)
        self.release(api)
        self.authorities(api)

    def want(self, answer, *wanted):
        status, body, headers = answer
        if status not in wanted:
            if status in (500, 503):  # what a disk that fails may bring before the process ends
                raise Gone()
            raise Lost(f"an answer {status}: {body}")
        return body, headers

    # --- firmware

    def firmware(self, api, content, parts):
        """What is acknowledged of an upload stays; when it was whole, its bytes are those that came."""
        order = {"product": "default", "filename": "f.bin", "size": len(content), "version": "1.0", "sha256": hashlib.sha256(content).hexdigest()}
        upload, _ = self.want(api.call("POST", "/api/v1/firmware/uploads", order), 201)
        path = "/api/v1/firmware/uploads/" + upload["id"]
        whole = lambda a: [i for i in a.get("/api/v1/firmware/images")["images"] if i["sha256"] == order["sha256"] and i["state"] == "ready"]
        self.note("upload", lambda a: "offset" in a.get(path) or whole(a))
        for n in range(parts):
            begin, end = n * len(content) // parts, (n + 1) * len(content) // parts
            kind = {"Content-Type": "application/partial-upload", "Upload-Offset": str(begin)}
            self.want(api.call("PATCH", path, content[begin:end], kind), 201, 204)
            if end < len(content):
                self.note("bytes", lambda a, end=end: a.get(path).get("offset", -1) >= end or whole(a))
        self.note("image", lambda a: whole(a) and a.bytes(f"/api/v1/firmware/images/{whole(a)[0]['id']}/content") == content)

    def release(self, api):
        """What was published stays so, with the manifest that was signed; and no older copy publishes below it."""
        key, _ = self.want(api.call("POST", "/api/v1/firmware/keys", {"name": "release", "role": "manifest"}), 201)
        self.note("firmware key", lambda a: a.call("GET", "/api/v1/firmware/keys/" + key["id"])[0] == 200)
        images = api.get("/api/v1/firmware/images")["images"]
        order = {"product": "default", "images": [{"image": images[-1]["id"]}], "manifest_key": key["id"], "version": "1.0", "sequence": 40}
        release, _ = self.want(api.call("POST", "/api/v1/firmware/releases", order), 201)
        path = "/api/v1/firmware/releases/" + release["id"]
        self.note("draft", lambda a: a.get(path)["subject_sha256"] == release["subject_sha256"])
        self.want(api.call("POST", path + "/approve"), 200)
        self.note("approved", lambda a: a.get(path)["state"] in ("signing", "approved", "published"))
        while api.get(path).get("state") == "signing":
            time.sleep(0.1)
        signed = self.want(api.call("GET", path), 200)[0]["manifest_sha256"]
        self.note("signed", lambda a: hashlib.sha256(a.bytes(path + "/manifest")).hexdigest() == signed)
        self.want(api.call("POST", path + "/publish"), 200)
        self.note("published", lambda a: a.get(path)["state"] == "published",
                  lambda rows: rows.one("SELECT sequence FROM firmware_line") == (40,))

    # --- devices

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
        if verb == "status":
            serial = self.serial_of_device(n)
            self.note("confirmed", lambda a: a.get("/api/v1/certificates/" + serial)["state"] != "unconfirmed", lambda rows: rows.certificate(serial)[0] != 0)

    def certificate(self, path):
        serial, der = serial_of(path), der_of(path)

        def is_there(api):
            status, body, _ = api.call("GET", "/api/v1/certificates/" + serial)
            return status == 200 and ssl.PEM_cert_to_DER_cert(body["pem"]) == der

        self.note("certificate " + serial, is_there, lambda rows: rows.certificate(serial)[1] == der)

    def serial_of_device(self, n):
        folder = os.path.join(self.work, f"device{n}")
        return serial_of(os.path.join(folder, next(name for name in sorted(os.listdir(folder)) if name.endswith((".pem", ".crt")))))

    def revoke_certificate(self, api):
        serial = self.serial_of_device(1)
        self.want(api.call("POST", f"/api/v1/certificates/{serial}/revoke", {"reason": "keyCompromise"}), 200)
        self.note("revoked", lambda a: a.get("/api/v1/certificates/" + serial)["state"] == "revoked", lambda rows: rows.certificate(serial)[0] == 3)

    def order(self, api, n, verb, state, body=None):
        identity = self.base.devices[n][1]
        self.want(api.call("POST", f"/api/v1/devices/{identity}/{verb}", body or {}), 200)
        self.note_state(identity, state)

    def rekey_order(self, api):
        identity = self.base.devices[0][1]
        self.want(api.call("POST", f"/api/v1/devices/{identity}/rekey", {}), 200)
        self.note("rekey ordered", lambda a: a.get("/api/v1/devices/" + identity).get("rekey_requested_at") is not None,
                  lambda rows: rows.one("SELECT rekey_requested_at FROM device WHERE id = ?", bytes.fromhex(identity))[0] is not None)

    def hand_over(self, api):
        ids = [hashlib.sha256(b"handed over %d" % n).hexdigest() for n in range(3)]
        batch, _ = self.want(api.call("POST", "/api/v1/batches", {"name": "lot", "devices": ids}), 201)
        self.note("batch", lambda a: a.get("/api/v1/batches/" + batch["id"]).get("device_count") == 3)
        for identity in ids:
            self.note("device", lambda a, i=identity: a.call("GET", "/api/v1/devices/" + i)[0] == 200)

    def authorities(self, api):
        """One is rolled over, and its successor leaks: no cut and no older copy makes either issue again."""
        def note(what, identity, *states):
            names = ("active", "retired", "compromised", "pending", "standby", "retiring")  # as rows number them
            row_state = lambda rows: (rows.one("SELECT state FROM authority WHERE id = ?", identity) or (None,))[0]
            self.note(what, lambda a: a.get("/api/v1/authorities/" + identity)["state"] in states,
                      lambda rows: row_state(rows) is not None and names[row_state(rows)] in states)

        self.want(api.call("POST", "/api/v1/authorities/device/roll", {}), 201)
        note("retiring authority", "device", "retiring", "retired")
        note("its successor", "device-2", "active", "compromised")
        self.want(api.call("POST", "/api/v1/authorities/device-2/compromised", {}), 200)
        note("compromised authority", "device-2", "compromised")

    # --- everything else

    def things(self, api):
        hub, _ = self.want(api.call("POST", "/api/v1/hubs", {"name": "hub", "host": "broker.example"}), 201)
        product, headers = self.want(api.call("POST", "/api/v1/products", {"name": "sensor", "hub": hub["name"]}), 201)
        path = "/api/v1/products/" + product["id"]
        self.note("product", lambda a: a.call("GET", path)[0] == 200)
        self.want(api.call("PATCH", path, {"renew_percent": 33}, {"If-Match": headers["ETag"]}), 200)
        self.note("changed product", lambda a: a.get(path)["renew_percent"] == 33)
        order = {"name": "line", "scopes": ["devices:read"], "expires_at": time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() + 86400 * 30))}
        token, _ = self.want(api.call("POST", "/api/v1/tokens", order), 201)
        self.note("token", lambda a: a.call("GET", "/api/v1/tokens/" + token["id"])[0] == 200)
        ids = [hashlib.sha256(b"imported %d" % n).hexdigest() for n in range(300)]
        lines = "".join(json.dumps({"id": i}) + "\n" for i in ids).encode()
        batch, _ = self.want(api.call("POST", "/api/v1/batches/import?format=jsonl&name=imported", lines, {"Content-Type": "application/x-ndjson"}), 201)
        self.note("import", lambda a: a.call("GET", "/api/v1/devices/" + ids[299])[0] == 200 and batch is not None)

    def people(self, api):
        user, _ = self.want(api.call("POST", "/api/v1/users", {"name": "ada", "display_name": "Ada", "roles": ["operator"]}), 201)
        self.note("person", lambda a: a.get("/api/v1/users/" + user["id"])["name"] == "ada")

    def second_person(self, api):
        _, headers = self.want(api.call("GET", "/api/v1/dual-control"), 200)
        self.want(api.call("PATCH", "/api/v1/dual-control", {"kinds": ["device.compromised"]}, {"If-Match": headers["ETag"]}), 200)
        self.note("dual control", lambda a: a.get("/api/v1/dual-control")["kinds"] == ["device.compromised"])
        identity = self.base.devices[2][1]
        approval, _ = self.want(api.call("POST", f"/api/v1/devices/{identity}/compromised", {"reason": "cloned"}), 202)
        self.note("approval", lambda a: a.get("/api/v1/approvals/" + approval["id"])["state"] == "pending")

    # --- firmware

    def poll(self, server, path="", body=None):
        """What the device that fetches firmware does, in the words of DDI."""
        poller = self.base.poller
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{server.device}/default/controller/v1/{poller.identity}{path}", data=data)
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, context=poller.context(self.base.ca), timeout=20) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            if error.code in (500, 503):
                raise Gone() from error
            raise Lost(f"a poll: {error.code} {error.read()}") from error
        except (urllib.error.URLError, OSError, ValueError) as error:
            raise Gone() from error

    def offers(self, server, api):
        """Two rollouts, one device: an action that it was told is there, and its id is not told again."""
        device, before = self.base.poller.identity, 0
        for n, release in enumerate(self.base.releases):
            rollout, _ = self.want(api.call("POST", "/api/v1/rollouts", {"name": f"r{n}", "release_id": release, "filter": {"all": True}}), 201)
            path = "/api/v1/rollouts/" + rollout["id"]
            self.want(api.call("POST", path + "/start", {}), 200)
            self.note("rollout", lambda a, p=path: a.get(p)["state"] == "running")
            number = int(self.poll(server)["_links"]["deploymentBase"]["href"].split("deploymentBase/")[1].split("?")[0])
            if number <= before:
                raise Lost(f"action {number} is told again")
            before = number
            self.note(f"action {number}", lambda a, i=number: self.state_of_action(a, i) is not None,
                      lambda rows, i=number: (rows.one("SELECT last_action FROM device_firmware WHERE device = ?", bytes.fromhex(device)) or (0,))[0] >= i)
            self.poll(server, f"/deploymentBase/{number}/feedback",
                      {"id": str(number), "status": {"execution": "closed", "result": {"finished": "success"}}})
            self.note(f"end of action {number}", lambda a, i=number, p=path: self.state_of_action(a, i) == "unverified" and a.get(p)["devices"]["unverified"] == 1)

    def state_of_action(self, api, number):
        actions = api.get(f"/api/v1/devices/{self.base.poller.identity}/firmware")["actions"]
        return next((action["state"] for action in actions if action["id"] == str(number)), None)

    def feed(self, api):
        """An event that was read keeps its place and its number: readers go on behind it."""
        page, _ = self.want(api.call("GET", "/api/v1/events?type=certificate.revoked"), 200)
        event = page["events"][0]

        def is_there(a):
            again = a.get("/api/v1/events?type=certificate.revoked")["events"][0]
            status, _, _ = a.call("GET", "/api/v1/events?after=" + event["id"])
            return status == 200 and (again["id"], again["sequence"]) == (event["id"], event["sequence"])

        self.note("event", is_there)


class Load(Script):
    """Many devices at once, so that groups of them share a commit; each certificate that a device got was acknowledged."""

    def play(self, server):
        got = os.path.join(self.work, "got")
        os.mkdir(got)
        options = self.options
        done = subprocess.run([options.tool, "fleet", "--count", str(options.load), "--seed-base", "50000", "--connections", "8", "--server", server.device,
                               "--ca", self.base.ca, "--save", got], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for name in sorted(os.listdir(got)):
            if name.endswith(".pem") and os.path.getsize(os.path.join(got, name)) > 0:
                identity, der = name[:-4], der_of(os.path.join(got, name))
                question = lambda rows, i=identity, d=der: rows.one("SELECT 1 FROM certificate WHERE device = ? AND der = ?", bytes.fromhex(i), d) is not None
                self.note("certificate of " + identity, None, question)
        if done.returncode != 0:
            if server.is_gone():
                raise Gone()
            raise Lost("the fleet failed: " + done.stdout.decode()[-300:])
