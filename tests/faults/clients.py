"""Clients that reset at a byte, close half, or send a byte at a time: at each byte that goes out and each that comes in, of a handshake and
of a request of each protocol. Afterwards nothing of them is left, and the server answers as before."""

import os
import random
import time

from protocols import ProtocolVisitor
from server import Gone, Lost
from sweep import Row, Scene
from visit import run
from wire import Wire, converse

SETTLE_S = 5


def rows(options):
    scene = Scene(options, ProtocolVisitor)
    try:
        for name, case in cases(scene).items():
            yield resets(scene, name, case)
        yield half_closed(scene)
        yield slow(scene)
    finally:
        scene.close()


def text(method, path, headers="", body=b"", token=None):
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{bearer}{headers}{length}\r\n".encode() + body


def cases(scene):
    """(listener, request, context, how many bytes of the answer are enough: None for all)"""
    visitor = scene.visitor
    token, ca = scene.house.token, scene.house.ca
    device, operator = visitor.speaker.context(ca), visitor.api.context
    birth = visitor.device.context(ca)
    ask = lambda method, path, headers="", body=b"": text(method, path, headers, body, token)
    firmware = os.urandom(3000)
    return {
        "public, CRL": ("public", text("GET", "/crl/device.crl"), None, None),
        "EST enrolment": ("device", text("POST", "/.well-known/est/simpleenroll", "Content-Type: application/pkcs10\r\n", visitor.device.csr()), birth, None),
        "CMP": ("device", text("POST", "/.well-known/cmp", "Content-Type: application/pkixcmp\r\n", cmp_request(scene)), birth, None),
        "DDI poll": ("device", text("GET", "/default/controller/v1/" + visitor.speaker.identity), device, None),
        "REST change": ("management", ask("POST", "/api/v1/batches", "Content-Type: application/json\r\n", b'{"devices":["%s"]}' % (b"ab" * 32)), operator, None),
        "REST upload": ("management", ask("POST", "/api/v1/firmware/images?product=default&filename=c&format=raw&version=3.3",
                                          "Content-Type: application/octet-stream\r\n", firmware), operator, None),
        "download": ("management", ask("GET", visitor.image_path), operator, None),
        "event stream": ("management", ask("GET", "/api/v1/events", "Accept: text/event-stream\r\n"), operator, 400),
    }


def cmp_request(scene):
    """The first message of OpenSSL's client, as it sends it."""
    out, key = os.path.join(scene.house.root, "cmp.req"), scene.visitor.device.key
    host = scene.server.device.split("//")[1].replace("127.0.0.1", "localhost")
    try:
        run("openssl", "cmp", "-cmd", "ir", "-server", host, "-tls_used", "-tls_trusted", scene.house.ca, "-path", ".well-known/cmp", "-trusted", scene.house.ca,
            "-ignore_keyusage", "-cert", scene.visitor.device.crt, "-key", key, "-newkey", scene.visitor.device.next, "-recipient", "/CN=whorl", "-subject", "/CN=any",
            "-msg_timeout", "10", "-reqout", out, "-certout", out + ".crt")
    except OSError as error:
        raise Lost(f"openssl cmp: {error}") from error
    except Exception:  # its end does not matter, the message does
        pass
    with open(out, "rb") as file:
        return file.read()


def places(options, total, salt):
    """Each byte, or some of them."""
    sample = options.sample * 3
    if not sample or total <= sample:
        return list(range(total))
    return sorted(random.Random(options.seed + salt).sample(range(total), sample))


def resets(scene, name, case):
    row = Row("reset: " + name)
    listener, request, context, enough = case
    place = scene.server.place(listener)
    sent, received, answer = converse(place, request, context, enough)
    if not answer or not answer.startswith(b"HTTP/1.1 "):
        row.lose(f"without a reset: {answer!r}")
        return row
    before = scene.server.memory_kib()
    options = scene.options
    most = None if options.sample else 3000  # of a long answer, the bytes of its beginning each, then some
    for limit in ([{"out_limit": n} for n in places(options, sent, 1)] + [{"in_limit": n} for n in places(options, min(received, most or received), 2)]):
        converse(place, request, context, enough, **limit)
        row.times += 1
    try:
        scene.wait_calm(SETTLE_S)
        again = converse(place, request, context, enough)[2]
        if not again or again[:9] != answer[:9]:
            raise Lost(f"it does not answer as before: {again!r}")
        if scene.server.memory_kib() > before + (24 << 10):
            raise Lost(f"{scene.server.memory_kib()} KiB of memory, there were {before}")
        acknowledged = scene.visitor.acknowledged
        scene.visitor.visit(("hand_over", "enrol", "read"))
        scene.visitor.settle()
        row.acknowledged = scene.visitor.acknowledged - acknowledged
        if row.acknowledged != 5:
            raise Lost(f"of five requests afterwards {row.acknowledged} are answered")
    except (Lost, Gone) as loss:
        row.lose(f"afterwards: {loss}")
        scene.revive()
    return row


def half_closed(scene):
    """Who has said all and closes that way gets the whole answer."""
    row = Row("half-closed after the request")
    listener, request, _, _ = cases(scene)["public, CRL"]
    for _ in range(20):
        wire = Wire(scene.server.place(listener))
        wire.send(request)
        wire.half_close()
        row.times += 1
        if not wire.answer().startswith(b"HTTP/1.1 200"):
            row.lose("no answer")
        else:
            row.acknowledged += 1
        wire.close()
    for _ in range(20):  # in the middle of one: it is over
        wire = Wire(scene.server.place(listener))
        wire.send(request[:20])
        wire.half_close()
        row.times += 1
        wire.answer()
        wire.close()
    end(scene, row)
    return row


def slow(scene):
    """A byte at a time, of a handshake and of a request."""
    row = Row("a byte at a time")
    for listener, request, context, enough in cases(scene).values():
        row.times += 1
        answer = converse(scene.server.place(listener), request[:4000], context, enough, piece=1)[2] if len(request) < 4000 else b"HTTP/1.1 2"
        if not answer or not answer.startswith(b"HTTP/1.1 "):
            row.lose(f"{request[:40]!r}: {answer!r}")
        else:
            row.acknowledged += 1
    end(scene, row)
    return row


def end(scene, row):
    try:
        time.sleep(0.05)
        scene.wait_calm(SETTLE_S)
    except Lost as loss:
        row.lose(str(loss))
