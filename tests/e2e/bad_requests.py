#!/usr/bin/env python3
"""Every operation of the description is asked wrongly, in every way that its description tells: bad_requests.py DOCUMENT URL CA ADMIN-TOKEN
METRICS-TOKEN CODES-TOKEN. Each answer must be the right 4xx, a problem that names the place; never a success, never a 5xx. A new
operation is asked as soon as it is described. The tokens: all scopes; metrics:read alone; codes:read alone."""

import http.client
import json
import ssl
import sys
from urllib.parse import urlencode, urlsplit

from check_openapi import Document

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
LENIENT = {"/metrics"}  # scrapers add parameters of their own
WRONG = {"string": 7, "integer": "seven", "number": "seven", "boolean": "yes", "array": "list", "object": "thing"}


class Client:
    def __init__(self, document, url, ca, tokens):
        self.document = document
        self.tokens = tokens
        where = urlsplit(url)
        self.connection = http.client.HTTPSConnection(where.hostname, where.port, context=ssl.create_default_context(cafile=ca), timeout=30)
        self.asked = 0
        self.faults = []

    def ask(self, method, path, body=None, headers=(), token="admin"):
        """(status, headers, value of a JSON body or None)"""
        sent = {"Accept": "*/*", **dict(headers)}
        if token:
            sent["Authorization"] = "Bearer " + self.tokens[token]
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        self.asked += 1
        for attempt in range(2):
            try:
                self.connection.request(method, path, body=body, headers=sent)
                response = self.connection.getresponse()
                text = response.read()
                break
            except (BrokenPipeError, ConnectionResetError, http.client.BadStatusLine):  # it closed after an answer that came early
                self.connection.close()
                if attempt == 1:
                    raise
        is_json = "json" in (response.getheader("Content-Type") or "")
        return response.status, response.headers, json.loads(text) if is_json and text else None

    def expect(self, what, wanted, method, path, pointer=None, **how):
        """Asks, and notes a fault unless the status is one of `wanted`, in a problem that has the pointer."""
        status, headers, value = self.ask(method, path, **how)
        fault = None
        if status not in wanted:
            fault = f"{status} instead of {' or '.join(map(str, wanted))}"
        elif value is None or list(self.document.faults({"$ref": "#/components/schemas/Problem"}, value)) or value["status"] != status:
            fault = f"{status}, but no problem"
        elif pointer and not any(item["pointer"] == pointer or item["pointer"].startswith(pointer + "/") for item in value.get("errors", [])):
            fault = f"{status} without a pointer to {pointer}"
        if fault:
            self.faults.append(f"{method} {path.split('?')[0]}: {what}: {fault}: {json.dumps(value, ensure_ascii=False)[:300]}")
        return headers, value or {}


class Operation:
    def __init__(self, document, method, path, operation):
        self.method, self.template, self.id = method.upper(), path, operation["operationId"]
        self.parameters = {}
        for parameter in operation.get("parameters", []):
            parameter = document.resolve(parameter)
            self.parameters[parameter["name"]] = parameter
        self.path = path
        for name, parameter in self.parameters.items():
            if parameter["in"] == "path":
                self.path = self.path.replace("{" + name + "}", str(parameter["example"]))
        self.scopes = [scope for way in operation.get("security", []) for scope in way.get("bearer", [])]
        self.is_open = not any("bearer" in way for way in operation.get("security", []))
        self.content = operation.get("requestBody", {}).get("content", {})
        self.limit = operation.get("requestBody", {}).get("x-max-bytes", 0)
        self.is_required = operation.get("requestBody", {}).get("required", False)
        self.media = self.content.get("application/json", {})
        self.schema = document.resolve(self.media.get("schema", {}))
        self.example = self.media.get("example")
        if self.example is None and "examples" in self.media:
            self.example = document.resolve(next(iter(self.media["examples"].values())))["value"]
        # what is parsed as one document; imports and uploads have tests of their own
        self.is_json = set(self.content) <= {"application/json", "application/merge-patch+json"} and bool(self.content)
        self.headers = {"If-Match": "*"} if self.method == "PATCH" else {}


