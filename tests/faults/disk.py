"""A disk that fails, fills up, does less than it is told, or is slow."""

import errno
import time

from server import MAKE, MAP, NAME, READ, RESERVE, SHORT, SYNC, TRUNCATE, WRITE, Lost
from sweep import Row, Scene, start_sweep, sweep

CALLS = (("write", WRITE), ("sync", SYNC), ("name", NAME), ("create", MAKE), ("read", READ))
SLOW_MS = (200, 2000)
STOP_SYNCS = 6  # of a stop: the last record and the journal, then the WAL into the inventory; each as slow as the disk


def rows(options):
    scene = Scene(options)
    try:
        for name, kind in CALLS:
            yield sweep(scene, f"disk: EIO at one {name}", kind, errno.EIO)
        for name, kind in (("write", WRITE), ("sync", SYNC), ("create", MAKE)):
            yield sweep(scene, f"disk: full at one {name}", kind, errno.ENOSPC)
        yield sweep(scene, "disk: full from one write on", WRITE, errno.ENOSPC, is_lasting=True)
        yield sweep(scene, "disk: EIO from one write on", WRITE, errno.EIO, is_lasting=True)
        yield sweep(scene, "disk: half of one write", WRITE, SHORT)
        yield sweep(scene, "disk: one write or read interrupted", WRITE | READ, errno.EINTR)
        yield slow(scene)
    finally:
        scene.close()
    everything = WRITE | SYNC | TRUNCATE | NAME | MAKE | RESERVE | MAP | READ
    yield start_sweep(options, "start: EIO at one call", everything, errno.EIO)
    yield start_sweep(options, "start: full at one call", WRITE | SYNC | TRUNCATE | MAKE | RESERVE, errno.ENOSPC)


def slow(scene):
    """Every sync takes long: writers wait, readers do not, nothing is lost, and it still stops at once."""
    row = Row("disk: syncs take %s" % " and ".join(f"{ms} ms" for ms in SLOW_MS[:1 if scene.options.sample else None]))
    visitor = scene.visitor
    for ms in SLOW_MS[:1 if scene.options.sample else None]:
        before = visitor.acknowledged
        scene.control.slow(ms)
        row.times += 1
        try:
            visitor.visit(("hand_over", "enrol"))
            begun = time.monotonic()
            for path in ("/healthz", "/readyz", "/crl/device.crl"):
                if visitor.api.public(path)[0] != 200:
                    raise Lost(f"{path} is not served")
            if time.monotonic() - begun > 1:  # three requests, each of which would wait for two syncs
                raise Lost("what is in memory waits for the disk")
            took = scene.server.stop()
            if took > max(5, STOP_SYNCS * ms / 1000 + 1):
                raise Lost(f"it needed {took:.1f} s to stop")
        except Lost as loss:
            row.lose(str(loss))
        scene.control.slow(0)
        scene.revive()
        row.acknowledged += visitor.acknowledged - before
        visitor.settle()
    scene.conclude(row)
    return row
