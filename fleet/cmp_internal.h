/* What the files of the CMP service share. */
#ifndef WHORL_FLEET_CMP_INTERNAL_H
#define WHORL_FLEET_CMP_INTERNAL_H

#include <stdatomic.h>

#include "db/cmp_rows.h"
#include "fleet/authorities.h"
#include "fleet/cmp.h"
#include "fleet/cmp_code_proof.h"
#include "fleet/contact.h"
#include "fleet/enrol.h"
#include "fleet/internal.h"
#include "pki/cmp_server.h"

/* What every message stands on; made anew when the authorities change, and at half of the signer's life. */
struct cmp_ground {
    atomic_int holders;
    struct cmp_signer *signer;
    struct peer_trust *trust;
    int64_t version;                /* of the authorities */
    char issuer[AUTHORITY_ID_SIZE]; /* of the signer's certificate */
    bool is_stopgap;                /* the signer was made on earlier authorities */
};
/* --- fleet/cmp_ground.c */
/** The present one, counted. A signer that cannot be renewed goes on as long as its certificate is good.
 *  @errors ERR_UNAVAILABLE there is none, and the infrastructure authority's key is not here @thread worker
 */
err_t cmp_ground_take(struct fleet *fleet, int64_t now_ms, struct cmp_ground **out);
void cmp_ground_unref(struct cmp_ground *ground);
DEFINE_AUTO_PTR(cmp_ground, cmp_ground_unref);

struct cmp_case;
/** Whether the source may still have messages answered that nobody has earned: refusals, and what everybody
 * may ask. They cost two or three signatures each, and whoever sends them proves nothing. @errors
 * ERR_TOO_MANY */
err_t cmp_source_check(const struct cmp_case *c);
/** Such an answer was given. */
void cmp_source_charge(const struct cmp_case *c);

/* One message on its way through. */
struct cmp_case {
    struct fleet *fleet;
    const struct cmp_question *question;
    struct cmp_ground *ground;
    int64_t now_ms;
    struct cmp_header message;  /* that came */
    struct cmp_header request;  /* of the transaction: the same, or the one that was kept */
    struct buf kept;            /* its bytes, when it was kept */
    struct peer_identity peer;  /* whose key protects the message */
    bool is_by_code;            /* or a MAC does, which held … */
    struct cmp_code_proof code; /* … by this code */
    struct cmp_mac_spec mac;    /* and protects the answers too */
    struct sha256 key;          /* SHA-256 of its SPKI, or what stands for the code */
    bool is_earned;             /* the sender proved itself and got what it asked for, or was told to wait */
    /* of the certificate that was granted: now, or before */
    char authority[AUTHORITY_ID_SIZE];
    uint8_t serial[CERTIFICATE_SERIAL_SIZE];
    struct buf nonce;             /* of the last answer, from the row */
    struct authority_chain chain; /* lent to an outcome, as these are */
    struct bytes chain_ders[AUTHORITY_PATH_MAX];
    struct buf granted; /* DER, of a certificate that was granted before */
};
void cmp_case_clear(struct cmp_case *c);
DEFINE_AUTO_VAL(cmp_case, cmp_case_clear);
/** How answers are protected when not by a signature; or NULL. */
static inline const struct cmp_mac_spec *cmp_case_mac(const struct cmp_case *c)
{
    return c->is_by_code ? &c->mac : NULL;
}

/* --- fleet/cmp.c */
/** Whether the message is signed, by a key that it shows. @param[out] c its peer is that key's then */
bool cmp_prove(struct cmp_case *c);

/* --- fleet/cmp_sender.c */
/** The certificate that senderKID names where the message brings none (RFC 9483 §3.1, §3.3): of the
 * transaction that certConf or pollReq go on with, or the newest of the device that `sender` names.
 *  @param[out] der appended; nothing when there is none @errors of the inventory */
err_t cmp_sender_find(const struct cmp_case *c, struct buf *der);

/* --- fleet/cmp_enrol.c */
/** The calls of one transaction, by the enrolment service. @param context struct cmp_case */
void cmp_certify(void *context, struct cmp_outcome *out);
err_t cmp_confirm(void *context, bool is_accepted, enum cmp_failure *failure);
/** What was granted before, as an outcome. @errors ERR_NOT_FOUND the certificate is gone */
err_t cmp_granted_before(struct cmp_case *c, struct cmp_outcome *out);

/** What the message proves, for contact.h. */
struct contact_facts cmp_facts_of(const struct cmp_case *c);
/** Tells a refusal, and records it within the limits. @param failure what a CMP error says; of our own
 * failures nobody outside hears more than that */
void cmp_turn_away(struct cmp_case *c, const struct contact *contact, err_t error, enum cmp_failure failure,
                   struct cmp_outcome *out);

/* --- fleet/cmp_revoke.c */
/** The call of an rr. @param context struct cmp_case */
void cmp_revoke(void *context, struct cmp_outcome *out);

/* --- fleet/cmp_info.c */
/** Answers a genm. @errors ERR_BAD_ENCODING, ERR_BAD_REQUEST; ERR_NOT_FOUND no such tenant */
err_t cmp_inform(struct cmp_case *c, struct buf *answer);

/* --- fleet/cmp_transactions.c */
/** Keeps the request and what became of it. */
err_t cmp_transaction_keep(struct cmp_case *c, const struct cmp_result *result);
/** Finds the request that certConf or pollReq belong to: fills request, kept, nonce and the certificate.
 * @errors ERR_NOT_FOUND */
err_t cmp_transaction_find(struct cmp_case *c);
err_t cmp_transaction_end(struct cmp_case *c);

#endif
