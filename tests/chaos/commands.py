"""Power cuts in the middle of commands: what each said to be done is done, what was cut is absent or refused, and the command can be repeated."""

import filecmp
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import tarfile
import threading
import time

from chapter import Api, Gone, Lost, Rows, der_of, run
from ground import Server
from trial import Cut
from unit import Unit

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "upgrade", "fixtures")
MADE_ON = 1795651200  # the day of the fixtures: their certificates end, the test does not
LOCK = threading.Lock()  # what is made once is made by one of the trials


class Command(Cut):
    """lay: what stands on the disk before. act: the command, cut at the operation; whether it said that it is done. judge: what must hold then."""

    def on(self, disk):
        job, result = self.job, self.result
        try:
            self.prepare()
            self.lay(disk)
            disk.tell("settle")
            disk.tell(f"arm {job.point}")
            is_done = self.act(disk)
            state = disk.ask()
            result.operations, result.fired = state["operations"], bool(state["fired"])
            disk.tell(f"cut {job.mode} {job.seed}")
            if job.point == 0 and not is_done:
                raise Lost("it fails without a cut")
            result.acknowledged = int(is_done)
            self.judge(disk, is_done)
            if os.path.exists(self.log_of(disk)):
                rows = Rows(self.log_of(disk))
                result.kinds = {kind for (kind,) in rows.all("SELECT DISTINCT kind FROM audit")}
                rows.close()
        except Lost as error:
            self.lost(error)

    def prepare(self):
        """What is made once, on an honest disk."""

    def once(self, name, make):
        """A folder in the work of all trials."""
        path = os.path.join(self.options.work, name)
        with LOCK:
            if not os.path.exists(path):
                make(path + ".new")
                os.rename(path + ".new", path)
        return path

    def log_of(self, disk):
        return os.path.join(disk.path, "data", "inventory.db")

    def whorld(self, *words, **settings):
        """(exit code, output)"""
        done = subprocess.run([self.options.whorld, *words], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(os.environ, **settings),
                              timeout=60)
        with open(self.log, "ab") as file:
            file.write(done.stdout)
        return done.returncode, done.stdout.decode(errors="replace")

    def says(self, what, *words, **settings):
        """A command that must go well now."""
        self.result.asked += 1
        code, output = self.whorld(*words, **settings)
        if code != 0:
            raise Lost(f"{what}: {code} {output[-600:]}")
        return output

    def serves(self, data, token=None, devices=(), **settings):
        """The directory starts, and knows the devices."""
        self.result.asked += 1
        try:
            server = Server(self.options, data, self.log, **settings)
        except Gone as error:
            raise Lost("the server does not start") from error
        try:
            api = Api(server, Ground(data, token))
            for identity, state in devices:
                self.result.asked += 1
                status, body, _ = api.call("GET", "/api/v1/devices/" + identity)
                if status != 200 or body["state"] != state:
                    raise Lost(f"the device {identity} is {status} {body}, not {state}")
        except Gone as error:
            raise Lost("the server does not answer") from error
        finally:
            server.end()
        self.says("the audit log", "audit", "verify", "--dir", data, **settings)
        self.says("the journal", "journal", "verify", "--dir", data, **settings)

    def known(self):
        """Devices of the base."""
        return [(unit.identity, "enrolled") for unit in self.base.units[:2]] + [(self.base.devices[0][1], "registered")]


class Ground:
    """What a client needs to know of a directory."""

    def __init__(self, data, token):
        self.ca = os.path.join(data, "ca.pem")
        with open(os.path.join(data, "admin.token"), encoding="ascii") as file:
            self.token = token or file.read().strip()


class Migration(Command):
    """An older program's directory, opened by today's: afterwards the next start finishes it, and the copy of before is there."""

    schema = 0

    def prepare(self):
        self.old = self.once(f"schema-{self.schema}", self.unpack)
        days = max(0, int((time.time() - MADE_ON) // 86400))
        self.then = {"LD_PRELOAD": run("faketime", "-f", "+0s", "sh", "-c", "echo $LD_PRELOAD").strip(), "FAKETIME": f"-{days}d"} if days else {}

    def unpack(self, folder):
        with tarfile.open(os.path.join(FIXTURES, f"schema-{self.schema:02}.tar.xz")) as archive:
            archive.extractall(folder)

    def lay(self, disk):
        shutil.copytree(os.path.join(self.old, "data"), os.path.join(disk.path, "data"))

    def act(self, disk):
        try:
            Server(self.options, os.path.join(disk.path, "data"), self.log, **self.then).end()
            return not disk.ask()["fired"]
        except Gone:
            return False

    def judge(self, disk, is_done):
        data = os.path.join(disk.path, "data")
        self.copy_of_before(data, is_done)
        said = []
        for path in sorted(glob.glob(os.path.join(self.old, "said", "[0-9].json"))):
            with open(path, encoding="utf-8") as file:
                device = json.load(file)
            said.append((device["id"], device["state"]))
        self.serves(data, None, said, **self.then)
        rows = Rows(os.path.join(data, "inventory.db"))
        newest = max(int(os.path.basename(path)[:4]) for path in glob.glob(os.path.join(FIXTURES, "..", "..", "..", "db", "migrations", "sqlite", "*.sql")))
        if self.schema_of(rows) != newest:
            raise Lost(f"the schema is {self.schema_of(rows)}, not {newest}")
        self.as_it_was(rows)
        rows.close()

    def schema_of(self, rows):
        return rows.one("SELECT MAX(v) FROM schema_version")[0]

    def copy_of_before(self, data, is_done):
        """When anything of the migration stands, the copy of before stands whole beside it."""
        inventory = os.path.join(self.work, "look")
        shutil.copytree(data, inventory)  # looking at a file of SQLite changes what lies beside it
        rows = Rows(os.path.join(inventory, "inventory.db"))
        is_new = self.schema_of(rows) > self.schema
        rows.close()
        copies = glob.glob(os.path.join(data, "before-migration", "*.db"))
        if is_new and not copies or is_done and not is_new:
            raise Lost("it is migrated, and there is no copy of before" if is_new else "it was said to be done, and nothing is migrated")
        for path in copies:
            self.result.asked += 1
            rows = Rows(path)
            if self.schema_of(rows) != self.schema or rows.one("PRAGMA integrity_check")[0] != "ok":
                raise Lost("the copy of before is not as it was before")
            rows.close()

    def as_it_was(self, rows):
        """Each certificate that stood in it, byte for byte."""
        old = os.path.join(self.work, "old")
        shutil.copytree(os.path.join(self.old, "data"), old)
        before = Rows(os.path.join(old, "inventory.db"))
        for serial, der in before.all("SELECT serial, der FROM certificate"):
            self.result.asked += 1
            if rows.one("SELECT der FROM certificate WHERE serial = ?", serial) != (der,):
                raise Lost(f"the certificate {serial.hex()}")
        before.close()


def migrations():
    for path in sorted(glob.glob(os.path.join(FIXTURES, "schema-*.tar.xz"))):
        number = int(re.search(r"schema-(\d+)", path)[1])
        if number < 36:  # the newest has nothing to migrate
            yield f"migration-{number}", type("Migration", (Migration,), {"schema": number})


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
