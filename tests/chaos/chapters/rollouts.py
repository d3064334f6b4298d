"""Firmware that goes out, and campaigns of new keys: waves, reports, pauses, failures, ends."""

from chapter import Chapter


class Rollouts(Chapter):
    def play(self, server):
        api, units = self.api(server), [unit.copy(self.work) for unit in self.base.units[:4]]
        self.policy(api, units[0])
        self.alter(api, "/api/v1/devices/" + units[0].identity, {"labels": {"ring": "canary"}}, labels={"ring": "canary"})
        self.in_waves(server, api, units)
        self.two_in_turn(server, api, units[0])
        self.named(server, api, units)

    def policy(self, api, unit):
        path = "/api/v1/products/default/firmware-policy"
        self.moved(api, "PUT", path, {"poll_s": 60, "target_tokens": True}, path, {"poll_s": 60}, headers={"If-Match": "*"})
        self.alter(api, path, {"overdue": "exclude"})
        token = f"/api/v1/devices/{unit.identity}/firmware/target-token"
        self.change(api, "PUT", token, {})
        self.change(api, "DELETE", token)

    def draft(self, api, name, release, **more):
        rollout = self.make(api, "/api/v1/rollouts", {"name": name, "release_id": self.base.releases[release], "filter": {"all": True}, **more}, state="draft")
        return "/api/v1/rollouts/" + rollout["id"]

    def told(self, server, unit, kind="deploymentBase"):
        """The action that a poll tells: it is there from then on, and its number is not told again for another one."""
        links = lambda: unit.ddi(server, self.base)["_links"]
        self.until(server, lambda: kind in links(), kind)
        href = links()[kind]["href"]
        number = int(href.split(kind + "/")[1].split("?")[0])
        device = bytes.fromhex(unit.identity)
        self.note(f"action {number} of {unit.identity}", lambda a: self.state_of(a, unit, number) is not None,
                  lambda rows: (rows.one("SELECT last_action FROM device_firmware WHERE device = ?", device) or (0,))[0] >= number)
        return number

    def state_of(self, api, unit, number):
        actions = api.get(f"/api/v1/devices/{unit.identity}/firmware")["actions"]
        return next((action["state"] for action in actions if action["id"] == str(number)), None)

    def report(self, server, unit, number, finished, state, kind="deploymentBase", execution="closed"):
        unit.ddi(server, self.base, f"/{kind}/{number}/feedback", {"id": str(number), "status": {"execution": execution, "result": {"finished": finished}}})
        self.note(f"{state}: action {number} of {unit.identity}", lambda a: self.state_of(a, unit, number) == state)

    def in_waves(self, server, api, units):
        path = self.draft(api, "waves", 0, waves=[{"label": {"ring": "canary"}}, {"count": 2}, {"percent": 100}],
                          stop_on_failure={"percent": 60, "min_devices": 2})
        self.alter(api, path, {"silent_after_s": 3600})
        self.act(api, path, "start", state="running")
        number = self.told(server, units[0])
        job = unit_job(units[0].ddi(server, self.base, f"/deploymentBase/{number}"))
        units[0].ask(server, self.base, "GET", job)
        self.report(server, units[0], number, "success", "succeeded")
        self.act(api, path, "next-wave", state="running")
        self.report(server, units[1], self.told(server, units[1]), "failure", "failed")
        self.act(api, path, "pause", state="paused")
        self.act(api, path, "resume", state="running")
        self.act(api, path, "next-wave", state="running")
        number = self.told(server, units[2])
        self.kept[path] = [{"state": ("running", "stopped")}]
        self.report(server, units[2], number, "failure", "failed")
        self.until(server, lambda: api.get(path)["state"] == "stopped", "the stop of the rollout")
        self.expect(path, "stopped", {"state": "stopped"})
        self.act(api, path, "cancel", state="cancelled")

    def two_in_turn(self, server, api, unit):
        """One that is reported without a download, one that is taken back at the device, one that ends by itself."""
        path = self.draft(api, "unverified", 1)
        self.act(api, path, "start", state="running")
        self.report(server, unit, self.told(server, unit), "success", "unverified")
        self.act(api, path, "cancel", state="cancelled")
        path = self.draft(api, "taken-back", 2)
        self.act(api, path, "start", state="running")
        number = self.told(server, unit)
        self.act(api, path, "cancel", state="cancelled")
        self.told(server, unit, "cancelAction")
        self.report(server, unit, number, "success", "cancelled", "cancelAction")
        path = self.draft(api, "ends", 3, finish_after_quiet_s=1, filter={"labels": {"ring": "canary"}})
        self.act(api, path, "start", state=("running", "finished"))
        self.report(server, unit, self.told(server, unit), "success", "unverified")
        self.until(server, lambda: api.get(path)["state"] == "finished", "the end of the rollout")
        self.expect(path, "finished", {"state": "finished"})

    def named(self, server, api, units):
        """A device polls under a name of its own, says what it runs, and loses the name again."""
        unit = units[3]
        unit.json(server, self.base, "GET", "/default/controller/v1/kitchen")
        self.note("name of its own", lambda a: a.look(f"/api/v1/devices/{unit.identity}/firmware")[1].get("controller_id") in ("kitchen", None))
        unit.json(server, self.base, "PUT", "/device/v1/firmware/attributes", {"slot": "a"})
        self.change(api, "DELETE", f"/api/v1/devices/{unit.identity}/firmware/controller")
        unit.ddi(server, self.base, "/installedBase", {"name": "app", "version": "9.9"}, "PUT")
        history = f"/api/v1/devices/{unit.identity}/history?kind=firmware.installed_offline"
        self.note("installed elsewhere", lambda a: a.get(history)["records"][0]["details"]["version"] == "9.9")
        self.note("no name of its own", lambda a: a.get(f"/api/v1/devices/{unit.identity}/firmware").get("controller_id") is None)


