/* CIDR lists: what is a network, and who is in it. */
#include "tests/unit/fleet/fleet_fixture.h"

#include "fleet/sources.h"

static void networks_hold_their_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *source, *address;
        bool is_in;
    } table[] = {
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.6", false},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.128/25", "192.0.2.255", true},
        {"0.0.0.0/0", "203.0.113.1", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "203.0.113.1", false},
        {"192.0.2.0/24", "::ffff:192.0.2.9", true},
        {"::ffff:192.0.2.9", "192.0.2.9", true},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"10.0.0.0/8", "", false},
        {"10.0.0.0/8", "localhost", false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char list[SOURCES_SIZE] = "";
        assert_ok(sources_add(bytes_str(table[i].source), list));
        if (sources_allow(list, table[i].address) != table[i].is_in) {
            fail_msg("%s in %s", table[i].address, list);
        }
    }
    assert_true(sources_allow("", "192.0.2.1"));
}

static void what_is_no_network_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "10.0.0.0/33",
                                      "10.0.0/8",
                                      "10.0.0.0/",
                                      "10.0.0.0/-1",
                                      "10.0.0.0/ 8",
                                      "::/129",
                                      "example.com",
                                      "10.0.0.0/8/8",
                                      "010.0.0.1",
                                      "fe80::1%eth0",
                                      "::ffff:10.0.0.0/104",
                                      "10.0.0.0/8,::1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char list[SOURCES_SIZE] = "";
        assert_error(sources_add(bytes_str(bad[i]), list), ERR_UNPROCESSABLE, "source");
        assert_string_equal(list, "");
    }
}

static void a_list_has_ten_at_most(void **state)
{
    (void)state;
    char list[SOURCES_SIZE] = "";
    for (int i = 0; i < SOURCES_MAX; i++) {
        assert_ok(sources_add(bytes_str("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), list));
    }
    assert_error(sources_add(bytes_str("10.0.0.1"), list), ERR_UNPROCESSABLE, "10 sources");
    assert_true(sources_allow(list, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
    assert_false(sources_allow(list, "::1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_hold_their_addresses),
        cmocka_unit_test(what_is_no_network_is_refused),
        cmocka_unit_test(a_list_has_ten_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
