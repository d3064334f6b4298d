/* What is special and what is not, in every spelling that an address has; lists of networks. */
#include "tests/unit/base/base_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "outbound/ip.h"

static struct ip parse(const char *text)
{
    struct ip address;
    if (!ip_read(text, &address)) {
        fail_msg("%s is no address", text);
    }
    return address;
}

static void ordinary_addresses_are_ordinary(void **state)
{
    (void)state;
    static const char *const ordinary[] = {
        "1.1.1.1",          "9.255.255.255",   "11.0.0.0",         "100.63.255.255",
        "100.128.0.0",      "126.255.255.255", "128.0.0.0",        "168.63.129.15",
        "169.253.255.255",  "169.255.0.0",     "172.15.255.255",   "172.32.0.0",
        "192.0.1.0",        "192.0.3.0",       "192.167.255.255",  "192.169.0.0",
        "198.17.255.255",   "198.20.0.0",      "203.0.112.255",    "203.0.114.0",
        "223.255.255.255",  "::ffff:8.8.8.8",  "64:ff9b::8.8.8.8", "2001:200::1",
        "2001:db7:ffff::1", "2001:db9::1",     "2003::1",          "2606:4700:4700::1111",
        "2a00:1450::1",     "3ffe::1"};
    for (size_t i = 0; i < COUNT_OF(ordinary); i++) {
        struct ip address = parse(ordinary[i]);
        const char *what = ip_special(&address);
        if (what != NULL) {
            fail_msg("%s is called %s", ordinary[i], what);
        }
    }
}

static const struct {
    const char *address, *what;
} special[] = {
    {"0.0.0.0", "this network"},
    {"0.255.255.255", "this network"},
    {"10.0.0.0", "private"},
    {"10.255.255.255", "private"},
    {"100.64.0.0", "shared"},
    {"100.100.100.200", "shared"},
    {"100.127.255.255", "shared"},
    {"127.0.0.1", "loopback"},
    {"127.255.255.254", "loopback"},
    {"168.63.129.16", "cloud"},
    {"169.254.169.254", "link-local"},
    {"172.16.0.0", "private"},
    {"172.31.255.255", "private"},
    {"192.0.0.8", "IETF"},
    {"192.0.2.1", "documentation"},
    {"192.31.196.1", "AS112"},
    {"192.52.193.1", "AMT"},
    {"192.88.99.1", "6to4"},
    {"192.168.0.0", "private"},
    {"192.168.255.255", "private"},
    {"192.175.48.1", "AS112"},
    {"198.18.0.0", "benchmarking"},
    {"198.19.255.255", "benchmarking"},
    {"198.51.100.1", "documentation"},
    {"203.0.113.255", "documentation"},
    {"224.0.0.1", "multicast"},
    {"239.255.255.255", "multicast"},
    {"240.0.0.1", "reserved"},
    {"255.255.255.255", "broadcast"},
    {"::", "unspecified"},
    {"::1", "loopback"},
    {"::127.0.0.1", "IPv4-compatible"},
    {"::8.8.8.8", "IPv4-compatible"},
    {"::ffff:127.0.0.1", "loopback"},
    {"::ffff:a9fe:a9fe", "link-local"},
    {"::ffff:0:127.0.0.1", "translated"},
    {"64:ff9b::127.0.0.1", "loopback"},
    {"64:ff9b::10.1.2.3", "private"},
    {"64:ff9b:1::10.1.2.3", "local-use"},
    {"64:ff9b::1:8.8.8.8", "reserved"},
    {"100::1", "discard"},
    {"100:0:0:1::1", "dummy"},
    {"2001::1", "IETF"},
    {"2001:0:808:808::1", "Teredo"},
    {"2001:1ff:ffff::1", "IETF"},
    {"2001:db8::1", "documentation"},
    {"2002:7f00:1::1", "6to4"},
    {"2620:4f:8000::1", "AS112"},
    {"3fff:fff::1", "documentation"},
    {"4000::1", "reserved"},
    {"5f00::1", "segment"},
    {"e000::1", "reserved"},
    {"fc00::1", "private"},
    {"fd00:ec2::254", "private"},
    {"fe80::1", "link-local"},
    {"febf::1", "link-local"},
    {"fec0::1", "site-local"},
    {"ff02::1", "multicast"},
};

static void special_addresses_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(special); i++) {
        struct ip address = parse(special[i].address);
        const char *what = ip_special(&address);
        if (what == NULL || strstr(what, special[i].what) == NULL) {
            fail_msg("%s: %s", special[i].address, what == NULL ? "ordinary" : what);
        }
    }
}

