/* The table of kinds, in order of name. A new kind is a row here and a line of docs/events.md, which
 * `tests/lint/events.py --write` makes; event_append() writes no other. */
#include "fleet/event_kinds.h"

#include <stdlib.h>
#include <string.h>

static const struct event_kind rows[] = {
    {"alarm.cleared", EVENT_FED, "What an alarm stood for is right again"},
    {"alarm.raised", EVENT_FED, "Something is wrong and stays so until it is mended, or got worse or better"},
    {"approval.executed", EVENT_FED, "A second person agreed, and the action was carried out or started"},
    {"approval.expired", EVENT_FED, "A request waited too long for a second person"},
    {"approval.failed", EVENT_FED, "A second person agreed, but the action could not be carried out"},
    {"approval.rejected", EVENT_FED, "A second person did not agree"},
    {"approval.requested", EVENT_FED, "An action waits for a second person"},
    {"approval.void", EVENT_FED, "What a request is about changed before a second person agreed"},
    {"approval.withdrawn", EVENT_FED, "Who asked for an action took it back"},
    {"audit.anchored", EVENT_HOUSE, "The ends of the audit log were signed and kept"},
    {"audit.exported", EVENT_NOTE, "Somebody took a copy of the audit log"},
    {"authority.activated", EVENT_FED, "An authority issues from now on"},
    {"authority.added", EVENT_FED, "An authority was made"},
    {"authority.compromised", EVENT_FED,
     "The key of an authority is in other hands: its certificate is revoked, its devices may only rekey"},
    {"authority.dropped", EVENT_FED, "An authority that waited for its certificate was taken back"},
    {"authority.imported", EVENT_FED,
     "A certificate that was signed elsewhere was brought in for an authority"},
    {"authority.key_taken_offline", EVENT_FED, "The key of a root was moved out of the keystore"},
    {"authority.ordered", EVENT_FED, "An authority was ordered: its key will be made"},
    {"authority.requested", EVENT_FED,
     "A key was made for an authority whose certificate is signed elsewhere"},
    {"authority.retired", EVENT_FED, "An authority has ended"},
    {"authority.retiring", EVENT_FED,
     "An authority issues nothing any more; what it issued stays good until it ends"},
    {"authority.revoked", EVENT_FED, "Whoever certified an authority revoked it: it issues nothing any more"},
    {"authority.roll_finished", EVENT_FED, "The successor of a root names the installation"},
    {"backup.made", EVENT_HOUSE, "Somebody took a copy of the whole installation"},
    {"backup.restored", EVENT_HOUSE,
     "The installation was made anew from a backup: what was written after it is lost"},
    {"batch.imported", EVENT_FED, "Devices were registered by an import"},
    {"batch.registered", EVENT_FED, "Devices were registered"},
    {"batch.renamed", EVENT_FED, "A batch has another name"},
    {"boot_key.added", EVENT_FED, "A key that the boot loader of a product trusts was registered"},
    {"boot_key.revoked", EVENT_FED,
     "A boot key of a product was revoked: its signatures do not count any more"},
    {"ca.unknown_serial", EVENT_HOUSE,
     "A certificate was shown that carries our signature and that we do not know"},
    {"certificate.confirmed", EVENT_FED,
     "A device used its new certificate: the one before has no rights any more"},
    {"certificate.first_used", EVENT_FED, "A device used its first certificate for the first time"},
    {"certificate.issued", EVENT_FED, "A device got its next certificate"},
    {"certificate.listed", EVENT_FED, "A superseded certificate went on the CRL"},
    {"certificate.reason_changed", EVENT_FED, "A revoked certificate has another reason"},
    {"certificate.revoked", EVENT_FED, "A certificate was revoked"},
    {"certificate_profile.added", EVENT_FED, "A certificate profile was made"},
    {"certificate_profile.changed", EVENT_FED, "A certificate profile has a further version"},
    {"certificate_profile.deleted", EVENT_FED,
     "A certificate profile was deleted; its versions stay readable"},
    {"client_certificate.added", EVENT_FED, "A client certificate of a back end was registered"},
    {"client_certificate.changed", EVENT_FED, "A client certificate of a back end was given other rights"},
    {"client_certificate.revoked", EVENT_FED, "A client certificate of a back end was revoked"},
    {"clock.confirmed", EVENT_HOUSE, "An operator confirmed the clock of a node: issuing goes on"},
    {"clock.held", EVENT_HOUSE,
     "The clock of a node is in doubt: nothing is issued and nothing expires until it is confirmed"},
    {"clock.returned", EVENT_HOUSE, "The clock of a node is right again: issuing goes on"},
    {"cmp.certificate_refused", EVENT_FED,
     "A device refused the certificate that CMP gave it: it is revoked"},
    {"cmp.signer_certified", EVENT_HOUSE, "A key that signs CMP answers was certified, for a week"},
    {"cmp_code.created", EVENT_FED, "A code for CMP's MAC protection was made for a device"},
    {"cmp_code.refused", EVENT_NOTE, "Messages named a code for CMP and did not know its secret"},
    {"cmp_code.revoked", EVENT_FED, "A device's code for CMP was revoked"},
    {"code.created", EVENT_FED, "Enrolment codes were made"},
    {"code.refused", EVENT_NOTE, "A device was turned away because of its enrolment code"},
    {"code.revoked", EVENT_FED, "An enrolment code was revoked"},
    {"contact.refused", EVENT_NOTE, "Somebody unknown was turned away"},
    {"crl.imported", EVENT_HOUSE, "A CRL that was signed elsewhere was brought in"},
    {"crl.published", EVENT_HOUSE, "A CRL was signed"},
    {"device.changed", EVENT_FED, "Labels, attributes or the note of a device changed"},
    {"device.clone_suspected", EVENT_FED, "Two hold a key of a device: see rule and evidence"},
    {"device.compromised", EVENT_FED, "A device was declared compromised, for good"},
    {"device.contested", EVENT_NOTE, "A device was turned away because two tenants claim it"},
    {"device.enrolled", EVENT_FED, "A device got its first certificate"},
    {"device.overdue", EVENT_FED, "A device is due for a renewal or a new key for too long"},
    {"device.quarantined", EVENT_FED, "A device was put in quarantine"},
    {"device.received", EVENT_FED, "A device came from another tenant"},
    {"device.recovered", EVENT_FED,
     "A device got a certificate by its identity key, after it had one before"},
    {"device.recovery_allowed", EVENT_FED,
     "A device may ask for one certificate by its identity key, until a time"},
    {"device.recovery_requested", EVENT_FED,
     "A device asked for a certificate by its identity key, and the recovery policy refused it"},
    {"device.reenrol_allowed", EVENT_FED, "A revoked device may enrol again"},
    {"device.refused", EVENT_NOTE, "A device was turned away"},
    {"device.registered", EVENT_FED,
     "A device was registered by what admitted it: its maker's certificate or an enrolment code"},
    {"device.rekey_requested", EVENT_FED, "A device was told to take its next key"},
    {"device.released", EVENT_FED, "A device was let out of quarantine"},
    {"device.retired", EVENT_FED, "A device was retired, for good"},
    {"device.revoked", EVENT_FED, "A device and its certificates were revoked"},
    {"device.transferred", EVENT_FED, "A device went to another tenant; its certificates were revoked"},
    {"dual_control.changed", EVENT_FED, "Other actions wait for a second person"},
    {"firmware.anchors_changed", EVENT_FED,
     "The devices of a product trust other manifest keys, by a statement of their recovery key"},
    {"firmware.cancelled", EVENT_FED, "A device's firmware action was cancelled"},
    {"firmware.failed", EVENT_FED,
     "A device did not install what it was offered, or was silent for too long"},
    {"firmware.image_added", EVENT_FED, "A firmware image was uploaded, or made by signing another"},
    {"firmware.image_changed", EVENT_FED, "A firmware image is held until another time"},
    {"firmware.image_deleted", EVENT_FED, "A firmware image was deleted"},
    {"firmware.image_restored", EVENT_FED,
     "The bytes of a withdrawn firmware image came again, and are good"},
    {"firmware.image_withdrawn", EVENT_FED,
     "The stored bytes of a firmware image are corrupt: it is not given out any more"},
    {"firmware.installed_offline", EVENT_FED,
     "A device says that it runs a version that it was not given here"},
    {"firmware.name_cleared", EVENT_FED,
     "A device lost the name of its own that it polled for firmware under"},
    {"firmware.name_taken", EVENT_FED,
     "A device polled for firmware under a name of its own for the first time: it is its now"},
    {"firmware.offered", EVENT_FED, "A device was offered a release"},
    {"firmware.policy_changed", EVENT_FED, "Devices of a product fetch firmware in another way"},
    {"firmware.succeeded", EVENT_FED, "A device installed the release that it was offered"},
    {"firmware.token_made", EVENT_FED, "A target token was made, with which a device may fetch firmware"},
    {"firmware.token_removed", EVENT_FED, "The target token of a device was taken back"},
    {"firmware.unverified", EVENT_FED,
     "A device says that it installed a release, and fetched none of it here"},
    {"firmware.upload_dropped", EVENT_NOTE,
     "An unfinished upload of firmware was dropped: taken back, expired, or refused"},
    {"firmware.upload_started", EVENT_NOTE, "Somebody began to upload firmware"},
    {"firmware_key.added", EVENT_FED, "A key that signs firmware was made"},
    {"firmware_key.certified", EVENT_FED, "A key that signs firmware has another certificate"},
    {"firmware_key.compromised", EVENT_FED,
     "A key that signs firmware is in the hands of others: it signs no more"},
    {"firmware_key.retired", EVENT_FED, "A key that signs firmware signs no more"},
    {"firmware_key.used", EVENT_FED, "A key signed an image, a signature beside one, or a release"},
    {"firmware_release.added", EVENT_FED, "A release of firmware was drafted"},
    {"firmware_release.approved", EVENT_FED, "A release was approved: it will be signed"},
    {"firmware_release.changed", EVENT_FED, "A release changed"},
    {"firmware_release.published", EVENT_FED, "A release was published: rollouts can give it out"},
    {"firmware_release.removed", EVENT_FED, "A draft of a release was removed"},
    {"firmware_release.sbom_changed", EVENT_FED, "A release has another bill of materials"},
    {"firmware_release.signed", EVENT_FED, "The images and the manifest of a release were signed"},
    {"firmware_release.signing_failed", EVENT_FED,
     "A release could not be signed and is a draft again: see reason"},
    {"firmware_release.withdrawn", EVENT_FED, "A release is not given out any more"},
    {"firmware_signature.added", EVENT_FED, "A signature beside an image was made or brought"},
    {"hub.added", EVENT_FED, "A hub was made"},
    {"hub.changed", EVENT_FED, "A hub changed"},
    {"installation.founded", EVENT_HOUSE, "The first rows were written"},
    {"invitation.accepted", EVENT_FED, "An invited person chose a password"},
    {"invitation.failed", EVENT_NOTE, "An invitation was wrong, used or expired"},
    {"journal.entry_replayed", EVENT_NOTE,
     "An older copy of the inventory was given an entry of its journal"},
    {"journal.replayed", EVENT_HOUSE, "An older copy of the inventory was brought up to date by its journal"},
    {"journal.rollback_accepted", EVENT_HOUSE, "An older copy of the inventory was accepted as it was"},
    {"login.failed", EVENT_NOTE, "Somebody gave a wrong name, password or code"},
    {"login.ok", EVENT_NOTE, "A person logged in"},
    {"logout", EVENT_NOTE, "A person logged out"},
    {"node.started", EVENT_HOUSE, "A process began to write"},
    {"ocsp.signer_certified", EVENT_HOUSE, "A key that signs OCSP answers was certified, for a week"},
    {"oidc.seen", EVENT_NOTE, "A caller of the OIDC issuer was seen, for the first time in a day"},
    {"operation.cancelled", EVENT_FED, "Work on many devices was stopped"},
    {"operation.done", EVENT_FED, "Work on many devices came to its end"},
    {"operation.failed", EVENT_FED, "Work on many devices cannot go on"},
    {"operation.started", EVENT_FED, "Work on many devices began"},
    {"product.added", EVENT_FED, "A product was made"},
    {"product.changed", EVENT_FED, "A product changed"},
    {"rekey_plan.added", EVENT_FED, "A rekey campaign was drafted"},
    {"rekey_plan.cancelled", EVENT_FED, "A rekey campaign was cancelled: nobody else is told"},
    {"rekey_plan.changed", EVENT_FED, "A rekey campaign changed"},
    {"rekey_plan.device_failed", EVENT_FED, "A device that a rekey campaign told made no new key in time"},
    {"rekey_plan.device_skipped", EVENT_FED,
     "A device that a rekey campaign told is not enrolled any more: it is left out"},
    {"rekey_plan.finished", EVENT_FED, "A rekey campaign came to its end"},
    {"rekey_plan.paused", EVENT_FED, "A rekey campaign was paused"},
    {"rekey_plan.resumed", EVENT_FED, "A rekey campaign goes on"},
    {"rekey_plan.started", EVENT_FED, "A rekey campaign began"},
    {"rekey_plan.stopped", EVENT_FED, "A rekey campaign was stopped: too many of its devices failed"},
    {"rekey_plan.wave_opened", EVENT_FED, "The next wave of a rekey campaign was opened"},
    {"role.added", EVENT_FED, "A role was made"},
    {"role.changed", EVENT_FED, "Scopes or description of a role changed"},
    {"role.removed", EVENT_FED, "A role was removed"},
    {"rollout.added", EVENT_FED, "A rollout was drafted"},
    {"rollout.cancelled", EVENT_FED, "A rollout was cancelled: what is open at devices is taken back"},
    {"rollout.changed", EVENT_FED, "A rollout changed"},
    {"rollout.finished", EVENT_FED, "A rollout came to its end"},
    {"rollout.paused", EVENT_FED, "A rollout was paused"},
    {"rollout.resumed", EVENT_FED, "A rollout goes on"},
    {"rollout.started", EVENT_FED, "A rollout began"},
    {"rollout.stopped", EVENT_FED,
     "A rollout was stopped: too many of its devices failed, or its release was withdrawn"},
    {"rollout.wave_opened", EVENT_FED, "The next wave of a rollout was opened"},
    {"session.revoked", EVENT_FED, "A person's session was ended by somebody"},
    {"signer.lost", EVENT_HOUSE,
     "The process that holds the CA keys is away: nothing is signed until it returns"},
    {"signer.refused", EVENT_HOUSE,
     "The process that holds the CA keys was asked for what its rules refuse: it or the server is not what "
     "it "
     "was"},
    {"signer.returned", EVENT_HOUSE, "The process that holds the CA keys signs again"},
    {"tenant.added", EVENT_FED, "The tenant was made"},
    {"tenant.changed", EVENT_FED, "The tenant has another display name"},
    {"token.added", EVENT_FED, "A token was made"},
    {"token.changed", EVENT_FED, "Name or sources of a token changed"},
    {"token.old_secret_dropped", EVENT_FED, "The older of two secrets of a token ended"},
    {"token.revoked", EVENT_FED, "A token was revoked"},
    {"token.rotated", EVENT_FED, "A token has a second secret"},
    {"transfer.accepted", EVENT_FED, "An offer of devices was accepted"},
    {"transfer.completed", EVENT_FED, "The devices of an accepted offer have changed their owner"},
    {"transfer.expired", EVENT_FED, "Nobody accepted an offer of devices in time"},
    {"transfer.offered", EVENT_FED, "Devices were offered to another tenant"},
    {"transfer.rejected", EVENT_FED, "An offer of devices was rejected"},
    {"transfer.withdrawn", EVENT_FED, "An offer of devices was taken back"},
    {"user.activated", EVENT_FED, "A person confirmed the authenticator: the account is active"},
    {"user.changed", EVENT_FED, "Display name or roles of a person changed"},
    {"user.disabled", EVENT_FED, "A person was disabled"},
    {"user.enabled", EVENT_FED, "A person was enabled again"},
    {"user.invited", EVENT_FED, "A person was invited"},
    {"user.password_changed", EVENT_FED, "A person changed their password"},
    {"user.reset", EVENT_FED, "A person was invited anew: password and authenticator are forgotten"},
    {"vendor_ca.added", EVENT_FED, "A CA of a chip maker was pinned"},
    {"vendor_ca.changed", EVENT_FED, "Name or batch of a pinned CA changed"},
    {"vendor_ca.refused", EVENT_NOTE, "A chip named a pinned CA and was not good under it"},
    {"vendor_ca.retired", EVENT_FED, "A pinned CA admits nobody any more"},
    {"webhook.added", EVENT_FED, "A webhook was made"},
    {"webhook.changed", EVENT_FED, "A webhook changed"},
    {"webhook.disabled", EVENT_FED,
     "A webhook was disabled: its receiver wants no more, or was away too long"},
    {"webhook.old_secret_dropped", EVENT_FED, "The older of two secrets of a webhook ended"},
    {"webhook.removed", EVENT_FED, "A webhook was removed"},
    {"webhook.replayed", EVENT_FED, "A webhook was moved to another place in the feed"},
    {"webhook.retried", EVENT_NOTE, "A delivery was ordered again"},
    {"webhook.rotated", EVENT_FED, "A webhook has a second secret"},
    {"webhook.tested", EVENT_NOTE, "A test was sent to a webhook"},
};
enum { KINDS = sizeof rows / sizeof rows[0] };

