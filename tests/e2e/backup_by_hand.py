#!/usr/bin/env python3
"""A backup opened and made by a hand that is not ours: docs/backup.md, the openssl command and python3-cryptography.

backup_by_hand.py unpack FILE KEY CERTIFICATE FOLDER    manifest.cms, manifest.json and the files
backup_by_hand.py pack FOLDER CERTIFICATE FILE          the same around what lies in FOLDER: who has an operator's certificate can
                                                        seal, but not sign"""

import json
import os
import subprocess
import sys

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC = b"WHORLB\0\1"
CHUNK = 65536


def openssl(*words, text):
    return subprocess.run(["openssl", *words], input=text, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout


def stream_key(beginning, root):
    digest = hashes.Hash(hashes.SHA256())
    digest.update(beginning)
    return AESGCM(HKDF(hashes.SHA256(), 32, digest.finalize(), b"whorl/backup/stream").derive(root))


def nonce(number, is_last):
    return number.to_bytes(11, "big") + bytes([is_last])


def unpack(file, key, certificate, folder):
    with open(file, "rb") as source:
        data = source.read()
    assert data[:8] == MAGIC
    end = 12 + int.from_bytes(data[8:12], "big")
    root = openssl("cms", "-decrypt", "-inform", "DER", "-inkey", key, "-recip", certificate, text=data[12:end])
    assert len(root) == 32
    cipher, sealed, plain = stream_key(data[:end], root), data[end:], b""
    chunks = [sealed[i : i + CHUNK + 16] for i in range(0, len(sealed), CHUNK + 16)]
    for number, chunk in enumerate(chunks):
        plain += cipher.decrypt(nonce(number, number == len(chunks) - 1), chunk, None)
    at = 4 + int.from_bytes(plain[:4], "big")
    manifest = openssl("cms", "-verify", "-noverify", "-inform", "DER", text=plain[4:at])
    store(folder, "manifest.cms", plain[4:at])
    store(folder, "manifest.json", manifest)
    for entry in json.loads(manifest)["files"]:
        store(folder, entry["name"], plain[at : at + entry["size"]])
        at += entry["size"]
    assert at == len(plain)


def store(folder, name, content):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as target:
        target.write(content)


def load(folder, name):
    with open(os.path.join(folder, name), "rb") as source:
        return source.read()


def pack(folder, certificate, file):
    cms = load(folder, "manifest.cms")
    plain = len(cms).to_bytes(4, "big") + cms
    for entry in json.loads(load(folder, "manifest.json"))["files"]:
        plain += load(folder, entry["name"])
    root = os.urandom(32)
    envelope = openssl("cms", "-encrypt", "-binary", "-aes-256-cbc", "-outform", "DER", certificate, text=root)
    beginning = MAGIC + len(envelope).to_bytes(4, "big") + envelope
    cipher = stream_key(beginning, root)
    chunks = [plain[i : i + CHUNK] for i in range(0, len(plain), CHUNK)]
    with open(file, "wb") as target:
        target.write(beginning)
        for number, chunk in enumerate(chunks):
            target.write(cipher.encrypt(nonce(number, number == len(chunks) - 1), chunk, None))


if __name__ == "__main__":
    {"unpack": unpack, "pack": pack}[sys.argv[1]](*sys.argv[2:])
