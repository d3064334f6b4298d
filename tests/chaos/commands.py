"""Power cuts in the middle of commands: what each said to be done is done, what was cut is absent or refused, and the command can be repeated."""

import filecmp
import glob
import os
import shutil
import signal
import subprocess

from chapter import Api, Gone, Lost, Rows, der_of, run
from command import Command
from ground import Server
from migration import migrations
from unit import Unit


class Backup(Command):
    """The file is whole when that was said, and otherwise absent or whole; the installation is as before, and the next backup is good."""

    def prepare(self):
        self.operator = self.once("operator", make_operator)

    def lay(self, disk):
        shutil.copytree(self.base.data, os.path.join(disk.path, "data"))
        os.mkdir(os.path.join(disk.path, "out"))

    def act(self, disk):
        return self.whorld("backup", "--dir", os.path.join(disk.path, "data"), "--to", os.path.join(disk.path, "out", "a.backup"), "--recipient",
                           self.operator + "/ada.pem")[0] == 0

    def verify(self, path):
        return self.whorld("restore", "--verify", "--from", path, "--key", self.operator + "/ada.key", "--certificate", self.operator + "/ada.pem", "--ca",
                           self.base.ca)[0] == 0

    def judge(self, disk, is_done):
        out, data = os.path.join(disk.path, "out"), os.path.join(disk.path, "data")
        self.result.asked += 1
        if os.path.exists(out + "/a.backup"):
            if not self.verify(out + "/a.backup"):
                raise Lost("a backup that has its name is not whole")
        elif is_done:
            raise Lost("a backup that was said to be done is not there")
        self.says("the next backup", "backup", "--dir", data, "--to", out + "/b.backup", "--recipient", self.operator + "/ada.pem")
        if not self.verify(out + "/b.backup"):
            raise Lost("the next backup is not whole")
        if glob.glob(data + "/.backup*"):
            raise Lost("the next backup leaves what the cut one left")
        self.serves(data, self.base.token, self.known())


def make_operator(folder):
    os.mkdir(folder)
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=ada", "-days", "30", "-keyout",
        folder + "/ada.key", "-out", folder + "/ada.pem")


class Restore(Command):
    """Of a directory that is whole when that was said; what was cut is refused by serve, or whole; the same command again makes it."""

    def prepare(self):
        self.operator = self.once("operator", make_operator)
        self.backup = self.once("a.backup", lambda path: self.says("the backup", "backup", "--dir", self.base.data, "--to", path, "--recipient",
                                                                   self.operator + "/ada.pem"))

    def lay(self, disk):
        os.mkdir(os.path.join(disk.path, "on"))

    def restore(self, disk):
        return self.whorld("restore", "--from", self.backup, "--key", self.operator + "/ada.key", "--certificate", self.operator + "/ada.pem", "--ca",
                           self.base.ca, "--keys-from", self.base.data + "/keys", "--journal", self.base.data + "/journal", "--dir", self.data(disk))

    def data(self, disk):
        return os.path.join(disk.path, "on", "data")

    def log_of(self, disk):
        return os.path.join(self.data(disk), "inventory.db")

    def act(self, disk):
        return self.restore(disk)[0] == 0

    def judge(self, disk, is_done):
        data = self.data(disk)
        is_whole = os.path.exists(data + "/installation.json")
        self.result.asked += 1
        if is_done and not is_whole:
            raise Lost("a restored directory that was said to be done is not there")
        if not is_whole:
            if os.path.isdir(data) and self.starts(data):
                raise Lost("serve takes half of a directory")
            code, output = self.restore(disk)
            if code != 0:
                raise Lost(f"the same restore again: {output[-600:]}")
        shutil.copy(self.base.data + "/admin.token", data)
        self.serves(data, self.base.token, self.known())

    def starts(self, data):
        try:
            Server(self.options, data, self.log).end(signal.SIGKILL)
            return True
        except Gone:
            return False


class Init(Restore):
    """A new directory: whole when that was said; otherwise refused, and made by the same command."""

    def prepare(self):
        pass

    def restore(self, disk):
        return self.whorld("init", "--dir", self.data(disk), "--host", "localhost", "--host", "127.0.0.1", "--public-url", "http://127.0.0.1:1")

    def judge(self, disk, is_done):
        data = self.data(disk)
        is_whole = os.path.exists(data + "/installation.json")
        self.result.asked += 1
        if is_done and not is_whole:
            raise Lost("a directory that was said to be made is not there")
        if not is_whole:
            if os.path.isdir(data) and self.starts(data):
                raise Lost("serve takes half of a directory")
            code, output = self.restore(disk)
            if code != 0:
                raise Lost(f"the same init again: {output[-600:]}")
        self.serves(data)


