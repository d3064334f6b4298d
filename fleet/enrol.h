/* Enrolment, renewal and rekey: one service for EST, the JSON protocol and (later) CMP, so that no rule
 * exists twice. Rules 1, 2 and 8 of docs/identity.md: the CSR proves the new key, the proof the old;
 * idempotent until confirmed; sign before the transaction, which alone decides; nothing is disclosed before
 * the commit. */
#ifndef WHORL_FLEET_ENROL_H
#define WHORL_FLEET_ENROL_H

#include "fleet/challenge.h"
#include "fleet/contact.h"
#include "fleet/hubs.h"
#include "pki/csr.h"

/* A signed message that asks (CMP). Whoever saw it can send it again, and its signature holds for ever: it
 * gives a certificate once, and afterwards that very one while it waits for its first use. */
struct enrol_message {
    struct bytes name;  /* 32 bytes of its own: of the key that signed it and of its number */
    int64_t good_until; /* Unix ms: when that key has no rights any more, so that the name can be forgotten */
};

struct enrol_order {
    const struct contact *contact;
    const struct contact_facts *facts;
    const struct csr *csr;
    int64_t generation; /* what the device says; 0: the next one */
    struct bytes subject_of_peer,
        san_of_peer; /* of the operational certificate: CSR's subject must equal; SAN, when given, too */
    const struct channel_binding *binding;
    const struct challenge_proof *proof; /* consumed in the same transaction, or NULL */
    const struct enrol_message *message; /* likewise */
    struct bytes profile; /* name of the certificate profile that the request wants; BYTES_NONE: whichever */
    struct actor actor;
};

struct enrolment {
    struct certificate_row certificate; /* with DER */
    int64_t renew_after;
    bool needs_new_key;         /* it is over a key that should be replaced then: renewing it is not enough */
    bool is_repeat;             /* the same certificate as before */
    char hub_url[HUB_URL_SIZE]; /* "" without a hub */
    char hub_ca[HUB_CA_SIZE];
};
void enrolment_clear(struct enrolment *enrolment);
DEFINE_AUTO_VAL(enrolment, enrolment_clear);

/** @errors ERR_DEVICE_REFUSED (one shape for unknown, quarantined, revoked, …), ERR_FULL_HANDSHAKE,
 * ERR_BAD_CSR channel binding, ERR_UNPROCESSABLE key not allowed, generation, subject; ERR_CONFLICT the key
 * belongs to another device; ERR_POP_FAILED nonce used; ERR_WRONG_STATE the message was answered before;
 * ERR_BAD_REQUEST the certificate would be of another profile than the order wants
 *  @thread worker */
err_t enrol(struct fleet *fleet, const struct enrol_order *order, struct enrolment *out);

/** The key policy that a CSR is parsed under for this contact. */
err_t enrol_key_policy(struct fleet *fleet, const struct contact *contact, struct key_policy *out);

#endif
