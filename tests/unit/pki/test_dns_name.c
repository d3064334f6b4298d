/* Which texts are DNS names, and which names lie below which. */
#include "tests/unit/pki/pki_fixture.h"

#include "pki/dns_name.h"

#define LABEL_63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"

static void test_names(void **state)
{
    static const struct {
        const char *name;
        bool is_valid;
    } rows[] = {{"a", true},
                {"gw-1.edge.example.com", true},
                {"1.example", true},
                {"xn--bcher-kva.example", true},
                {LABEL_63 ".example", true},
                {LABEL_63 "a.example", false},
                {"", false},
                {".", false},
                {"a.", false},
                {".a", false},
                {"a..b", false},
                {"-a.b", false},
                {"a-.b", false},
                {"A.b", false},
                {"a_b.c", false},
                {"*.example.com", false},
                {"192.0.2.1", false},
                {"example.7", false},
                {"a b.c", false},
                {"b\xc3\xbc"
                 "cher.example",
                 false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (dns_name_is_valid(bytes_str(rows[i].name)) != rows[i].is_valid) {
            fail_msg("\"%s\"", rows[i].name);
        }
    }
    assert_false(dns_name_is_valid((struct bytes){(const uint8_t *)"a\0b", 3}));
}

static void test_whole_names_have_253_characters(void **state)
{
    AUTO_VAL(buf) name = {0};
    (void)state;
    assert_ok(buf_append_str(&name, LABEL_63 "." LABEL_63 "." LABEL_63 "."));
    while (name.n < 253) {
        assert_ok(buf_append_str(&name, "z"));
    }
    assert_true(dns_name_is_valid(buf_view(&name)));
    name.n -= 1;
    assert_ok(buf_append_str(&name, "zz"));
    assert_false(dns_name_is_valid(buf_view(&name)));
}

static bool within(const char *name, const char *subtree)
{
    return dns_name_is_within(bytes_str(name), bytes_str(subtree));
}

static void test_within(void **state)
{
    (void)state;
    assert_true(within("example.com", "example.com"));
    assert_true(within("gw.example.com", "example.com"));
    assert_true(within("a.b.EXAMPLE.com", "example.COM"));
    assert_false(within("badexample.com", "example.com"));
    assert_false(within("example.com", "gw.example.com"));
    assert_false(within("example.org", "example.com"));
    assert_false(within("example.com", ""));
    assert_false(within("", "example.com"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_whole_names_have_253_characters),
        cmocka_unit_test(test_within),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
