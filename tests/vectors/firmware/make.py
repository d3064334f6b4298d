#!/usr/bin/env python3
"""Makes the images of this folder: MCUboot and ESP-IDF ones byte by byte from the formats' descriptions, .swu and RAUC bundles with cpio, openssl
and rauc. Run it in an empty folder; the keys are new each time, so all of the folder is made anew.

Needs python3-cryptography, cpio, openssl, rauc, squashfs-tools."""

import hashlib
import json
import os
import struct
import subprocess
import sys
import zlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

PAYLOAD = bytes((7 * i + 3) % 251 for i in range(200))
SPKI = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def write(name, content):
    with open(name, "wb") as file:
        file.write(content)


def public_pem(name, key):
    write(name, key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))


def pss(key, digest):
    return key.sign(digest, padding.PSS(padding.MGF1(hashes.SHA256()), 32), utils.Prehashed(hashes.SHA256()))


# --- MCUboot


def tlv(kind, value):
    return struct.pack("<HH", kind, len(value)) + value


def mcuboot(version=(1, 4, 2, 7), counter=5, flags=0, protected=None, header=32):
    """Everything that is signed: header, payload, protected TLVs."""
    if protected is None:
        protected = tlv(0x50, struct.pack("<I", counter)) + tlv(0x40, struct.pack("<B3xBBHI", 1, 2, 0, 1, 0))
        protected += tlv(0x74, bytes(range(16))) + tlv(0x75, bytes(range(16, 32))) + tlv(0xA1, b"vendor")
    area = struct.pack("<HH", 0x6908, 4 + len(protected)) + protected if protected else b""
    head = struct.pack("<IIHHIIBBHII", 0x96F3B83D, 0, header, len(area), len(PAYLOAD), flags, *version, 0)
    return head.ljust(header, b"\0") + PAYLOAD + area


def plain_area(entries):
    return struct.pack("<HH", 0x6907, 4 + len(entries)) + entries


def key_name(key, make):
    form = SPKI if not isinstance(key, rsa.RSAPrivateKey) else (serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    return make(key.public_key().public_bytes(*form)).digest()


def sign_mcuboot(body, key, pure=False):
    is_384 = isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == "secp384r1"
    kind, make = (0x11, hashlib.sha384) if is_384 else (0x10, hashlib.sha256)
    digest = make(body).digest()
    entries = tlv(kind, digest) + tlv(0x01, key_name(key, make))
    if isinstance(key, rsa.RSAPrivateKey):
        return plain_area(entries + tlv(0x20 if key.key_size == 2048 else 0x23, pss(key, digest)))
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return plain_area(entries + tlv(0x22, key.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA384() if is_384 else hashes.SHA256())))))
    if pure:
        return plain_area(tlv(0x01, key_name(key, make)) + tlv(0x24, key.sign(body)) + tlv(0x25, b"\1"))
    return plain_area(entries + tlv(0x24, key.sign(digest)))


def make_mcuboot(keys):
    body = mcuboot()
    for name in ("p256", "p384", "rsa2048", "rsa3072", "ed25519"):
        write(f"mcuboot_{name}.bin", body + sign_mcuboot(body, keys[name]))
    write("mcuboot_pure.bin", body + sign_mcuboot(body, keys["ed25519"], pure=True))
    write("mcuboot_unsigned.bin", body + plain_area(tlv(0x10, hashlib.sha256(body).digest())))
    bare = mcuboot(version=(0, 9, 0, 0), protected=b"", header=64)
    write("mcuboot_plain.bin", bare + sign_mcuboot(bare, keys["p256"]))
    slot = (body + sign_mcuboot(body, keys["p256"])).ljust(2048 - 16, b"\xff")
    slot = slot[:-8] + b"\1" + slot[-7:] + bytes.fromhex("77c295f360d2ef7f3552500f2cb67980")
    write("mcuboot_padded.bin", slot)
    secret = mcuboot(flags=0x04)
    entries = sign_mcuboot(secret, keys["p256"])[4:] + tlv(0x32, bytes(113))
    write("mcuboot_encrypted.bin", secret[:32] + bytes(b ^ 0x5A for b in PAYLOAD) + secret[32 + len(PAYLOAD):] + plain_area(entries))


