/* So many at once, then so many a second, for each source alone. */
#include "tests/unit/pki/pki_fixture.h"

#include "fleet/source_rates.h"

static const int64_t AT_MS = 1000000;

static int taken(struct source_rates *rates, const char *address, int64_t at_ms, int times)
{
    int n = 0;
    for (int i = 0; i < times; i++) {
        err_t result = source_rates_take(rates, address, at_ms);
        assert_true(result.code == ERR_OK || (result.code == ERR_TOO_MANY && result.retry_after_s >= 1));
        n += result.code == ERR_OK ? 1 : 0;
    }
    return n;
}

static void a_burst_and_then_a_rate(void **state)
{
    AUTO_PTR(source_rates) *rates = NULL;
    (void)state;
    assert_ok(source_rates_new(random_system(), 10, 5, &rates));
    assert_int_equal(taken(rates, "192.0.2.1", AT_MS, 20), 5);
    assert_int_equal(taken(rates, "192.0.2.2", AT_MS, 20), 5); /* another's own */
    assert_int_equal(taken(rates, "192.0.2.1", AT_MS + 99, 5), 0);
    assert_int_equal(taken(rates, "192.0.2.1", AT_MS + 100, 5), 1);
    assert_int_equal(taken(rates, "192.0.2.1", AT_MS + 300, 5), 2);
    assert_int_equal(taken(rates, "192.0.2.1", AT_MS + 60000, 20), 5); /* no more is saved up */
}

static void looking_takes_nothing(void **state)
{
    AUTO_PTR(source_rates) *rates = NULL;
    (void)state;
    assert_ok(source_rates_new(random_system(), 10, 2, &rates));
    for (int i = 0; i < 10; i++) {
        assert_ok(source_rates_look(rates, "192.0.2.1", AT_MS));
    }
    assert_int_equal(taken(rates, "192.0.2.1", AT_MS, 5), 2);
    err_t error = source_rates_look(rates, "192.0.2.1", AT_MS);
    assert_error(error, ERR_TOO_MANY, "this address");
    assert_int_equal(error.retry_after_s, 1);
    assert_ok(source_rates_look(rates, "192.0.2.2", AT_MS));
    assert_ok(source_rates_look(rates, "192.0.2.1", AT_MS + 100));
    /* nobody loses its place to those who look */
    for (int i = 0; i < 40000; i++) {
        char address[32];
        (void)snprintf(address, sizeof address, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        assert_ok(source_rates_look(rates, address, AT_MS));
    }
    assert_int_equal(taken(rates, "192.0.2.1", AT_MS, 5), 0);
}

static void who_is_one_source(void **state)
{
    AUTO_PTR(source_rates) *rates = NULL;
    (void)state;
    assert_ok(source_rates_new(random_system(), 1, 1, &rates));
    assert_int_equal(taken(rates, "2001:db8::1", AT_MS, 1), 1);
    assert_int_equal(taken(rates, "2001:db8::2", AT_MS, 1), 0);
    assert_int_equal(taken(rates, "2001:db8:0:1::1", AT_MS, 1), 1);
    assert_int_equal(taken(rates, "192.0.2.1", AT_MS, 1), 1);
    assert_int_equal(taken(rates, "::ffff:192.0.2.1", AT_MS, 1), 0);
    assert_int_equal(taken(rates, NULL, AT_MS, 1), 1);
    assert_int_equal(taken(rates, "", AT_MS, 1), 0);
}

/* More sources than places: each still gets its first. */
static void a_flood_of_sources(void **state)
{
    AUTO_PTR(source_rates) *rates = NULL;
    (void)state;
    assert_ok(source_rates_new(random_system(), 1, 1, &rates));
    for (int i = 0; i < 40000; i++) {
        char address[32];
        (void)snprintf(address, sizeof address, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        assert_int_equal(taken(rates, address, AT_MS, 1), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_and_then_a_rate), cmocka_unit_test(looking_takes_nothing),
        cmocka_unit_test(who_is_one_source), cmocka_unit_test(a_flood_of_sources)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
