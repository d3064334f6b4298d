/* err.c: the table is complete and consistent, details are cut and harmless. */
#include "tests/unit/base/base_fixture.h"

static void each_code_has_its_row(void **state)
{
    (void)state;
    for (int i = 0; i < ERR_COUNT; i++) {
        err_code code = (err_code)i;
        assert_in_range((unsigned)err_status(code), 200, 599);
        assert_true(strlen(err_title(code)) > 0);
        assert_int_equal(strspn(err_slug(code), "abcdefghijklmnopqrstuvwxyz-"), strlen(err_slug(code)));
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(err_slug(code), err_slug((err_code)j));
        }
    }
    assert_int_equal(err_status(ERR_NOT_FOUND), 404);
    assert_int_equal(err_status(ERR_DISK_FULL), 503);
}

static void detail_is_printed_and_placed(void **state)
{
    (void)state;
    err_t error = ERR(ERR_CONFLICT, "version %d of '%s'", 7, "x");
    assert_int_equal(error.code, ERR_CONFLICT);
    assert_string_equal(error.detail, "version 7 of 'x'");
    assert_int_equal(error.line, __LINE__ - 3);
    assert_non_null(strstr(error.file, "test_err.c"));
}

static void long_detail_is_cut_between_characters(void **state)
{
    (void)state;
    char text[400] = "a";
    for (size_t i = 1; i + 3 < sizeof text; i += 3) {
        memcpy(text + i, "\xe2\x82\xac", 4);
    }
    err_t error = ERR(ERR_BAD_REQUEST, "%s", text);
    assert_int_equal(strlen(error.detail), 1 + 52 * 3);
    assert_memory_equal(error.detail, text, 157);
}

static void detail_is_harmless(void **state)
{
    (void)state;
    err_t error = ERR(ERR_BAD_REQUEST, "a\nb\x1b[31m\x7f\xff\xc0\x80 \xc3\xa9\xe2\x82");
    assert_string_equal(error.detail, "a?b?[31m???? \xc3\xa9??");
}

static err_t fails_at(int step, int *reached)
{
    *reached = 1;
    ENSURE(step != 1, ERR_FORBIDDEN, "one");
    *reached = 2;
    TRY(step == 2 ? ERR(ERR_TIMEOUT, "two") : OK);
    *reached = 3;
    return OK;
}

static void try_and_ensure_return_early(void **state)
{
    (void)state;
    int reached = 0;
    assert_error(fails_at(1, &reached), ERR_FORBIDDEN);
    assert_int_equal(reached, 1);
    assert_error(fails_at(2, &reached), ERR_TIMEOUT);
    assert_int_equal(reached, 2);
    assert_ok(fails_at(3, &reached));
    assert_int_equal(reached, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_code_has_its_row),
        cmocka_unit_test(detail_is_printed_and_placed),
        cmocka_unit_test(long_detail_is_cut_between_characters),
        cmocka_unit_test(detail_is_harmless),
        cmocka_unit_test(try_and_ensure_return_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
