/* Rows of blobs: statements and reading. No rules here. */
#include "db/firmware_blob_rows.h"

#include "db/row_values.h"

#define COLUMNS "sha256, sha1, md5, size, state, uses, created_at, checked_at, ver"

static const char SQL_INSERT[] =
    "INSERT INTO firmware_blob (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
static const char SQL_UPDATE[] = "UPDATE firmware_blob SET state = $3, uses = $4, checked_at = $5, "
                                 "ver = ver + 1 WHERE sha256 = $1 AND ver = $2";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM firmware_blob WHERE sha256 = $1";
static const char SQL_DELETE[] = "DELETE FROM firmware_blob WHERE sha256 = $1 AND state = 2 AND uses = 0";
static const char SQL_LIST[] =
    "SELECT " COLUMNS " FROM firmware_blob WHERE sha256 > $1 ORDER BY sha256 LIMIT $2";
static const char SQL_LIST_DUE[] =
    "SELECT " COLUMNS " FROM firmware_blob WHERE state = 0 AND checked_at < $1 "
    "ORDER BY checked_at, sha256 LIMIT $2";
static const char SQL_LIST_UNUSED[] =
    "SELECT " COLUMNS " FROM firmware_blob WHERE uses = 0 AND sha256 > $1 ORDER BY sha256 LIMIT $2";

static struct db_value name_of(const struct sha256 *name)
{
    return DB_B(name->b, sizeof name->b);
}

static struct db_value name_or_start(const struct sha256 *name)
{
    return name == NULL ? DB_BYTES(BYTES_NONE) : name_of(name);
}

err_t firmware_blob_rows_insert(struct db_tx *tx, const struct firmware_blob_row *row)
{
    return db_change(tx, SQL_INSERT,
                     DB_VALUES(name_of(&row->sha256), DB_BYTES(BYTES_OF(row->sha1)),
                               DB_BYTES(BYTES_OF(row->md5)), DB_I(row->size), DB_I(row->state),
                               DB_I(row->uses), DB_I(row->created_at), DB_I(row->checked_at), DB_I(row->ver)),
                     NULL);
}

err_t firmware_blob_rows_update(struct db_tx *tx, struct firmware_blob_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_UPDATE,
                  DB_VALUES(name_of(&row->sha256), DB_I(row->ver), DB_I(row->state), DB_I(row->uses),
                            DB_I(row->checked_at)),
                  &changes));
    ENSURE(changes == 1, ERR_BUSY, "the stored bytes were changed by another request: try again");
    row->ver++;
    return OK;
}

static err_t read_blob(const struct db_row *row, void *arg)
{
    struct firmware_blob_row *out = arg;
    int64_t state = db_row_int(row, 4);
    ENSURE(state >= FIRMWARE_BLOB_GOOD && state <= FIRMWARE_BLOB_REMOVED, ERR_DB, "a blob in state %lld",
           (long long)state);
    *out = (struct firmware_blob_row){.size = db_row_int(row, 3),
                                      .state = (enum firmware_blob_state)state,
                                      .uses = db_row_int(row, 5),
                                      .created_at = db_row_int(row, 6),
                                      .checked_at = db_row_int(row, 7),
                                      .ver = db_row_int(row, 8)};
    TRY(db_row_copy(row, 0, out->sha256.b, sizeof out->sha256.b));
    TRY(db_row_copy(row, 1, out->sha1, sizeof out->sha1));
    return db_row_copy(row, 2, out->md5, sizeof out->md5);
}

err_t firmware_blob_rows_find(struct db_tx *tx, const struct sha256 *name, struct firmware_blob_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(name_of(name)), read_blob, out, "blob");
}

err_t firmware_blob_rows_delete(struct db_tx *tx, const struct sha256 *name, bool *is_gone)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_DELETE, DB_VALUES(name_of(name)), &changes));
    *is_gone = changes == 1;
    return OK;
}

struct each {
    firmware_blob_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct firmware_blob_row blob;
    TRY(read_blob(row, &blob));
    return each->fn(&blob, each->arg);
}

err_t firmware_blob_rows_list(struct db_tx *tx, const struct sha256 *after, int64_t limit,
                              firmware_blob_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST, DB_VALUES(name_or_start(after), DB_I(limit)), on_each, &each);
}

err_t firmware_blob_rows_list_due(struct db_tx *tx, int64_t before, int64_t limit, firmware_blob_row_fn fn,
                                  void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST_DUE, DB_VALUES(DB_I(before), DB_I(limit)), on_each, &each);
}

err_t firmware_blob_rows_list_unused(struct db_tx *tx, const struct sha256 *after, int64_t limit,
                                     firmware_blob_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST_UNUSED, DB_VALUES(name_or_start(after), DB_I(limit)), on_each, &each);
}
