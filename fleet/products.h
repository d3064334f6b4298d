/* Products: device models with the policy of their certificates, and the hub that their devices go to. */
#ifndef WHORL_FLEET_PRODUCTS_H
#define WHORL_FLEET_PRODUCTS_H

#include "fleet/terms.h"

/* What is asked for; what is not there stays as it is, or takes its default. */
struct product_change {
    struct bytes name; /* p NULL: not there */
    bool has_certificate_ttl_s, has_renew_percent, has_recovery, has_key_algorithms, has_hub;
    bool has_identity_key_certificates, has_allow_rsa_2048, has_require_channel_binding,
        has_allow_unbound_challenge, has_admission, has_must_be_listed, has_clone_response;
    bool has_renew_spread_percent, has_rekey_period_s, has_rekey_required, has_overdue_alert_after_s,
        has_overdue_quarantine_days;
    int64_t certificate_ttl_s, renew_percent, renew_spread_percent, rekey_period_s, overdue_alert_after_s,
        overdue_quarantine_days;
    enum recovery_policy recovery;
    enum admission_policy admission;
    enum clone_response clone_response;
    uint32_t key_algorithms;
    struct bytes hub; /* its name; empty: none */
    bool has_profile, has_profile_version;
    struct bytes profile;    /* its name; empty: the built-in "ldevid" */
    int64_t profile_version; /* 0: always the newest */
    bool has_authority;
    struct bytes authority; /* its id; empty: the default one */
    bool identity_key_certificates, allow_rsa_2048, require_channel_binding, allow_unbound_challenge,
        must_be_listed, rekey_required;
};

/** @errors ERR_UNPROCESSABLE with faults, ERR_CONFLICT name taken @thread worker, like all functions here */
err_t product_add(struct fleet *fleet, const struct terms *terms, const struct product_change *change,
                  struct product_row *out);
/** What was issued stays as it is; the next enrolment follows the new policy.
 *  @errors as above, ERR_NOT_FOUND also for another tenant's, ERR_PRECONDITION */
err_t product_change(struct fleet *fleet, const struct terms *terms, struct uuid id,
                     const struct product_change *change, struct product_row *out);
/** @errors ERR_NOT_FOUND also for another tenant's */
err_t product_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct product_row *out);
/** In order of id. */
err_t product_list(struct fleet *fleet, struct uuid tenant, const struct row_window *window,
                   err_t (*fn)(const struct product_row *row, void *arg), void *arg);

/** The product "default" of a new tenant, with its audit record. @thread of tx */
err_t product_insert_default(struct db_tx *tx, const struct actor *actor, const struct tenant_row *tenant);

#endif
