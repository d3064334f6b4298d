/* The open inventory: builds its parts in order (lock, schema, journal, node, writer, readers), hands
 * closures to them, and takes them down in reverse. Holds no SQL but the checks for `whorld check`. */
#include "db/journal_engine.h"
#include "db/snapshot_internal.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NODE_NAME_SIZE = 64 };

struct db {
    struct db_options options;
    char node_name[NODE_NAME_SIZE];
    int lock_fd;
    struct journal *journal;         /* NULL: none is kept */
    struct writer *writer;           /* NULL in a read-only one */
    struct connection *checkpointer; /* NULL in a read-only one */
    pthread_mutex_t checkpoint_mutex;
    struct readers *readers;
};

static struct migration_list migrations_of_program(void)
{
    return (struct migration_list){.steps = db_migrations_sqlite, .count = db_migrations_sqlite_count};
}

/* SQLite would make the file with mode 0644. The WAL takes the mode of the file. A file that is there already
 * is not opened: closing it would drop the POSIX locks of other connections of this process. */
static void file_make_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        (void)close(fd); /* when it could not be made, opening it says why */
    }
}

static err_t open_writer(struct db *db)
{
    const struct db_options *options = &db->options;
    TRY(lock_take(options, &db->lock_fd));
    file_make_private(options->path);
    AUTO_PTR(connection) *connection = NULL;
    TRY(connection_open(options, CONNECTION_WRITE, &connection));
    struct migration_list migrations = migrations_of_program();
    TRY(before_migration_keep(connection, options, &migrations));
    TRY(migrate_run(connection, &migrations, clock_now_ms(options->clock)));
    TRY(options->journal.folder != NULL ? journal_open(connection, options, &db->journal) : OK);
    struct audit_head head;
    TRY(node_start(connection, options, db->journal, &head));
    TRY(connection_open(options, CONNECTION_CHECKPOINT, &db->checkpointer));
    return writer_take(TAKE(connection), options, &head, db->journal, &db->writer);
}

static err_t check_schema(const struct db_options *options)
{
    AUTO_PTR(connection) *connection = NULL;
    TRY(connection_open(options, CONNECTION_READ_FILE, &connection));
    struct migration_list migrations = migrations_of_program();
    return migrate_check(connection, &migrations);
}

err_t db_open(const struct db_options *options, struct db **out)
{
    *out = NULL;
    AUTO_PTR(db) *db = calloc(1, sizeof *db);
    ENSURE(db != NULL, ERR_NO_MEMORY, "the inventory");
    db->options = *options;
    db->lock_fd = -1;
    ENSURE(strlen(options->node_name) < sizeof db->node_name, ERR_UNPROCESSABLE,
           "the name of the node is too long");
    (void)memcpy(db->node_name, options->node_name, strlen(options->node_name) + 1);
    (void)pthread_mutex_init(&db->checkpoint_mutex, NULL);
    if (options->is_read_only) {
        TRY(check_schema(&db->options));
    } else {
        TRY(open_writer(db));
    }
    TRY(readers_new(&db->options, &db->readers));
    *out = TAKE(db);
    return OK;
}

void db_close(struct db *db)
{
    if (db == NULL) {
        return;
    }
    readers_free(db->readers);
    connection_free(db->checkpointer);
    writer_free(db->writer); /* after them: it is the last to close, and leaves no WAL behind */
    journal_free(db->journal);
    (void)pthread_mutex_destroy(&db->checkpoint_mutex);
    lock_release(db->lock_fd);
    free(db);
}

const char *db_node_name(const struct db *db)
{
    return db->node_name;
}

err_t db_write(struct db *db, db_fn fn, void *arg)
{
    ENSURE(db->writer != NULL, ERR_INTERNAL, "a write to an inventory that was opened for reading");
    return writer_run(db->writer, fn, arg);
}

err_t db_read(struct db *db, db_fn fn, void *arg)
{
    return readers_run(db->readers, fn, arg);
}

void db_watch(struct db *db, void (*fn)(void *context), void *context)
{
    if (db->writer != NULL) {
        writer_watch(db->writer, fn, context);
    }
}

void db_listen(struct db *db, void (*fn)(void *context, struct bytes what), void *context)
{
    if (db->writer != NULL) {
        notices_listen(writer_notices(db->writer), fn, context);
    }
}

int64_t db_commits(const struct db *db)
{
    return db->writer != NULL ? writer_commits(db->writer) : 0;
}

void db_stats_read(struct db *db, struct db_stats *out)
{
    *out = (struct db_stats){0};
    if (db->writer != NULL) {
        writer_stats(db->writer, out);
    }
}

err_t db_write_metrics(struct db *db, struct buf *out)
{
    TRY(db->writer != NULL ? writer_write_metrics(db->writer, out) : OK);
    return journal_write_metrics(db->journal, out);
}

err_t db_checkpoint(struct db *db)
{
    ENSURE(db->checkpointer != NULL, ERR_INTERNAL,
           "a checkpoint of an inventory that was opened for reading");
    bool is_whole = false;
    (void)pthread_mutex_lock(&db->checkpoint_mutex);
    err_t result = connection_checkpoint(db->checkpointer, CHECKPOINT_PASSIVE, &is_whole);
    (void)pthread_mutex_unlock(&db->checkpoint_mutex);
    return result;
}

static err_t check_row(const struct db_row *row, void *arg)
{
    (void)arg;
    struct bytes text = db_row_bytes(row, 0);
    ENSURE(bytes_is(text, "ok"), ERR_DB, "%.*s", (int)(text.n < 120 ? text.n : 120), (const char *)text.p);
    return OK;
}

static err_t self_check(struct db_tx *tx, void *arg)
{
    const struct migration_list *migrations = arg;
    TRY(migrate_check(tx->connection, migrations));
    return db_run(tx, "PRAGMA quick_check(1)", NULL, 0, check_row, NULL);
}

err_t db_self_check(struct db *db)
{
    struct migration_list migrations = migrations_of_program();
    return db_read(db, self_check, &migrations);
}
