#!/usr/bin/env python3
"""Clients of hawkBit's DDI that are not in Debian, by their habits: ddi_clients.py rauc|zephyr DEVICE-URL CA CERTIFICATE KEY CONTROLLER IMAGE.
Each polls, tells what it is, fetches and reports success, reads exactly the fields that the client reads, and fails where the client would."""

import hashlib
import http.client
import json
import re
import ssl
import sys
import urllib.parse


def fail(text):
    sys.exit(f"FAILED: {text}")


def need(condition, text):
    if not condition:
        fail(text)


class Device:
    def __init__(self, url, ca, certificate, key, headers):
        place = urllib.parse.urlsplit(url)
        context = ssl.create_default_context(cafile=ca)
        context.load_cert_chain(certificate, key)
        self.netloc, self.headers = place.netloc, headers
        self.connection = http.client.HTTPSConnection(place.hostname, place.port, context=context, timeout=20)

    def ask(self, method, path, body=None, headers=None, wanted=(200,)):
        if path.startswith("http"):
            need(path.startswith(f"https://{self.netloc}/"), f"a link elsewhere: {path}")
            path = path[len(f"https://{self.netloc}"):]
        sent = {**self.headers, **(headers or {})}
        if body is not None:
            sent["Content-Type"] = "application/json;charset=UTF-8"
            body = json.dumps(body)
        self.connection.request(method, path, body=body, headers=sent)
        answer = self.connection.getresponse()
        data = answer.read()
        need(answer.status in wanted, f"{method} {path}: {answer.status} {data[:300]!r}")
        need(answer.getheader("Content-Length") is not None and answer.getheader("Transfer-Encoding") is None, f"{path}: no Content-Length")
        return answer, data

    def json(self, path):
        return json.loads(self.ask("GET", path)[1])


def status(execution, finished, details=(), progress=None):
    result = {"finished": finished, **({"progress": progress} if progress else {})}
    return {"execution": execution, "result": result, "details": list(details)}


# --- rauc-hawkbit-updater ----------------------------------------------------------------------------------


def rauc_fetch(device, link, size, image):
    """As curl with CURLOPT_RESUME_FROM_LARGE does after a break; then as RAUC streams: many small parts, one after another on one connection."""
    answer, first = device.ask("GET", link, headers={"Range": f"bytes=0-{size // 3}"}, wanted=(206,))
    answer, rest = device.ask("GET", link, headers={"Range": f"bytes={len(first)}-"}, wanted=(206,))
    need(answer.getheader("Content-Range") == f"bytes {len(first)}-{size - 1}/{size}", "the rest of it is another")
    need(first == image[: len(first)], f"other bytes at the beginning: {len(first)}")
    need(first + rest == image, f"other bytes: {len(first)} and {len(rest)} of {len(image)}")
    for at in range(300):
        _, part = device.ask("GET", link, headers={"Range": f"bytes={at * 8}-{at * 8 + 7}"}, wanted=(206,))
        need(part == image[at * 8 : at * 8 + 8], f"other bytes at {at * 8}")
    return first + rest


def rauc(device, controller, image):
    base = f"/default/controller/v1/{controller}"
    root = device.json(base)
    need(re.fullmatch(r"\d+:\d+:\d+", root["config"]["polling"]["sleep"]), "no polling time")
    links = root["_links"]
    if "configData" in links:
        device.ask("PUT", links["configData"]["href"], {"mode": "merge", "data": {"product": "gateway"}, "id": "", "time": "", "status": status("closed", "success")})
        need("configData" not in device.json(base)["_links"], "asked again for what it told")
    need("cancelAction" not in links, "a cancel beside a deployment")
    deployment = device.json(links["deploymentBase"]["href"])
    action, inner = deployment["id"], deployment["deployment"]
    need(isinstance(action, str) and inner["download"] == "forced" and inner["update"] == "forced", "another deployment")
    need(inner.get("maintenanceWindow") in (None, "available"), "outside of its window")
    need(len(inner["chunks"]) == 1 and len(inner["chunks"][0]["artifacts"]) == 1, "several objects are not supported")
    chunk = inner["chunks"][0]
    artifact = chunk["artifacts"][0]
    need(isinstance(chunk["version"], str) and isinstance(chunk["name"], str) and isinstance(artifact["size"], int), "a field is missing")
    feedback = f"{base}/deploymentBase/{action}/feedback"

    def report(execution, finished, *details):
        device.ask("POST", feedback, {"id": action, "time": "20261122T170402", "status": status(execution, finished, details)})

    report("proceeding", "none", "Starting download")
    link = artifact["_links"].get("download", artifact["_links"].get("download-http"))["href"]
    content = rauc_fetch(device, link, artifact["size"], image)
    need(hashlib.sha1(content).hexdigest() == artifact["hashes"]["sha1"], "the checksum differs")
    report("downloaded", "none", "Download complete")
    report("proceeding", "none", "Installing")
    report("closed", "success", "Software bundle installed successfully.")
    need("deploymentBase" not in device.json(base).get("_links", {}), "offered again")
    device.ask("POST", feedback, {"id": action, "status": status("proceeding", "none")}, wanted=(410,))


# --- Zephyr ------------------------------------------------------------------------------------------------


def zephyr(device, controller, image):
    base = f"/DEFAULT/controller/v1/{controller}"
    root = device.json(base)
    need(len(root["config"]["polling"]["sleep"]) == 8, "the polling time has another length")
    links = root["_links"]
    if "configData" in links:
        device.ask("PUT", links["configData"]["href"], {"mode": "merge", "data": {"VIN": "JH4TB2H26CC000000", "hwRevision": "3"}, "id": "", "time": "",
                                                        "status": status("closed", "success", [""])})
    link = links["deploymentBase"]["href"]
    need("/DEFAULT/controller/v1" in link and len(link.split("deploymentBase/")[1]) <= 49, f"its buffers do not take {link}")
    answer, text = device.ask("GET", link)
    need(len(text) <= 1100, f"{len(text)} bytes for a buffer of 1100")
    deployment = json.loads(text)
    action = deployment["id"]
    need(action.isdecimal() and not action.endswith("0") and int(action) < 2**31, f"the id {action}")
    need(len(deployment["deployment"]["chunks"]) == 1, "several chunks")
    chunk = deployment["deployment"]["chunks"][0]
    need(chunk["part"] == "bApp" and len(chunk["artifacts"]) == 1, "another part, or several artifacts")
    artifact = chunk["artifacts"][0]
    href = artifact["_links"]["download-http"]["href"]
    need("/DEFAULT/controller/v1" in href, "a path that older ones do not find")
    _, content = device.ask("GET", href)
    need(len(content) == artifact["size"] and hashlib.sha256(content).hexdigest() == artifact["hashes"]["sha256"] and content == image, "other bytes")
    feedback = f"{base}/deploymentBase/{action}/feedback"
    for _ in range(2):  # again after its restart, since it remembers the id
        device.ask("POST", feedback, {"id": action, "status": status("closed", "success")})
    need("deploymentBase" not in device.json(base).get("_links", {}), "offered again")


def main(kind, url, ca, certificate, key, controller, image):
    accept = {"rauc": "application/json;charset=UTF-8", "zephyr": "application/hal+json"}[kind]
    with open(image, "rb") as file:
        content = file.read()
    {"rauc": rauc, "zephyr": zephyr}[kind](Device(url, ca, certificate, key, {"Accept": accept}), controller, content)


if __name__ == "__main__":
    main(*sys.argv[1:])
