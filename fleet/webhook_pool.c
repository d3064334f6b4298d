/* Who works for which webhook. A thread that is told looks which ones are due, takes the longest waiting that
 * nobody works for, and tells the next thread; so as many run as there is work. */
#include "fleet/webhook_pool.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "fleet/event_hub.h"
#include "fleet/internal.h"

enum { LOOK_AT = 64, TENANT_THREADS = WEBHOOK_THREADS / 2, PAUSE_S = 1 };

struct webhook_pool {
    struct fleet *fleet;
    const struct webhook_transport *transport;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_told, is_ending;
    struct webhook_due busy[WEBHOOK_THREADS];
    bool is_busy[WEBHOOK_THREADS];
    int thread_count;
    struct seat {
        struct webhook_pool *pool;
        int number;
        pthread_t thread;
    } seats[WEBHOOK_THREADS];
};

struct look {
    struct webhook_due found[LOOK_AT];
    size_t count;
};

static err_t on_due(const struct webhook_due *due, void *arg)
{
    struct look *look = arg;
    look->found[look->count++] = *due;
    return OK;
}

static err_t look_in(struct db_tx *tx, void *arg)
{
    struct look *look = arg;
    look->count = 0;
    return webhook_rows_due(tx, db_tx_now_ms(tx), LOOK_AT, on_due, look);
}

/* --- under the lock --------------------------------------------------------------------------------- */

static bool may_take(const struct webhook_pool *pool, const struct webhook_due *due)
{
    int of_tenant = 0;
    for (int i = 0; i < WEBHOOK_THREADS; i++) {
        if (pool->is_busy[i] && uuid_equal(pool->busy[i].id, due->id)) {
            return false;
        }
        of_tenant += pool->is_busy[i] && uuid_equal(pool->busy[i].tenant, due->tenant) ? 1 : 0;
    }
    return of_tenant < TENANT_THREADS;
}

static bool take(struct webhook_pool *pool, int seat, const struct look *look)
{
    for (size_t i = 0; i < look->count; i++) {
        if (may_take(pool, &look->found[i])) {
            pool->busy[seat] = look->found[i];
            pool->is_busy[seat] = true;
            pool->is_told = pool->is_told || look->count > 1; /* the next thread looks too */
            (void)pthread_cond_signal(&pool->changed);
            return true;
        }
    }
    return false;
}

static void tell(void *context)
{
    struct webhook_pool *pool = context;
    (void)pthread_mutex_lock(&pool->mutex);
    pool->is_told = true;
    (void)pthread_cond_signal(&pool->changed);
    (void)pthread_mutex_unlock(&pool->mutex);
}

/* --- a thread --------------------------------------------------------------------------------------- */

/* What fails is the inventory: it is let alone for a while. Under the lock. */
static void pause_for(struct webhook_pool *pool, err_t error)
{
    struct timespec until;
    log_error(pool->fleet->log, "webhooks_failed", "", error);
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PAUSE_S;
    while (!pool->is_ending && pthread_cond_timedwait(&pool->changed, &pool->mutex, &until) == 0) {
    }
}

/* One look, and the work that it finds. Called and left under the lock. */
static err_t step(struct webhook_pool *pool, int seat)
{
    struct look look;
    (void)pthread_mutex_unlock(&pool->mutex);
    err_t error = db_read(pool->fleet->db, look_in, &look);
    (void)pthread_mutex_lock(&pool->mutex);
    if (error.code != ERR_OK || pool->is_ending || !take(pool, seat, &look)) {
        return error;
    }
    const struct webhook_due due = pool->busy[seat];
    (void)pthread_mutex_unlock(&pool->mutex);
    error = webhook_work(pool->fleet, pool->transport, &due);
    (void)pthread_mutex_lock(&pool->mutex);
    pool->is_busy[seat] = false;
    pool->is_told = true; /* it may be due still, or somebody may wait for this thread */
    return error;
}

static void *run(void *context)
{
    const struct seat *seat = context;
    struct webhook_pool *pool = seat->pool;
    (void)pthread_mutex_lock(&pool->mutex);
    while (!pool->is_ending) {
        if (!pool->is_told) {
            (void)pthread_cond_wait(&pool->changed, &pool->mutex);
            continue;
        }
        pool->is_told = false;
        err_t error = step(pool, seat->number);
        if (error.code != ERR_OK) {
            pause_for(pool, error);
        }
    }
    (void)pthread_cond_signal(&pool->changed); /* the next one hears of the end too */
    (void)pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* --- life ------------------------------------------------------------------------------------------- */

static int start_threads(struct webhook_pool *pool)
{
    sigset_t all, before;
    int failed = 0;
    (void)sigfillset(&all); /* signals are for the program's main thread */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int i = 0; i < WEBHOOK_THREADS && failed == 0; i++) {
        pool->seats[i] = (struct seat){.pool = pool, .number = i};
        failed = pthread_create(&pool->seats[i].thread, NULL, run, &pool->seats[i]);
        pool->thread_count += failed == 0 ? 1 : 0;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

err_t webhook_pool_start(struct fleet *fleet, const struct webhook_transport *transport,
                         struct webhook_pool **out)
{
    *out = NULL;
    AUTO_PTR(webhook_pool) *pool = calloc(1, sizeof *pool);
    ENSURE(pool != NULL, ERR_NO_MEMORY, "the senders of webhooks");
    pool->fleet = fleet;
    pool->transport = transport;
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&pool->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)pthread_mutex_init(&pool->mutex, NULL);
    ENSURE(start_threads(pool) == 0, ERR_NO_MEMORY, "the senders of webhooks cannot be started");
    event_hub_listen(fleet, tell, pool);
    *out = TAKE(pool);
    return OK;
}

void webhook_pool_stop(struct webhook_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    event_hub_listen(pool->fleet, NULL, NULL);
    (void)pthread_mutex_lock(&pool->mutex);
    pool->is_ending = true;
    (void)pthread_cond_broadcast(&pool->changed);
    (void)pthread_mutex_unlock(&pool->mutex);
    for (int i = 0; i < pool->thread_count; i++) {
        (void)pthread_join(pool->seats[i].thread, NULL);
    }
    (void)pthread_cond_destroy(&pool->changed);
    (void)pthread_mutex_destroy(&pool->mutex);
    free(pool);
}
