/* What `whorl top` makes of two readings, and the page of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "cmd/whorl/text.h"
#include "cmd/whorl/top_figures.h"
#include "cmd/whorl/top_page.h"

static const char BEFORE[] = "whorl_http_requests_total{route=\"GET /a\",status=\"200\"} 100\n"
                             "whorl_http_requests_total{route=\"GET /b\",status=\"200\"} 100\n"
                             "whorl_http_request_seconds_bucket{listener=\"device\",le=\"0.1\"} 100\n"
                             "whorl_http_request_seconds_bucket{listener=\"device\",le=\"+Inf\"} 100\n"
                             "whorl_http_request_seconds_sum{listener=\"device\"} 1\n"
                             "whorl_http_request_seconds_count{listener=\"device\"} 100\n"
                             "whorl_worker_queue 3\n"
                             "process_cpu_seconds_total 10\n"
                             "process_start_time_seconds 1000\n"
                             "# EOF\n";
static const char NOW[] = "whorl_http_requests_total{route=\"GET /a\",status=\"200\"} 104\n"
                          "whorl_http_requests_total{route=\"GET /a\",status=\"404\"} 2\n"
                          "whorl_http_requests_total{route=\"GET /b\",status=\"200\"} 120\n"
                          "whorl_http_requests_total{route=\"GET /c\",status=\"200\"} 0\n"
                          "whorl_http_request_seconds_bucket{listener=\"device\",le=\"0.1\"} 199\n"
                          "whorl_http_request_seconds_bucket{listener=\"device\",le=\"5\"} 200\n"
                          "whorl_http_request_seconds_bucket{listener=\"device\",le=\"+Inf\"} 200\n"
                          "whorl_http_request_seconds_sum{listener=\"device\"} 3\n"
                          "whorl_http_request_seconds_count{listener=\"device\"} 200\n"
                          "whorl_worker_queue 7\n"
                          "whorl_expiry_timestamp_seconds{what=\"crl\",subject=\"device\"} 90000\n"
                          "whorl_expiry_timestamp_seconds{what=\"crl\",subject=\"root\"} 50000\n"
                          "process_cpu_seconds_total 11\n"
                          "process_start_time_seconds 1000\n"
                          "# EOF\n";

static void reading(const char *text, int64_t at_ms, struct cli_top_reading *out)
{
    *out = (struct cli_top_reading){.at_ms = at_ms, .now_ms = 40000 * 1000};
    assert_int_equal(cli_figures_read(bytes_str(text), &out->figures).code, ERR_OK);
}

static json_t *view_of(const char *before, const char *now)
{
    struct cli_top_reading a = {.at_ms = 0};
    struct cli_top_reading b;
    json_t *view = NULL;
    if (before != NULL) {
        reading(before, 1000, &a);
    }
    reading(now, 3000, &b);
    assert_int_equal(cli_top_view(before != NULL ? &a : NULL, &b, &view).code, ERR_OK);
    cli_figures_clear(&a.figures);
    cli_figures_clear(&b.figures);
    return view;
}

static double number(const json_t *view, const char *section, const char *name)
{
    const json_t *value = json_object_get(json_object_get(view, section), name);
    assert_true(json_is_number(value));
    return json_number_value(value);
}
#define ASSERT_NUMBER(view_, section_, name_, want_)                                                         \
    assert_true(fabs(number((view_), (section_), (name_)) - (want_)) < 1e-9)

static void rates_between_two_readings(void **state)
{
    (void)state;
    AUTO(json_t) *view = view_of(BEFORE, NOW);
    ASSERT_NUMBER(view, "requests", "all", 13);
    ASSERT_NUMBER(view, "requests", "2xx", 12);
    ASSERT_NUMBER(view, "requests", "4xx", 1); /* a status that is new began at 0 */
    assert_null(json_object_get(json_object_get(view, "requests"), "5xx"));
    ASSERT_NUMBER(view, "requests", "mean", 0.02);
    ASSERT_NUMBER(view, "requests", "p99", 0.1);
    ASSERT_NUMBER(view, "queues", "workers", 7);
    ASSERT_NUMBER(view, "process", "cpu", 0.5);
    ASSERT_NUMBER(view, "process", "up", 39000);
    ASSERT_NUMBER(view, "ends in", "list", 10000);    /* the earliest */
    assert_null(json_object_get(view, "handshakes")); /* which the server does not have */
    const json_t *routes = json_object_get(view, "routes");
    assert_int_equal(json_array_size(routes), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(routes, 0), "route")), "GET /b");
    assert_true(fabs(json_number_value(json_object_get(json_array_get(routes, 1), "rate")) - 3) < 1e-9);
}

static void of_one_reading_no_rate_is_known(void **state)
{
    (void)state;
    AUTO(json_t) *view = view_of(NULL, NOW);
    assert_true(json_is_null(json_object_get(json_object_get(view, "requests"), "all")));
    assert_true(json_is_null(json_object_get(json_object_get(view, "requests"), "p99")));
    ASSERT_NUMBER(view, "queues", "workers", 7);
    assert_int_equal(json_array_size(json_object_get(view, "routes")), 0);
}

static bool restarted(const char *before, const char *now)
{
    struct cli_top_reading a, b;
    reading(before, 1000, &a);
    reading(now, 3000, &b);
    bool is_so = cli_top_is_restarted(&a, &b);
    cli_figures_clear(&a.figures);
    cli_figures_clear(&b.figures);
    return is_so;
}

