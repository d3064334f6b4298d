/* Rows of sessions: statements and reading. No rules here; fleet/sessions.c compares the secrets. */
#include "db/session_rows.h"

#include "db/row_values.h"

#define COLUMNS      "id, tenant, person, secret_sha256, address, created_at, expires_at, last_used_at"
#define READ_COLUMNS COLUMNS ", (SELECT name FROM person WHERE person.id = person_session.person)"

static const char SQL_INSERT[] = "INSERT INTO person_session (" COLUMNS ") "
                                 "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING";
static const char SQL_FIND[] = "SELECT " READ_COLUMNS " FROM person_session WHERE id = $1";
static const char SQL_NOTE_USE[] =
    "UPDATE person_session SET last_used_at = $2 WHERE id = $1 AND last_used_at < $2";
static const char SQL_LIST_OF_TENANT[] =
    "SELECT " READ_COLUMNS " FROM person_session "
    "WHERE tenant = $1 AND id > $2 AND expires_at > $4 AND last_used_at > $5 ORDER BY id LIMIT $3";
static const char SQL_LIST_OF_PERSON[] =
    "SELECT " READ_COLUMNS " FROM person_session "
    "WHERE person = $1 AND id > $2 AND expires_at > $4 AND last_used_at > $5 ORDER BY id LIMIT $3";
static const char SQL_DELETE[] = "DELETE FROM person_session WHERE id = $1";
static const char SQL_DELETE_OF[] = "DELETE FROM person_session WHERE person = $1 AND id <> $2";
static const char SQL_SWEEP[] = "DELETE FROM person_session WHERE id IN "
                                "(SELECT id FROM person_session WHERE expires_at < $1 LIMIT $2)";

err_t session_rows_insert(struct db_tx *tx, const struct session_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(DB_B(row->id, sizeof row->id), db_uuid(&row->tenant), db_uuid(&row->person),
                            DB_B(row->secret_sha256, sizeof row->secret_sha256), DB_T(row->address),
                            DB_I(row->created_at), DB_I(row->expires_at), DB_I(row->last_used_at)),
                  &changes));
    ENSURE(changes == 1, ERR_CONFLICT, "a session of this id is there already");
    return OK;
}

static err_t read_session(const struct db_row *row, void *arg)
{
    struct session_row *out = arg;
    *out = (struct session_row){.created_at = db_row_int(row, 5),
                                .expires_at = db_row_int(row, 6),
                                .last_used_at = db_row_int(row, 7)};
    TRY(db_row_copy(row, 0, out->id, sizeof out->id));
    TRY(db_row_copy(row, 1, out->tenant.b, sizeof out->tenant.b));
    TRY(db_row_copy(row, 2, out->person.b, sizeof out->person.b));
    TRY(db_row_copy(row, 3, out->secret_sha256, sizeof out->secret_sha256));
    TRY(db_row_text(row, 4, out->address, sizeof out->address));
    return db_row_text(row, 8, out->person_name, sizeof out->person_name);
}

err_t session_rows_find(struct db_tx *tx, const uint8_t id[TOKEN_ID_SIZE], struct session_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(DB_B(id, TOKEN_ID_SIZE)), read_session, out, "session");
}

err_t session_rows_note_use(struct db_tx *tx, const uint8_t id[TOKEN_ID_SIZE], int64_t at_ms)
{
    return db_change(tx, SQL_NOTE_USE, DB_VALUES(DB_B(id, TOKEN_ID_SIZE), DB_I(at_ms)), NULL);
}

struct each {
    session_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct session_row session;
    TRY(read_session(row, &session));
    return each->fn(&session, each->arg);
}

err_t session_rows_list(struct db_tx *tx, const struct session_view *view, const struct row_window *window,
                        session_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    const struct uuid *whose = view->person != NULL ? view->person : &view->tenant;
    const char *sql = view->person != NULL ? SQL_LIST_OF_PERSON : SQL_LIST_OF_TENANT;
    return db_run(tx, sql,
                  DB_VALUES(db_uuid(whose), DB_BYTES(window->after), DB_I(window->limit), DB_I(view->now_ms),
                            DB_I(view->used_after_ms)),
                  on_each, &each);
}

err_t session_rows_delete(struct db_tx *tx, const uint8_t id[TOKEN_ID_SIZE], bool *was_there)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_DELETE, DB_VALUES(DB_B(id, TOKEN_ID_SIZE)), &changes));
    *was_there = changes == 1;
    return OK;
}

err_t session_rows_delete_of(struct db_tx *tx, struct uuid person, const uint8_t *keep, int64_t *deleted)
{
    static const uint8_t none[1]; /* shorter than any id: it is none of them */
    struct db_value kept = keep != NULL ? DB_B(keep, TOKEN_ID_SIZE) : DB_B(none, sizeof none);
    return db_change(tx, SQL_DELETE_OF, DB_VALUES(db_uuid(&person), kept), deleted);
}

err_t session_rows_sweep(struct db_tx *tx, int64_t before_ms, int64_t limit, int64_t *deleted)
{
    return db_change(tx, SQL_SWEEP, DB_VALUES(DB_I(before_ms), DB_I(limit)), deleted);
}
