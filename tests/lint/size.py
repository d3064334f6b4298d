#!/usr/bin/env python3
"""Counts: lines of files and functions, parameters; refuses goto and mutable variables that outlive a call.

Reads the shape that clang-format gives: a function's braces stand alone in the first column. A header that other layers
implement or call (a contract) may be longer than a private one. A pointer with its count, and a callback with its argument, are
one parameter."""

import re

from common import main, project_files, read, strip_c

SOURCE_LINES, HEADER_LINES, CONTRACT_LINES = 400, 150, 200
FUNCTION_LINES, PARAMETERS = 60, 5
PRIVATE_HEADER = re.compile(r"(^|[/_])internal\.h$")
STATE_EXEMPT = ("tests/",)
# Callbacks whose parameters a library decides: OpenSSL's ticket key callback and its methods of keys, libmicrohttpd's request, FUSE's reading of a folder;
# a system call's own, that a test takes the place of.
FOREIGN_CALLBACKS = {"on_request", "on_ticket_key", "on_readdir", "ec_sign", "ec_sign_pair", "rsa_sign", "rsa_refuse",
                     "posix_spawn"}


def parameter_count(signature):
    """Parameters of the first parentheses; the second halves of pairs are not counted."""
    signature = re.sub(r"__attribute__\s*\(\(.*?\)\)", "", signature, flags=re.S)
    start = signature.find("(")
    if start < 0 or re.fullmatch(r"\(\s*(void)?\s*\)", signature[start:].strip()):
        return 0
    depth, parameters = 0, [""]
    for character in signature[start:]:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 1:
            parameters.append("")
        else:
            parameters[-1] += character
    second_half = re.compile(r"\s*(size_t (count|n|\w+_count|\w+_n)|void \*(arg|context|\w+_arg|\w+_context))\)?\s*")
    return sum(not (index and second_half.fullmatch(text)) for index, text in enumerate(parameters))


def functions(lines):
    """(line number, name, length of the body, parameters) of each function."""
    start, signature = None, []
    for number, line in enumerate(lines, 1):
        if line == "{" and signature:
            start = number
        elif line == "}" and start:
            text = " ".join(signature)
            name = re.search(r"(\w+)\s*\(", text)
            yield start, name.group(1) if name else "?", number - start - 1, parameter_count(text)
            start, signature = None, []
        elif start is None:
            ends = not line.strip() or line.startswith("#") or line.rstrip().endswith((";", "}", "\\", ":"))
            signature = [] if ends else signature + [line.strip()]


def file_scope(text):
    """Declarations at file scope, as (line number, text), with bodies and initialisers cut out."""
    depth, start, statement = 0, 1, ""
    line_number = 1
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: "\n" * m.group().count("\n"), text, flags=re.M)
    for character in text:
        line_number += character == "\n"
        if character == "{":
            depth += 1
            statement += "{" if depth == 1 else ""
        elif character == "}":
            depth -= 1
            statement += "}" if depth == 0 else ""
            if depth == 0 and re.search(r"\)\s*\{\}$", statement) and "=" not in statement:
                statement = ""
        elif depth == 0:
            if character == ";":
                yield start, " ".join(statement.split())
                statement = ""
            elif statement or not character.isspace():
                if not statement:
                    start = line_number
                statement += character


def is_mutable(declaration):
    """Whether a file-scope declaration makes a variable that can change."""
    head = declaration.split("=")[0]
    head = re.sub(r"__attribute__\s*\(\(.*?\)\)|_Alignas\s*\([^)]*\)", "", head)
    if not head or re.match(r"(typedef|_Static_assert|extern|DEFINE_)\b|DEFINE_", head):
        return False
    pointer_to_function = re.match(r"[^(]*\(\s*\*\s*(const\b)?", head)
    if pointer_to_function:
        return pointer_to_function.group(1) is None
    if "(" in head:
        return False
    if re.fullmatch(r"(static\s+)?(const\s+)?(struct|union|enum)(\s+\w+)?\s*(\{\})?(\s*__\w+)?", head.strip()):
        return False
    return "const" not in head.rsplit("*", 1)[-1] if "*" in head else "const" not in head.split()


