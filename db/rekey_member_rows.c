/* Rows of the devices of campaigns: statements and reading. No rules here. */
#include "db/rekey_member_rows.h"

#include "db/row_values.h"

#define COLUMNS "plan, device, tenant, state, reason, wave, above, told_at, due_at, ended_at"

static const char SQL_INSERT[] =
    "INSERT INTO rekey_member (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
static const char SQL_UPDATE[] = "UPDATE rekey_member SET state = $3, reason = $4, due_at = $5, "
                                 "ended_at = $6 WHERE plan = $1 AND device = $2";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM rekey_member WHERE plan = $1 AND device = $2";
static const char SQL_LIST[] =
    "SELECT " COLUMNS " FROM rekey_member WHERE plan = $1 AND device > $2 ORDER BY device LIMIT $3";
static const char SQL_LIST_STATE[] = "SELECT " COLUMNS " FROM rekey_member WHERE plan = $1 AND state = $4 "
                                     "AND device > $2 ORDER BY device LIMIT $3";
static const char SQL_LIST_OF_DEVICE[] = "SELECT " COLUMNS " FROM rekey_member WHERE device = $1 "
                                         "AND tenant = $2 AND state = $3 ORDER BY plan DESC LIMIT $4";
static const char SQL_LIST_DUE[] =
    "SELECT " COLUMNS " FROM rekey_member WHERE due_at <= $1 ORDER BY due_at, plan, device LIMIT $2";

static struct db_value id_of(const struct device_id *device)
{
    return DB_B(device->b, sizeof device->b);
}

err_t rekey_member_rows_insert(struct db_tx *tx, const struct rekey_member_row *row)
{
    return db_change(tx, SQL_INSERT,
                     DB_VALUES(db_uuid(&row->plan), id_of(&row->device), db_uuid(&row->tenant),
                               DB_I(row->state), DB_T(row->reason), DB_I(row->wave), DB_I(row->above),
                               DB_I(row->told_at), db_time_or_null(row->due_at),
                               db_time_or_null(row->ended_at)),
                     NULL);
}

err_t rekey_member_rows_update(struct db_tx *tx, const struct rekey_member_row *row)
{
    return db_change(tx, SQL_UPDATE,
                     DB_VALUES(db_uuid(&row->plan), id_of(&row->device), DB_I(row->state), DB_T(row->reason),
                               db_time_or_null(row->due_at), db_time_or_null(row->ended_at)),
                     NULL);
}

static err_t read_member(const struct db_row *row, void *arg)
{
    struct rekey_member_row *out = arg;
    int64_t state = db_row_int(row, 3);
    ENSURE(state >= 0 && state < REKEY_MEMBER_STATES, ERR_DB, "a device of a rekey plan in state %lld",
           (long long)state);
    *out = (struct rekey_member_row){.state = (enum rekey_member_state)state,
                                     .wave = db_row_int(row, 5),
                                     .above = db_row_int(row, 6),
                                     .told_at = db_row_int(row, 7),
                                     .due_at = db_row_int(row, 8), /* NULL reads as 0 */
                                     .ended_at = db_row_int(row, 9)};
    TRY(db_row_copy(row, 0, out->plan.b, sizeof out->plan.b));
    TRY(db_row_copy(row, 1, out->device.b, sizeof out->device.b));
    TRY(db_row_copy(row, 2, out->tenant.b, sizeof out->tenant.b));
    return db_row_text(row, 4, out->reason, sizeof out->reason);
}

err_t rekey_member_rows_find(struct db_tx *tx, struct uuid plan, const struct device_id *device,
                             struct rekey_member_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&plan), id_of(device)), read_member, out,
                   "device of this rekey plan");
}

struct each {
    rekey_member_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct rekey_member_row member;
    TRY(read_member(row, &member));
    return each->fn(&member, each->arg);
}

err_t rekey_member_rows_list(struct db_tx *tx, struct uuid plan, const enum rekey_member_state *state,
                             const struct row_window *window, rekey_member_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    const struct db_value values[] = {db_uuid(&plan), DB_BYTES(window->after), DB_I(window->limit),
                                      state == NULL ? DB_N : DB_I(*state)};
    return db_run(tx, state == NULL ? SQL_LIST : SQL_LIST_STATE, values, state == NULL ? 3 : 4, on_each,
                  &each);
}

err_t rekey_member_rows_of_device(struct db_tx *tx, const struct device_row *device,
                                  enum rekey_member_state state, rekey_member_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(
        tx, SQL_LIST_OF_DEVICE,
        DB_VALUES(id_of(&device->id), db_uuid(&device->tenant), DB_I(state), DB_I(REKEY_MEMBERS_OPEN_MAX)),
        on_each, &each);
}

err_t rekey_member_rows_due(struct db_tx *tx, int64_t now_ms, int64_t limit, rekey_member_row_fn fn,
                            void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST_DUE, DB_VALUES(DB_I(now_ms), DB_I(limit)), on_each, &each);
}
