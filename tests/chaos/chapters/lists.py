"""Lists of devices: registered, imported, revoked in one order, handed to another tenant."""

import json

from chapter import Chapter, in_future, made_up


class Lists(Chapter):
    def play(self, server):
        api = self.api(server)
        ids = [made_up("registered", n) for n in range(3)]
        batch = self.make(api, "/api/v1/batches", {"name": "lot", "devices": ids}, device_count=3)
        for identity in ids:
            self.note_state(identity, "registered")
            self.acknowledged[-1] = self.acknowledged[-1][:2] + (None,)  # lists are in no journal
        self.alter(api, "/api/v1/batches/" + batch["id"], {"name": "lot-a"})
        ids = [made_up("imported", n) for n in range(300)]
        lines = "".join(json.dumps({"id": i}) + "\n" for i in ids).encode()
        self.change(api, "POST", "/api/v1/batches/import?format=jsonl&name=imported", lines, headers={"Content-Type": "application/x-ndjson"})
        self.note("import", lambda a: all(a.look("/api/v1/devices/" + i)[0] == 200 for i in ids[::100] + ids[-1:]))
        self.revoke_many(server, api)

    def revoke_many(self, server, api):
        """One order over many devices is stopped before it begins; another goes on after the cut."""
        unit = self.base.units[1].copy(self.work)
        device, body = api.get("/api/v1/devices/" + unit.identity), {"reason": "keyCompromise", "state": "enrolled"}
        path = self.order_of(api, f"/api/v1/products/{device['product_id']}/revoke", body)
        self.act(api, path, "cancel", state="cancelled")
        self.states[unit.identity] = ("enrolled", "revoked")
        path = self.order_of(api, f"/api/v1/batches/{device['batch_id']}/revoke", body)
        self.until(server, lambda: api.get(path)["state"] == "done", "the end of the operation")
        self.expect(path, "done", {"state": "done"})
        self.note_state(unit.identity, "revoked")
        self.revoked_certificate(unit.serial())

    def order_of(self, api, where, body):
        path = "/api/v1/operations/" + self.change(api, "POST", where, body, wanted=(202,))["id"]
        self.expect(path, "ordered", {"state": ("running", "done")})
        return path


class Transfers(Chapter):
    def play(self, server):
        api, other = self.api(server), self.api(server, self.base.other)
        unit = self.base.units[2].copy(self.work)
        path = self.offer(api, unit.identity)
        self.states[unit.identity] = ("enrolled", "retired")
        self.act(other, path, "accept", {"batch": "bought"}, state=("accepted", "completed"))
        self.until(server, lambda: api.get(path)["state"] == "completed", "the end of the transfer")
        self.expect(path, "completed", {"state": "completed"})
        self.revoked_certificate(unit.serial())
        self.note("the device is the other's", lambda a: self.api(a, self.base.other).call("GET", "/api/v1/devices/" + unit.identity)[0] == 200)
        for n, who, verb, state in ((0, other, "reject", "rejected"), (1, api, "withdraw", "withdrawn")):
            self.act(who, self.offer(api, self.base.devices[n][1]), verb, state=state)

    def offer(self, api, identity):
        offer = {"to_tenant": "acme", "devices": [identity], "note": "sold", "expires_at": in_future(86400)}
        return "/api/v1/transfers/" + self.make(api, "/api/v1/transfers", offer, state="offered")["id"]
