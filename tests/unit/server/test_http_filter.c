/* The filter by itself: what it lets through, where it says that bodies end, what it holds back, and that
 * pieces make no difference. What it refuses stands in test_traps_threads.c, over a socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/http_filter.h"

static const struct {
    const char *text;
    uint64_t requests;
    size_t pending;
    enum filter_refusal refusal;
    bool is_between;
} rows[] = {
    {"", 0, 0, FILTER_OK, true},
    {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1, 0, FILTER_OK, true},
    {"GET / HTTP/1.0\r\n\r\n", 1, 0, FILTER_OK, true},
    {"GET / HTTP/1.1\r\nHost: x\r\n", 0, 25, FILTER_OK, false},
    {"GET / HTTP/1.1\r\nHost: x\r\n\r\nG", 1, 1, FILTER_OK, false},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length:  4 \t\r\n\r\nabc", 1, 0, FILTER_OK, false},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd", 1, 0, FILTER_OK, true},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 1, 0, FILTER_OK, true},
    {"POST / HTTP/1.1\r\nHost: x\r\ncontent-LENGTH: 4\r\n\r\nGETzGET / HTTP/1.1\r\nHost: x\r\n\r\n", 2, 0,
     FILTER_OK, true},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: CHUNKED\r\n\r\n3\r\na\nb\r\n0a\r\n0123456789\r\n", 1,
     0, FILTER_OK, false},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n", 1, 0,
     FILTER_OK, true},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 9\r\n\r\nGET / "
     "HTTP/1.1\r\nHost: x\r\n\r\n",
     2, 0, FILTER_OK, true},
    {"GET / HTTP/1.1\r\nHost: x\r\nX-Empty:\r\nX-High: \xc3\xa9\r\n\r\n", 1, 0, FILTER_OK, true},
    {"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 1, 0, FILTER_OK, true},
    {"\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 0, 0, FILTER_LINE_END, true},
    {"GET /a#b HTTP/1.1\r\n", 0, 6, FILTER_TARGET, false},
    {"GET /a b HTTP/1.1\r\n", 0, 7, FILTER_VERSION, false},
    {"GET / HTTP/1.1\r\nHost: x\r\n: y\r\n", 0, 25, FILTER_FIELD, false},
    {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1a\r\n", 0, 43, FILTER_LENGTH, false},
    {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n", 0, 40, FILTER_LENGTH, false},
    {"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n", 0, 60, FILTER_ENCODING, false},
    {"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n", 0, 52, FILTER_ENCODING, false},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", 1, 0, FILTER_CHUNK, false},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab", 1, 0, FILTER_CHUNK, false},
};

static void assert_row(size_t row, size_t piece)
{
    struct http_filter f;
    struct bytes in = {(const uint8_t *)rows[row].text, strlen(rows[row].text)};
    http_filter_init(&f, 1000, 10);
    for (size_t at = 0; at < in.n && f.refusal == FILTER_OK; at += piece) {
        size_t n = in.n - at < piece ? in.n - at : piece;
        size_t taken = http_filter_feed(&f, (struct bytes){in.p + at, n});
        assert_true(taken == n || f.refusal != FILTER_OK);
    }
    if (f.refusal != rows[row].refusal || f.requests != rows[row].requests ||
        f.pending != rows[row].pending || http_filter_is_between(&f) != rows[row].is_between) {
        fail_msg("row %zu in pieces of %zu: refusal %d, %d requests, %zu pending", row, piece, (int)f.refusal,
                 (int)f.requests, f.pending);
    }
}

static void test_every_row_in_any_pieces(void **state)
{
    (void)state;
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        for (size_t piece = 1; piece < 64; piece++) {
            assert_row(row, piece);
        }
    }
}

static void test_limits_are_exact(void **state)
{
    (void)state;
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n";
    struct bytes in = {(const uint8_t *)request, sizeof request - 1};
    struct http_filter f;
    http_filter_init(&f, in.n - 1, 2); /* the last byte ends the section */
    assert_int_equal(http_filter_feed(&f, in), in.n);
    assert_int_equal(f.refusal, FILTER_OK);
    http_filter_init(&f, in.n - 2, 2);
    (void)http_filter_feed(&f, in);
    assert_int_equal(f.refusal, FILTER_TOO_LARGE);
    http_filter_init(&f, 1000, 1);
    (void)http_filter_feed(&f, in);
    assert_int_equal(f.refusal, FILTER_TOO_MANY);
}

static void test_trailers_are_limited_too(void **state)
{
    (void)state;
    static const char head[] = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
    struct http_filter f;
    http_filter_init(&f, 100, 1000);
    (void)http_filter_feed(&f, (struct bytes){(const uint8_t *)head, sizeof head - 1});
    for (int i = 0; i < 100 && f.refusal == FILTER_OK; i++) {
        (void)http_filter_feed(&f, (struct bytes){(const uint8_t *)"A: b\r\n", 6});
    }
    assert_int_equal(f.refusal, FILTER_TOO_LARGE);
}

static void test_nothing_is_taken_after_a_refusal(void **state)
{
    (void)state;
    struct http_filter f;
    http_filter_init(&f, 1000, 10);
    assert_int_equal(http_filter_feed(&f, bytes_str("GET x")), 4);
    assert_int_equal(f.refusal, FILTER_TARGET);
    assert_int_equal(http_filter_feed(&f, bytes_str("GET / HTTP/1.1\r\nHost: x\r\n\r\n")), 0);
    assert_int_equal(f.requests, 0);
}

static void test_every_refusal_has_its_texts(void **state)
{
    (void)state;
    for (int i = FILTER_OK + 1; i < FILTER_REFUSAL_COUNT; i++) {
        assert_true(err_status(filter_refusal_code((enum filter_refusal)i)) >= 400);
        assert_true(strlen(filter_refusal_label((enum filter_refusal)i)) > 0);
        assert_true(strlen(filter_refusal_text((enum filter_refusal)i)) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_in_any_pieces),
        cmocka_unit_test(test_limits_are_exact),
        cmocka_unit_test(test_trailers_are_limited_too),
        cmocka_unit_test(test_nothing_is_taken_after_a_refusal),
        cmocka_unit_test(test_every_refusal_has_its_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
