/* Who is busy is asked of whoever wires the parts (the queue of the workers) and of the inventory (the queue
 * of its writer). Nothing here knows a job. */
#include "fleet/yield.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "fleet/internal.h"

enum { WRITES_WAITING = 4 }; /* more than the background itself has there */

static const char *const names[YIELD_KINDS] = {"job", "step", "webhook"};

struct yield_figures {
    atomic_llong times, ms, forced;
};

struct yields {
    pthread_mutex_t mutex; /* of the port, also while it is asked */
    struct yield_port port;
    atomic_bool is_ending;
    atomic_int paused;
    struct yield_figures figures[YIELD_KINDS];
};

err_t yields_new(struct yields **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "the pauses of background work");
    (void)pthread_mutex_init(&(*out)->mutex, NULL);
    return OK;
}

void yields_free(struct yields *yields)
{
    if (yields != NULL) {
        (void)pthread_mutex_destroy(&yields->mutex);
    }
    free(yields);
}

void yield_ask(struct fleet *fleet, const struct yield_port *port)
{
    struct yields *yields = fleet->yields;
    (void)pthread_mutex_lock(&yields->mutex);
    yields->port = port != NULL ? *port : (struct yield_port){.is_busy = NULL};
    (void)pthread_mutex_unlock(&yields->mutex);
}

void yield_end(struct fleet *fleet)
{
    atomic_store(&fleet->yields->is_ending, true);
}

bool yield_is_ending(const struct fleet *fleet)
{
    return atomic_load(&fleet->yields->is_ending);
}

enum yield_verdict yield_judge(bool is_busy, int64_t waited_ms, int64_t most_ms)
{
    if (!is_busy) {
        return YIELD_GO;
    }
    return waited_ms < most_ms ? YIELD_WAIT : YIELD_FORCED;
}

static bool is_busy(struct fleet *fleet)
{
    struct yields *yields = fleet->yields;
    struct db_stats writes;
    if (yield_is_ending(fleet)) {
        return false;
    }
    (void)pthread_mutex_lock(&yields->mutex);
    bool is_asked = yields->port.is_busy != NULL;
    bool found = is_asked && yields->port.is_busy(yields->port.context);
    (void)pthread_mutex_unlock(&yields->mutex);
    if (is_asked && !found) {
        db_stats_read(fleet->db, &writes);
        found = writes.queue_depth > WRITES_WAITING;
    }
    return found;
}

static void sleep_for(struct fleet *fleet, int64_t ms)
{
    struct yields *yields = fleet->yields;
    (void)pthread_mutex_lock(&yields->mutex);
    struct yield_port port = yields->port;
    (void)pthread_mutex_unlock(&yields->mutex);
    if (port.sleep != NULL) {
        port.sleep(port.context, ms);
        return;
    }
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL); /* shorter when a signal comes: it is looked again anyway */
}

static void note(struct fleet *fleet, enum yield_kind kind, int64_t ms, enum yield_verdict verdict)
{
    struct yield_figures *figures = &fleet->yields->figures[kind];
    atomic_fetch_add_explicit(&figures->times, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&figures->ms, ms, memory_order_relaxed);
    atomic_fetch_add_explicit(&figures->forced, verdict == YIELD_FORCED ? 1 : 0, memory_order_relaxed);
}

bool yield_may_begin(struct fleet *fleet, int64_t waited_ms, int64_t most_ms)
{
    if (most_ms == 0) {
        return true;
    }
    enum yield_verdict verdict = yield_judge(is_busy(fleet), waited_ms, most_ms);
    if (verdict != YIELD_WAIT && waited_ms > 0) {
        note(fleet, YIELD_JOB, waited_ms, verdict);
    }
    return verdict != YIELD_WAIT;
}

static void pause_while_busy(struct fleet *fleet, enum yield_kind kind)
{
    int64_t began_ms = clock_monotonic_ms(fleet->clock);
    int64_t waited_ms = 0;
    enum yield_verdict verdict = yield_judge(is_busy(fleet), 0, YIELD_STEP_MS);
    if (verdict == YIELD_GO) {
        return;
    }
    while (verdict == YIELD_WAIT) {
        sleep_for(fleet, YIELD_LOOK_MS);
        waited_ms = clock_monotonic_ms(fleet->clock) - began_ms;
        verdict = yield_judge(is_busy(fleet), waited_ms, YIELD_STEP_MS);
    }
    note(fleet, kind, waited_ms, verdict);
}

void yield_pause(struct fleet *fleet, enum yield_kind kind)
{
    atomic_int *paused = &fleet->yields->paused;
    if (kind == YIELD_WEBHOOK) { /* threads of their own */
        pause_while_busy(fleet, kind);
        return;
    }
    if (atomic_fetch_add(paused, 1) < YIELD_PAUSED_MAX) {
        pause_while_busy(fleet, kind);
    }
    (void)atomic_fetch_sub(paused, 1);
}

void yield_rest(struct fleet *fleet, int64_t ms)
{
    while (ms > 0 && !yield_is_ending(fleet)) {
        int64_t step_ms = ms < YIELD_STEP_MS ? ms : YIELD_STEP_MS;
        sleep_for(fleet, step_ms);
        ms -= step_ms;
    }
}

err_t yields_write_metrics(const struct fleet *fleet, struct buf *out)
{
    const struct yield_figures *figures = fleet->yields->figures;
    TRY(buf_append_str(out,
                       "# TYPE whorl_yields counter\n# HELP whorl_yields Pauses of background work while "
                       "requests waited\n"));
    for (size_t i = 0; i < YIELD_KINDS; i++) {
        TRY(buf_printf(out, "whorl_yields_total{of=\"%s\"} %lld\n", names[i],
                       atomic_load(&figures[i].times)));
    }
    TRY(buf_append_str(out, "# TYPE whorl_yields_forced counter\n# HELP whorl_yields_forced Those that ended "
                            "although requests still waited\n"));
    for (size_t i = 0; i < YIELD_KINDS; i++) {
        TRY(buf_printf(out, "whorl_yields_forced_total{of=\"%s\"} %lld\n", names[i],
                       atomic_load(&figures[i].forced)));
    }
    TRY(buf_append_str(out, "# TYPE whorl_yield_seconds counter\n# UNIT whorl_yield_seconds seconds\n# HELP "
                            "whorl_yield_seconds Time that they took\n"));
    for (size_t i = 0; i < YIELD_KINDS; i++) {
        long long ms = atomic_load(&figures[i].ms);
        TRY(buf_printf(out, "whorl_yield_seconds_total{of=\"%s\"} %lld.%03d\n", names[i], ms / 1000,
                       (int)(ms % 1000)));
    }
    return OK;
}
