"""Power cuts while today's program opens the directory of an older one."""

import glob
import json
import os
import re
import shutil
import tarfile
import time

from chapter import Gone, Lost, Rows, run
from command import Command
from ground import Server

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FIXTURES = os.path.join(ROOT, "tests", "upgrade", "fixtures")
MADE_ON = 1795651200  # the day of the fixtures: their certificates end, the test does not


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
        newest = max(int(os.path.basename(path)[:4]) for path in glob.glob(os.path.join(ROOT, "db", "migrations", "sqlite", "*.sql")))
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
