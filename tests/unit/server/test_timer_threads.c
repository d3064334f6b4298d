/* The background thread: jobs run when they are due, a failing one runs again, a reload comes in between, the
 * end waits. */
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
    static const struct job jobs[] = {
        {"quick", 5, quick}, {"failing", 10, failing}, {"never", 3600000, never}};
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_jobs_and_reload),
                                       cmocka_unit_test(test_reload_by_the_clock)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
