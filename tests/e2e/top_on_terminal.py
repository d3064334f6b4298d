#!/usr/bin/python3
"""`whorl top` on a terminal of its own: what is on its screen, at its size, and what is left behind.

top_on_terminal.py WAY PROGRAM ARGUMENTS…
  quit      q ends it                       resize    the terminal gets smaller, and every line fits
  int, term, hup                            that signal ends it, and the program too
  stop      stopped by ^Z it gives the terminal back, and takes it again when it goes on

The terminal is as it was afterwards, or this says what is not."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

ON, OFF = b"\x1b[?1049h", b"\x1b[?1049l"
way, argv = sys.argv[1], sys.argv[2:]


def resize(fd, lines, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


pid, fd = pty.fork()
if pid == 0:
    time.sleep(0.2)  # until its size and its ways are set
    os.execv(argv[0], argv)
resize(fd, 40, 120)
ways_before = termios.tcgetattr(fd)
shown = b""


def until(what, after=0):
    """Reads until `what` is in what came since; gives the place behind it."""
    global shown
    end = time.time() + 20
    while what not in shown[after:]:
        if time.time() > end:
            sys.exit(f"{what!r} did not come: {shown[after:]!r}")
        if select.select([fd], [], [], 0.1)[0]:
            try:
                piece = os.read(fd, 65536)
            except OSError:
                sys.exit(f"it ended before {what!r}: {shown[after:]!r}")
            shown += piece
    return shown.index(what, after) + len(what)


def rest():
    global shown
    while True:
        try:
            piece = os.read(fd, 65536)
        except OSError:
            return
        if not piece:
            return
        shown += piece


def page(after):
    """The next whole page, as lines without orders."""
    begin = until(b"\x1b[H", after)
    end = until(b"\x1b[J", begin)
    text = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", shown[begin:end]).decode()
    lines = text.split("\r\n")
    if lines.pop() != "":
        sys.exit("the last line of a page has no end")
    return lines, end


def check_ways(where):
    if termios.tcgetattr(fd)[:4] != ways_before[:4]:
        sys.exit(f"the terminal is not as it was {where}")


until(ON)
lines, place = page(0)
if not lines[0].startswith("whorl top "):
    sys.exit(f"the first line is {lines[0]!r}")
if termios.tcgetattr(fd)[3] & (termios.ECHO | termios.ICANON):
    sys.exit("keys are shown, or wait for the end of a line")
lines, place = page(place)
if len(lines) > 39 or not any(re.match(r"requests/s +all [0-9]", line) for line in lines):
    sys.exit("the second page has no rates: " + "\n".join(lines))
want = 0
if way == "resize":
    resize(fd, 9, 33)
    deadline = time.time() + 15
    while len(lines) > 8 or max(map(len, lines)) > 32:
        if time.time() > deadline:
            sys.exit("it does not fit: " + "\n".join(f"{len(line):3} {line}" for line in lines))
        lines, place = page(place)
    if not re.match(r"… [0-9]+ more lines", lines[-1]):
        sys.exit(f"nothing says what is missing: {lines[-1]!r}")
    resize(fd, 40, 120)
    while len(lines) <= 8:
        lines, place = page(place)
    os.write(fd, b"q")
elif way == "stop":
    os.write(fd, b"\x1a")
    place = until(OFF, place)
    _, status = os.waitpid(pid, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        sys.exit(f"^Z did not stop it: {status}")
    check_ways("while it is stopped")
    os.kill(pid, signal.SIGCONT)
    place = until(ON, place)
    page(place)
    os.write(fd, b"xq")
elif way == "quit":
    os.write(fd, b"q")
else:
    number = {"int": signal.SIGINT, "term": signal.SIGTERM, "hup": signal.SIGHUP}[way]
    if way == "int":
        os.write(fd, b"\x03")
    else:
        os.kill(pid, number)
    want = -number
until(OFF, place)
check_ways("in the end")
rest()
_, status = os.waitpid(pid, 0)
if os.waitstatus_to_exitcode(status) != want:
    sys.exit(f"it ended with {os.waitstatus_to_exitcode(status)}, not {want}")
tail = shown[shown.rindex(OFF) + len(OFF):]
if tail.strip():
    sys.exit(f"something is left on the terminal: {tail!r}")
