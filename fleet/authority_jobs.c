/* What time does to authorities: orders that failed are tried again; those that retire end with the last
 * certificate under them; the alarm of a compromised one ends then too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/certificate_rows.h"
#include "db/tenant_rows.h"
#include "fleet/alarms.h"
#include "fleet/authority_apply.h"
#include "fleet/authority_set.h"
#include "fleet/authority_work.h"
#include "fleet/internal.h"
#include "pki/certificate.h"

enum { ORDERS_PER_RUN = 16, TENANTS_PER_STEP = 100 };
static const int64_t AGAIN_MS = 30000;

/* --- orders
 * ------------------------------------------------------------------------------------------------- */

struct waiting {
    struct authority_order_row *rows;
    size_t count;
};

static err_t take_order(const struct authority_order_row *row, void *arg)
{
    struct waiting *waiting = arg;
    waiting->rows[waiting->count++] = *row; /* the statement's limit is the array's */
    return OK;
}

static err_t list_in(struct db_tx *tx, void *arg)
{
    struct waiting *waiting = arg;
    const struct row_window window = {.limit = ORDERS_PER_RUN};
    waiting->count = 0;
    return authority_order_rows_list(tx, &window, take_order, waiting);
}

static err_t note_in(struct db_tx *tx, void *arg)
{
    return authority_order_rows_note(tx, arg);
}

static err_t try_again(struct fleet *fleet, struct authority_order_row *row, int64_t now_ms)
{
    if (row->attempt_at != 0 && now_ms < row->attempt_at + AGAIN_MS) {
        return OK;
    }
    err_t error = authority_work(fleet, row->authority);
    if (error.code == ERR_OK) {
        return authority_set_reload(fleet);
    }
    log_error(fleet->log, "authority_not_made", row->request_id, error);
    row->attempt_at = now_ms;
    (void)snprintf(row->failure, sizeof row->failure, "%s", error.detail);
    return db_write(fleet->db, note_in, row);
}

err_t authority_orders_run(struct fleet *fleet, int64_t now_ms)
{
    struct waiting waiting = {.rows = calloc(ORDERS_PER_RUN, sizeof *waiting.rows)};
    ENSURE(waiting.rows != NULL, ERR_NO_MEMORY, "orders of authorities");
    err_t error = db_read(fleet->db, list_in, &waiting);
    for (size_t i = 0; i < waiting.count && error.code == ERR_OK; i++) {
        error = try_again(fleet, &waiting.rows[i], now_ms);
    }
    free(waiting.rows);
    return error;
}

/* --- ends
 * --------------------------------------------------------------------------------------------------- */

struct ending {
    struct fleet *fleet;
    char id[AUTHORITY_ID_SIZE];
    struct authority_copy copy;
    struct uuid tenants[TENANTS_PER_STEP];
    size_t count;
    struct uuid after;
    int64_t ends_at, now_ms;
};

static err_t take_tenant(const struct tenant_row *row, void *arg)
{
    struct ending *ending = arg;
    ending->tenants[ending->count++] = row->id;
    return OK;
}

/* One look at an index for each tenant. */
static err_t step_in(struct db_tx *tx, void *arg)
{
    struct ending *ending = arg;
    const struct row_window window = {.after = BYTES_OF(ending->after.b), .limit = TENANTS_PER_STEP};
    ending->count = 0;
    TRY(tenant_rows_list(tx, &window, take_tenant, ending));
    for (size_t i = 0; i < ending->count; i++) {
        int64_t last = 0;
        TRY(certificate_rows_last_end(tx, ending->tenants[i], ending->id, &last));
        ending->ends_at = last > ending->ends_at ? last : ending->ends_at;
    }
    return OK;
}

static err_t copy_in(struct db_tx *tx, void *arg)
{
    struct ending *ending = arg;
    return authority_copy_find(tx, ending->id, &ending->copy);
}

/* A root lives as long as anything under it may; this server's own certificates are in no row. */
static err_t find_end(struct ending *ending)
{
    AUTO_VAL(certificate_facts) facts = {.serial_size = 0};
    bool is_walked =
        strcmp(ending->copy.role, "root") != 0 && strcmp(ending->copy.role, "infrastructure") != 0;
    if (!is_walked) {
        TRY(certificate_read(ending->copy.row.certificate, &facts));
        ending->ends_at = facts.not_after_ms;
        return OK;
    }
    ending->ends_at = 1; /* known, and long ago: it never issued */
    do {
        TRY(db_read(ending->fleet->db, step_in, ending));
        ending->after = ending->count > 0 ? ending->tenants[ending->count - 1] : ending->after;
    } while (ending->count == TENANTS_PER_STEP);
    return OK;
}

