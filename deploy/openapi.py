#!/usr/bin/env python3
"""Joins docs/openapi/*.json into one OpenAPI document and writes it as JSON (to read, to make clients from) and as a C file (what
the server answers at /openapi.json). openapi.json holds the head and what all share, every other file one feature. Nothing may stand
in two files. Schemas are made whole: `allOf` of objects becomes one object (generators of clients do badly on it), and an object that
lists its properties holds no others, unless it says so with `additionalProperties`. The answer 429 and the headers of limits belong to every operation and are added here. Called by the Makefile:
openapi.py OUT.json OUT.c FILE…"""

import json
import os
import sys

HEAD = "openapi.json"
LIMIT_HEADERS = ("RateLimit-Policy", "RateLimit")  # described in the head; on every answer


def refuse_duplicates(pairs):
    names = [name for name, _ in pairs]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError("twice in one object: " + " ".join(sorted(twice)))
    return dict(pairs)


def load(path):
    with open(path, encoding="utf-8") as file:
        try:
            return json.load(file, object_pairs_hook=refuse_duplicates)
        except ValueError as error:
            sys.exit(f"{path}: {error}")


def take(into, more, what):
    for name, value in more.items():
        if name in into:
            sys.exit(f"{what}: {name} is described twice")
        into[name] = value


def join(files):
    document = load(next(file for file in files if os.path.basename(file) == HEAD))
    document["paths"] = {}
    for file in sorted(files):
        if os.path.basename(file) == HEAD:
            continue
        part = load(file)
        unknown = set(part) - {"paths", "components"}
        if unknown:
            sys.exit(f"{file}: only paths and components, not {' '.join(sorted(unknown))}")
        for path, item in part.get("paths", {}).items():
            take(document["paths"].setdefault(path, {}), item, f"{file}: {path}")
        for kind, parts in part.get("components", {}).items():
            take(document["components"].setdefault(kind, {}), parts, f"{file}: {kind}")
    document["paths"] = dict(sorted(document["paths"].items()))
    return share(close(document, document))


def share(document):
    """What every operation can answer and every answer can carry: that there were too many requests, and how many are left."""
    operations = [operation for item in document["paths"].values() for operation in item.values() if "responses" in operation]
    for operation in operations:
        operation["responses"].setdefault("429", {"$ref": "#/components/responses/429"})
        operation["responses"] = dict(sorted(operation["responses"].items()))
    for responses in [document["components"]["responses"], *(operation["responses"] for operation in operations)]:
        for response in responses.values():
            if "$ref" not in response:
                for name in LIMIT_HEADERS:
                    response.setdefault("headers", {})[name] = {"$ref": f"#/components/headers/{name}"}
    return document


def follow(document, schema):
    while "$ref" in schema:
        at = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            at = at[part]
        schema = at
    return schema


def merge(document, schema):
    """The objects of allOf as one."""
    parts = [merge(document, follow(document, part)) for part in schema["allOf"]] if "allOf" in schema else [schema]
    if len(parts) == 1:
        return parts[0]
    whole = {"type": "object", **{name: value for name, value in schema.items() if name != "allOf"}}
    for part in parts:
        if part.get("type") != "object" or set(part) - {"type", "properties", "required", "description"}:
            sys.exit("allOf joins plain objects only: " + json.dumps(part)[:200])
        whole["properties"] = {**whole.get("properties", {}), **part.get("properties", {})}
        whole["required"] = whole.get("required", []) + part.get("required", [])
    return whole


def close(document, value):
    """Every schema in the value, made whole."""
    if isinstance(value, list):
        return [close(document, item) for item in value]
    if not isinstance(value, dict):
        return value
    if "allOf" in value:
        value = merge(document, value)
    value = {name: item if name in ("example", "examples", "const", "enum") else close(document, item) for name, item in value.items()}
    if value.get("type") == "object" and "properties" in value:
        value.setdefault("additionalProperties", False)
    return value


def c_lines(text, width=96):
    for start in range(0, len(text), width):
        piece = text[start : start + width]
        yield '    "' + piece.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?") + '"'


def main():
    out_json, out_c, files = sys.argv[1], sys.argv[2], sys.argv[3:]
    document = join(files)
    with open(out_json, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2, ensure_ascii=False)
        file.write("\n")
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=True)
    with open(out_c, "w", encoding="ascii") as file:
        file.write('/* Made by deploy/openapi.py; not to be edited. */\n#include "api/openapi.h"\n\n')
        file.write("const char openapi_document[] =\n" + "\n".join(c_lines(text)) + ";\n")
        file.write("const size_t openapi_document_size = sizeof openapi_document - 1;\n")


if __name__ == "__main__":
    main()
