"""What an installation is set up with: hubs, products, profiles, tokens, client certificates, tenants; webhooks; what the house writes."""

import hashlib
import http.server
import os
import threading
import time

from chapter import Chapter, Lost, in_future, run


class Things(Chapter):
    def play(self, server):
        api = self.api(server)
        hub = self.make(api, "/api/v1/hubs", {"name": "hub", "host": "broker.example"}, host="broker.example")
        self.alter(api, "/api/v1/hubs/" + hub["id"], {"port": 8884})
        self.profiles(api)
        product = self.make(api, "/api/v1/products", {"name": "sensor", "hub": "hub"}, name="sensor")
        self.alter(api, "/api/v1/products/" + product["id"], {"renew_percent": 33})
        self.tokens(api)
        tenant = self.make(api, "/api/v1/tenants", {"name": "globex"}, name="globex")
        self.alter(api, "/api/v1/tenants/" + tenant["id"], {"display_name": "Globex GmbH"})

    def profiles(self, api):
        self.make(api, "/api/v1/profiles", {"name": "gateway", "key_algorithms": ["P-256"], "max_lifetime_s": 7776000}, max_lifetime_s=7776000)
        for seconds in (2592000, 1296000):
            self.alter(api, "/api/v1/profiles/gateway", {"max_lifetime_s": seconds})
        self.make(api, "/api/v1/profiles", {"name": "gone", "key_algorithms": ["P-256"]})
        self.remove(api, "/api/v1/profiles/gone")

    def tokens(self, api):
        token = self.make(api, "/api/v1/tokens", {"name": "line", "scopes": ["devices:read"], "expires_at": in_future(86400 * 30)}, name="line")
        path = "/api/v1/tokens/" + token["id"]
        self.alter(api, path, {"name": "line-north"})
        self.act(api, path, "rotate")
        self.act(api, path, "drop-old-secret")
        self.act(api, path, "revoke", revoked_at=lambda at: at is not None)
        order = {"name": "erp", "spki_sha256": hashlib.sha256(b"erp").hexdigest(), "scopes": ["devices:read"]}
        path = "/api/v1/client-certificates/" + self.make(api, "/api/v1/client-certificates", order, name="erp")["id"]
        self.alter(api, path, {"scopes": ["audit:read"]}, scopes=["audit:read"])
        self.act(api, path, "revoke", revoked_at=lambda at: at is not None)


class Clock(Chapter):
    """A clock that jumps: nothing is issued until it is right again, or confirmed by who knows the time."""

    def more_settings(self):
        library = run("faketime", "-f", "+0s", "sh", "-c", "echo $LD_PRELOAD").strip()
        if not os.path.exists(self.time_file()):
            self.set("+0")
        return {"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": self.time_file(), "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "WHORL_SANDBOX": "off"}  # which would not read the file of the time

    def time_file(self):
        return os.path.join(self.work, "time")

    def set(self, text):
        with open(self.time_file() + ".new", "w", encoding="ascii") as file:
            file.write(text + "\n")
        os.rename(self.time_file() + ".new", self.time_file())

    def play(self, server):
        api = self.api(server)
        self.make(api, "/api/v1/hubs", {"name": "before", "host": "broker.example"})
        is_held = lambda: "clock.held" in [alarm["kind"] for alarm in api.get("/api/v1/alarms")["alarms"]]  # once it is on record
        self.set("+1h")
        self.until(server, is_held, "the doubt")
        self.set("+0")
        self.until(server, lambda: not is_held(), "the end of the doubt")
        self.set("+2h")
        self.until(server, is_held, "the doubt")
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 7200))
        self.change(api, "POST", "/api/v1/clock/confirm", {"time": at})
        self.note("the clock is confirmed", lambda a: a.get("/api/v1/clock")["is_held"] is False)
        self.make(api, "/api/v1/hubs", {"name": "after", "host": "broker.example"})


class Receiver:
    """Takes webhooks, answers as told, and at /gone that it wants no more."""

    def __init__(self):
        receiver, self.answer, self.got = self, 200, []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(self.headers["webhook-id"])
                self.send_response(410 if self.path == "/gone" else receiver.answer)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Webhooks(Chapter):
    receiver = None

    def play(self, server):
        self.receiver = Receiver()
        api = self.api(server)
        hook = self.make(api, "/api/v1/webhooks", {"name": "erp", "url": self.receiver.url, "types": ["hub.*"]}, enabled=True)
        path = "/api/v1/webhooks/" + hook["id"]
        self.alter(api, path, {"types": ["hub.*", "webhook.*"]}, types=["hub.*", "webhook.*"])
        self.make(api, "/api/v1/hubs", {"name": "told", "host": "broker.example"})
        self.until(server, lambda: self.receiver.got, "the delivery")
        event = api.get("/api/v1/events?type=hub.added")["events"][0]
        self.act(api, path, "rotate-secret")
        self.act(api, path, "drop-old-secret")
        self.act(api, path, "test")
        self.receiver.answer = 500
        self.make(api, "/api/v1/hubs", {"name": "turned-down", "host": "broker.example"})
        found = []
        self.until(server, lambda: found.extend(api.get(path + "/deliveries?state=waiting")["deliveries"]) or found, "a delivery that failed")
        self.receiver.answer = 200
        self.change(api, "POST", f"{path}/deliveries/{found[0]['id']}/retry", {}, wanted=(202, 409))
        self.act(api, path, "replay", {"after": event["id"]})
        self.gone(server, api)

    def gone(self, server, api):
        """One whose receiver wants no more, and one that is removed."""
        hook = self.make(api, "/api/v1/webhooks", {"name": "gone", "url": self.receiver.url + "gone", "types": ["product.*"]})
        path = "/api/v1/webhooks/" + hook["id"]
        self.make(api, "/api/v1/products", {"name": "unwanted"})
        self.until(server, lambda: api.get(path)["enabled"] is False, "the end of a webhook")
        self.expect(path, "disabled", {"enabled": False})
        other = self.make(api, "/api/v1/webhooks", {"name": "removed", "url": self.receiver.url, "types": ["tenant.*"]})
        self.remove(api, "/api/v1/webhooks/" + other["id"])

    def close(self):
        if self.receiver is not None:
            self.receiver.close()


class House(Chapter):
    """What the server writes by itself or is asked to: the feed's places, checkpoints of the audit log, exports, the signer that was away."""

    settings = {"WHORL_SIGNER_TIMEOUT_MS": "400"}
    with_start = True  # a checkpoint is made then

    def play(self, server):
        api = self.api(server)
        self.make(api, "/api/v1/hubs", {"name": "hub", "host": "broker.example"})
        self.feed(api)
        for path in ("/api/v1/audit/checkpoint", "/api/v1/audit/export"):
            if api.bytes(path) is None:
                raise Lost("no answer to " + path)
        token = self.beside(server, "token", "add", "--name", "beside", "--scope", "devices:read").split()[0]
        self.note("a token made beside the server", lambda a: self.api(a, token).call("GET", "/api/v1/devices")[0] == 200)

    def feed(self, api):
        """An event that was read keeps its place and its number: readers go on behind it."""
        event = self.want(api.call("GET", "/api/v1/events?type=hub.added"), 200)[0]["events"][0]

        def is_there(a):
            again = a.get("/api/v1/events?type=hub.added")["events"][0]
            status, _, _ = a.call("GET", "/api/v1/events?after=" + event["id"])
            return status == 200 and (again["id"], again["sequence"]) == (event["id"], event["sequence"])

        self.note("event", is_there)
