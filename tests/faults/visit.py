"""Requests of every kind of write, made while a fault is on, and the questions that are asked when it is off: what was acknowledged must be
there, what was refused must have changed nothing."""

import base64
import hashlib
import http.client
import json
import os
import ssl
import subprocess
import time

from server import Gone, Lost

REFUSALS = (500, 503, 507)


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout


class Api:
    """The management API of the server of today."""

    def __init__(self, house, timeout_s=20):
        self.house, self.timeout_s = house, timeout_s
        self.context = ssl.create_default_context(cafile=house.ca)
        self.server, self.is_keeping, self.kept = None, False, None

    def send(self, method, path, body=None, headers=None, base=None, context=None):
        """(status, bytes, headers). On a connection of its own while a fault is on; what is asked afterwards goes over one that is kept."""
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        fields = {"Content-Type": "application/json", **({} if base else {"Authorization": "Bearer " + self.house.token}), **(headers or {})}
        is_kept = self.is_keeping and base is None
        try:
            connection = self.kept if is_kept and self.kept is not None else self.connect(base or self.server.management, context or self.context)
            self.kept = connection if is_kept else self.kept
            connection.request(method, path, data, fields)
            answer = connection.getresponse()
            found = answer.status, answer.read(), answer.headers
        except (OSError, http.client.HTTPException) as error:
            self.forget()
            raise Gone(repr(error)) from error
        if not is_kept:
            connection.close()
        elif answer.will_close:
            self.forget()
        return found

    def connect(self, base, context):
        scheme, place = base.split("://")
        if scheme == "https":
            return http.client.HTTPSConnection(place, timeout=self.timeout_s, context=context)
        return http.client.HTTPConnection(place, timeout=self.timeout_s)

    def keep(self, is_keeping):
        self.is_keeping = is_keeping
        self.forget()

    def forget(self):
        if self.kept is not None:
            self.kept.close()
        self.kept = None

    def call(self, method, path, body=None, headers=None):
        status, text, fields = self.send(method, path, body, headers)
        try:
            return status, json.loads(text or b"null"), fields
        except ValueError as error:
            if fields.get("Content-Type", "").endswith("json"):
                raise Lost(f"{method} {path}: {status} with what is no JSON: {text[:300]!r}") from error
            return status, text, fields

    def get(self, path):
        """What is there, or None when the server says that nothing is. Who asks too much asks again; a refusal is no answer."""
        status, body, headers = self.call("GET", path)
        while status == 429:
            time.sleep(min(float(headers["Retry-After"]), 2))
            status, body, headers = self.call("GET", path)
        if status not in (200, 404, 410):
            raise Lost(f"GET {path} is refused although nothing fails: {status} {body}")
        return body if status == 200 else None

    def public(self, path):
        return self.send("GET", path, base=self.server.public)


class Device:
    """Keys by openssl; it enrols by EST as often as it is told, with another key each time."""

    def __init__(self, work, name):
        self.key, self.crt = (os.path.join(work, name + end) for end in (".key", ".crt"))
        self.next = os.path.join(work, name + "-next.key")
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key, "-out", self.crt, "-subj", "/CN=" + name,
            "-days", "30")
        spki = run("openssl", "pkey", "-in", self.key, "-pubout", "-outform", "DER")
        self.identity = hashlib.sha256(spki).hexdigest()

    def context(self, ca):
        context = ssl.create_default_context(cafile=ca)
        context.load_cert_chain(self.crt, self.key)
        return context

    def csr(self):
        der = run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.next, "-subj", "/CN=ignored", "-outform", "DER")
        return base64.b64encode(der)


def certificate_of(answer):
    """(serial, DER) of an EST answer, without a parser of CMS: openssl tells."""
    pem = subprocess.run(["openssl", "pkcs7", "-inform", "DER", "-print_certs"], input=base64.b64decode(answer), check=True, stdout=subprocess.PIPE).stdout.decode()
    der = ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN"):].split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n")
    at = der.index(bytes.fromhex("a003020102")) + 5  # behind [0] version 3: INTEGER serialNumber
    return der[at + 2:at + 2 + der[at + 1]].hex()[-32:], der