/* Those that stand as long as anything under it lives. */
static err_t clear_alarms(struct db_tx *tx, const char *id, const struct authority_row *row)
{
    static const char *const kinds[] = {"authority.compromised", "authority.revoked"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct alarm alarm = {
            .kind = kinds[i], .subject = id, .tenant = row->has_tenant ? &row->tenant : NULL};
        TRY(alarm_clear(tx, &alarm));
    }
    return OK;
}

static err_t end_in(struct db_tx *tx, void *arg)
{
    const struct ending *ending = arg;
    AUTO_VAL(authority_copy) now = {.crl_base = ""};
    AUTO_VAL(authority_view) view = {.count = 0};
    const struct authority_word word = {
        .kind = "authority.retired", .actor = "whorld", .request_id = "", .note = ""};
    TRY(authority_copy_find(tx, ending->id, &now));
    if (now.row.ver != ending->copy.row.ver) {
        return OK; /* the next run looks again */
    }
    bool is_over = ending->ends_at <= ending->now_ms;
    bool is_retired = is_over && now.row.state == AUTHORITY_RETIRING;
    if (is_over) {
        TRY(clear_alarms(tx, ending->id, &now.row));
    }
    if (now.row.ends_at == ending->ends_at && !is_retired) {
        return OK;
    }
    now.row.ends_at = ending->ends_at;
    now.row.state = is_retired ? AUTHORITY_RETIRED : now.row.state;
    TRY(authority_rows_update(tx, &now.row));
    TRY(authority_view_read(tx, &view));
    const struct authority_brief *item = authority_view_find(&view, ending->id);
    return is_retired && item != NULL ? authority_record(tx, item, &word) : OK;
}

static err_t look_at(struct fleet *fleet, const char *id, int64_t now_ms)
{
    struct ending ending = {.fleet = fleet, .now_ms = now_ms};
    (void)snprintf(ending.id, sizeof ending.id, "%s", id);
    err_t error = db_read(fleet->db, copy_in, &ending);
    if (error.code == ERR_OK && ending.copy.row.ends_at == 0) {
        error = find_end(&ending);
    } else {
        ending.ends_at = ending.copy.row.ends_at;
    }
    bool is_news = ending.copy.row.ends_at == 0 || ending.ends_at <= now_ms;
    if (error.code == ERR_OK && is_news) {
        error = db_write(fleet->db, end_in, &ending);
    }
    authority_copy_clear(&ending.copy);
    return error;
}

/* An alarm outlives no authority: one may be retired by an order, too. */
struct quiet {
    struct alarm alarm;
    bool stands;
};

static err_t stands_in(struct db_tx *tx, void *arg)
{
    struct quiet *quiet = arg;
    enum alarm_severity severity;
    return alarm_stands(tx, &quiet->alarm, &quiet->stands, &severity);
}

static err_t quiet_in(struct db_tx *tx, void *arg)
{
    return alarm_clear(tx, arg);
}

static err_t quieten(struct fleet *fleet, const struct authority_member *member)
{
    struct quiet quiet = {.alarm = {.kind = "authority.revoked",
                                    .subject = member->id,
                                    .tenant = member->has_tenant ? &member->tenant : NULL}};
    TRY(db_read(fleet->db, stands_in, &quiet));
    return quiet.stands ? db_write(fleet->db, quiet_in, &quiet.alarm) : OK;
}

err_t authority_ends_run(struct fleet *fleet, int64_t now_ms)
{
    AUTO_PTR(authority_set) *set = authority_set_take(fleet);
    for (size_t i = 0; authority_set_at(set, i) != NULL; i++) {
        const struct authority_member *member = authority_set_at(set, i);
        if (member->state == AUTHORITY_RETIRING || member->state == AUTHORITY_COMPROMISED) {
            TRY(look_at(fleet, member->id, now_ms));
        }
        TRY(member->state == AUTHORITY_RETIRED ? quieten(fleet, member) : OK);
    }
    return authority_set_reload(fleet);
}
