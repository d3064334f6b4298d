#!/usr/bin/env python3
"""Makes an image that devices are offered, as rows and a file: firmware_rows.py DATA IMAGE VERSION SEQUENCE
[COUNTER]. Prints the rollout's id; with ONLY_RELEASE set in the environment, makes none and prints the release's. For
tests of what happens behind a rollout, on a server that runs or not; how images, releases and rollouts come to be has tests of its own."""

import hashlib
import json
import os
import sqlite3
import sys
import time
import uuid

SPEC = {"filter": {"all": True}, "waves": [{"percent": 100}], "silent_after_s": 86400, "finish_after_quiet_s": 86400, "forced": True,
        "late_joiners": True}

ONLY_RELEASE = "ONLY_RELEASE" in os.environ


def insert(db, table, **row):
    db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values()))


def new_id():
    at = int(time.time() * 1000)
    return at.to_bytes(6, "big") + b"\x70" + os.urandom(1) + b"\x80" + os.urandom(7)


def main(data, image, version, sequence, counter=-1):
    content = open(image, "rb").read()
    digest = hashlib.sha256(content)
    folder = os.path.join(data, "firmware", "blobs", digest.hexdigest()[:2])
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, digest.hexdigest()), "wb") as file:
        file.write(content)
    db = sqlite3.connect(os.path.join(data, "inventory.db"), timeout=20)
    tenant, product = db.execute("SELECT t.id, p.id FROM tenant t JOIN product p ON p.tenant = t.id WHERE t.name = 'default' AND p.name = 'default'").fetchall()[0]
    now = int(time.time() * 1000)
    of = {"tenant": tenant, "product": product, "created_at": now, "updated_at": now, "ver": 1}
    image_id, release, rollout = new_id(), new_id(), new_id()
    manifest = b"manifest of " + version.encode()
    with db:
        db.execute("INSERT INTO firmware_blob (sha256, sha1, md5, size, state, uses, created_at, checked_at, ver) VALUES (?, ?, ?, ?, 0, 1, ?, ?, 1) "
                   "ON CONFLICT (sha256) DO NOTHING",
                   (digest.digest(), hashlib.sha1(content).digest(), hashlib.md5(content).digest(), len(content), now, now))
        insert(db, "firmware_image", id=image_id, sha256=digest.digest(), size=len(content), filename=os.path.basename(image), format=0,
               version="", counter=-1, facts="{}", state=0, releases=1, hold_reason="", created_by="test", **of)
        insert(db, "firmware_release", id=release, **{"class": ""}, version=version, state=3, kind=0, sequence=sequence, counter=counter,
               min_sequence=0, manifest=manifest, manifest_sha256=hashlib.sha256(manifest).digest(), csaf_url="", notes="", sbom_type="",
               reason="", created_by="test", approved_by="test", published_at=now, **of)
        insert(db, "firmware_release_image", release=release, place=0, image=image_id, part="", recipe="")
        if ONLY_RELEASE:
            print(uuid.UUID(bytes=release))
            return
        insert(db, "rollout", id=rollout, release=release, name=version, state=1, spec=json.dumps(SPEC), reason="", wave=0, wave_at=now,
               started_at=now, created_by="test", **of)
        insert(db, "rollout_tally", rollout=rollout, offered=0, waiting=0, succeeded=0, unverified=0, failed=0, cancelled=0, downloads=0,
               wave=0, wave_offered=0, wave_succeeded=0, wave_failed=0, slot=0, window=bytes(84))
        db.execute("UPDATE rollout_version SET n = n + 1")
    print(uuid.UUID(bytes=rollout))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], *map(int, sys.argv[4:]))
