/* Work on many devices: started by one request, carried on by a job in small transactions. What was done is
 * durable with each of them, so that the end of the process at any instant only makes a pause. */
#ifndef WHORL_FLEET_OPERATIONS_H
#define WHORL_FLEET_OPERATIONS_H

#include "base/json.h"
#include "db/operation_rows.h"
#include "fleet/terms.h"

/* Stored: a number is never given to another kind. */
enum operation_kind { OPERATION_REVOKE_MANY = 1, OPERATION_TRANSFER = 2 };

const char *operation_kind_name(int64_t kind);
const char *operation_state_name(enum operation_state state);
/** @errors ERR_NOT_FOUND naming the known ones */
err_t operation_state_parse(struct bytes text, enum operation_state *out);

struct operation_order {
    enum operation_kind kind;
    const json_t *request; /* an object: all that the steps need */
    int64_t total;         /* how many devices it can concern at most */
};
/** In the transaction that decided it. @errors ERR_UNPROCESSABLE the request is too long @thread of tx */
err_t operation_start(struct db_tx *tx, const struct terms *terms, const struct operation_order *order,
                      struct operation_row *out);

/** @errors ERR_NOT_FOUND also for another tenant's @thread worker, like the next ones */
err_t operation_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct operation_row *out);

struct operation_filter {
    struct uuid tenant;
    bool has_state;
    enum operation_state state;
};
/** In order of id, which is that of their start. */
err_t operation_list(struct fleet *fleet, const struct operation_filter *filter,
                     const struct row_window *window, operation_row_fn fn, void *arg);
/** Stops it before the next device; what was done stays done. Cancelling what is cancelled changes nothing.
 *  @errors ERR_NOT_FOUND, ERR_WRONG_STATE it is over, or its kind runs to its end, ERR_PRECONDITION */
err_t operation_cancel(struct fleet *fleet, const struct terms *terms, struct uuid id,
                       struct operation_row *out);

#endif
