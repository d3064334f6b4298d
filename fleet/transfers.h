/* Devices that change their owner within one installation: one tenant offers, another accepts, and from then
 * on they are its own (docs/identity.md, rule 12). The owner before keeps its records and nothing else. */
#ifndef WHORL_FLEET_TRANSFERS_H
#define WHORL_FLEET_TRANSFERS_H

#include "db/transfer_rows.h"
#include "fleet/approval_kinds.h"

enum { TRANSFER_DEVICES_MAX = 1000 };
#define TRANSFER_LIFETIME_MAX_MS (INT64_C(30) * 24 * 3600 * 1000)

const char *transfer_state_name(enum transfer_state state);

struct transfer_wish {
    const char *to_tenant; /* its name */
    bool has_batch;        /* the whole batch; otherwise these devices */
    struct uuid batch;
    const struct device_id *devices; /* borrowed, 1 … TRANSFER_DEVICES_MAX, each once */
    size_t count;
    const char *note; /* or NULL */
    int64_t expires_at;
};
/** Offers devices, or says in terms->guarded that the offer waits for a second person. Until it is accepted
 *  nothing changes for the devices.
 *  @errors ERR_UNPROCESSABLE with faults; ERR_NOT_FOUND no such batch; ERR_WRONG_STATE a device that is
 *  quarantined, retired or compromised stays where it is @thread worker, like all functions here */
err_t transfer_offer(struct fleet *fleet, const struct terms *terms, const struct transfer_wish *wish,
                     struct transfer_row *out);

struct transfer_acceptance {
    struct uuid id;
    const char *product; /* of the tenant that accepts: its name */
    const char *batch;   /* the name of the batch that is made for them */
};
/** Starts the operation that moves them, or says in terms->guarded that it waits for a second person.
 *  @errors ERR_NOT_FOUND, ERR_WRONG_STATE not offered any more, or of a batch that changed since;
 *  ERR_UNPROCESSABLE with faults; ERR_CONFLICT the batch's name is taken; ERR_FORBIDDEN one's own offer */
err_t transfer_accept(struct fleet *fleet, const struct terms *terms,
                      const struct transfer_acceptance *acceptance, struct transfer_row *out);
/** By whom it is offered to. @errors as above */
err_t transfer_reject(struct fleet *fleet, const struct terms *terms, struct uuid id,
                      struct transfer_row *out);
/** By who offered it. @errors as above */
err_t transfer_withdraw(struct fleet *fleet, const struct terms *terms, struct uuid id,
                        struct transfer_row *out);

/** For either of the two tenants. @errors ERR_NOT_FOUND */
err_t transfer_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct transfer_row *out);
struct transfer_filter {
    struct uuid tenant;
    bool is_incoming;
};
/** In order of id, which is that of offering. */
err_t transfer_list(struct fleet *fleet, const struct transfer_filter *filter,
                    const struct row_window *window, transfer_row_fn fn, void *arg);

/** For the table of approval_kinds.c. @thread of tx */
err_t transfer_offer_subject(struct db_tx *tx, const struct approval_case *this, json_t *out);
err_t transfer_offer_execute(struct db_tx *tx, const struct approval_case *this,
                             struct approval_outcome *out);
err_t transfer_accept_subject(struct db_tx *tx, const struct approval_case *this, json_t *out);
err_t transfer_accept_execute(struct db_tx *tx, const struct approval_case *this,
                              struct approval_outcome *out);

#endif
