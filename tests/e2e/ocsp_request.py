#!/usr/bin/env python3
"""OCSP requests that no client makes: ocsp_request.py ISSUER-DER SERIAL… [--sha1] [--nonce OCTETS] [--slashes N] writes DER, or with
--url the path of a GET (base64, percent-escaped as --url says: none, all, slash)."""
import argparse
import base64
import hashlib
import subprocess
import sys
from urllib.parse import quote

from der import children, inside, tlv


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("issuer")
    parser.add_argument("serial", nargs="+", help="hex")
    parser.add_argument("--sha1", action="store_true")
    parser.add_argument("--nonce", type=int)
    parser.add_argument("--url", choices=("none", "all", "slash"))
    parser.add_argument("--slashes", action="store_true", help="lengthen the request until its base64 has // in it")
    o = parser.parse_args()
    text = subprocess.run(["openssl", "x509", "-in", o.issuer, "-outform", "DER"], capture_output=True, check=True).stdout
    fields = children(children(text)[0])
    subject, key = fields[5], inside(children(fields[6])[1])[1:]  # without the count of unused bits
    name, md = ("2b0e03021a", hashlib.sha1) if o.sha1 else ("608648016503040201", hashlib.sha256)
    algorithm = tlv(0x30, tlv(0x06, bytes.fromhex(name)) + b"\x05\x00")
    requests = b""
    for serial in o.serial:
        number = bytes.fromhex(serial)
        number = b"\0" + number if number[0] & 0x80 else number
        requests += tlv(0x30, tlv(0x30, algorithm + tlv(4, md(subject).digest()) + tlv(4, md(key).digest()) + tlv(2, number)))
    extensions = b""
    if o.nonce is not None:
        extensions += tlv(0x30, tlv(6, bytes.fromhex("2b0601050507300102")) + tlv(4, tlv(4, b"\x5a" * o.nonce)))

    def build(more):
        tagged = tlv(0xA2, tlv(0x30, extensions + more)) if extensions + more else b""
        return tlv(0x30, tlv(0x30, tlv(0x30, requests) + tagged))

    der = build(b"")
    pad = 0
    while o.slashes and b"//" not in base64.b64encode(der):
        pad += 1  # an extension that nobody knows, of many ones
        der = build(tlv(0x30, tlv(6, b"\x2a\x03\x04") + tlv(4, b"\xff" * (2 + pad))))
    if not o.url:
        sys.stdout.buffer.write(der)
        return
    path = base64.b64encode(der).decode()
    print({"none": path, "all": quote(path, safe=""), "slash": path.replace("/", "%2F")}[o.url])


main()
