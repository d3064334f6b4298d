"""Firmware: images that are uploaded, keys, releases that are drafted, approved, signed, published and withdrawn."""

import base64
import hashlib
import os
import ssl
import subprocess

from chapter import Chapter, Gone, Lost, run


class Upload(Chapter):
    """An upload in two parts: short, for every commit."""

    def play(self, server):
        self.upload(self.api(server), b"short firmware" * 3, parts=2)

    def upload(self, api, content, parts, filename="f.bin"):
        """What is acknowledged of an upload stays; when it was whole, its bytes are those that came."""
        order = {"product": "default", "filename": filename, "size": len(content), "version": "1.0", "sha256": hashlib.sha256(content).hexdigest()}
        upload = self.change(api, "POST", "/api/v1/firmware/uploads", order)
        path = "/api/v1/firmware/uploads/" + upload["id"]
        whole = lambda a: [i for i in a.get("/api/v1/firmware/images?limit=100")["images"] if i["sha256"] == order["sha256"] and i["state"] == "ready"]
        self.note("upload", lambda a: "offset" in a.get(path) or whole(a))
        for n in range(parts):
            begin, end = n * len(content) // parts, (n + 1) * len(content) // parts
            kind = {"Content-Type": "application/partial-upload", "Upload-Offset": str(begin)}
            last = self.change(api, "PATCH", path, content[begin:end], headers=kind, recorded=end == len(content))
            if end < len(content):
                self.note("bytes", lambda a, end=end: a.get(path).get("offset", -1) >= end or whole(a))
        self.note("image", lambda a: whole(a) and a.bytes(f"/api/v1/firmware/images/{whole(a)[0]['id']}/content") == content)
        return last


class Release(Upload):
    def play(self, server):
        api = self.api(server)
        image = self.upload(api, b"firmware in parts" * 5000, parts=3)
        self.release(server, api, image["id"])

    def release(self, server, api, image, sequence=40):
        """What was published stays so, with the manifest that was signed; and no older copy publishes below it."""
        key = self.make(api, "/api/v1/firmware/keys", {"name": f"release-{sequence}", "role": "manifest"}, role="manifest")
        order = {"product": "default", "images": [{"image": image}], "manifest_key": key["id"], "version": f"1.0.{sequence}", "sequence": sequence}
        release = self.make(api, "/api/v1/firmware/releases", order)
        path = "/api/v1/firmware/releases/" + release["id"]
        self.note("draft", lambda a: a.get(path)["subject_sha256"] == release["subject_sha256"])
        self.act(api, path, "approve", state=("signing", "approved", "published"))
        self.until(server, lambda: api.get(path).get("state") != "signing", "the signature")
        signed = self.want(api.call("GET", path), 200)[0]["manifest_sha256"]
        self.note("signed", lambda a: hashlib.sha256(a.bytes(path + "/manifest")).hexdigest() == signed)
        self.act(api, path, "publish", state="published")
        self.note("published", None, lambda rows: rows.one("SELECT sequence FROM firmware_line") == (sequence,))
        return path


