/* Group commit: one thread owns the writing connection, takes all closures that wait, runs each in a
 * savepoint, commits once and wakes their callers. Knows no table. db_write() comes here.
 *
 * When SQLite rolls the whole transaction back under one closure (a full disk), that closure alone is
 * answered; the others of its group, also those that had failed by what they then saw, run again. */
#include "db/figures.h"
#include "db/internal.h"
#include "db/journal_engine.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum {
    GROUP_LIMIT = 256, /* closures in one commit: bounds what the first of them waits for */
    WAL_PAGES_STEP =
        16384 /* 64 MiB: beyond it the writer checkpoints by itself; the job should have come long before */
};

/* A caller that waits, on its own stack. */
struct request {
    db_fn fn;
    void *arg;
    err_t result;
    bool is_decided; /* its transaction was lost: it does not run again with its group */
    bool is_done;
    pthread_cond_t done;
    struct request *next;
};

struct writer {
    struct connection *connection; /* of the thread */
    const struct db_options *options;
    struct audit_head head; /* of the thread */
    struct notices *notices;
    struct journal *journal; /* of the thread; NULL: none */
    int64_t wal_pages_limit; /* of the thread */
    pthread_t thread;
    pthread_mutex_t mutex; /* guards the queue and the requests' is_done */
    pthread_cond_t wake;
    struct request *first, *last;
    int waiting;
    int callers; /* inside writer_run(): writer_free() must outlive them */
    pthread_cond_t left;
    bool is_stopping;
    pthread_mutex_t watcher_mutex; /* held while it runs */
    void (*watcher)(void *context);
    void *watcher_context;
    struct commit_figures figures;
};

/* --- one closure --- */

static err_t closure_call(struct writer *writer, const struct request *request)
{
    struct db_tx tx = {.connection = writer->connection,
                       .options = writer->options,
                       .head = &writer->head,
                       .notices = writer->notices,
                       .journal = writer->journal,
                       .now_ms = clock_now_ms(writer->options->clock)};
    TRY(connection_control(writer->connection, "SAVEPOINT closure"));
    err_t result = request->fn(&tx, request->arg);
    if (tx.is_lost) {
        return tx.lost;
    }
    ENSURE(connection_in_transaction(writer->connection), ERR_INTERNAL, "a closure ended its transaction");
    if (result.code == ERR_OK) {
        TRY(connection_control(writer->connection, "RELEASE closure"));
    }
    return result;
}

/* The ends of both chains, and of what is to be told. */
struct ends {
    struct audit_head head;
    struct journal_mark mark;
    size_t told;
};

static struct ends ends_now(const struct writer *writer)
{
    return (struct ends){
        .head = writer->head, .mark = journal_mark(writer->journal), .told = notices_mark(writer->notices)};
}

static void ends_restore(struct writer *writer, const struct ends *before)
{
    writer->head = before->head;
    journal_reset(writer->journal, &before->mark);
    notices_drop(writer->notices, before->told);
}

/* A closure that fails leaves nothing: neither rows nor its links of the chains. */
static void closure_run(struct writer *writer, struct request *request)
{
    struct ends before = ends_now(writer);
    request->result = closure_call(writer, request);
    if (request->result.code == ERR_OK) {
        return;
    }
    ends_restore(writer, &before);
    atomic_fetch_add(&writer->figures.rollbacks, 1);
    if (!connection_in_transaction(writer->connection)) {
        return;
    }
    err_t undone = connection_control(writer->connection, "ROLLBACK TO closure");
    if (undone.code == ERR_OK) {
        undone = connection_control(writer->connection, "RELEASE closure");
    }
    if (undone.code != ERR_OK) {
        log_error(writer->options->log, "savepoint_not_undone", "", undone);
        connection_rollback(writer->connection); /* the whole group: the others run again */
    }
}

/* --- one group --- */

static void group_fail(struct request *group, const err_t *reason)
{
    for (struct request *request = group; request != NULL; request = request->next) {
        if (!request->is_decided) {
            request->result = *reason;
        }
    }
}

static int64_t group_count(const struct request *group)
{
    int64_t committed = 0;
    for (const struct request *request = group; request != NULL; request = request->next) {
        committed += request->result.code == ERR_OK ? 1 : 0;
    }
    return committed;
}

/* Runs the closures that are not decided yet in one transaction. False: one of them lost it, so it is decided
 * and the rest must run again. */
