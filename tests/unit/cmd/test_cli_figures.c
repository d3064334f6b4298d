/* Figures of a server: what the format allows is read, what it does not is told, and nothing is without a
 * bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "cmd/whorl/figures.h"

#define ASSERT_SAME(a_, b_) assert_true(fabs((a_) - (b_)) < 1e-9)

static err_t read_text(const char *text, struct cli_figures *out)
{
    return cli_figures_read(bytes_str(text), out);
}

static void what_the_format_has(void **state)
{
    (void)state;
    AUTO_VAL(cli_figures) f = {.count = 0};
    assert_int_equal(read_text("# TYPE a counter\n"
                               "# HELP a what \"it\" is\n"
                               "a_total 1\n"
                               "a_total{} 2.5e3\n"
                               "b{x=\"1\",y=\"q\\\"b\\\\n\\n\"} -0.25 1700000000.5\n"
                               "c_bucket{le=\"+Inf\"} 7 # {trace_id=\"x\"} 0.5\n"
                               "d:e NaN\n"
                               "d:e +Inf\n"
                               "d:e -Inf\n"
                               "# EOF\n",
                               &f)
                         .code,
                     ERR_OK);
    assert_int_equal(f.count, 7);
    assert_string_equal(f.items[0].name, "a_total");
    ASSERT_SAME(f.items[1].value, 2500);
    assert_int_equal(f.items[1].label_count, 0);
    assert_string_equal(cli_figure_label(&f.items[2], "x"), "1");
    assert_string_equal(cli_figure_label(&f.items[2], "y"), "q\"b\\n\n");
    assert_string_equal(cli_figure_label(&f.items[2], "z"), "");
    ASSERT_SAME(f.items[2].value, -0.25);
    ASSERT_SAME(f.items[3].value, 7);
    assert_true(isnan(f.items[4].value) && isinf(f.items[5].value) && f.items[6].value < 0);
}

static void what_is_no_page(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"", "before their end"},
        {"a 1\n", "before their end"},
        {"a 1", "not whole"},
        {"# EOF", "not whole"},
        {"# EOF\na 1\n", "follows the end"},
        {"# EOF\n\n", "follows the end"},
        {"\n# EOF\n", "line 1"},
        {"a 1\nb\n# EOF\n", "line 2"},
        {"a\n# EOF\n", "line 1"},
        {"a  1\n# EOF\n", "line 1"},
        {"a \n# EOF\n", "line 1"},
        {" a 1\n# EOF\n", "line 1"},
        {"1a 1\n# EOF\n", "line 1"},
        {"{x=\"1\"} 1\n# EOF\n", "line 1"},
        {"a 0x10\n# EOF\n", "line 1"},
        {"a infinity\n# EOF\n", "line 1"},
        {"a nan(1)\n# EOF\n", "line 1"},
        {"a 1e\n# EOF\n", "line 1"},
        {"a 1-2\n# EOF\n", "line 1"},
        {"a 1\t\n# EOF\n", "line 1"},
        {"a{x=\"1\" 1\n# EOF\n", "line 1"},
        {"a{x=\"1} 1\n# EOF\n", "line 1"},
        {"a{x=1} 1\n# EOF\n", "line 1"},
        {"a{x} 1\n# EOF\n", "line 1"},
        {"a{=\"1\"} 1\n# EOF\n", "line 1"},
        {"a{x=\"1\"}1\n# EOF\n", "line 1"},
        {"a{x=\"1\"y=\"2\"} 1\n# EOF\n", "line 1"},
        {"a{x=\"\\t\"} 1\n# EOF\n", "line 1"},
        {"a{x=\"\\\n# EOF\n", "line 1"},
        {"a{\n# EOF\n", "line 1"},
        {"a{x=\"1\",a=\"1\",b=\"1\",c=\"1\",d=\"1\",e=\"1\",f=\"1\"} 1\n# EOF\n", "line 1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO_VAL(cli_figures) f = {.count = 0};
        err_t error = read_text(rows[i].text, &f);
        if (error.code != ERR_BAD_ENCODING || strstr(error.detail, rows[i].why) == NULL) {
            fail_msg("%zu \"%s\": %d %s", i, rows[i].text, (int)error.code, error.detail);
        }
    }
    AUTO_VAL(cli_figures) f = {.count = 0};
    const uint8_t with_zero[] = "a 1\n\0# EOF\n";
    assert_int_equal(cli_figures_read((struct bytes){with_zero, sizeof with_zero - 1}, &f).code,
                     ERR_BAD_ENCODING);
}

static void nothing_is_without_a_bound(void **state)
{
    (void)state;
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(cli_figures) most = {.count = 0};
    AUTO_VAL(cli_figures) more = {.count = 0};
    AUTO_VAL(cli_figures) large = {.count = 0};
    for (int i = 0; i < CLI_FIGURES_MAX; i++) {
        assert_int_equal(buf_append_str(&text, "a 1\n").code, ERR_OK);
    }
    size_t n = text.n;
    assert_int_equal(buf_append_str(&text, "# EOF\n").code, ERR_OK);
    assert_int_equal(cli_figures_read(buf_view(&text), &most).code, ERR_OK);
    assert_int_equal(most.count, CLI_FIGURES_MAX);
    text.n = n;
    assert_int_equal(buf_append_str(&text, "a 1\n# EOF\n").code, ERR_OK);
    assert_int_equal(cli_figures_read(buf_view(&text), &more).code, ERR_TOO_LARGE);
    struct bytes view = {(const uint8_t *)"", (size_t)CLI_FIGURES_TEXT_MAX + 1}; /* not even looked at */
    assert_int_equal(cli_figures_read(view, &large).code, ERR_TOO_LARGE);
}

static void sums(void **state)
{
    (void)state;
    AUTO_VAL(cli_figures) f = {.count = 0};
    double sum = 0;
    assert_int_equal(
        read_text("r{s=\"200\"} 1\nr{s=\"204\"} 2\nr{s=\"404\"} 4\nr{t=\"2\"} 8\nr NaN\nrr 16\n# EOF\n", &f)
            .code,
        ERR_OK);
    assert_true(cli_figures_sum(&f, &(struct cli_figure_choice){"r", NULL, NULL, false}, &sum));
    ASSERT_SAME(sum, 15);
    assert_true(cli_figures_sum(&f, &(struct cli_figure_choice){"r", "s", "204", false}, &sum));
    ASSERT_SAME(sum, 2);
    assert_true(cli_figures_sum(&f, &(struct cli_figure_choice){"r", "s", "2", true}, &sum));
    ASSERT_SAME(sum, 3);
    assert_false(cli_figures_sum(&f, &(struct cli_figure_choice){"r", "s", "2", false}, &sum));
    assert_false(cli_figures_sum(&f, &(struct cli_figure_choice){"q", NULL, NULL, false}, &sum));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_format_has),
        cmocka_unit_test(what_is_no_page),
        cmocka_unit_test(nothing_is_without_a_bound),
        cmocka_unit_test(sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