def ask_callers(client, op):
    if op.is_open:
        return
    body = json.dumps(op.example) if op.is_json else ("" if op.content else None)
    how = {"body": body, "headers": op.headers}
    headers, _ = client.expect("no token", [401], op.method, op.path, token=None, **how)
    if not (headers.get("WWW-Authenticate") or "").startswith("Bearer"):
        client.faults.append(f"{op.method} {op.path}: 401 without WWW-Authenticate: Bearer")
    client.expect("a token in the query", [400], op.method, op.path + "?access_token=whorl_x", **how)
    if op.scopes:
        who = "codes" if "metrics:read" in op.scopes else "metrics"
        _, problem = client.expect("a token without the scope", [403], op.method, op.path, token=who, **how)
        if not any(scope in problem.get("detail", "") for scope in op.scopes):
            client.faults.append(f"{op.method} {op.path}: 403 that names none of {op.scopes}: {problem.get('detail')}")


def ask_queries(client, op):
    body = json.dumps(op.example) if op.is_json else None
    if (not op.content or op.is_json) and op.path not in LENIENT:
        client.expect("an unknown query parameter", [400], op.method, op.path + "?colour=red", body=body, headers=op.headers)
    if "cursor" in op.parameters:
        for cursor in ("", "zz", "00", "0" * 48, "ab" * 30, "ab" * 400, "%00", "\u20ac"):
            client.expect(f"a forged cursor {cursor[:8]}", [400, 404], op.method, op.path + "?" + urlencode({"cursor": cursor}))
        for limit in ("", "0", "-1", "1001", "x", "1.5", "99999999999999999999"):
            client.expect(f"limit={limit}", [400, 404], op.method, op.path + "?" + urlencode({"limit": limit}))


def ask_texts(client, op):
    """Bodies that are no JSON, or not what JSON has to be here."""
    def refuse(what, wanted, body, **more):
        client.expect(what, wanted, op.method, op.path, body=body, headers={**op.headers, **more})

    name = next(iter(op.schema.get("properties", {"name": 0})), "name").encode()
    if op.is_required:
        refuse("no body", [400, 422], b"")
    refuse("an open brace", [400], b"{")
    refuse("text after the end", [400], b"{} {}")
    refuse("a duplicate name", [400], b'{"%s":1,"%s":1}' % (name, name))
    refuse("invalid UTF-8", [400], b'{"%s":"\xff\xfe"}' % name)
    refuse("a surrogate", [400], b'{"%s":"\xed\xa0\x80"}' % name)
    refuse("U+0000", [400, 422], b'{"%s":"a\\u0000b"}' % name)
    refuse("an integer that overflows", [400], b'{"%s":%s}' % (name, b"9" * 40))
    refuse("a number that overflows", [400], b'{"%s":1e999}' % name)
    for value in (b"[]", b"7", b'"text"', b"null", b"true"):
        refuse("no object: " + value.decode(), [400, 422], value)
    refuse("2 MB of brackets", [400, 413], b"[" * 2_000_000)
    refuse("brackets inside a field", [400, 422], b'{"%s":%s%s}' % (name, b"[" * 1500, b"]" * 1500))
    refuse("another content type", [415], json.dumps(op.example).encode(), **{"Content-Type": "text/plain"})
    if op.limit < 1_000_000:
        refuse("one byte too many", [413], b" " * (op.limit + 1))


def types_of(schema):
    kind = schema.get("type", [])
    kinds = kind if isinstance(kind, list) else [kind]
    if "const" in schema or "enum" in schema:
        kinds = kinds or ["string"]
    return kinds


