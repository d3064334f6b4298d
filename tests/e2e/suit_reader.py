#!/usr/bin/env python3
"""Reads a release manifest with nothing of ours: CBOR by cbor2, the signature by cryptography, the bytes put together again after
docs/suit-profile.md. Prints what the manifest says as JSON.

    suit_reader.py ENVELOPE KEY.pem TENANT PRODUCT CLASS"""

import hashlib
import json
import sys
import uuid

import cbor2
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils


def encode(value):
    return cbor2.dumps(value, canonical=False)


def parameters_of(image, vendor, device_class, least):
    """The map of one image, its keys in the order of their encodings."""
    pairs = [(1, vendor), (2, device_class), (3, encode([-16, image["digest"]])), (14, image["size"]),
             (21, "firmware/images/" + image["digest"].hex()), (-257, image["version"])]
    if image["counter"] is not None:
        pairs.append((-258, image["counter"]))
    pairs.append((-259, image["format"]))
    if least is not None:
        pairs.append((-260, least))
    pairs.append((-261, image["part"]))
    assert [encode(key) for key, _ in pairs] == sorted(encode(key) for key, _ in pairs)
    return dict(pairs)


def main():
    path, pem, tenant, product, word = sys.argv[1:]
    with open(path, "rb") as file:
        raw = file.read()
    with open(pem, "rb") as file:
        key = serialization.load_pem_public_key(file.read())
    vendor = uuid.uuid5(uuid.NAMESPACE_DNS, tenant)
    device_class = uuid.uuid5(vendor, product + ("/" + word if word else "")).bytes

    envelope = cbor2.loads(raw)
    assert envelope.tag == 107 and list(envelope.value) == [2, 3]
    digest, block = cbor2.loads(envelope.value[2])
    manifest = envelope.value[3]
    assert digest == encode([-16, hashlib.sha256(encode(manifest)).digest()]), "the digest of the manifest"
    signed = cbor2.loads(block)
    protected, unprotected, payload, signature = signed.value
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert signed.tag == 18 and unprotected == {} and payload is None
    assert protected == encode({1: -9, 4: hashlib.sha256(spki).digest()}), "the protected header"
    key.verify(utils.encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")),
               encode(["Signature1", protected, b"", digest]), ec.ECDSA(hashes.SHA256()))

    said = cbor2.loads(manifest)
    common = cbor2.loads(said[3])
    shared = cbor2.loads(common[4])
    images, least = [], None
    for place in range(len(common[2])):
        values = shared[4 * place + 3]
        least = values.get(-260)
        images.append({"digest": cbor2.loads(values[3])[1], "size": values[14], "version": values[-257], "counter": values.get(-258),
                       "format": values[-259], "part": values[-261]})
    places = range(len(images))
    again_shared = [item for place in places for item in (12, place, 20, parameters_of(images[place], vendor.bytes, device_class, least))]
    again = encode({1: 1, 2: said[2],
                    3: encode({2: [[str(place).encode()] for place in places], 4: encode(again_shared + [1, 15, 2, 15])}),
                    7: encode([item for place in places for item in (12, place, 3, 15)]),
                    20: encode([item for place in places for item in (12, place, 21, 15, 3, 15)])})
    whole = encode(cbor2.CBORTag(107, {2: encode([digest, encode(cbor2.CBORTag(18, [protected, {}, None, signature]))]), 3: again}))
    assert whole == raw, "the envelope is not byte for byte the profile"
    for image in images:
        image["digest"] = image["digest"].hex()
    print(json.dumps({"sequence": said[2], "min_sequence": least, "images": images}))


if __name__ == "__main__":
    main()
