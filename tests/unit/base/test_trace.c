/* traceparent by the table of W3C Trace Context §3.2. */
#include "base/trace.h"

#include <string.h>

#include "tests/unit/base/base_fixture.h"

#define TRACE  "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

static void good_ones(void **state)
{
    (void)state;
    static const char *const values[] = {
        "00-" TRACE "-" PARENT "-00",  "00-" TRACE "-" PARENT "-01",
        "00-" TRACE "-" PARENT "-ff", /* flags that have no meaning yet are let be */
        "01-" TRACE "-" PARENT "-01", /* later versions, alone and with more behind */
        "cc-" TRACE "-" PARENT "-01-", "fe-" TRACE "-" PARENT "-01-what.the-future-will-be-like",
    };
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct trace trace;
        assert_true(trace_parse(values[i], &trace));
        assert_string_equal(trace.id, TRACE);
        assert_string_equal(trace.parent, PARENT);
    }
}

static void others_are_none(void **state)
{
    (void)state;
    static const char *const values[] = {
        "",
        "00",
        "00-" TRACE "-" PARENT "-0",
        "00-" TRACE "-" PARENT,
        "00-" TRACE "-" PARENT "-011",
        "00-" TRACE "-" PARENT "-01-",
        "00-" TRACE "-" PARENT "-01-more",
        "00-" TRACE "-" PARENT "-01 ",
        " 00-" TRACE "-" PARENT "-01",
        "00-" TRACE "-" PARENT "-01,00-" TRACE "-" PARENT "-01",
        "00-" TRACE "-" PARENT "-0X",
        "00-" TRACE "-" PARENT "-0F",
        "00-" TRACE "-" PARENT "_01",
        "00-" TRACE "_" PARENT "-01",
        "00_" TRACE "-" PARENT "-01",
        "0-" TRACE "-" PARENT "-001",
        "0g-" TRACE "-" PARENT "-01",
        "0A-" TRACE "-" PARENT "-01",
        "ff-" TRACE "-" PARENT "-01",
        "01-" TRACE "-" PARENT "-01.",
        "01-" TRACE "-" PARENT "-011-",
        "00-00000000000000000000000000000000-" PARENT "-01",
        "00-" TRACE "-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01",
        "00-" TRACE "-00F067AA0BA902B7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-" PARENT "-001",
        "00-4bf92f3577b34da6a3ce929d0e0e473\n-" PARENT "-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473\xff-" PARENT "-01",
    };
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct trace trace = {.id = "left", .parent = "over"};
        if (trace_parse(values[i], &trace)) {
            fail_msg("taken: %s", values[i]);
        }
        assert_string_equal(trace.id, "");
        assert_string_equal(trace.parent, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones),
        cmocka_unit_test(others_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
