"""Whether the chapters make every change of state that the server has: the kinds of records (fleet/event_kinds.c) that a whole run leaves, and
the operations of the interface (docs/openapi) that it calls. What no chapter makes stands here with the reason."""

import glob
import json
import os
import re

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")

# A job once a minute or seldomer makes it, or it needs more than one installation; each is one transaction of the same writer.
BY_TIME = "comes by time: a job, longer than a trial lasts"
KINDS_WITHOUT = {
    "approval.expired": BY_TIME,
    "approval.failed": "what can fail after the agreement depends on a race; void, which a chapter has, is the same transaction",
    "backup.restored": "powercut.py --script restore",
    "backup.made": "powercut.py --script backup",
    "ca.unknown_serial": "needs a certificate that another copy of the installation issued",
    "certificate.listed": BY_TIME,
    "cmp_code.refused": BY_TIME + " (the tries are counted and written together)",
    "device.overdue": BY_TIME,
    "firmware.image_restored": "needs bytes that the disk broke under the server",
    "firmware.image_withdrawn": "needs bytes that the disk broke under the server",
    "firmware_release.signing_failed": "needs a key that leaks between approval and signature; nobody had been told that it is signed",
    "journal.rollback_accepted": "powercut.py --script accept",
    "oidc.seen": "needs an issuer of OIDC; a note of who called, of which nobody is told",
    "operation.failed": "needs an operation whose lot is gone; the state is written as that of one that is done",
    "signer.lost": "a note of the house after seconds without a signer; nobody is answered with it",
    "signer.refused": "needs a signer that is not ours",
    "signer.returned": "a note of the house, likewise",
    "transfer.expired": BY_TIME,
    "vendor_ca.refused": "a note of a chip that was turned away; code.refused, which a chapter has, is the same",
}

OPERATIONS_WITHOUT = {
    "POST /api/v1/rekey-plans/dry-run": "changes nothing",
    "POST /api/v1/rekey-plans/{id}/dry-run": "changes nothing",
    "POST /api/v1/rollouts/dry-run": "changes nothing",
    "POST /api/v1/rollouts/{id}/dry-run": "changes nothing",
}


def kinds():
    with open(os.path.join(ROOT, "fleet", "event_kinds.c"), encoding="utf-8") as file:
        return set(re.findall(r'\{"([a-z_.]+)",\s*EVENT_', file.read()))


def operations():
    """METHOD and path of everything that changes something."""
    found = set()
    for path in glob.glob(os.path.join(ROOT, "docs", "openapi", "*.json")):
        with open(path, encoding="utf-8") as file:
            for route, verbs in json.load(file).get("paths", {}).items():
                found |= {f"{verb.upper()} {route}" for verb in verbs if verb in ("post", "put", "patch", "delete") and route.startswith("/api/")}
    return found


def is_called(operation, calls):
    form = re.compile(re.sub(r"\\{[^}]*\\}", "[^/?]+", re.escape(operation)) + r"(\?.*)?")
    return any(form.fullmatch(call) for call in calls)


def missing(seen, calls):
    """What is wrong, in words."""
    findings = [f"no chapter leaves a record of the kind {kind}: add the change to a chapter" for kind in sorted(kinds() - seen - set(KINDS_WITHOUT))]
    findings += [f"{kind} is no kind any more: tests/chaos/kinds.py" for kind in sorted(set(KINDS_WITHOUT) - kinds())]
    findings += [f"no chapter calls {operation}: add it to a chapter"
                 for operation in sorted(operations() - set(OPERATIONS_WITHOUT)) if not is_called(operation, calls)]
    findings += [f"{operation} is no operation any more: tests/chaos/kinds.py" for operation in sorted(set(OPERATIONS_WITHOUT) - operations())]
    return findings
