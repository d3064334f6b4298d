/* Threads with a share of the fleet each: a device belongs to one of them, so what they share is the result.
 */
#include "device/sim/stay.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "device/sim/take_over.h"

enum { STACK_BYTES = 512 * 1024, TELL_MS = 500, LOOK_MS = 50 };

struct stay {
    const struct stay_plan *plan;
    struct stay_result *result;
    pthread_mutex_t lock;          /* of result and holdings */
    struct stay_holding *holdings; /* of each device */
    atomic_size_t next_share, running;
    size_t shares;
    int64_t start_ms;
};

static int64_t now_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void sleep_until(int64_t at_ms)
{
    struct timespec at = {.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static bool take_over(struct sim_life *life, const struct stay_plan *plan, size_t index)
{
    return sim_take_over(life, &plan->world, plan->fleet, index, plan->seed_base) &&
           (plan->firmware == NULL ? sim_life_restart(life) : sim_life_add_flash(life, plan->firmware)) ==
               WHORL_OK;
}

static void count_contact(struct stay *stay, const struct sim_life *life, const struct whorl_run *run,
                          enum whorl_result result)
{
    struct stay_result *out = stay->result;
    const struct whorl_problem *problem = &life->device.problem;
    (void)pthread_mutex_lock(&stay->lock);
    out->contacts++;
    out->anchors.changed += run->anchors.added + run->anchors.dropped != 0 ? 1 : 0;
    out->anchors.refused += run->anchors.result != WHORL_OK ? 1 : 0;
    if (result == WHORL_OK) {
        out->renewed += run->deed == WHORL_DEED_RENEW ? 1 : 0;
        out->rekeyed += run->deed == WHORL_DEED_REKEY ? 1 : 0;
        out->recovered += run->deed == WHORL_DEED_RECOVER ? 1 : 0;
    } else if (result == WHORL_ERROR_REFUSED) {
        out->refused++;
    } else {
        out->failed++;
    }
    if (result != WHORL_OK && out->first_problem[0] == '\0') {
        bool is_refused = result == WHORL_ERROR_REFUSED;
        (void)snprintf(out->first_problem, sizeof out->first_problem, "%d: %s %s", (int)result,
                       is_refused ? problem->title : life->network.host.problem,
                       is_refused ? problem->detail : "");
    }
    (void)pthread_mutex_unlock(&stay->lock);
}

static void note_holding(struct stay *stay, struct sim_life *life, size_t index)
{
    struct stay_holding holding;
    stay_holding_read(&life->device, &holding);
    (void)pthread_mutex_lock(&stay->lock);
    stay->holdings[index] = holding;
    (void)pthread_mutex_unlock(&stay->lock);
}

static void look_for_firmware(struct stay *stay, struct sim_life *life)
{
    struct sim_update_tally tally = {0};
    struct sim_update_tally *out = &stay->result->updates;
    sim_life_update(life, stay->plan->firmware, &tally);
    (void)pthread_mutex_lock(&stay->lock);
    out->looks += tally.looks;
    out->installed += tally.installed;
    out->failed += tally.failed;
    out->refused += tally.refused;
    out->cancelled += tally.cancelled;
    out->power_cuts += tally.power_cuts;
    out->unreachable += tally.unreachable;
    out->bytes += tally.bytes;
    (void)pthread_mutex_unlock(&stay->lock);
}

/* Round after round over the devices of one share, each at its own place in the round. */
static void stay_with(struct stay *stay, struct sim_life **lives, size_t share)
{
    const struct stay_plan *plan = stay->plan;
    int64_t every_ms = (int64_t)plan->every_s * 1000;
    int64_t end_ms = stay->start_ms + (int64_t)plan->span_s * 1000;
    for (int64_t round_ms = stay->start_ms; round_ms < end_ms; round_ms += every_ms) {
        for (size_t i = share; i < plan->count; i += stay->shares) {
            int64_t at_ms = round_ms + every_ms * (int64_t)i / (int64_t)plan->count;
            if (lives[i] == NULL || at_ms >= end_ms) {
                continue;
            }
            struct whorl_run run;
            sleep_until(at_ms);
            enum whorl_result result = whorl_device_run(&lives[i]->device, &run);
            count_contact(stay, lives[i], &run, result);
            note_holding(stay, lives[i], i);
            if (plan->firmware != NULL && result == WHORL_OK) {
                look_for_firmware(stay, lives[i]);
            }
        }
    }
}

static void *stay_some(void *argument)
{
    struct stay *stay = argument;
    size_t share = atomic_fetch_add(&stay->next_share, 1);
    struct sim_life **lives = calloc(stay->plan->count, sizeof(struct sim_life *));
    for (size_t i = share; lives != NULL && i < stay->plan->count; i += stay->shares) {
        lives[i] = malloc(sizeof *lives[i]);
        if (lives[i] != NULL && !take_over(lives[i], stay->plan, i)) {
            sim_life_clear(lives[i]);
            free(lives[i]);
            lives[i] = NULL; /* a chip that was refused, or a device that got no certificate */
        }
        if (lives[i] != NULL) {
            note_holding(stay, lives[i], i);
        }
    }
    if (lives != NULL) {
        stay_with(stay, lives, share);
    }
    for (size_t i = share; lives != NULL && i < stay->plan->count; i += stay->shares) {
        if (lives[i] != NULL) {
            sim_life_clear(lives[i]);
            free(lives[i]);
        }
    }
    free(lives);
    (void)atomic_fetch_sub(&stay->running, 1);
    return NULL;
}

static void tell(struct stay *stay, struct stay_result *so_far)
{
    (void)pthread_mutex_lock(&stay->lock);
    stay_holdings_count(stay->holdings, stay->plan->count, &stay->result->holdings);
    *so_far = *stay->result;
    (void)pthread_mutex_unlock(&stay->lock);
    if (stay->plan->tell != NULL) {
        stay->plan->tell(stay->plan->context, so_far);
    }
}

/* Until the last thread is done. */
static void watch(struct stay *stay)
{
    struct stay_result so_far;
    int64_t next_ms = 0;
    while (atomic_load(&stay->running) != 0) {
        if (now_ms() >= next_ms) {
            tell(stay, &so_far);
            next_ms = now_ms() + TELL_MS;
        }
        sleep_until(now_ms() + LOOK_MS);
    }
    tell(stay, &so_far);
}

/* @return how many of the threads could be started */
static size_t start(struct stay *stay, pthread_t *threads, const pthread_attr_t *attributes)
{
    size_t started = 0;
    atomic_store(&stay->running, stay->shares);
    while (started < stay->shares && pthread_create(&threads[started], attributes, stay_some, stay) == 0) {
        started++;
    }
    (void)atomic_fetch_sub(&stay->running, stay->shares - started);
    return started;
}

bool sim_stay_run(const struct stay_plan *plan, struct stay_result *out)
{
    struct stay stay = {.plan = plan, .result = out, .start_ms = now_ms()};
    pthread_attr_t attributes;
    memset(out, 0, sizeof *out);
    stay.shares = plan->connections < plan->count ? plan->connections : plan->count;
    pthread_t *threads = calloc(stay.shares, sizeof *threads);
    stay.holdings = calloc(plan->count, sizeof *stay.holdings);
    if (threads == NULL || stay.holdings == NULL || pthread_attr_init(&attributes) != 0 ||
        pthread_mutex_init(&stay.lock, NULL) != 0) {
        free(threads);
        free(stay.holdings);
        return false;
    }
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES); /* the default does as well */
    size_t started = start(&stay, threads, &attributes);
    watch(&stay);
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    (void)pthread_attr_destroy(&attributes);
    (void)pthread_mutex_destroy(&stay.lock);
    free(threads);
    free(stay.holdings);
    return started == stay.shares;
}
