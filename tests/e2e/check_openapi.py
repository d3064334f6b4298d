#!/usr/bin/env python3
"""Holds what the end-to-end tests sent and got against the description of the API (build/openapi.json).

  calls DOCUMENT FOLDER [SEEN]   each call that tests/e2e/lib.sh recorded in FOLDER: the status is described, the answer is valid under its
                                 schema (a field that is not described is an error), and so is the body of a request that was accepted.
                                 Appends the operations that succeeded to SEEN
  coverage DOCUMENT SEEN…        operations that no test has called with success
  examples DOCUMENT              every example is valid under its schema
  self-test DOCUMENT             it notices what it should
"""

import json
import os
import re
import sys
import tempfile
from datetime import datetime

from jsonschema import Draft202012Validator, FormatChecker

EVERYWHERE = {"405", "408", "431"}  # any path may answer these (info.description)
OURS = ("/api/", "/device/v1/")
TOO_LONG = 300000  # a body that lib.sh cut, or too long to be worth the time
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")

formats = FormatChecker(formats=())


@formats.checks("uuid")
def is_uuid(value):
    return not isinstance(value, str) or UUID.fullmatch(value) is not None


@formats.checks("date-time", raises=ValueError)
def is_time(value):
    if isinstance(value, str):
        datetime.fromisoformat(value[:19])
        return TIME.fullmatch(value) is not None
    return True


class Document:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.root = json.load(file)
        self.validators = {}
        self.paths = []
        for template in self.root["paths"]:
            pattern = re.compile("/".join("[^/]+" if part.startswith("{") else re.escape(part) for part in template.split("/")))
            self.paths.append((template.count("{"), template, pattern))
        self.paths.sort()  # a literal part comes before a parameter

    def resolve(self, value):
        while isinstance(value, dict) and "$ref" in value:
            at = self.root
            for part in value["$ref"][2:].split("/"):
                at = at[part]
            value = at
        return value

    def operations(self):
        for path, item in self.root["paths"].items():
            for method, operation in item.items():
                if isinstance(operation, dict) and "operationId" in operation:
                    yield method, path, operation

    def find(self, path):
        """The template and the path item of a path, or None twice."""
        for _, template, pattern in self.paths:
            if pattern.fullmatch(path):
                return template, self.root["paths"][template]
        return None, None

    def faults(self, schema, value):
        key = json.dumps(schema, sort_keys=True)
        if key not in self.validators:
            whole = {**schema, "components": self.root["components"]}
            self.validators[key] = Draft202012Validator(whole, format_checker=formats)
        for error in self.validators[key].iter_errors(value):
            yield "/" + "/".join(str(part) for part in error.absolute_path) + ": " + error.message[:300]


def media_of(content, content_type):
    """The described media type that a Content-Type is, with or without its parameters."""
    plain = content_type.split(";")[0].strip().lower()
    for described, media in content.items():
        if described.lower() == content_type.lower() or described.split(";")[0].strip().lower() == plain:
            return media
    return None


def is_json(content_type):
    plain = content_type.split(";")[0].strip().lower()
    return plain == "application/json" or plain.endswith("+json")


def body_faults(document, content, content_type, body):
    """What is wrong with a body under `content` of a request or a response."""
    media = media_of(content, content_type)
    if media is None:
        yield f'the content type "{content_type}" is not described'
        return
    if is_json(content_type) and len(body) < TOO_LONG:
        try:
            value = json.loads(body)
        except ValueError as error:
            yield f"not JSON: {error}"
            return
        yield from document.faults(media.get("schema", {}), value)


def unknown_queries(document, operation, query):
    known = {document.resolve(parameter)["name"] for parameter in operation.get("parameters", [])}
    return [name for name in (part.split("=")[0] for part in query.split("&") if part) if name not in known]


def check_known(document, operation, call):
    responses = operation["responses"]
    status = call["status"]
    if status in EVERYWHERE:
        return
    if status not in responses:
        yield f"the status {status} is not described"
        return
    response = document.resolve(responses[status])
    if "content" in response and call["method"] != "HEAD":
        for fault in body_faults(document, response["content"], call["type"], call["body"]):
            yield f"answer {status}: {fault}"
    if status.startswith("2"):
        for name in unknown_queries(document, operation, call["query"]):
            yield f"accepted, but the query parameter {name} is not described"
        if call["request"]:
            described = document.resolve(operation.get("requestBody", {})).get("content", {})
            for fault in body_faults(document, described, call["request_type"], call["request"]):
                yield f"accepted, but by its description the request is wrong: {fault}"


def check_call(document, call, seen):
    template, item = document.find(call["path"])
    method = "get" if call["method"] == "HEAD" else call["method"].lower()
    if template is None or method not in item:
        if call["path"].startswith(OURS) and call["status"][0] in "23":
            yield "the operation is not described"
        return
    operation = item[method]
    if call["status"].startswith("2"):
        seen.add(operation["operationId"])
    yield from check_known(document, operation, call)