class Visitor:
    """Makes visits to one house, and remembers everything that was acknowledged."""

    def __init__(self, house):
        self.house, self.api = house, Api(house)
        self.server = None
        self.acknowledged, self.refused, self.unanswered, self.blamed = 0, 0, 0, 0
        self.open = []  # (what, question) of the visit that goes on
        self.kept = []  # of those before
        self.visits = 0
        self.is_strict = True  # what is refused has changed nothing; else the fault may have hit between the commit and its answer
        self.may_blame = False  # without memory libraries call what is good malformed: jansson any text, OpenSSL 3.0 a signature
        self.device = Device(house.root, "enroller")
        self.held = hashlib.sha256(b"held").hexdigest()
        self.last = {}

    def start(self, **settings):
        from server import Server
        self.server = Server(self.house, **settings)
        self.api.server = self.server

    def prepare(self):
        """What visits stand on."""
        status, body, _ = self.api.call("POST", "/api/v1/batches", {"name": "base", "devices": [self.device.identity, self.held]})
        if status != 201:
            raise Lost(f"registering: {status} {body}")
        status, body, _ = self.api.call("POST", "/api/v1/products", {"name": "sensor"})
        if status != 201:
            raise Lost(f"a product: {status} {body}")
        self.product = "/api/v1/products/" + body["id"]

    # --- one request and what became of it

    def ask(self, what, wanted, send, question, unchanged):
        """@param send        makes the request, (status, body, headers)
        @param question     asked when it was acknowledged: takes its body
        @param unchanged    asked when it was refused; None: nobody could see"""
        try:
            status, body, headers = send()
        except Gone:
            self.unanswered += 1
            return None, None
        if status in wanted:
            self.acknowledged += 1
            self.open.append((what, (lambda: question(body)), True))
            return body, headers
        if self.may_blame and 400 <= status < 500:
            self.blamed += 1
            return None, None
        if status not in REFUSALS:
            raise Lost(f"{what}: answered {status} {body}")
        if isinstance(body, dict) and "SQL" in json.dumps(body).upper():
            raise Lost(f"{what}: the answer shows what is inside: {body}")
        self.refused += 1
        if unchanged is not None and self.is_strict:
            self.open.append((f"{what}, which was refused with {status}", unchanged, False))
        return None, None

    # --- the requests

    def visit(self, kinds=None):
        """Every kind once, or those that are named."""
        self.visits += 1
        self.api.keep(False)
        for kind in kinds or ("hand_over", "enrol", "hold", "change", "upload", "read"):
            getattr(self, kind)(self.visits)

    def hand_over(self, n):
        api = self.api
        ids = [hashlib.sha256(b"visit %d %d" % (n, i)).hexdigest() for i in range(3)]
        self.ask("batch", (201,), lambda: api.call("POST", "/api/v1/batches", {"name": f"lot-{n}", "devices": ids}),
                 lambda body: api.get("/api/v1/batches/" + body["id"])["device_count"] == 3 and all(api.get("/api/v1/devices/" + i) for i in ids),
                 lambda: not any(api.get("/api/v1/devices/" + i) for i in ids))

    def enrol(self, _):
        api, csr = self.api, self.device.csr()
        known = self.serials()
        answer = {}

        def send():
            status, body, headers = api.send("POST", "/.well-known/est/simpleenroll", csr, {"Content-Type": "application/pkcs10"}, base=self.server.device,
                                             context=self.device.context(self.house.ca))
            if status == 200:
                answer["serial"], answer["der"] = certificate_of(body)
            return status, body, headers

        def is_there(_):
            found = api.get("/api/v1/certificates/" + answer["serial"])
            return found is not None and ssl.PEM_cert_to_DER_cert(found["pem"]) == answer["der"]

        unchanged = None if known is None else (lambda: self.serials() == known)
        self.ask("certificate", (200,), send, is_there, unchanged)

    def serials(self):
        """Those of the device that enrols; None while nobody answers."""
        try:
            status, body, _ = self.api.call("GET", "/api/v1/devices/" + self.device.identity)
        except Gone:
            return None
        return sorted(c["serial"] for c in body["certificates"]) if status == 200 else None

    def hold(self, _):
        """Quarantines a device, or releases it. A request without an answer may have been carried out or not."""
        api, path = self.api, "/api/v1/devices/" + self.held
        was = self.known(path, "state")
        if was is None:
            return
        order = "/release" if was == "quarantined" else "/quarantine"
        wanted = "registered" if was == "quarantined" else "quarantined"
        self.change_one("hold", "device", lambda: api.call("POST", path + order, {}), lambda: api.get(path)["state"], (was, wanted))

    def change(self, _):
        api = self.api
        try:
            status, before, headers = api.call("GET", self.product)
        except Gone:
            return
        if status != 200:
            return
        was = before.get("renew_percent")
        percent = 30 + ((was or 0) + 1) % 40
        self.change_one("product", "product", lambda: api.call("PATCH", self.product, {"renew_percent": percent}, {"If-Match": headers["ETag"]}),
                        lambda: api.get(self.product).get("renew_percent"), (was, percent))

    def known(self, path, name):
        try:
            status, body, _ = self.api.call("GET", path)
        except Gone:
            return None
        return body.get(name) if status == 200 else None

    def change_one(self, name, what, send, read, values):
        """The last value that was acknowledged holds, until one was tried whose end nobody knows."""
        was, wanted = values
        unknown = lambda: self.unanswered + self.blamed + (0 if self.is_strict else self.refused)
        before = unknown()
        body, _ = self.ask(what, (200,), send, lambda _: self.last.get(name) is None or read() == self.last[name], lambda: read() == was)
        self.last[name] = wanted if body is not None else None if unknown() > before else was

    def upload(self, n):
        api, content = self.api, b"firmware %d of a visit" % n * 300
        digest = hashlib.sha256(content).hexdigest()
        order = {"product": "default", "filename": "f.bin", "size": len(content), "version": f"1.{n}", "sha256": digest}
        made, _ = self.ask("upload", (201,), lambda: api.call("POST", "/api/v1/firmware/uploads", order),
                           lambda body: api.get("/api/v1/firmware/uploads/" + body["id"]) is not None or self.image(digest), None)
        if made is None:
            return
        path, at = "/api/v1/firmware/uploads/" + made["id"], 0
        for end in (len(content) // 2, len(content)):
            kind = {"Content-Type": "application/partial-upload", "Upload-Offset": str(at)}
            body, _ = self.ask("bytes", (201, 204), lambda at=at, end=end: api.call("PATCH", path, content[at:end], kind),
                               lambda _, end=end: self.image(digest) is not None or api.get(path)["offset"] >= end, None)
            if body is None and self.open[-1][0] != "bytes":
                break
            at = end
        self.open.append(("the whole image", lambda: self.finish(path, content, digest), False))

    def image(self, digest):
        found = [i for i in self.api.get("/api/v1/firmware/images?limit=1000")["images"] if i["sha256"] == digest and i["state"] == "ready"]
        return found[0] if found else None

    def finish(self, path, content, digest):
        """What was broken off goes on where the server says, and becomes what was meant."""
        api = self.api
        upload = api.get(path)
        if self.image(digest) is None and upload is not None and upload["offset"] < len(content):
            at = upload["offset"]
            kind = {"Content-Type": "application/partial-upload", "Upload-Offset": str(at)}
            status, body, _ = api.call("PATCH", path, content[at:], kind)
            if status not in (201, 204):
                raise Lost(f"an upload that goes on: {status} {body}")
        elif self.image(digest) is None and upload is not None:
            status, body, _ = api.call("PATCH", path, b"", {"Content-Type": "application/partial-upload", "Upload-Offset": str(len(content))})
            if status not in (201, 204):
                raise Lost(f"an upload whose bytes are all there: {status} {body}")
        image = self.image(digest)
        return image is not None and api.send("GET", f"/api/v1/firmware/images/{image['id']}/content")[1] == content

    def read(self, _):
        """Reading changes nothing; what is in memory is there whatever fails."""
        for what, send in (("devices", lambda: self.api.call("GET", "/api/v1/devices?limit=5")), ("health", lambda: self.api.public("/healthz")),
                           ("CRL", lambda: self.api.public("/crl/device.crl"))):
            self.ask(what, (200,), send, lambda _: True, None)

    # --- afterwards

    def settle(self):
        """Asks all of this visit."""
        self.api.keep(True)
        for what, question, _ in self.open:
            try:
                is_there = question()
            except (Gone, KeyError, TypeError) as error:
                raise Lost(f"{what}: {error!r}") from error
            if not is_there:
                raise Lost(what)
        self.api.keep(False)
        self.kept += [(what, question) for what, question, is_lasting in self.open if is_lasting]
        self.open = []

    def ask_again(self):
        """All that was ever acknowledged, of the server of now."""
        self.api.keep(True)
        for what, question in self.kept:
            if not question():
                raise Lost(what + ", asked again at the end")
        self.api.keep(False)
