/* The steps of operations, for the table of operation_job.c. */
#ifndef WHORL_FLEET_OPERATION_STEPS_H
#define WHORL_FLEET_OPERATION_STEPS_H

#include "fleet/operations.h"

enum { OPERATION_STEP_DEVICES = 100 }; /* so few that the writer is free again after some milliseconds */

struct operation_step {
    struct operation_row *row; /* cursor and counts are moved on */
    const struct terms *terms; /* of whoever started it */
    const json_t *request;
    bool is_done;    /* nothing is left */
    int64_t revoked; /* certificates */
};

/* fleet/mass_revoke.c */
err_t mass_revoke_step(struct db_tx *tx, struct operation_step *step);
/* fleet/transfer_step.c */
err_t transfer_step(struct db_tx *tx, struct operation_step *step);

/** Notes that one device could not be worked on. */
void operation_note_failure(struct operation_row *row, const struct device_id *id, const err_t *error);
/** The end, with its record. @thread of tx */
err_t operation_end(struct db_tx *tx, struct operation_row *row, enum operation_state state,
                    const struct actor *actor);

#endif