def unit_job(deployment):
    links = deployment["deployment"]["chunks"][0]["artifacts"][0]["_links"]
    return "/" + (links.get("download") or links["download-http"])["href"].split("/", 3)[3]


class Campaigns(Chapter):
    def play(self, server):
        api, units = self.api(server), [unit.copy(self.work) for unit in self.base.units[:4]]
        self.alter(api, "/api/v1/devices/" + units[0].identity, {"labels": {"ring": "canary"}}, labels={"ring": "canary"})
        path = self.draft(api, "p256-out", {"labels": {"ring": "canary"}}, waves=[{"label": {"ring": "canary"}}, {"percent": 100}])
        self.alter(api, path, {"rate_limit": {"devices": 50, "per": "second"}})
        self.act(api, path, "start", state="running")
        self.new_key(server, units[0])
        self.note("confirmed by the campaign", lambda a, p=path: a.get(p)["devices"]["confirmed"] == 1)
        self.act(api, path, "pause", state="paused")
        self.act(api, path, "resume", state="running")
        self.act(api, path, "next-wave", state=("running", "finished"))
        self.hasty(server, api, units)
        path = self.draft(api, "ends", {"labels": {"ring": "nobody"}}, finish_after_quiet_s=1)
        self.act(api, path, "start", state=("running", "finished"))
        self.until(server, lambda: api.get(path)["state"] == "finished", "the end of the campaign")
        self.expect(path, "finished", {"state": "finished"})
        path = self.draft(api, "taken-back", {"all": True})
        self.act(api, path, "start", state="running")
        self.act(api, path, "cancel", state="cancelled")

    def draft(self, api, name, meant, **more):
        return "/api/v1/rekey-plans/" + self.make(api, "/api/v1/rekey-plans", {"name": name, "filter": meant, **more}, state="draft")["id"]

    def new_key(self, server, unit):
        """It is told, makes its next key and uses it."""
        self.until(server, lambda: unit.status(server, self.base).get("rekey"), "the order to rekey")
        unit.enrol(server, self.base, "next", "op")
        self.certificate(unit.path("next.crt"))
        unit.status(server, self.base, "next")
        self.confirmed(unit.serial("next"))

    def hasty(self, server, api, units):
        """Two are told and do not come: one is in quarantine by then, the other has failed, which stops it."""
        for unit in units[1:3]:
            self.alter(api, "/api/v1/devices/" + unit.identity, {"labels": {"ring": "slow"}}, labels={"ring": "slow"})
        path = self.draft(api, "hasty", {"labels": {"ring": "slow"}}, confirm_within_s=1, stop_on_failure={"percent": 100})
        self.act(api, path, "start", state=("running", "stopped"))
        for unit in units[1:3]:
            self.until(server, lambda u=unit: u.status(server, self.base).get("rekey"), "the order to rekey")
        self.order(api, units[1].identity, "quarantine", "quarantined")
        self.until(server, lambda: api.get(path)["state"] == "stopped", "the stop of the campaign")
        self.expect(path, "stopped", {"state": "stopped"})
