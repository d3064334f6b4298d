/* A second person's word: requests that wait for it, and what becomes of them. What waits is said by
 * dual_control.h; what can wait by approval_kinds.h. */
#ifndef WHORL_FLEET_APPROVALS_H
#define WHORL_FLEET_APPROVALS_H

#include "fleet/approval_kinds.h"

const char *approval_state_name(enum approval_state state);
/** @errors ERR_NOT_FOUND naming the known ones */
err_t approval_state_parse(struct bytes text, enum approval_state *out);

/* --- for services, inside of the transaction of the action ------------------------------------------- */

/** Whether this action waits: the tenant or the product says so, and nobody agreed yet. @param product or
 * NULL
 *  @thread of tx, like the next two */
err_t dual_control_asks(struct db_tx *tx, const struct terms *terms, const struct uuid *product,
                        enum approval_bit bit, bool *out);

struct approval_wish {
    enum approval_bit bit;
    const json_t *request; /* an object: all that execute() needs */
    const char *op_kind;   /* under which the Idempotency-Key is kept; or NULL */
};
/** Keeps the request with its record, in place of the action; the same one that waits already is found again.
 *  Says so in terms->guarded. @errors ERR_TOO_LARGE, of the kind's subject() */
err_t approval_request(struct db_tx *tx, const struct terms *terms, const struct approval_wish *wish);
/** Whether what an Idempotency-Key did was to ask a second person; then says so in terms->guarded. */
err_t approval_take_repeat(const struct terms *terms, const struct op_row *op, bool *is_waiting);

struct approval_repeat {
    bool is_repeat; /* the order came before */
    bool has_made;  /* and made something, rather than waiting for a second person */
    struct uuid made;
};
/** Whether an order that makes a thing or waits came before, under the same Idempotency-Key. @thread of tx */
err_t approval_find_repeat(struct db_tx *tx, const struct terms *terms, const char *op_kind,
                           struct approval_repeat *out);

/* --- for those who decide ------------------------------------------------------------------------------ */

enum approval_verb { VERB_APPROVE, VERB_REJECT, VERB_WITHDRAW };

struct approval_decision {
    struct uuid id;
    enum approval_verb verb;
    const char *comment;    /* or NULL */
    uint32_t caller_scopes; /* of who decides */
};
/** Approving carries the action out in the same transaction (or starts it, where it is work on many devices).
 *  When what it is about has changed, the approval becomes void; when it cannot be carried out, failed.
 *  @param[out] out {0} before; cleared by the caller on failure too
 *  @errors ERR_NOT_FOUND also for another tenant's; ERR_FORBIDDEN the same person, or a scope is missing;
 * ERR_WRONG_STATE nothing waits any more, it changed, it could not be carried out; ERR_PRECONDITION
 *  @thread worker, like the next ones */
err_t approval_decide(struct fleet *fleet, const struct terms *terms,
                      const struct approval_decision *decision, struct approval_row *out);
/** With the request. @param[out] out {0} before; cleared by the caller @errors ERR_NOT_FOUND */
err_t approval_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct approval_row *out);

struct approval_filter {
    struct uuid tenant;
    bool has_state;
    enum approval_state state;
};
/** In order of id, which is that of asking; without the requests. */
err_t approval_list(struct fleet *fleet, const struct approval_filter *filter,
                    const struct row_window *window, approval_row_fn fn, void *arg);

#endif
