/* The background threads: jobs run when they are due, a failing one runs again, a reload comes in between,
 * the end waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "server/timer.h"

struct fleet { /* what the jobs of this test work on */
    atomic_int quick, failing, never, reloads;
    atomic_int slow, inside, most_inside, passed_on;
    atomic_bool is_free;
    atomic_int asked; /* whether "slow" may run */
    atomic_llong waited_ms;
};

static err_t quick(struct fleet *fleet, int64_t now_ms)
{
    (void)now_ms;
    atomic_fetch_add(&fleet->quick, 1);
    return OK;
}

static err_t failing(struct fleet *fleet, int64_t now_ms)
{
    (void)now_ms;
    atomic_fetch_add(&fleet->failing, 1);
    return ERR(ERR_IO, "on purpose");
}

static err_t never(struct fleet *fleet, int64_t now_ms)
{
    (void)now_ms;
    atomic_fetch_add(&fleet->never, 1);
    return OK;
}

/* Stays inside until it is let out. */
static err_t slow(struct fleet *fleet, int64_t now_ms)
{
    (void)now_ms;
    const struct timespec pause = {.tv_nsec = 1000000};
    int inside = atomic_fetch_add(&fleet->inside, 1) + 1;
    if (inside > atomic_load(&fleet->most_inside)) {
        atomic_store(&fleet->most_inside, inside);
    }
    while (!atomic_load(&fleet->is_free)) {
        nanosleep(&pause, NULL);
    }
    atomic_fetch_sub(&fleet->inside, 1);
    atomic_fetch_add(&fleet->slow, 1);
    return OK;
}

static err_t pass_on(struct fleet *fleet, const struct job *job, int64_t now_ms)
{
    atomic_fetch_add(&fleet->passed_on, 1);
    return job->run(fleet, now_ms);
}

static void on_reload(void *context)
{
    atomic_fetch_add(&((struct fleet *)context)->reloads, 1);
}

static void wait_for(atomic_int *counter, int least)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    for (int i = 0; i < 5000 && atomic_load(counter) < least; i++) {
        nanosleep(&pause, NULL);
    }
    assert_true(atomic_load(counter) >= least);
}

static void test_jobs_and_reload(void **state)
{
    (void)state;
    struct fleet fleet = {0};
    static const struct job jobs[] = {{"quick", 5, quick, false, 0},
                                      {"failing", 10, failing, false, 0},
                                      {"never", 3600000, never, false, 0}};
    const struct server_options options = {.jobs = jobs,
                                           .job_count = 3,
                                           .fleet = &fleet,
                                           .clock = clock_system(),
                                           .on_reload = on_reload,
                                           .reload_context = &fleet};
    struct timer *timer = NULL;
    AUTO_VAL(buf) text = {0};
    assert_int_equal(timer_new(&options, &timer).code, ERR_OK);
    assert_int_equal(timer_start(timer).code, ERR_OK);
    wait_for(&fleet.quick, 3);
    wait_for(&fleet.failing, 2);
    timer_reload(timer);
    wait_for(&fleet.reloads, 1);
    int seen = atomic_load(&fleet.quick);
    wait_for(&fleet.quick, seen + 2);
    assert_int_equal(timer_write_metrics(timer, &text).code, ERR_OK);
    assert_non_null(strstr(buf_str(&text), "whorl_job_runs_total{job=\"never\",result=\"ok\"} 0\n"));
    assert_null(strstr(buf_str(&text), "whorl_job_runs_total{job=\"failing\",result=\"failed\"} 0\n"));
    timer_free(timer);
    assert_int_equal(fleet.never, 0);
    assert_int_equal(fleet.reloads, 1);
}

/* One that waits for somebody delays no other, and is not started again beside itself. */
static void test_a_slow_job(void **state)
{
    (void)state;
    struct fleet fleet = {0};
    static const struct job jobs[] = {{"slow", 1, slow, false, 0}, {"quick", 5, quick, false, 0}};
    const struct server_options options = {.jobs = jobs,
                                           .job_count = 2,
                                           .run_job = pass_on,
                                           .fleet = &fleet,
                                           .clock = clock_system(),
                                           .on_reload = on_reload,
                                           .reload_context = &fleet};
    struct timer *timer = NULL;
    assert_int_equal(timer_new(&options, &timer).code, ERR_OK);
    assert_int_equal(timer_start(timer).code, ERR_OK);
    wait_for(&fleet.inside, 1);
    AUTO_VAL(buf) text = {0};
    assert_int_equal(timer_write_metrics(timer, &text).code, ERR_OK);
    assert_null(strstr(buf_str(&text), "whorl_jobs_running 0\n"));
    wait_for(&fleet.quick, 20);
    timer_reload(timer);
    wait_for(&fleet.reloads, 1);
    assert_int_equal(atomic_load(&fleet.slow), 0);
    atomic_store(&fleet.is_free, true);
    wait_for(&fleet.slow, 20);
    timer_free(timer);
    assert_int_equal(atomic_load(&fleet.most_inside), 1);
    assert_true(atomic_load(&fleet.passed_on) >= 40);
}

static bool may_run(struct fleet *fleet, const struct job *job, int64_t waited_ms)
{
    if (strcmp(job->name, "slow") != 0) {
        return true;
    }
    atomic_fetch_add(&fleet->asked, 1);
    atomic_store(&fleet->waited_ms, waited_ms);
    return waited_ms >= job->yields_ms;
}

/* One that lets others go first is asked again and again, told for how long it has waited by now, and runs in
 * the end; after that it waits anew. */
static void test_a_job_that_may_not_run_yet(void **state)
{
    (void)state;
    struct fleet fleet = {.is_free = true};
    static const struct job jobs[] = {{"slow", 1, slow, false, 250}, {"quick", 5, quick, false, 0}};
    const struct server_options options = {
        .jobs = jobs, .job_count = 2, .may_run_job = may_run, .fleet = &fleet, .clock = clock_system()};
    struct timer *timer = NULL;
    assert_int_equal(timer_new(&options, &timer).code, ERR_OK);
    assert_int_equal(timer_start(timer).code, ERR_OK);
    wait_for(&fleet.asked, 2);
    assert_int_equal(atomic_load(&fleet.slow), 0);
    wait_for(&fleet.slow, 1);
    assert_true(atomic_load(&fleet.asked) >= 3); /* at 0, 100, 200 and 300 ms, or later */
    int asked = atomic_load(&fleet.asked);
    wait_for(&fleet.asked, asked + 1);
    assert_int_equal(atomic_load(&fleet.slow), 1);
    assert_true(atomic_load(&fleet.waited_ms) < 250);
    assert_true(atomic_load(&fleet.quick) >= 10);
    timer_free(timer);
}

/* Certificates and ticket keys renew themselves: nobody sends a SIGHUP. */
static void test_reload_by_the_clock(void **state)
{
    (void)state;
    struct fleet fleet = {0};
    const struct server_options options = {
        .clock = clock_system(), .on_reload = on_reload, .reload_context = &fleet, .reload_period_ms = 10};
    struct timer *timer = NULL;
    assert_int_equal(timer_new(&options, &timer).code, ERR_OK);
    assert_int_equal(timer_start(timer).code, ERR_OK);
    wait_for(&fleet.reloads, 3);
    timer_free(timer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jobs_and_reload), cmocka_unit_test(test_a_slow_job),
        cmocka_unit_test(test_a_job_that_may_not_run_yet), cmocka_unit_test(test_reload_by_the_clock)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
