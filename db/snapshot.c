/* Snapshots: room first, then one read transaction around the copy. Checks of copies, whoever made them. */
#include "db/snapshot.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "db/snapshot_internal.h"

/* What a server beside it needs while it goes on: a copy that took the last page would stop it. */
static const int64_t ROOM_LEFT = 16 << 20;

static err_t take_int(const struct db_row *row, void *arg)
{
    *(int64_t *)arg = db_row_int(row, 0);
    return OK;
}

static err_t pragma_int(struct connection *connection, const char *sql, int64_t *out)
{
    return connection_run(connection, &(struct statement_call){.sql = sql, .fn = take_int, .arg = out});
}

static err_t folder_of(const char *path, char **out)
{
    const char *slash = strrchr(path, '/');
    *out = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "a path");
    return OK;
}

static err_t check_room(struct connection *connection, const char *path)
{
    int64_t pages = 0;
    int64_t page_size = 0;
    int64_t room = 0;
    AUTO(char) *folder = NULL;
    TRY(folder_of(path, &folder));
    TRY(pragma_int(connection, "PRAGMA page_count", &pages));
    TRY(pragma_int(connection, "PRAGMA page_size", &page_size));
    TRY(folder_room(folder, &room));
    int64_t needed = pages * page_size + ROOM_LEFT;
    ENSURE(room >= needed, ERR_DISK_FULL,
           "a copy of the inventory needs %lld MiB in %.60s, and %lld MiB are free: make room",
           (long long)(needed >> 20), folder, (long long)(room >> 20));
    return OK;
}

static err_t copy_moment(struct connection *connection, const char *path)
{
    int64_t schema = 0;
    /* the first read fixes the moment */
    TRY(pragma_int(connection, "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_version'", &schema));
    ENSURE(schema == 1, ERR_DB, "this database is not an inventory of whorld");
    TRY(check_room(connection, path));
    return connection_copy(connection, path);
}

err_t snapshot_of(struct connection *connection, const char *path)
{
    TRY(connection_control(connection, "BEGIN"));
    err_t error = copy_moment(connection, path);
    connection_rollback(connection);
    return error;
}

err_t db_snapshot_make(const struct db_options *from, const char *to)
{
    AUTO_PTR(connection) *connection = NULL;
    TRY(connection_open(from, CONNECTION_READ_FILE, &connection));
    return snapshot_of(connection, to);
}

static err_t check_row(const struct db_row *row, void *arg)
{
    (void)arg;
    struct bytes text = db_row_bytes(row, 0);
    ENSURE(bytes_is(text, "ok"), ERR_DB, "%.*s", (int)(text.n < 120 ? text.n : 120), (const char *)text.p);
    return OK;
}

static err_t check_copy(struct connection *connection, struct db_snapshot_facts *out)
{
    int64_t has_versions = 0;
    TRY(pragma_int(connection, "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_version'",
                   &has_versions));
    ENSURE(has_versions == 1, ERR_DB, "this database is not an inventory of whorld");
    TRY(pragma_int(connection, "SELECT coalesce(max(v), 0) FROM schema_version", &out->schema));
    int64_t known = (int64_t)db_migrations_sqlite_count;
    ENSURE(out->schema >= 1 && out->schema <= known, ERR_DB,
           "the inventory has schema %lld, this program knows up to %lld: use a newer whorld",
           (long long)out->schema, (long long)known);
    return connection_run(connection,
                          &(struct statement_call){.sql = "PRAGMA quick_check(1)", .fn = check_row});
}

err_t db_snapshot_check(const struct db_options *file, struct db_snapshot_facts *out)
{
    *out = (struct db_snapshot_facts){.schema = 0};
    AUTO_PTR(connection) *connection = NULL;
    TRY(connection_open(file, CONNECTION_READ_FILE, &connection));
    return check_copy(connection, out);
}
