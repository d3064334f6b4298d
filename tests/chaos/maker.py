"""A maker of chips, played by openssl."""

import os
import shutil

from chapter import run
from unit import Unit

CA = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n"
CHIP = "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nauthorityKeyIdentifier=keyid\n"
CODE = "keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n"


class Maker:
    def __init__(self, folder):
        os.mkdir(folder)
        self.folder = folder
        for name, text in (("ca.ext", CA), ("chip.ext", CHIP), ("code.ext", CODE)):
            with open(self.path(name), "w", encoding="ascii") as file:
                file.write(text)
        run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.path("ca.key"))
        run("openssl", "req", "-new", "-key", self.path("ca.key"), "-subj", "/O=Example Chips/CN=CA", "-out", self.path("ca.csr"))
        run("openssl", "x509", "-req", "-in", self.path("ca.csr"), "-signkey", self.path("ca.key"), "-days", "7300", "-extfile", self.path("ca.ext"), "-out",
            self.path("ca.crt"))
        with open(self.path("ca.crt"), encoding="ascii") as file:
            self.pem = file.read()

    def path(self, name):
        return os.path.join(self.folder, name)

    def chip(self, folder):
        """A unit whose first certificate is its maker's."""
        unit = Unit.new(folder)
        run("openssl", "req", "-new", "-key", unit.path("birth.key"), "-subj", f"/O=Example Chips/CN={unit.identity[:16]}", "-out", unit.path("birth.csr"))
        run("openssl", "x509", "-req", "-in", unit.path("birth.csr"), "-CA", self.path("ca.crt"), "-CAkey", self.path("ca.key"), "-set_serial",
            "0x" + unit.identity[:16], "-extfile", self.path("chip.ext"), "-out", unit.path("chip.crt"), "-days", "7300")
        shutil.move(unit.path("chip.crt"), unit.path("birth.crt"))
        return unit

    def certify(self, request, out):
        """A key that signs code."""
        run("openssl", "x509", "-req", "-in", request, "-CA", self.path("ca.crt"), "-CAkey", self.path("ca.key"), "-set_serial", "7", "-extfile",
            self.path("code.ext"), "-out", out, "-days", "9")