class Signing(Release):
    """Keys and their ends, signatures from elsewhere, boot keys, statements of a recovery key, and what becomes of images and releases."""

    def play(self, server):
        api = self.api(server)
        content = b"an image" * 500
        image = self.image(api, "one.bin", content)
        path = self.release(server, api, image["id"], 7)
        self.moved(api, "PUT", path + "/sbom", {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": []}, path, {})
        self.act(api, path, "withdraw", {"reason": "devices do not start"}, state="withdrawn")
        self.drafts(api, image["id"])
        self.alter(api, "/api/v1/firmware/images/" + image["id"], {"hold_until": "2036-11-25T00:00:00Z", "hold_reason": "ten years"}, hold_reason="ten years")
        self.remove(api, "/api/v1/firmware/images/" + self.image(api, "two.bin", b"another")["id"])
        self.drop(api)
        self.beside_it(api, image["id"], content)
        self.keys(api)
        self.statement(server, api)

    def image(self, api, name, content):
        where = f"/api/v1/firmware/images?product=default&filename={name}&format=raw&version=1.0"
        kind = {"Content-Type": "application/octet-stream"}
        return self.make(api, where, content, headers=kind, state="ready", sha256=hashlib.sha256(content).hexdigest())

    def drafts(self, api, image):
        key = self.make(api, "/api/v1/firmware/keys", {"name": "drafts", "role": "manifest"})
        order = {"product": "default", "images": [{"image": image}], "manifest_key": key["id"], "version": "2.0"}
        release = self.make(api, "/api/v1/firmware/releases", order, state="draft")
        path = "/api/v1/firmware/releases/" + release["id"]
        self.alter(api, path, {"notes": "closes two holes"})
        self.remove(api, path)

    def drop(self, api):
        order = {"product": "default", "filename": "f.bin", "size": 30, "version": "3.0", "sha256": hashlib.sha256(b"never").hexdigest()}
        upload = self.make(api, "/api/v1/firmware/uploads", order)
        self.remove(api, "/api/v1/firmware/uploads/" + upload["id"])

    def beside_it(self, api, image, content):
        """A signature that openssl makes, under a key that the boot loader trusts."""
        key, public, signature, file = (os.path.join(self.work, "boot" + end) for end in (".key", ".pem", ".sig", ".bin"))
        run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        run("openssl", "pkey", "-in", key, "-pubout", "-out", public)
        with open(file, "wb") as out:
            out.write(content)
        run("openssl", "dgst", "-sha256", "-sign", key, "-out", signature, file)
        with open(public, encoding="ascii") as pem:
            boot = self.make(api, "/api/v1/firmware/boot-keys", {"name": "boot", "product": "default", "kind": "detached", "public": pem.read()}, name="boot")
        with open(signature, "rb") as der:
            text = der.read()
        path = f"/api/v1/firmware/images/{image}/signatures"
        made = self.change(api, "POST", path, {"signature": base64.b64encode(text).decode()})
        self.note("signature", lambda a: a.bytes(f"{path}/{made['id']}") == text)
        self.act(api, "/api/v1/firmware/boot-keys/" + boot["id"], "revoke", state="revoked")

    def keys(self, api):
        made = self.make(api, "/api/v1/firmware/keys", {"name": "updates", "role": "cms", "algorithm": "ecdsa-p256"}, state="active")
        path = "/api/v1/firmware/keys/" + made["id"]
        request, leaf = (os.path.join(self.work, "updates" + end) for end in (".csr", ".crt"))
        with open(request, "wb") as file:
            file.write(self.want(api.call("GET", path + "/csr", None, {"Accept": "application/x-pem-file"}), 200)[0])
        self.base.maker.certify(request, leaf)
        with open(leaf, encoding="ascii") as file:
            pem = file.read()
        self.moved(api, "PUT", path + "/certificate", {"certificate": pem}, path, {"certificate": lambda now: ssl.PEM_cert_to_DER_cert(now) == ssl.PEM_cert_to_DER_cert(pem)})
        self.act(api, path, "retire", state="retired")
        made = self.make(api, "/api/v1/firmware/keys", {"name": "leaked", "role": "manifest"}, state="active")
        path = "/api/v1/firmware/keys/" + made["id"]
        self.act(api, path, "compromised", state="compromised")
        self.change(api, "POST", path + "/replaced", {}, recorded=False)  # its record is that of the alarm that ends
        alarms = lambda a: [alarm for alarm in a.get("/api/v1/alarms")["alarms"] if alarm["kind"] == "firmware_key.compromised"]
        self.note("the end of the alarm", lambda a: not alarms(a))

    def statement(self, server, api):
        """The devices of a product trust another pair of keys."""
        key, public, signing, statement = (os.path.join(self.work, "recovery" + end) for end in (".key", ".pem", ".signing", ".statement"))
        run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        run("openssl", "pkey", "-in", key, "-pubout", "-out", public)
        with open(signing, "w", encoding="ascii") as file:
            file.write(self.make(api, "/api/v1/firmware/keys", {"name": "next", "role": "manifest"})["public_key"])
        self.tool(server, "firmware-anchors", "statement", "--recovery-key", key, "--signing-public", signing, "--recovery-public", public, "--product",
                  "default", "--sequence", "3", "--output", statement)
        with open(statement, "rb") as file:
            text = base64.b64encode(file.read()).decode()
        path = "/api/v1/products/default/firmware-anchors"
        self.moved(api, "PUT", path, {"statement": text}, path, {"sequence": 3})

    def tool(self, server, *words):
        """The command of operators."""
        done = subprocess.run([self.options.whorl, "--server", server.management, "--ca", self.base.ca, *words], check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=dict(os.environ, WHORL_TOKEN=self.base.token, XDG_CONFIG_HOME=self.work))
        if done.returncode != 0:
            if server.is_gone():
                raise Gone()
            raise Lost(f"whorl {' '.join(words)}: {done.stdout.decode()}")
