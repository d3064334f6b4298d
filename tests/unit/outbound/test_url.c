/* Which URLs may be stored and called: the tricks of those who want to be understood in two ways. */
#include "tests/unit/base/base_fixture.h"

#include "outbound/http.h"
#include "outbound/url.h"

static struct outbound *make(const char *allow, bool allow_http)
{
    const struct outbound_options options = {.allow = allow, .allow_http = allow_http};
    struct outbound *outbound = NULL;
    assert_ok(outbound_new(&options, &outbound));
    return outbound;
}

static void good_urls_pass(void **state)
{
    (void)state;
    AUTO_PTR(outbound) *outbound = make("", false);
    static const char *const good[] = {
        "https://example.com",           "HTTPS://Example.COM/", "https://example.com:8443/a/b?c=d&e=%20",
        "https://a-b_c.example.com/x@y", "https://1.1.1.1/",     "https://[2606:4700:4700::1111]:443/",
        "https://xn--bcher-kva.example/"};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        err_t error = outbound_check_url(outbound, good[i]);
        if (error.code != ERR_OK) {
            fail_msg("%s: %s", good[i], error.detail);
        }
    }
}

static const struct {
    const char *url, *why;
} bad_urls[] = {
    {"", "characters"},
    {"example.com", "must begin with https://"},
    {"http://example.com/", "must begin with https://"},
    {"ftp://example.com/", "must begin with https://"},
    {"file:///etc/passwd", "must begin with https://"},
    {"gopher://example.com/", "must begin with https://"},
    {"https:/example.com", "must begin with https://"},
    {"https:example.com", "must begin with https://"},
    {" https://example.com", "escaped"},
    {"https://", "no host"},
    {"https:///example.com", "no host"},
    {"https://?x", "no host"},
    {"https://user@example.com/", "user name"},
    {"https://user:password@example.com/", "user name"},
    {"https://example.com@127.0.0.1/", "user name"},
    {"https://@127.0.0.1/", "user name"},
    {"https://example.com#@127.0.0.1/", "fragment"},
    {"https://example.com/#x", "fragment"},
    {"https://example.com\\@127.0.0.1/", "escaped"},
    {"https://example.com/\r\nX: y", "escaped"},
    {"https://example.com/a b", "escaped"},
    {"https://ex\xc3\xa4mple.com/", "escaped"},
    {"https://%31%32%37.0.0.1/", "escapes"},
    {"https://[fe80::1%25eth0]/", "escapes"},
    {"https://example.com:0/", ""},
    {"https://example.com:65536/", ""},
    {"https://example.com:-1/", ""},
    {"https://example.com:x/", ""},
    {"https://exa,mple.com/", ""},
    {"https://example.com./", ""},
    {"https://.example.com/", ""},
    {"https://a..b/", ""},
    {"https://[1.2.3.4]/", ""},
    {"https://[::1/", ""},
    {"https://::1/", ""},
    {"https://127.0.0.1/", "loopback"},
    {"https://127.1/", "loopback"},
    {"https://2130706433/", "loopback"},
    {"https://0x7f.1/", "loopback"},
    {"https://0177.0.0.1/", "loopback"},
    {"https://0/", "this network"},
    {"https://[::1]/", "loopback"},
    {"https://[::ffff:127.0.0.1]/", "loopback"},
    {"https://[64:ff9b::7f00:1]/", "loopback"},
    {"https://169.254.169.254/latest/meta-data/", "link-local"},
    {"https://localhost/", "loopback"},
    {"https://LOCALHOST:8443/", "loopback"},
    {"https://a.localhost/", "loopback"},
    {"https://10.1.2.3/", "outbound_allow"},
};

static void bad_urls_are_refused_with_a_reason(void **state)
{
    (void)state;
    AUTO_PTR(outbound) *outbound = make("", false);
    for (size_t i = 0; i < COUNT_OF(bad_urls); i++) {
        err_t error = outbound_check_url(outbound, bad_urls[i].url);
        if (error.code != ERR_UNPROCESSABLE || strstr(error.detail, bad_urls[i].why) == NULL) {
            fail_msg("%s: %s %s", bad_urls[i].url, err_slug(error.code), error.detail);
        }
    }
}

static void length_has_an_end(void **state)
{
    (void)state;
    AUTO_PTR(outbound) *outbound = make("", false);
    char url[URL_MAX + 2] = "https://example.com/";
    memset(url + 20, 'a', sizeof url - 21);
    assert_error(outbound_check_url(outbound, url), ERR_UNPROCESSABLE);
    url[URL_MAX] = '\0';
    assert_ok(outbound_check_url(outbound, url));
    char host[300] = "https://";
    memset(host + 8, 'a', 260);
    assert_error(outbound_check_url(outbound, host), ERR_UNPROCESSABLE);
}

static void the_operator_opens_networks_and_http(void **state)
{
    (void)state;
    AUTO_PTR(outbound) *outbound = make("127.0.0.0/8,10.1.2.0/24", true);
    assert_ok(outbound_check_url(outbound, "http://127.0.0.1:8080/"));
    assert_ok(outbound_check_url(outbound, "http://localhost/"));
    assert_ok(outbound_check_url(outbound, "https://10.1.2.9/"));
    assert_error(outbound_check_url(outbound, "https://10.1.3.9/"), ERR_UNPROCESSABLE);
    assert_error(outbound_check_url(outbound, "https://[::1]/"), ERR_UNPROCESSABLE);
    assert_error(outbound_check_url(outbound, "ftp://127.0.0.1/"), ERR_UNPROCESSABLE);
}

static void wrong_options_are_refused_at_the_start(void **state)
{
    (void)state;
    struct outbound *outbound = NULL;
    struct outbound_options options = {.allow = "10.0.0.0/33"};
    assert_error(outbound_new(&options, &outbound), ERR_UNPROCESSABLE);
    assert_null(outbound);
    options = (struct outbound_options){.allow = "", .ca_file = "/nowhere/ca.pem"};
    assert_error(outbound_new(&options, &outbound), ERR_UNPROCESSABLE);
    options = (struct outbound_options){.allow = "", .ca_file = "/dev/null"};
    assert_error(outbound_new(&options, &outbound), ERR_UNPROCESSABLE);
    outbound_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_urls_pass),
        cmocka_unit_test(bad_urls_are_refused_with_a_reason),
        cmocka_unit_test(length_has_an_end),
        cmocka_unit_test(the_operator_opens_networks_and_http),
        cmocka_unit_test(wrong_options_are_refused_at_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
