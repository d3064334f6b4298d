/* What the files of the engine share and nobody outside db/ sees: the connection (opaque here; db/sqlite.h
 * has its inside), a transaction, the writer, the readers, and the steps of db_open. Tests of the engine
 * include it too. */
#ifndef WHORL_DB_INTERNAL_H
#define WHORL_DB_INTERNAL_H

#include "db/audit_hash.h"
#include "db/db.h"
#include "db/migrations.h"

/* --- one connection: one thread at a time --- */

struct connection;

enum connection_use {
    CONNECTION_WRITE,     /* makes the file, sets WAL, keeps the log of the WAL's length */
    CONNECTION_READ,      /* of a server: refuses to write */
    CONNECTION_READ_FILE, /* of a tool beside a server: opens the file read-only */
    CONNECTION_CHECKPOINT
};

struct statement_call {
    const char *sql;
    const struct db_value *values;
    size_t count;
    db_row_fn fn; /* NULL: rows are dropped */
    void *arg;
    int64_t *changes; /* NULL: not wanted */
};

err_t connection_open(const struct db_options *options, enum connection_use use, struct connection **out);
void connection_free(struct connection *connection);
DEFINE_AUTO_PTR(connection, connection_free);

/** Prepares (or finds) the statement, binds by name, steps to the end, resets. */
err_t connection_run(struct connection *connection, const struct statement_call *call);
/** A statement without values and rows: BEGIN, SAVEPOINT, PRAGMA. */
err_t connection_control(struct connection *connection, const char *sql);
/** Many statements in one text, not kept: migrations. */
err_t connection_script(struct connection *connection, const char *sql);
/** COMMIT. An I/O error here ends the process with DB_EXIT_UNSAFE: what is durable is then unknown, and fsync
 * is never retried. After any other error the transaction is rolled back. @errors ERR_DISK_FULL, ERR_DB */
err_t connection_commit(struct connection *connection);
/** Ends a transaction if one is open. */
void connection_rollback(struct connection *connection);
/** False also when SQLite rolled the transaction back by itself (a full disk, an I/O error, no memory). */
bool connection_in_transaction(const struct connection *connection);
/** Pages in the WAL after the last commit of this connection. */
int64_t connection_wal_pages(const struct connection *connection);

enum checkpoint_mode {
    CHECKPOINT_PASSIVE, /* copies what it can, waits for nobody */
    CHECKPOINT_RESTART, /* also waits a little for readers, so that the WAL starts again */
    CHECKPOINT_TRUNCATE /* also empties the file: at the end */
};
/** @param[out] is_whole whether all of the WAL was copied @errors ERR_DISK_FULL, ERR_DB; a failed fsync ends
 * the process */
err_t connection_checkpoint(struct connection *connection, enum checkpoint_mode mode, bool *is_whole);

enum { DB_EXIT_UNSAFE = 70 };

/* --- what transactions tell after their commit (db_tx_tell) --- */

struct notices;
err_t notices_new(struct notices **out);
void notices_free(struct notices *notices);
DEFINE_AUTO_PTR(notices, notices_free);
void notices_listen(struct notices *notices, void (*fn)(void *context, struct bytes what), void *context);
/* of the writer's thread: what was told so far; forget what was told since; hand over all of it */
size_t notices_mark(const struct notices *notices);
void notices_drop(struct notices *notices, size_t mark);
void notices_deliver(struct notices *notices);

/* --- a transaction --- */

/* The end of this node's audit chain; the next record links to it. */
struct audit_head {
    struct uuid node;
    int64_t epoch, seq;
    struct sha256 hash;
};
enum { AUDIT_LANE = 0 }; /* SQLite has one writer, so one lane */
/* The body of a node.started that follows on lost ones (db/node.c, db/audit_verify.c). */
#define AUDIT_LOST_EPOCHS "{\"lost_epochs\":%lld}"

struct journal;

struct db_tx {
    struct connection *connection;
    const struct db_options *options; /* clock, random */
    struct audit_head *head;          /* NULL in a read */
    struct notices *notices;          /* NULL in a read */
    struct journal *journal;          /* NULL: none is kept, or this is a read */
    int64_t now_ms;
    bool is_lost; /* the engine rolled the transaction back under the closure: nothing more may run in it */
    err_t lost;
};

/* --- the parts of an open inventory --- */

struct writer;
/** Starts the thread. Consumes `connection` always. @param options borrowed, and journal */
err_t writer_take(struct connection *connection, const struct db_options *options,
                  const struct audit_head *head, struct journal *journal, struct writer **out);
/** Runs what is queued, stops the thread, closes the connection. */
void writer_free(struct writer *writer);
DEFINE_AUTO_PTR(writer, writer_free);
err_t writer_run(struct writer *writer, db_fn fn, void *arg);
void writer_watch(struct writer *writer, void (*fn)(void *context), void *context);
struct notices *writer_notices(struct writer *writer);
void writer_stats(struct writer *writer, struct db_stats *out);
int64_t writer_commits(const struct writer *writer);
err_t writer_write_metrics(struct writer *writer, struct buf *out);

struct readers;
err_t readers_new(const struct db_options *options, struct readers **out);
void readers_free(struct readers *readers);
DEFINE_AUTO_PTR(readers, readers_free);
err_t readers_run(struct readers *readers, db_fn fn, void *arg);

/** flock() on "<path>.<node>.lock". @errors ERR_CONFLICT naming the process that holds it, ERR_IO */
err_t lock_take(const struct db_options *options, int *out_fd);
void lock_release(int fd);

struct migration_list {
    const struct db_migration *steps;
    size_t count;
};
/** Brings the schema to the last step, each step in a transaction of its own. @errors ERR_DB newer or foreign
 * schema */
err_t migrate_run(struct connection *connection, const struct migration_list *list, int64_t now_ms);
/** @param[out] schema that of an inventory on which steps are yet to run; 0 when there are none, or no schema
 * yet */
err_t migrate_pending(struct connection *connection, const struct migration_list *list, int64_t *schema);
/** For a reader: the schema is one that this program can read. @errors ERR_DB */
err_t migrate_check(struct connection *connection, const struct migration_list *list);

/** Takes the next epoch of this node and writes the first audit record of its chain. */
err_t node_start(struct connection *connection, const struct db_options *options, struct journal *journal,
                 struct audit_head *out);

#endif
