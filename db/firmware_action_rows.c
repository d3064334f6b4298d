/* Rows of actions and reports: statements and reading. No rules here. */
#include "db/firmware_action_rows.h"

#include "db/journal.h"
#include "db/row_values.h"

#define COLUMNS                                                                                              \
    "device, tenant, id, rollout, release, state, reason, wave, done, of, fetched, offered_at, updated_at, " \
    "due_at, ended_at"

static const char SQL_INSERT[] =
    "INSERT INTO firmware_action (" COLUMNS
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
static const char SQL_UPDATE[] =
    "UPDATE firmware_action SET state = $4, reason = $5, done = $6, of = $7, updated_at = $8, "
    "due_at = $9, ended_at = $10 WHERE device = $1 AND tenant = $2 AND id = $3";
static const char SQL_FETCHED[] =
    "UPDATE firmware_action SET fetched = $4 WHERE device = $1 AND tenant = $2 AND id = $3";
static const char SQL_FIND[] =
    "SELECT " COLUMNS " FROM firmware_action WHERE device = $1 AND tenant = $2 AND id = $3";
static const char SQL_FIND_OF_ROLLOUT[] =
    "SELECT " COLUMNS " FROM firmware_action WHERE rollout = $1 AND device = $2";
static const char SQL_LIST[] =
    "SELECT " COLUMNS " FROM firmware_action WHERE rollout = $1 AND device > $2 ORDER BY device LIMIT $3";
static const char SQL_LIST_STATE[] = "SELECT " COLUMNS " FROM firmware_action WHERE rollout = $1 AND "
                                     "state = $4 AND device > $2 ORDER BY device LIMIT $3";
static const char SQL_LIST_OF_DEVICE[] =
    "SELECT " COLUMNS
    " FROM firmware_action WHERE device = $1 AND tenant = $2 ORDER BY device, tenant, id DESC LIMIT $3";
static const char SQL_LIST_DUE[] =
    "SELECT " COLUMNS " FROM firmware_action WHERE due_at <= $1 ORDER BY due_at, rollout, device LIMIT $2";
static const char SQL_INSERT_REPORT[] =
    "INSERT INTO firmware_report (device, tenant, action, n, at, state, text) VALUES ($1, $2, $3, $4, $5, "
    "$6, $7)";
static const char SQL_DROP_REPORTS[] =
    "DELETE FROM firmware_report WHERE device = $1 AND tenant = $2 AND action = $3 AND n <= $4";
static const char SQL_LIST_REPORTS[] =
    "SELECT device, tenant, action, n, at, state, text FROM firmware_report WHERE device = $1 AND "
    "tenant = $2 AND action = $3 ORDER BY n LIMIT $4";

static struct db_value id_of(const struct device_id *device)
{
    return DB_B(device->b, sizeof device->b);
}

/* --- actions ------------------------------------------------------------------------------------------ */

/* An id that a device was told is never told again, whatever copy of the inventory is restored. */
static err_t note_in_journal(struct db_tx *tx, const struct firmware_action_row *row)
{
    struct journal_entry entry = {
        .kind = JOURNAL_ACTION, .tenant = row->owner.tenant, .device = row->owner.device, .number = row->id};
    return journal_append(tx, &entry);
}

err_t firmware_action_rows_insert(struct db_tx *tx, const struct firmware_action_row *row)
{
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(id_of(&row->owner.device), db_uuid(&row->owner.tenant), DB_I(row->id),
                            db_uuid(&row->rollout), db_uuid(&row->release), DB_I(row->state),
                            DB_T(row->reason), DB_I(row->wave), DB_I(row->done), DB_I(row->of),
                            DB_I(row->fetched), DB_I(row->offered_at), DB_I(row->updated_at),
                            db_time_or_null(row->due_at), db_time_or_null(row->ended_at)),
                  NULL));
    return note_in_journal(tx, row);
}

err_t firmware_action_rows_update(struct db_tx *tx, struct firmware_action_row *row)
{
    row->updated_at = db_tx_now_ms(tx);
    return db_change(tx, SQL_UPDATE,
                     DB_VALUES(id_of(&row->owner.device), db_uuid(&row->owner.tenant), DB_I(row->id),
                               DB_I(row->state), DB_T(row->reason), DB_I(row->done), DB_I(row->of),
                               DB_I(row->updated_at), db_time_or_null(row->due_at),
                               db_time_or_null(row->ended_at)),
                     NULL);
}

err_t firmware_action_rows_fetched(struct db_tx *tx, const struct firmware_action_row *row)
{
    return db_change(
        tx, SQL_FETCHED,
        DB_VALUES(id_of(&row->owner.device), db_uuid(&row->owner.tenant), DB_I(row->id), DB_I(row->fetched)),
        NULL);
}

