/* Statements over the audit log of a tenant, one text per filter, each on an index of its own. Records of no
 * tenant are of the node and are not read here. */
#include "db/audit_rows.h"

#include "db/row_values.h"

#define COLUMNS "at, node, epoch, lane, seq, device, actor, request_id, kind, result, body, hash"
/* The time is the bound of the index; the OR only sorts out equal times. A comparison of whole rows would
 * look as good to the engine on the index of all records as on a filter's own, and read what the filter
 * drops. */
#define LIST(filter)                                                                                         \
    "SELECT " COLUMNS " FROM audit WHERE tenant = $1" filter " AND at >= $2 AND at < $3 AND"                 \
    " (at < $4 OR (node, epoch, lane, seq) < ($5, $6, $7, $8))"                                              \
    " ORDER BY at DESC, node DESC, epoch DESC, lane DESC, seq DESC LIMIT $9"

static const char SQL_LIST[] = LIST("");
static const char SQL_LIST_KIND[] = LIST(" AND kind = $10");
static const char SQL_LIST_ACTOR[] = LIST(" AND actor = $10");
static const char SQL_LIST_DEVICE[] = LIST(" AND device = $10");
static const char SQL_LIST_DEVICE_KIND[] = LIST(" AND device = $10 AND kind = $11");
static const char SQL_LIST_DEVICE_ACTOR[] = LIST(" AND device = $10 AND actor = $11");
static const char SQL_LIST_DEVICE_KIND_ACTOR[] = LIST(" AND device = $10 AND kind = $11 AND actor = $12");
/* the second condition is that of the index */
static const char SQL_LIST_REQUEST[] = LIST(" AND request_id = $10 AND request_id <> ''");
static const char SQL_REFUSALS[] = "SELECT " COLUMNS " FROM audit WHERE tenant = $1 AND device = $2 AND "
                                   "result = 'refused' ORDER BY at DESC, seq DESC LIMIT $3";

enum { RANGE_VALUES = 9, FILTER_VALUES = 3 };

struct each {
    audit_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct audit_row record = {.place = {.at = db_row_int(row, 0),
                                         .epoch = db_row_int(row, 2),
                                         .lane = db_row_int(row, 3),
                                         .seq = db_row_int(row, 4)},
                               .device = db_row_bytes(row, 5),
                               .actor = db_row_bytes(row, 6),
                               .request_id = db_row_bytes(row, 7),
                               .kind = db_row_bytes(row, 8),
                               .result = db_row_bytes(row, 9),
                               .body = db_row_bytes(row, 10)};
    TRY(db_row_copy(row, 1, record.place.node.b, sizeof record.place.node.b));
    TRY(db_row_copy(row, 11, record.hash.b, sizeof record.hash.b));
    return each->fn(&record, each->arg);
}

static const char *list_text(const struct audit_range *range)
{
    if (range->request_id != NULL) {
        return SQL_LIST_REQUEST;
    }
    if (range->device == NULL) {
        return range->kind != NULL ? SQL_LIST_KIND : range->actor != NULL ? SQL_LIST_ACTOR : SQL_LIST;
    }
    if (range->kind != NULL) {
        return range->actor != NULL ? SQL_LIST_DEVICE_KIND_ACTOR : SQL_LIST_DEVICE_KIND;
    }
    return range->actor != NULL ? SQL_LIST_DEVICE_ACTOR : SQL_LIST_DEVICE;
}

static void range_values(const struct audit_range *range, const struct audit_place *after,
                         struct db_value values[RANGE_VALUES])
{
    values[0] = db_uuid(&range->tenant);
    values[1] = DB_I(range->since);
    values[2] = DB_I(range->until);
    values[3] = DB_I(after->at);
    values[4] = db_uuid(&after->node);
    values[5] = DB_I(after->epoch);
    values[6] = DB_I(after->lane);
    values[7] = DB_I(after->seq);
    values[8] = DB_I(range->limit);
}

err_t audit_rows_list(struct db_tx *tx, const struct audit_range *range, audit_row_fn fn, void *arg)
{
    static const struct audit_place behind_all = {.at = INT64_MAX};
    struct each each = {.fn = fn, .arg = arg};
    struct db_value values[RANGE_VALUES + FILTER_VALUES];
    size_t count = RANGE_VALUES;
    range_values(range, range->after != NULL ? range->after : &behind_all, values);
    if (range->after != NULL && range->after->at < range->until) {
        values[2] = DB_I(range->after->at + 1);
    }
    if (range->request_id != NULL) {
        values[count++] = DB_T(range->request_id);
        return db_run(tx, list_text(range), values, count, on_each, &each);
    }
    if (range->device != NULL) {
        values[count++] = DB_B(range->device->b, sizeof range->device->b);
    }
    if (range->kind != NULL) {
        values[count++] = DB_T(range->kind);
    }
    if (range->actor != NULL) {
        values[count++] = DB_T(range->actor);
    }
    return db_run(tx, list_text(range), values, count, on_each, &each);
}

err_t audit_rows_refusals(struct db_tx *tx, struct uuid tenant, const struct device_id *device, int64_t limit,
                          audit_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_REFUSALS,
                  DB_VALUES(db_uuid(&tenant), DB_B(device->b, sizeof device->b), DB_I(limit)), on_each,
                  &each);
}
