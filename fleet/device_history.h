/* What the log tells of one device: its last refusals. Its whole history is audit_list() with the device. */
#ifndef WHORL_FLEET_DEVICE_HISTORY_H
#define WHORL_FLEET_DEVICE_HISTORY_H

#include "db/audit_rows.h"
#include "fleet/fleet.h"

/** The newest refusals of a device of this tenant, at most `limit`. @thread worker */
err_t device_refusals(struct fleet *fleet, const struct device_row *device, int limit, audit_row_fn fn,
                      void *arg);

#endif