const struct event_kind *event_kinds(size_t *count)
{
    *count = KINDS;
    return rows;
}

static int compare(const void *key, const void *row)
{
    return bytes_compare(*(const struct bytes *)key, bytes_str(((const struct event_kind *)row)->kind));
}

const struct event_kind *event_kind_find(struct bytes kind)
{
    return bsearch(&kind, rows, KINDS, sizeof rows[0], compare);
}

bool event_pattern_fits(const char *pattern, struct bytes kind)
{
    size_t n = strlen(pattern);
    if (n > 0 && pattern[n - 1] == '*') {
        return kind.n >= n - 1 && memcmp(kind.p, pattern, n - 1) == 0;
    }
    return bytes_is(kind, pattern);
}

static bool is_form(struct bytes pattern)
{
    bool is_all = bytes_is(pattern, "*");
    const uint8_t *star = memchr(pattern.p, '*', pattern.n);
    bool is_group = pattern.n > 2 && star == pattern.p + pattern.n - 1 && star[-1] == '.';
    return is_all || is_group || star == NULL;
}

err_t event_pattern_check(struct bytes pattern)
{
    char text[EVENT_PATTERN_SIZE];
    ENSURE(pattern.n >= 1 && pattern.n < sizeof text && is_form(pattern), ERR_UNPROCESSABLE,
           "a type is a name (device.enrolled), a group (device.*) or *");
    memcpy(text, pattern.p, pattern.n);
    text[pattern.n] = '\0';
    for (size_t i = 0; i < KINDS; i++) {
        if (rows[i].reach == EVENT_FED && event_pattern_fits(text, bytes_str(rows[i].kind))) {
            return OK;
        }
    }
    return ERR(ERR_UNPROCESSABLE, "no event has the type %s; docs/events.md lists them", text);
}