static void texts_come_back_in_one_form(void **state)
{
    (void)state;
    char text[IP_TEXT_SIZE];
    struct ip a = parse("::ffff:192.0.2.7");
    struct ip b = parse("192.0.2.7");
    assert_true(ip_equal(&a, &b));
    assert_true(ip_is_v4(&a));
    ip_format(&a, text);
    assert_string_equal(text, "192.0.2.7");
    a = parse("2001:DB8:0:0::1");
    ip_format(&a, text);
    assert_string_equal(text, "2001:db8::1");
    assert_false(ip_is_v4(&a));
    static const char *const none[] = {"",           "localhost", "127.1",     "0x7f000001", "2130706433",
                                       "127.0.0.1 ", "[::1]",     "fe80::1%1", "1.2.3.4/8",  "0177.0.0.1"};
    for (size_t i = 0; i < COUNT_OF(none); i++) {
        assert_false(ip_read(none[i], &a));
    }
}

static void socket_addresses_are_read(void **state)
{
    (void)state;
    struct sockaddr_in in4 = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    struct sockaddr other = {.sa_family = AF_UNIX};
    struct ip got, want = parse("192.0.2.9");
    assert_int_equal(inet_pton(AF_INET, "192.0.2.9", &in4.sin_addr), 1);
    assert_true(ip_of((const struct sockaddr *)&in4, &got));
    assert_true(ip_equal(&got, &want));
    want = parse("fe80::7");
    assert_int_equal(inet_pton(AF_INET6, "fe80::7", &in6.sin6_addr), 1);
    assert_true(ip_of((const struct sockaddr *)&in6, &got));
    assert_true(ip_equal(&got, &want));
    assert_false(ip_of(&other, &got));
}

static void lists_hold_their_networks(void **state)
{
    (void)state;
    static const struct {
        const char *list, *address;
        bool holds;
    } table[] = {
        {"", "127.0.0.1", false},
        {" , ,", "127.0.0.1", false},
        {"127.0.0.0/8", "127.255.0.1", true},
        {"127.0.0.0/8", "::ffff:127.0.0.1", true},
        {"127.0.0.0/8", "::1", false},
        {"127.0.0.0/8, ::1", "::1", true},
        {"10.1.2.3", "10.1.2.3", true},
        {"10.1.2.3", "10.1.2.2", false},
        {"10.1.2.3/0", "203.0.113.1", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "10.0.0.1", true},
        {"10.0.0.0/9", "10.127.255.255", true},
        {"10.0.0.0/9", "10.128.0.0", false},
        {"fd00::/8", "fdff::1", true},
        {"fd00::/8", "fc00::1", false},
        {"fd12:3456::/33", "fd12:3456:8000::1", false},
        {"::ffff:10.0.0.0/104", "10.9.9.9", true},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct networks networks;
        struct ip address = parse(table[i].address);
        assert_ok(networks_read(table[i].list, &networks));
        if (networks_hold(&networks, &address) != table[i].holds) {
            fail_msg("%s in %s", table[i].address, table[i].list);
        }
    }
}

static void what_is_no_list_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"localhost",
                                      "10.0.0.0/33",
                                      "10.0.0.0/",
                                      "10.0.0.0/-1",
                                      "10.0.0.0/+8",
                                      "10.0.0.0/8x",
                                      "::/129",
                                      "10.0.0/8",
                                      "/8",
                                      "10.0.0.0/8/8",
                                      "10.0.0.0/8;::1",
                                      "1.1.1.1, x",
                                      "1111111111111111111111111111111111111111111111111111111111111111111"};
    struct networks networks;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_error(networks_read(bad[i], &networks), ERR_UNPROCESSABLE);
    }
    char many[33 * 8 + 1] = "";
    for (int i = 0; i < 32; i++) {
        strcat(many, "1.1.1.1,");
    }
    assert_ok(networks_read(many, &networks));
    assert_int_equal(networks.count, NETWORKS_MAX);
    strcat(many, "1.1.1.1");
    assert_error(networks_read(many, &networks), ERR_UNPROCESSABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_addresses_are_ordinary), cmocka_unit_test(special_addresses_are_named),
        cmocka_unit_test(texts_come_back_in_one_form),     cmocka_unit_test(socket_addresses_are_read),
        cmocka_unit_test(lists_hold_their_networks),       cmocka_unit_test(what_is_no_list_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