def check_source(path, text):
    code = strip_c(text)
    for number, name, length, parameters in functions(code.split("\n")):
        if length > FUNCTION_LINES:
            yield f"{path}:{number}: {name} has {length} lines, {FUNCTION_LINES} are allowed"
        if parameters > PARAMETERS and name not in FOREIGN_CALLBACKS:
            yield f"{path}:{number}: {name} has {parameters} parameters, {PARAMETERS} are allowed"
    for number, line in enumerate(code.split("\n"), 1):
        if re.search(r"\bgoto\b", line):
            yield f"{path}:{number}: goto"
        if not path.startswith(STATE_EXEMPT) and re.match(r"\s+static\s", line) and is_mutable(line.strip().rstrip(";{")):
            yield f"{path}:{number}: a static variable that can change"
    if not path.startswith(STATE_EXEMPT):
        for number, declaration in file_scope(code):
            if is_mutable(declaration):
                yield f"{path}:{number}: a file-scope variable that can change: {declaration[:60]}"


def line_limit(path):
    if path.endswith(".c") or path.startswith("tests/"):
        return SOURCE_LINES
    return HEADER_LINES if PRIVATE_HEADER.search(path) else CONTRACT_LINES


def check(root):
    findings = []
    for path in project_files(root, ".c", ".h"):
        text = read(root, path)
        lines = text.count("\n")
        if lines > line_limit(path):
            findings.append(f"{path}: {lines} lines, {line_limit(path)} are allowed")
        findings.extend(check_source(path, text))
    return findings


def _function(body, parameters="void"):
    return f"int f({parameters})\n{{\n{body}}}\n"


CASES = [
    ({"base/a.c": "x;\n" * 401}, "401 lines"),
    ({"base/a.c": "int f(void);\n" * 400}, None),
    ({"base/internal.h": "\n" * 151}, "150 are allowed"),
    ({"base/a.h": "\n" * 201}, "200 are allowed"),
    ({"base/a.c": _function("    g();\n" * 61)}, "f has 61 lines"),
    ({"base/a.c": _function("    g();\n" * 60)}, None),
    ({"base/a.c": _function("", "int a, int b, int c, int d, int e, int g")}, "6 parameters"),
    ({"base/a.c": _function("", "int a, int (*b)(int, int), int c,\n      int d, int e")}, None),
    ({"base/a.c": _function("", "int a, int b, int c, const int *d, size_t count, f_fn fn, void *arg")}, None),
    ({"base/a.c": _function("    goto end;\n")}, "goto"),
    ({"base/a.c": '/* goto */ static const char s[] = "goto";\n'}, None),
    ({"base/a.c": "static int counter;\n"}, "can change"),
    ({"base/a.c": "int counter = 3;\n"}, "can change"),
    ({"base/a.c": "static struct a table[] = {{1}, {2}};\n"}, "can change"),
    ({"base/a.c": 'static const char *names[] = {"a"};\n'}, "can change"),
    ({"base/a.c": 'static const char *const names[] = {"a"};\n'}, None),
    ({"base/a.c": "static const struct a table[] = {{1, f}, {2, g}};\n"}, None),
    ({"base/a.c": "static err_t (*const steps[])(int) = {f};\n"}, None),
    ({"base/a.c": "static err_t (*steps[])(int) = {f};\n"}, "can change"),
    ({"base/a.c": "struct a {\n    int x;\n};\nenum { A = 3 };\ntypedef int t;\nint g(int);\nint h(int (*fn)(int, void *), void *arg);\n_Static_assert(1, \"\");\n"}, None),
    ({"base/a.c": _function("    static int calls;\n")}, "static variable"),
    ({"base/a.c": _function("    static const int calls = 1;\n")}, None),
    ({"base/a.c": "static _Thread_local int last;\n"}, "can change"),
    ({"base/a.h": "DEFINE_AUTO(char, heap_free);\nextern const int x;\nstruct a;\n"}, None),
    ({"base/a.c": "_Alignas(16) static int x;\n"}, "can change"),
    ({"tests/unit/base/test_a.c": "static int failing;\n"}, None),
]

if __name__ == "__main__":
    main(check, CASES)
