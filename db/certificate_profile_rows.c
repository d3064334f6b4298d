/* Rows of certificate profiles: statements and reading. No rules here. */
#include "db/certificate_profile_rows.h"

#include "db/row_values.h"

#define COLUMNS         "tenant, name, version, created_at, updated_at, deleted_at, ver"
#define VERSION_COLUMNS "version, body, actor, created_at"

static const char SQL_INSERT[] =
    "INSERT INTO certificate_profile (" COLUMNS
    ") VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, name) DO NOTHING";
static const char SQL_UPDATE[] = "UPDATE certificate_profile SET version = $3, updated_at = $4, deleted_at = "
                                 "$5, ver = $6 WHERE tenant = $1 AND name = $2";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM certificate_profile WHERE tenant = $1 AND name = $2";
static const char SQL_LIST[] = "SELECT " COLUMNS " FROM certificate_profile WHERE tenant = $1 AND name > $2 "
                               "AND deleted_at IS NULL ORDER BY name LIMIT $3";
static const char SQL_INSERT_VERSION[] =
    "INSERT INTO certificate_profile_version (tenant, name, " VERSION_COLUMNS
    ") VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, name, version) DO NOTHING";
static const char SQL_FIND_VERSION[] =
    "SELECT " VERSION_COLUMNS
    " FROM certificate_profile_version WHERE tenant = $1 AND name = $2 AND version = $3";
static const char SQL_LIST_VERSIONS[] =
    "SELECT " VERSION_COLUMNS " FROM certificate_profile_version WHERE tenant = $1 AND name = $2 AND version "
    "> $3 ORDER BY version LIMIT $4";

static err_t read_row(const struct db_row *row, void *arg)
{
    struct certificate_profile_row *out = arg;
    *out = (struct certificate_profile_row){.version = db_row_int(row, 2),
                                            .created_at = db_row_int(row, 3),
                                            .updated_at = db_row_int(row, 4),
                                            .deleted_at = db_row_int(row, 5), /* NULL reads as 0 */
                                            .ver = db_row_int(row, 6)};
    TRY(db_row_copy(row, 0, out->tenant.b, sizeof out->tenant.b));
    return db_row_text(row, 1, out->name, sizeof out->name);
}

err_t certificate_profile_rows_find(struct db_tx *tx, struct uuid tenant, struct bytes name,
                                    struct certificate_profile_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&tenant), db_text(name)), read_row, out,
                   "certificate profile");
}

err_t certificate_profile_rows_insert(struct db_tx *tx, const struct certificate_profile_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(db_uuid(&row->tenant), DB_T(row->name), DB_I(row->version), DB_I(row->created_at),
                            DB_I(row->updated_at), db_time_or_null(row->deleted_at), DB_I(row->ver)),
                  &changes));
    ENSURE(changes == 1, ERR_CONFLICT, "a certificate profile named %s is there already", row->name);
    return OK;
}

err_t certificate_profile_rows_update(struct db_tx *tx, const struct certificate_profile_row *row)
{
    return db_change(tx, SQL_UPDATE,
                     DB_VALUES(db_uuid(&row->tenant), DB_T(row->name), DB_I(row->version),
                               DB_I(row->updated_at), db_time_or_null(row->deleted_at), DB_I(row->ver)),
                     NULL);
}

struct each {
    certificate_profile_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct certificate_profile_row profile;
    TRY(read_row(row, &profile));
    return each->fn(&profile, each->arg);
}

err_t certificate_profile_rows_list(struct db_tx *tx, struct uuid tenant, const struct row_window *window,
                                    certificate_profile_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST, DB_VALUES(db_uuid(&tenant), db_text(window->after), DB_I(window->limit)),
                  on_each, &each);
}

/* --- versions --------------------------------------------------------------------------------------- */

err_t certificate_profile_rows_insert_version(struct db_tx *tx,
                                              const struct certificate_profile_version_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_INSERT_VERSION,
                  DB_VALUES(db_uuid(&row->tenant), DB_T(row->name), DB_I(row->version), db_text(row->body),
                            DB_T(row->actor), DB_I(row->created_at)),
                  &changes));
    ENSURE(changes == 1, ERR_CONFLICT, "version %lld of the certificate profile is there already",
           (long long)row->version);
    return OK;
}

struct each_version {
    const struct certificate_profile_version_row *key;
    certificate_profile_version_fn fn;
    void *arg;
};

static err_t on_version(const struct db_row *row, void *arg)
{
    const struct each_version *each = arg;
    struct certificate_profile_version_row version = {.tenant = each->key->tenant,
                                                      .name = each->key->name,
                                                      .version = db_row_int(row, 0),
                                                      .body = db_row_bytes(row, 1),
                                                      .created_at = db_row_int(row, 3)};
    TRY(db_row_text(row, 2, version.actor, sizeof version.actor));
    return each->fn(&version, each->arg);
}

err_t certificate_profile_rows_find_version(struct db_tx *tx,
                                            const struct certificate_profile_version_row *key,
                                            certificate_profile_version_fn fn, void *arg)
{
    struct each_version each = {key, fn, arg};
    return db_find(tx, SQL_FIND_VERSION,
                   DB_VALUES(db_uuid(&key->tenant), DB_T(key->name), DB_I(key->version)), on_version, &each,
                   "version of this certificate profile");
}

err_t certificate_profile_rows_list_versions(struct db_tx *tx,
                                             const struct certificate_profile_version_row *key, int64_t limit,
                                             certificate_profile_version_fn fn, void *arg)
{
    struct each_version each = {key, fn, arg};
    return db_run(tx, SQL_LIST_VERSIONS,
                  DB_VALUES(db_uuid(&key->tenant), DB_T(key->name), DB_I(key->version), DB_I(limit)),
                  on_version, &each);
}
