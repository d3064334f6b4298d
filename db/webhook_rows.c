/* Statements over webhooks. No rules here. */
#include "db/webhook_rows.h"

#include <string.h>

#include "db/row_values.h"

#define COLUMNS                                                                                              \
    "id, tenant, name, url, types, state, reason, secret, old_secret, rotated_at, position, due_at, "        \
    "hold_until, outages, waiting, delivered, failed, last_success_at, last_failure_at, created_at, "        \
    "updated_at, ver, away_since"

static const char SQL_INSERT[] =
    "INSERT INTO webhook (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, "
    "$15, $16, $17, $18, $19, $20, $21, $22, $23) ON CONFLICT (tenant, name) DO NOTHING";
static const char SQL_UPDATE[] =
    "UPDATE webhook SET name = $3, url = $4, types = $5, state = $6, reason = $7, secret = $8, "
    "old_secret = $9, rotated_at = $10, position = $11, due_at = $12, hold_until = $13, outages = $14, "
    "waiting = $15, delivered = $16, failed = $17, last_success_at = $18, last_failure_at = $19, "
    "created_at = $20, updated_at = $21, ver = $22, away_since = $23 WHERE id = $1 AND tenant = $2";
static const char SQL_DELETE[] = "DELETE FROM webhook WHERE id = $1";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM webhook WHERE id = $1 AND tenant = $2";
static const char SQL_LIST[] =
    "SELECT " COLUMNS " FROM webhook WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3";
static const char SQL_MARK[] =
    "UPDATE webhook SET due_at = $2 WHERE tenant = $1 AND state = 0 AND hold_until <= $2 AND "
    "waiting < $3 AND (due_at IS NULL OR due_at > $2)";
static const char SQL_LIST_DUE[] =
    "SELECT id, tenant FROM webhook WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2";

enum { VALUES = 23 };

static err_t name_taken(const struct webhook_row *row)
{
    return ERR(ERR_CONFLICT, "a webhook named %s is there already", row->name);
}

static struct db_value sealed(const uint8_t *secret, size_t size)
{
    return size == 0 ? DB_N : DB_B(secret, size);
}

static void values_of(const struct webhook_row *row, struct db_value out[VALUES])
{
    const struct db_value values[VALUES] = {
        db_uuid(&row->id),
        db_uuid(&row->tenant),
        DB_T(row->name),
        DB_T(row->url),
        DB_T(row->types),
        DB_I(row->state),
        DB_T(row->reason),
        sealed(row->secret, row->secret_size),
        sealed(row->old_secret, row->old_secret_size),
        db_time_or_null(row->rotated_at),
        DB_I(row->position),
        row->due_at < 0 ? DB_N : DB_I(row->due_at),
        DB_I(row->hold_until),
        DB_I(row->outages),
        DB_I(row->waiting),
        DB_I(row->delivered),
        DB_I(row->failed),
        db_time_or_null(row->last_success_at),
        db_time_or_null(row->last_failure_at),
        DB_I(row->created_at),
        DB_I(row->updated_at),
        DB_I(row->ver),
        db_time_or_null(row->away_since),
    };
    memcpy(out, values, sizeof values);
}

err_t webhook_rows_insert(struct db_tx *tx, const struct webhook_row *row)
{
    struct db_value values[VALUES];
    int64_t changes = 0;
    values_of(row, values);
    TRY(db_change(tx, SQL_INSERT, values, VALUES, &changes));
    return changes == 1 ? OK : name_taken(row);
}

err_t webhook_rows_update(struct db_tx *tx, const struct webhook_row *row)
{
    struct db_value values[VALUES];
    values_of(row, values);
    err_t error = db_change(tx, SQL_UPDATE, values, VALUES, NULL);
    return error.code == ERR_CONFLICT ? name_taken(row) : error;
}

err_t webhook_rows_delete(struct db_tx *tx, struct uuid id)
{
    return db_change(tx, SQL_DELETE, DB_VALUES(db_uuid(&id)), NULL);
}

