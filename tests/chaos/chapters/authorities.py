"""Authorities: made, activated, rolled over, ended, leaked; a root that leaves the house, and what it signs elsewhere."""

import json
import os

from chapter import Chapter, run

PASSPHRASE = "sixteen bytes and more"
CA_CONFIG = """[ca]
default_ca = x
[x]
database = {0}/index
crlnumber = {0}/number
default_md = sha256
crl_extensions = crl
unique_subject = no
[crl]
authorityKeyIdentifier = keyid
"""


class Authorities(Chapter):
    def __init__(self, *words):
        super().__init__(*words)
        self.stands = {}  # of each authority: what it may be

    def play(self, server):
        api = self.api(server)
        self.turn(api, "", {"role": "device", "id": "device-own", "tenant": True}, **{"device-own": ("standby",)})
        self.turn(api, "/device-own/activate", **{"device-own": ("active",)})
        self.turn(api, "/device-own/retire", **{"device-own": ("retiring", "retired")})
        self.turn(api, "", {"role": "device", "id": "device-idle"}, **{"device-idle": ("standby",)})
        self.turn(api, "/device-idle/retire", **{"device-idle": ("retired", "gone")})
        self.turn(api, "", {"role": "device", "id": "device-away", "external": True}, **{"device-away": ("pending",)})
        self.turn(api, "/device-away/retire", **{"device-away": ("gone",)})
        self.roll_and_leak(api)

    def roll_and_leak(self, api):
        """One is rolled over, and its successor leaks: no cut and no older copy makes either issue again."""
        self.turn(api, "/device/roll", **{"device": ("retiring", "retired"), "device-2": ("active",)})
        self.turn(api, "/device-2/compromised", **{"device-2": ("compromised",)})

    def turn(self, api, order, body=None, **becomes):
        self.awaits(becomes)
        self.change(api, "POST", "/api/v1/authorities" + order, body or {})
        self.becomes(becomes)

    def awaits(self, becomes):
        for identity, states in becomes.items():
            self.stands[identity] = self.stands.get(identity, ("active", "gone")) + states

    def becomes(self, becomes):
        for identity, states in becomes.items():
            self.stands[identity] = states
            self.note(f"{states[0]} authority {identity}", lambda a, i=identity: self.state(a, i) in self.stands[i],
                      lambda rows, i=identity: (rows.authority_state(i) or "gone") in self.stands[i])

    def state(self, api, identity):
        status, body = api.look("/api/v1/authorities/" + identity)
        return "gone" if status == 404 else body["state"]


class AuthorityShort(Authorities):
    def play(self, server):
        self.roll_and_leak(self.api(server))


class Root(Authorities):
    """The root is rolled over, everybody follows, and the new one gives the installation its name."""

    def play(self, server):
        api = self.api(server)
        self.turn(api, "/root/roll", **{"root": ("active",), "root-2": ("active",)})
        self.turn(api, "/device/roll", {"issuer": "root-2"}, **{"device": ("retiring", "retired"), "device-2": ("active",)})
        self.turn(api, "/infrastructure/roll", {"issuer": "root-2"}, **{"infrastructure": ("retiring", "retired"), "infrastructure-2": ("active",)})
        self.turn(api, "/root/finish-roll", **{"root-2": ("active",), "root": ("active", "retiring", "retired")})
        self.note("the root that names the installation", lambda a: a.look("/api/v1/authorities/root-2")[1]["is_default"] is True)


