#!/usr/bin/env python3
"""Whose objects a caller sees: foreign_tenant.py DOCUMENT URL CA TOKEN-OF-ONE TOKEN-OF-OTHER DEVICE-ID SERIAL BOOT-KEY.PEM. One of each kind of
object is made in one tenant; then every operation of the description that names an object is called by an administrator of another tenant,
with the body of the description's example, so that nothing but the tenant can be wrong. Each answer must be 404, as for what is nowhere; no
list of the other tenant may name any of them; and the first tenant's objects are byte for byte what they were. An operation that is added
is called; a kind of object that nobody makes here is a fault."""

import base64
import hmac
import json
import struct
import sys
import time

from bad_requests import METHODS, Client
from check_openapi import Document

V1 = "/api/v1/"
# of the installation, not of a tenant: tests/unit/api/test_authorisation.c has who may call them
INSTALLATION = {"tenants"}
# what a second parameter is, where it is not an object of its own
SECOND = {"version": "1", "signature": "01a20ee7-5399-7cd2-a71d-6bbd3bd4a0d7", "delivery": "01a20ee7-5399-7cd2-a71d-6bbd3bd4a0d7"}


class World:
    """The objects of the first tenant, by the path that they hang under."""

    def __init__(self, client, device, serial, boot_key):
        self.client, self.objects, self.device = client, {"devices": device, "certificates": serial}, device
        self.make("hubs", {"name": "theirs", "host": "mqtt.example.com", "port": 8883})
        self.make("products", {"name": "vendors", "admission": "vendor_ca"})
        product = self.make("products", {"name": "theirs", "admission": "token"})
        self.make("batches", {"name": "theirs", "product": "theirs", "devices": ["7c1d0b5a4e2f9386a1b0c9d8e7f60514233241506f7e8d9cabb0c1d2e3f40516"]})
        self.make("tokens", {"name": "theirs", "scopes": ["devices:read"]})
        self.make("client-certificates", {"name": "theirs", "spki_sha256": "3b" * 32, "scopes": ["devices:read"]})
        self.make("enrolment-codes", {"name": "theirs", "kind": "batch", "product": "theirs", "use_limit": 5})
        self.make("vendor-cas", self.example("vendor-cas", product="vendors"))
        self.make("webhooks", {"name": "theirs", "url": "https://127.0.0.1:9/hook", "types": ["device.*"]})
        self.make("users", {"name": "theirs", "roles": ["operator"]})
        self.make("roles", {"name": "theirs", "scopes": ["devices:read"]}, field="name")
        self.make("profiles", self.example("profiles", name="theirs"), field="name")
        self.make("authorities", {"role": "device", "tenant": True})
        self.make("rekey-plans", {"name": "theirs", "filter": {"all": True}})
        self.make("firmware/boot-keys", self.example("firmware/boot-keys", product="theirs", public=boot_key))
        key = self.make("firmware/keys", {"name": "theirs", "product": "theirs", "role": "manifest"})
        image = self.upload()
        release = self.make("firmware/releases", {"product": "theirs", "images": [{"image": image}], "manifest_key": key, "sequence": 1})
        self.make("firmware/uploads", self.example("firmware/uploads", product="theirs"))
        self.must(200, "POST", f"{V1}firmware/releases/{release}/approve")
        self.wait_for(f"{V1}firmware/releases/{release}", "approved")
        self.must(200, "POST", f"{V1}firmware/releases/{release}/publish")
        self.make("rollouts", {"name": "theirs", "release_id": release, "filter": {"all": True}})
        tomorrow = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400))
        self.make("transfers", {"to_tenant": "third", "batch_id": self.objects["batches"], "expires_at": tomorrow})
        self.log_in()
        self.objects["operations"] = self.must(202, "POST", f"{V1}products/{product}/revoke", {"reason": "superseded"})["id"]
        self.must(200, "PATCH", V1 + "dual-control", {"kinds": ["device.compromised"]}, headers=[("If-Match", "*")])
        self.objects["approvals"] = self.must(202, "POST", f"{V1}devices/{device}/compromised", {"reason": "cloned"})["id"]

    def must(self, wanted, method, path, body=None, headers=(), token="admin"):
        text = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        status, _, value = self.client.ask(method, path, body=text, headers=headers, token=token)
        if status != wanted:
            raise SystemExit(f"{method} {path}: {status} instead of {wanted}: {value}")
        return value

    def example(self, family, **changes):
        content = self.client.document.root["paths"][V1 + family]["post"]["requestBody"]["content"]["application/json"]
        return {**content["example"], **changes}

    def make(self, family, body, field="id"):
        value = self.must(201, "POST", V1 + family, body)
        self.objects[family] = value[field]
        return value[field]

    def upload(self):
        value = self.must(201, "POST", f"{V1}firmware/images?product=theirs&filename=image.bin&format=raw&version=1.0", b"bytes of theirs",
                          headers=[("Content-Type", "application/octet-stream")])
        self.objects["firmware/images"] = value["id"]
        return value["id"]

    def wait_for(self, path, state):
        for _ in range(500):
            if self.must(200, "GET", path)["state"] == state:
                return
            time.sleep(0.02)
        raise SystemExit(f"{path} is not {state}")

    def text_of(self, path):
        """The answer to the other tenant, whatever its form."""
        connection = self.client.connection
        connection.request("GET", path, headers={"Authorization": "Bearer " + self.client.tokens["other"]})
        return connection.getresponse().read().decode(errors="replace")

    def log_in(self):
        invited = self.must(201, "POST", V1 + "users", {"name": "somebody", "roles": ["operator"]})
        code = {"code": invited["invitation"]}
        secret = self.must(200, "POST", V1 + "invitations/accept", {**code, "password": "mint-gravel-otter-7"}, token=None)["totp_secret"]
        self.must(200, "POST", V1 + "invitations/confirm", {**code, "totp": totp(secret, 0)}, token=None)
        login = {"tenant": "default", "name": "somebody", "password": "mint-gravel-otter-7", "totp": totp(secret, 1)}
        self.objects["sessions"] = self.must(200, "POST", V1 + "login", login, token=None)["session_id"]

    def path_of(self, template):
        """The template with the first tenant's objects in its places, or None where there is none."""
        family, rest = template[len(V1):].split("/{", 1)
        if family not in self.objects:
            return None
        parts = ("{" + rest).split("/")
        name = parts[0][1:-1]
        own = self.objects[family]
        parts[0] = "theirs" if name == "name" else own
        for n, part in enumerate(parts[1:], 1):
            if part.startswith("{"):
                parts[n] = self.device if part == "{device}" else SECOND[part[1:-1]]
        return f"{V1}{family}/{'/'.join(parts)}"


