/* When background work waits, for how long, and that it goes on: time is the test's, and passes only where
 * something sleeps. */
#include "tests/unit/fleet/fleet_fixture.h"

#include "fleet/jobs.h"
#include "fleet/yield.h"

struct busy {
    struct fleet_fixture *f;
    int64_t until_ms; /* by the monotonic clock */
    int64_t slept_ms;
    int asked;
    bool is_nested, ends;
};

static int64_t now_of(const struct busy *busy)
{
    return clock_monotonic_ms(&busy->f->clock.clock);
}

static bool is_busy(void *context)
{
    struct busy *busy = context;
    busy->asked++;
    return now_of(busy) < busy->until_ms;
}

static void sleep_of(void *context, int64_t ms)
{
    struct busy *busy = context;
    busy->slept_ms += ms;
    manual_clock_advance(&busy->f->clock, ms);
    if (busy->is_nested) { /* another thread's job at the same time */
        int asked = busy->asked;
        yield_pause(busy->f->fleet, YIELD_STEP);
        assert_int_equal(busy->asked, asked); /* it does not wait: threads must be left */
    }
    if (busy->ends) {
        yield_end(busy->f->fleet);
    }
}

static void begin(struct busy *busy, struct fleet_fixture *f, int64_t busy_ms)
{
    *busy = (struct busy){.f = f};
    busy->until_ms = now_of(busy) + busy_ms;
    const struct yield_port port = {.is_busy = is_busy, .sleep = sleep_of, .context = busy};
    yield_ask(f->fleet, &port);
}

static void the_rule(void **state)
{
    (void)state;
    assert_int_equal(yield_judge(false, 0, 0), YIELD_GO);
    assert_int_equal(yield_judge(false, 1000, 500), YIELD_GO);
    assert_int_equal(yield_judge(true, 0, 500), YIELD_WAIT);
    assert_int_equal(yield_judge(true, 499, 500), YIELD_WAIT);
    assert_int_equal(yield_judge(true, 500, 500), YIELD_FORCED);
    assert_int_equal(yield_judge(true, 0, 0), YIELD_FORCED);
}

static void a_pause_ends_with_the_waiting(void **state)
{
    struct fleet_fixture *f = *state;
    struct busy busy;
    yield_pause(f->fleet, YIELD_STEP); /* nobody to ask: nothing to wait for */
    begin(&busy, f, 0);
    yield_pause(f->fleet, YIELD_STEP);
    assert_int_equal(busy.slept_ms, 0);
    begin(&busy, f, 95);
    yield_pause(f->fleet, YIELD_STEP);
    assert_int_equal(busy.slept_ms, 100); /* it looks every ten */
    begin(&busy, f, 95);
    yield_pause(f->fleet, YIELD_WEBHOOK);
    assert_int_equal(busy.slept_ms, 100);
}

/* Under a load that never ends ten steps take ten bounded pauses, no more. */
static void nothing_starves(void **state)
{
    struct fleet_fixture *f = *state;
    struct busy busy;
    AUTO_VAL(buf) text = {0};
    begin(&busy, f, INT32_MAX);
    for (int i = 0; i < 10; i++) {
        yield_pause(f->fleet, YIELD_STEP);
    }
    assert_int_equal(busy.slept_ms, 10 * YIELD_STEP_MS);
    assert_false(yield_may_begin(f->fleet, 0, 5000));
    assert_false(yield_may_begin(f->fleet, 4999, 5000));
    assert_true(yield_may_begin(f->fleet, 5000, 5000));
    assert_true(yield_may_begin(f->fleet, 0, 0)); /* what must be done does not ask */
    assert_ok(yields_write_metrics(f->fleet, &text));
    assert_non_null(strstr(buf_str(&text), "whorl_yields_total{of=\"step\"} 10\n"));
    assert_non_null(strstr(buf_str(&text), "whorl_yields_forced_total{of=\"step\"} 10\n"));
    assert_non_null(strstr(buf_str(&text), "whorl_yield_seconds_total{of=\"step\"} 5.000\n"));
    assert_non_null(strstr(buf_str(&text), "whorl_yields_forced_total{of=\"job\"} 1\n"));
    assert_non_null(strstr(buf_str(&text), "whorl_yield_seconds_total{of=\"job\"} 5.000\n"));
    assert_non_null(strstr(buf_str(&text), "whorl_yields_total{of=\"webhook\"} 0\n"));
}

static void one_pauses_at_a_time(void **state)
{
    struct fleet_fixture *f = *state;
    struct busy busy;
    begin(&busy, f, 25);
    busy.is_nested = true;
    yield_pause(f->fleet, YIELD_STEP);
    assert_int_equal(busy.slept_ms, 30);
    begin(&busy, f, 25); /* and the place is given back */
    yield_pause(f->fleet, YIELD_STEP);
    assert_int_equal(busy.slept_ms, 30);
}

static void the_end_waits_for_nobody(void **state)
{
    struct fleet_fixture *f = *state;
    struct busy busy;
    begin(&busy, f, INT32_MAX);
    busy.ends = true;
    yield_pause(f->fleet, YIELD_STEP);
    assert_int_equal(busy.slept_ms, YIELD_LOOK_MS);
    yield_pause(f->fleet, YIELD_WEBHOOK);
    yield_rest(f->fleet, 60000);
    assert_true(yield_may_begin(f->fleet, 0, 5000));
    assert_int_equal(busy.slept_ms, YIELD_LOOK_MS);
}

/* Lists that end, the clock, the signer, the log of the inventory: a second at most, and mostly nothing. */
static void what_must_be_done_in_time(void **state)
{
    static const char *const prompt[] = {"clock",      "signer",   "authorities", "ocsp-signers",
                                         "checkpoint", "expiries", "oidc-keys"};
    size_t count = 0, found = 0;
    (void)state;
    const struct job *jobs = fleet_jobs(&count);
    for (size_t i = 0; i < count; i++) {
        assert_in_range(jobs[i].yields_ms, 0, 10 * 60 * 1000);
        for (size_t k = 0; k < sizeof prompt / sizeof prompt[0]; k++) {
            bool is_it = strcmp(jobs[i].name, prompt[k]) == 0;
            found += is_it ? 1 : 0;
            assert_false(is_it && jobs[i].yields_ms != 0);
        }
        assert_false(strcmp(jobs[i].name, "publication") == 0 && jobs[i].yields_ms > 1000);
    }
    assert_int_equal(found, sizeof prompt / sizeof prompt[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

static struct test_house *house;

static int group_setup(void **state)
{
    void *made = NULL;
    (void)state;
    int result = fleet_group_setup(&made);
    house = made;
    return result;
}

static int group_teardown(void **state)
{
    void *made = house;
    (void)state;
    return fleet_group_teardown(&made);
}

static int fixture_setup(void **state)
{
    struct fleet_fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    fleet_fixture_init(f, house);
    *state = f;
    return 0;
}

static int fixture_teardown(void **state)
{
    fleet_fixture_clear(*state);
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(the_rule),
                                       TEST(a_pause_ends_with_the_waiting),
                                       TEST(nothing_starves),
                                       TEST(one_pauses_at_a_time),
                                       TEST(the_end_waits_for_nobody),
                                       TEST(what_must_be_done_in_time)};
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