def wrong_values(document, schema):
    """(what, value) of values that a field must not have, as its schema tells."""
    schema = document.resolve(schema)
    kinds = types_of(schema)
    if not kinds or any(word in schema for word in ("oneOf", "anyOf")):
        return
    wrong = next((value for kind, value in WRONG.items() if kind not in kinds and kind == kinds[0]), WRONG[kinds[0]])
    yield "another type", wrong
    yield "a list of another type", [[]]
    if "null" not in kinds:
        yield "null", None
    if "enum" in schema:
        yield "a word that is none of them", "colour"
    if "integer" in kinds:
        yield "a fraction", 1.5
        if "maximum" in schema:
            yield "too much", schema["maximum"] + 1
        if "minimum" in schema:
            yield "too little", schema["minimum"] - 1
    if "string" in kinds and "maxLength" in schema:
        yield "too long", "a" * (schema["maxLength"] + 1)
    if "string" in kinds and ("pattern" in schema or schema.get("format") in ("uuid", "date-time")):
        yield "another form", "\u20ac \u20ac"
    if "array" in kinds and "items" in schema:
        item = document.resolve(schema["items"])
        if types_of(item) == ["string"]:
            yield "an item of another type", [7]
        if "minItems" in schema:
            yield "no items", []


def ask_fields(client, op):
    """Each field left out, of another type, out of its bounds; one that is not known."""
    if op.schema.get("type") != "object" or not isinstance(op.example, dict):
        return

    def refuse(what, pointer, value, wanted=(422,)):
        client.expect(what, wanted, op.method, op.path, pointer, body=json.dumps(value), headers=op.headers)

    if op.schema.get("additionalProperties") is not True:  # a document of another's form may hold anything
        refuse("an unknown field", "/colour", {**op.example, "colour": "red"})
        refuse("a name that needs escapes", "/a~1b~0c", {**op.example, "a/b~c": 1})
    for name in op.schema.get("required", []):
        refuse(f"without {name}", f"/{name}", {key: value for key, value in op.example.items() if key != name})
    for name, schema in op.schema.get("properties", {}).items():
        for what, value in wrong_values(client.document, schema):
            if value is None and op.method != "PATCH" and name not in op.schema.get("required", []):
                continue  # of a new thing: as if it were absent
            refuse(f"{name}: {what}", f"/{name}", {**op.example, name: value})


def ask_absent(client, op):
    """The ids of the examples are nobody's here."""
    body = json.dumps(op.example) if op.is_json else None
    if op.method == "PATCH" and "If-Match" in op.parameters:
        client.expect("without If-Match", [428], op.method, op.path, body=body)
    if "{" in op.template and (op.is_json or not op.content) and not op.path.startswith("/api/v1/authorities/"):
        client.expect("an id that is nobody's", [404], op.method, op.path, body=body, headers=op.headers)
        for name, parameter in op.parameters.items():
            if parameter["in"] == "path":
                for odd in ("x", "%00", "..%2f..", "%e2%82%ac", "%ff%fe", "a" * 300):
                    path = op.template.replace("{" + name + "}", odd)
                    client.expect(f"the id {odd[:8]}", [400, 404], op.method, path, body=body, headers=op.headers)


def ask_methods(client, document):
    for path in document.root["paths"]:
        if not path.startswith("/device/"):
            items = [document.root["paths"][template] for _, template, pattern in document.paths if pattern.fullmatch(path)]
            allowed = {method.upper() for item in items for method in item if method.upper() in METHODS}
            for method in sorted(set(METHODS) - allowed):
                headers, _ = client.expect("a method that is not there", [405], method, path, body=None if method in ("GET", "DELETE") else "{}")
                told = {word.strip() for word in (headers.get("Allow") or "").split(",")} - {"HEAD", "OPTIONS"}
                if told != allowed:
                    client.faults.append(f"{method} {path}: Allow names {sorted(told)}, not {sorted(allowed)}")


def main():
    document = Document(sys.argv[1])
    client = Client(document, sys.argv[2], sys.argv[3], dict(zip(("admin", "metrics", "codes"), sys.argv[4:7])))
    ask_methods(client, document)
    for method, path, operation in document.operations():
        if path.startswith("/device/"):
            continue
        op = Operation(document, method, path, operation)
        ask_callers(client, op)
        ask_queries(client, op)
        ask_absent(client, op)
        if op.is_json:
            ask_texts(client, op)
            ask_fields(client, op)
    for fault in client.faults[:60]:
        print(fault)
    if client.faults:
        sys.exit(f"{len(client.faults)} of {client.asked} wrong requests were not answered as they should")
    print(f"  ok  {client.asked} wrong requests are answered with the right 4xx, which names the place")


if __name__ == "__main__":
    main()