static bool group_try(struct writer *writer, struct request *group)
{
    struct ends before = ends_now(writer);
    err_t result = connection_control(writer->connection, "BEGIN IMMEDIATE");
    if (result.code != ERR_OK) {
        group_fail(group, &result);
        return true;
    }
    for (struct request *request = group; request != NULL; request = request->next) {
        if (request->is_decided) {
            continue;
        }
        closure_run(writer, request);
        if (!connection_in_transaction(writer->connection)) {
            ends_restore(writer, &before);
            request->is_decided = true;
            return false;
        }
    }
    int64_t began_us = stopwatch_us();
    result = journal_commit(writer->journal, writer->connection, writer->options->log);
    if (result.code != ERR_OK) {
        /* nothing was written, so an answer that was built on a neighbour's rows is void too */
        ends_restore(writer, &before);
        atomic_fetch_add(&writer->figures.rollbacks, 1);
        group_fail(group, &result);
        return true;
    }
    commit_figures_count(&writer->figures, group_count(group), stopwatch_us() - began_us);
    return true;
}

/* Keeps the WAL bounded when nobody called db_checkpoint() for long, or when writes never paused so that it
 * could start again. A reader with an old snapshot can hold it; then the next attempt is a step further on.
 */
static void wal_bound(struct writer *writer)
{
    int64_t pages = connection_wal_pages(writer->connection);
    if (pages < writer->wal_pages_limit) {
        if (pages < WAL_PAGES_STEP) {
            writer->wal_pages_limit = WAL_PAGES_STEP;
        }
        return;
    }
    bool is_whole = false;
    err_t result = connection_checkpoint(writer->connection, CHECKPOINT_RESTART, &is_whole);
    if (result.code != ERR_OK) {
        log_error(writer->options->log, "checkpoint_failed", "", result);
    }
    writer->wal_pages_limit = is_whole ? WAL_PAGES_STEP : pages + WAL_PAGES_STEP;
}

/* --- the queue --- */

/* Waits for work and detaches up to GROUP_LIMIT closures; NULL when stopping and nothing is left. */
static struct request *queue_take(struct writer *writer)
{
    (void)pthread_mutex_lock(&writer->mutex);
    while (writer->first == NULL && !writer->is_stopping) {
        (void)pthread_cond_wait(&writer->wake, &writer->mutex);
    }
    struct request *group = writer->first;
    struct request *end = group;
    int taken = group != NULL ? 1 : 0;
    while (end != NULL && end->next != NULL && taken < GROUP_LIMIT) {
        end = end->next;
        taken++;
    }
    if (end != NULL) {
        writer->first = end->next;
        end->next = NULL;
        writer->last = writer->first == NULL ? NULL : writer->last;
        writer->waiting -= taken;
    }
    (void)pthread_mutex_unlock(&writer->mutex);
    return group;
}

static void group_wake(struct writer *writer, struct request *group)
{
    (void)pthread_mutex_lock(&writer->mutex);
    while (group != NULL) {
        struct request *next = group->next; /* the request is gone once its caller runs */
        group->is_done = true;
        (void)pthread_cond_signal(&group->done);
        group = next;
    }
    (void)pthread_mutex_unlock(&writer->mutex);
}

void writer_watch(struct writer *writer, void (*fn)(void *context), void *context)
{
    (void)pthread_mutex_lock(&writer->watcher_mutex);
    writer->watcher = fn;
    writer->watcher_context = context;
    (void)pthread_mutex_unlock(&writer->watcher_mutex);
}

struct notices *writer_notices(struct writer *writer)
{
    return writer->notices;
}

static void watcher_tell(struct writer *writer)
{
    (void)pthread_mutex_lock(&writer->watcher_mutex);
    if (writer->watcher != NULL) {
        writer->watcher(writer->watcher_context);
    }
    (void)pthread_mutex_unlock(&writer->watcher_mutex);
}

static void *writer_main(void *arg)
{
    struct writer *writer = arg;
    struct request *group = queue_take(writer);
    while (group != NULL) {
        bool is_over = false;
        while (!is_over) {
            is_over = group_try(writer, group);
        }
        notices_deliver(writer->notices);
        group_wake(writer, group);
        watcher_tell(writer);
        wal_bound(writer);
        group = queue_take(writer);
    }
    return NULL;
}

