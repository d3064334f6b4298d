"""A process that runs out of memory: one call of malloc, calloc or realloc fails while a request of each protocol is served."""

import errno

from protocols import ProtocolVisitor
from server import MEMORY
from sweep import Scene, sweep


def rows(options):
    scene = Scene(options, ProtocolVisitor, may_close=True)
    try:
        for kind in ProtocolVisitor.KINDS:
            yield sweep(scene, "memory: none at one call, " + kind.replace("_", " "), MEMORY, errno.ENOMEM, visits=(kind,))
    finally:
        scene.close()
