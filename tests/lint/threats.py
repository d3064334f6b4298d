#!/usr/bin/env python3
"""Each row of the threat model (docs/threat-model.md) names, in its last column, a test that is there: a file below tests/, not a folder, in
which anything could be meant. Whatever else the page names below tests/ is there too, and no threat stands there twice."""

import os
import re

from common import main, project_files, read

PAGE = "docs/threat-model.md"
BEGIN, END = "## Threats and controls", "\n## "
NAMED = re.compile(r"`(tests/[^`\s]+)`")
COLUMNS = 4


def rows(text):
    """The cells of each row of the table, without its head."""
    start = text.find(BEGIN)
    section = text[start:text.find(END, start + 1)] if start >= 0 else ""
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip().strip("|").split(" | ")] for line in lines[2:]]


def check(root):
    if PAGE not in project_files(root, ".md"):
        return [f"{PAGE} is not there"]
    text, findings, threats = read(root, PAGE), [], set()
    for cells in rows(text):
        if len(cells) != COLUMNS or not all(cells):
            findings.append(f"{PAGE}: a row of {len(cells)} columns, some of them empty perhaps: {cells[0][:80]}")
            continue
        if not any(os.path.isfile(os.path.join(root, path)) for path in NAMED.findall(cells[-1])):
            findings.append(f"{PAGE}: no test of this row is there: {cells[0][:80]}")
        if cells[0] in threats:
            findings.append(f"{PAGE}: twice: {cells[0][:80]}")
        threats.add(cells[0])
    if not threats:
        findings.append(f"{PAGE}: no table below \"{BEGIN}\"")
    missing = sorted({path for path in NAMED.findall(text) if not os.path.exists(os.path.join(root, path))})
    folders = sorted({path for cells in rows(text) for path in NAMED.findall(cells[-1]) if os.path.isdir(os.path.join(root, path))})
    return (findings + [f"{PAGE}: {path} is not there" for path in missing]
            + [f"{PAGE}: {path} is a folder: name the test" for path in folders])


HEAD = f"{BEGIN}\n\n| Threat | Control | Left over | Test |\n|---|---|---|---|\n"
ROW = "| theft | a lock | a thief | `tests/unit/test_a.c` |\n"
TESTS = {"tests/unit/test_a.c": ""}
CASES = [
    ({PAGE: HEAD + ROW, **TESTS}, None),
    ({PAGE: HEAD + ROW + "| fire | – | – | `tests/unit/test_a.c`, `tests/unit/test_b.c` |\n", **TESTS}, "test_b.c is not there"),
    ({PAGE: HEAD + "| theft | a lock | a thief | by looking |\n", **TESTS}, "no test of this row"),
    ({PAGE: HEAD + "| theft | a lock | a thief | `tests/unit/` |\n", **TESTS}, "is a folder"),
    ({PAGE: HEAD + "| theft | a lock | `tests/unit/test_a.c` |\n", **TESTS}, "a row of 3 columns"),
    ({PAGE: HEAD + ROW + ROW, **TESTS}, "twice"),
    ({PAGE: "# no table\n", **TESTS}, "no table below"),
    ({**TESTS}, "is not there"),
]

if __name__ == "__main__":
    main(check, CASES)
