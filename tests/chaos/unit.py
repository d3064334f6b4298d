"""A device of openssl and Python, for what the reference client does not do: EST, CMP and DDI by hand. Its files are on an honest disk."""

import base64
import hashlib
import json
import os
import shutil
import ssl
import subprocess

from chapter import Client, Gone, Lost, run, serial_of


class Unit:
    def __init__(self, folder):
        self.folder = folder
        with open(self.path("id"), encoding="ascii") as file:
            self.identity = file.read()

    @classmethod
    def new(cls, folder):
        os.mkdir(folder)
        birth = os.path.join(folder, "birth")
        run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", birth + ".key")
        run("openssl", "req", "-x509", "-new", "-key", birth + ".key", "-subj", "/CN=unit", "-days", "30", "-out", birth + ".crt")
        spki = subprocess.run(["openssl", "pkey", "-in", birth + ".key", "-pubout", "-outform", "DER"], check=True, stdout=subprocess.PIPE).stdout
        with open(os.path.join(folder, "id"), "w", encoding="ascii") as file:
            file.write(hashlib.sha256(spki).hexdigest())
        return cls(folder)

    def copy(self, work):
        """For one trial: what it gets there is its own."""
        folder = os.path.join(work, "unit-" + self.identity[:16])
        if not os.path.isdir(folder):
            shutil.copytree(self.folder, folder)
        return Unit(folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def serial(self, name="op"):
        return serial_of(self.path(name + ".crt"))

    def new_key(self, name):
        run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.path(name + ".key"))

    def csr(self, name, like=None):
        """base64 of DER; like: with the names of that certificate."""
        words = ["req", "-new", "-key", self.path(name + ".key"), "-subj", "/CN=ignored"]
        if like:
            words = ["x509", "-x509toreq", "-in", self.path(like + ".crt"), "-signkey", self.path(name + ".key")]
        pem = run("openssl", *words).replace("CERTIFICATE REQUEST", "CERTIFICATE")
        return base64.b64encode(ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN"):]))

    def ask(self, server, base, method, path, body=None, credential="op", kind="application/json", **headers):
        """(status, bytes, headers)"""
        context = ssl.create_default_context(cafile=base.ca)
        if credential:
            context.load_cert_chain(self.path(credential + ".crt"), self.path(credential + ".key"))
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        client = Client(server.device, context)
        try:
            return client.ask(method, path, data, {"Content-Type": kind, **headers})
        finally:
            if client.connection is not None:
                client.connection.close()

    def json(self, server, base, method, path, body=None, **more):
        """The answer of a device protocol that went well."""
        status, text, _ = self.ask(server, base, method, path, body, **more)
        if status in (500, 503):
            raise Gone()
        if status >= 300:
            raise Lost(f"{method} {path}: {status} {text}")
        return json.loads(text or b"null")

    def status(self, server, base, credential="op"):
        return self.json(server, base, "GET", "/device/v1/status", credential=credential)

    def enrol(self, server, base, name="op", credential="birth", **headers):
        """A certificate for the key `name`, by EST."""
        if not os.path.exists(self.path(name + ".key")):
            self.new_key(name)
        again = credential != "birth"
        verb = "simplereenroll" if again else "simpleenroll"
        status, text, _ = self.ask(server, base, "POST", "/.well-known/est/" + verb, self.csr(name, credential if again else None), credential,
                                   "application/pkcs10", **headers)
        if status in (500, 503):
            raise Gone()
        if status != 200:
            raise Lost(f"{verb}: {status} {text}")
        pem = subprocess.run(["openssl", "pkcs7", "-inform", "DER", "-print_certs"], input=base64.b64decode(text), check=True, stdout=subprocess.PIPE).stdout
        with open(self.path(name + ".crt"), "wb") as file:
            file.write(pem[pem.index(b"-----BEGIN"):])

    def ddi(self, server, base, path="", body=None, method=None):
        return self.json(server, base, method or ("GET" if body is None else "POST"), f"/default/controller/v1/{self.identity}{path}", body)
