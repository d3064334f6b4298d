/* What follows when a device is late: an alarm for its product, and quarantine for one that keeps contact and
 * does nothing, where its product says so (docs/rekey.md). */
#ifndef WHORL_FLEET_OVERDUE_H
#define WHORL_FLEET_OVERDUE_H

#include "db/device_contact_rows.h"
#include "db/device_term_rows.h"
#include "fleet/fleet.h"

/** Puts the device in quarantine, with its record, when it was in contact for too many days since it was told
 * and is due still. @param[in,out] contact begins anew then: a device that is released has its days again
 * @thread of tx */
err_t overdue_judge(struct db_tx *tx, struct device_contact_row *contact);

/* What a person is told of one device's schedule. */
struct device_schedule {
    bool has_term; /* it is enrolled and has a confirmed certificate; otherwise the term says nothing */
    struct device_term_row term;
    int64_t quarantine_days; /* its product's; 0: never */
};
/** @thread worker */
err_t device_schedule_read(struct fleet *fleet, const struct device_row *device, struct device_schedule *out);

/** The count of a product's overdue devices changed: its alarm follows. @thread of tx */
err_t overdue_alarm(struct db_tx *tx, struct uuid tenant, struct uuid product);

#endif