def read_calls(folder):
    with open(os.path.join(folder, "index"), encoding="utf-8", errors="replace") as file:
        for line in file:
            number, method, target, status, content_type, request_type = line.rstrip("\n").split("\t")
            path, _, query = target.partition("?")
            call = {"method": method, "path": path, "query": query, "status": status, "type": content_type, "request_type": request_type}
            for name, suffix in (("body", "body"), ("request", "request")):
                at = os.path.join(folder, f"{number}.{suffix}")
                call[name] = b""
                if os.path.exists(at):
                    with open(at, "rb") as body:
                        call[name] = body.read(TOO_LONG)
            yield call


def calls(document, folder, seen_file=None):
    seen = set()
    count = 0
    faults = {}
    for call in read_calls(folder):
        count += 1
        for fault in check_call(document, call, seen):
            faults.setdefault(f'{call["method"]} {call["path"]}: {fault}', call)
    for fault, call in list(faults.items())[:20]:
        print(f'not as described: {fault}\n    sent {call["request"][:300]!r}\n    got  {call["body"][:300]!r}')
    if seen_file:
        with open(seen_file, "a", encoding="utf-8") as file:
            file.writelines(f"{name}\n" for name in sorted(seen))
    if not faults:
        print(f"  ok  {count} calls are as the API is described")
    return not faults


def coverage(document, *files):
    seen = set()
    for path in files:
        with open(path, encoding="utf-8") as file:
            seen.update(file.read().split())
    missing = [f'{operation["operationId"]} ({method.upper()} {path})' for method, path, operation in document.operations()
               if operation["operationId"] not in seen]
    for name in missing:
        print(f"no end-to-end test calls it with success: {name}")
    if not missing:
        print(f"every one of {len(list(document.operations()))} operations is called")
    return not missing


def examples_of(document, content):
    for media in content.values():
        if "example" in media:
            yield media.get("schema", {}), media["example"]
        for example in media.get("examples", {}).values():
            yield media.get("schema", {}), document.resolve(example)["value"]


def examples(document):
    count = 0
    faults = []
    for method, path, operation in document.operations():
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        pairs = [pair for body in bodies for pair in examples_of(document, document.resolve(body).get("content", {}))]
        parameters = [document.resolve(parameter) for parameter in operation.get("parameters", [])]
        pairs += [(parameter["schema"], parameter["example"]) for parameter in parameters if "example" in parameter]
        count += len(pairs)
        faults += [f"{method.upper()} {path}: example: {fault}" for schema, value in pairs for fault in document.faults(schema, value)]
    for fault in faults[:20]:
        print(fault)
    if not faults:
        print(f"  ok  {count} examples are valid")
    return not faults


def self_test(document):
    """A call that is right passes; each of these, wrong in one way, does not."""
    hub = document.root["paths"]["/api/v1/hubs"]["post"]
    order = hub["requestBody"]["content"]["application/json"]["example"]
    made = hub["responses"]["201"]["content"]["application/json"]["example"]
    right = {"method": "POST", "path": "/api/v1/hubs", "query": "", "status": "201", "type": "application/json",
             "body": json.dumps(made).encode(), "request": json.dumps(order).encode(), "request_type": "application/json"}
    wrong = {
        "a field that is not described": {"body": json.dumps({**made, "colour": "red"}).encode()},
        "a field that is missing": {"body": json.dumps({name: made[name] for name in made if name != "kind"}).encode()},
        "a field of another type": {"body": json.dumps({**made, "port": "8883"}).encode()},
        "a time without a zone": {"body": json.dumps({**made, "created_at": "2026-11-23T10:00:00"}).encode()},
        "a status": {"status": "202"},
        "a content type": {"type": "text/html"},
        "a body that is no JSON": {"body": b"{"},
        "a request that should have been refused": {"request": json.dumps({**order, "colour": "red"}).encode()},
        "a query parameter": {"query": "colour=red"},
        "an operation": {"path": "/api/v1/colours"},
        "a problem that is none": {"status": "409", "type": "application/problem+json"},
    }
    good = not list(check_call(document, right, set()))
    missed = [name for name, change in wrong.items() if not list(check_call(document, {**right, **change}, set()))]
    with tempfile.NamedTemporaryFile("w", suffix=".seen") as file:
        file.write("createHub\n")
        file.flush()
        stdout, sys.stdout = sys.stdout, open(os.devnull, "w", encoding="utf-8")
        complete = coverage(document, file.name)
        sys.stdout.close()
        sys.stdout = stdout
    for name in missed:
        print(f"not noticed: {name}")
    if good and not missed and not complete:
        print(f"  ok  it notices {len(wrong)} kinds of wrong answers, and operations without a test")
        return True
    return False


MODES = {"calls": calls, "coverage": coverage, "examples": examples, "self-test": self_test}

if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in MODES:
        sys.exit(__doc__)
    sys.exit(0 if MODES[sys.argv[1]](Document(sys.argv[2]), *sys.argv[3:]) else 1)
