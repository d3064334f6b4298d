#!/usr/bin/env python3
"""The other end of `whorl-device firmware`, written by itself: makes signed manifests and statements of keys (its own CBOR, signatures by
openssl), and serves them over HTTPS as docs/device-protocol.md says, with the faults that a test asks for.

  firmware_server.py manifest OUT KEY SPEC-JSON        a release manifest
  firmware_server.py statement OUT KEY SPEC-JSON       a statement of manifest keys
  firmware_server.py serve DIR CERTIFICATE KEY         serves what DIR/offer.json says at each request; writes DIR/port, DIR/reports, DIR/ranges"""

import hashlib
import http.server
import json
import os
import pathlib
import re
import ssl
import subprocess
import sys
import uuid


def head(major, value):
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 24:
            return bytes([major << 5 | value])
        if value < 1 << 8 * size:
            return bytes([major << 5 | info]) + value.to_bytes(size, "big")
    raise ValueError(value)


def cbor(value):
    if value is None:
        return b"\xf6"
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    if isinstance(value, tuple):  # a tag and what it marks
        return head(6, value[0]) + cbor(value[1])
    pairs = sorted((cbor(key), cbor(item)) for key, item in value.items())
    return head(5, len(pairs)) + b"".join(key + item for key, item in pairs)


def openssl(*arguments, data=b""):
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


def integers(der):
    """r and s of an ECDSA-Sig-Value."""
    at, out = 2, b""
    for _ in range(2):
        size = der[at + 1]
        out += int.from_bytes(der[at + 2 : at + 2 + size], "big").to_bytes(32, "big")
        at += 2 + size
    return out


def sign1(key, payload, is_detached):
    kid = hashlib.sha256(openssl("pkey", "-in", key, "-pubout", "-outform", "DER")).digest()
    protected = cbor({1: -9, 4: kid})
    signature = openssl("dgst", "-sha256", "-sign", key, data=cbor(["Signature1", protected, b"", payload]))
    return cbor((18, [protected, {}, None if is_detached else payload, integers(signature)]))


def class_of(spec):
    vendor = uuid.uuid5(uuid.NAMESPACE_DNS, spec["tenant"])
    name = spec["product"] + ("/" + spec["model"] if spec.get("model") else "")
    return vendor, uuid.uuid5(vendor, name)


def manifest(key, spec):
    vendor, hardware = class_of(spec)
    shared, validate, install = [], [], []
    for i, part in enumerate(spec["images"]):
        image = pathlib.Path(part["file"]).read_bytes()
        digest = hashlib.sha256(image).digest()
        parameters = {1: vendor.bytes, 2: hardware.bytes, 3: cbor([-16, digest]), 14: part.get("size", len(image)),
                      21: "firmware/images/" + digest.hex(), -257: spec["version"], -259: "raw", -261: part.get("part", "")}
        if "counter" in part:
            parameters[-258] = part["counter"]
        if "least" in spec:
            parameters[-260] = spec["least"]
        shared += [12, i, 20, parameters]
        validate += [12, i, 3, 15]
        install += [12, i, 21, 15, 3, 15]
    places = [[str(i).encode()] for i in range(len(spec["images"]))]
    common = cbor({2: places, 4: cbor(shared + [1, 15, 2, 15])})
    body = cbor({1: 1, 2: spec["sequence"], 3: common, 7: cbor(validate), 20: cbor(install)})
    digest = cbor([-16, hashlib.sha256(cbor(body)).digest()])
    return cbor((107, {2: cbor([digest, sign1(key, digest, True)]), 3: body}))


def statement(key, spec):
    _, product = class_of(spec)
    points = [openssl("pkey", "-pubin", "-in", spec[name], "-pubout", "-outform", "DER")[-65:] for name in ("signing", "recovery")]
    return sign1(key, cbor(["whorl-anchors", 1, product.bytes, spec["sequence"], *points]), False)


class Answer(http.server.BaseHTTPRequestHandler):
    """offer.json: action, manifest (file), images {sha256: file}, window, cancelling, anchors [sequence, file], cut (bytes of an image after
    which the line is dead), closed (reports are answered 410)."""

    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.offer = {}

    def look(self):
        self.offer = json.loads((self.server.folder / "offer.json").read_text())
        return self.offer

    def note(self, name, line):
        with (self.server.folder / name).open("a") as file:
            file.write(line + "\n")

    def give(self, status, body=b"", **fields):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def poll(self, offer):
        answer = {"poll_after_s": 60, "anchors_sequence": offer.get("anchors", [0])[0]}
        if "action" in offer:
            envelope = pathlib.Path(offer["manifest"]).read_bytes()
            answer["action"] = {"id": str(offer["action"]), "state": "cancelling" if offer.get("cancelling") else "offered", "forced": True,
                                "window": offer.get("window", True), "manifest": f"firmware/manifest/{offer['action']}",
                                "manifest_sha256": hashlib.sha256(envelope).hexdigest(), "artifacts": []}
        self.give(200, json.dumps(answer).encode(), Content_Type="application/json")

    def image(self, offer, digest):
        if digest not in offer.get("images", {}):
            return self.give(404)
        data = pathlib.Path(offer["images"][digest]).read_bytes()
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"])
        first, last = int(wanted.group(1)), min(int(wanted.group(2)), len(data) - 1)
        self.note("ranges", f"{first}-{last}")
        if first >= len(data):
            return self.give(416, Content_Range=f"bytes */{len(data)}")
        body = data[first : last + 1]
        if offer.get("cut", len(data)) <= last:  # the head promises all of it
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: max(0, offer["cut"] - first)])
            self.close_connection = True
            return None
        return self.give(206, body, Content_Range=f"bytes {first}-{last}/{len(data)}")

    def do_GET(self):
        offer = self.look()
        path = self.path.removeprefix("/device/v1/firmware")
        if path == "":
            self.poll(offer)
        elif path == f"/manifest/{offer.get('action')}":
            self.give(200, pathlib.Path(offer["manifest"]).read_bytes(), Content_Type="application/suit-envelope+cose")
        elif path == "/anchors" and "anchors" in offer:
            self.give(200, pathlib.Path(offer["anchors"][1]).read_bytes())
        elif path.startswith("/images/"):
            self.image(offer, path.removeprefix("/images/"))
        else:
            self.give(404)

    def do_POST(self):
        offer = self.look()
        report = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/device/v1/firmware/report" or offer.get("closed") or report["action"] != str(offer.get("action")):
            return self.give(410)
        self.note("reports", report["state"])
        if report["state"] in ("success", "failure", "rejected", "cancelled"):  # the action is over
            (self.server.folder / "offer.json").write_text(json.dumps({k: v for k, v in offer.items() if k != "action"}))
        return self.give(204)

    def log_message(self, *args):
        pass


def serve(folder, certificate, key):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    server.folder = pathlib.Path(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    (server.folder / "port.new").write_text(str(server.server_port))
    os.rename(server.folder / "port.new", server.folder / "port")
    server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(*sys.argv[2:5])
    else:
        made = (manifest if sys.argv[1] == "manifest" else statement)(sys.argv[3], json.loads(sys.argv[4]))
        pathlib.Path(sys.argv[2]).write_bytes(made)
