/* One SQLite connection: how it is opened and closed, its settings, its checkpoints, and what its errors mean
 * to the rest. Statements are in sqlite_statement.c. Called by the writer, the readers and db.c. */
#include "db/sqlite.h"

#include <stdlib.h>
#include <unistd.h>

enum {
    BUSY_TIMEOUT_MS = 10000, /* a stranger at the file: a tool, sqlite3's shell */
    RESTART_TIMEOUT_MS = 200 /* how long the writer waits for readers to leave the WAL */
};

/* mmap stays off: through a mapping an I/O error is a SIGBUS, and its pages count as ours. The kernel's page
 * cache serves the readers; each keeps only the upper pages of the trees that it walks. */
static const char settings_common[] =
    "PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;"
    "PRAGMA foreign_keys = OFF; PRAGMA synchronous = FULL;";
static const char settings_write[] = "PRAGMA cache_size = -16384; PRAGMA journal_size_limit = 67108864;";
static const char settings_read[] = "PRAGMA cache_size = -512; PRAGMA query_only = ON;";

void sqlite_exit_unsafe(struct connection *connection, const char *what)
{
    LOG(connection->log, LOG_ERROR, "database_unsafe", LOG_STR("step", what),
        LOG_STR("reason", sqlite3_errmsg(connection->handle)),
        LOG_INT("sqlite_code", sqlite3_extended_errcode(connection->handle)),
        LOG_STR("action", "the process ends; start it again when the disk is well"));
    _exit(DB_EXIT_UNSAFE);
}

err_t sqlite_error(struct connection *connection, const char *what)
{
    int code = sqlite3_extended_errcode(connection->handle);
    if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) {
        sqlite_exit_unsafe(connection, what);
    }
    if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY) {
        /* shown to callers: no table, no column */
        return ERR(ERR_CONFLICT, "there is one with this name or key already");
    }
    if ((code & 0xff) == SQLITE_FULL) {
        return ERR(ERR_DISK_FULL, "%s: %s", what, sqlite3_errmsg(connection->handle));
    }
    return ERR(ERR_DB, "%s: %s (%d)", what, sqlite3_errmsg(connection->handle), code);
}

static int note_wal_pages(void *context, sqlite3 *handle, const char *schema, int pages)
{
    (void)handle;
    (void)schema;
    struct connection *connection = context;
    connection->wal_pages = pages;
    return SQLITE_OK;
}

static err_t expect_wal(const struct db_row *row, void *arg)
{
    (void)arg;
    char mode[16];
    TRY(db_row_text(row, 0, mode, sizeof mode));
    ENSURE(bytes_is(bytes_str(mode), "wal"), ERR_DB, "the file system cannot hold a WAL (journal mode is %s)",
           mode);
    return OK;
}

static err_t set_up(struct connection *connection, enum connection_use use)
{
    sqlite3 *handle = connection->handle;
    (void)sqlite3_extended_result_codes(handle, 1);
    (void)sqlite3_busy_timeout(handle, BUSY_TIMEOUT_MS);
    /* "x" is a column or an error, never text; the schema's own tables are not written by hand */
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (use != CONNECTION_READ_FILE) {
        TRY(connection_run(connection,
                           &(struct statement_call){.sql = "PRAGMA journal_mode = WAL", .fn = expect_wal}));
    }
    TRY(connection_script(connection, settings_common));
    bool is_reader = use == CONNECTION_READ || use == CONNECTION_READ_FILE;
    TRY(connection_script(connection, is_reader ? settings_read : settings_write));
    /* the hook takes the place of SQLite's automatic checkpoint, whose errors COMMIT would not report */
    (void)sqlite3_wal_hook(handle, note_wal_pages, connection);
    return OK;
}

err_t connection_open(const struct db_options *options, enum connection_use use, struct connection **out)
{
    *out = NULL;
    AUTO_PTR(connection) *connection = calloc(1, sizeof *connection);
    ENSURE(connection != NULL, ERR_NO_MEMORY, "a connection");
    connection->log = options->log;
    int flags = SQLITE_OPEN_NOMUTEX;
    flags |= use == CONNECTION_READ_FILE ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    flags |= use == CONNECTION_WRITE ? SQLITE_OPEN_CREATE : 0;
    if (sqlite3_open_v2(options->path, &connection->handle, flags, options->vfs) != SQLITE_OK) {
        ENSURE(connection->handle != NULL, ERR_NO_MEMORY, "a connection");
        return sqlite_error(connection, options->path);
    }
    TRY(set_up(connection, use));
    *out = TAKE(connection);
    return OK;
}

void connection_free(struct connection *connection)
{
    if (connection == NULL) {
        return;
    }
    sqlite_statements_free(connection);
    (void)sqlite3_close(connection->handle);
    free(connection);
}

err_t connection_checkpoint(struct connection *connection, enum checkpoint_mode mode, bool *is_whole)
{
    static const int modes[] = {[CHECKPOINT_PASSIVE] = SQLITE_CHECKPOINT_PASSIVE,
                                [CHECKPOINT_RESTART] = SQLITE_CHECKPOINT_RESTART,
                                [CHECKPOINT_TRUNCATE] = SQLITE_CHECKPOINT_TRUNCATE};
    int pages = 0;
    int copied = 0;
    *is_whole = false;
    (void)sqlite3_busy_timeout(connection->handle, RESTART_TIMEOUT_MS);
    int code = sqlite3_wal_checkpoint_v2(connection->handle, NULL, modes[mode], &pages, &copied);
    (void)sqlite3_busy_timeout(connection->handle, BUSY_TIMEOUT_MS);
    if ((code & 0xff) == SQLITE_BUSY) {
        return OK; /* a reader holds an old snapshot, or another checkpoint runs: the next one goes on */
    }
    if (code != SQLITE_OK) {
        return sqlite_error(connection, "checkpoint");
    }
    *is_whole = pages == copied;
    return OK;
}

bool connection_in_transaction(const struct connection *connection)
{
    return sqlite3_get_autocommit(connection->handle) == 0;
}

int64_t connection_wal_pages(const struct connection *connection)
{
    return connection->wal_pages;
}
