/* What a list that came in says of CAs here: whoever certified one of them has revoked it. Nothing is issued
 * under it any more, as if an operator had retired it; that its key is in other hands too is for people to
 * say. */
#include <stdio.h>
#include <string.h>

#include "db/authority_certificate_rows.h"
#include "fleet/alarms.h"
#include "fleet/authority_apply.h"
#include "fleet/authority_import_apply.h"
#include "fleet/event.h"
#include "fleet/revocation.h"

enum { DETAIL_SIZE = 200 };

struct fall {
    const struct import_run *run;
    struct import_step *step; /* of the list */
    const char *reason;
    size_t count; /* of those that issue nothing any more, or whose alarm is new */
};

static err_t record(struct db_tx *tx, const struct fall *fall, const struct authority_row *row)
{
    AUTO(json_t) *body = json_object();
    const struct event event = {.kind = "authority.revoked",
                                .result = "ok",
                                .actor = fall->run->actor->name,
                                .request_id = fall->run->actor->request_id,
                                .tenant = row->has_tenant ? &row->tenant : NULL};
    TRY(json_set_text(body, "authority", row->id));
    TRY(json_set_text(body, "role", row->role));
    TRY(json_set_text(body, "issuer", row->issuer));
    TRY(json_set_text(body, "list_of", fall->step->authority));
    TRY(json_set_int(body, "number", fall->step->number));
    TRY(json_set_text(body, "reason", fall->reason));
    return event_append_value(tx, &event, body);
}

/* Without an authority of its own certificates no server starts: that one goes on, and the alarm says so. */
static err_t strike(struct db_tx *tx, struct fall *fall, const struct authority_row *row)
{
    char detail[DETAIL_SIZE];
    bool stands = false;
    enum alarm_severity severity;
    bool is_server = strcmp(row->role, "infrastructure") == 0 && row->is_default;
    bool is_standby = row->state == AUTHORITY_STANDBY;
    (void)snprintf(detail, sizeof detail, "the CRL of %s revokes it or what it stands under (%s): %s",
                   fall->step->authority, fall->reason,
                   is_server ? "clients that see that list refuse this server: roll it over"
                             : "it issues nothing any more: let another authority issue");
    const struct alarm alarm = {.kind = "authority.revoked",
                                .subject = row->id,
                                .tenant = row->has_tenant ? &row->tenant : NULL,
                                .severity = ALARM_CRITICAL,
                                .detail = detail};
    TRY(alarm_stands(tx, &alarm, &stands, &severity));
    if (stands || (!is_standby && row->state != AUTHORITY_ACTIVE && row->state != AUTHORITY_RETIRING)) {
        return OK; /* told before, or over anyway */
    }
    fall->count++;
    TRY(record(tx, fall, row));
    const struct authority_edit edit = {.state = is_standby ? AUTHORITY_RETIRED : AUTHORITY_RETIRING};
    TRY(is_server ? OK : authority_edit(tx, row->id, &edit));
    return is_standby ? OK : alarm_raise(tx, &alarm); /* that one had issued nothing */
}

/* One that is revoked, and all that stand under it. */
static err_t fall_under(struct db_tx *tx, struct fall *fall, const struct import_authority *item, int depth)
{
    const struct import_world *world = &fall->run->world;
    TRY(item->row.is_external ? OK : strike(tx, fall, &item->row));
    for (size_t i = 0; i < world->count && depth < CA_PATH_MAX; i++) {
        const struct import_authority *below = &world->items[i];
        if (strcmp(below->row.issuer, item->row.id) == 0 && below->row.state != AUTHORITY_PENDING) {
            TRY(fall_under(tx, fall, below, depth + 1));
        }
    }
    return OK;
}

static err_t is_revoked(const struct authority_certificate_row *row, void *arg)
{
    *(bool *)arg = row->revoked_at != 0;
    return OK;
}

/* What was revoked by an order here, a list only repeats. */
static err_t is_news(struct db_tx *tx, const struct import_step *step, struct bytes serial, bool *out)
{
    bool is_old = false;
    err_t found = authority_certificate_rows_find(tx, step->authority, serial, is_revoked, &is_old);
    *out = !is_old;
    return found.code == ERR_NOT_FOUND ? OK : found;
}

err_t import_strike_revoked(struct db_tx *tx, const struct import_run *run, const struct crl_facts *crl,
                            struct import_step *step)
{
    struct fall fall = {.run = run, .step = step};
    for (size_t i = 0; i < run->world.count; i++) {
        const struct import_authority *item = &run->world.items[i];
        AUTO_VAL(certificate_facts) facts = {.serial_size = 0};
        if (strcmp(item->row.issuer, step->authority) != 0 || item->certificate.n == 0) {
            continue;
        }
        TRY(certificate_read(buf_view(&item->certificate), &facts));
        struct crl_line line = {.reason = 0};
        bool is_there = false;
        TRY(crl_find(crl, (struct bytes){facts.serial, facts.serial_size}, &line, &is_there));
        fall.reason = revocation_reason_name(line.reason);
        if (is_there) {
            TRY(is_news(tx, step, line.serial, &is_there));
        }
        TRY(is_there ? fall_under(tx, &fall, item, 0) : OK);
    }
    if (fall.count > 0) {
        (void)snprintf(step->note, sizeof step->note,
                       "it revokes what stands here: %zu authorit%s no more (alarm authority.revoked)",
                       fall.count, fall.count == 1 ? "y issues" : "ies issue");
    }
    return OK;
}
