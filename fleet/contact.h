/* A device at the door: what its TLS identity (or a challenge proof) means in the inventory, looked up on
 * every request, resumed sessions included. A certificate is honoured only if the chain verified AND the
 * inventory knows issuer, serial and key AND the device's state allows it. The first use of a new certificate
 * confirms it and supersedes the older ones, in the same transaction. */
#ifndef WHORL_FLEET_CONTACT_H
#define WHORL_FLEET_CONTACT_H

#include "fleet/admission.h"
#include "fleet/fleet.h"
#include "fleet/renewal.h"
#include "fleet/states.h"
#include "pki/peer.h"

enum proof_kind {
    PROOF_NONE,
    PROOF_IDENTITY, /* the identity key, by TLS (self-signed or foreign certificate over it) or by challenge
                     */
    PROOF_CODE,     /* the secret of a code that was made for this device (cmp_codes.h): good for its first
                       certificate, and for nothing else */
    PROOF_OPERATIONAL, /* an issued certificate that the inventory knows and honours */
    PROOF_TARGET_TOKEN /* hawkBit's target token (target_tokens.h): good for firmware, and for nothing else */
};

struct contact_facts {
    const struct peer_identity *peer; /* NULL when the proof came by challenge */
    struct bytes proved_spki;         /* the identity key proved by challenge, or empty */
    bool is_resumed;
    /* the key signed a message (CMP) instead of a handshake: it proves the key, and says nothing of when, so
       nothing of who else holds it */
    bool is_message;
    const struct cmp_code_proof *code_proof; /* a MAC protects the message instead, by this code; or NULL */
    struct bytes code;                       /* an enrolment code that came with the request, or empty */
    const char *label;                       /* EST label = tenant name, or "" */
    const char *address;                     /* of the client, for the limits of refusal records */
    const char *request_id;
};

struct contact {
    enum proof_kind proof;
    bool is_known;              /* the inventory has a device for this key */
    bool is_admissible;         /* it has none, but would take it in: `device` is the row that it would be */
    struct admission admission; /* what it showed, when that counts for `device` */
    bool is_expired;            /* operational certificate outside its validity: good for status only */
    bool has_rival;             /* the one before it was used since, by whom is not known yet (clones.h) */
    bool
        is_issuer_lost; /* of PROOF_OPERATIONAL: the key of who issued the certificate is somebody else's too,
                           so it is good for `status` and for the next certificate, and for nothing else */
    bool is_superseded, is_revoked; /* why an operational certificate is not honoured, for status */
    struct device_row device;
    struct certificate_row certificate; /* of PROOF_OPERATIONAL, without DER */
    bool has_renewal;                   /* of PROOF_OPERATIONAL: its schedule is known */
    struct renewal renewal;             /* as kept; contact_renewal() tells what holds now */
};

/** Looks the caller up; confirms an unconfirmed certificate at its first use (durably, before this returns).
 * A key or certificate that is not known is no error here: is_known tells. Two tenants' equal claims without
 * a label: ERR_DEVICE_REFUSED and an event to both. A code is looked at only where a first certificate may be
 * at stake.
 * @errors ERR_UNAUTHORIZED no proof at all, ERR_ENROLMENT_CODE, ERR_TOO_MANY, ERR_DB, ERR_BUSY, ERR_DISK_FULL
 * @thread worker */
err_t contact_resolve(struct fleet *fleet, const struct contact_facts *facts, struct contact *out);

/** What the inventory makes of an issued certificate, and nothing else: confirms nothing, records nothing.
 * One that it does not know is no error: proof stays PROOF_NONE. @errors ERR_DB @thread worker */
err_t contact_peek(struct fleet *fleet, const struct peer_identity *peer, struct contact *out);

/** When the device should come, orders included. @return false: it showed no certificate that is honoured
 *  @thread any */
bool contact_renewal(const struct contact *contact, struct renewal *out);

struct device_status {
    enum device_word word;
    bool has_certificate;
    struct certificate_row certificate; /* newest usable one, without DER */
    int64_t renew_after;                /* Unix ms; 0 when there is no certificate */
    bool needs_new_key;                 /* renewing the old key is not enough: by order, or by its age */
    bool has_owner_salt;                /* under the identity key only */
    uint8_t owner_salt[32];
    char tenant[NAME_SIZE];
    int64_t generation;
};
/** What `status` tells: the truth, since possession was proved. @thread worker */
err_t contact_status(struct fleet *fleet, const struct contact *contact, struct device_status *out);

/** Records a refusal within the limits of rule 5 of docs/identity.md: for unknown keys a counter and at most
 * one audit row per source network
 *  (/24, /64) a minute; for a known device at most 10 rows an hour. @thread worker */
void contact_refused(struct fleet *fleet, const struct contact_facts *facts, const struct contact *contact,
                     err_t why);

#endif
