"""What the checks share: which files are the project's, C text without comments and strings, reporting, self-tests."""

import os
import re
import subprocess
import sys
import tempfile


def project_files(root, *endings):
    """Paths (relative to root) of tracked files and of new ones that are not ignored; all files where there is no git."""
    try:
        listed = subprocess.run(
            ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            check=True, capture_output=True, text=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        listed = [os.path.relpath(os.path.join(folder, name), root)
                  for folder, _, names in os.walk(root) for name in names]
    return sorted(path for path in set(listed)
                  if path and path.endswith(endings) and not path.startswith("build/")
                  and os.path.isfile(os.path.join(root, path)))


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


_TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def strip_c(text, keep_strings=False):
    """C without comments (and without the inside of strings); line numbers stay."""
    def blank(match):
        token = match.group()
        if token[0] == "/":
            return " " + "\n" * token.count("\n")
        return token if keep_strings else token[0] * 2
    return _TOKEN.sub(blank, text)


# A part of a page that a check makes from the code: between its own first line and this one.
PART_END = "<!-- end -->"


def part(begin, text):
    return f"{begin}\n{text}\n{PART_END}"


def remake(path, parts):
    """Writes the parts of a page anew: the first line of each, and its text."""
    page = read(".", path)
    for begin, text in parts.items():
        start = page.index(begin)
        page = page[:start] + part(begin, text) + page[page.index(PART_END, start) + len(PART_END):]
    with open(path, "w", encoding="utf-8") as file:
        file.write(page)


def kinds_findings(table, kinds, used):
    """A table of kinds is in order, and holds every one that is used: `used` yields the file and the kind."""
    findings = [f"{table}: {after} stands behind {before}" for before, after in zip(kinds, kinds[1:]) if after <= before]
    return findings + [f"{path}: {kind} stands in no row of {table}" for path, kind in used if kind not in kinds]


def main(check, cases):
    """`check(root)` gives findings as text. With --self-test, each case is (files, words that the finding holds or None)."""
    if "--self-test" in sys.argv:
        sys.exit(_self_test(check, cases))
    findings = check(".")
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)


def _self_test(check, cases):
    wrong = 0
    for files, expected in cases:
        with tempfile.TemporaryDirectory() as root:
            for path, text in files.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)) or root, exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write(text)
            findings = check(root)
        is_right = not findings if expected is None else any(expected in finding for finding in findings)
        if not is_right:
            wrong += 1
            print(f"self-test: {files!r}\n  wanted {expected!r}, found {findings!r}")
    return 1 if wrong else 0
