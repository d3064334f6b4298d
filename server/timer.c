/* Threads that sleep until the next job is due. A job that fails is logged and runs again after its period; a
 * late one is not made up for. Periods run on the monotonic clock; jobs are told the wall clock that was
 * passed in. */
#include "server/timer.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct job_state {
    int64_t due_ms;
    int64_t since_ms; /* due, and not run yet; 0: it is not */
    bool is_running;  /* by another thread: not beside itself */
    unsigned long long runs_ok, runs_failed;
    int64_t spent_ms;
};

struct timer {
    const struct server_options *options;
    pthread_t threads[TIMER_THREADS];
    int started; /* of the threads */
    bool is_ending, is_reload_wanted, is_reloading;
    int64_t reload_due_ms;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct job_state states[];
};

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t reload_due(const struct timer *t, int64_t now_ms)
{
    int64_t period_ms = t->options->reload_period_ms;
    return period_ms > 0 ? now_ms + period_ms : INT64_MAX;
}

err_t timer_new(const struct server_options *options, struct timer **out)
{
    *out = NULL;
    struct timer *t = calloc(1, sizeof *t + options->job_count * sizeof t->states[0]);
    ENSURE(t != NULL, ERR_NO_MEMORY, "the timer");
    t->options = options;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&t->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&t->mutex, NULL);
    int64_t now_ms = monotonic_ms();
    t->reload_due_ms = reload_due(t, now_ms);
    for (size_t i = 0; i < options->job_count; i++) {
        t->states[i].due_ms = now_ms + options->jobs[i].period_ms;
    }
    *out = t;
    return OK;
}

static err_t call(const struct timer *t, const struct job *job)
{
    const struct server_options *options = t->options;
    int64_t now_ms = clock_now_ms(options->clock);
    return options->run_job != NULL ? options->run_job(options->fleet, job, now_ms)
                                    : job->run(options->fleet, now_ms);
}

enum { AGAIN_MS = 100 }; /* a job that lets others go first is asked again */

/* One that may not run yet is due again soon. Under the lock: what is asked returns at once. */
static bool may_run(struct timer *t, size_t index)
{
    const struct server_options *options = t->options;
    struct job_state *state = &t->states[index];
    int64_t now_ms = monotonic_ms();
    state->since_ms = state->since_ms == 0 ? state->due_ms : state->since_ms;
    if (options->may_run_job == NULL ||
        options->may_run_job(options->fleet, &options->jobs[index], now_ms - state->since_ms)) {
        state->since_ms = 0;
        return true;
    }
    state->due_ms = now_ms + AGAIN_MS;
    return false;
}

/* Both run without the lock. Whoever slept until something that this thread took looks again when it is due
 * next. */
static void job_run(struct timer *t, size_t index)
{
    const struct job *job = &t->options->jobs[index];
    struct job_state *state = &t->states[index];
    state->is_running = true;
    pthread_mutex_unlock(&t->mutex);
    int64_t began_ms = monotonic_ms();
    err_t error = call(t, job);
    if (error.code != ERR_OK) {
        log_error(t->options->log, "job_failed", job->name, error);
    }
    int64_t ended_ms = monotonic_ms();
    pthread_mutex_lock(&t->mutex);
    state->is_running = false;
    state->due_ms = ended_ms + job->period_ms;
    state->spent_ms += ended_ms - began_ms;
    state->runs_ok += error.code == ERR_OK ? 1 : 0;
    state->runs_failed += error.code == ERR_OK ? 0 : 1;
}

static void reload_run(struct timer *t)
{
    t->is_reload_wanted = false;
    t->is_reloading = true;
    if (t->options->on_reload != NULL) {
        pthread_mutex_unlock(&t->mutex);
        t->options->on_reload(t->options->reload_context);
        pthread_mutex_lock(&t->mutex);
    }
    t->is_reloading = false;
    t->reload_due_ms = reload_due(t, monotonic_ms());
}

