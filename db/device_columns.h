/* The columns of a device in the order in which device_row_read() takes them; for db/device*_rows.c only. */
#ifndef WHORL_DB_DEVICE_COLUMNS_H
#define WHORL_DB_DEVICE_COLUMNS_H

#include "db/device_rows.h"

/* With the table's name, for texts that join another. */
#define DEVICE_COLUMNS                                                                                       \
    "device.id, device.tenant, device.batch, device.product, device.state, device.claim, "                   \
    "device.reenrol_allowed, device.generation, device.serial, device.model, device.attributes, "            \
    "device.registered_at, device.enrolled_at, device.updated_at, device.ver, "                              \
    "device.key_origin, device.labels, device.note, device.rekey_requested_at, device.rekey_above, "         \
    "device.transferred_at"

/** A row of a result into the struct device_row that `arg` is. */
err_t device_row_read(const struct db_row *row, void *arg);

#endif
