/* The command line of whorl-device: URLs and values that are taken, and those that are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/whorl-device/options.h"

static bool parse(const char *name, const char *value, struct options *out)
{
    static char words[4][64]; /* as argv, they outlive the options that point into them */
    char *argv[5] = {words[0], words[1], words[2], words[3], NULL};
    (void)snprintf(words[0], sizeof words[0], "whorl-device");
    (void)snprintf(words[1], sizeof words[1], "fleet");
    (void)snprintf(words[2], sizeof words[2], "%s", name);
    (void)snprintf(words[3], sizeof words[3], "%s", value == NULL ? "" : value);
    return options_parse(value == NULL ? 3 : 4, argv, out);
}

static void server_urls(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *host; /* NULL: refused */
        uint16_t port;
    } rows[] = {{"https://a.example:9000", "a.example", 9000},
                {"https://a.example/", "a.example", 8443},
                {"https://127.0.0.1:1", "127.0.0.1", 1},
                {"https://[::1]:8443", "::1", 8443},
                {"https://[::1", NULL, 0},
                {"http://a.example", NULL, 0},
                {"https://", NULL, 0},
                {"https://a:0", NULL, 0},
                {"https://a:65536", NULL, 0},
                {"https://a:12x", NULL, 0},
                {"https://a:1/path", NULL, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct options options;
        assert_int_equal(parse("--server", rows[i].url, &options), rows[i].host != NULL);
        if (rows[i].host != NULL) {
            assert_string_equal(options.host, rows[i].host);
            assert_int_equal(options.port, rows[i].port);
        }
    }
}

static void values(void **state)
{
    (void)state;
    struct options options;
    assert_true(parse("--count", "12", &options));
    assert_int_equal(options.count, 12);
    assert_false(options.has_seed);
    assert_true(parse("--seed", "0", &options));
    assert_true(options.has_seed);
    assert_true(parse("--noise", "0.2", &options));
    assert_true(options.noise > 0.19 && options.noise < 0.21);
    assert_true(parse("--code", "whorlcode_0a-Z", &options));
    assert_string_equal(options.code, "whorlcode_0a-Z");
    assert_false(parse("--code", "a\"b", &options));
    assert_false(parse("--code", "", &options));
    assert_true(parse("--certificate", "chip.pem", &options));
    assert_true(parse("--renew", NULL, &options));
    assert_true(options.is_renew);
    assert_false(parse("--count", "-1", &options));
    assert_false(parse("--count", "1x", &options));
    assert_false(parse("--count", "99999999999999999999999", &options));
    assert_false(parse("--count", NULL, &options));
    assert_false(parse("--noise", "0.9", &options));
    assert_false(parse("--nonsense", "1", &options));
}

static void spans(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t seconds; /* 0: refused */
    } rows[] = {{"90s", 90},
                {"15m", 900},
                {"6h", 21600},
                {"5d", 432000},
                {"1y", 31536000},
                {"4294967295s", 4294967295},
                {"0s", 0},
                {"5", 0},
                {"d", 0},
                {"5w", 0},
                {"5dd", 0},
                {"-1d", 0},
                {"", 0},
                {"5 d", 0},
                {"4294967296s", 0},
                {"137y", 0},
                {"99999999999999999999d", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct options options;
        assert_int_equal(parse("--every", rows[i].text, &options), rows[i].seconds != 0);
        assert_true(rows[i].seconds == 0 || options.every_s == rows[i].seconds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(server_urls), cmocka_unit_test(values),
                                       cmocka_unit_test(spans)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
