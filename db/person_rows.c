/* Rows of people: statements and reading. No rules here. */
#include "db/person_rows.h"

#include <string.h>

#include "db/row_values.h"

#define COLUMNS                                                                                              \
    "id, tenant, name, display_name, state, password, totp_sealed, totp_step, invitation_id, "               \
    "invitation_sha256, invitation_expires_at, activated_at, last_login_at, created_at, updated_at, ver"
#define P_COLUMNS                                                                                            \
    "p.id, p.tenant, p.name, p.display_name, p.state, p.password, p.totp_sealed, p.totp_step, "              \
    "p.invitation_id, p.invitation_sha256, p.invitation_expires_at, p.activated_at, p.last_login_at, "       \
    "p.created_at, p.updated_at, p.ver"

static const char SQL_INSERT[] =
    "INSERT INTO person (" COLUMNS ") "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) "
    "ON CONFLICT (tenant, name) DO NOTHING";
static const char SQL_UPDATE[] =
    "UPDATE person SET display_name = $2, state = $3, password = $4, totp_sealed = $5, totp_step = $6, "
    "invitation_id = $7, invitation_sha256 = $8, invitation_expires_at = $9, activated_at = $10, "
    "last_login_at = $11, updated_at = $12, ver = $13 WHERE id = $1";
static const char SQL_REHASH[] = "UPDATE person SET password = $3 WHERE id = $1 AND password = $2";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM person WHERE id = $1";
static const char SQL_FIND_BY_NAME[] = "SELECT " COLUMNS " FROM person WHERE tenant = $1 AND name = $2";
static const char SQL_FIND_BY_INVITATION[] = "SELECT " COLUMNS " FROM person WHERE invitation_id = $1";
static const char SQL_LIST[] =
    "SELECT " COLUMNS " FROM person WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3";
static const char SQL_LIST_BY_STATE[] =
    "SELECT " COLUMNS " FROM person WHERE tenant = $1 AND state = $4 AND id > $2 ORDER BY id LIMIT $3";
static const char SQL_LIST_BY_ROLE[] =
    "SELECT " P_COLUMNS " FROM person_role r JOIN person p ON p.id = r.person "
    "WHERE r.tenant = $1 AND r.role = $4 AND r.person > $2 ORDER BY r.person LIMIT $3";
static const char SQL_CODE_INSERT[] = "INSERT INTO recovery_code (person, code_sha256) VALUES ($1, $2)";
static const char SQL_CODE_USE[] = "DELETE FROM recovery_code WHERE person = $1 AND code_sha256 = $2";
static const char SQL_CODE_CLEAR[] = "DELETE FROM recovery_code WHERE person = $1";

static struct db_value blob_if(bool is_there, const uint8_t *p, size_t n)
{
    return is_there ? DB_B(p, n) : DB_N;
}

err_t person_rows_insert(struct db_tx *tx, const struct person_row *row)
{
    int64_t changes = 0;
    bool invited = row->has_invitation;
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(db_uuid(&row->id), db_uuid(&row->tenant), DB_T(row->name),
                            DB_T(row->display_name), DB_I(row->state), DB_T(row->password),
                            blob_if(row->totp_size > 0, row->totp_sealed, row->totp_size),
                            DB_I(row->totp_step),
                            blob_if(invited, row->invitation_id, sizeof row->invitation_id),
                            blob_if(invited, row->invitation_sha256, sizeof row->invitation_sha256),
                            db_time_or_null(row->invitation_expires_at), db_time_or_null(row->activated_at),
                            db_time_or_null(row->last_login_at), DB_I(row->created_at), DB_I(row->updated_at),
                            DB_I(row->ver)),
                  &changes));
    ENSURE(changes == 1, ERR_CONFLICT, "a user named %s is there already", row->name);
    return OK;
}

err_t person_rows_update(struct db_tx *tx, const struct person_row *row)
{
    bool invited = row->has_invitation;
    return db_change(
        tx, SQL_UPDATE,
        DB_VALUES(db_uuid(&row->id), DB_T(row->display_name), DB_I(row->state), DB_T(row->password),
                  blob_if(row->totp_size > 0, row->totp_sealed, row->totp_size), DB_I(row->totp_step),
                  blob_if(invited, row->invitation_id, sizeof row->invitation_id),
                  blob_if(invited, row->invitation_sha256, sizeof row->invitation_sha256),
                  db_time_or_null(row->invitation_expires_at), db_time_or_null(row->activated_at),
                  db_time_or_null(row->last_login_at), DB_I(row->updated_at), DB_I(row->ver)),
        NULL);
}

