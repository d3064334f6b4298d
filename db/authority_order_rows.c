/* Rows of orders for CA keys: statements and reading. No rules here. */
#include "db/authority_order_rows.h"

#include "db/journal_authority_rows.h"
#include "db/row_values.h"

#define COLUMNS                                                                                              \
    "authority, kind, key_algorithm, lifetime_days, permitted_dns, is_external, failure, attempt_at, "       \
    "actor, "                                                                                                \
    "request_id, created_at"

static const char SQL_INSERT[] =
    "INSERT INTO authority_order (" COLUMNS
    ") VALUES ($1, $2, $3, $4, $5, $6, '', NULL, $7, $8, $9) ON CONFLICT (authority) DO NOTHING";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM authority_order WHERE authority = $1";
static const char SQL_LIST[] =
    "SELECT " COLUMNS " FROM authority_order WHERE authority > $1 ORDER BY authority LIMIT $2";
static const char SQL_NOTE[] =
    "UPDATE authority_order SET failure = $2, attempt_at = $3 WHERE authority = $1";
static const char SQL_DELETE[] = "DELETE FROM authority_order WHERE authority = $1";

struct each {
    authority_order_row_fn fn;
    void *arg;
};

static err_t read_order(const struct db_row *row, struct authority_order_row *out)
{
    *out = (struct authority_order_row){.kind = (enum authority_order_kind)db_row_int(row, 1),
                                        .key_algorithm = (uint32_t)db_row_int(row, 2),
                                        .lifetime_days = db_row_int(row, 3),
                                        .is_external = db_row_int(row, 5) != 0,
                                        .attempt_at = db_row_int(row, 7),
                                        .created_at = db_row_int(row, 10)};
    TRY(db_row_text(row, 0, out->authority, sizeof out->authority));
    TRY(db_row_text(row, 4, out->permitted_dns, sizeof out->permitted_dns));
    TRY(db_row_text(row, 6, out->failure, sizeof out->failure));
    TRY(db_row_text(row, 8, out->actor, sizeof out->actor));
    return db_row_text(row, 9, out->request_id, sizeof out->request_id);
}

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct authority_order_row order;
    TRY(read_order(row, &order));
    return each->fn(&order, each->arg);
}

static err_t on_found(const struct db_row *row, void *arg)
{
    return read_order(row, arg);
}

err_t authority_order_rows_insert(struct db_tx *tx, const struct authority_order_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(DB_T(row->authority), DB_I(row->kind), DB_I(row->key_algorithm),
                            DB_I(row->lifetime_days), DB_T(row->permitted_dns), db_flag(row->is_external),
                            DB_T(row->actor), DB_T(row->request_id), DB_I(row->created_at)),
                  &changes));
    ENSURE(changes == 1, ERR_CONFLICT, "an order for the authority %s is under way", row->authority);
    return journal_authority_order(tx, row);
}

err_t authority_order_rows_find(struct db_tx *tx, const char *authority, struct authority_order_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(DB_T(authority)), on_found, out, "order");
}

err_t authority_order_rows_list(struct db_tx *tx, const struct row_window *window, authority_order_row_fn fn,
                                void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST, DB_VALUES(db_text(window->after), DB_I(window->limit)), on_each, &each);
}

err_t authority_order_rows_note(struct db_tx *tx, const struct authority_order_row *row)
{
    return db_change(tx, SQL_NOTE,
                     DB_VALUES(DB_T(row->authority), DB_T(row->failure), db_time_or_null(row->attempt_at)),
                     NULL);
}

err_t authority_order_rows_delete(struct db_tx *tx, const char *authority, bool *is_gone)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_DELETE, DB_VALUES(DB_T(authority)), &changes));
    *is_gone = changes == 1;
    return OK;
}
