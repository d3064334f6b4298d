#!/usr/bin/env python3
"""CMP messages that no client makes (tests/e2e/test_cmp_bad.sh). A valid one of OpenSSL's client is taken apart, changed, protected
again by `openssl dgst`, and sent over one connection; what came is checked against what RFC 9810 and docs/cmp.md say of it.

cmp_by_hand.py HOST:PORT ANCHOR FOLDER: FOLDER holds NAME.der, NAME.key and NAME.crt for the names below. Prints a line a check."""
import hashlib
import http.client
import os
import ssl
import subprocess
import sys
import time

from der import children, inside, tlv

(HOST, ANCHOR, FOLDER) = sys.argv[1:4]
SEQUENCE, INTEGER, BITS, OCTETS, NULL, OID, UTF8 = 0x30, 2, 3, 4, 5, 6, 12
IR, IP, KUP, PKICONF, ERROR, CERTCONF, POLLREQ = 0, 1, 8, 19, 23, 24, 25
ALGORITHM, SENDER_KID, TRANSACTION, SENDER_NONCE, RECIP_NONCE = 0xa1, 0xa2, 0xa4, 0xa5, 0xa6
FAILURES = {0: "badAlg", 1: "badMessageCheck", 2: "badRequest", 4: "badCertId", 5: "badDataFormat", 9: "badPOP", 10: "certRevoked",
            12: "wrongIntegrity", 13: "badRecipientNonce", 19: "badCertTemplate", 21: "transactionIdInUse", 23: "notAuthorized",
            24: "systemUnavail"}
SHA256_WITH_ECDSA = bytes.fromhex("300a06082a8648ce3d040302")
SHA1_WITH_ECDSA = bytes.fromhex("300906072a8648ce3d0401")
SHA256 = bytes.fromhex("300b0609608648016503040201")
HMAC_SHA256 = bytes.fromhex("300a06082a864886f70d0209")
PBM = bytes.fromhex("06092a864886f67d07420d")


def path(name):
    return os.path.join(FOLDER, name)


def read(name):
    with open(path(name), "rb") as file:
        return file.read()


