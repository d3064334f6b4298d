/* The setting `hosts` as names that nobody else may have. */
#include "tests/unit/fleet/fleet_fixture.h"

#include "fleet/own_names.h"

static void test_names(void **state)
{
    struct own_names own;
    (void)state;
    own_names_of("Whorl.Example.COM, 192.0.2.1,,*.devices.example.com", &own);
    assert_int_equal(own.count, 3);
    assert_string_equal(own.names[0], "whorl.example.com");
    assert_string_equal(own.names[1], "192.0.2.1");
    assert_string_equal(own.names[2], "devices.example.com");
    own_names_of(NULL, &own);
    assert_int_equal(own.count, 0);
}

static void test_many(void **state)
{
    AUTO_VAL(buf) hosts = {0};
    struct own_names own;
    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_ok(buf_append_str(&hosts, "a.b,"));
    }
    own_names_of(buf_str(&hosts), &own);
    assert_int_equal(own.count, OWN_NAMES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
