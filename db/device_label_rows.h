/* Rows that find devices by a label. What a device's labels are is told by its own row. */
#ifndef WHORL_DB_DEVICE_LABEL_ROWS_H
#define WHORL_DB_DEVICE_LABEL_ROWS_H

#include "db/db.h"
#include "db/rows.h"

/** Forgets all labels of the device. @thread of tx, like all functions here */
err_t device_label_rows_clear(struct db_tx *tx, struct uuid tenant, const struct device_id *id);
err_t device_label_rows_insert(struct db_tx *tx, const struct device_row *device, const char *name,
                               const char *value);

#endif
