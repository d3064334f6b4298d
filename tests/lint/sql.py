#!/usr/bin/env python3
"""Holds every statement to the SQL that SQLite and PostgreSQL read alike.

A statement is a run of string literals (with macros between) that starts like one; it may stand in db/ and fleet/ only. What only
one engine reads is in db/sqlite*.c and db/postgres*.c, which are exempt. DDL is one set of files for each engine
(db/migrations/ENGINE/NNNN_name.sql) with rules of its own."""

import re

from common import main, project_files, read, strip_c

RUN = re.compile(r'"(?:\\.|[^"\\\n])*"(?:\s*(?:"(?:\\.|[^"\\\n])*"|[A-Z][A-Z0-9_]+))*')
LITERAL = re.compile(r'"((?:\\.|[^"\\\n])*)"')
STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE FROM|WITH|REPLACE INTO) ")
MAY_HOLD_SQL = ("db/", "fleet/")
ENGINE_OWN = ("db/sqlite", "db/postgres")

QUERY_RULES = [
    (r"::", "`::` (SQLite takes `$1::bigint` whole as a name, unbound)"),
    (r"\?", "`?` parameters (write $1, $2 …)"),
    (r"[:@]\w", "named parameters (write $1, $2 …)"),
    (r"\bAUTOINCREMENT\b", "AUTOINCREMENT"),
    (r"\b(rowid|oid|_rowid_)\b", "rowid"),
    (r"\bjson_(extract|each|tree)\b|->", "JSON functions of one engine"),
    (r"\b(sha256|now|hex|ifnull|iif|unixepoch|datetime|strftime|random|randomblob|zeroblob|printf|instr|"
     r"group_concat|string_agg|unnest|array_agg|gen_random_uuid|last_insert_rowid|changes)\s*\(", "a function of one engine (hash, hex and time belong in C)"),
    (r"\bINSERT\s+OR\b|\bREPLACE\s+INTO\b", "INSERT OR / REPLACE INTO (write ON CONFLICT)"),
    (r'"', "double quotes (SQLite takes an unknown column for a string)"),
    (r"`|\[\w+\]", "quoted identifiers"),
    (r"\bI?LIKE\b|\bGLOB\b|\bMATCH\b|\bREGEXP\b", "LIKE and its kin (upper and lower case differ)"),
    (r"\$\d+\s+IS\s+(NOT\s+)?NULL\b", "`$n IS NULL` without CAST"),
    (r"\b(TRUE|FALSE)\b", "TRUE and FALSE (write 1 and 0)"),
    (r"\bX'", "X'…' (a bit string in PostgreSQL; bind the bytes)"),
    (r"\bLIMIT\s+(NULL|ALL|-)", "LIMIT without a number"),
    (r"\b(WHERE|AND)\s+(NOT\s+)?[a-z_.]+(\s+(AND|OR|ORDER|LIMIT|RETURNING)\b|\s*$)", "a column as a condition (write x = 1)"),
    (r"\b(BLOB|BYTEA|INTEGER\s+PRIMARY|STRICT)\b", "type names of one engine"),
    (r"\b(BEGIN\s+IMMEDIATE|PRAGMA|VACUUM|FOR\s+UPDATE|SKIP\s+LOCKED|ANY\s*\()", "a word of one engine"),
    (r";\s*\S", "more than one statement"),
    (r"\bINSERT\b(?=.*\bSELECT\b)(?=.*\bON\s+CONFLICT\b)(?!.*\bWHERE\b.*\bON\s+CONFLICT\b)", "INSERT … SELECT … ON CONFLICT without WHERE"),
]
DDL_RULES = [
    (r"\bTRIGGER\b", "a trigger"),
    (r"\bCOLLATE\b", "a collation"),
    (r"\bAUTOINCREMENT\b", "AUTOINCREMENT"),
    (r"\bFOREIGN\s+KEY\b|\bREFERENCES\b", "a foreign key (no keys across entities, so that tables can be sharded)"),
    (r"\b(BEGIN|COMMIT|ROLLBACK)\b", "transaction words (the runner opens it)"),
    (r"\bPRAGMA\b", "PRAGMA"),
]
STRICT_TABLE = re.compile(r"\bCREATE\s+(?:TEMP\s+)?TABLE\b[^;]*;", re.I)


def faults(text, rules):
    without_strings = re.sub(r"'(?:''|[^'])*'", lambda m: "''", text)
    without_strings = re.sub(r"\bBETWEEN\s+\S+\s+AND\b", "BETWEEN", without_strings, flags=re.I)
    for pattern, reason in rules:
        # X'…' is a string itself, so this rule alone looks at the whole text
        subject = text if pattern.startswith(r"\bX'") else without_strings
        if re.search(pattern, subject, re.I | re.S):
            yield reason


def check_queries(path, text):
    for match in RUN.finditer(strip_c(text, keep_strings=True)):
        sql = "".join(LITERAL.findall(match.group())).replace('\\"', '"').replace("\\n", "\n")
        if not STATEMENT.match(sql):
            continue
        if not path.startswith(MAY_HOLD_SQL):
            yield f"{path}: SQL outside db/ and fleet/: {sql[:50]}"
        for reason in faults(sql, QUERY_RULES):
            yield f"{path}: {sql[:50]}…: {reason}"


