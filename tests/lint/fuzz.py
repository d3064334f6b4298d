#!/usr/bin/env python3
"""Every fuzz target has kept inputs and a row in the table of what comes from outside (docs/threat-model.md), and the table and the kept
inputs name no target that is not there: a list with a hole in it would be believed."""

import re

from common import main, project_files, read

PAGE = "docs/threat-model.md"
TARGET = re.compile(r"^tests/fuzz/fuzz_(\w+)\.c$")
CORPUS = re.compile(r"^tests/fuzz/corpus/(\w+)/")
NAMED = re.compile(r"`fuzz_(\w+)`")


def names(pattern, paths):
    return {match.group(1) for match in map(pattern.match, paths) if match}


def check(root):
    paths = project_files(root, "")
    targets, kept = names(TARGET, paths), names(CORPUS, paths)
    named = set(NAMED.findall(read(root, PAGE))) if PAGE in paths else set()
    return (
        [f"tests/fuzz/fuzz_{name}.c: no inputs in tests/fuzz/corpus/{name}/" for name in sorted(targets - kept)]
        + [f"tests/fuzz/fuzz_{name}.c: no row of {PAGE} names it" for name in sorted(targets - named)]
        + [f"tests/fuzz/corpus/{name}/: no target replays it" for name in sorted(kept - targets)]
        + [f"{PAGE}: fuzz_{name} is no target" for name in sorted(named - targets)]
    )


WHOLE = {"tests/fuzz/fuzz_a.c": "", "tests/fuzz/corpus/a/1": "x", PAGE: "| a | `fuzz_a` |\n"}
CASES = [
    (WHOLE, None),
    ({**WHOLE, PAGE: "none\n"}, "no row"),
    ({**WHOLE, PAGE: "`fuzz_a` `fuzz_b`\n"}, "fuzz_b is no target"),
    ({**WHOLE, "tests/fuzz/corpus/b/1": "x"}, "no target replays"),
    ({"tests/fuzz/fuzz_a.c": "", PAGE: "`fuzz_a`\n"}, "no inputs"),
]

if __name__ == "__main__":
    main(check, CASES)
