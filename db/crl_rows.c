/* Statements over the table crl. Signs nothing (fleet/publication.c). */
#include "db/crl_rows.h"

#include "db/journal_rows.h"
#include "db/row_values.h"

#define STATE "authority, shard, number, this_update, next_update, is_stale, ver"
enum { COLUMN_DER = 7 };

/* The list itself lies apart: who only marks it does not write it again. */
static const char SQL_FIND[] =
    "SELECT c.authority, c.shard, c.number, c.this_update, c.next_update, c.is_stale, c.ver, d.der "
    "FROM crl c JOIN crl_der d ON d.authority = c.authority AND d.shard = c.shard "
    "WHERE c.authority = $1 AND c.shard = $2";
static const char SQL_STORE_DER[] = "INSERT INTO crl_der (authority, shard, der) VALUES ($1, $2, $3) "
                                    "ON CONFLICT (authority, shard) DO UPDATE SET der = excluded.der";
static const char SQL_FIND_STATE[] = "SELECT " STATE " FROM crl WHERE authority = $1 AND shard = $2";
static const char SQL_EACH_STATE[] = "SELECT " STATE " FROM crl WHERE authority = $1 ORDER BY shard";
static const char SQL_INSERT[] =
    "INSERT INTO crl (authority, shard, number, this_update, next_update, is_stale, ver) "
    "VALUES ($1, $2, $3, $4, $5, 0, 1) ON CONFLICT (authority, shard) DO NOTHING";
static const char SQL_REPLACE[] = "UPDATE crl SET number = $3, this_update = $4, next_update = $5, "
                                  "is_stale = CASE WHEN ver = $6 THEN 0 ELSE 1 END, ver = ver + 1 "
                                  "WHERE authority = $1 AND shard = $2 AND number = $7 AND number < $3";
static const char SQL_MARK_STALE[] =
    "INSERT INTO crl (authority, shard, number, this_update, next_update, is_stale, ver) "
    "VALUES ($1, $2, 0, 0, 0, 1, 1) "
    "ON CONFLICT (authority, shard) DO UPDATE SET is_stale = 1, ver = crl.ver + 1";
static const char SQL_MARK_ALL[] = "UPDATE crl SET is_stale = 1, ver = ver + 1";
static const char SQL_SHARDS[] = "SELECT crl_shards FROM authority WHERE id = $1";
static const char SQL_CHANGE[] = "SELECT ver FROM crl_change WHERE authority = $1";
static const char SQL_CHANGED[] = "INSERT INTO crl_change (authority, ver) VALUES ($1, 1) "
                                  "ON CONFLICT (authority) DO UPDATE SET ver = crl_change.ver + 1";
static const char SQL_CHANGED_ALL[] = "UPDATE crl_change SET ver = ver + 1";

void crl_row_clear(struct crl_row *row)
{
    buf_clear(&row->der);
}

/* --- read ------------------------------------------------------------------------------------------- */

static err_t read_state(const struct db_row *row, void *arg)
{
    struct crl_row *out = arg;
    crl_row_clear(out);
    *out = (struct crl_row){.list = (int)db_row_int(row, 1),
                            .number = db_row_int(row, 2),
                            .this_update = db_row_int(row, 3),
                            .next_update = db_row_int(row, 4),
                            .is_stale = db_row_int(row, 5) != 0,
                            .ver = db_row_int(row, 6)};
    return db_row_text(row, 0, out->authority, sizeof out->authority);
}

static err_t read_list(const struct db_row *row, void *arg)
{
    struct crl_row *out = arg;
    TRY(read_state(row, out));
    return db_row_append(row, COLUMN_DER, &out->der);
}

err_t crl_rows_find(struct db_tx *tx, const char *authority, int list, struct crl_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(DB_T(authority), DB_I(list)), read_list, out, "CRL");
}

err_t crl_rows_find_state(struct db_tx *tx, const char *authority, int list, struct crl_row *out)
{
    return db_find(tx, SQL_FIND_STATE, DB_VALUES(DB_T(authority), DB_I(list)), read_state, out, "CRL");
}

struct each {
    crl_row_fn fn;
    void *arg;
};

static err_t on_state(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct crl_row state = {.list = 0};
    TRY(read_state(row, &state));
    return each->fn(&state, each->arg);
}

err_t crl_rows_each_state(struct db_tx *tx, const char *authority, crl_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_EACH_STATE, DB_VALUES(DB_T(authority)), on_state, &each);
}

static err_t read_number(const struct db_row *row, void *arg)
{
    *(int64_t *)arg = db_row_int(row, 0);
    return OK;
}

err_t crl_rows_read_change(struct db_tx *tx, const char *authority, int64_t *out)
{
    *out = 0;
    return db_run(tx, SQL_CHANGE, DB_VALUES(DB_T(authority)), read_number, out);
}

/* --- changes ---------------------------------------------------------------------------------------- */

static err_t note_change(struct db_tx *tx, const char *authority)
{
    return db_change(tx, SQL_CHANGED, DB_VALUES(DB_T(authority)), NULL);
}

static err_t store_der(struct db_tx *tx, const struct crl_row *row)
{
    return db_change(tx, SQL_STORE_DER,
                     DB_VALUES(DB_T(row->authority), DB_I(row->list), DB_BYTES(buf_view(&row->der))), NULL);
}

err_t crl_rows_insert(struct db_tx *tx, const struct crl_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(DB_T(row->authority), DB_I(row->list), DB_I(row->number), DB_I(row->this_update),
                            DB_I(row->next_update)),
                  &changes));
    ENSURE(changes == 1, ERR_CONFLICT, "there is a CRL of %s", row->authority);
    TRY(store_der(tx, row));
    TRY(journal_crl(tx, row->authority, row->list, row->number));
    return note_change(tx, row->authority);
}

err_t crl_rows_replace(struct db_tx *tx, const struct crl_row *row, int64_t number)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_REPLACE,
                  DB_VALUES(DB_T(row->authority), DB_I(row->list), DB_I(row->number), DB_I(row->this_update),
                            DB_I(row->next_update), DB_I(row->ver), DB_I(number)),
                  &changes));
    ENSURE(changes == 1, ERR_BUSY, "the CRL of %s was changed at the same time", row->authority);
    TRY(store_der(tx, row));
    TRY(journal_crl(tx, row->authority, row->list, row->number));
    return note_change(tx, row->authority);
}

static err_t mark(struct db_tx *tx, const char *authority, int list)
{
    return db_change(tx, SQL_MARK_STALE, DB_VALUES(DB_T(authority), DB_I(list)), NULL);
}

err_t crl_rows_mark_stale(struct db_tx *tx, const char *authority,
                          const uint8_t serial[CERTIFICATE_SERIAL_SIZE])
{
    int64_t shards = 0;
    TRY(db_run(tx, SQL_SHARDS, DB_VALUES(DB_T(authority)), read_number, &shards));
    TRY(mark(tx, authority, CRL_COMPLETE));
    if (shards > 0) {
        TRY(mark(tx, authority, 1 + crl_shard_of((int)shards, serial)));
    }
    return note_change(tx, authority);
}

err_t crl_rows_mark_list_stale(struct db_tx *tx, const char *authority, int list)
{
    TRY(mark(tx, authority, list));
    return note_change(tx, authority);
}

err_t crl_rows_mark_all_stale(struct db_tx *tx)
{
    TRY(db_change(tx, SQL_MARK_ALL, NULL, 0, NULL));
    return db_change(tx, SQL_CHANGED_ALL, NULL, 0, NULL);
}
