/* A thread that sleeps until the next job is due. A job that fails is logged and runs again after its period;
 * a late one is not made up for. Periods run on the monotonic clock; jobs are told the wall clock that was
 * passed in. */
#include "server/timer.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct job_state {
    int64_t due_ms;
    unsigned long long runs_ok, runs_failed;
    int64_t spent_ms;
};

struct timer {
    const struct server_options *options;
    pthread_t thread;
    bool is_started, is_ending, is_reload_wanted;
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

/* Both run without the lock. */
static void job_run(struct timer *t, size_t index)
{
    const struct job *job = &t->options->jobs[index];
    pthread_mutex_unlock(&t->mutex);
    int64_t began_ms = monotonic_ms();
    err_t error = job->run(t->options->fleet, clock_now_ms(t->options->clock));
    if (error.code != ERR_OK) {
        log_error(t->options->log, "job_failed", job->name, error);
    }
    int64_t ended_ms = monotonic_ms();
    pthread_mutex_lock(&t->mutex);
    struct job_state *state = &t->states[index];
    state->due_ms = ended_ms + job->period_ms;
    state->spent_ms += ended_ms - began_ms;
    state->runs_ok += error.code == ERR_OK ? 1 : 0;
    state->runs_failed += error.code == ERR_OK ? 0 : 1;
}

static void reload_run(struct timer *t)
{
    t->is_reload_wanted = false;
    if (t->options->on_reload != NULL) {
        pthread_mutex_unlock(&t->mutex);
        t->options->on_reload(t->options->reload_context);
        pthread_mutex_lock(&t->mutex);
    }
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

static void *run(void *context)
{
    struct timer *t = context;
    pthread_mutex_lock(&t->mutex);
    while (!t->is_ending) {
        int64_t now_ms = monotonic_ms();
        if (t->is_reload_wanted || t->reload_due_ms <= now_ms) {
            reload_run(t);
            continue;
        }
        size_t next = t->options->job_count;
        int64_t due_ms = t->reload_due_ms;
        for (size_t i = 0; i < t->options->job_count; i++) {
            if (t->states[i].due_ms < due_ms) {
                due_ms = t->states[i].due_ms;
                next = i;
            }
        }
        if (due_ms > now_ms) {
            sleep_until(t, due_ms);
        } else {
            job_run(t, next);
        }
    }
    pthread_mutex_unlock(&t->mutex);
    return NULL;
}

err_t timer_start(struct timer *t)
{
    ENSURE(pthread_create(&t->thread, NULL, run, t) == 0, ERR_NO_MEMORY,
           "the background thread cannot be started");
    t->is_started = true;
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
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->mutex);
    if (t->is_started) {
        pthread_join(t->thread, NULL);
    }
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->mutex);
    free(t);
}

static err_t write_locked(struct timer *t, struct buf *out)
{
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
