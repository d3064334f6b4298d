/* Rows of tokens: statements and reading. No rules here; fleet/access.c compares the secrets. */
#include "db/token_rows.h"

#include "db/row_values.h"

#define COLUMNS                                                                                              \
    "id, tenant, name, secret_sha256, scopes, created_at, expires_at, revoked_at, last_used_at, ver, "       \
    "old_sha256, rotated_at, sources, owner"

static const char SQL_INSERT[] =
    "INSERT INTO token (" COLUMNS ") "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (id) DO NOTHING";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM token WHERE id = $1";
static const char SQL_UPDATE[] =
    "UPDATE token SET name = $3, secret_sha256 = $4, old_sha256 = $5, rotated_at = $6, sources = $7, "
    "ver = $8 WHERE id = $1 AND tenant = $2";
#define LIST(after, down)                                                                                    \
    "SELECT " COLUMNS " FROM token WHERE tenant = $1 AND " after " ORDER BY id" down " LIMIT $3"
static const char SQL_LIST[] = LIST("id > $2", "");
static const char SQL_LIST_DOWN[] = LIST("id < $2", " DESC");
/* Names may be equal: the id decides then. The name is the bound of the index. */
#define LIST_NAME(from, after, down)                                                                         \
    "SELECT " COLUMNS " FROM token WHERE tenant = $1 AND " from " AND (" after ") ORDER BY name" down        \
    ", id" down " LIMIT $3"
static const char SQL_LIST_NAME[] = LIST_NAME("name >= $2", "name > $2 OR id > $4", "");
static const char SQL_LIST_NAME_DOWN[] = LIST_NAME("name <= $2", "name < $2 OR id < $4", " DESC");
static const struct db_ordered LISTS = {.up = {SQL_LIST}, .down = {SQL_LIST_DOWN}}; /* by id */
static const char SQL_REVOKE[] = "UPDATE token SET revoked_at = $3, ver = ver + 1 "
                                 "WHERE id = $1 AND tenant = $2 AND revoked_at IS NULL";
static const char SQL_NOTE_USE[] = "UPDATE token SET last_used_at = $2 "
                                   "WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";

static struct db_value old_secret(const struct token_row *row)
{
    return row->has_old ? DB_B(row->old_sha256, sizeof(row->old_sha256)) : DB_N;
}

err_t token_rows_insert(struct db_tx *tx, const struct token_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(DB_B(row->id, sizeof(row->id)), db_uuid(&row->tenant), DB_T(row->name),
                            DB_B(row->secret_sha256, sizeof(row->secret_sha256)), DB_I(row->scopes),
                            DB_I(row->created_at), DB_I(row->expires_at), db_time_or_null(row->revoked_at),
                            db_time_or_null(row->last_used_at), DB_I(row->ver), old_secret(row),
                            db_time_or_null(row->rotated_at), DB_T(row->sources), DB_T(row->owner)),
                  &changes));
    ENSURE(changes == 1, ERR_CONFLICT, "a token of this id is there already");
    return OK;
}

static err_t read_token(const struct db_row *row, void *arg)
{
    struct token_row *out = arg;
    *out = (struct token_row){0};
    TRY(db_row_copy(row, 0, out->id, sizeof(out->id)));
    TRY(db_row_copy(row, 1, out->tenant.b, sizeof(out->tenant.b)));
    TRY(db_row_text(row, 2, out->name, sizeof(out->name)));
    TRY(db_row_copy(row, 3, out->secret_sha256, sizeof(out->secret_sha256)));
    out->scopes = (uint32_t)db_row_int(row, 4);
    out->created_at = db_row_int(row, 5);
    out->expires_at = db_row_int(row, 6);
    out->revoked_at = db_row_int(row, 7);
    out->last_used_at = db_row_int(row, 8);
    out->ver = db_row_int(row, 9);
    out->has_old = !db_row_is_null(row, 10);
    if (out->has_old) {
        TRY(db_row_copy(row, 10, out->old_sha256, sizeof(out->old_sha256)));
    }
    out->rotated_at = db_row_int(row, 11);
    TRY(db_row_text(row, 12, out->sources, sizeof(out->sources)));
    return db_row_text(row, 13, out->owner, sizeof(out->owner));
}

err_t token_rows_find(struct db_tx *tx, const uint8_t id[TOKEN_ID_SIZE], struct token_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(DB_B(id, TOKEN_ID_SIZE)), read_token, out, "token");
}

err_t token_rows_update(struct db_tx *tx, const struct token_row *row)
{
    return db_change(tx, SQL_UPDATE,
                     DB_VALUES(DB_B(row->id, sizeof(row->id)), db_uuid(&row->tenant), DB_T(row->name),
                               DB_B(row->secret_sha256, sizeof(row->secret_sha256)), old_secret(row),
                               db_time_or_null(row->rotated_at), DB_T(row->sources), DB_I(row->ver)),
                     NULL);
}

struct each {
    token_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct token_row token;
    TRY(read_token(row, &token));
    return each->fn(&token, each->arg);
}

/* @param window after: the name, a zero byte, the id */
static err_t list_by_name(struct db_tx *tx, const struct uuid *tenant, const struct row_window *window,
                          const struct db_each *each)
{
    bool has_after = window->after.n > TOKEN_ID_SIZE;
    size_t name_size = has_after ? window->after.n - TOKEN_ID_SIZE - 1 : 0;
    struct db_value name = db_text((struct bytes){window->after.p, name_size});
    struct db_value id = DB_BYTES(BYTES_NONE);
    if (has_after) {
        id = DB_B(window->after.p + name_size + 1, TOKEN_ID_SIZE);
    } else if (window->is_descending) {
        name = DB_T("~");
    }
    return db_run(tx, window->is_descending ? SQL_LIST_NAME_DOWN : SQL_LIST_NAME,
                  DB_VALUES(db_uuid(tenant), name, DB_I(window->limit), id), each->fn, each->arg);
}

err_t token_rows_list(struct db_tx *tx, struct uuid tenant, const struct row_window *window, token_row_fn fn,
                      void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    const struct db_each rows = {on_each, &each};
    return window->order == ORDER_NAME ? list_by_name(tx, &tenant, window, &rows)
                                       : db_list_ordered(tx, &LISTS, &tenant, window, &rows);
}

err_t token_rows_revoke(struct db_tx *tx, struct uuid tenant, const uint8_t id[TOKEN_ID_SIZE],
                        bool *is_changed)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_REVOKE,
                  DB_VALUES(DB_B(id, TOKEN_ID_SIZE), db_uuid(&tenant), DB_I(db_tx_now_ms(tx))), &changes));
    *is_changed = changes == 1;
    return OK;
}

err_t token_rows_note_use(struct db_tx *tx, const uint8_t id[TOKEN_ID_SIZE], int64_t at_ms)
{
    return db_change(tx, SQL_NOTE_USE, DB_VALUES(DB_B(id, TOKEN_ID_SIZE), DB_I(at_ms)), NULL);
}