static err_t read_action(const struct db_row *row, void *arg)
{
    struct firmware_action_row *out = arg;
    int64_t state = db_row_int(row, 5);
    ENSURE(state >= 0 && state < FIRMWARE_ACTION_STATES_MAX, ERR_DB, "a firmware action in state %lld",
           (long long)state);
    *out = (struct firmware_action_row){.id = db_row_int(row, 2),
                                        .state = (int)state,
                                        .wave = db_row_int(row, 7),
                                        .done = db_row_int(row, 8),
                                        .of = db_row_int(row, 9),
                                        .fetched = db_row_int(row, 10),
                                        .offered_at = db_row_int(row, 11),
                                        .updated_at = db_row_int(row, 12),
                                        .due_at = db_row_int(row, 13), /* NULL reads as 0 */
                                        .ended_at = db_row_int(row, 14)};
    TRY(db_row_copy(row, 0, out->owner.device.b, sizeof out->owner.device.b));
    TRY(db_row_copy(row, 1, out->owner.tenant.b, sizeof out->owner.tenant.b));
    TRY(db_row_copy(row, 3, out->rollout.b, sizeof out->rollout.b));
    TRY(db_row_copy(row, 4, out->release.b, sizeof out->release.b));
    return db_row_text(row, 6, out->reason, sizeof out->reason);
}

err_t firmware_action_rows_find(struct db_tx *tx, const struct firmware_owner *owner, int64_t id,
                                struct firmware_action_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(id_of(&owner->device), db_uuid(&owner->tenant), DB_I(id)),
                   read_action, out, "firmware action");
}

err_t firmware_action_rows_of_rollout(struct db_tx *tx, struct uuid rollout, const struct device_id *device,
                                      struct firmware_action_row *out)
{
    return db_find(tx, SQL_FIND_OF_ROLLOUT, DB_VALUES(db_uuid(&rollout), id_of(device)), read_action, out,
                   "device of this rollout");
}

struct each {
    firmware_action_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct firmware_action_row action;
    TRY(read_action(row, &action));
    return each->fn(&action, each->arg);
}

err_t firmware_action_rows_list(struct db_tx *tx, struct uuid rollout, const int *state,
                                const struct row_window *window, firmware_action_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    const struct db_value values[] = {db_uuid(&rollout), DB_BYTES(window->after), DB_I(window->limit),
                                      state == NULL ? DB_N : DB_I(*state)};
    return db_run(tx, state == NULL ? SQL_LIST : SQL_LIST_STATE, values, state == NULL ? 3 : 4, on_each,
                  &each);
}

err_t firmware_action_rows_of_device(struct db_tx *tx, const struct firmware_owner *owner, int64_t limit,
                                     firmware_action_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST_OF_DEVICE,
                  DB_VALUES(id_of(&owner->device), db_uuid(&owner->tenant), DB_I(limit)), on_each, &each);
}

err_t firmware_action_rows_due(struct db_tx *tx, int64_t now_ms, int64_t limit, firmware_action_row_fn fn,
                               void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST_DUE, DB_VALUES(DB_I(now_ms), DB_I(limit)), on_each, &each);
}

/* --- reports ------------------------------------------------------------------------------------------ */

err_t firmware_report_rows_add(struct db_tx *tx, const struct firmware_report_row *row)
{
    TRY(db_change(tx, SQL_INSERT_REPORT,
                  DB_VALUES(id_of(&row->owner.device), db_uuid(&row->owner.tenant), DB_I(row->action),
                            DB_I(row->n), DB_I(row->at), DB_I(row->state), DB_T(row->text)),
                  NULL));
    return db_change(tx, SQL_DROP_REPORTS,
                     DB_VALUES(id_of(&row->owner.device), db_uuid(&row->owner.tenant), DB_I(row->action),
                               DB_I(row->n - FIRMWARE_REPORTS_KEPT)),
                     NULL);
}

struct each_report {
    firmware_report_row_fn fn;
    void *arg;
};

static err_t on_report(const struct db_row *row, void *arg)
{
    const struct each_report *each = arg;
    struct firmware_report_row report = {.action = db_row_int(row, 2),
                                         .n = db_row_int(row, 3),
                                         .at = db_row_int(row, 4),
                                         .state = (int)db_row_int(row, 5)};
    ENSURE(report.state >= 0 && report.state < FIRMWARE_ACTION_STATES_MAX, ERR_DB, "a report of state %d",
           report.state);
    TRY(db_row_copy(row, 0, report.owner.device.b, sizeof report.owner.device.b));
    TRY(db_row_copy(row, 1, report.owner.tenant.b, sizeof report.owner.tenant.b));
    TRY(db_row_text(row, 6, report.text, sizeof report.text));
    return each->fn(&report, each->arg);
}

err_t firmware_report_rows_list(struct db_tx *tx, const struct firmware_owner *owner, int64_t action,
                                firmware_report_row_fn fn, void *arg)
{
    struct each_report each = {.fn = fn, .arg = arg};
    return db_run(
        tx, SQL_LIST_REPORTS,
        DB_VALUES(id_of(&owner->device), db_uuid(&owner->tenant), DB_I(action), DB_I(FIRMWARE_REPORTS_KEPT)),
        on_report, &each);
}
