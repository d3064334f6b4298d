#!/usr/bin/env python3
"""Whose objects a caller sees: foreign_tenant.py DOCUMENT URL CA TOKEN-OF-ONE TOKEN-OF-OTHER DEVICE-ID SERIAL BOOT-KEY.PEM. One of each kind of
object is made in one tenant; then every operation of the description that names an object is called by an administrator of another tenant,
with the body of the description's example, so that nothing but the tenant can be wrong. Each answer must be 404, as for what is nowhere; no
list of the other tenant may name any of them; and the first tenant's objects are byte for byte what they were. An operation that is added
is called; a kind of object that nobody makes here is a fault. Bodies that make something are tried with each object of the first tenant that they
may name; a field for such a name which nobody tries is a fault too."""

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
        self.boot_key = boot_key
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

    def upload(self, product="theirs", version="1.0", token="admin"):
        value = self.must(201, "POST", f"{V1}firmware/images?product={product}&filename=image.bin&format=raw&version={version}", f"bytes of {product} {version}".encode(),
                          headers=[("Content-Type", "application/octet-stream")], token=token)
        if token == "admin":
            self.objects.setdefault("firmware/images", value["id"])
        return value["id"]

    def names_of_first(self):
        """What bodies of the first tenant name."""
        mine = self.objects
        return {"product": "theirs", "vendors": "vendors", "product_id": mine["products"], "batch": "theirs", "batch_id": mine["batches"], "hub": "theirs",
                "authority": mine["authorities"], "profile": "theirs", "devices": [self.device], "roles": ["theirs"],
                "manifest_key": mine["firmware/keys"], "image": self.upload(version="2.0"), "release_id": mine["firmware/releases"]}

    def names_of_other(self):
        """The same of the other one, who has no need of the rest: each body has one object that is tried, and no more than these besides."""
        def must(family, body):
            return self.must(201, "POST", V1 + family, body, token="other")["id"]
        must("products", {"name": "makers", "admission": "vendor_ca"})
        product_id = must("products", {"name": "others", "admission": "token"})
        key = must("firmware/keys", {"name": "others", "product": "others", "role": "manifest"})
        rest = dict.fromkeys(("batch", "batch_id", "hub", "authority", "profile", "devices", "roles", "release_id"))
        return {**rest, "product": "others", "vendors": "makers", "product_id": product_id, "manifest_key": key,
                "image": self.upload("others", token="other")}

    def settle(self):
        """Until what was ordered is done, so that nothing changes by itself from here on."""
        for _ in range(500):
            if self.must(200, "GET", f"{V1}operations/{self.objects['operations']}")["state"] != "running":
                return
            time.sleep(0.02)

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


# what a field of a body names, where that is an object of a tenant
NAMES = {"product", "product_id", "batch", "batch_id", "hub", "authority", "profile", "device_id", "manifest_key", "image", "release_id", "roles", "devices"}
# fields of such a name which are no reference: devices and batches that are new, an id that several may claim, a word that the caller's own devices
# are held against whatever it is; and a rollout's filter, which a plan's reader reads
NO_REFERENCE = {("batches", "/devices"), ("batches/import", "/devices"), ("enrolment-codes", "/batch"), ("enrolment-codes", "/device_id"), ("vendor-cas", "/batch"),
                ("rekey-plans", "/filter/authority"), ("rekey-plans/dry-run", "/filter/authority"), ("rollouts", "/filter/batch"), ("rollouts", "/filter/batch_id"),
                ("rollouts/dry-run", "/filter/batch"), ("rollouts/dry-run", "/filter/batch_id")}
NOT_YET = {("products", "authority")}  # the first tenant's own has no certificate yet, so it too is told that there is none


