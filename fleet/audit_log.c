/* The audit log as a tenant may read it, and the categories of CR 2.8. Changes nothing, save the note that
 * somebody took a copy. */
#include "fleet/audit_log.h"

#include <stdio.h>
#include <string.h>

#include "fleet/event.h"
#include "fleet/internal.h"

enum { RANGE_MAX = 1001 };

struct read {
    const struct audit_range *range;
    audit_row_fn fn;
    void *arg;
};

static err_t list_in(struct db_tx *tx, void *arg)
{
    const struct read *run = arg;
    return audit_rows_list(tx, run->range, run->fn, run->arg);
}

static err_t export_in(struct db_tx *tx, void *arg)
{
    const struct read *run = arg;
    return audit_rows_export(tx, run->range, run->fn, run->arg);
}

err_t audit_list(struct fleet *fleet, const struct audit_range *range, audit_row_fn fn, void *arg)
{
    struct read run = {.range = range, .fn = fn, .arg = arg};
    ENSURE(range->limit >= 1 && range->limit <= RANGE_MAX, ERR_UNPROCESSABLE, "a page has 1 to %d records",
           RANGE_MAX);
    ENSURE(range->device != NULL || range->kind == NULL || range->actor == NULL, ERR_UNPROCESSABLE,
           "give kind or actor, or both beside a device");
    return db_read(fleet->db, list_in, &run);
}

err_t audit_export(struct fleet *fleet, const struct audit_range *range, audit_row_fn fn, void *arg)
{
    struct read run = {.range = range, .fn = fn, .arg = arg};
    return db_read(fleet->db, export_in, &run);
}

struct note {
    const struct actor *actor;
    const struct audit_range *range;
};

static err_t note_in(struct db_tx *tx, void *arg)
{
    const struct note *run = arg;
    char since[32], until[32];
    time_format(run->range->since, since);
    time_format(run->range->until, until);
    struct event event = {.kind = "audit.exported",
                          .result = "ok",
                          .actor = run->actor->name,
                          .request_id = run->actor->request_id,
                          .tenant = &run->range->tenant};
    return event_append(tx, &event, "{\"since\":\"%s\",\"until\":\"%s\"}", since, until);
}

void audit_note_export(struct fleet *fleet, const struct actor *actor, const struct audit_range *range)
{
    struct note run = {.actor = actor, .range = range};
    err_t error = db_write(fleet->db, note_in, &run);
    if (error.code != ERR_OK) {
        log_error(fleet->log, "export_not_recorded", actor->request_id, error);
    }
}

const char *audit_category(struct bytes kind)
{
    /* the first that fits; what fits none is an event of the system itself */
    static const struct {
        const char *prefix, *category;
    } rows[] = {
        {"device.refused", "request_error"},
        {"contact.refused", "request_error"},
        {"device.contested", "request_error"},
        {"ca.unknown_serial", "request_error"},
        {"code.refused", "request_error"},
        {"vendor_ca.refused", "request_error"},
        {"device.", "access_control"},
        {"code.", "access_control"},
        {"certificate.", "access_control"},
        {"token.", "access_control"},
        {"backup.", "backup"},
        {"restore.", "backup"},
        {"audit.", "audit_log"},
        {"tenant.", "configuration"},
        {"product.", "configuration"},
        {"hub.", "configuration"},
        {"vendor_ca.", "configuration"},
        {"webhook.", "configuration"},
        {"batch.", "configuration"},
        {"authority.", "configuration"},
        {"import.", "configuration"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t n = strlen(rows[i].prefix);
        if (kind.n >= n && memcmp(kind.p, rows[i].prefix, n) == 0) {
            return rows[i].category;
        }
    }
    return "system";
}

void audit_event_id(const struct audit_place *place, char out[EVENT_ID_SIZE])
{
    char node[UUID_TEXT_SIZE];
    uuid_format(place->node, node);
    (void)snprintf(out, EVENT_ID_SIZE, "%s.%lld.%lld.%lld", node, (long long)place->epoch,
                   (long long)place->lane, (long long)place->seq);
}
