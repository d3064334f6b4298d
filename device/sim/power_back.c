/* A thread for each device, which is what makes them come at once. They share the result and the moment. */
#include "device/sim/power_back.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "device/sim/take_over.h"

enum { STACK_BYTES = 256 * 1024, LOOK_MS = 5 };

struct power_back {
    const struct power_back_plan *plan;
    struct power_back_result *result;
    uint32_t *served_ms; /* of those that were served */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t standing; /* threads that wait for the power, or have ended */
    bool is_on;
    int64_t start_ms;
    atomic_size_t next;
};

static int64_t now_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void sleep_ms(int64_t ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

static size_t second_of(int64_t ms)
{
    size_t second = (size_t)(ms / 1000);
    return second < POWER_BACK_SECONDS_MAX ? second : POWER_BACK_SECONDS_MAX - 1;
}

/* --- one device -------------------------------------------------------------------------------------- */

static void wait_for_power(struct power_back *all)
{
    (void)pthread_mutex_lock(&all->lock);
    all->standing++;
    all->result->devices++;
    (void)pthread_cond_broadcast(&all->changed);
    while (!all->is_on) {
        (void)pthread_cond_wait(&all->changed, &all->lock);
    }
    (void)pthread_mutex_unlock(&all->lock);
}

static void note_attempt(struct power_back *all, const struct sim_life *life, enum whorl_result result,
                         int64_t began_ms)
{
    struct power_back_result *out = all->result;
    const struct whorl_problem *problem = &life->device.problem;
    bool is_refused = result == WHORL_ERROR_REFUSED;
    int64_t ended_ms = now_ms();
    (void)pthread_mutex_lock(&all->lock);
    out->attempts++;
    out->attempts_in[second_of(began_ms - all->start_ms)]++;
    for (size_t s = second_of(began_ms - all->start_ms); s <= second_of(ended_ms - all->start_ms); s++) {
        out->asking_in[s]++;
    }
    out->refused += is_refused ? 1 : 0;
    out->unreached += result != WHORL_OK && !is_refused ? 1 : 0;
    if (result != WHORL_OK && out->first_problem[0] == '\0') {
        (void)snprintf(out->first_problem, sizeof out->first_problem, "%d: %s %s", (int)result,
                       is_refused ? problem->title : life->network.host.problem,
                       is_refused ? problem->detail : "");
    }
    (void)pthread_mutex_unlock(&all->lock);
}

static void note_end(struct power_back *all, bool is_served, size_t attempts)
{
    struct power_back_result *out = all->result;
    int64_t took_ms = now_ms() - all->start_ms;
    (void)pthread_mutex_lock(&all->lock);
    out->most_attempts = attempts > out->most_attempts ? attempts : out->most_attempts;
    if (is_served) {
        out->served_in[second_of(took_ms)]++;
        all->served_ms[out->served++] = (uint32_t)took_ms;
    } else {
        out->lost++;
    }
    (void)pthread_mutex_unlock(&all->lock);
}

/* Again and again, with the pauses that the device itself takes, until it is served or the time is over. */
static void come_back(struct power_back *all, struct sim_life *life)
{
    const struct power_back_plan *plan = all->plan;
    int64_t end_ms = all->start_ms + (int64_t)plan->span_s * 1000;
    enum whorl_result result = WHORL_ERROR_INTERNAL;
    size_t attempts = 0;
    int64_t pause_ms = 0;
    while (result != WHORL_OK && now_ms() + pause_ms < end_ms) {
        struct whorl_run run;
        sleep_ms(pause_ms);
        int64_t began_ms = now_ms();
        result = whorl_device_run(&life->device, &run);
        attempts++;
        note_attempt(all, life, result, began_ms);
        pause_ms = (int64_t)run.wait_s * plan->second_ms;
    }
    note_end(all, result == WHORL_OK, attempts);
}

static void *live(void *argument)
{
    struct power_back *all = argument;
    size_t index = atomic_fetch_add(&all->next, 1);
    struct sim_life *life = malloc(sizeof *life);
    bool is_one = life != NULL &&
                  sim_take_over(life, &all->plan->world, all->plan->fleet, index, all->plan->seed_base) &&
                  sim_life_restart(life) == WHORL_OK;
    if (is_one) {
        wait_for_power(all);
        come_back(all, life);
    } else { /* a chip that was refused, or a device that got no certificate */
        (void)pthread_mutex_lock(&all->lock);
        all->standing++;
        (void)pthread_cond_broadcast(&all->changed);
        (void)pthread_mutex_unlock(&all->lock);
    }
    if (life != NULL) {
        sim_life_clear(life);
    }
    free(life);
    return NULL;
}

/* --- all --------------------------------------------------------------------------------------------- */

static void switch_on(struct power_back *all, size_t started)
{
    (void)pthread_mutex_lock(&all->lock);
    while (all->standing < started) {
        (void)pthread_cond_wait(&all->changed, &all->lock);
    }
    (void)pthread_mutex_unlock(&all->lock);
    if (all->plan->ready != NULL) {
        all->plan->ready(all->result->devices);
    }
    while (access(all->plan->go, F_OK) != 0) {
        sleep_ms(LOOK_MS);
    }
    (void)pthread_mutex_lock(&all->lock);
    all->start_ms = now_ms();
    all->is_on = true;
    (void)pthread_cond_broadcast(&all->changed);
    (void)pthread_mutex_unlock(&all->lock);
}

static int compare_ms(const void *a, const void *b)
{
    const uint32_t *x = a;
    const uint32_t *y = b;
    return *x < *y ? -1 : *x > *y ? 1 : 0;
}

static size_t start(struct power_back *all, pthread_t *threads, const pthread_attr_t *attributes)
{
    size_t started = 0;
    while (started < all->plan->count && pthread_create(&threads[started], attributes, live, all) == 0) {
        started++;
    }
    return started;
}

static bool run(struct power_back *all, pthread_t *threads)
{
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
        return false;
    }
    (void)pthread_attr_setstacksize(&attributes,
                                    STACK_BYTES); /* the default does as well, it is only larger */
    size_t started = start(all, threads, &attributes);
    switch_on(all, started);
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    (void)pthread_attr_destroy(&attributes);
    return started == all->plan->count;
}

bool sim_power_back_run(const struct power_back_plan *plan, struct power_back_result *out)
{
    struct power_back all = {.plan = plan, .result = out};
    memset(out, 0, sizeof *out);
    pthread_t *threads = calloc(plan->count, sizeof *threads);
    all.served_ms = calloc(plan->count, sizeof *all.served_ms);
    bool is_whole = threads != NULL && all.served_ms != NULL && pthread_mutex_init(&all.lock, NULL) == 0 &&
                    pthread_cond_init(&all.changed, NULL) == 0 && run(&all, threads);
    if (out->served > 0) {
        qsort(all.served_ms, out->served, sizeof *all.served_ms, compare_ms);
        out->median_ms = all.served_ms[out->served / 2];
        out->last_ms = all.served_ms[out->served - 1];
    }
    free(threads);
    free(all.served_ms);
    return is_whole;
}
