"""A request of each protocol: a device with a certificate that speaks all of them, and the public listener. Reads and polls change nothing
that could be lost; CMP issues, and what it gave is asked again like any certificate."""

import base64
import os
import ssl
import subprocess
import urllib.parse

from server import Gone, Lost
from visit import Device, Visitor, certificate_of, run


class ProtocolVisitor(Visitor):
    KINDS = ("enrol", "hand_over", "upload", "est_cacerts", "cmp", "device_json", "ddi", "download", "crl", "ocsp", "events", "metrics")

    def prepare(self):
        super().prepare()
        self.join()
        self.ocsp_request = self.make_ocsp()
        self.images()

    def join(self):
        """A device that has a certificate."""
        self.speaker = Device(self.house.root, "speaker")
        status, body, _ = self.api.call("POST", "/api/v1/batches", {"name": "speaker", "devices": [self.speaker.identity]})
        if status != 201:
            raise Lost(f"registering: {status} {body}")
        csr = self.speaker.csr()
        status, body, _ = self.api.send("POST", "/.well-known/est/simpleenroll", csr, {"Content-Type": "application/pkcs10"}, base=self.server.device,
                                        context=self.speaker.context(self.house.ca))
        if status != 200:
            raise Lost(f"enrolling: {status} {body}")
        with open(self.speaker.crt, "w", encoding="ascii") as file:
            file.write(ssl.DER_cert_to_PEM_cert(certificate_of(body)[1]))
        os.rename(self.speaker.next, self.speaker.key)

    def settle(self):
        super().settle()
        if self.of_device("GET", "/default/controller/v1/" + self.speaker.identity)[0] == 403:
            self.join()  # the answer to its confirmation was lost, and with it its certificate

    def images(self):
        """Bytes to download."""
        self.content = os.urandom(200000)
        status, body, _ = self.api.call("POST", "/api/v1/firmware/images?product=default&filename=f&format=raw&version=9.9", self.content,
                                        {"Content-Type": "application/octet-stream"})
        if status != 201:
            raise Lost(f"an image: {status} {body}")
        self.image_path = f"/api/v1/firmware/images/{body['id']}/content"

    def make_ocsp(self):
        issuer, path = (os.path.join(self.house.root, name) for name in ("issuer.pem", "ocsp.der"))
        der = self.api.public("/ca/device.cer")[1]
        with open(issuer, "w", encoding="ascii") as file:
            file.write(ssl.DER_cert_to_PEM_cert(der))
        run("openssl", "ocsp", "-issuer", issuer, "-cert", self.speaker.crt, "-no_nonce", "-reqout", path)
        with open(path, "rb") as file:
            return file.read()

    def of_device(self, method, path, body=None, kind="application/json"):
        status, text, headers = self.api.send(method, path, body, {"Content-Type": kind}, base=self.server.device, context=self.speaker.context(self.house.ca))
        return status, text, headers

    # --- one request each

    def est_cacerts(self, _):
        self.ask("EST cacerts", (200,), lambda: self.of_device("GET", "/.well-known/est/cacerts"), lambda _: True, None)

    def device_json(self, _):
        self.ask("status", (200,), lambda: self.of_device("GET", "/device/v1/status"), lambda _: True, None)

    def ddi(self, _):
        self.ask("DDI poll", (200,), lambda: self.of_device("GET", "/default/controller/v1/" + self.speaker.identity), lambda _: True, None)

    def download(self, _):
        """Bytes that are not those of the image are worse than none."""
        status, body = 0, b""
        try:
            status, body, _ = self.api.send("GET", self.image_path)
        except Gone:
            self.unanswered += 1
        if status == 200 and body != self.content:
            raise Lost("a download is another than what was stored")
        self.acknowledged += 1 if status == 200 else 0

    def crl(self, _):
        self.ask("CRL", (200,), lambda: self.api.public("/crl/device.crl"), lambda _: True, None)

    def ocsp(self, _):
        path = "/ocsp/" + urllib.parse.quote(base64.b64encode(self.ocsp_request).decode(), safe="")
        self.ask("OCSP", (200,), lambda: self.api.public(path), lambda _: True, None)

    def events(self, _):
        self.ask("events", (200,), lambda: self.api.call("GET", "/api/v1/events?limit=5"), lambda _: True, None)

    def metrics(self, _):
        self.ask("metrics", (200,), lambda: self.api.send("GET", "/metrics"), lambda _: True, None)

    def cmp(self, _):
        """By OpenSSL's own client; an error of CMP is a refusal that it tells."""
        key, out = os.path.join(self.house.root, "cmp.key"), os.path.join(self.house.root, "cmp.crt")
        run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        if os.path.exists(out):
            os.unlink(out)
        host = self.server.device.split("//")[1].replace("127.0.0.1", "localhost")
        words = ["-cmd", "cr", "-server", host, "-tls_used", "-tls_trusted", self.house.ca, "-path", ".well-known/cmp", "-trusted", self.house.ca, "-ignore_keyusage",
                 "-cert", self.speaker.crt, "-key", self.speaker.key, "-newkey", key, "-certout", out, "-recipient", "/CN=whorl", "-msg_timeout", "10", "-total_timeout", "15"]
        done = subprocess.run(["openssl", "cmp", *words], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=40)
        if done.returncode != 0:
            text = done.stdout.decode(errors="replace")
            if "systemFailure" in text or "code=50" in text:
                self.refused += 1
            elif "PKIStatus" in text and self.may_blame:
                self.blamed += 1
            elif "PKIStatus" in text:
                raise Lost("CMP: " + text[-300:])
            else:
                self.unanswered += 1
            return
        serial = run("openssl", "x509", "-in", out, "-noout", "-serial").decode().split("=")[1].strip().lower().rjust(32, "0")
        os.rename(out, self.speaker.crt)
        os.rename(key, self.speaker.key)
        self.acknowledged += 1
        self.open.append(("certificate by CMP", lambda: self.api.get("/api/v1/certificates/" + serial) is not None, True))
