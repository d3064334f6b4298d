/* The schema, step by step: each migration and its row in schema_version are one transaction, so a half-done
 * step leaves nothing. Refuses a schema that is newer than this program, and a database that is none of ours.
 * Called by db_open(). */
#include "db/internal.h"

/* The row is made before the step's statements, so that a step that only adds can lower its own min_reader.
 */
static const char table_make[] = "CREATE TABLE schema_version ("
                                 " v INTEGER NOT NULL PRIMARY KEY, min_reader INTEGER NOT NULL,"
                                 " applied_at INTEGER NOT NULL) STRICT";

struct schema {
    int64_t tables; /* of any kind */
    int64_t has_versions;
    int64_t version, min_reader;
};

static err_t tables_row(const struct db_row *row, void *arg)
{
    struct schema *schema = arg;
    schema->tables = db_row_int(row, 0);
    schema->has_versions = db_row_int(row, 1);
    return OK;
}

static err_t version_row(const struct db_row *row, void *arg)
{
    struct schema *schema = arg;
    schema->version = db_row_int(row, 0);
    schema->min_reader = db_row_int(row, 1);
    return OK;
}

static err_t schema_read(struct connection *connection, struct schema *out)
{
    *out = (struct schema){0};
    struct statement_call tables = {
        .sql = "SELECT count(*), coalesce(sum(name = 'schema_version'), 0) FROM sqlite_schema"
               " WHERE type = 'table'",
        .fn = tables_row,
        .arg = out};
    TRY(connection_run(connection, &tables));
    ENSURE(out->has_versions == 1 || out->tables == 0, ERR_DB, "this database is not an inventory of whorld");
    if (out->has_versions == 1) {
        struct statement_call version = {.sql = "SELECT coalesce(max(v), 0), coalesce(max(min_reader), 0)"
                                                " FROM schema_version",
                                         .fn = version_row,
                                         .arg = out};
        TRY(connection_run(connection, &version));
    }
    return OK;
}

static int64_t last_number(const struct migration_list *list)
{
    return list->count > 0 ? list->steps[list->count - 1].number : 0;
}

static err_t step_apply(struct connection *connection, const struct db_migration *step, int64_t now_ms)
{
    if (step->number == 1) {
        TRY(connection_control(connection, table_make));
    }
    const struct db_value values[] = {DB_I(step->number), DB_I(now_ms)};
    struct statement_call note = {
        .sql = "INSERT INTO schema_version (v, min_reader, applied_at) VALUES ($1, $1, $2)",
        .values = values,
        .count = 2};
    TRY(connection_run(connection, &note));
    return connection_script(connection, step->sql);
}

static err_t step_run(struct connection *connection, const struct db_migration *step, int64_t now_ms)
{
    TRY(connection_control(connection, "BEGIN IMMEDIATE"));
    err_t result = step_apply(connection, step, now_ms);
    if (result.code == ERR_OK) {
        return connection_commit(connection);
    }
    connection_rollback(connection);
    if (result.code == ERR_DISK_FULL) {
        return result;
    }
    return ERR(ERR_DB, "migration %s: %s", step->name, result.detail);
}

err_t migrate_run(struct connection *connection, const struct migration_list *list, int64_t now_ms)
{
    struct schema schema;
    TRY(schema_read(connection, &schema));
    int64_t known = last_number(list);
    ENSURE(schema.version <= known, ERR_DB,
           "the inventory has schema %lld, this program knows up to %lld: use a newer whorld",
           (long long)schema.version, (long long)known);
    for (size_t i = 0; i < list->count; i++) {
        ENSURE(list->steps[i].number == (int)i + 1, ERR_INTERNAL, "migration %s has number %d instead of %d",
               list->steps[i].name, list->steps[i].number, (int)i + 1);
        if (list->steps[i].number > schema.version) {
            TRY(step_run(connection, &list->steps[i], now_ms));
        }
    }
    return OK;
}

err_t migrate_pending(struct connection *connection, const struct migration_list *list, int64_t *schema)
{
    struct schema there;
    TRY(schema_read(connection, &there));
    *schema = there.version < last_number(list) ? there.version : 0;
    return OK;
}

err_t migrate_check(struct connection *connection, const struct migration_list *list)
{
    struct schema schema;
    TRY(schema_read(connection, &schema));
    ENSURE(schema.version > 0, ERR_DB, "this database is empty");
    int64_t known = last_number(list);
    ENSURE(schema.min_reader <= known, ERR_DB,
           "the inventory has schema %lld, this program knows up to %lld: use a newer whorld",
           (long long)schema.version, (long long)known);
    ENSURE(schema.version >= known, ERR_DB,
           "the inventory has schema %lld, this program needs %lld: start the server once, it migrates",
           (long long)schema.version, (long long)known);
    return OK;
}
