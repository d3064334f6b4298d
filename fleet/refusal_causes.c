/* The words behind GET /devices/{id}/why. Decides nothing: it repeats what contact.c and enrol_decide.c
 * judged, for people. */
#include "fleet/refusal_causes.h"

#include <string.h>

static const struct refusal_cause CAUSES[] = {
    {"quarantined", "The device is in quarantine.", "Release it (POST …/release)."},
    {"revoked", "The device was revoked.",
     "Allow one enrolment under its identity key (POST …/allow-reenrol)."},
    {"retired", "The device was retired for ever.", "Nothing: its id is never taken again."},
    {"compromised", "The device's identity key is known to others.",
     "Nothing: the hardware must be replaced."},
    {"superseded-certificate", "It showed a certificate that a newer one has replaced.",
     "The device uses its newest certificate, or enrols again under its identity key."},
    {"revoked-certificate", "It showed a certificate that was revoked.",
     "The device uses its newest certificate, or enrols again under its identity key."},
    {"expired-certificate", "It showed a certificate outside of its validity.",
     "The device enrols under its identity key; check its clock and that it renews in time."},
    {"admission", "Its product asks for more than its place in a batch.",
     "It enrols with a code, or with the certificate of its chip's maker, as the product's admission says."},
    {"enrolment-code", "The enrolment code that it showed is not good.",
     "It enrols with another code (POST /api/v1/enrolment-codes)."},
    {"recovery-policy", "Its identity key may not replace a certificate that is still good.",
     "Allow one recovery (POST …/allow-recovery), or change the product's recovery policy."},
    {"full-handshake-required", "It came with a resumed TLS session, which proves no key.",
     "The device connects without a session ticket when it enrols."},
    {"pop-failed", "Its proof of possession did not hold.",
     "The device asks for a new challenge and signs it with its identity key; see detail."},
    {"bad-csr", "Its certificate request is not acceptable.",
     "Correct the request in the device; see detail."},
    {"unprocessable", "Its request cannot be carried out.", "Correct the request in the device; see detail."},
    {"conflict", "The key of its request belongs to another device.", "The device makes a new key pair."},
};
enum { CAUSE_COUNT = sizeof CAUSES / sizeof CAUSES[0] };

const char *refusal_cause_of_state(const struct device_row *device)
{
    switch (device->state) {
    case DEVICE_REGISTERED:
    case DEVICE_ENROLLED:
        return NULL;
    case DEVICE_QUARANTINED:
        return "quarantined";
    case DEVICE_REVOKED:
        return device->reenrol_allowed ? NULL : "revoked";
    case DEVICE_RETIRED:
        return "retired";
    case DEVICE_COMPROMISED:
        return "compromised";
    }
    return NULL;
}

const char *refusal_cause_of(const struct contact *contact, err_t why)
{
    const char *by_state = refusal_cause_of_state(&contact->device);
    if (why.code != ERR_DEVICE_REFUSED) {
        return err_slug(why.code);
    }
    if (by_state != NULL) {
        return by_state;
    }
    if (contact->proof == PROOF_CODE) {
        return "admission";
    }
    if (contact->proof == PROOF_IDENTITY) {
        return contact->device.enrolled_at == 0 ? "admission" : "recovery-policy";
    }
    if (contact->is_superseded) {
        return "superseded-certificate";
    }
    if (contact->is_revoked) {
        return "revoked-certificate";
    }
    return contact->is_expired ? "expired-certificate" : err_slug(why.code);
}

struct refusal_cause refusal_cause_find(const char *name)
{
    for (size_t i = 0; i < CAUSE_COUNT; i++) {
        if (strcmp(CAUSES[i].name, name) == 0) {
            return CAUSES[i];
        }
    }
    return (struct refusal_cause){.name = name, .meaning = "The device was turned away.", .remedy = ""};
}
