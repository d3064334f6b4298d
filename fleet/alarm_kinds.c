/* The table of kinds of alarms, in order of name. A new kind is a row here and a line of docs/revocation.md,
 * which `tests/lint/alarms.py --write` makes; alarm_raise() raises no other. */
#include "fleet/alarm_kinds.h"

#include <stdlib.h>

static const struct alarm_kind rows[] = {
    {"authority.compromised",
     "The key of an authority is in other hands; it ends when its last certificate does",
     "Its devices are told to rekey by themselves: see how many remain in the authority's answer, and tell "
     "who relies on it: docs/authorities.md"},
    {"authority.expires", "The certificate of an authority comes to its end, and with it all that it issued",
     "Make a successor of the authority and let the devices rekey under it before the end"},
    {"authority.revoked",
     "A CRL that came in revokes an authority, or a CA above it; it ends when the last certificate under it "
     "does",
     "Let an authority under another CA issue and the devices rekey under it; when the key is in other "
     "hands, "
     "say so: docs/authorities.md"},
    {"clock.held", "The clock of a node is in doubt: nothing is issued, nothing expires",
     "Set the clock right, or confirm it: deploy/drills/clock.sh"},
    {"crl.overdue", "A CRL is long past the time at which it should have been signed again",
     "Look for `job_failed` in the log: the authority's key, the disk or the database keeps the list from "
     "being made; brokers refuse every device once it ends"},
    {"device.clone_suspected",
     "Two hold a key of a device, by proof; any order about the device ends the alarm",
     "Look at the event `device.clone_suspected` of the device; revoke it, and let it enrol again under its "
     "identity key when that key is in the device alone, or call it compromised"},
    {"devices.overdue", "Devices of a product are due for a renewal or a new key for too long",
     "See which (`device.overdue` in the events) and why (GET /api/v1/devices/{id}/why): silent ones need a "
     "visit, others say why they are refused"},
    {"firmware.corrupt", "The stored bytes of an image are not what they were: it is not given out any more",
     "Upload the same file again, which heals it; look after the disk that the data directory is on"},
    {"firmware_key.compromised",
     "A key that signs firmware is in the hands of others, and devices may trust it",
     "Make another key, let the devices trust that one instead (deploy/drills/firmware-key.sh), withdraw "
     "what "
     "nobody should install, then say so: POST /api/v1/firmware/keys/{id}/replaced"},
    {"ocsp_signer.expires", "The key that signs OCSP answers for an authority was not renewed",
     "Look for `job_failed` in the log: the authority's key, the disk or the database keeps the next one "
     "from "
     "being certified; clients get no OCSP answer once it ends"},
    {"rollout.stopped", "A rollout was stopped because too many of its devices failed",
     "See which (GET /api/v1/rollouts/{id}/devices?state=failed) and what they said (GET "
     "/api/v1/devices/{id}/firmware); draft another rollout when the release is mended; cancelling the "
     "stopped one ends the alarm"},
    {"server_certificate.expires", "The server's own certificate was not renewed",
     "Look for `reload.failed` in the log; the infrastructure authority's key must be here"},
    {"signer.refused",
     "The server of a node asked its signer process for what that one's rules refuse: one of the two may be "
     "in "
     "other hands; it ends when nothing was refused for a day",
     "Read which rule (the alarm, and `signer.refused` in the log), and what was issued since "
     "(`certificate.issued` in the events); if nobody can explain it, stop the node and follow "
     "docs/hsm.md#when-it-refuses"},
    {"signer.unavailable", "Nothing can be signed on a node: its signer process is away, or its token is",
     "The alarm says why, the log says more (`signer.lost`, `signer.not_started`); it is tried again by "
     "itself. "
     "With an HSM: docs/hsm.md, deploy/drills/lost-hsm.sh and lost-hsm-no-copy.sh"},
};
enum { KINDS = sizeof rows / sizeof rows[0] };

const struct alarm_kind *alarm_kinds(size_t *count)
{
    *count = KINDS;
    return rows;
}

static int compare(const void *key, const void *row)
{
    return bytes_compare(*(const struct bytes *)key, bytes_str(((const struct alarm_kind *)row)->kind));
}

const struct alarm_kind *alarm_kind_find(struct bytes kind)
{
    return bsearch(&kind, rows, KINDS, sizeof rows[0], compare);
}
