#!/usr/bin/python3
"""A statement about manifest keys read by a hand that is not ours: docs/firmware.md, python3-cbor2 and python3-cryptography.

statement_by_hand.py FILE RECOVERY_PUBLIC   verifies it under that key, and prints: sequence, SHA-256 of the signing key, of the recovery key"""

import hashlib
import sys

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

DER, SPKI = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo


def name_of(key):
    return hashlib.sha256(key.public_bytes(DER, SPKI)).hexdigest()


def main():
    with open(sys.argv[1], "rb") as file:
        message = cbor2.loads(file.read())
    with open(sys.argv[2], "rb") as file:
        recovery = serialization.load_pem_public_key(file.read())
    if message.tag != 18 or len(message.value) != 4:
        sys.exit("no COSE_Sign1")
    header, unprotected, payload, signature = message.value
    if unprotected or cbor2.loads(header) != {1: -9, 4: bytes.fromhex(name_of(recovery))}:
        sys.exit("signed by another key")
    text = cbor2.dumps(["Signature1", header, b"", payload])
    der = utils.encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    try:
        recovery.verify(der, text, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        sys.exit("the signature is not good")
    kind, version, product, sequence, signing, following = cbor2.loads(payload)
    if kind != "whorl-anchors" or version != 1 or len(product) != 16:
        sys.exit("no statement")
    points = [ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point) for point in (signing, following)]
    print(sequence, *map(name_of, points))


main()
