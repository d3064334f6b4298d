/* Rows of client certificates: statements and reading. No rules here. */
#include "db/client_certificate_rows.h"

#include "db/row_values.h"

#define COLUMNS                                                                                              \
    "id, tenant, name, spki_sha256, scopes, sources, owner, expires_at, last_used_at, revoked_at, "          \
    "created_at, updated_at, ver"

static const char SQL_INSERT[] = "INSERT INTO client_certificate (" COLUMNS ") "
                                 "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
static const char SQL_UPDATE[] =
    "UPDATE client_certificate SET name = $3, scopes = $4, sources = $5, expires_at = $6, revoked_at = $7, "
    "updated_at = $8, ver = $9 WHERE id = $1 AND tenant = $2";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM client_certificate WHERE id = $1 AND tenant = $2";
static const char SQL_FIND_BY_KEY[] =
    "SELECT " COLUMNS " FROM client_certificate WHERE spki_sha256 = $1 AND revoked_at IS NULL";
static const char SQL_FIND_BY_NAME[] =
    "SELECT " COLUMNS " FROM client_certificate WHERE tenant = $1 AND name = $2";
#define LIST(key, sign, down)                                                                                \
    "SELECT " COLUMNS " FROM client_certificate WHERE tenant = $1 AND " key " " sign                         \
    " $2 ORDER BY " key down " LIMIT $3"
static const char SQL_LIST[] = LIST("id", ">", "");
static const char SQL_LIST_DOWN[] = LIST("id", "<", " DESC");
static const char SQL_LIST_NAME[] = LIST("name", ">", "");
static const char SQL_LIST_NAME_DOWN[] = LIST("name", "<", " DESC");
static const struct db_ordered LISTS = {.up = {SQL_LIST, SQL_LIST_NAME},
                                        .down = {SQL_LIST_DOWN, SQL_LIST_NAME_DOWN}};
static const char SQL_NOTE_USE[] = "UPDATE client_certificate SET last_used_at = $2 "
                                   "WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";

static err_t read_certificate(const struct db_row *row, void *arg)
{
    struct client_certificate_row *out = arg;
    *out = (struct client_certificate_row){.scopes = (uint32_t)db_row_int(row, 4),
                                           .expires_at = db_row_int(row, 7),
                                           .last_used_at = db_row_int(row, 8),
                                           .revoked_at = db_row_int(row, 9),
                                           .created_at = db_row_int(row, 10),
                                           .updated_at = db_row_int(row, 11),
                                           .ver = db_row_int(row, 12)};
    TRY(db_row_copy(row, 0, out->id.b, sizeof(out->id.b)));
    TRY(db_row_copy(row, 1, out->tenant.b, sizeof(out->tenant.b)));
    TRY(db_row_text(row, 2, out->name, sizeof(out->name)));
    TRY(db_row_copy(row, 3, out->spki_sha256, sizeof(out->spki_sha256)));
    TRY(db_row_text(row, 5, out->sources, sizeof(out->sources)));
    return db_row_text(row, 6, out->owner, sizeof(out->owner));
}

/* One answer for each of the two that must be unique; whose key it is already is not told. */
static err_t check_free(struct db_tx *tx, const struct client_certificate_row *row)
{
    struct client_certificate_row other;
    err_t error = db_find(tx, SQL_FIND_BY_NAME, DB_VALUES(db_uuid(&row->tenant), DB_T(row->name)),
                          read_certificate, &other, "client certificate");
    ENSURE(error.code != ERR_OK || uuid_equal(other.id, row->id), ERR_CONFLICT,
           "a client certificate named %s is there already", row->name);
    return error.code == ERR_NOT_FOUND ? OK : error;
}

err_t client_certificate_rows_insert(struct db_tx *tx, const struct client_certificate_row *row)
{
    struct client_certificate_row other;
    TRY(check_free(tx, row));
    err_t error = client_certificate_rows_find_by_key(tx, row->spki_sha256, &other);
    ENSURE(error.code != ERR_OK, ERR_CONFLICT, "this key is registered already");
    TRY(error.code == ERR_NOT_FOUND ? OK : error);
    return db_change(tx, SQL_INSERT,
                     DB_VALUES(db_uuid(&row->id), db_uuid(&row->tenant), DB_T(row->name),
                               DB_B(row->spki_sha256, sizeof(row->spki_sha256)), DB_I(row->scopes),
                               DB_T(row->sources), DB_T(row->owner), db_time_or_null(row->expires_at),
                               db_time_or_null(row->last_used_at), db_time_or_null(row->revoked_at),
                               DB_I(row->created_at), DB_I(row->updated_at), DB_I(row->ver)),
                     NULL);
}

err_t client_certificate_rows_update(struct db_tx *tx, const struct client_certificate_row *row)
{
    TRY(check_free(tx, row));
    return db_change(tx, SQL_UPDATE,
                     DB_VALUES(db_uuid(&row->id), db_uuid(&row->tenant), DB_T(row->name), DB_I(row->scopes),
                               DB_T(row->sources), db_time_or_null(row->expires_at),
                               db_time_or_null(row->revoked_at), DB_I(row->updated_at), DB_I(row->ver)),
                     NULL);
}

err_t client_certificate_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id,
                                   struct client_certificate_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&id), db_uuid(&tenant)), read_certificate, out,
                   "client certificate");
}

err_t client_certificate_rows_find_by_key(struct db_tx *tx, const uint8_t spki_sha256[32],
                                          struct client_certificate_row *out)
{
    return db_find(tx, SQL_FIND_BY_KEY, DB_VALUES(DB_B(spki_sha256, 32)), read_certificate, out,
                   "client certificate");
}

struct each {
    client_certificate_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct client_certificate_row certificate;
    TRY(read_certificate(row, &certificate));
    return each->fn(&certificate, each->arg);
}

err_t client_certificate_rows_list(struct db_tx *tx, struct uuid tenant, const struct row_window *window,
                                   client_certificate_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_list_ordered(tx, &LISTS, &tenant, window, &(struct db_each){on_each, &each});
}

err_t client_certificate_rows_note_use(struct db_tx *tx, struct uuid id, int64_t at_ms)
{
    return db_change(tx, SQL_NOTE_USE, DB_VALUES(db_uuid(&id), DB_I(at_ms)), NULL);
}
