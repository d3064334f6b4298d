/* The inventory's engine: transactions as closures, statements, rows. Knows no device and no meaning of a row
 * (those are in the *_rows.h files beside it). sqlite3.h is included by db/sqlite* only; PostgreSQL becomes a
 * second set of those.
 *
 * Writes: db_write() hands a closure to the engine. On SQLite one writer thread takes all waiting closures,
 * runs each in a savepoint, commits once (WAL, synchronous=FULL) and wakes their callers: many enrolments
 * share one fsync. A closure may be RUN AGAIN (a full disk rolls the whole batch back; 40001 on PostgreSQL),
 * so it does nothing but SQL through its transaction and writes results only through `arg`. When db_write()
 * returns OK, the change is durable. */
#ifndef WHORL_DB_DB_H
#define WHORL_DB_DB_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/encoding.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/ports.h"
#include "base/trace_table.h"

struct db;    /* an open inventory; shared by threads */
struct db_tx; /* a running transaction; belongs to one thread */

/* What to do with a journal that knows more than the inventory (db/journal.h): this is an older copy. */
enum journal_mode {
    JOURNAL_REFUSE,
    JOURNAL_BRING,  /* replay what is missing */
    JOURNAL_ACCEPT, /* go on without; also without a journal that is lost or broken */
};
struct journal_entry;
struct journal_report;
struct journal_options {
    const char *folder; /* NULL: no journal is kept */
    enum journal_mode mode;
    /* Of JOURNAL_BRING: applies one entry, in the transaction of the epoch, all of them or none. Epochs and
     * CRL numbers are raised by the engine itself. */
    err_t (*replay)(struct db_tx *tx, const struct journal_entry *entry, void *arg);
    void *arg;
    struct journal_report *missing; /* filled with what was missing; or NULL */
    size_t segment_size;            /* 0: the usual; tests make short ones */
};

struct db_options {
    const char *path;          /* of the SQLite file */
    const char *node_name;     /* names this node's epochs and its audit chain */
    const struct clock *clock; /* borrowed for the life of the db */
    const struct random *random;
    struct log *log;
    struct trace_table *traces; /* of the requests that write, for db_tx_trace(); NULL: none have one */
    int read_connections;       /* at least 1; one per worker is best */
    int queue_limit;            /* closures that may wait; more is ERR_BUSY */
    const char *vfs;            /* NULL: SQLite's own; tests name a shim */
    bool is_read_only;          /* `check`, `audit verify`: no migration, no writer, no node epoch */
    int lock_wait_ms; /* how long to wait for another process that is this node; 0 refuses at once */
    const char *before_migration;   /* folder for copies of what a migration changes; NULL: none are made */
    struct journal_options journal; /* not of a read-only one */
};

/** Opens, migrates, takes a new node epoch. Holds the lock file "<path>.<node>.lock" until db_close, so that
 * a second process of the same node is refused; another node (a command beside the server) may write too, and
 * has audit chains of its own. The texts of `options` are borrowed during the call; clock, random, log and
 * traces until db_close.
 *  @errors ERR_CONFLICT when another process is this node, ERR_WRONG_STATE the journal knows more than this
 * inventory, ERR_IO the lock file, ERR_DB (of the journal too: broken, or of another server), ERR_DISK_FULL
 * @thread init */
err_t db_open(const struct db_options *options, struct db **out);
/** Runs what is queued, waits for its callers, checkpoints, closes. No read may be running. @thread init */
void db_close(struct db *db);
DEFINE_AUTO_PTR(db, db_close);

/** The name of this node, as it was opened. @thread any */
const char *db_node_name(const struct db *db);

typedef err_t (*db_fn)(struct db_tx *tx, void *arg);

/** Runs `fn` in a durable write transaction. An error from `fn` rolls its savepoint back and is returned as
 * it is. An I/O error at commit ends the process with status 70: what is durable is then unknown.
 *  @errors of fn; ERR_BUSY queue full; ERR_DISK_FULL (nothing written); ERR_DB; ERR_UNAVAILABLE when closing
 *  @thread worker (blocks); never from inside a closure */
err_t db_write(struct db *db, db_fn fn, void *arg);
/** Runs `fn` on a read connection in one snapshot. @thread worker (blocks) */
err_t db_read(struct db *db, db_fn fn, void *arg);

/** `fn` is called after the commits of this process (one call may stand for many), by the writer: it returns
 * at once, and calls nothing here. NULL: nobody any more. When this returns, the former one does not run.
 * @thread init */
void db_watch(struct db *db, void (*fn)(void *context), void *context);

/** `fn` is told what transactions said by db_tx_tell(), by the writer: after their commit and before their
 * db_write() returns, so that memory is right when an answer is given. It returns at once, and calls nothing
 * here. NULL: nobody any more. When this returns, the former one does not run. @thread init */
void db_listen(struct db *db, void (*fn)(void *context, struct bytes what), void *context);
/** Says something to the listener, if this transaction is committed: up to 255 bytes, copied. @errors
 * ERR_NO_MEMORY, ERR_INTERNAL in a read @thread of tx */
