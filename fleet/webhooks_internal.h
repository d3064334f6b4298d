/* What the files about webhooks share. */
#ifndef WHORL_FLEET_WEBHOOKS_INTERNAL_H
#define WHORL_FLEET_WEBHOOKS_INTERNAL_H

#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/webhooks.h"

struct webhook_run {
    struct fleet *fleet;
    const struct terms *terms;
    struct uuid id;
    const struct webhook_change *change;
    const struct webhook_row *fresh; /* made before the transaction: id and secret */
    struct webhook_row *out;
};

/** The caller's webhook, at the version that the terms name. @errors ERR_NOT_FOUND, ERR_PRECONDITION */
err_t webhook_run_find(struct db_tx *tx, const struct webhook_run *run);
/** The audit record. @param detail text of its own, or NULL */
err_t webhook_record(struct db_tx *tx, const struct actor *actor, const struct webhook_row *row,
                     const char *kind, const char *detail);

#endif
