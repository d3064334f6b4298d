/* time.c and clock.c: RFC 3339 in and out, leap years, offsets, leap seconds, the ends of the calendar. */
#include <time.h>

#include "base/ports.h"
#include "tests/unit/base/base_fixture.h"

static void both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t at_ms;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-22T17:40:39Z", 1795369239000},
        {"2000-02-29T23:59:59Z", 951868799000},
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"2100-03-01T00:00:00Z", 4107542400000},
        {"1969-12-31T23:59:59Z", -1000},
        {"1900-03-01T00:00:00Z", -2203891200000},
        {"2038-01-19T03:14:08Z", 2147483648000},
        {"0000-01-01T00:00:00Z", -62167219200000},
        {"9999-12-31T23:59:59Z", 253402300799000},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[32];
        int64_t at_ms = 1;
        time_format(rows[i].at_ms, text);
        assert_string_equal(text, rows[i].text);
        assert_ok(time_parse(bytes_str(rows[i].text), &at_ms));
        assert_int_equal(at_ms, rows[i].at_ms);
    }
}

static void every_day_agrees_with_libc(void **state)
{
    (void)state;
    for (time_t at = -2208988800; at < 4133980800; at += 86400 + 3601) {
        struct tm tm;
        char expected[32];
        char text[32];
        int64_t back = 0;
        assert_non_null(gmtime_r(&at, &tm));
        assert_int_not_equal(strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%SZ", &tm), 0);
        time_format((int64_t)at * 1000 + 999, text);
        assert_string_equal(text, expected);
        assert_ok(time_parse(bytes_str(text), &back));
        assert_int_equal(back, (int64_t)at * 1000);
        assert_int_not_equal(strftime(expected, sizeof expected, "%a, %d %b %Y %H:%M:%S GMT", &tm), 0);
        time_format_http((int64_t)at * 1000, text);
        assert_string_equal(text, expected);
    }
}

static void other_spellings(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t at_ms;
    } rows[] = {
        {"1970-01-01T01:00:00+01:00", 0},
        {"1969-12-31T19:30:00-04:30", 0},
        {"1970-01-01T00:00:00-00:00", 0},
        {"1970-01-01t00:00:00z", 0},
        {"1970-01-01T00:00:00.5Z", 500},
        {"1970-01-01T00:00:00.123456789Z", 123},
        {"1970-01-01T00:00:00.0009+00:01", -60000},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2016-12-31T23:59:60Z", 1483228800000},
        {"2017-01-01T08:59:60+09:00", 1483228800000},
        {"2000-01-01T00:00:00+23:59", 946598460000},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t at_ms = 1;
        assert_ok(time_parse(bytes_str(rows[i].text), &at_ms));
        assert_int_equal(at_ms, rows[i].at_ms);
    }
}

static void refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2026",
        "2026-11-22",
        "2026-11-22T17:40:39",
        "2026-11-22 17:40:39Z",
        "2026-11-22T17:40Z",
        "2026-11-22T17:40:39Z ",
        " 2026-11-22T17:40:39Z",
        "2026-11-22T17:40:39.Z",
        "2026-11-22T17:40:39,5Z",
        "2026-11-22T17:40:39+0100",
        "2026-11-22T17:40:39+1:00",
        "2026-11-22T17:40:39+24:00",
        "2026-11-22T17:40:39+01:60",
        "2026-00-22T17:40:39Z",
        "2026-13-22T17:40:39Z",
        "2026-11-00T17:40:39Z",
        "2026-11-31T17:40:39Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2024-02-30T00:00:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T17:60:39Z",
        "2026-11-22T17:40:61Z",
        "2026-11-22T17:40:60Z",
        "-026-11-22T17:40:39Z",
        "2026-1-22T17:40:39Z",
        "12026-11-22T17:40:39Z",
        "2026-11-22T17:40:3\x39\x30Z",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        int64_t at_ms = 42;
        assert_error(time_parse(bytes_str(bad[i]), &at_ms), ERR_BAD_ENCODING);
        assert_int_equal(at_ms, 42);
    }
    int64_t at_ms = 42;
    assert_error(time_parse((struct bytes){(const uint8_t *)"2026-11-22T17:40:39Z\0", 21}, &at_ms),
                 ERR_BAD_ENCODING);
}

static void out_of_range_is_shown_as_the_end(void **state)
{
    (void)state;
    char text[32];
    time_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59Z");
    time_format(INT64_MIN, text);
    assert_string_equal(text, "0000-01-01T00:00:00Z");
}

static void http_date(void **state)
{
    (void)state;
    char text[32];
    time_format_http(784111777000, text); /* the example of RFC 9110 §5.6.7 */
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
}

static void clocks(void **state)
{
    (void)state;
    struct manual_clock m;
    manual_clock_init(&m, 1000);
    assert_int_equal(clock_now_ms(&m.clock), 1000);
    manual_clock_advance(&m, 5);
    assert_int_equal(clock_now_ms(&m.clock), 1005);
    assert_int_equal(clock_monotonic_ms(&m.clock), 1005);
    int64_t before = clock_monotonic_ms(clock_system());
    assert_true(clock_monotonic_ms(clock_system()) >= before);
    int64_t difference = clock_now_ms(clock_system()) - (int64_t)time(NULL) * 1000;
    assert_true(difference > -2000 && difference < 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),
        cmocka_unit_test(every_day_agrees_with_libc),
        cmocka_unit_test(other_spellings),
        cmocka_unit_test(refused),
        cmocka_unit_test(out_of_range_is_shown_as_the_end),
        cmocka_unit_test(http_date),
        cmocka_unit_test(clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
