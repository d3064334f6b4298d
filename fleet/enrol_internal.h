/* The steps of enrol(): look (in a snapshot), decide (pure), sign (outside), store (in the transaction, which
 * looks and decides again). */
#ifndef WHORL_FLEET_ENROL_INTERNAL_H
#define WHORL_FLEET_ENROL_INTERNAL_H

#include "db/certificate_link_rows.h"
#include "db/device_key_rows.h"
#include "db/recovery_rows.h"
#include "fleet/enrol.h"
#include "fleet/internal.h"

/* Everything that the decision depends on, read in one transaction. */
struct enrol_view {
    int64_t now_ms;
    struct device_row device;
    bool is_new;        /* no row yet: `device` is what it will be */
    bool is_shown_good; /* what it showed (contact.admission) still is */
    bool is_code_good;  /* of PROOF_CODE: the code has not ended, and is for the request's key */
    struct product_row product;
    struct hub_row hub;            /* of the product; when it has one */
    struct certificate_row caller; /* of PROOF_OPERATIONAL */
    struct certificate_history history;
    bool has_key; /* the request's key is known */
    struct device_key_row key;
    bool is_identity;   /* the request's key is some device's identity key */
    bool is_lost_claim; /* another tenant proved a stronger claim to this id */
    bool has_repeat;    /* a certificate over this very key waits for its first use */
    struct certificate_row repeat;
    bool has_used_valid; /* a confirmed certificate that was used is valid now */
    struct certificate_links links;
    struct recovery_row recovery; /* zeros: nothing asked, nothing allowed */
};
/** SHA-256 of the public key whose holder asks, or what stands for it. @return borrowed from the order */
const uint8_t *enrol_link_key(const struct enrol_order *order);
err_t enrol_view_read(struct db_tx *tx, const struct enrol_order *order, struct enrol_view *out);
/** What a compromised authority issued is not handed out again. */
void enrol_view_drop_lost(const struct fleet *fleet, struct enrol_view *view);

struct enrol_decision {
    bool is_repeat; /* hand out view->repeat; the rest says nothing then */
    int64_t generation;
    enum certificate_state state;
    bool is_first;            /* no certificate was ever issued to this device */
    bool is_recovery;         /* under the identity key though there was one */
    bool is_fork;             /* two keys for one generation: two hold the key that asks; nothing is issued */
    bool is_recovery_refused; /* beside the error: all but the recovery policy would let it pass */
};
/** @errors as enrol() @thread any */
err_t enrol_decide(const struct enrol_order *order, const struct enrol_view *view,
                   struct enrol_decision *out);

/** What can be known without the inventory: whether anything was proved, on this connection, and the channel
 *  binding of the request. @thread any */
err_t enrol_check_proof(const struct enrol_order *order);
err_t enrol_check_identity_key(const struct enrol_order *order, const struct product_row *product);
err_t enrol_check_binding(const struct enrol_order *order, const struct product_row *product);
err_t enrol_check_names(const struct enrol_order *order);
/** A challenge proof for a device of no list: what challenge_check() could not know then. */
err_t enrol_check_new(const struct enrol_order *order, const struct enrol_view *view);
/** The one answer to every device that is not admitted. */
err_t enrol_refused(void);

struct kept_profile; /* fleet/profile_cache.h */

/* What of a device goes into its certificate; holds the texts that `subject` borrows. */
struct enrol_subject {
    char id[2 * DEVICE_ID_SIZE + 1];
    char tenant[NAME_SIZE]; /* "" where the profile does not tell it */
    struct device_subject subject;
};
/** @param out borrows from view too @thread worker */
err_t enrol_subject(struct fleet *fleet, const struct enrol_view *view, const struct kept_profile *profile,
                    struct enrol_subject *out);
/** Whether the profile of this name is the one that the order wants. @errors ERR_BAD_REQUEST @thread any */
err_t enrol_check_wanted(const struct enrol_order *order, const char *profile);
/** That, and what the profile asks of the key of the request. @errors ERR_BAD_REQUEST, ERR_UNPROCESSABLE
 *  @thread any */
err_t enrol_check_profile(const struct enrol_order *order, const struct enrol_view *view,
                          const struct enrol_decision *decision, const struct kept_profile *profile);

/* A certificate that is signed and that nobody has seen. */
struct enrol_signed {
    struct kept_profile *profile; /* held: by which it is signed */
    bool is_there;
    char authority[AUTHORITY_ID_SIZE]; /* that signed it … */
    int64_t authorities;               /* … as the authorities were then (authority_set_change()) */
    int64_t product_ver;               /* it was signed under this version of the product's policy */
    struct issued issued;
};
/** By out->profile. */
err_t enrol_sign(struct fleet *fleet, const struct enrol_order *order, const struct enrol_view *view,
                 struct enrol_signed *out);

struct enrol_run {
    struct fleet *fleet;
    const struct enrol_order *order;
    struct enrol_signed *prepared;
    bool must_sign; /* the transaction decided otherwise than the snapshot before it */
    struct enrol_view view;
    struct enrol_decision decision;
    struct certificate_row row; /* issued or repeated, without DER */
    struct buf repeated_der;
};
/** Takes the certificate that waits for its first use as the answer. @thread of tx */
err_t enrol_repeat(struct db_tx *tx, struct enrol_run *run);
/** Runs the transaction. @errors ERR_BUSY with must_sign: sign, then again @thread worker */
err_t enrol_store(struct enrol_run *run);

#endif
