/* Alarms: what stands wrong now, until it is right again. Each is named by its kind and its subject, stands
 * once, and belongs to a tenant or to the installation. Raising and clearing are steps of the transaction
 * that finds out; each change is a record. */
#ifndef WHORL_FLEET_ALARMS_H
#define WHORL_FLEET_ALARMS_H

#include "db/alarm_rows.h"
#include "fleet/fleet.h"

struct alarm {
    const char *kind;          /* a row of fleet/alarm_kinds.c */
    const char *subject;       /* what it is about: "root", a device's or a plan's id; short */
    const struct uuid *tenant; /* NULL: the installation */
    enum alarm_severity severity;
    const char *detail; /* one line for people; cut when it is too long */
};

/** Makes the alarm stand with this severity. One that stands so already is left as it is, its detail
 *  included, and nothing is written. @thread of tx (write) */
err_t alarm_raise(struct db_tx *tx, const struct alarm *alarm);
/** Ends it; nothing is written when it does not stand. @param alarm kind, subject and tenant are read */
err_t alarm_clear(struct db_tx *tx, const struct alarm *alarm);
/** Whether it stands, and how. @param alarm as above @param[out] severity when it does @thread of tx */
err_t alarm_stands(struct db_tx *tx, const struct alarm *alarm, bool *out, enum alarm_severity *severity);

/* Whose alarms a caller sees. */
struct alarm_view {
    bool of_installation, of_tenant;
    struct uuid tenant;
};
enum { ALARM_KEY_SIZE = 32 }; /* of a list: owner and id */
void alarm_key(const struct alarm_row *row, uint8_t out[ALARM_KEY_SIZE]);
bool alarm_is_of_installation(const struct alarm_row *row);
/** The installation's first, then the tenant's, each in the order in which they began.
 *  @param window `after` is a key, or empty @errors ERR_BAD_REQUEST no key @thread worker */
err_t alarm_list(struct fleet *fleet, const struct alarm_view *view, const struct row_window *window,
                 alarm_row_fn fn, void *arg);

/** "warning", "critical". @thread any */
const char *alarm_severity_name(enum alarm_severity severity);
/** The gauge whorl_alarms, appended. @thread worker */
err_t alarms_write_metrics(struct fleet *fleet, struct buf *out);

#endif
