/* Refusals of one device, as the log holds them. */
#include "fleet/device_history.h"

#include "fleet/internal.h"

struct read {
    const struct device_row *device;
    int64_t limit;
    audit_row_fn fn;
    void *arg;
};

static err_t read_refusals(struct db_tx *tx, void *arg)
{
    const struct read *run = arg;
    return audit_rows_refusals(tx, run->device->tenant, &run->device->id, run->limit, run->fn, run->arg);
}

err_t device_refusals(struct fleet *fleet, const struct device_row *device, int limit, audit_row_fn fn,
                      void *arg)
{
    struct read run = {.device = device, .limit = limit, .fn = fn, .arg = arg};
    return db_read(fleet->db, read_refusals, &run);
}