def totp(secret, ahead):
    """RFC 6238, of the step that is `ahead` of this one: a step is taken once."""
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30 + ahead), "sha1")
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7FFFFFFF) % 1000000:06}"


def operations_of(document):
    for template, item in document.root["paths"].items():
        for method in METHODS:
            if template.startswith(V1) and method.lower() in item:
                yield template, method, item[method.lower()]


def body_of(operation, certificate):
    """(body, headers): the example of the description; where that is an abbreviated certificate, a whole one."""
    content = operation.get("requestBody", {}).get("content", {})
    headers = [("If-Match", "*"), ("Upload-Offset", "0")]
    if not content:
        return None, headers
    kind, media = next(iter(content.items()))
    example = media.get("example", "bytes")
    if isinstance(example, dict) and "certificate" in example:
        example = {**example, "certificate": certificate}
    return (example if isinstance(example, str) else json.dumps(example)).encode(), [*headers, ("Content-Type", kind)]


def scopes_of(operation):
    return {scope for item in operation.get("security", []) for scope in item.get("bearer", [])}


def look_at(world, operations, token):
    """What the first tenant reads of its objects: (template, answer)."""
    for template, method, operation in operations:
        if method == "GET" and "{" in template and template.count("{") == 1 and world.path_of(template):
            status, _, value = world.client.ask("GET", world.path_of(template), token=token)
            yield template, (status, value if status == 200 else None)


def main():
    document = Document(sys.argv[1])
    url, ca, one, other, device, serial, boot_key = sys.argv[2:9]
    with open(boot_key, encoding="ascii") as file:
        world = World(Client(document, url, ca, {"admin": one, "other": other}), device, serial, file.read())
    with open(ca, encoding="ascii") as file:
        certificate = file.read()
    operations = list(operations_of(document))
    before = dict(look_at(world, operations, "admin"))
    faults, called = [f"{template}: its own tenant gets {status}" for template, (status, _) in before.items() if status not in (200, 404, 409)], 0
    for template, method, operation in operations:
        if "{" not in template or template[len(V1):].split("/")[0] in INSTALLATION or scopes_of(operation) == {"installation"}:
            continue
        path = world.path_of(template)
        if path is None:
            faults.append(f"{template}: nobody makes such an object here")
            continue
        body, headers = body_of(operation, certificate)
        status, _, value = world.client.ask(method, path, body=body, headers=headers, token="other")
        called += 1
        if status != 404:
            faults.append(f"{method} {template} as another tenant: {status}: {json.dumps(value)[:200]}")
    for template, method, operation in operations:  # and no list names them
        if method == "GET" and "{" not in template and "events/stream" not in template:
            text = world.text_of(template)
            faults += [f"{template} as another tenant names {family} {own}" for family, own in world.objects.items() if own != "theirs" and own in text]
            called += 1
    for template, now in look_at(world, operations, "admin"):
        if now != before[template]:
            faults.append(f"{template} is not what it was: {before[template]} {now}")
    print("\n".join(faults) or f"{called} operations with the objects of another tenant: each is 404, and nothing was changed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
