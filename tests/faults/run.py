#!/usr/bin/env python3
"""Every fault but a power cut (that is tests/chaos): real requests of a real server while one thing fails, and everything that was
acknowledged asked again when it does not. Prints a table.

The library of preload/ makes the n-th call of a kind fail; the disk, descriptors, threads and memory are tried at each position that a
visit (visit.py) or a start has, or at --sample of them. A control is a server that is broken on purpose and must be noticed.

  run.py [--controls] [--only disk,resources,…] [--sample N] [--sample-memory N] [--seed S] [--json FILE] [--build DIR]
"""

import argparse
import importlib
import json
import os
import random
import shutil
import sys
import tempfile
import time

FAMILIES = ("disk", "resources", "memory", "clients", "process")


def read_options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--only", default=",".join(FAMILIES))
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--sample-memory", type=int, default=0)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 20))
    parser.add_argument("--json")
    parser.add_argument("--controls", action="store_true")
    options = parser.parse_args()
    options.whorld = os.path.abspath(os.path.join(options.build, "whorld"))
    options.preload = os.path.abspath(os.path.join(options.build, "faults", "faults.so"))
    options.broken = os.path.abspath(os.path.join(options.build, "chaos", "controls.so"))
    return options


def print_row(row):
    print(f"{row.fault:<48} {row.times:>7} {row.acknowledged:>13} {row.lost:>6}", *row.losses, sep="\n    LOST ", flush=True)


def controls(options):
    """Servers that are broken on purpose. @return whether each was noticed"""
    import broken
    are_noticed = True
    for row in broken.rows(options):
        print(f"control {row.fault}: noticed {row.lost} times" + (f", such as: {row.losses[0][:200]}" if row.losses else ""))
        are_noticed = are_noticed and row.lost > 0
    return are_noticed


def main():
    options = read_options()
    options.work = tempfile.mkdtemp(prefix="whorl-faults.")
    begun, rows = time.monotonic(), []
    if options.controls:
        try:
            return 0 if controls(options) else 1
        finally:
            shutil.rmtree(options.work, ignore_errors=True)
    print(f"{'fault':<48} {'times':>7} {'acknowledged':>13} {'lost':>6}")
    try:
        for name in options.only.split(","):
            for row in importlib.import_module(name).rows(options):
                rows.append(row)
                print_row(row)
    finally:
        shutil.rmtree(options.work, ignore_errors=True)
    losses = [loss for row in rows for loss in row.losses]
    print(f"seed {options.seed}: {sum(row.times for row in rows)} faults, {sum(row.acknowledged for row in rows)} acknowledged answers asked for again, "
          f"{len(losses)} losses, {time.monotonic() - begun:.0f} s")
    if options.json:
        with open(options.json, "w", encoding="ascii") as file:
            json.dump({"seed": options.seed, "faults": [row.as_json() for row in rows]}, file, indent=1)
    return 1 if losses else 0


if __name__ == "__main__":
    sys.exit(main())
