"""CMP: OpenSSL's client for whole transactions, tests/e2e/cmp_follow.py for what its client cannot be stopped at."""

import os
import signal
import subprocess
import sys

from chapter import Chapter, Gone, Lost, run

FOLLOW = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "e2e", "cmp_follow.py")


class CmpShort(Chapter):
    """A certificate that is asked for and confirmed."""

    settings = {"WHORL_SIGNER_TIMEOUT_MS": "400"}

    def play(self, server):
        unit = self.base.units[-1].copy(self.work)  # registered only
        self.first(server, unit)
        self.update(server, unit, "first", "second")

    def cmp(self, server, unit, name, old, *words):
        """A transaction for the key `name`, protected by `old`."""
        if not os.path.exists(unit.path(name + ".key")):
            unit.new_key(name)
        self.client(server, unit, old, "-newkey", unit.path(name + ".key"), "-certout", unit.path(name + ".crt"), "-reqout", unit.path(name + ".req"),
                    "-rspout", unit.path(name + ".rsp"), *words)
        self.certificate(unit.path(name + ".crt"))

    def client(self, server, unit, old, *words, path=".well-known/cmp"):
        done = subprocess.run(["openssl", "cmp", "-server", server.device.split("//")[1], "-tls_used", "-tls_trusted", self.base.ca, "-path", path,
                               "-trusted", self.base.ca, "-ignore_keyusage", "-cert", unit.path(old + ".crt"), "-key", unit.path(old + ".key"),
                               "-recipient", "/CN=whorl", "-msg_timeout", "20", *words], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            if server.is_gone():
                raise Gone()
            raise Lost(f"openssl cmp {' '.join(words)}: {done.stdout.decode()[-500:]}")

    def first(self, server, unit):
        self.cmp(server, unit, "first", "birth", "-cmd", "ir", "-subject", "/CN=any", "-extracerts", unit.path("birth.crt"))
        self.confirmed(unit.serial("first"))
        self.note_state(unit.identity, "enrolled")

    def update(self, server, unit, old, name):
        """kur and certConf: from then on the older one has no rights."""
        self.cmp(server, unit, name, old, "-cmd", "kur")
        self.confirmed(unit.serial(name))
        serial = unit.serial(old)
        self.note("superseded " + serial, lambda a: a.look("/api/v1/certificates/" + serial)[1]["state"] in ("superseded", "revoked"),
                  lambda rows: rows.certificate(serial)[0] in (2, 3))


class Cmp(CmpShort):
    def play(self, server):
        super().play(server)
        unit = self.base.units[-1].copy(self.work)
        self.cmp(server, unit, "third", "second", "-cmd", "kur", "-disable_confirm")
        self.follow(server, unit, "confirm", "third", "second")
        self.confirmed(unit.serial("third"))
        self.cmp(server, unit, "fourth", "third", "-cmd", "kur", "-disable_confirm")
        self.follow(server, unit, "reject", "fourth", "third")
        self.revoked_certificate(unit.serial("fourth"))
        self.cmp(server, unit, "fifth", "third", "-cmd", "cr", "-implicit_confirm")
        unit.status(server, self.base, "fifth")
        self.confirmed(unit.serial("fifth"))
        self.cmp(server, unit, "spare", "fifth", "-cmd", "kur", "-disable_confirm")
        self.client(server, unit, "fifth", "-cmd", "rr", "-oldcert", unit.path("spare.crt"), "-revreason", "4", path=".well-known/cmp/revocation")
        self.revoked_certificate(unit.serial("spare"))
        self.waiting(server, unit)

    def follow(self, server, unit, verb, name, old):
        """The next message of a transaction that the client had left."""
        message = subprocess.run([sys.executable, "-B", FOLLOW, verb, unit.path(name + ".req"), unit.path(name + ".rsp"), unit.path(old + ".key")],
                                 check=True, stdout=subprocess.PIPE).stdout
        status, answer, _ = unit.ask(server, self.base, "POST", "/.well-known/cmp", message, None, "application/pkixcmp")
        if status in (500, 503):
            raise Gone()
        text = run("openssl", "asn1parse", "-inform", "DER", input=None, stdin=self.file(answer)) if status == 200 else ""
        if "cont [ 19 ]" not in text:  # pkiConf
            raise Lost(f"{verb}: {status} {text[:500]}")

    def file(self, content):
        path = os.path.join(self.work, "answer")
        with open(path, "wb") as file:
            file.write(content)
        return open(path, "rb")

    def waiting(self, server, unit):
        """The signer is stopped: the request waits and is asked for again, until another one signs."""
        try:
            os.kill(server.signer(), signal.SIGSTOP)
        except ProcessLookupError as error:
            raise Gone() from error
        self.cmp(server, unit, "sixth", "fifth", "-cmd", "kur", "-msg_timeout", "3", "-total_timeout", "6", "-rspout",
                 ",".join(unit.path(name + ".rsp") for name in ("waiting", "sixth", "conf")))
        self.confirmed(unit.serial("sixth"))
