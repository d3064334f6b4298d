/* Rows of anti-rollback lines: statements and reading. */
#include "db/firmware_line_rows.h"

#include "db/journal_rows.h"
#include "db/row_values.h"

#define COLUMNS "product, class, tenant, sequence, counter, version, release, updated_at, ver"

static const char SQL_FIND[] = "SELECT " COLUMNS " FROM firmware_line WHERE product = $1 AND class = $2";
static const char SQL_OF_PRODUCT[] =
    "SELECT " COLUMNS " FROM firmware_line WHERE product = $1 ORDER BY class";
/* max() of two values is spelled otherwise on PostgreSQL */
static const char SQL_RAISE[] =
    "INSERT INTO firmware_line (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1) "
    "ON CONFLICT (product, class) DO UPDATE SET "
    "version = CASE WHEN excluded.sequence > firmware_line.sequence THEN excluded.version "
    "ELSE firmware_line.version END, "
    "release = CASE WHEN excluded.sequence > firmware_line.sequence THEN excluded.release "
    "ELSE firmware_line.release END, "
    "sequence = CASE WHEN excluded.sequence > firmware_line.sequence THEN excluded.sequence "
    "ELSE firmware_line.sequence END, "
    "counter = CASE WHEN excluded.counter > firmware_line.counter THEN excluded.counter "
    "ELSE firmware_line.counter END, "
    "updated_at = excluded.updated_at, ver = firmware_line.ver + 1";

static err_t read_line(const struct db_row *row, void *arg)
{
    struct firmware_line_row *out = arg;
    *out = (struct firmware_line_row){.sequence = db_row_int(row, 3),
                                      .counter = db_row_int(row, 4),
                                      .updated_at = db_row_int(row, 7),
                                      .ver = db_row_int(row, 8)};
    TRY(db_row_copy(row, 0, out->product.b, sizeof out->product.b));
    TRY(db_row_text(row, 1, out->class, sizeof out->class));
    TRY(db_row_copy(row, 2, out->tenant.b, sizeof out->tenant.b));
    TRY(db_row_text(row, 5, out->version, sizeof out->version));
    return db_row_copy(row, 6, out->release.b, sizeof out->release.b);
}

err_t firmware_line_rows_find(struct db_tx *tx, struct uuid product, const char *class,
                              struct firmware_line_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&product), DB_T(class)), read_line, out, "line");
}

struct each {
    firmware_line_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct firmware_line_row line;
    TRY(read_line(row, &line));
    return each->fn(&line, each->arg);
}

err_t firmware_line_rows_of_product(struct db_tx *tx, struct uuid product, firmware_line_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_OF_PRODUCT, DB_VALUES(db_uuid(&product)), on_each, &each);
}

err_t firmware_line_rows_raise(struct db_tx *tx, const struct firmware_line_row *row)
{
    TRY(db_change(tx, SQL_RAISE,
                  DB_VALUES(db_uuid(&row->product), DB_T(row->class), db_uuid(&row->tenant),
                            DB_I(row->sequence), DB_I(row->counter), DB_T(row->version),
                            db_uuid(&row->release), DB_I(db_tx_now_ms(tx))),
                  NULL));
    return journal_line(tx, row);
}
