/* Statements over deliveries. No rules here. */
#include "db/delivery_rows.h"

#include <string.h>

#include "db/row_values.h"

#define COLUMNS                                                                                              \
    "id, webhook, feed, event, type, state, attempts, first_at, last_at, next_at, ended_at, status, error, " \
    "created_at"

static const char SQL_QUEUE[] =
    "INSERT INTO webhook_delivery (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, "
    "$13, $14) ON CONFLICT (webhook, feed) WHERE feed IS NOT NULL DO UPDATE SET state = $6, attempts = $7, "
    "first_at = $8, next_at = $10, ended_at = $11 WHERE webhook_delivery.state <> 0";
static const char SQL_UPDATE[] =
    "UPDATE webhook_delivery SET state = $3, attempts = $4, first_at = $5, last_at = $6, next_at = $7, "
    "ended_at = $8, status = $9, error = $10 WHERE id = $1 AND webhook = $2";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM webhook_delivery WHERE id = $1 AND webhook = $2";
static const char SQL_LIST_DUE[] = "SELECT " COLUMNS " FROM webhook_delivery WHERE webhook = $1 AND "
                                   "next_at <= $2 ORDER BY next_at, feed LIMIT $3";
static const char SQL_LIST_NEXT[] = "SELECT next_at FROM webhook_delivery WHERE webhook = $1 AND "
                                    "next_at IS NOT NULL ORDER BY next_at LIMIT $2";
static const char SQL_HASTEN[] = "UPDATE webhook_delivery SET next_at = $2 WHERE webhook = $1 AND "
                                 "next_at > $2 AND status IN (0, 429, 502, 503, 504)";
static const char SQL_HASTEN_ALL[] =
    "UPDATE webhook_delivery SET next_at = $2 WHERE webhook = $1 AND next_at > $2";
static const char SQL_ABANDON[] = "UPDATE webhook_delivery SET state = 2, next_at = NULL, ended_at = $2 "
                                  "WHERE webhook = $1 AND next_at IS NOT NULL";
static const char SQL_LIST[] = "SELECT " COLUMNS " FROM webhook_delivery WHERE webhook = $1 AND id < $2 "
                               "ORDER BY id DESC LIMIT $3";
static const char SQL_LIST_STATE[] = "SELECT " COLUMNS " FROM webhook_delivery WHERE webhook = $1 AND "
                                     "id < $2 AND state = $4 ORDER BY id DESC LIMIT $3";
static const char SQL_SWEEP[] =
    "DELETE FROM webhook_delivery WHERE id IN (SELECT id FROM webhook_delivery WHERE "
    "ended_at < $1 ORDER BY ended_at, id LIMIT $2)";

err_t delivery_rows_queue(struct db_tx *tx, const struct delivery_row *row, bool *is_new)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_QUEUE,
                  DB_VALUES(db_uuid(&row->id), db_uuid(&row->webhook), db_time_or_null(row->feed),
                            DB_T(row->event), DB_T(row->type), DB_I(row->state), DB_I(row->attempts),
                            db_time_or_null(row->first_at), db_time_or_null(row->last_at),
                            db_time_or_null(row->next_at), db_time_or_null(row->ended_at), DB_I(row->status),
                            DB_T(row->error), DB_I(row->created_at)),
                  &changes));
    *is_new = changes > 0;
    return OK;
}

err_t delivery_rows_update(struct db_tx *tx, const struct delivery_row *row)
{
    return db_change(tx, SQL_UPDATE,
                     DB_VALUES(db_uuid(&row->id), db_uuid(&row->webhook), DB_I(row->state),
                               DB_I(row->attempts), db_time_or_null(row->first_at),
                               db_time_or_null(row->last_at), db_time_or_null(row->next_at),
                               db_time_or_null(row->ended_at), DB_I(row->status), DB_T(row->error)),
                     NULL);
}

static err_t read_delivery(const struct db_row *row, void *arg)
{
    struct delivery_row *out = arg;
    *out = (struct delivery_row){.feed = db_row_int(row, 2),
                                 .state = (enum delivery_state)db_row_int(row, 5),
                                 .attempts = db_row_int(row, 6),
                                 .first_at = db_row_int(row, 7),
                                 .last_at = db_row_int(row, 8),
                                 .next_at = db_row_int(row, 9),
                                 .ended_at = db_row_int(row, 10),
                                 .status = db_row_int(row, 11),
                                 .created_at = db_row_int(row, 13)};
    TRY(db_row_copy(row, 0, out->id.b, sizeof out->id.b));
    TRY(db_row_copy(row, 1, out->webhook.b, sizeof out->webhook.b));
    TRY(db_row_text(row, 3, out->event, sizeof out->event));
    TRY(db_row_text(row, 4, out->type, sizeof out->type));
    return db_row_text(row, 12, out->error, sizeof out->error);
}

err_t delivery_rows_find(struct db_tx *tx, struct uuid webhook, struct uuid id, struct delivery_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&id), db_uuid(&webhook)), read_delivery, out, "delivery");
}

struct each {
    delivery_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct delivery_row delivery;
    TRY(read_delivery(row, &delivery));
    return each->fn(&delivery, each->arg);
}

err_t delivery_rows_due(struct db_tx *tx, struct uuid webhook, int64_t now_ms, int64_t limit,
                        delivery_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST_DUE, DB_VALUES(db_uuid(&webhook), DB_I(now_ms), DB_I(limit)), on_each, &each);
}

static err_t take_number(const struct db_row *row, void *arg)
{
    *(int64_t *)arg = db_row_int(row, 0);
    return OK;
}

err_t delivery_rows_next_due(struct db_tx *tx, struct uuid webhook, int64_t *out)
{
    *out = -1;
    return db_run(tx, SQL_LIST_NEXT, DB_VALUES(db_uuid(&webhook), DB_I(1)), take_number, out);
}

err_t delivery_rows_hasten(struct db_tx *tx, struct uuid webhook, int64_t now_ms)
{
    return db_change(tx, SQL_HASTEN, DB_VALUES(db_uuid(&webhook), DB_I(now_ms)), NULL);
}

err_t delivery_rows_hasten_all(struct db_tx *tx, struct uuid webhook, int64_t now_ms)
{
    return db_change(tx, SQL_HASTEN_ALL, DB_VALUES(db_uuid(&webhook), DB_I(now_ms)), NULL);
}

err_t delivery_rows_abandon(struct db_tx *tx, struct uuid webhook, int64_t now_ms)
{
    return db_change(tx, SQL_ABANDON, DB_VALUES(db_uuid(&webhook), DB_I(now_ms)), NULL);
}

err_t delivery_rows_list(struct db_tx *tx, const struct delivery_window *window, delivery_row_fn fn,
                         void *arg)
{
    struct uuid last;
    struct each each = {.fn = fn, .arg = arg};
    memset(last.b, 0xff, sizeof last.b);
    struct bytes before = window->before.n > 0 ? window->before : BYTES_OF(last.b);
    if (!window->has_state) {
        return db_run(tx, SQL_LIST,
                      DB_VALUES(db_uuid(&window->webhook), DB_BYTES(before), DB_I(window->limit)), on_each,
                      &each);
    }
    return db_run(
        tx, SQL_LIST_STATE,
        DB_VALUES(db_uuid(&window->webhook), DB_BYTES(before), DB_I(window->limit), DB_I(window->state)),
        on_each, &each);
}

err_t delivery_rows_sweep(struct db_tx *tx, int64_t before_ms, int64_t limit, int64_t *deleted)
{
    return db_change(tx, SQL_SWEEP, DB_VALUES(DB_I(before_ms), DB_I(limit)), deleted);
}
