#!/usr/bin/python3
"""An MCUboot image read byte by byte by a hand that is not ours, as its boot loader would (bootutil): image.h of MCUboot and
python3-cryptography.

mcuboot_by_hand.py PUBLIC_KEY [FILE ORIGINAL]…    verifies each FILE under that key; what is signed must be that of ORIGINAL, byte for
                                                  byte"""

import hashlib
import struct
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, utils


def read(path):
    with open(path, "rb") as file:
        return file.read()


def signed_part(image):
    magic, _, header, protected, size = struct.unpack_from("<IIHHI", image)
    assert magic == 0x96F3B83D, "magic"
    return image[: header + size + protected]


def entries(image, at):
    magic, total = struct.unpack_from("<HH", image, at)
    assert magic == 0x6907, "magic of the TLVs"
    assert at + total == len(image), "nothing stands behind the TLVs"
    end, at = at + total, at + 4
    while at < end:
        kind, size = struct.unpack_from("<HH", image, at)
        assert at + 4 + size <= end, "a TLV leaves the area"
        yield kind, image[at + 4 : at + 4 + size]
        at += 4 + size


def key_hash(key):
    is_rsa = not isinstance(key, (ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey))
    form = serialization.PublicFormat.PKCS1 if is_rsa else serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(key.public_bytes(serialization.Encoding.DER, form)).digest()


def verify(key, kind, signature, digest):
    if isinstance(key, ec.EllipticCurvePublicKey):
        assert kind == 0x22, "an ECDSA signature"
        key.verify(signature, digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
    elif isinstance(key, ed25519.Ed25519PublicKey):
        assert kind == 0x24, "an Ed25519 signature"
        key.verify(signature, digest)
    else:
        assert kind == 0x23, "an RSA-3072 signature"
        key.verify(signature, digest, padding.PSS(padding.MGF1(hashes.SHA256()), 32), utils.Prehashed(hashes.SHA256()))


def check(key, image, original):
    part = signed_part(image)
    assert part == signed_part(original), "header, payload and protected TLVs stay"
    (hash_kind, digest), (name_kind, name), (kind, signature) = entries(image, len(part))
    assert (hash_kind, name_kind) == (0x10, 0x01), "hash, key hash, signature: in the order of imgtool"
    assert digest == hashlib.sha256(part).digest(), "the hash"
    assert name == key_hash(key), "the hash of the key"
    verify(key, kind, signature, digest)


def main():
    key = serialization.load_pem_public_key(read(sys.argv[1]))
    for made, original in zip(sys.argv[2::2], sys.argv[3::2]):
        check(key, read(made), read(original))


main()
