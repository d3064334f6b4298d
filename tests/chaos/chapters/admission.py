"""Devices that no list names: by enrolment code, by a certificate of their maker; codes for CMP."""

import base64
import os

from chapter import Chapter, Gone, Lost, run
from unit import Unit


def basic(code):
    return "Basic " + base64.b64encode(b":" + code.encode()).decode()


class Admission(Chapter):
    def play(self, server):
        api = self.api(server)
        product = self.make(api, "/api/v1/products", {"name": "sensor", "admission": "token"})
        self.by_code(server, api)
        self.code_for_cmp(server, api, product)
        self.by_maker(server, api)

    def first(self, server, unit, wanted, **headers):
        """First contact of a new key over EST."""
        unit.new_key("op")
        status, text, _ = unit.ask(server, self.base, "POST", "/.well-known/est/simpleenroll", unit.csr("op"), "birth", "application/pkcs10", **headers)
        if status in (500, 503):
            raise Gone()
        if status != wanted:
            raise Lost(f"first contact: {status} {text}")

    def by_code(self, server, api):
        order = {"name": "line", "product": "sensor", "kind": "batch", "use_limit": 3}
        code = self.make(api, "/api/v1/enrolment-codes", order, used=(0, 1, 2), state="active")
        unit = Unit.new(os.path.join(self.work, "coded"))
        self.first(server, unit, 401, Authorization=basic(code["code"][:-1] + "x"))
        self.admitted(server, unit, Authorization=basic(code["code"]))
        path = "/api/v1/enrolment-codes/" + code["id"]
        self.expect(path, "used", {"used": (1, 2), "state": "active"})
        self.act(api, path, "revoke", state="revoked")
        self.first(server, Unit.new(os.path.join(self.work, "late")), 401, Authorization=basic(code["code"]))

    def admitted(self, server, unit, **headers):
        unit.enrol(server, self.base, "op", **headers)
        self.certificate(unit.path("op.crt"))
        self.note("admitted " + unit.identity, lambda a: a.get("/api/v1/devices/" + unit.identity)["state"] == "enrolled",
                  None)  # of a product that no older copy has: docs/journal.md

    def code_for_cmp(self, server, api, product):
        identity = Unit.new(os.path.join(self.work, "by-cmp")).identity
        self.make(api, "/api/v1/batches", {"name": "coded", "product": product["name"], "devices": [identity]})
        path = f"/api/v1/devices/{identity}/cmp-code"
        code = self.change(api, "POST", path, {})
        self.expect(path, "made", {"state": ("active", "bound")})
        self.initialise(server, code["reference"], code["code"][:-1], is_good=False)
        self.initialise(server, code["reference"], code["code"])
        self.expect(path, "bound to its key", {"state": ("bound", "used")})
        other = Unit.new(os.path.join(self.work, "never")).identity
        self.make(api, "/api/v1/batches", {"name": "coded-2", "product": product["name"], "devices": [other]})
        path = f"/api/v1/devices/{other}/cmp-code"
        self.change(api, "POST", path, {})
        self.expect(path, "made", {"state": "active"})
        self.moved(api, "DELETE", path, None, path, {"state": "revoked"})

    def initialise(self, server, reference, secret, is_good=True):
        key, certificate = os.path.join(self.work, "mac.key"), os.path.join(self.work, "mac.crt")
        run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        try:
            run("openssl", "cmp", "-server", server.device.split("//")[1], "-tls_used", "-tls_trusted", self.base.ca, "-path", ".well-known/cmp", "-secret",
                "pass:" + secret, "-ref", reference, "-subject", "/CN=any", "-newkey", key, "-certout", certificate, "-recipient", "/CN=whorl",
                "-cacertsout", os.path.join(self.work, "roots.pem"), "-msg_timeout", "20", "-cmd", "ir")
        except OSError:
            raise
        except Exception as error:
            if server.is_gone():
                raise Gone() from error
            if is_good:
                raise Lost(f"ir by a code: {error.stderr.decode()[-500:]}") from error
            return
        if not is_good:
            raise Lost("a wrong secret was taken")
        self.certificate(certificate)

    # --- a chip maker

    def by_maker(self, server, api):
        maker = self.base.maker
        self.make(api, "/api/v1/products", {"name": "gateway", "admission": "vendor_ca"})
        pin = self.make(api, "/api/v1/vendor-cas", {"name": "maker", "product": "gateway", "certificate": maker.pem}, name="maker")
        path = "/api/v1/vendor-cas/" + pin["id"]
        self.admitted(server, maker.chip(os.path.join(self.work, "chip")))
        self.alter(api, path, {"name": "maker-1"})
        other = self.api(server, self.base.other)
        self.change(other, "POST", "/api/v1/products", {"name": "their", "admission": "vendor_ca"})
        self.change(other, "POST", "/api/v1/vendor-cas", {"name": "maker", "product": "their", "certificate": maker.pem})
        self.first(server, maker.chip(os.path.join(self.work, "two")), 403)
        self.act(api, path, "retire", state="retired")
