/* Statements over the feed: the counter of a tenant, and its numbered audit records. No rules here. */
#include "db/feed_rows.h"

#include "db/row_values.h"

#define COLUMNS "feed, at, node, epoch, lane, seq, device, actor, request_id, kind, result, body"

static const char SQL_NEXT[] = "INSERT INTO feed (tenant, n) VALUES ($1, 1) "
                               "ON CONFLICT (tenant) DO UPDATE SET n = feed.n + 1 RETURNING n, webhooks";
static const char SQL_COUNT_WEBHOOK[] = "INSERT INTO feed (tenant, n, webhooks) VALUES ($1, 0, $2) "
                                        "ON CONFLICT (tenant) DO UPDATE SET webhooks = feed.webhooks + $2";
static const char SQL_HEAD[] = "SELECT n FROM feed WHERE tenant = $1";
static const char SQL_LIST[] =
    "SELECT " COLUMNS " FROM audit WHERE tenant = $1 AND feed > $2 ORDER BY feed LIMIT $3";
static const char SQL_GET[] = "SELECT " COLUMNS " FROM audit WHERE tenant = $1 AND feed = $2";
static const char SQL_FIND[] = "SELECT feed FROM audit WHERE node = $1 AND epoch = $2 AND lane = $3 AND "
                               "seq = $4 AND tenant = $5 AND feed IS NOT NULL";
static const char SQL_LIST_SINCE[] = "SELECT feed FROM audit WHERE tenant = $1 AND at >= $2 AND "
                                     "feed IS NOT NULL ORDER BY at, node, epoch, lane, seq LIMIT $3";

static err_t take_number(const struct db_row *row, void *arg)
{
    *(int64_t *)arg = db_row_int(row, 0);
    return OK;
}

static err_t take_next(const struct db_row *row, void *arg)
{
    *(struct feed_next *)arg = (struct feed_next){db_row_int(row, 0), db_row_int(row, 1)};
    return OK;
}

err_t feed_rows_next(struct db_tx *tx, struct uuid tenant, struct feed_next *out)
{
    return db_find(tx, SQL_NEXT, DB_VALUES(db_uuid(&tenant)), take_next, out, "feed");
}

err_t feed_rows_count_webhook(struct db_tx *tx, struct uuid tenant, int64_t more)
{
    return db_change(tx, SQL_COUNT_WEBHOOK, DB_VALUES(db_uuid(&tenant), DB_I(more)), NULL);
}

err_t feed_rows_head(struct db_tx *tx, struct uuid tenant, int64_t *out)
{
    *out = 0;
    return db_run(tx, SQL_HEAD, DB_VALUES(db_uuid(&tenant)), take_number, out);
}

struct each {
    feed_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct feed_row event = {.number = db_row_int(row, 0),
                             .record = {.place = {.at = db_row_int(row, 1),
                                                  .epoch = db_row_int(row, 3),
                                                  .lane = db_row_int(row, 4),
                                                  .seq = db_row_int(row, 5)},
                                        .device = db_row_bytes(row, 6),
                                        .actor = db_row_bytes(row, 7),
                                        .request_id = db_row_bytes(row, 8),
                                        .kind = db_row_bytes(row, 9),
                                        .result = db_row_bytes(row, 10),
                                        .body = db_row_bytes(row, 11)}};
    TRY(db_row_copy(row, 2, event.record.place.node.b, sizeof event.record.place.node.b));
    return each->fn(&event, each->arg);
}

err_t feed_rows_list(struct db_tx *tx, struct uuid tenant, int64_t after, int64_t limit, feed_row_fn fn,
                     void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST, DB_VALUES(db_uuid(&tenant), DB_I(after), DB_I(limit)), on_each, &each);
}

err_t feed_rows_get(struct db_tx *tx, struct uuid tenant, int64_t number, feed_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_find(tx, SQL_GET, DB_VALUES(db_uuid(&tenant), DB_I(number)), on_each, &each, "event");
}

err_t feed_rows_find(struct db_tx *tx, struct uuid tenant, const struct audit_place *place, int64_t *out)
{
    *out = 0;
    return db_find(tx, SQL_FIND,
                   DB_VALUES(db_uuid(&place->node), DB_I(place->epoch), DB_I(place->lane), DB_I(place->seq),
                             db_uuid(&tenant)),
                   take_number, out, "event");
}

err_t feed_rows_since(struct db_tx *tx, struct uuid tenant, int64_t at_ms, int64_t *out)
{
    *out = 0;
    return db_run(tx, SQL_LIST_SINCE, DB_VALUES(db_uuid(&tenant), DB_I(at_ms), DB_I(1)), take_number, out);
}
