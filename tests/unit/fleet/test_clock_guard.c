/* The guard of the clock: what is a step and what is not, what is held, what ends it, what outlives a
 * restart.
 */
#include "tests/unit/fleet/fleet_fixture.h"

#include "fleet/clock_guard.h"
#include "fleet/jobs.h"

static const int64_t second_ms = 1000;
static const int64_t minute_ms = 60 * 1000;
static const int64_t limit_ms = 5 * 60 * 1000;

/* As the server starts: the guard compares with what the node saw. */
static void start(struct fleet_fixture *f)
{
    fleet_free(f->fleet);
    f->options.clock_step_limit_ms = limit_ms;
    assert_ok(fleet_new(&f->options, &f->fleet));
    assert_ok(clock_guard_start(f->fleet));
}

/* As after a restart. */
static void restart(struct fleet_fixture *f)
{
    fleet_fixture_reopen(f);
    start(f);
}

static void guarded(struct fleet_fixture *f, void *house)
{
    fleet_fixture_init(f, house);
    start(f);
}

static void run_watch(struct fleet_fixture *f)
{
    assert_ok(clock_guard_watch(f->fleet, 0));
}

static struct clock_view view_of(struct fleet_fixture *f)
{
    struct clock_view view;
    clock_guard_view(f->fleet, &view);
    return view;
}

struct kinds {
    const char *wanted;
    int count;
};

static err_t count_kind(const struct db_row *row, void *arg)
{
    struct kinds *kinds = arg;
    kinds->count += bytes_is(db_row_bytes(row, 0), kinds->wanted) ? 1 : 0;
    return OK;
}

static err_t read_kinds(struct db_tx *tx, void *arg)
{
    static const char sql[] = "SELECT kind FROM audit";
    return db_run(tx, sql, NULL, 0, count_kind, arg);
}

static int events_of(struct fleet_fixture *f, const char *kind)
{
    struct kinds kinds = {.wanted = kind};
    assert_ok(db_read(f->db, read_kinds, &kinds));
    return kinds.count;
}

/* --- what is a step ------------------------------------------------------------------------------------- */

static void a_clock_that_goes_on_is_trusted(void **state)
{
    struct fleet_fixture f;
    guarded(&f, *state);
    for (int i = 0; i < 100; i++) {
        manual_clock_advance(&f.clock, hour_ms);
        run_watch(&f);
        assert_ok(clock_guard_check(f.fleet));
    }
    assert_int_equal(clock_guard_now_ms(f.fleet), clock_now_ms(&f.clock.clock));
    assert_int_equal(events_of(&f, "clock.held"), 0);
    fleet_fixture_clear(&f);
}

static void a_step_is_held_before_the_job_comes(void **state)
{
    static const int64_t steps[] = {-3600 * 1000, 10 * 365 * 24 * 3600 * 1000LL, 5 * 60 * 1000 + 1};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct fleet_fixture f;
        guarded(&f, *state);
        manual_clock_step(&f.clock, steps[i]);
        assert_error(clock_guard_check(f.fleet), ERR_CLOCK_HELD, "stepped");
        struct clock_view view = view_of(&f);
        assert_true(view.is_held);
        assert_int_equal(view.step_ms, steps[i]);
        assert_int_equal(view.since_ms, fleet_now_ms + steps[i]);
        run_watch(&f);
        run_watch(&f);
        assert_int_equal(events_of(&f, "clock.held"), 1);
        fleet_fixture_clear(&f);
    }
}

static void a_small_step_is_none(void **state)
{
    struct fleet_fixture f;
    guarded(&f, *state);
    manual_clock_step(&f.clock, limit_ms);
    assert_ok(clock_guard_check(f.fleet));
    manual_clock_step(&f.clock, -2 * limit_ms);
    assert_ok(clock_guard_check(f.fleet));
    fleet_fixture_clear(&f);
}

