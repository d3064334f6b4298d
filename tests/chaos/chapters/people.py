"""People and their sessions, roles, and actions that wait for a second person."""

import base64
import hashlib
import hmac
import time

from chapter import Chapter, in_future

PASSWORDS = "mint-gravel-otter-7", "slate-comet-barley-2"


def totp(secret, ahead=0):
    digest = hmac.new(base64.b32decode(secret), (int(time.time() + ahead) // 30).to_bytes(8, "big"), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at:at + 4], 'big') & 0x7fffffff) % 1000000:06d}"


class People(Chapter):
    def play(self, server):
        api, nobody = self.api(server), self.api(server, "")
        self.roles(api)
        ada = self.make(api, "/api/v1/users", {"name": "ada", "display_name": "Ada", "roles": ["operator"]}, name="ada", state=("invited", "active"))
        path = "/api/v1/users/" + ada["id"]
        nobody.call("POST", "/api/v1/invitations/accept", {"code": ada["invitation"][:-3] + "000", "password": PASSWORDS[0]})
        secret, recovery = self.take_up(nobody, path, ada["invitation"])
        nobody.call("POST", "/api/v1/login", {"name": "ada", "password": "wrong-bottle-maple-1", "totp": "000000"})
        session, ended = (self.log_in(server, nobody, recovery_code=recovery[n]) for n in (0, 1))
        order = {"old_password": PASSWORDS[0], "new_password": PASSWORDS[1], "totp": totp(secret, 30)}
        self.change(session, "POST", "/api/v1/me/password", order, wanted=(204,))
        self.note("the old password is none", lambda a: self.may_log_in(a, PASSWORDS[0], recovery[2]) != 200)
        self.alter(api, path, {"display_name": "Ada L.", "roles": ["operator", "line"]}, display_name="Ada L.", roles=["line", "operator"])
        third = self.log_in(server, nobody, PASSWORDS[1], recovery_code=recovery[3])
        self.change(api, "POST", f"/api/v1/sessions/{third.token.split('_')[1]}/revoke", {}, wanted=(204,))
        self.is_over(third)
        self.change(session, "POST", "/api/v1/logout", {}, wanted=(204, 401))
        self.is_over(session)
        self.is_over(ended)
        self.act(api, path, "disable", state="disabled")
        self.act(api, path, "enable", state="active")
        self.act(api, path, "reset", state="invited")

    def roles(self, api):
        self.make(api, "/api/v1/roles", {"name": "line", "description": "of ours", "scopes": ["devices:read"]}, description="of ours")
        self.alter(api, "/api/v1/roles/line", {"description": "of the line"})
        self.make(api, "/api/v1/roles", {"name": "gone", "scopes": ["devices:read"]})
        self.remove(api, "/api/v1/roles/gone")

    def take_up(self, nobody, path, code):
        """An invitation is accepted, and the authenticator confirmed."""
        secret = self.change(nobody, "POST", "/api/v1/invitations/accept", {"code": code, "password": PASSWORDS[0]})["totp_secret"]
        return secret, self.moved(nobody, "POST", "/api/v1/invitations/confirm", {"code": code, "totp": totp(secret)}, path,
                                  {"state": "active"})["recovery_codes"]

    def log_in(self, server, nobody, password=PASSWORDS[0], **factor):
        body = self.change(nobody, "POST", "/api/v1/login", {"name": "ada", "password": password, **factor})
        return self.api(server, body["session"])

    def is_over(self, session):
        """A session that was ended is no key any more, whatever server one asks."""
        token = session.token

        def is_refused(api):
            asked = self.api(api, token)
            return asked.call("GET", "/api/v1/whoami")[0] == 401

        self.note("the end of a session", is_refused)

    def may_log_in(self, server, password, recovery):
        return self.api(server, "").call("POST", "/api/v1/login", {"name": "ada", "password": password, "recovery_code": recovery})[0]


class Approvals(Chapter):
    """Dual control: what waits, and what becomes of it."""

    def play(self, server):
        api, second = self.api(server), self.api(server, self.base.second)
        self.alter(api, "/api/v1/dual-control", {"kinds": ["device.compromised"]}, kinds=["device.compromised"])
        product = self.make(api, "/api/v1/products", {"name": "careful"})
        self.alter(api, f"/api/v1/products/{product['id']}/dual-control", {"kinds": ["devices.revoke_many"]}, kinds=["devices.revoke_many"])
        done, no, back, late = [self.ask(api, self.base.devices[n][1]) for n in (0, 1, 2, 3)]
        self.states[self.base.devices[0][1]] = ("registered", "compromised")
        self.act(second, done, "approve", {"comment": "seen"}, state="executed")
        self.note_state(self.base.devices[0][1], "compromised")
        self.act(second, no, "reject", state="rejected")
        self.act(api, back, "withdraw", state="withdrawn")
        self.order(api, self.base.devices[3][1], "quarantine", "quarantined")
        self.kept[late] = [{"state": "pending"}, {"state": "void"}]
        self.want(second.call("POST", late + "/approve", {}), 409)
        self.expect(late, "void", {"state": "void"})
        self.fails(api, second)
        off = self.change(api, "PATCH", "/api/v1/dual-control", {"kinds": []}, wanted=(202,), headers={"If-Match": "*"})
        self.expect("/api/v1/approvals/" + off["id"], "waits", {"state": "pending"})

    def ask(self, api, identity):
        approval = self.change(api, "POST", f"/api/v1/devices/{identity}/compromised", {"reason": "cloned"}, wanted=(202,))
        path = "/api/v1/approvals/" + approval["id"]
        self.expect(path, "waits", {"state": "pending"})
        return path

    def fails(self, api, second):
        """Agreed to, and not possible any more: the offered devices are in quarantine by then."""
        self.alter(api, "/api/v1/dual-control", {"kinds": ["device.compromised", "transfer.offer"]}, kinds=["device.compromised", "transfer.offer"])
        identity = self.base.devices[4][1]
        offer = {"to_tenant": "acme", "devices": [identity], "expires_at": in_future(86400)}
        path = "/api/v1/approvals/" + self.change(api, "POST", "/api/v1/transfers", offer, wanted=(202,))["id"]
        self.expect(path, "waits", {"state": "pending"})
        self.order(api, identity, "quarantine", "quarantined")
        self.kept[path] = [{"state": "pending"}, {"state": ("failed", "void")}]
        self.want(second.call("POST", path + "/approve", {}), 200, 409)
        self.expect(path, "decided", {"state": ("failed", "void")})