def check_ddl(path, text):
    code = re.sub(r"--[^\n]*", "", text)
    for reason in faults(code, DDL_RULES):
        yield f"{path}: {reason}"
    for match in STRICT_TABLE.finditer(code):
        if "/sqlite/" in path and not re.search(r"\)[^()]*\bSTRICT\b[^()]*;$", match.group(), re.I):
            yield f"{path}: a table that is not STRICT: {match.group()[:40]!r}"
    if not re.fullmatch(r"db/migrations/\w+/\d{4}_[a-z0-9_]+\.sql", path):
        yield f"{path}: migrations are called db/migrations/ENGINE/NNNN_name.sql"


def check(root):
    findings = []
    for path in project_files(root, ".c", ".h"):
        if not path.startswith(("tests/", "device/") + ENGINE_OWN):
            findings.extend(check_queries(path, read(root, path)))
    for path in project_files(root, ".sql"):
        if not path.startswith("tests/"):
            findings.extend(check_ddl(path, read(root, path)))
    return findings


def _query(sql):
    return {"db/a.c": f'static const char query[] = "{sql}";\n'}


def _ddl(sql):
    return {"db/migrations/sqlite/0001_a.sql": sql}


CASES = [
    (_query("SELECT a FROM t WHERE k = $1 AND active = 1 ORDER BY a LIMIT $2"), None),
    (_query("INSERT INTO t (k) VALUES ($1) ON CONFLICT (k) DO UPDATE SET k = excluded.k RETURNING k"), None),
    (_query("SELECT a FROM t WHERE CAST($1 AS BIGINT) IS NULL OR b = 'LIKE ?'"), None),
    (_query("SELECT $1::bigint"), "::"),
    (_query("SELECT a FROM t WHERE k = ?"), "`?`"),
    (_query("SELECT a FROM t WHERE k = :k"), "named"),
    (_query("SELECT rowid FROM t"), "rowid"),
    (_query("SELECT json_extract(a, $1) FROM t"), "JSON"),
    (_query("SELECT a->>$1 FROM t"), "JSON"),
    (_query("SELECT hex(a) FROM t"), "function of one"),
    (_query("SELECT sha256(a) FROM t"), "function of one"),
    (_query("UPDATE t SET a = now() WHERE k = $1"), "function of one"),
    (_query("INSERT OR IGNORE INTO t VALUES ($1)"), "ON CONFLICT"),
    (_query("REPLACE INTO t VALUES ($1)"), "ON CONFLICT"),
    (_query('SELECT \\"a\\" FROM t'), "double quotes"),
    (_query("SELECT a FROM t WHERE a LIKE $1"), "LIKE"),
    (_query("SELECT a FROM t WHERE $1 IS NULL"), "CAST"),
    (_query("SELECT a FROM t WHERE b = TRUE"), "TRUE"),
    (_query("SELECT a FROM t WHERE b = X'00'"), "bit string"),
    (_query("SELECT a FROM t LIMIT NULL"), "LIMIT"),
    (_query("SELECT a FROM t WHERE active"), "as a condition"),
    (_query("SELECT a FROM t WHERE authority = $1 AND order_no = $2 ORDER BY a"), None),
    (_query("SELECT a FROM t WHERE a BETWEEN $1 AND b ORDER BY a"), None),
    (_query("SELECT a FROM t WHERE a = 1 AND active ORDER BY a"), "as a condition"),
    (_query("SELECT a FROM t; DELETE FROM t"), "more than one"),
    (_query("INSERT INTO t SELECT a FROM u ON CONFLICT DO NOTHING"), "without WHERE"),
    ({"db/sqlite_a.c": 'static const char text[] = "SELECT value FROM json_each($1)";\n'}, None),
    ({"db/a.c": 'void f(void)\n{\n    run("SELECT " COLUMNS "\\n"\n        " FROM t WHERE k = ?");\n}\n'}, "`?`"),
    ({"fleet/a.c": 'void f(void)\n{\n    run("SELECT a FROM t WHERE k = $1");\n}\n'}, None),
    ({"api/a.c": 'void f(void)\n{\n    run("DELETE FROM t");\n}\n'}, "outside"),
    ({"api/a.c": 'void f(void)\n{\n    say("select a file", "With a certificate", "?");\n}\n'}, None),
    (_ddl("CREATE TABLE t (k BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;\nCREATE INDEX i ON t (k) WHERE k > 1;\n"), None),
    (_ddl("CREATE TABLE t (k BLOB PRIMARY KEY);\n"), "STRICT"),
    (_ddl("CREATE TABLE t (k TEXT COLLATE NOCASE) STRICT;\n"), "collation"),
    (_ddl("CREATE TABLE t (k INTEGER PRIMARY KEY AUTOINCREMENT) STRICT;\n"), "AUTOINCREMENT"),
    (_ddl("CREATE TABLE t (k BLOB REFERENCES u (k)) STRICT;\n"), "foreign key"),
    (_ddl("CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 1; END;\n"), "trigger"),
    ({"db/migrations/sqlite/first.sql": "CREATE TABLE t (k BLOB) STRICT;\n"}, "are called"),
]

if __name__ == "__main__":
    main(check, CASES)