/* What NTP slews is followed; several small steps in a short time add up. */
static void drift_is_followed_and_creeping_is_not(void **state)
{
    struct fleet_fixture f;
    guarded(&f, *state);
    for (int i = 0; i < 24 * 60; i++) { /* 0.5 ms a second, for a day: 43 s */
        manual_clock_advance(&f.clock, minute_ms);
        manual_clock_step(&f.clock, 30);
        run_watch(&f);
    }
    assert_ok(clock_guard_check(f.fleet));
    manual_clock_step(&f.clock, 280 * second_ms);
    assert_ok(clock_guard_check(f.fleet));
    manual_clock_advance(&f.clock, minute_ms);
    manual_clock_step(&f.clock, 280 * second_ms);
    assert_error(clock_guard_check(f.fleet), ERR_CLOCK_HELD, "the clock is held");
    fleet_fixture_clear(&f);
}

/* --- what is held --------------------------------------------------------------------------------------- */

static int ran;
static err_t note_run(struct fleet *fleet, int64_t now_ms)
{
    (void)fleet;
    ran++;
    assert_int_equal(now_ms, fleet_now_ms + 60 * 1000);
    return OK;
}

static void jobs_that_end_things_wait(void **state)
{
    struct fleet_fixture f;
    guarded(&f, *state);
    ran = 0;
    manual_clock_advance(&f.clock, minute_ms);
    manual_clock_step(&f.clock, hour_ms);
    const struct job waiting = {.name = "x", .run = note_run, .waits_for_clock = true};
    const struct job going = {.name = "y", .run = note_run};
    assert_ok(fleet_job_run(f.fleet, &waiting, clock_now_ms(&f.clock.clock)));
    assert_int_equal(ran, 0);
    /* the others are told the time as it would be */
    assert_ok(fleet_job_run(f.fleet, &going, clock_now_ms(&f.clock.clock)));
    assert_int_equal(ran, 1);
    fleet_fixture_clear(&f);
}

static void what_ends_things_by_time_waits_for_the_clock(void **state)
{
    static const char *const waiting[] = {"superseded", "device-terms", "approvals", "transfers",
                                          "session-sweep"};
    static const char *const going[] = {"clock", "publication", "checkpoint", "operations"};
    size_t count = 0, seen = 0;
    (void)state;
    const struct job *jobs = fleet_jobs(&count);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < sizeof waiting / sizeof waiting[0]; k++) {
            bool is_it = strcmp(jobs[i].name, waiting[k]) == 0;
            assert_true(!is_it || jobs[i].waits_for_clock);
            seen += is_it ? 1 : 0;
        }
        for (size_t k = 0; k < sizeof going / sizeof going[0]; k++) {
            bool is_it = strcmp(jobs[i].name, going[k]) == 0;
            assert_false(is_it && jobs[i].waits_for_clock);
            seen += is_it ? 1 : 0;
        }
    }
    assert_int_equal(seen, sizeof waiting / sizeof waiting[0] + sizeof going / sizeof going[0]);
}

/* --- what ends it --------------------------------------------------------------------------------------- */

static void a_clock_that_is_right_again_goes_on(void **state)
{
    struct fleet_fixture f;
    guarded(&f, *state);
    manual_clock_step(&f.clock, -hour_ms);
    run_watch(&f);
    manual_clock_advance(&f.clock, minute_ms);
    manual_clock_step(&f.clock, hour_ms);
    run_watch(&f);
    assert_ok(clock_guard_check(f.fleet));
    assert_int_equal(events_of(&f, "clock.returned"), 1);
    restart(&f);
    assert_ok(clock_guard_check(f.fleet));
    fleet_fixture_clear(&f);
}

