#!/usr/bin/env python3
"""Kinds of records stand in one table (fleet/event_kinds.c): in order, every one that fleet/ writes among them, and docs/events.md says the
same. With --write the page's table is made anew."""

import re
import sys

from common import PART_END, kinds_findings, main, part, project_files, read, remake, strip_c

TABLE, PAGE = "fleet/event_kinds.c", "docs/events.md"
ROW = re.compile(r'\{"([a-z_.]+)",\s*(EVENT_\w+),\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\}')
KIND = re.compile(r"[a-z_]+\.[a-z_]+")
# what is written: a literal after `.kind =` (either side of a choice), or one that tells of something done
WRITTEN = re.compile(r'\.kind = (?:[^;,"]*\?\s*)?"([^"\n]+)"(?:\s*:\s*"([^"\n]+)")?')
DONE = re.compile(r'"([a-z_]+\.[a-z_]*(?:ed|set|sent))"')
BEGIN = "<!-- made by tests/lint/events.py --write -->"


def rows(root):
    text = strip_c(read(root, TABLE), keep_strings=True)
    return [(kind, reach, "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', words))) for kind, reach, words in ROW.findall(text)]


def page_table(table):
    lines = ["| Type | What it says |", "|---|---|"]
    return "\n".join(lines + [f"| `{kind}` | {words} |" for kind, reach, words in table if reach == "EVENT_FED"])


def written(root):
    for path in project_files(root, ".c"):
        if path.startswith("fleet/") and path != TABLE:
            text = strip_c(read(root, path), keep_strings=True)
            found = {kind for pair in WRITTEN.findall(text) for kind in pair if KIND.fullmatch(kind)} | set(DONE.findall(text))
            yield from ((path, kind) for kind in sorted(found))


def check(root):
    table = rows(root)
    findings = kinds_findings(TABLE, [row[0] for row in table], written(root))
    if part(BEGIN, page_table(table)) not in read(root, PAGE):
        findings.append(f"{PAGE}: its table is not that of {TABLE}: python3 tests/lint/events.py --write")
    return findings


def _case(code, table='{"a.added", EVENT_FED, "An "\n "a"}, {"b.noted", EVENT_NOTE, "x"}', page="| `a.added` | An a |"):
    return {"fleet/a.c": code, TABLE: table, PAGE: f"{BEGIN}\n| Type | What it says |\n|---|---|\n{page}\n{PART_END}\n"}


CASES = [
    (_case('x = {.kind = "a.added"}; record(tx, "b.noted"); f("a.add");\n'), None),
    (_case('x = {.kind = "a.gone"};\n'), "a.gone stands in no row"),
    (_case('x = {.kind = is_new ? "a.added" : "a.other"};\n'), "a.other stands in no row"),
    (_case('record(tx, "a.removed");\n'), "a.removed stands in no row"),
    (_case("", '{"b.added", EVENT_FED, "x"}, {"a.added", EVENT_FED, "An a"}'), "a.added stands behind b.added"),
    (_case("", page="| `a.added` | A b |"), "its table is not"),
]

if __name__ == "__main__":
    if "--write" in sys.argv:
        remake(PAGE, {BEGIN: page_table(rows("."))})
    else:
        main(check, CASES)