static err_t queue_put(struct writer *writer, struct request *request)
{
    ENSURE(!writer->is_stopping, ERR_UNAVAILABLE, "the inventory is closing");
    ENSURE(writer->waiting < writer->options->queue_limit, ERR_BUSY, "%d writes are waiting",
           writer->waiting);
    if (writer->last != NULL) {
        writer->last->next = request;
    } else {
        writer->first = request;
    }
    writer->last = request;
    writer->waiting++;
    (void)pthread_cond_signal(&writer->wake);
    return OK;
}

err_t writer_run(struct writer *writer, db_fn fn, void *arg)
{
    ENSURE(!pthread_equal(pthread_self(), writer->thread), ERR_INTERNAL, "a write inside a write");
    struct request request = {.fn = fn, .arg = arg};
    (void)pthread_cond_init(&request.done, NULL);
    (void)pthread_mutex_lock(&writer->mutex);
    writer->callers++;
    err_t result = queue_put(writer, &request);
    if (result.code == ERR_OK) {
        while (!request.is_done) {
            (void)pthread_cond_wait(&request.done, &writer->mutex);
        }
        result = request.result;
    }
    writer->callers--;
    if (writer->is_stopping) {
        (void)pthread_cond_signal(&writer->left);
    }
    (void)pthread_mutex_unlock(&writer->mutex);
    (void)pthread_cond_destroy(&request.done);
    return result;
}

int64_t writer_commits(const struct writer *writer)
{
    return atomic_load(&writer->figures.commits);
}

static int queue_depth(struct writer *writer)
{
    (void)pthread_mutex_lock(&writer->mutex);
    int depth = writer->waiting;
    (void)pthread_mutex_unlock(&writer->mutex);
    return depth;
}

void writer_stats(struct writer *writer, struct db_stats *out)
{
    commit_figures_read(&writer->figures, out);
    out->queue_depth = queue_depth(writer);
}

err_t writer_write_metrics(struct writer *writer, struct buf *out)
{
    return commit_figures_write(&writer->figures, queue_depth(writer), writer->options->queue_limit, out);
}

/* --- life --- */

/* Signals are for the program's main thread. */
static int thread_start(struct writer *writer)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&writer->thread, NULL, writer_main, writer);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

err_t writer_take(struct connection *connection, const struct db_options *options,
                  const struct audit_head *head, struct journal *journal, struct writer **out)
{
    *out = NULL;
    struct writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL || notices_new(&writer->notices).code != ERR_OK) {
        connection_free(connection);
        free(writer);
        return ERR(ERR_NO_MEMORY, "the writer");
    }
    writer->connection = connection;
    writer->options = options;
    writer->head = *head;
    writer->journal = journal;
    writer->wal_pages_limit = WAL_PAGES_STEP;
    (void)pthread_mutex_init(&writer->mutex, NULL);
    (void)pthread_mutex_init(&writer->watcher_mutex, NULL);
    (void)pthread_cond_init(&writer->wake, NULL);
    (void)pthread_cond_init(&writer->left, NULL);
    int failed = thread_start(writer);
    if (failed != 0) {
        connection_free(connection);
        notices_free(writer->notices);
        free(writer);
        return ERR(ERR_INTERNAL, "the writer's thread did not start (%d)", failed);
    }
    *out = writer;
    return OK;
}

void writer_free(struct writer *writer)
{
    if (writer == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&writer->mutex);
    writer->is_stopping = true;
    (void)pthread_cond_signal(&writer->wake);
    (void)pthread_mutex_unlock(&writer->mutex);
    (void)pthread_join(writer->thread, NULL);
    (void)pthread_mutex_lock(&writer->mutex);
    while (writer->callers > 0) { /* answered, but not yet out of the lock */
        (void)pthread_cond_wait(&writer->left, &writer->mutex);
    }
    (void)pthread_mutex_unlock(&writer->mutex);
    bool is_whole = false;
    /* the WAL stays when a tool still reads; the next start finds it */
    err_ignore(connection_checkpoint(writer->connection, CHECKPOINT_TRUNCATE, &is_whole));
    connection_free(writer->connection);
    (void)pthread_cond_destroy(&writer->left);
    (void)pthread_cond_destroy(&writer->wake);
    (void)pthread_mutex_destroy(&writer->mutex);
    (void)pthread_mutex_destroy(&writer->watcher_mutex);
    notices_free(writer->notices);
    free(writer);
}