static void somebody_confirms_the_clock(void **state)
{
    struct fleet_fixture f;
    struct clock_view view;
    guarded(&f, *state);
    assert_error(clock_guard_confirm(f.fleet, &test_actor, fleet_now_ms, &view), ERR_WRONG_STATE, "not held");
    manual_clock_step(&f.clock, hour_ms);
    run_watch(&f);
    /* who thinks that it is an hour earlier does not confirm this clock */
    assert_error(clock_guard_confirm(f.fleet, &test_actor, fleet_now_ms, &view), ERR_UNPROCESSABLE,
                 "'time' is 3600 s away");
    assert_error(clock_guard_check(f.fleet), ERR_CLOCK_HELD, "the clock is held");
    assert_ok(clock_guard_confirm(f.fleet, &test_actor, fleet_now_ms + hour_ms, &view));
    assert_false(view.is_held);
    assert_ok(clock_guard_check(f.fleet));
    run_watch(&f);
    assert_int_equal(events_of(&f, "clock.confirmed"), 1);
    assert_int_equal(events_of(&f, "clock.returned"), 0);
    restart(&f);
    assert_ok(clock_guard_check(f.fleet));
    fleet_fixture_clear(&f);
}

/* --- what outlives a restart ---------------------------------------------------------------------------- */

static void a_restart_confirms_nothing(void **state)
{
    struct fleet_fixture f;
    struct clock_view view;
    guarded(&f, *state);
    manual_clock_step(&f.clock, hour_ms);
    run_watch(&f);
    restart(&f);
    assert_error(clock_guard_check(f.fleet), ERR_CLOCK_HELD, "the clock is held");
    assert_int_equal(events_of(&f, "clock.held"), 1);
    assert_ok(clock_guard_confirm(f.fleet, &test_actor, fleet_now_ms + hour_ms, &view));
    assert_ok(clock_guard_check(f.fleet));
    fleet_fixture_clear(&f);
}

/* A host without a battery wakes up in the past, and learns the time a little later. */
static void a_start_in_the_past_waits_for_the_time(void **state)
{
    struct fleet_fixture f;
    guarded(&f, *state);
    manual_clock_advance(&f.clock, day_ms);
    run_watch(&f);
    manual_clock_step(&f.clock, -hour_ms);
    restart(&f);
    assert_error(clock_guard_check(f.fleet), ERR_CLOCK_HELD, "behind");
    manual_clock_step(&f.clock, 2 * hour_ms);
    run_watch(&f);
    assert_ok(clock_guard_check(f.fleet));
    assert_int_equal(events_of(&f, "clock.returned"), 1);
    fleet_fixture_clear(&f);
}

static void a_start_years_later_is_confirmed(void **state)
{
    struct fleet_fixture f;
    struct clock_view view;
    guarded(&f, *state);
    manual_clock_advance(&f.clock, (CLOCK_AHEAD_MAX_DAYS - 1) * day_ms);
    restart(&f);
    assert_ok(clock_guard_check(f.fleet)); /* it was off for so long */
    manual_clock_advance(&f.clock, 3650 * day_ms);
    restart(&f);
    assert_error(clock_guard_check(f.fleet), ERR_CLOCK_HELD, "ahead");
    assert_ok(clock_guard_confirm(f.fleet, &test_actor, clock_now_ms(&f.clock.clock), &view));
    assert_ok(clock_guard_check(f.fleet));
    fleet_fixture_clear(&f);
}

static void without_a_limit_nothing_is_held(void **state)
{
    struct fleet_fixture f;
    fleet_fixture_init(&f, *state);
    assert_ok(clock_guard_start(f.fleet));
    manual_clock_step(&f.clock, 3650 * day_ms);
    assert_ok(clock_guard_check(f.fleet));
    run_watch(&f);
    assert_int_equal(events_of(&f, "clock.held"), 0);
    fleet_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_goes_on_is_trusted),
        cmocka_unit_test(a_step_is_held_before_the_job_comes),
        cmocka_unit_test(a_small_step_is_none),
        cmocka_unit_test(drift_is_followed_and_creeping_is_not),
        cmocka_unit_test(jobs_that_end_things_wait),
        cmocka_unit_test(what_ends_things_by_time_waits_for_the_clock),
        cmocka_unit_test(a_clock_that_is_right_again_goes_on),
        cmocka_unit_test(somebody_confirms_the_clock),
        cmocka_unit_test(a_restart_confirms_nothing),
        cmocka_unit_test(a_start_in_the_past_waits_for_the_time),
        cmocka_unit_test(a_start_years_later_is_confirmed),
        cmocka_unit_test(without_a_limit_nothing_is_held),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
