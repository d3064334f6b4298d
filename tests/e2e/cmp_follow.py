#!/usr/bin/env python3
"""What goes on with a CMP transaction, made from its request and the last answer: OpenSSL's client cannot be stopped in between.

cmp_follow.py confirm|reject REQUEST ANSWER KEY: DER of a certConf, signed by KEY (P-256), on standard output."""
import hashlib
import os
import subprocess
import sys

from der import children, inside, tlv

SEQUENCE, INTEGER, BITS, OCTETS, CERTCONF = 0x30, 2, 3, 4, 24
SENDER_NONCE, RECIP_NONCE, GENERAL, SIGNATURE, EXTRA = 0xa5, 0xa6, 0xa8, 0xa0, 0xa1
REJECTION = 2


def parts(path):
    with open(path, "rb") as file:
        return children(file.read())


def field(header, tag):
    return next(item for item in children(header)[3:] if item[0] == tag)


def certificate(answer):
    """Of ip or kup: CertRepMessage, its responses, certifiedKeyPair, certOrEncCert [0]."""
    responses = children(inside(answer[1]))[-1]
    return inside(children(children(children(responses)[0])[2])[0])


def body(verb, answer):
    state = tlv(SEQUENCE, tlv(INTEGER, bytes([REJECTION]))) if verb == "reject" else b""
    status = tlv(OCTETS, hashlib.sha256(certificate(answer)).digest()) + tlv(INTEGER, b"\0") + state
    return tlv(0xa0 | CERTCONF, tlv(SEQUENCE, tlv(SEQUENCE, status)))


def main(verb, request_path, answer_path, key):
    request, answer = parts(request_path), parts(answer_path)
    kept = [item for item in children(request[0]) if item[0] not in (SENDER_NONCE, RECIP_NONCE, GENERAL)]
    nonces = {SENDER_NONCE: tlv(SENDER_NONCE, tlv(OCTETS, os.urandom(16))),
              RECIP_NONCE: tlv(RECIP_NONCE, inside(field(answer[0], SENDER_NONCE)))}
    tagged = sorted(kept[3:] + list(nonces.values()), key=lambda item: item[0])
    header, content = tlv(SEQUENCE, b"".join(kept[:3] + tagged)), body(verb, answer)
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], check=True, capture_output=True,
                               input=tlv(SEQUENCE, header + content)).stdout
    extra = b"".join(item for item in request[2:] if item[0] == EXTRA)
    sys.stdout.buffer.write(tlv(SEQUENCE, header + content + tlv(SIGNATURE, tlv(BITS, b"\0" + signature)) + extra))


main(*sys.argv[1:5])
