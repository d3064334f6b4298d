#!/usr/bin/env python3
"""Reads MCUboot and ESP-IDF images with nothing but the formats' descriptions, and verifies them under a public key: judge.py KEY.pem IMAGE…
Says "good" of each, or why not, and fails then. Shares no code with the server, nor with make.py."""

import hashlib
import struct
import sys
import zlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils


class Bad(Exception):
    pass


def need(condition, why):
    if not condition:
        raise Bad(why)


def digest_name(kind):
    return {0x10: "sha256", 0x11: "sha384", 0x12: "sha512"}[kind]


def verify(key, signature, digest, name):
    algorithm = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384()}.get(name)
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, digest, padding.PSS(padding.MGF1(hashes.SHA256()), 32), utils.Prehashed(algorithm))
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, digest, ec.ECDSA(utils.Prehashed(algorithm)))
    else:
        key.verify(signature, digest)


def read_area(image, at, magic):
    found, total = struct.unpack_from("<HH", image, at)
    need(found == magic, f"no area 0x{magic:04x} at {at}")
    entries, end, here = {}, at + total, at + 4
    while here < end:
        kind, size = struct.unpack_from("<HH", image, here)
        need(here + 4 + size <= end, f"an entry at {here} is too long")
        need(kind == 0x40 or kind not in entries, f"two entries of type 0x{kind:02x}")
        entries[kind] = image[here + 4:here + 4 + size]
        here += 4 + size
    need(here == end, "the area ends within an entry")
    return entries, end


def judge_mcuboot(image, key):
    _, _, header, protected, size, flags = struct.unpack_from("<IIHHII", image)
    need(flags & 0x0C == 0, "encrypted")
    at = header + size
    if protected:
        inner, end = read_area(image, at, 0x6908)
        need(end - at == protected, "the protected area has another size than the header says")
        need(0x50 not in inner or len(inner[0x50]) == 4, "a security counter of a wrong size")
        at = end
    outer, end = read_area(image, at, 0x6907)
    need(not image[end:].rstrip(bytes.fromhex("77c295f360d2ef7f3552500f2cb67980")).replace(b"\xff", b"").replace(b"\1", b""), "something behind the image")
    form = serialization.PublicFormat.PKCS1 if isinstance(key, rsa.RSAPublicKey) else serialization.PublicFormat.SubjectPublicKeyInfo
    public = key.public_bytes(serialization.Encoding.DER, form)
    name = {32: "sha256", 48: "sha384", 64: "sha512"}[len(outer[0x01])]
    need(hashlib.new(name, public).digest() == outer[0x01], "by another key")
    kinds = [kind for kind in (0x20, 0x22, 0x23, 0x24) if kind in outer]
    need(len(kinds) == 1, f"{len(kinds)} signatures")
    if 0x25 in outer:
        return key.verify(outer[0x24], image[:at])
    kind = next(kind for kind in (0x10, 0x11, 0x12) if kind in outer)
    need(hashlib.new(digest_name(kind), image[:at]).digest() == outer[kind], "another hash")
    verify(key, outer[kinds[0]], outer[kind], digest_name(kind))


def judge_esp(image, key):
    at, checksum = 24, 0xEF
    for _ in range(image[1]):
        size = struct.unpack_from("<I", image, at + 4)[0]
        for byte in image[at + 8:at + 8 + size]:
            checksum ^= byte
        at += 8 + size
    at |= 15
    need(image[at] == checksum, "another checksum")
    if image[23]:
        need(hashlib.sha256(image[:at + 1]).digest() == image[at + 1:at + 33], "another appended hash")
    signed, sector = image[:-4096], image[-4096:]
    for start in (0, 1216, 2432):
        block = sector[start:start + 1216]
        if block[0] == 0xE7 and matches(block, key):
            need(zlib.crc32(block[:1196]) == struct.unpack_from("<I", block, 1196)[0], "another CRC")
            return judge_block(block, signed, key)
    raise Bad("no block by this key")


def matches(block, key):
    numbers = key.public_numbers()
    if isinstance(key, rsa.RSAPublicKey):
        return block[1] == 2 and block[36:420] == numbers.n.to_bytes(384, "little")
    size = key.curve.key_size // 8
    return block[1] == 3 and block[size + 5:3 * size + 5] == numbers.x.to_bytes(size, "little") + numbers.y.to_bytes(size, "little")


def judge_block(block, signed, key):
    name = "sha384" if block[1] == 3 and block[2] == 1 else "sha256"
    digest = hashlib.new(name, signed).digest()
    need(block[4:4 + len(digest)] == digest, "the block is of another image")
    if block[1] == 2:
        return verify(key, block[812:1196][::-1], digest, name)
    size = len(digest)
    pair = block[3 * size + 5:5 * size + 5]
    r, s = (int.from_bytes(half, "little") for half in (pair[:size], pair[size:]))
    return verify(key, utils.encode_dss_signature(r, s), digest, name)


def main():
    with open(sys.argv[1], "rb") as file:
        key = serialization.load_pem_public_key(file.read())
    bad = 0
    for name in sys.argv[2:]:
        with open(name, "rb") as file:
            image = file.read()
        try:
            {0x3D: judge_mcuboot, 0xE9: judge_esp}[image[0]](image, key)
            print(f"{name}: good")
        except (Bad, InvalidSignature, KeyError, struct.error, IndexError) as error:
            print(f"{name}: {error or 'the signature does not hold'}")
            bad += 1
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
