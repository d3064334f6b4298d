/* Tests of the bounded memory of refusals and of the names of networks. */
#include "tests/unit/pki/pki_fixture.h"

#include "fleet/internal.h"
#include "fleet/refusals.h"

static const int64_t AT_MS = 1780272000000;

static void test_networks(void **state)
{
    static const struct {
        const char *address, *network;
    } CASES[] = {{"192.0.2.77", "192.0.2.0/24"},
                 {"::ffff:192.0.2.77", "192.0.2.0/24"},
                 {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
                 {"::1", "::/64"},
                 {"", "unknown"},
                 {"nonsense\"", "unknown"},
                 {NULL, "unknown"}};
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char out[NETWORK_TEXT_SIZE];
        refusals_network(CASES[i].address, out);
        assert_string_equal(out, CASES[i].network);
    }
}

static void test_what_was_not_recorded_is_counted(void **state)
{
    (void)state;
    struct refusals *refusals = NULL;
    int64_t unrecorded = 0;
    struct bytes key = bytes_str("192.0.2.0/24");
    assert_ok(refusals_new(&refusals));
    assert_true(refusals_may_record(refusals, REFUSAL_UNKNOWN, key, AT_MS, &unrecorded));
    for (int i = 0; i < 5; i++) {
        assert_false(refusals_may_record(refusals, REFUSAL_UNKNOWN, key, AT_MS + i, &unrecorded));
    }
    assert_true(refusals_may_record(refusals, REFUSAL_ALARM, key, AT_MS, &unrecorded)); /* a key of its own */
    assert_true(refusals_may_record(refusals, REFUSAL_UNKNOWN, key, AT_MS + 60000, &unrecorded));
    assert_int_equal(unrecorded, 5);
    /* a clock that was set back does not silence anybody for long */
    assert_true(refusals_may_record(refusals, REFUSAL_UNKNOWN, key, AT_MS - 3600000, &unrecorded));
    refusals_free(refusals);
}

/* A flood from a million networks writes no more records a minute than the table has places. */
static void test_a_flood_is_bounded(void **state)
{
    (void)state;
    struct refusals *refusals = NULL;
    int64_t unrecorded = 0;
    int64_t recorded = 0;
    assert_ok(refusals_new(&refusals));
    for (uint32_t i = 0; i < 100000; i++) {
        struct bytes key = {(const uint8_t *)&i, sizeof i};
        recorded +=
            refusals_may_record(refusals, REFUSAL_UNKNOWN, key, AT_MS + i / 2000, &unrecorded) ? 1 : 0;
    }
    assert_true(recorded > 3500 && recorded <= 4096);
    uint32_t late = 100000;
    assert_true(refusals_may_record(refusals, REFUSAL_UNKNOWN,
                                    (struct bytes){(const uint8_t *)&late, sizeof late}, AT_MS + 61000,
                                    &unrecorded));
    refusals_free(refusals);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_what_was_not_recorded_is_counted),
        cmocka_unit_test(test_a_flood_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