static void a_restart_is_seen(void **state)
{
    (void)state;
    assert_false(restarted(BEFORE, NOW));
    assert_true(restarted(NOW, "process_start_time_seconds 2000\n# EOF\n"));
    assert_true(restarted("whorl_db_commits_total 8\n# EOF\n", "whorl_db_commits_total 7\n# EOF\n"));
    assert_false(restarted("whorl_db_commits_total 8\n# EOF\n", "whorl_db_commits_total 8\n# EOF\n"));
    assert_false(restarted("whorl_worker_queue 8\n# EOF\n", "whorl_worker_queue 7\n# EOF\n"));
    /* a counter that fell all the same has no rate, least of all a negative one */
    AUTO(json_t) *view = view_of("whorl_db_commits_total 8\n# EOF\n", "whorl_db_commits_total 7\n# EOF\n");
    assert_true(json_is_null(json_object_get(json_object_get(view, "commits"), "all")));
}

/* --- the page ----------------------------------------------------------------------------------------- */

static json_t *whole_page(void)
{
    json_t *page = json_pack(
        "{s:s, s:s, s:i, s:s, s:{s:s, s:s}, s:[{s:s, s:s, s:s, s:s}], s:[{s:s, s:s, s:{s:i, s:i}}]}", "at",
        "2026-11-25T17:00:00Z", "server", "https://a:1", "interval_s", 2, "notice", "odd\033[2Jthing",
        "readiness", "status", "not_ready", "reason", "a CRL\nis gone", "alarms", "severity", "critical",
        "kind", "crl.overdue", "subject", "dev\x7fice", "detail", "late", "rollouts", "name", "spring",
        "version", "1.2", "devices", "offered", 10, "succeeded", 4);
    assert_non_null(page);
    assert_int_equal(json_object_set_new(page, "figures", view_of(BEFORE, NOW)), 0);
    return page;
}

static void a_page_says_it_all_and_obeys_nobody(void **state)
{
    (void)state;
    static const char *const wanted[] = {
        "whorl top     https://a:1   2026-11-25T17:00:00Z   every 2 s\n",
        "              odd\\x1b[2Jthing\n",
        "ready         NO: a CRL\\x0ais gone\n",
        "alarms        critical crl.overdue dev\\x7fice late\n",
        "rollouts      spring 1.2   offered 10   succeeded 4\n",
        "requests/s    all 13   2xx 12   4xx 1.00   mean 20 ms   p99 100 ms\n",
        "                     10  GET /b\n",
        "queues        workers 7\n",
        "ends in       list 2 h\n",
        "process       cpu 50 %   up 10 h\n",
    };
    const struct cli_top_form form = {.line_end = "\n"};
    AUTO(json_t) *page = whole_page();
    AUTO_VAL(buf) text = {0};
    assert_int_equal(cli_top_page(page, &form, &text).code, ERR_OK);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (strstr(buf_str(&text), wanted[i]) == NULL) {
            fail_msg("no \"%s\" in:\n%s", wanted[i], buf_str(&text));
        }
    }
    assert_null(strchr(buf_str(&text), '\033'));
}

/* Of any size that a terminal may have, each line fits, and there are not too many. */
static void a_page_fits(void **state)
{
    (void)state;
    AUTO(json_t) *page = whole_page();
    assert_int_equal(json_object_set_new(page, "server", json_string("https://漢字.example")), 0);
    for (size_t columns = 1; columns < 100; columns += 7) {
        for (size_t lines = 1; lines < 30; lines += 4) {
            const struct cli_top_form form = {.columns = columns, .lines = lines, .line_end = "\n"};
            AUTO_VAL(buf) text = {0};
            size_t count = 0;
            assert_int_equal(cli_top_page(page, &form, &text).code, ERR_OK);
            for (const char *p = buf_str(&text); *p != '\0'; p = strchr(p, '\n') + 1) {
                size_t n = (size_t)(strchr(p, '\n') - p);
                assert_true(cli_text_width((struct bytes){(const uint8_t *)p, n}) <= columns);
                count++;
            }
            assert_true(count <= lines);
        }
    }
    const struct cli_top_form small = {.columns = 80, .lines = 5, .line_end = "\n"};
    AUTO_VAL(buf) text = {0};
    assert_int_equal(cli_top_page(page, &small, &text).code, ERR_OK);
    assert_non_null(strstr(buf_str(&text), " more lines\n"));
}

static void a_section_that_does_not_fit_goes_on_below(void **state)
{
    (void)state;
    const struct cli_top_form form = {.columns = 44, .line_end = "\n"};
    AUTO(json_t) *page = whole_page();
    AUTO_VAL(buf) text = {0};
    assert_int_equal(cli_top_page(page, &form, &text).code, ERR_OK);
    assert_non_null(strstr(buf_str(&text), "requests/s    all 13   2xx 12   4xx 1.00\n"
                                           "              mean 20 ms   p99 100 ms\n"));
}

static void colours_only_where_they_are_wanted(void **state)
{
    (void)state;
    const struct cli_top_form form = {.has_colour = true, .columns = 20, .line_end = "\n"};
    AUTO(json_t) *page = whole_page();
    AUTO_VAL(buf) text = {0};
    assert_int_equal(cli_top_page(page, &form, &text).code, ERR_OK);
    assert_non_null(strstr(buf_str(&text), "\033[1mwhorl top     https:\033[0m\n"));
    assert_non_null(strstr(buf_str(&text), "\033[31mready         NO: a \033[0m\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_between_two_readings),
        cmocka_unit_test(of_one_reading_no_rate_is_known),
        cmocka_unit_test(a_restart_is_seen),
        cmocka_unit_test(a_page_says_it_all_and_obeys_nobody),
        cmocka_unit_test(a_page_fits),
        cmocka_unit_test(a_section_that_does_not_fit_goes_on_below),
        cmocka_unit_test(colours_only_where_they_are_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