err_t person_rows_rehash(struct db_tx *tx, struct uuid id, const char *old, const char *fresh)
{
    return db_change(tx, SQL_REHASH, DB_VALUES(db_uuid(&id), DB_T(old), DB_T(fresh)), NULL);
}

static err_t read_invitation(const struct db_row *row, struct person_row *out)
{
    out->has_invitation = !db_row_is_null(row, 8);
    if (out->has_invitation) {
        TRY(db_row_copy(row, 8, out->invitation_id, sizeof out->invitation_id));
        TRY(db_row_copy(row, 9, out->invitation_sha256, sizeof out->invitation_sha256));
    }
    out->invitation_expires_at = db_row_int(row, 10);
    return OK;
}

static err_t read_person(const struct db_row *row, void *arg)
{
    struct person_row *out = arg;
    *out = (struct person_row){.state = (enum person_state)db_row_int(row, 4),
                               .totp_step = db_row_int(row, 7),
                               .activated_at = db_row_int(row, 11),
                               .last_login_at = db_row_int(row, 12),
                               .created_at = db_row_int(row, 13),
                               .updated_at = db_row_int(row, 14),
                               .ver = db_row_int(row, 15)};
    TRY(db_row_copy(row, 0, out->id.b, sizeof out->id.b));
    TRY(db_row_copy(row, 1, out->tenant.b, sizeof out->tenant.b));
    TRY(db_row_text(row, 2, out->name, sizeof out->name));
    TRY(db_row_text(row, 3, out->display_name, sizeof out->display_name));
    TRY(db_row_text(row, 5, out->password, sizeof out->password));
    struct bytes sealed = db_row_bytes(row, 6);
    ENSURE(sealed.n <= sizeof out->totp_sealed, ERR_DB, "a sealed secret is too long");
    if (sealed.n > 0) {
        memcpy(out->totp_sealed, sealed.p, sealed.n);
    }
    out->totp_size = sealed.n;
    return read_invitation(row, out);
}

err_t person_rows_find(struct db_tx *tx, struct uuid id, struct person_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&id)), read_person, out, "user");
}

err_t person_rows_find_by_name(struct db_tx *tx, struct uuid tenant, struct bytes name,
                               struct person_row *out)
{
    return db_find(tx, SQL_FIND_BY_NAME, DB_VALUES(db_uuid(&tenant), db_text(name)), read_person, out,
                   "user");
}

err_t person_rows_find_by_invitation(struct db_tx *tx, const uint8_t id[TOKEN_ID_SIZE],
                                     struct person_row *out)
{
    return db_find(tx, SQL_FIND_BY_INVITATION, DB_VALUES(DB_B(id, TOKEN_ID_SIZE)), read_person, out,
                   "invitation");
}

struct each {
    person_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct person_row person;
    TRY(read_person(row, &person));
    return each->fn(&person, each->arg);
}

err_t person_rows_list(struct db_tx *tx, struct uuid tenant, const struct person_filter *filter,
                       const struct row_window *window, person_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    struct db_value values[] = {db_uuid(&tenant), DB_BYTES(window->after), DB_I(window->limit), DB_N};
    if (filter->role.p != NULL) {
        values[3] = db_text(filter->role);
        return db_run(tx, SQL_LIST_BY_ROLE, values, 4, on_each, &each);
    }
    if (filter->has_state) {
        values[3] = DB_I(filter->state);
        return db_run(tx, SQL_LIST_BY_STATE, values, 4, on_each, &each);
    }
    return db_run(tx, SQL_LIST, values, 3, on_each, &each);
}

err_t recovery_code_rows_clear(struct db_tx *tx, struct uuid person)
{
    return db_change(tx, SQL_CODE_CLEAR, DB_VALUES(db_uuid(&person)), NULL);
}

err_t recovery_code_rows_replace(struct db_tx *tx, struct uuid person, const uint8_t (*hashes)[32],
                                 size_t count)
{
    TRY(recovery_code_rows_clear(tx, person));
    for (size_t i = 0; i < count; i++) {
        TRY(db_change(tx, SQL_CODE_INSERT, DB_VALUES(db_uuid(&person), DB_B(hashes[i], 32)), NULL));
    }
    return OK;
}

err_t recovery_code_rows_use(struct db_tx *tx, struct uuid person, const uint8_t hash[32], bool *was_there)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_CODE_USE, DB_VALUES(db_uuid(&person), DB_B(hash, 32)), &changes));
    *was_there = changes == 1;
    return OK;
}
