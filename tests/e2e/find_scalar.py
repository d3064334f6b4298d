#!/usr/bin/env python3
"""Whether the private scalar of a P-256 key stands in the memory of a process, in either order of its bytes: find_scalar.py PID KEY.pem"""

import subprocess
import sys

pid, key = sys.argv[1:]
text = subprocess.run(["openssl", "pkey", "-in", key, "-text", "-noout"], capture_output=True, text=True, check=True).stdout
scalar = bytes.fromhex("".join(text.split("priv:")[1].split("pub:")[0].split()).replace(":", "").zfill(64)[-64:])
found = 0
with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
    for line in maps:
        span, rights = line.split()[:2]
        start, end = (int(part, 16) for part in span.split("-"))
        if rights[0] != "r" or start >= 1 << 63:
            continue
        try:
            memory.seek(start)
            held = memory.read(end - start)
        except (OSError, ValueError):
            continue
        found += held.count(scalar) + held.count(scalar[::-1])
print(found)