# --- ESP-IDF


def esp(version=b"2.1.0", secure_version=3, chip=5, hash_appended=1):
    text = struct.pack("<II8x32s32s16s16s32s32s", 0xABCD5432, secure_version, version, b"meter", b"12:00:00", b"Nov 25 2026", b"v5.3", bytes(range(32)))
    segments = [text.ljust(256, b"\0") + PAYLOAD, PAYLOAD[:100]]
    image = struct.pack("<BBBBIB3sHBHH4xB", 0xE9, len(segments), 2, 0x20, 0x40080000, 0xEE, b"\0\0\0", chip, 0, 0, 99, hash_appended)
    checksum = 0xEF
    for i, data in enumerate(segments):
        image += struct.pack("<II", 0x3F400020 + 0x10000 * i, len(data)) + data
        for byte in data:
            checksum ^= byte
    image = image.ljust(len(image) | 15, b"\0") + bytes([checksum])
    return image + hashlib.sha256(image).digest() if hash_appended else image


def esp_block(signed, key):
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        digest = hashlib.sha256(signed).digest()
        block = struct.pack("<BBxx32s384sI384sI384s", 0xE7, 2, digest, numbers.n.to_bytes(384, "little"), numbers.e,
                            pow(2, 2 * 3072, numbers.n).to_bytes(384, "little"), -pow(numbers.n, -1, 2 ** 32) % 2 ** 32, pss(key, digest)[::-1])
    else:
        size, make, algorithm, curve = (48, hashlib.sha384, hashes.SHA384(), 3) if key.curve.name == "secp384r1" else (32, hashlib.sha256, hashes.SHA256(), 2)
        digest = make(signed).digest()
        point = key.public_key().public_numbers()
        pair = utils.decode_dss_signature(key.sign(digest, ec.ECDSA(utils.Prehashed(algorithm))))
        block = struct.pack("<BBBx", 0xE7, 3, 1 if size == 48 else 0) + digest + bytes([curve])
        block += b"".join(number.to_bytes(size, "little") for number in (point.x, point.y, *pair))
        block = block.ljust(1196, b"\0")
    return block + struct.pack("<I16x", zlib.crc32(block))


