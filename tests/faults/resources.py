"""A process that runs out of descriptors or threads."""

import errno
import resource
import socket
import time

from server import DESCRIPTOR, OPEN, SPAWN, THREAD, Gone, Lost
from sweep import Row, Scene, start_sweep, sweep
from visit import Visitor

FEW = 200  # descriptors


def rows(options):
    scene = Scene(options, may_close=True)
    try:
        yield sweep(scene, "descriptors: none at one call", DESCRIPTOR | OPEN, errno.EMFILE)
        yield sweep(scene, "descriptors: none from one call on", DESCRIPTOR | OPEN, errno.EMFILE, is_lasting=True)
    finally:
        scene.close()
    yield few(options)
    yield start_sweep(options, "start: no descriptor at one call", DESCRIPTOR | OPEN, errno.EMFILE)
    yield start_sweep(options, "start: no thread at one call", THREAD, errno.EAGAIN)
    yield start_sweep(options, "start: no process at one call", SPAWN, errno.EAGAIN)


def few(options):
    """A limit that clients reach: they wait or are closed, those that are served are served well, and it recovers at once."""
    row = Row(f"descriptors: a limit of {FEW}")
    scene = Scene(options, Visitor, may_close=True, limits=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, FEW)))
    row.times = 1
    held = []
    try:
        scene.house.mark_log()
        for _ in range(2 * FEW):
            client = socket.socket()
            client.settimeout(5)
            client.connect(scene.server.place("public"))
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            held.append(client)
        time.sleep(0.3)
        scene.visitor.api.timeout_s = 1
        scene.visitor.visit()
        for client in held:
            client.close()
        scene.visitor.api.timeout_s = 20
        scene.visitor.settle()
        scene.visitor.visit()
        if not scene.visitor.acknowledged:
            raise Lost("nothing is served afterwards")
        scene.visitor.settle()
    except (Lost, Gone, OSError) as loss:
        row.lose(repr(loss))
    row.acknowledged = scene.visitor.acknowledged
    scene.conclude(row)
    scene.close()
    return row
