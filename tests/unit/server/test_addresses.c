/* Connections are counted by source network: one IPv4 address, one IPv6 /64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "server/addresses.h"

static struct sockaddr_storage from(const char *text)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in in4 = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in4.sin_addr) == 1) {
        memcpy(&storage, &in4, sizeof in4);
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
        memcpy(&storage, &in6, sizeof in6);
    }
    return storage;
}

static void test_networks(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second;
        bool is_one;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true},
        {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
        {"192.0.2.1", "::ffff:192.0.2.1", true},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO_PTR(addresses) *addresses = NULL;
        struct address_slots slots, again;
        struct sockaddr_storage a = from(rows[i].first), b = from(rows[i].second);
        assert_int_equal(addresses_new(100, 1, random_system(), &addresses).code, ERR_OK);
        assert_true(addresses_enter(addresses, (const struct sockaddr *)&a, LANE_DEVICE, &slots));
        assert_int_equal(addresses_enter(addresses, (const struct sockaddr *)&b, LANE_DEVICE, &again),
                         !rows[i].is_one);
        addresses_leave(addresses, slots);
        assert_true(addresses_enter(addresses, (const struct sockaddr *)&a, LANE_DEVICE, &slots));
    }
}

static void test_a_full_house_of_strangers_refuses_nobody(void **state)
{
    (void)state;
    AUTO_PTR(addresses) *addresses = NULL;
    struct address_slots slots;
    assert_int_equal(addresses_new(10000, 4, random_system(), &addresses).code, ERR_OK);
    for (uint32_t i = 0; i < 10000; i++) {
        struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000000 + i)};
        assert_true(addresses_enter(addresses, (const struct sockaddr *)&in4, LANE_DEVICE, &slots));
    }
}

static void test_lanes_count_apart(void **state)
{
    (void)state;
    AUTO_PTR(addresses) *addresses = NULL;
    struct address_slots slots;
    struct sockaddr_storage a = from("192.0.2.1");
    assert_int_equal(addresses_new(100, 1, random_system(), &addresses).code, ERR_OK);
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        assert_true(
            addresses_enter(addresses, (const struct sockaddr *)&a, (enum admission_lane)lane, &slots));
        assert_false(
            addresses_enter(addresses, (const struct sockaddr *)&a, (enum admission_lane)lane, &slots));
    }
}

static void test_format(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"192.0.2.1", "192.0.2.1"}, {"2001:db8::1", "2001:db8::1"}, {"::ffff:192.0.2.1", "192.0.2.1"}};
    for (size_t i = 0; i < 3; i++) {
        char text[46];
        struct sockaddr_storage a = from(rows[i][0]);
        address_format((const struct sockaddr *)&a, text, sizeof text);
        assert_string_equal(text, rows[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_networks), cmocka_unit_test(test_a_full_house_of_strangers_refuses_nobody),
        cmocka_unit_test(test_lanes_count_apart), cmocka_unit_test(test_format)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
