/* Rows of authorities: statements and reading. No rules here. */
#include "db/authority_rows.h"

#include "db/journal_authority_rows.h"
#include "db/row_values.h"

#define COLUMNS                                                                                              \
    "id, role, state, certificate, created_at, updated_at, ver, crl_shards, crl_base, tenant, issuer, "      \
    "is_default, is_external, predecessor, request, ends_at, key_purposes, compromised_at, rekey_by"

static const char SQL_INSERT[] =
    "INSERT INTO authority (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, "
    "$14, $15, $16, $17, $18, $19) ON CONFLICT (id) DO NOTHING";
static const char SQL_UPDATE[] =
    "UPDATE authority SET state = $3, certificate = $4, updated_at = $5, ver = ver + 1, crl_shards = $6, "
    "crl_base = $7, issuer = $8, is_default = $9, is_external = $10, predecessor = $11, request = $12, "
    "ends_at = $13, key_purposes = $14, compromised_at = $15, rekey_by = $16 WHERE id = $1 AND ver = $2";
static const char SQL_LOSS[] = "SELECT compromised_at, rekey_by FROM authority WHERE id = $1 AND state = 2";
/* A replayed row is what it was, with its version and the time when it was made. */
static const char SQL_RESTORE[] =
    "INSERT INTO authority (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, "
    "$14, $15, $16, $17, $18, $19) ON CONFLICT (id) DO UPDATE SET role = excluded.role, state = "
    "excluded.state, "
    "certificate = excluded.certificate, created_at = excluded.created_at, updated_at = excluded.updated_at, "
    "ver = excluded.ver, crl_shards = excluded.crl_shards, crl_base = excluded.crl_base, "
    "tenant = excluded.tenant, issuer = excluded.issuer, is_default = excluded.is_default, "
    "is_external = excluded.is_external, predecessor = excluded.predecessor, request = excluded.request, "
    "ends_at = excluded.ends_at, key_purposes = excluded.key_purposes, "
    "compromised_at = excluded.compromised_at, rekey_by = excluded.rekey_by";
static const char SQL_NO_OTHER_DEFAULT[] =
    "UPDATE authority SET is_default = 0 WHERE role = $1 AND tenant IS NOT DISTINCT FROM $2 AND id <> $3 "
    "AND is_default = 1 AND state = 0";
static const char SQL_DELETE[] = "DELETE FROM authority WHERE id = $1";
static const char SQL_EACH[] = "SELECT " COLUMNS " FROM authority ORDER BY id";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM authority WHERE id = $1";
static const char SQL_LIST[] = "SELECT " COLUMNS " FROM authority WHERE id > $1 "
                               "AND (tenant IS NULL OR tenant = $3) ORDER BY id LIMIT $2";
static const char SQL_CHANGE[] = "SELECT ver FROM authority_change WHERE id = 1";
static const char SQL_CHANGED[] = "UPDATE authority_change SET ver = ver + 1 WHERE id = 1";

enum { ROLE_SIZE = 32 };

static struct db_value text_or_empty(const char *text)
{
    return DB_T(text != NULL ? text : "");
}

static struct db_value bytes_or_null(struct bytes bytes)
{
    return bytes.n == 0 ? DB_N : DB_BYTES(bytes);
}

/* NULL would be no certificate at all; a pending one has an empty one. */
static struct db_value certificate_of(const struct authority_row *row)
{
    return row->certificate.n == 0 ? DB_B("", 0) : DB_BYTES(row->certificate);
}

static err_t default_taken(const struct authority_row *row)
{
    return ERR(ERR_CONFLICT, "another authority of the role %s is the default already", row->role);
}

err_t authority_rows_note_change(struct db_tx *tx)
{
    return db_change(tx, SQL_CHANGED, NULL, 0, NULL);
}

static err_t journal_stored(const struct authority_row *row, void *arg)
{
    return journal_authority(arg, row);
}

static err_t note_stored(struct db_tx *tx, const char *id)
{
    TRY(authority_rows_find(tx, id, journal_stored, tx));
    return authority_rows_note_change(tx);
}

/* All that a row has, with its times and its version. */
static err_t put(struct db_tx *tx, const char *sql, const struct authority_row *row, int64_t *changes)
{
    return db_change(tx, sql,
                     DB_VALUES(DB_T(row->id), DB_T(row->role), DB_I(row->state), certificate_of(row),
                               DB_I(row->created_at), DB_I(row->updated_at), DB_I(row->ver),
                               DB_I(row->crl_shards), text_or_empty(row->crl_base),
                               row->has_tenant ? db_uuid(&row->tenant) : DB_N, DB_T(row->issuer),
                               db_flag(row->is_default), db_flag(row->is_external), DB_T(row->predecessor),
                               bytes_or_null(row->request), db_time_or_null(row->ends_at),
                               DB_I(row->key_purposes), db_time_or_null(row->compromised_at),
                               db_time_or_null(row->rekey_by)),
                     changes);
}

err_t authority_rows_insert(struct db_tx *tx, const struct authority_row *row)
{
    int64_t changes = 0;
    struct authority_row stored = *row;
    stored.created_at = stored.updated_at = db_tx_now_ms(tx);
    stored.ver = 1;
    err_t error = put(tx, SQL_INSERT, &stored, &changes);
    if (error.code == ERR_CONFLICT) {
        return default_taken(row);
    }
    TRY(error);
    ENSURE(changes == 1, ERR_CONFLICT, "an authority named %s is there already", row->id);
    return note_stored(tx, row->id);
}

