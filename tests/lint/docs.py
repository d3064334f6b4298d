#!/usr/bin/env python3
"""Paths that the documents name are there: links of Markdown, and `code` that begins with a folder of this tree. A page that points at
nothing sends a newcomer away. Braces and stars are patterns: each choice needs a match."""

import glob
import os
import re

from common import main, project_files, read

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
CODE = re.compile(r"`([^`\s]+)`")


def names_of(line, folders):
    """(name, is_link) of everything in a line that must exist; what is built is not there before."""
    found = [(name, True) for name in LINK.findall(line) if "://" not in name]
    for name in CODE.findall(line):
        top = name.split("/", 1)[0]
        if "/" in name and top in folders and top != "build" and re.fullmatch(r"[\w./*{},-]+", name):
            found.append((name, False))
    return found


def choices_of(name):
    brace = re.search(r"\{([^}]*)\}", name)
    if not brace:
        return [name]
    return [name[: brace.start()] + part + name[brace.end() :] for part in brace.group(1).split(",")]


def check(root):
    findings = []
    folders = {entry for entry in os.listdir(root) if os.path.isdir(os.path.join(root, entry))}
    for page in project_files(root, ".md"):
        here = os.path.dirname(os.path.join(root, page))
        for number, line in enumerate(read(root, page).split("\n"), 1):
            for name, is_link in names_of(line, folders):
                base = here if is_link else root
                if not all(glob.glob(os.path.join(base, choice)) for choice in choices_of(name)):
                    findings.append(f"{page}:{number}: names {name}, which is not there")
    return findings


CASES = [
    ({"fleet/a.c": "", "page.md": "[good](fleet/a.c) `fleet/a.c` `fleet/*.c` `not/ours.c` [web](https://x/y)\n"}, None),
    ({"fleet/a.c": "", "page.md": "\n[bad](fleet/b.c)\n"}, "page.md:2"),
    ({"fleet/a.c": "", "page.md": "`fleet/c.c`\n"}, "page.md:1"),
    ({"fleet/a.c": "", "page.md": "`fleet/{a,d}.c`\n"}, "page.md:1"),
]

if __name__ == "__main__":
    main(check, CASES)
