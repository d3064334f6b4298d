#!/usr/bin/env python3
"""How often the private scalars of P-256 keys stand in the memory of a process, in either order of their bytes: find_scalar.py PID KEY.pem…"""

import re
import subprocess
import sys


def scalar_of(key):
    text = subprocess.run(["openssl", "pkey", "-in", key, "-text", "-noout"], capture_output=True, text=True, check=True).stdout
    return bytes.fromhex("".join(text.split("priv:")[1].split("pub:")[0].split()).replace(":", "").zfill(64)[-64:])


def spans_of(pid):
    """What is readable and anywhere at all, in memory or in swap: most of the stacks of threads is nowhere."""
    with open(f"/proc/{pid}/smaps", encoding="ascii") as maps:
        span, held = None, 0
        for line in maps:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (r?)", line)
            if head:
                start, end = int(head[1], 16), int(head[2], 16)
                span = (start, end) if head[3] and start < 1 << 63 else None
                held = 0
            elif span and line.startswith(("Rss:", "Swap:")):
                held += int(line.split()[1])
                if held and span:
                    yield span
                    span = None


pid, keys = sys.argv[1], sys.argv[2:]
scalars = [scalar_of(key) for key in keys]
found = [0] * len(keys)
with open(f"/proc/{pid}/mem", "rb", 0) as memory:
    for start, end in spans_of(pid):
        try:
            memory.seek(start)
            held = memory.read(end - start)
        except (OSError, ValueError):
            continue
        for i, scalar in enumerate(scalars):
            found[i] += held.count(scalar) + held.count(scalar[::-1])
print(*found)
