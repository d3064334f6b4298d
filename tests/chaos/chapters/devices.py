"""Devices of the reference client and of openssl: enrolled, renewed, rekeyed, revoked, back again; and many at once."""

import os
import subprocess

from chapter import Chapter, Gone, Lost, der_of


class Short(Chapter):
    """What is most precious, in few operations."""

    def play(self, server):
        api = self.api(server)
        self.device(server, 1, "enrol")
        self.device(server, 1, "status")  # the first use
        self.revoke_certificate(api, self.base.devices[1][1], self.serial_of_device(1))
        self.order(api, self.base.devices[2][1], "quarantine", "quarantined")

    def revoke_certificate(self, api, identity, serial):
        """The only one that a device has: it loses its place with it."""
        self.states[identity] = ("enrolled", "revoked")
        self.change(api, "POST", f"/api/v1/certificates/{serial}/revoke", {"reason": "keyCompromise"})
        self.revoked_certificate(serial)
        self.note_state(identity, "revoked")


class Start(Chapter):
    """The start of the server and its end, with one device in between."""

    with_start = True

    def play(self, server):
        self.device(server, 0, "enrol")


class Devices(Short):
    def play(self, server):
        super().play(server)
        api = self.api(server)
        self.device(server, 0, "enrol")
        self.device(server, 0, "renew")
        self.device(server, 3, "enrol")
        self.device(server, 3, "rekey")
        self.device(server, 3, "status")  # confirms
        self.device(server, 4, "enrol")
        self.rekey_order(api, self.base.devices[0][1])
        self.order(api, self.base.devices[4][1], "revoke", "revoked", {"reason": "superseded"})
        self.order(api, self.base.devices[5][1], "retire", "retired")
        self.order(api, self.base.devices[2][1], "release", "registered")
        self.alter(api, "/api/v1/devices/" + self.base.devices[0][1], {"labels": {"site": "zurich"}, "note": "on the roof"}, labels={"site": "zurich"})
        self.back_again(server, api)
        self.order(api, self.base.devices[4][1], "compromised", "compromised", {"reason": "cloned"})
        self.clone(server)

    def rekey_order(self, api, identity):
        self.change(api, "POST", f"/api/v1/devices/{identity}/rekey", {})
        self.note("rekey ordered", lambda a: a.get("/api/v1/devices/" + identity).get("rekey_requested_at") is not None,
                  lambda rows: rows.one("SELECT rekey_requested_at FROM device WHERE id = ?", bytes.fromhex(identity))[0] is not None)

    def back_again(self, server, api):
        """By the identity key: refused, allowed once, and after a revocation."""
        unit = self.base.units[0].copy(self.work)
        unit.new_key("next")
        status, _, _ = unit.ask(server, self.base, "POST", "/.well-known/est/simpleenroll", unit.csr("next"), "birth", "application/pkcs10")
        if status in (500, 503):
            raise Gone()
        if status != 403:
            raise Lost(f"the identity key of a device that is enrolled was answered {status}")
        self.change(api, "POST", f"/api/v1/devices/{unit.identity}/allow-recovery", {"valid_for_s": 3600, "reason": "called in"})
        self.enrol(server, unit, "next")
        self.order(api, unit.identity, "revoke", "revoked", {"reason": "keyCompromise"})
        self.revoked_certificate(unit.serial("next"))
        self.order(api, unit.identity, "allow-reenrol", "revoked", {"reason": "repaired"}, later=("enrolled",))
        self.enrol(server, unit, "third")

    def clone(self, server):
        """Two keys for one generation of a device: it is stopped."""
        unit = self.base.units[1].copy(self.work)
        self.states[unit.identity] = ("enrolled", "quarantined")
        for name, wanted in (("a2", 200), ("b2", 403)):
            unit.new_key(name)
            order = {"csr": unit.csr(name, "op").decode(), "generation": 2}
            status, text, _ = unit.ask(server, self.base, "POST", "/device/v1/enrol", order)
            if status in (500, 503):
                raise Gone()
            if status != wanted:
                raise Lost(f"generation 2, {name}: {status} {text}")
        self.note_state(unit.identity, "quarantined")

    def enrol(self, server, unit, name, **more):
        unit.enrol(server, self.base, name, **more)
        self.note_state(unit.identity, "enrolled")
        self.certificate(unit.path(name + ".crt"))
        unit.status(server, self.base, name)
        self.confirmed(unit.serial(name))


class Fleet(Chapter):
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
