#!/usr/bin/env python3
"""A receiver of webhooks as an OEM would write it, after the Standard Webhooks specification, from Python's own library.

receiver.py PORT FOLDER: checks each signature with the secrets in FOLDER/secrets (one a line), answers what FOLDER/answer says (200), and
writes a line to FOLDER/log: {"id", "type", "good", "signatures", "age_s", "status", "data"}."""

import base64
import hashlib
import hmac
import http.server
import json
import os
import sys
import time

PORT, FOLDER = int(sys.argv[1]), sys.argv[2]


def read(name, otherwise=""):
    try:
        with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return otherwise


def is_good(headers, body):
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    for line in read("secrets").split("\n"):
        key = base64.b64decode(line.removeprefix("whsec_"))
        wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        if any(hmac.compare_digest(wanted, signature) for signature in headers["webhook-signature"].split(" ")):
            return True
    return False


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = int(read("answer", "200"))
        event = json.loads(body)
        with open(os.path.join(FOLDER, "log"), "a", encoding="utf-8") as log:
            print(json.dumps({"id": self.headers["webhook-id"], "same": event["id"] == self.headers["webhook-id"], "type": event["type"],
                              "good": is_good(self.headers, body), "signatures": len(self.headers["webhook-signature"].split(" ")),
                              "age_s": abs(time.time() - int(self.headers["webhook-timestamp"])), "status": status,
                              "data": event["data"]}), file=log, flush=True)
        time.sleep(float(read("delay", "0")))
        self.send_response(status)
        if read("retry_after"):
            self.send_header("Retry-After", read("retry_after"))
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
