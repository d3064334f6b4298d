/* The consequences of being late. Counting and reporting are in device_terms.c, days of contact in
 * device_contacts.c. */
#include "fleet/overdue.h"

#include <stdio.h>

#include "db/device_rows.h"
#include "db/product_rows.h"
#include "fleet/alarms.h"
#include "fleet/device_change.h"
#include "fleet/event.h"
#include "fleet/internal.h"

static const char ALARM[] = "devices.overdue";

/* --- quarantine ------------------------------------------------------------------------------------- */

static err_t record(struct db_tx *tx, const struct device_contact_row *contact)
{
    AUTO(json_t) *body = json_object();
    TRY(json_set_text(body, "from", "enrolled"));
    TRY(json_set_text(body, "state", "quarantined"));
    TRY(json_set_text(body, "cause", "overdue"));
    TRY(json_set_time(body, "told_at", contact->told_at));
    TRY(json_set_int(body, "contact_days", contact->contact_days));
    struct event event = {.kind = "device.quarantined",
                          .result = "ok",
                          .actor = "whorld",
                          .request_id = "",
                          .tenant = &contact->tenant,
                          .device = &contact->device};
    return event_append_value(tx, &event, body);
}

/* A certificate may have been confirmed, or a plan changed, since it was told. */
static err_t is_due_still(struct db_tx *tx, const struct device_row *device, bool *out)
{
    struct device_term_row term;
    err_t found = device_term_rows_find(tx, device, &term);
    *out = found.code == ERR_OK && term.renew_at <= db_tx_now_ms(tx);
    return found.code == ERR_NOT_FOUND ? OK : found;
}

err_t overdue_judge(struct db_tx *tx, struct device_contact_row *contact)
{
    struct device_row device;
    struct product_row product;
    bool is_due = false;
    if (contact->told_at == 0 || contact->contact_days == 0) {
        return OK;
    }
    err_t found = device_rows_find(tx, contact->tenant, &contact->device, &device);
    if (found.code == ERR_NOT_FOUND || (found.code == ERR_OK && device.state != DEVICE_ENROLLED)) {
        return OK;
    }
    TRY(found);
    TRY(product_rows_find_by_id(tx, device.product, &product));
    int64_t days = product.overdue_quarantine_days;
    if (days == 0 || contact->contact_days < days) {
        return OK;
    }
    TRY(is_due_still(tx, &device, &is_due));
    if (!is_due) {
        return OK;
    }
    TRY(device_change(tx, &device, DEVICE_QUARANTINED, BYTES_NONE));
    TRY(record(tx, contact));
    contact->told_at = contact->contact_days = contact->day_at = 0;
    return OK;
}

/* --- for people ------------------------------------------------------------------------------------- */

struct read {
    const struct device_row *device;
    struct device_schedule *out;
};

static err_t read_in(struct db_tx *tx, void *arg)
{
    const struct read *run = arg;
    struct product_row product;
    TRY(product_rows_find_by_id(tx, run->device->product, &product));
    run->out->quarantine_days = product.overdue_quarantine_days;
    err_t found = device_term_rows_find(tx, run->device, &run->out->term);
    run->out->has_term = found.code == ERR_OK;
    return found.code == ERR_NOT_FOUND ? OK : found;
}

err_t device_schedule_read(struct fleet *fleet, const struct device_row *device, struct device_schedule *out)
{
    struct read run = {.device = device, .out = out};
    *out = (struct device_schedule){.has_term = false};
    return db_read(fleet->db, read_in, &run);
}

/* --- the alarm -------------------------------------------------------------------------------------- */

err_t overdue_alarm(struct db_tx *tx, struct uuid tenant, struct uuid product)
{
    char id[UUID_TEXT_SIZE];
    int64_t overdue = 0;
    uuid_format(product, id);
    struct alarm alarm = {.kind = ALARM, .subject = id, .tenant = &tenant, .severity = ALARM_WARNING};
    TRY(device_term_rows_overdue(tx, product, &overdue));
    if (overdue == 0) {
        return alarm_clear(tx, &alarm);
    }
    char detail[160];
    struct product_row row;
    TRY(product_rows_find_by_id(tx, product, &row));
    (void)snprintf(detail, sizeof detail,
                   "devices of %s are due for a renewal or a new key for more than %lld seconds", row.name,
                   (long long)row.overdue_alert_after_s);
    alarm.detail = detail;
    return alarm_raise(tx, &alarm);
}