err_t authority_rows_restore(struct db_tx *tx, const struct authority_row *row)
{
    if (row->is_default && row->state == AUTHORITY_ACTIVE) {
        TRY(db_change(
            tx, SQL_NO_OTHER_DEFAULT,
            DB_VALUES(DB_T(row->role), row->has_tenant ? db_uuid(&row->tenant) : DB_N, DB_T(row->id)), NULL));
    }
    TRY(put(tx, SQL_RESTORE, row, NULL));
    return note_stored(tx, row->id);
}

err_t authority_rows_update(struct db_tx *tx, const struct authority_row *row)
{
    int64_t changes = 0;
    err_t error =
        db_change(tx, SQL_UPDATE,
                  DB_VALUES(DB_T(row->id), DB_I(row->ver), DB_I(row->state), certificate_of(row),
                            DB_I(db_tx_now_ms(tx)), DB_I(row->crl_shards), text_or_empty(row->crl_base),
                            DB_T(row->issuer), db_flag(row->is_default), db_flag(row->is_external),
                            DB_T(row->predecessor), bytes_or_null(row->request),
                            db_time_or_null(row->ends_at), DB_I(row->key_purposes),
                            db_time_or_null(row->compromised_at), db_time_or_null(row->rekey_by)),
                  &changes);
    if (error.code == ERR_CONFLICT) {
        return default_taken(row);
    }
    TRY(error);
    ENSURE(changes == 1, ERR_BUSY, "authority %s has changed meanwhile", row->id);
    return note_stored(tx, row->id);
}

static err_t journal_gone(const struct authority_row *row, void *arg)
{
    return journal_authority_gone(arg, row);
}

err_t authority_rows_delete(struct db_tx *tx, const char *id)
{
    TRY(authority_rows_find(tx, id, journal_gone, tx));
    TRY(db_change(tx, SQL_DELETE, DB_VALUES(DB_T(id)), NULL));
    return authority_rows_note_change(tx);
}

struct each {
    authority_row_fn fn;
    void *arg;
};

static err_t read_texts(const struct db_row *row, struct authority_row *out)
{
    TRY(db_row_text(row, 0, out->id, sizeof(out->id)));
    TRY(db_row_text(row, 10, out->issuer, sizeof(out->issuer)));
    return db_row_text(row, 13, out->predecessor, sizeof(out->predecessor));
}

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    char role[ROLE_SIZE];
    char crl_base[AUTHORITY_URL_SIZE];
    struct authority_row authority = {.role = role,
                                      .state = (enum authority_state)db_row_int(row, 2),
                                      .certificate = db_row_bytes(row, 3),
                                      .created_at = db_row_int(row, 4),
                                      .updated_at = db_row_int(row, 5),
                                      .ver = db_row_int(row, 6),
                                      .crl_shards = (int)db_row_int(row, 7),
                                      .crl_base = crl_base,
                                      .has_tenant = !db_row_is_null(row, 9),
                                      .is_default = db_row_int(row, 11) != 0,
                                      .is_external = db_row_int(row, 12) != 0,
                                      .request = db_row_bytes(row, 14),
                                      .ends_at = db_row_int(row, 15),
                                      .key_purposes = (uint32_t)db_row_int(row, 16),
                                      .compromised_at = db_row_int(row, 17),
                                      .rekey_by = db_row_int(row, 18)};
    TRY(read_texts(row, &authority));
    TRY(db_row_text(row, 1, role, sizeof(role)));
    TRY(db_row_text(row, 8, crl_base, sizeof crl_base));
    if (authority.has_tenant) {
        TRY(db_row_copy(row, 9, authority.tenant.b, sizeof authority.tenant.b));
    }
    return each->fn(&authority, each->arg);
}

err_t authority_rows_each(struct db_tx *tx, authority_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_EACH, NULL, 0, on_each, &each);
}

err_t authority_rows_find(struct db_tx *tx, const char *id, authority_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_find(tx, SQL_FIND, DB_VALUES(DB_T(id)), on_each, &each, "authority");
}

err_t authority_rows_list(struct db_tx *tx, const struct uuid *tenant, const struct row_window *window,
                          authority_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST, DB_VALUES(db_text(window->after), DB_I(window->limit), db_uuid(tenant)),
                  on_each, &each);
}

static err_t read_number(const struct db_row *row, void *arg)
{
    int64_t *out = arg;
    *out = db_row_int(row, 0);
    return OK;
}

err_t authority_rows_read_change(struct db_tx *tx, int64_t *out)
{
    *out = 0;
    return db_run(tx, SQL_CHANGE, NULL, 0, read_number, out);
}

static err_t read_loss(const struct db_row *row, void *arg)
{
    *(struct authority_loss *)arg = (struct authority_loss){db_row_int(row, 0), db_row_int(row, 1)};
    return OK;
}

err_t authority_rows_find_loss(struct db_tx *tx, const char *id, struct authority_loss *out)
{
    *out = (struct authority_loss){.compromised_at = 0};
    return db_run(tx, SQL_LOSS, DB_VALUES(DB_T(id)), read_loss, out);
}