def sign_esp(image, *keys):
    signed = image.ljust(-(-len(image) // 4096) * 4096, b"\xff")
    return signed + b"".join(esp_block(signed, key) for key in keys).ljust(4096, b"\xff")


def make_esp(keys):
    write("esp_unsigned.bin", esp())
    write("esp_no_hash.bin", esp(hash_appended=0))
    for name in ("rsa3072", "p256", "p384"):
        write(f"esp_{name}.bin", sign_esp(esp(), keys[name]))
    write("esp_two_keys.bin", sign_esp(esp(), keys["rsa3072"], keys["other_rsa3072"]))


# --- SWUpdate


def run(*arguments, text=None):
    return subprocess.run(arguments, check=True, input=text, capture_output=True).stdout


def certificate(name, usage, issuer=None):
    """A key and a certificate of a hundred years, self-signed or by another."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.crt",
               "-days", "36500", "-subj", f"/CN={name}"]
    extensions = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature"]
    if usage:
        extensions = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature", f"extendedKeyUsage={usage}"]
    for extension in extensions:
        command += ["-addext", extension]
    if issuer:
        run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        write(f"{name}.ext", "\n".join(extensions).encode())
        run("openssl", "x509", "-req", "-in", f"{name}.csr", "-CA", f"{issuer}.crt", "-CAkey", f"{issuer}.key", "-set_serial", "2", "-days", "36500", "-extfile", f"{name}.ext", "-out", f"{name}.crt")
    else:
        run(*command)


def description(sha256):
    return f"""software =
{{
	version = "3.1.4";
	description = "a gateway";
	hardware-compatibility: [ "1.0", "1.2" ];
	images: ( {{
		filename = "rootfs.img";
		device = "/dev/null";
		type = "raw";
		sha256 = "{sha256}";
	}} );
	scripts: ( {{
		filename = "after.sh";
		type = "shellscript";
		sha256 = "{hashlib.sha256(SCRIPT).hexdigest()}";
	}} );
}}
"""


SCRIPT = b"#!/bin/sh\nexit 0\n"


def pack(name, files, form="crc"):
    for file, content in files:
        write(file, content)
    archive = run("cpio", "-o", "-L", "--quiet", "-H", form, text="\n".join(file for file, _ in files).encode())
    write(name, archive)


def sign_cms(content, signer, *more):
    write("to_be_signed", content)
    return run("openssl", "cms", "-sign", "-in", "to_be_signed", "-signer", f"{signer}.crt", "-inkey", f"{signer}.key", "-outform", "DER", "-nosmimecap", "-binary", *more)


def make_swu(keys):
    image = PAYLOAD * 3
    text = description(hashlib.sha256(image).hexdigest()).encode()
    signature = sign_cms(text, "swu")
    files = [("sw-description", text), ("sw-description.sig", signature), ("rootfs.img", image), ("after.sh", SCRIPT)]
    pack("swu_signed.swu", files)
    pack("swu_newc.swu", files, "newc")
    pack("swu_unsigned.swu", [files[0], *files[2:]])
    bare = keys["rsa2048"].sign(text, padding.PKCS1v15(), hashes.SHA256())
    pack("swu_rsa.swu", [files[0], ("sw-description.sig", bare), *files[2:]])
    model = {"software": {"version": "3.2.0", "hardware-compatibility": ["1.0"], "images": [{"filename": "rootfs.img", "type": "raw", "device": "/dev/null", "sha256": hashlib.sha256(image).hexdigest()}]}}
    text = json.dumps(model).encode()
    pack("swu_json.swu", [("sw-description", text), ("sw-description.sig", sign_cms(text, "swu")), files[2]])


# --- RAUC


def make_rauc():
    os.makedirs("bundle", exist_ok=True)
    write("bundle/rootfs.img", b"".join(hashlib.sha256(bytes([i])).digest() for i in range(256)) * 3)
    for form in ("plain", "verity"):
        write("bundle/manifest.raucm", f"[update]\ncompatible=gateway\nversion=5.0.1\ndescription=a gateway\nbuild=20261125\n\n[bundle]\nformat={form}\n\n[image.rootfs]\nfilename=rootfs.img\n".encode())
        run("rauc", "--cert=rauc.crt", "--key=rauc.key", "bundle", "bundle", f"rauc_{form}.raucb")


def main():
    if os.listdir("."):
        sys.exit("run this in an empty folder")
    keys = {"p256": ec.generate_private_key(ec.SECP256R1()), "p384": ec.generate_private_key(ec.SECP384R1()), "ed25519": ed25519.Ed25519PrivateKey.generate()}
    for name, size in (("rsa2048", 2048), ("rsa3072", 3072), ("other_rsa3072", 3072)):
        keys[name] = rsa.generate_private_key(65537, size)
    for name, key in keys.items():
        public_pem(f"{name}.pub.pem", key)
    make_mcuboot(keys)
    make_esp(keys)
    certificate("authority", "")
    certificate("swu", "emailProtection")
    certificate("rauc", "codeSigning", "authority")
    certificate("stranger", "codeSigning")
    certificate("web", "serverAuth")
    make_swu(keys)
    make_rauc()
    for name in os.listdir("."):
        if name.endswith((".key", ".csr", ".ext")) or name in ("to_be_signed", "sw-description", "sw-description.sig", "rootfs.img", "after.sh"):
            os.remove(name)
    run("rm", "-r", "bundle")


if __name__ == "__main__":
    main()