static void sleep_until(struct timer *t, int64_t at_ms)
{
    if (at_ms == INT64_MAX) {
        pthread_cond_wait(&t->changed, &t->mutex);
        return;
    }
    struct timespec at = {.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
    pthread_cond_timedwait(&t->changed, &t->mutex, &at);
}

struct next {
    int64_t due_ms; /* INT64_MAX: nothing before a signal */
    size_t job;     /* or job_count: the reload */
};

/* What this thread could do: nothing that another one is at. */
static struct next find_next(const struct timer *t, int64_t now_ms)
{
    size_t count = t->options->job_count;
    struct next next = {.due_ms = INT64_MAX, .job = count};
    if (!t->is_reloading) {
        next.due_ms = t->is_reload_wanted ? now_ms : t->reload_due_ms;
    }
    for (size_t i = 0; i < count && next.due_ms > now_ms; i++) {
        if (!t->states[i].is_running && t->states[i].due_ms < next.due_ms) {
            next = (struct next){.due_ms = t->states[i].due_ms, .job = i};
        }
    }
    return next;
}

/* What has just ended is due again one day, and another thread may sleep until later than that. */
static void run_next(struct timer *t, size_t job)
{
    if (job == t->options->job_count) {
        reload_run(t);
    } else if (may_run(t, job)) {
        job_run(t, job);
    }
    pthread_cond_signal(&t->changed);
}

static void *run(void *context)
{
    struct timer *t = context;
    pthread_mutex_lock(&t->mutex);
    while (!t->is_ending) {
        int64_t now_ms = monotonic_ms();
        struct next next = find_next(t, now_ms);
        if (next.due_ms > now_ms) {
            sleep_until(t, next.due_ms);
        } else {
            run_next(t, next.job);
        }
    }
    pthread_mutex_unlock(&t->mutex);
    return NULL;
}

err_t timer_start(struct timer *t)
{
    for (; t->started < TIMER_THREADS; t->started++) {
        ENSURE(pthread_create(&t->threads[t->started], NULL, run, t) == 0, ERR_NO_MEMORY,
               "the background threads cannot be started");
    }
    return OK;
}

void timer_reload(struct timer *t)
{
    pthread_mutex_lock(&t->mutex);
    t->is_reload_wanted = true;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->mutex);
}

void timer_free(struct timer *t)
{
    if (t == NULL) {
        return;
    }
    pthread_mutex_lock(&t->mutex);
    t->is_ending = true;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->mutex);
    for (int i = 0; i < t->started; i++) {
        pthread_join(t->threads[i], NULL);
    }
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->mutex);
    free(t);
}

static err_t write_running(const struct timer *t, struct buf *out)
{
    int running = t->is_reloading ? 1 : 0;
    for (size_t i = 0; i < t->options->job_count; i++) {
        running += t->states[i].is_running ? 1 : 0;
    }
    return buf_printf(out,
                      "# TYPE whorl_jobs_running gauge\n# HELP whorl_jobs_running Background jobs that run "
                      "now, of %d that can at once.\nwhorl_jobs_running %d\n",
                      TIMER_THREADS, running);
}

static err_t write_locked(struct timer *t, struct buf *out)
{
    TRY(write_running(t, out));
    TRY(buf_append_str(
        out, "# TYPE whorl_job_runs counter\n# HELP whorl_job_runs Runs of background jobs, by result.\n"));
    for (size_t i = 0; i < t->options->job_count; i++) {
        const char *name = t->options->jobs[i].name;
        TRY(buf_printf(out, "whorl_job_runs_total{job=\"%s\",result=\"ok\"} %llu\n", name,
                       t->states[i].runs_ok));
        TRY(buf_printf(out, "whorl_job_runs_total{job=\"%s\",result=\"failed\"} %llu\n", name,
                       t->states[i].runs_failed));
    }
    TRY(buf_append_str(out, "# TYPE whorl_job_seconds counter\n# UNIT whorl_job_seconds seconds\n"
                            "# HELP whorl_job_seconds Time spent in background jobs.\n"));
    for (size_t i = 0; i < t->options->job_count; i++) {
        int64_t ms = t->states[i].spent_ms;
        TRY(buf_printf(out, "whorl_job_seconds_total{job=\"%s\"} %lld.%03d\n", t->options->jobs[i].name,
                       (long long)(ms / 1000), (int)(ms % 1000)));
    }
    return OK;
}

err_t timer_write_metrics(struct timer *t, struct buf *out)
{
    pthread_mutex_lock(&t->mutex);
    err_t error = write_locked(t, out);
    pthread_mutex_unlock(&t->mutex);
    return error;
}
