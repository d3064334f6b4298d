#!/usr/bin/env python3
"""Asks the engine how it reads each list (a static text SQL_LIST… or SQL_PAGE… of db/), and each end of one (SQL_LAST…): along an index whose equalities are the list's own
filters, without sorting. Otherwise a late page, or a rare filter, costs more than the first page.

Needs the C preprocessor (the texts are made by macros) and Python's own SQLite; what a device has few of may be sorted."""

import glob
import os
import re
import sqlite3
import subprocess

from common import main

TEXT = re.compile(r'static const char (SQL_(?:LIST|PAGE|LAST)\w*)\[\] =\s*((?:"(?:[^"\\]|\\.)*"\s*)+);')
# lists of what one device has: a handful of rows, found by the device
OF_DEVICE = re.compile(r"(?:device|id) = \$\d")


def texts(root, path):
    made = subprocess.run(["gcc", "-E", "-P", "-I.", "-D_GNU_SOURCE", path], cwd=root, check=True, capture_output=True, text=True).stdout
    for name, value in TEXT.findall(made):
        yield name, "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', value))


def filters(sql):
    """Columns that the text compares with a parameter for equality, outside of the tie-break's parentheses."""
    where = sql.split(" WHERE ", 1)[-1]
    while re.search(r"\([^()]*\)", where):
        where = re.sub(r"\([^()]*\)", "", where)
    return set(re.findall(r"(?:\w+\.)?(\w+) = \$\d", where))


def plan_faults(database, name, sql):
    count = max([int(number) for number in re.findall(r"\$(\d+)", sql)], default=0)
    plan = [row[3] for row in database.execute("EXPLAIN QUERY PLAN " + re.sub(r"\$(\d+)", r"?\1", sql), [None] * count)]
    if OF_DEVICE.search(sql):
        return [step for step in plan if step.startswith("SCAN")]
    faults = [step for step in plan if step.startswith("SCAN") or "TEMP B-TREE" in step]
    used = set(re.findall(r"(\w+)=\?", plan[0]))
    return faults + [f"'{column}' is no part of the index" for column in sorted(filters(sql) - used)]


def check(root):
    database = sqlite3.connect(":memory:")
    for path in sorted(glob.glob(os.path.join(root, "db/migrations/sqlite/*.sql"))):
        with open(path, encoding="utf-8") as file:
            database.executescript(file.read())
    findings = []
    for path in sorted(glob.glob(os.path.join(root, "db/*_rows.c"))):
        path = os.path.relpath(path, root)
        for name, sql in texts(root, path):
            if " LIMIT " in sql:
                findings += [f"{path}: {name}: {fault}" for fault in plan_faults(database, name, sql)]
    return findings


def _case(sql, name="SQL_LIST"):
    return {"db/migrations/sqlite/1.sql": "CREATE TABLE t (a, b, id); CREATE INDEX i ON t (a, id);",
            "db/t_rows.c": f'static const char {name}[] = "SELECT id FROM t WHERE {sql} LIMIT $3";\n'}


CASES = [
    (_case("a = $1 AND id > $2 ORDER BY id"), None),
    (_case("id > $1 AND $2 > 0 ORDER BY id"), "SCAN"),
    (_case("a = $1 AND b = $2 ORDER BY id"), "'b' is no part"),
    (_case("a = $1 AND id > $2 ORDER BY b"), "TEMP B-TREE"),
    (_case("a = $1 ORDER BY b DESC", "SQL_LAST_END"), "TEMP B-TREE"),
]

if __name__ == "__main__":
    main(check, CASES)