class Message:
    """header: pvno, sender and recipient, then the tagged fields by their tag."""
    def __init__(self, der):
        parts = children(der)
        header = children(parts[0])
        self.start, self.fields = header[:3], {field[0]: field for field in header[3:]}
        self.body = parts[1]
        self.protection = next((p for p in parts[2:] if p[0] == 0xa0), b"")
        self.extra = next((p for p in parts[2:] if p[0] == 0xa1), b"")

    def copy(self):
        return Message(self.der())

    def header(self):
        return tlv(SEQUENCE, b"".join(self.start) + b"".join(self.fields[tag] for tag in sorted(self.fields)))

    def der(self):
        return tlv(SEQUENCE, self.header() + self.body + self.protection + self.extra)

    def get(self, tag):
        return inside(inside(self.fields[tag]))

    def put(self, tag, octets):
        self.fields[tag] = tlv(tag, tlv(OCTETS, octets))

    def certificates(self):
        return children(inside(self.extra)) if self.extra else []

    def sign(self, key, digest="sha256", algorithm=SHA256_WITH_ECDSA):
        self.fields[ALGORITHM] = tlv(ALGORITHM, algorithm)
        signature = subprocess.run(["openssl", "dgst", "-" + digest, "-sign", path(key + ".key")], check=True, capture_output=True,
                                   input=tlv(SEQUENCE, self.header() + self.body)).stdout
        self.protection = tlv(0xa0, tlv(BITS, b"\0" + signature))
        return self

    def unprotect(self):
        self.fields.pop(ALGORITHM, None)
        self.protection = b""
        return self

    def under_code(self, reference, iterations):
        """Protected by a MAC that is made up: whoever checks its cost first never computes it."""
        cost = tlv(INTEGER, iterations.to_bytes(iterations.bit_length() // 8 + 1, "big"))
        parameter = tlv(SEQUENCE, tlv(OCTETS, os.urandom(16)) + SHA256 + cost + HMAC_SHA256)
        self.fields[ALGORITHM] = tlv(ALGORITHM, tlv(SEQUENCE, PBM + parameter))
        self.put(SENDER_KID, reference)
        self.protection = tlv(0xa0, tlv(BITS, b"\0" + os.urandom(32)))
        self.extra = b""
        return self


class Server:
    def __init__(self):
        context = ssl.create_default_context(cafile=ANCHOR)
        context.check_hostname = False
        host, _, port = HOST.rpartition(":")
        self.connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=20)

    def send(self, body, kind="application/pkixcmp", method="POST", where="/.well-known/cmp"):
        """Status and body; the connection is kept, and made anew where the server closed it."""
        self.connection.request(method, where, body=body, headers={"Content-Type": kind} if kind else {})
        answer = self.connection.getresponse()
        return answer.status, answer.read()


def status_of(body):
    """PKIStatusInfo of an error, or of the one response in ip, cp or kup."""
    content = children(inside(body))
    return children(content[0] if body[0] & 0x1f == ERROR else children(children(content[-1])[0])[1])


def told(der):
    """What an answer says: "ok", or the names of the bits of its PKIFailureInfo."""
    body = Message(der).body
    kind = body[0] & 0x1f
    if kind == PKICONF:
        return "ok"
    if kind not in (IP, KUP, ERROR):
        return f"body {kind}"
    bits = [part[3:] for part in status_of(body) if part[0] == BITS]
    named = [8 * at + bit for octets in bits for at, octet in enumerate(octets) for bit in range(8) if octet & 0x80 >> bit]
    return " ".join(FAILURES.get(bit, str(bit)) for bit in named) or "granted"


def expect(what, got, *wanted):
    if got not in wanted:
        sys.exit(f"FAILED: {what}: got {got}, wanted {' or '.join(map(str, wanted))}")
    print(f"  ok  {what}")


def refused(server, what, message, *wanted):
    """An error of CMP, signed, with the transactionID of the message."""
    status, body = server.send(message.der())
    expect(what, told(body) if status == 200 else status, *wanted)
    answer = Message(body)
    if answer.body[0] & 0x1f == ERROR and (answer.get(TRANSACTION) != message.get(TRANSACTION) or not answer.protection):
        sys.exit(f"FAILED: {what}: the error is not protected, or of another transaction")


def fresh(message):
    """The same request in a transaction of its own."""
    again = message.copy()
    again.put(TRANSACTION, os.urandom(16))
    again.put(SENDER_NONCE, os.urandom(16))
    return again


def confirmation(answer, request, certificate):
    """certConf for the certificate of an answer."""
    message = request.copy()
    message.put(SENDER_NONCE, os.urandom(16))
    message.put(RECIP_NONCE, answer.get(SENDER_NONCE))
    status = tlv(SEQUENCE, tlv(OCTETS, hashlib.sha256(certificate).digest()) + tlv(INTEGER, b"\0"))
    message.body = tlv(0xa0 | CERTCONF, tlv(SEQUENCE, status))
    return message


def issued(answer):
    """The certificate of ip: CertRepMessage, its responses, certifiedKeyPair, certOrEncCert [0]."""
    responses = children(inside(answer.body))[-1]
    pair = children(children(responses)[0])[2]
    return inside(children(pair)[0])


def check_protection(server, request):
    turned = bytearray(request.protection)
    turned[-1] ^= 1
    spoilt = fresh(request).sign("birth")
    spoilt.protection = bytes(turned)
    refused(server, "a signature that does not hold", spoilt, "badMessageCheck")
    refused(server, "the key of somebody else", fresh(request).sign("other"), "badMessageCheck")
    refused(server, "a signature over SHA-1", fresh(request).sign("birth", "sha1", SHA1_WITH_ECDSA), "badAlg", "badMessageCheck")
    refused(server, "no protection", fresh(request).unprotect(), "wrongIntegrity")
    half = fresh(request).unprotect()
    half.protection = request.protection
    refused(server, "a protection whose algorithm is not named", half, "badRequest")
    other = fresh(request)
    other.extra = tlv(0xa1, tlv(SEQUENCE, read("other.der")))
    other.start[1] = other.start[1].replace(b"birth", b"other")
    refused(server, "the certificate of somebody else", other.sign("birth"), "badMessageCheck")
    began = time.monotonic()
    refused(server, "a MAC of 2^31 iterations", fresh(request).under_code(b"1234", 1 << 31), "badAlg", "badDataFormat")
    expect("… costs nothing", time.monotonic() - began < 1.0, True)
    refused(server, "a MAC of 2^31 - 1 iterations", fresh(request).under_code(b"1234", (1 << 31) - 1), "badAlg")
    refused(server, "an unknown reference", fresh(request).under_code(b"nobody", 500), "wrongIntegrity", "badMessageCheck", "notAuthorized")


def check_form(server, request):
    der = request.der()
    statuses = {server.send(der[:size])[0] for size in range(1, len(der))}
    expect(f"a message cut at each of its {len(der)} bytes", statuses, {400})
    # cut inside, with lengths that fit again: the header holds, and the answer is an error of CMP
    bodies = [request.body[:size] for size in (2, len(request.body) // 2)]
    for body in bodies:
        cut = fresh(request)
        cut.body = tlv(0xa0 | IR, inside(body))
        cut.sign("birth")
        refused(server, f"a request cut to {len(body)} bytes", cut, "badDataFormat") if len(body) == 2 else \
            expect("… to half of it", server.send(cut.der())[0], 400)
    expect("nothing", server.send(b"")[0], 400)
    expect("another content type", server.send(der, kind="application/octet-stream")[0], 415)
    expect("no content type", server.send(der, kind=None)[0], 415)
    expect("GET", server.send(None, method="GET")[0], 405)
    try:
        status = Server().send(b"\x30\x83\x0f\xff\xfb" + bytes((1 << 20) - 5))[0]
    except (ConnectionError, ssl.SSLError):
        status = 413  # closed while we still sent
    expect("a message of 1 MB", status, 413)


def check_transaction(server, request):
    """One that is honest, until it is confirmed: meanwhile everything that is not its own is refused."""
    status, body = server.send(fresh_der := request.der())
    answer = Message(body)
    expect("the honest request is answered", (status, answer.body[0] & 0x1f), (200, IP))
    certificate = issued(answer)
    good = confirmation(answer, request, certificate)
    elsewhere = good.copy()
    elsewhere.put(TRANSACTION, os.urandom(16))
    refused(server, "a confirmation of a transaction that is none", elsewhere.sign("birth"), "badRequest")
    old = good.copy()
    old.put(RECIP_NONCE, request.get(SENDER_NONCE))
    refused(server, "a nonce that was ours before", old.sign("birth"), "badRecipientNonce")
    stranger = good.copy()
    stranger.extra = tlv(0xa1, tlv(SEQUENCE, read("other.der")))
    refused(server, "a stranger's confirmation", stranger.sign("other"), "badRequest", "badMessageCheck", "notAuthorized")
    poll = good.copy()
    poll.body = tlv(0xa0 | POLLREQ, tlv(SEQUENCE, tlv(SEQUENCE, tlv(INTEGER, b"\0"))))
    refused(server, "pollReq where nothing waits", poll.sign("birth"), "badRequest")
    wrong = confirmation(answer, request, certificate + b"\0")
    refused(server, "the hash of another certificate", wrong.sign("birth"), "badCertId")
    again = Message(server.send(fresh_der)[1])
    expect("the request again gives the same certificate", issued(again), certificate)
    refused(server, "the nonce of the answer before", good.sign("birth"), "badRecipientNonce")
    again = Message(server.send(fresh_der)[1])
    final = confirmation(again, request, certificate).sign("birth")
    expect("the honest device gets through", told(server.send(final.der())[1]), "ok")
    refused(server, "its confirmation again", final, "badRequest")
    refused(server, "its request again", request, "transactionIdInUse", "notAuthorized")


def main():
    server = Server()
    if sys.argv[4] == "transaction":
        check_transaction(server, Message(read("ir.der")))
        return
    request = Message(read("ir.der"))
    check_protection(server, request)
    check_form(server, request)
    refused(server, "kur with a superseded certificate", Message(read("kur.der")), "certRevoked")


main()