def bodies(world, of):
    """(operation, field, body): each good in the tenant whose objects `of` names, with the one of them in a field that is tried."""
    code = {"name": f"code-{of['n']}", "kind": "batch", "product": of["product"], "use_limit": 5}
    boot_key = world.example("firmware/boot-keys", public=world.boot_key, name=f"boot-{of['n']}", product=of["product"])
    release = {"product": of["product"], "images": [{"image": of["image"]}], "manifest_key": of["manifest_key"], "sequence": 100 + of["n"]}
    rollout = {"release_id": of["release_id"], "filter": {"all": True}}
    tomorrow = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400))
    transfer = {"to_tenant": "third", "expires_at": tomorrow}
    yield "batches", "product", {"name": f"batch-{of['n']}", "product": of["product"], "devices": [f"{of['n']:064x}"]}
    yield "enrolment-codes", "product", code
    yield "vendor-cas", "vendors", world.example("vendor-cas", product=of["vendors"], name=f"ca-{of['n']}")
    yield "products", "hub", {"name": f"hub-{of['n']}", "hub": of["hub"]}
    yield "products", "profile", {"name": f"profile-{of['n']}", "profile": of["profile"], "certificate_ttl_s": 7776000}
    yield "products", "authority", {"name": f"authority-{of['n']}", "authority": of["authority"]}
    yield "users", "roles", {"name": f"user-{of['n']}", "roles": of["roles"]}
    yield "firmware/boot-keys", "product", boot_key
    yield "firmware/keys", "product", {"name": f"key-{of['n']}", "product": of["product"], "role": "manifest"}
    yield "firmware/uploads", "product", world.example("firmware/uploads", product=of["product"])
    for field in ("product", "image", "manifest_key"):
        yield "firmware/releases", field, release
    yield "rollouts", "release_id", {"name": f"rollout-{of['n']}", **rollout}
    yield "rollouts/dry-run", "release_id", rollout
    yield "transfers", "batch_id", {**transfer, "batch_id": of["batch_id"]}
    yield "transfers", "devices", {**transfer, "devices": of["devices"]}
    for field in ("product", "product_id", "batch", "batch_id"):
        yield "rekey-plans", field, {"name": f"plan-{field}-{of['n']}", "filter": {field: of[field]}}
        yield "rekey-plans/dry-run", field, {"filter": {field: of[field]}}


def try_bodies(world):
    """No body may name an object of another tenant: all others in it are the caller's own, and such a body is good in the tenant that has them, but
    for what is there already (409)."""
    first, other = world.names_of_first(), world.names_of_other()
    faults, count = [], 0
    tried = [(family, field) for family, field, _ in bodies(world, {**first, "n": 0})]
    for n, (family, field) in enumerate(tried):
        def body_of_this(of, mark):
            return json.dumps(list(bodies(world, {**of, "n": mark}))[n][2]).encode()
        foreign, _, value = world.client.ask("POST", V1 + family, body=body_of_this({**other, field: first[field]}, 1000 + n), token="other")
        own, _, said = world.client.ask("POST", V1 + family, body=body_of_this(first, 2000 + n))
        count += 1
        if foreign not in (404, 422):
            faults.append(f"POST {family} with another tenant's {field}: {foreign}: {json.dumps(value)[:200]}")
        if own not in (200, 201, 202, 409) and (family, field) not in NOT_YET:
            faults.append(f"POST {family} with one's own {field}: {own}: {json.dumps(said)[:300]}")
    return faults, count, {(family, "product" if field == "vendors" else field) for family, field in tried}


def fields_of(document, schema, path=""):
    """(pointer) of every field of a body; items of a list stand under its own."""
    schema = document.resolve(schema)
    for part in [schema, *schema.get("oneOf", []), *schema.get("anyOf", []), *schema.get("allOf", [])]:
        part = document.resolve(part)
        for name, inner in part.get("properties", {}).items():
            yield f"{path}/{name}"
            yield from fields_of(document, inner, f"{path}/{name}")
        if "items" in part:
            yield from fields_of(document, part["items"], path)


def untried(document, tried):
    """References in bodies of operations that make something, which nobody tries here."""
    for template, method, operation in operations_of(document):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if method != "POST" or "{" in template or not content:
            continue
        for pointer in sorted(set(fields_of(document, content["schema"]))):
            family, name = template[len(V1):], pointer.split("/")[-1]
            if name in NAMES and (family, name) not in tried and (family, pointer) not in NO_REFERENCE and "rate_limit" not in pointer:
                yield f"POST {template}: nobody tries another tenant's object in {pointer}"


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
    faults, called, tried = try_bodies(world)
    faults += untried(document, tried)
    world.settle()
    before = dict(look_at(world, operations, "admin"))
    faults += [f"{template}: its own tenant gets {status}" for template, (status, _) in before.items() if status not in (200, 404, 409)]
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
    print("\n".join(faults) or f"{called} operations with the objects of another tenant: each is refused as for what is nowhere, and nothing was changed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