static err_t read_sealed(const struct db_row *row, int column, uint8_t *out, size_t *size)
{
    struct bytes bytes = db_row_bytes(row, column);
    ENSURE(bytes.n <= WEBHOOK_SEALED_SIZE, ERR_DB, "a sealed secret of %zu bytes", bytes.n);
    if (bytes.n > 0) {
        memcpy(out, bytes.p, bytes.n);
    }
    *size = bytes.n;
    return OK;
}

static err_t read_webhook(const struct db_row *row, void *arg)
{
    struct webhook_row *out = arg;
    *out = (struct webhook_row){.state = (enum webhook_state)db_row_int(row, 5),
                                .rotated_at = db_row_int(row, 9),
                                .position = db_row_int(row, 10),
                                .due_at = db_row_is_null(row, 11) ? -1 : db_row_int(row, 11),
                                .hold_until = db_row_int(row, 12),
                                .outages = db_row_int(row, 13),
                                .waiting = db_row_int(row, 14),
                                .delivered = db_row_int(row, 15),
                                .failed = db_row_int(row, 16),
                                .last_success_at = db_row_int(row, 17),
                                .last_failure_at = db_row_int(row, 18),
                                .created_at = db_row_int(row, 19),
                                .updated_at = db_row_int(row, 20),
                                .ver = db_row_int(row, 21),
                                .away_since = db_row_int(row, 22)};
    TRY(db_row_copy(row, 0, out->id.b, sizeof out->id.b));
    TRY(db_row_copy(row, 1, out->tenant.b, sizeof out->tenant.b));
    TRY(db_row_text(row, 2, out->name, sizeof out->name));
    TRY(db_row_text(row, 3, out->url, sizeof out->url));
    TRY(db_row_text(row, 4, out->types, sizeof out->types));
    TRY(db_row_text(row, 6, out->reason, sizeof out->reason));
    TRY(read_sealed(row, 7, out->secret, &out->secret_size));
    return read_sealed(row, 8, out->old_secret, &out->old_secret_size);
}

err_t webhook_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id, struct webhook_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&id), db_uuid(&tenant)), read_webhook, out, "webhook");
}

struct each {
    webhook_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct webhook_row webhook;
    TRY(read_webhook(row, &webhook));
    return each->fn(&webhook, each->arg);
}

err_t webhook_rows_list(struct db_tx *tx, struct uuid tenant, const struct row_window *window,
                        webhook_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST, DB_VALUES(db_uuid(&tenant), DB_BYTES(window->after), DB_I(window->limit)),
                  on_each, &each);
}

err_t webhook_rows_mark(struct db_tx *tx, struct uuid tenant, int64_t now_ms)
{
    return db_change(tx, SQL_MARK, DB_VALUES(db_uuid(&tenant), DB_I(now_ms), DB_I(WEBHOOK_WAITING_MAX)),
                     NULL);
}

struct each_due {
    webhook_due_fn fn;
    void *arg;
};

static err_t on_due(const struct db_row *row, void *arg)
{
    const struct each_due *each = arg;
    struct webhook_due due;
    TRY(db_row_copy(row, 0, due.id.b, sizeof due.id.b));
    TRY(db_row_copy(row, 1, due.tenant.b, sizeof due.tenant.b));
    return each->fn(&due, each->arg);
}

err_t webhook_rows_due(struct db_tx *tx, int64_t now_ms, int64_t limit, webhook_due_fn fn, void *arg)
{
    struct each_due each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST_DUE, DB_VALUES(DB_I(now_ms), DB_I(limit)), on_due, &each);
}

static const char SQL_LIST_WAITING[] =
    "SELECT waiting FROM webhook WHERE due_at > $1 ORDER BY due_at, id LIMIT $2";

static err_t add_waiting(const struct db_row *row, void *arg)
{
    *(int64_t *)arg += db_row_int(row, 0);
    return OK;
}

err_t webhook_rows_waiting(struct db_tx *tx, int64_t limit, int64_t *out)
{
    *out = 0;
    return db_run(tx, SQL_LIST_WAITING, DB_VALUES(DB_I(-1), DB_I(limit)), add_waiting, out);
}
