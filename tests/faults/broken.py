"""The controls: servers that are broken on purpose. A test that does not notice them notices nothing."""

import errno
import time

from server import SYNC, Gone, Lost
from sweep import Row, Scene, sweep
from visit import Visitor

EARLY = ("hand_over", "pause")


class PatientVisitor(Visitor):
    def pause(self, _):
        """Longer than its commits come late: what is missing then is lost."""
        time.sleep(0.1)


def rows(options):
    yield early(options)
    yield leaking(options)
    yield cut_short(options)


def early(options):
    """It answers before it commits (the library of the power cuts makes it so)."""
    options.sample = 6
    honest, options.preload = options.preload, options.preload + ":" + options.broken
    scene = Scene(options, PatientVisitor, first=EARLY, WHORL_CONTROL="early")
    options.preload = honest
    try:
        return sweep(scene, "an answer before its commit", SYNC, errno.EIO, visits=EARLY)
    finally:
        scene.close()


def leaking(options):
    """It loses a descriptor with every connection."""
    scene = Scene(options)
    row = Row("a descriptor that is lost")
    try:
        scene.control.leak(True)
        scene.visitor.visit()
        scene.visitor.settle()
        scene.is_calm()
    except (Lost, Gone) as loss:
        row.lose(str(loss))
    scene.close()
    return row


def cut_short(options):
    """An inventory of one page."""
    scene = Scene(options)
    row = Row("an inventory that is cut short")
    scene.server.stop()
    with open(scene.house.data + "/inventory.db", "r+b") as file:
        file.truncate(4096)
    try:
        scene.house.verify()
    except Lost as loss:
        row.lose(str(loss))
    scene.close()
    return row
