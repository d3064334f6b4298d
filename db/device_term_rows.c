/* Statements over the tables device_term, device_term_count, device_overdue_count and device_term_walk. No
 * rules here. */
#include "db/device_term_rows.h"

#include "db/device_count_rows.h"
#include "db/row_values.h"

#define COLUMNS                                                                                              \
    "device_term.device, device_term.tenant, renew_at, expires_at, term, next_at, new_key_at, overdue_at, "  \
    "is_overdue, alerted_at"
enum { COLUMN_COUNT = 10 };

static const char SQL_FIND[] = "SELECT " COLUMNS " FROM device_term WHERE device = $1 AND tenant = $2";
static const char SQL_PUT[] =
    "INSERT INTO device_term (device, tenant, renew_at, expires_at, term, next_at, new_key_at, overdue_at, "
    "is_overdue, alerted_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
    "ON CONFLICT (device, tenant) DO UPDATE SET renew_at = excluded.renew_at, expires_at = "
    "excluded.expires_at, term = excluded.term, next_at = excluded.next_at, new_key_at = "
    "excluded.new_key_at, overdue_at = excluded.overdue_at, is_overdue = excluded.is_overdue, alerted_at = "
    "excluded.alerted_at";
static const char SQL_DELETE[] = "DELETE FROM device_term WHERE device = $1 AND tenant = $2";
static const char SQL_COUNT[] =
    "INSERT INTO device_term_count (owner, term, n) VALUES ($1, $3, $4), ($2, $3, $4), ($5, $3, $4) "
    "ON CONFLICT (owner, term) DO UPDATE SET n = device_term_count.n + excluded.n";
static const char SQL_COUNTS[] = "SELECT term, n FROM device_term_count WHERE owner = $1";
static const char SQL_COUNT_OVERDUE[] =
    "INSERT INTO device_overdue_count (owner, n) VALUES ($1, $3), ($2, $3), ($4, $3) "
    "ON CONFLICT (owner) DO UPDATE SET n = device_overdue_count.n + excluded.n";
static const char SQL_OVERDUE[] = "SELECT n FROM device_overdue_count WHERE owner = $1";
static const char SQL_LIST_PASSED[] =
    "SELECT " COLUMNS
    ", device.product, device.batch FROM device_term JOIN device ON device.id = device_term.device "
    "AND device.tenant = device_term.tenant WHERE next_at <= $1 ORDER BY next_at LIMIT $2";
static const char SQL_WALK[] = "INSERT INTO device_term_walk (product, after) VALUES ($1, $2) "
                               "ON CONFLICT (product) DO UPDATE SET after = excluded.after";
static const char SQL_WALK_TENANT[] =
    "INSERT INTO device_term_walk (product, after) SELECT id, $1 FROM product WHERE tenant = $2 "
    "ON CONFLICT (product) DO UPDATE SET after = excluded.after";
static const char SQL_WALK_ALL[] =
    "INSERT INTO device_term_walk (product, after) SELECT id, $1 FROM product WHERE 1 = 1 "
    "ON CONFLICT (product) DO UPDATE SET after = excluded.after";
static const char SQL_WALK_FIND[] = "SELECT product, after FROM device_term_walk ORDER BY product LIMIT 1";
static const char SQL_WALK_END[] = "DELETE FROM device_term_walk WHERE product = $1";

static err_t read_term(const struct db_row *row, void *arg)
{
    struct device_term_row *out = arg;
    int64_t term = db_row_int(row, 4);
    ENSURE(term >= TERM_CURRENT && term <= TERM_EXPIRED, ERR_DB, "a device in term %lld", (long long)term);
    *out = (struct device_term_row){.renew_at = db_row_int(row, 2),
                                    .expires_at = db_row_int(row, 3),
                                    .term = (enum device_term)term,
                                    .next_at = db_row_int(row, 5), /* NULL reads as 0 */
                                    .new_key_at = db_row_int(row, 6),
                                    .overdue_at = db_row_int(row, 7),
                                    .is_overdue = db_row_int(row, 8) != 0,
                                    .alerted_at = db_row_int(row, 9)};
    TRY(db_row_copy(row, 0, out->device.b, sizeof out->device.b));
    return db_row_copy(row, 1, out->tenant.b, sizeof out->tenant.b);
}

err_t device_term_rows_find(struct db_tx *tx, const struct device_row *device, struct device_term_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(DB_B(device->id.b, sizeof device->id.b), db_uuid(&device->tenant)),
                   read_term, out, "term");
}

err_t device_term_rows_put(struct db_tx *tx, const struct device_term_row *row)
{
    return db_change(tx, SQL_PUT,
                     DB_VALUES(DB_B(row->device.b, sizeof row->device.b), db_uuid(&row->tenant),
                               DB_I(row->renew_at), DB_I(row->expires_at), DB_I(row->term),
                               db_time_or_null(row->next_at), db_time_or_null(row->new_key_at),
                               db_time_or_null(row->overdue_at), db_flag(row->is_overdue),
                               db_time_or_null(row->alerted_at)),
                     NULL);
}

