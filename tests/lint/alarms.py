#!/usr/bin/env python3
"""Kinds of alarms stand in one table (fleet/alarm_kinds.c): in order, every one that fleet/ raises among them, and docs/revocation.md says
the same. With --write the page's table is made anew."""

import re
import sys

from common import PART_END, kinds_findings, main, part, project_files, read, remake, strip_c

TABLE, PAGE = "fleet/alarm_kinds.c", "docs/revocation.md"
TEXT = r'((?:"(?:[^"\\]|\\.)*"\s*)+)'
ROW = re.compile(r'\{"([a-z_.]+)",\s*' + TEXT + r",\s*" + TEXT + r"\}")
# a struct alarm names its kind first, as does a row of things that end
RAISED = re.compile(r'struct alarm\)?\s*\w*\s*(?:= )?\(?\{\s*\.kind = "([a-z_.]+)"|alarm = \{\s*\.kind = "([a-z_.]+)"')
BEGIN = "<!-- made by tests/lint/alarms.py --write -->"


def joined(literals):
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals))


def rows(root):
    text = strip_c(read(root, TABLE), keep_strings=True)
    return [(kind, joined(words), joined(remedy)) for kind, words, remedy in ROW.findall(text)]


def page_table(table):
    lines = ["| Kind | What is wrong | What to do |", "|---|---|---|"]
    return "\n".join(lines + [f"| `{kind}` | {words} | {remedy} |" for kind, words, remedy in table])


def raised(root):
    for path in project_files(root, ".c"):
        if path.startswith("fleet/") and path != TABLE:
            text = strip_c(read(root, path), keep_strings=True)
            yield from ((path, kind) for pair in RAISED.findall(text) for kind in pair if kind)


def check(root):
    table = rows(root)
    findings = kinds_findings(TABLE, [row[0] for row in table], raised(root))
    if part(BEGIN, page_table(table)) not in read(root, PAGE):
        findings.append(f"{PAGE}: its table is not that of {TABLE}: python3 tests/lint/alarms.py --write")
    return findings


def _case(code, table='{"a.bad", "An "\n "a", "Mend"}, {"b.bad", "B", "Look"}', page="| `a.bad` | An a | Mend |\n| `b.bad` | B | Look |"):
    lines = "| Kind | What is wrong | What to do |\n|---|---|---|"
    return {"fleet/a.c": code, TABLE: table, PAGE: f"{BEGIN}\n{lines}\n{page}\n{PART_END}\n"}


CASES = [
    (_case('struct alarm alarm = {.kind = "a.bad"};\nreturn (struct alarm){.kind = "b.bad"};\n'), None),
    (_case('const struct alarm alarm = {.kind = "a.gone"};\n'), "a.gone stands in no row"),
    (_case('alarm_raise(tx, &(struct alarm){.kind = "c.gone"});\n'), "c.gone stands in no row"),
    (_case("", '{"b.bad", "B", "Look"}, {"a.bad", "An a", "Mend"}'), "a.bad stands behind b.bad"),
    (_case("", page="| `a.bad` | An a | Wait |\n| `b.bad` | B | Look |"), "its table is not"),
]

if __name__ == "__main__":
    if "--write" in sys.argv:
        remake(PAGE, {BEGIN: page_table(rows("."))})
    else:
        main(check, CASES)
