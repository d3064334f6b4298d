"""The chapters of the power-cut tests, by name. `full` is all of them but the fleet; `short` is for every commit."""

from chapters.admission import Admission
from chapters.authorities import Authorities, AuthorityShort, Offline, Root
from chapters.cmp import Cmp, CmpShort
from chapters.devices import Devices, Fleet, Short, Start
from chapters.firmware import Release, Signing, Upload
from chapters.lists import Lists, Transfers
from chapters.people import Approvals, People
from chapters.rollouts import Campaigns, Rollouts
from chapters.things import Clock, House, Things, Webhooks

SHORT = {"short": Short, "upload": Upload, "cmp-short": CmpShort, "roll-short": AuthorityShort}  # parts of others, for every commit
FULL = {"start": Start, "devices": Devices, "lists": Lists, "transfers": Transfers, "admission": Admission, "cmp": Cmp, "authorities": Authorities,
        "root": Root, "offline": Offline, "release": Release, "signing": Signing, "rollouts": Rollouts, "campaigns": Campaigns, "things": Things,
        "webhooks": Webhooks, "house": House, "clock": Clock, "people": People, "approvals": Approvals}
CHAPTERS = {**SHORT, **FULL, "fleet": Fleet}