class Replay(Command):
    """An older copy that is brought up to date: all of the journal or nothing, and again."""

    def prepare(self):
        self.newer = self.once("newer", self.live)

    def live(self, folder):
        """A life that the older copy does not know: a device more, one less."""
        os.mkdir(folder)
        shutil.copytree(self.base.data, folder + "/data")
        unit = Unit(shutil.copytree(self.base.units[-1].folder, folder + "/unit"))
        server = Server(self.options, folder + "/data", self.log)
        unit.enrol(server, self.base)
        unit.status(server, self.base)
        api = Api(server, self.base)
        status, body, _ = api.call("POST", f"/api/v1/devices/{self.base.units[0].identity}/revoke", {"reason": "keyCompromise"})
        server.end()
        if status != 200:
            raise Lost(f"{status} {body}")

    def lay(self, disk):
        data = os.path.join(disk.path, "data")
        shutil.copytree(self.base.data, data)
        shutil.rmtree(data + "/journal")
        shutil.copytree(self.newer + "/data/journal", data + "/journal")

    def act(self, disk):
        return self.whorld("journal", "replay", "--dir", os.path.join(disk.path, "data"))[0] == 0

    def judge(self, disk, is_done):
        data = os.path.join(disk.path, "data")
        if not is_done:
            self.says("the same replay again", "journal", "replay", "--dir", data)
        unit = Unit(self.newer + "/unit")
        self.serves(data, self.base.token, [(unit.identity, "enrolled"), (self.base.units[0].identity, "revoked"), (self.base.units[1].identity, "enrolled")])
        rows = Rows(data + "/inventory.db")
        if rows.certificate(unit.serial())[1] != der_of(unit.path("op.crt")):
            raise Lost("the certificate of the life that was replayed")
        rows.close()


class Accept(Command):
    """A rollback that is accepted because the journal is lost: for one start, and when that was cut, for the next."""

    def lay(self, disk):
        shutil.copytree(self.base.data, os.path.join(disk.path, "data"))
        shutil.rmtree(os.path.join(disk.path, "data", "journal"))

    def start(self, disk):
        try:
            Server(self.options, os.path.join(disk.path, "data"), self.log, None, ["--accept-rollback"]).end()
            return True
        except Gone:
            return False

    def act(self, disk):
        return self.start(disk) and not disk.ask()["fired"]

    def judge(self, disk, is_done):
        self.result.asked += 1
        if not is_done and not self.start(disk):
            raise Lost("the next start with --accept-rollback fails")
        self.serves(os.path.join(disk.path, "data"), self.base.token, self.known())


class Sign(Command):
    """`ca sign` on the machine without network: no number of a CRL is given twice."""

    def prepare(self):
        self.away = self.once("away", self.take_away)

    def take_away(self, folder):
        os.mkdir(folder)
        data = folder + "/data"
        shutil.copytree(self.base.data, data)
        with open(folder + "/passphrase", "w", encoding="ascii") as file:
            file.write("sixteen bytes and more\n")
        os.chmod(folder + "/passphrase", 0o600)
        self.says("take-offline", "ca", "take-offline", "--dir", data, "--id", "root", "--out", folder + "/vault", "--passphrase-file", folder + "/passphrase")
        self.says("request", "ca", "request", "--dir", data, "--out", folder + "/requests", "--issuer", "root", "--new", "device-2", "--role", "device")

    def lay(self, disk):
        shutil.copytree(self.away + "/vault", os.path.join(disk.path, "vault"))
        os.mkdir(os.path.join(disk.path, "out"))

    def sign(self, disk, out):
        vault = os.path.join(disk.path, "vault")
        return self.whorld("ca", "sign", "--key", vault + "/root.key", "--ca", vault + "/root.pem", "--passphrase-file", self.away + "/passphrase",
                           self.away + "/requests/root.ceremony.json", "-o", os.path.join(disk.path, "out", out), "--yes")

    def act(self, disk):
        return self.sign(disk, "one.pem")[0] == 0

    def judge(self, disk, is_done):
        out = os.path.join(disk.path, "out")
        first = self.number_of(out + "/one.pem") if os.path.exists(out + "/one.pem") else 0
        self.result.asked += 2
        if is_done and first == 0:
            raise Lost("an answer that was said to be written is not there")
        code, output = self.sign(disk, "two.pem")
        if code != 0:
            raise Lost(f"the next signature: {output[-600:]}")
        if self.number_of(out + "/two.pem") <= first:
            raise Lost(f"the number {first} of a CRL is given twice")
        if not filecmp.cmp(os.path.join(disk.path, "vault", "root.key"), self.away + "/vault/root.key", shallow=False):
            raise Lost("the key is not what it was")

    def number_of(self, path):
        with open(path, encoding="ascii") as file:
            parts = file.read().split("-----BEGIN X509 CRL-----")
        if len(parts) != 2:
            raise Lost("half an answer has the name of a whole one")
        text = subprocess.run(["openssl", "crl", "-noout", "-crlnumber"], input=("-----BEGIN X509 CRL-----" + parts[1]).encode(), check=True,
                              stdout=subprocess.PIPE).stdout.decode()
        return int(text.split("0x")[1], 16)


COMMANDS = {**dict(migrations()), "backup": Backup, "restore": Restore, "init": Init, "replay": Replay, "accept": Accept, "sign": Sign}
