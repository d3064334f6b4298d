/* A list that took long to sign rests after the next change: a mass revocation must not keep a core busy. */
#include "tests/unit/fleet/fleet_fixture.h"

#include "db/crl_rows.h"
#include "fleet/publication.h"

/* A clock that takes a step at each look, as if everything took long. */
struct slow_clock {
    struct clock clock;
    const struct manual_clock *wall;
    int64_t at_ms, step_ms;
};

static int64_t slow_now(void *context)
{
    return ((struct slow_clock *)context)->wall->at_ms;
}

static int64_t slow_monotonic(void *context)
{
    struct slow_clock *clock = context;
    clock->at_ms += clock->step_ms;
    return clock->at_ms;
}

static err_t mark_in(struct db_tx *tx, void *arg)
{
    static const uint8_t serial[CERTIFICATE_SERIAL_SIZE] = {1};
    (void)arg;
    return crl_rows_mark_stale(tx, "device", serial);
}

static err_t take_number(const struct db_row *row, void *arg)
{
    *(int64_t *)arg = db_row_int(row, 0);
    return OK;
}

static err_t count_in(struct db_tx *tx, void *arg)
{
    return db_run(tx, "SELECT COUNT(*) FROM audit WHERE kind = 'crl.published'", NULL, 0, take_number, arg);
}

static int64_t refreshed(struct fleet_fixture *f)
{
    int64_t count = 0;
    assert_ok(publication_refresh(f->fleet, f->clock.at_ms));
    assert_ok(db_read(f->db, count_in, &count));
    return count;
}

static void test_a_long_list_rests(void **state)
{
    struct fleet_fixture f;
    fleet_fixture_init(&f, *state);
    struct slow_clock slow = {.wall = &f.clock, .at_ms = 1000};
    slow.clock = (struct clock){.context = &slow, .now_ms = slow_now, .monotonic_ms = slow_monotonic};
    f.options.clock = &slow.clock;
    fleet_free(f.fleet);
    assert_ok(fleet_new(&f.options, &f.fleet));
    assert_int_equal(refreshed(&f), 3);
    assert_int_equal(refreshed(&f), 3); /* the others are settled: nobody else looks at the clock */
    slow.step_ms = 1000;
    assert_ok(db_write(f.db, mark_in, NULL));
    assert_int_equal(refreshed(&f), 4); /* that took a second */
    slow.step_ms = 0;
    assert_ok(db_write(f.db, mark_in, NULL));
    assert_int_equal(refreshed(&f), 4);
    slow.at_ms += 3999;
    assert_int_equal(refreshed(&f), 4);
    slow.at_ms += 1;
    assert_int_equal(refreshed(&f), 5);
    slow.step_ms = 1000;
    assert_ok(db_write(f.db, mark_in, NULL));
    assert_int_equal(refreshed(&f), 6);
    slow.step_ms = 0;
    manual_clock_advance(&f.clock, 12 * hour_ms); /* its time has come: no rest */
    assert_int_equal(refreshed(&f), 9);
    fleet_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_long_list_rests)};
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
