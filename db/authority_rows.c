/* Rows of authorities: statements and reading. No rules here. */
#include "db/authority_rows.h"

#include "db/row_values.h"

#define COLUMNS "id, role, state, certificate, created_at, updated_at, ver, crl_shards, crl_base"

static const char SQL_INSERT[] = "INSERT INTO authority (" COLUMNS
                                 ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING";
static const char SQL_EACH[] = "SELECT " COLUMNS " FROM authority ORDER BY id";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM authority WHERE id = $1";
static const char SQL_LIST[] = "SELECT " COLUMNS " FROM authority WHERE id > $1 ORDER BY id LIMIT $2";

enum { ROLE_SIZE = 32 };

err_t authority_rows_insert(struct db_tx *tx, const struct authority_row *row)
{
    int64_t now_ms = db_tx_now_ms(tx);
    int64_t changes = 0;
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(DB_T(row->id), DB_T(row->role), DB_I(row->state), DB_BYTES(row->certificate),
                            DB_I(now_ms), DB_I(now_ms), DB_I(1), DB_I(row->crl_shards),
                            DB_T(row->crl_base != NULL ? row->crl_base : "")),
                  &changes));
    ENSURE(changes == 1, ERR_CONFLICT, "an authority named %s is there already", row->id);
    return OK;
}

struct each {
    err_t (*fn)(const struct authority_row *row, void *arg);
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    char role[ROLE_SIZE];
    char crl_base[AUTHORITY_URL_SIZE];
    struct authority_row authority = {
        .role = role, .certificate = db_row_bytes(row, 3), .crl_base = crl_base};
    TRY(db_row_text(row, 0, authority.id, sizeof(authority.id)));
    TRY(db_row_text(row, 1, role, sizeof(role)));
    authority.state = (enum authority_state)db_row_int(row, 2);
    authority.created_at = db_row_int(row, 4);
    authority.updated_at = db_row_int(row, 5);
    authority.ver = db_row_int(row, 6);
    authority.crl_shards = (int)db_row_int(row, 7);
    TRY(db_row_text(row, 8, crl_base, sizeof crl_base));
    return each->fn(&authority, each->arg);
}

err_t authority_rows_each(struct db_tx *tx, err_t (*fn)(const struct authority_row *row, void *arg),
                          void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_EACH, NULL, 0, on_each, &each);
}

err_t authority_rows_find(struct db_tx *tx, const char *id,
                          err_t (*fn)(const struct authority_row *row, void *arg), void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_find(tx, SQL_FIND, DB_VALUES(DB_T(id)), on_each, &each, "authority");
}

err_t authority_rows_list(struct db_tx *tx, const struct row_window *window,
                          err_t (*fn)(const struct authority_row *row, void *arg), void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST, DB_VALUES(db_text(window->after), DB_I(window->limit)), on_each, &each);
}