err_t db_tx_tell(struct db_tx *tx, struct bytes what);

/* --- statements: text that both engines take, parameters $1 … $n, bound by name on SQLite --- */

struct db_value {
    enum { DB_NULL, DB_INT, DB_BLOB, DB_TEXT } kind;
    int64_t number;
    struct bytes bytes; /* borrowed until the call returns */
};
#define DB_I(n_)     ((struct db_value){.kind = DB_INT, .number = (int64_t)(n_)})
#define DB_B(p_, n_) ((struct db_value){.kind = DB_BLOB, .bytes = {(const uint8_t *)(p_), (n_)}})
#define DB_BYTES(s_) ((struct db_value){.kind = DB_BLOB, .bytes = (s_)})
#define DB_T(text_)  ((struct db_value){.kind = DB_TEXT, .bytes = bytes_str(text_)})
#define DB_N         ((struct db_value){.kind = DB_NULL})

struct db_row; /* valid inside the callback only */
/** One row of a result; return an error to stop. */
typedef err_t (*db_row_fn)(const struct db_row *row, void *arg);

int64_t db_row_int(const struct db_row *row, int column);
/** Borrowed until the callback returns; BYTES_NONE for NULL. */
struct bytes db_row_bytes(const struct db_row *row, int column);
bool db_row_is_null(const struct db_row *row, int column);
/** Copies exactly `size` bytes. @errors ERR_DB when the stored length differs */
err_t db_row_copy(const struct db_row *row, int column, void *out, size_t size);
/** Text or blob into a fixed array with a NUL, cut never. @errors ERR_DB when it does not fit */
err_t db_row_text(const struct db_row *row, int column, char *out, size_t size);

/** Runs a statement (`sql` is static text: prepared once per connection and kept by its address). Every
 * result row is passed to `fn` (NULL: rows are dropped) and the statement is stepped to its end.
 *  @errors ERR_CONFLICT unique constraint, ERR_DISK_FULL, ERR_DB, of fn @thread of tx */
err_t db_run(struct db_tx *tx, const char *sql, const struct db_value *values, size_t count, db_row_fn fn,
             void *arg);
/** The same without rows. @param[out] changes rows changed, or NULL */
err_t db_change(struct db_tx *tx, const char *sql, const struct db_value *values, size_t count,
                int64_t *changes);
#define DB_VALUES(...)                                                                                       \
    (const struct db_value[]){__VA_ARGS__},                                                                  \
        sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value)

/** The time of the transaction, the same for all of its statements (Unix ms). */
int64_t db_tx_now_ms(const struct db_tx *tx);
/** The trace of a request that runs, found by its id. @return false: it has none, or is none @thread of tx */
bool db_tx_trace(const struct db_tx *tx, const char *request_id, struct trace *out);
/** A version 7 UUID of the transaction's clock. */
err_t db_tx_uuid(struct db_tx *tx, struct uuid *out);

/* --- audit: written in the transaction that it describes; hash-chained per (node, epoch, lane)
 * --------------------------- */

struct audit_entry {
    const char *kind;          /* "device.enrolled", … */
    const char *result;        /* "ok", "refused", … */
    const char *actor;         /* "token:<id>", "device:<id>", "whorld", … */
    const char *request_id;    /* or "" */
    const struct uuid *tenant; /* or NULL */
    const uint8_t *device_id;  /* 32 bytes, or NULL */
    const char *body;          /* a JSON object, compact; "{}" when there is nothing more */
    int64_t feed;              /* its number in the tenant's feed (db/feed_rows.h), or 0: in none */
};
/** Appends a record to this node's chain, hashed as db/audit_hash.h says. The head is restored when the
 * savepoint is rolled back. @thread of tx (write) */
err_t audit_append(struct db_tx *tx, const struct audit_entry *entry);

struct audit_report {
    int64_t records, chains;
    char first_bad[160]; /* "" when the chain verifies */
};
/** Reads the whole log and checks each link, the first record of each epoch (which names the last hash of the
 * epoch before), and that the numbers have no gap. @errors ERR_DB; a bad chain is a report, not an error
 * @thread worker */
err_t audit_verify(struct db *db, struct audit_report *out);

/* --- figures, for /metrics and tests
 * -------------------------------------------------------------------------------------- */
struct db_stats {
    int64_t commits, closures, largest_group, queue_depth, rollbacks;
};
void db_stats_read(struct db *db, struct db_stats *out);
/** All figures of commits and of the journal, as OpenMetrics text. @thread any */
err_t db_write_metrics(struct db *db, struct buf *out);
/** Version of the SQLite that this program runs on. @thread any */
const char *db_engine_version(void);
/** Those commits alone: raised after each, before the callers of db_write() hear of it. @thread any */
int64_t db_commits(const struct db *db);

/** Checkpoints the WAL off the writer; a job calls it. @thread worker */
err_t db_checkpoint(struct db *db);
/** PRAGMA quick_check and schema version, for `whorld check`. @errors ERR_DB with what is wrong */
err_t db_self_check(struct db *db);

#endif
