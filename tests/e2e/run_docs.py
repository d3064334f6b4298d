#!/usr/bin/env python3
"""Runs the commands of a page and compares what they print with what the page says.

A ```sh block is run; all of a page run in one bash, in order, in an empty folder. A ```text or ```json block right after one is what it
prints: text line by line, JSON as one value. There … stands for anything: within a line or a string for any characters, as a whole
string for any value, as the last element of a list or the name of a member for any more. Blocks of other languages are not run.

  run_docs.py PAGE FOLDER       run_docs.py --self-test
"""

import json
import os
import re
import subprocess
import sys

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
ANY = "…"


def blocks_of(page):
    """(line, commands, language and text of what they print, or None twice) of each block that is run."""
    found = list(FENCE.finditer(page))
    for i, match in enumerate(found):
        if match.group(1) != "sh":
            continue
        kind = text = None
        if i + 1 < len(found) and found[i + 1].group(1) in ("text", "json") and not page[match.end() : found[i + 1].start()].strip():
            kind, text = found[i + 1].groups()
        yield page.count("\n", 0, match.start()) + 1, match.group(2), kind, text


def fits(wanted, text):
    return re.fullmatch(".*".join(re.escape(part) for part in wanted.split(ANY)), text, re.S) is not None


def is_like(wanted, value):
    if isinstance(wanted, str):
        return wanted == ANY or (isinstance(value, str) and fits(wanted, value))
    if isinstance(wanted, dict):
        names = set(wanted) - {ANY}
        is_whole = isinstance(value, dict) and (names == set(value) or (ANY in wanted and names < set(value)))
        return is_whole and all(is_like(wanted[name], value[name]) for name in names)
    if isinstance(wanted, list):
        has_more = bool(wanted) and wanted[-1] == ANY
        shown = wanted[:-1] if has_more else wanted
        is_whole = isinstance(value, list) and (len(value) == len(shown) or (has_more and len(value) > len(shown)))
        return is_whole and all(is_like(one, other) for one, other in zip(shown, value))
    return type(wanted) is type(value) and wanted == value


def prints(kind, wanted, got):
    if kind == "json":
        try:
            return is_like(json.loads(wanted), json.loads(got))
        except ValueError:
            return False
    wanted, got = wanted.rstrip("\n").split("\n"), got.rstrip("\n").split("\n")
    return len(wanted) == len(got) and all(fits(one, other) for one, other in zip(wanted, got))


def run(page, folder):
    blocks = list(blocks_of(page))
    script = ["set -euo pipefail"]
    for i, (_, commands, _, _) in enumerate(blocks):
        script.append(f"echo {i} >{folder}/at\n{{\n{commands}\n}} >{folder}/{i}.out 2>{folder}/{i}.err")
    os.mkdir(os.path.join(folder, "here"))
    done = subprocess.run(["bash", "-c", "\n".join(script)], cwd=os.path.join(folder, "here"), stdin=subprocess.DEVNULL, check=False)
    reached = read(folder, "at") or "0"
    for i, (line, commands, kind, wanted) in enumerate(blocks[: int(reached) + 1]):
        got = read(folder, f"{i}.out")
        if done.returncode != 0 and i == int(reached):
            return f"line {line}: failed with {done.returncode}\n{commands}\n{got}{read(folder, f'{i}.err')}"
        if kind and not prints(kind, wanted, got):
            return f"line {line}: prints something else\n{commands}\nit says\n{wanted}\nit is\n{got}{read(folder, f'{i}.err')}"
    return None if blocks else "no block is run"


def read(folder, name):
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def self_test():
    good = [("json", '{"a": "…", "b": [1, "…"]}', '{"a": 7, "b": [1, 2, 3]}'), ("json", '{"a": 1, "…": "…"}', '{"a": 1, "c": 2}'),
            ("json", '"id …"', '"id 7"'), ("text", "one\ntw…\n", "one\ntwo\n"), ("text", "1", "1\n")]
    bad = [("json", '{"a": 1}', '{"a": 1, "b": 2}'), ("json", '{"a": 1}', '{"a": 2}'), ("json", '{"a": 1}', '{"a": true}'), ("json", "[1]", "[1, 2]"),
           ("json", '{"a": 1}', ""), ("text", "one", "one\ntwo"), ("text", "…e", "two")]
    page = "```sh\necho a\n```\n\n```text\na\n```\n```console\n$ b\n```\n```sh\nc\n```\nfar\n```text\nd\n```\n"
    cut = [(1, "echo a\n", "text", "a\n"), (11, "c\n", None, None)]
    is_good = all(prints(*case) for case in good) and not any(prints(*case) for case in bad) and list(blocks_of(page)) == cut
    return None if is_good else "the self-test failed"


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test())
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as page_file:
        fault = run(page_file.read(), os.path.abspath(sys.argv[2]))
    sys.exit(f"{sys.argv[1]}, {fault}" if fault else 0)