class Offline(Authorities):
    """The key of the root leaves; what it signs elsewhere comes in."""

    def play(self, server):
        api = self.api(server)
        self.write("passphrase", PASSPHRASE + "\n")
        self.beside(server, "ca", "take-offline", "--id", "root", "--out", self.path("vault"), "--passphrase-file", self.path("passphrase"), "--crl-days", "200")
        self.note("the key of the root is not here", lambda a: not os.path.exists(os.path.join(server.data, "keys", "ca-root.key")))
        self.awaits({"device-2": ("pending",)})
        self.beside(server, "ca", "request", "--out", self.path("requests"), "--issuer", "root", "--new", "device-2", "--role", "device")
        self.becomes({"device-2": ("pending",)})
        self.sign("root", "vault/root")
        self.awaits({"device-2": ("standby",)})
        self.beside(server, "ca", "import", self.path("answer.pem"))
        self.becomes({"device-2": ("standby",)})
        self.crl_came_in()
        self.root_elsewhere(server, api)
        self.fall(api)

    def path(self, name):
        return os.path.join(self.work, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(self.path(name), 0o600)

    def read(self, name):
        with open(self.path(name), encoding="ascii") as file:
            return file.read()

    def sign(self, root, vault):
        """On the machine without network."""
        run(self.options.whorld, "ca", "sign", "--key", self.path(vault + ".key"), "--ca", self.path(vault + ".pem"), "--passphrase-file",
            self.path("passphrase"), self.path(f"requests/{root}.ceremony.json"), "-o", self.path("answer.pem"), "--yes")
        return ["-----BEGIN " + part for part in self.read("answer.pem").split("-----BEGIN ")[1:]]

    def crl_came_in(self):
        """The number of a CRL is never told again: it is in the inventory and in the journal."""
        number = json.loads(self.read("vault/root.key.state"))["crl_number"]
        sql = "SELECT MAX(number) FROM (SELECT authority, number FROM crl UNION SELECT authority, number FROM crl_floor) WHERE authority = 'root'"
        self.note("CRL of the root", None, lambda rows: rows.one(sql)[0] >= number)

    def root_elsewhere(self, server, api):
        """Its successor is made here, and the old root vouches for it where it is."""
        self.turn(api, "/root/roll", {"external": True}, **{"root": ("active",), "root-2": ("active",)})
        self.beside(server, "ca", "request", "--out", self.path("requests"), "--issuer", "root")
        cross = self.sign("root", "vault/root")[0]
        self.change(api, "POST", "/api/v1/authorities/root-2/cross-certificates", {"certificate": cross})
        self.note("cross certificate", lambda a: "new_with_old" in [c["kind"] for c in a.get("/api/v1/authorities/root-2/cross-certificates")["cross_certificates"]],
                  lambda rows: len(rows.all("SELECT 1 FROM authority_certificate")) >= 2)
        self.beside(server, "ca", "take-offline", "--id", "root-2", "--out", self.path("vault"), "--passphrase-file", self.path("passphrase"))
        self.turn(api, "/device/roll", {"issuer": "root-2", "external": True}, **{"device": ("active",), "device-3": ("pending",)})
        self.beside(server, "ca", "request", "--out", self.path("requests"), "--issuer", "root-2")
        certificate = self.sign("root-2", "vault/root-2")[0]
        self.awaits({"device-3": ("standby",)})
        self.change(api, "POST", "/api/v1/authorities/device-3/certificate", {"certificate": certificate})
        self.becomes({"device-3": ("standby",)})
        self.turn(api, "/device-3/activate", **{"device": ("retiring", "retired"), "device-3": ("active",)})

    def fall(self, api):
        """The root's list, made by openssl, revokes an authority: it issues nothing any more."""
        self.write("device-2.pem", api.get("/api/v1/authorities/device-2")["pem"])
        self.write("ca.cnf", CA_CONFIG.format(self.work))
        self.write("index", "")
        self.write("number", "7000000000000000\n")
        words = ["openssl", "ca", "-config", self.path("ca.cnf"), "-cert", self.path("vault/root.pem"), "-keyfile", self.path("vault/root.key"), "-passin",
                 "file:" + self.path("passphrase")]
        run(*words, "-revoke", self.path("device-2.pem"), "-crl_reason", "CACompromise")
        run(*words, "-gencrl", "-crldays", "20", "-out", self.path("fall.crl"))
        self.turn(api, "/root/crl", {"crl": self.read("fall.crl")}, **{"device-2": ("compromised", "retired", "retiring")})
