/* Batches after their registration: pages of them, their name, their counts. (fleet/batches.c registers.) */
#ifndef WHORL_FLEET_LOTS_H
#define WHORL_FLEET_LOTS_H

#include "db/batch_rows.h"
#include "db/device_term_rows.h"
#include "fleet/terms.h"

/** @thread worker, like all functions here */
err_t batch_list(struct fleet *fleet, struct uuid tenant, const struct row_window *window, batch_row_fn fn,
                 void *arg);
/** @param name 1 … 64 of [A-Za-z0-9._-]
 *  @errors ERR_NOT_FOUND also for another tenant's, ERR_PRECONDITION, ERR_CONFLICT, ERR_UNPROCESSABLE */
err_t batch_rename(struct fleet *fleet, const struct terms *terms, struct uuid id, struct bytes name,
                   struct batch_row *out);
/* How many devices of a product or a batch are in each state, and of the enrolled ones in each term. */
struct device_counts {
    int64_t states[DEVICE_STATES], terms[DEVICE_TERMS];
    int64_t overdue; /* of those that are due or expired */
};
/** Both of one moment; read, not counted. */
err_t device_counts_read(struct fleet *fleet, struct uuid owner, struct device_counts *out);

#endif
