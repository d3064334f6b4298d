/* What a late tick, a handshake, a request and a connection become on the page, of several loops. */
#include "server/loop_figures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static const char *const LISTENERS[LOOP_LISTENERS] = {"device", NULL, "public"};

static double value(const struct loop_figures *const *loops, size_t count, const char *name)
{
    AUTO_VAL(buf) text = {0};
    assert_int_equal(loop_figures_write(loops, count, LISTENERS, &text).code, ERR_OK);
    const char *found = strstr(buf_str(&text), name);
    assert_non_null(found);
    return strtod(found + strlen(name), NULL);
}

#define assert_value(name, number) assert_true(value(loops, 2, name) == (double)(number))

static void test_what_is_late_is_lag(void **state)
{
    (void)state;
    struct loop_figures one = {.tick_us = 0}, two = {.tick_us = 0};
    const struct loop_figures *const loops[] = {&one, &two};
    const int64_t period_us = 100000;
    int64_t at_us = 5000000;
    loop_figures_tick(&one, at_us, period_us); /* the first says nothing */
    assert_value("whorl_loop_lag_seconds_count ", 0);
    loop_figures_tick(&one, at_us += period_us, period_us);
    loop_figures_tick(&one, at_us += period_us - 700, period_us); /* early: none */
    loop_figures_tick(&one, at_us += period_us + 20000, period_us);
    loop_figures_tick(&two, at_us, period_us);
    loop_figures_tick(&two, at_us + period_us + 3000000, period_us);
    assert_value("whorl_loop_lag_seconds_count ", 4);
    assert_value("whorl_loop_lag_seconds_bucket{le=\"0.0001\"} ", 2);
    assert_value("whorl_loop_lag_seconds_bucket{le=\"0.01\"} ", 2);
    assert_value("whorl_loop_lag_seconds_bucket{le=\"0.025\"} ", 3);
    assert_value("whorl_loop_lag_seconds_bucket{le=\"2.5\"} ", 3);
    assert_value("whorl_loop_lag_seconds_bucket{le=\"10.0\"} ", 4);
    assert_value("whorl_loop_lag_seconds_sum ", 3.02);
}

static void test_listeners_stand_apart(void **state)
{
    (void)state;
    AUTO_VAL(buf) text = {0};
    struct loop_figures one = {.tick_us = 0}, two = {.tick_us = 0};
    const struct loop_figures *const loops[] = {&one, &two};
    loop_figures_open(&one, 0, 1);
    loop_figures_open(&two, 0, 1);
    loop_figures_open(&two, 2, 1);
    loop_figures_open(&two, 2, -1);
    loop_figures_request(&one, 0, stopwatch_us() - 1200000);
    loop_figures_request(&two, 2, stopwatch_us());
    loop_figures_handshake(&two, stopwatch_us() - 30000);
    assert_value("\nwhorl_listener_connections{listener=\"device\"} ", 2);
    assert_value("\nwhorl_listener_connections{listener=\"public\"} ", 0);
    assert_value("\nwhorl_http_request_seconds_bucket{listener=\"device\",le=\"1.0\"} ", 0);
    assert_value("\nwhorl_http_request_seconds_bucket{listener=\"device\",le=\"2.5\"} ", 1);
    assert_value("\nwhorl_http_request_seconds_count{listener=\"public\"} ", 1);
    assert_value("\nwhorl_tls_handshake_seconds_bucket{le=\"0.025\"} ", 0);
    assert_value("\nwhorl_tls_handshake_seconds_count ", 1);
    assert_int_equal(loop_figures_write(loops, 2, LISTENERS, &text).code, ERR_OK);
    assert_null(strstr(buf_str(&text), "management")); /* it is off */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_late_is_lag),
        cmocka_unit_test(test_listeners_stand_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