err_t device_term_rows_delete(struct db_tx *tx, const struct device_row *device)
{
    return db_change(tx, SQL_DELETE,
                     DB_VALUES(DB_B(device->id.b, sizeof device->id.b), db_uuid(&device->tenant)), NULL);
}

/* --- counts --------------------------------------------------------------------------------------------- */

err_t device_term_rows_count(struct db_tx *tx, const struct device_owners *owners, enum device_term term,
                             int64_t by)
{
    const struct uuid all = device_owner_all();
    return db_change(
        tx, SQL_COUNT,
        DB_VALUES(db_uuid(&owners->product), db_uuid(&owners->batch), DB_I(term), DB_I(by), db_uuid(&all)),
        NULL);
}

static err_t take_count(const struct db_row *row, void *arg)
{
    int64_t *counts = arg;
    int64_t term = db_row_int(row, 0);
    ENSURE(term >= 0 && term < DEVICE_TERMS, ERR_DB, "a count of devices in term %lld", (long long)term);
    counts[term] = db_row_int(row, 1);
    return OK;
}

err_t device_term_rows_counts(struct db_tx *tx, struct uuid owner, int64_t out[DEVICE_TERMS])
{
    for (int i = 0; i < DEVICE_TERMS; i++) {
        out[i] = 0;
    }
    return db_run(tx, SQL_COUNTS, DB_VALUES(db_uuid(&owner)), take_count, out);
}

err_t device_term_rows_count_overdue(struct db_tx *tx, const struct device_owners *owners, int64_t by)
{
    const struct uuid all = device_owner_all();
    return db_change(tx, SQL_COUNT_OVERDUE,
                     DB_VALUES(db_uuid(&owners->product), db_uuid(&owners->batch), DB_I(by), db_uuid(&all)),
                     NULL);
}

static err_t take_overdue(const struct db_row *row, void *arg)
{
    *(int64_t *)arg = db_row_int(row, 0);
    return OK;
}

err_t device_term_rows_overdue(struct db_tx *tx, struct uuid owner, int64_t *out)
{
    *out = 0;
    return db_run(tx, SQL_OVERDUE, DB_VALUES(db_uuid(&owner)), take_overdue, out);
}

/* --- time that passed ----------------------------------------------------------------------------------- */

struct each {
    device_term_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct device_term_row term;
    struct device_owners owners;
    TRY(read_term(row, &term));
    TRY(db_row_copy(row, COLUMN_COUNT, owners.product.b, sizeof owners.product.b));
    TRY(db_row_copy(row, COLUMN_COUNT + 1, owners.batch.b, sizeof owners.batch.b));
    return each->fn(&term, &owners, each->arg);
}

err_t device_term_rows_passed(struct db_tx *tx, int64_t now_ms, int64_t limit, device_term_row_fn fn,
                              void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST_PASSED, DB_VALUES(DB_I(now_ms), DB_I(limit)), on_each, &each);
}

/* --- walks ---------------------------------------------------------------------------------------------- */

err_t device_term_rows_walk_go(struct db_tx *tx, const struct device_term_walk *walk)
{
    return db_change(tx, SQL_WALK,
                     DB_VALUES(db_uuid(&walk->product), DB_B(walk->after.b, sizeof walk->after.b)), NULL);
}

err_t device_term_rows_walk(struct db_tx *tx, struct uuid product)
{
    const struct device_term_walk walk = {.product = product};
    return device_term_rows_walk_go(tx, &walk);
}

err_t device_term_rows_walk_products(struct db_tx *tx, const struct uuid *tenant)
{
    const struct device_id first = {.b = {0}};
    const struct db_value after = DB_B(first.b, sizeof first.b);
    return tenant == NULL ? db_change(tx, SQL_WALK_ALL, DB_VALUES(after), NULL)
                          : db_change(tx, SQL_WALK_TENANT, DB_VALUES(after, db_uuid(tenant)), NULL);
}

static err_t read_walk(const struct db_row *row, void *arg)
{
    struct device_term_walk *out = arg;
    TRY(db_row_copy(row, 0, out->product.b, sizeof out->product.b));
    return db_row_copy(row, 1, out->after.b, sizeof out->after.b);
}

err_t device_term_rows_walk_find(struct db_tx *tx, struct device_term_walk *out)
{
    return db_find(tx, SQL_WALK_FIND, NULL, 0, read_walk, out, "walk");
}

err_t device_term_rows_walk_end(struct db_tx *tx, struct uuid product)
{
    return db_change(tx, SQL_WALK_END, DB_VALUES(db_uuid(&product)), NULL);
}
