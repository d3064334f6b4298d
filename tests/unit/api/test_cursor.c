/* Cursors go around whole, and are refused when they are damaged or of another list. */
#include "tests/unit/pki/pki_fixture.h"

#include "api/cursor.h"

static const struct device_filter plain = {.tenant = {{1}}, .limit = 100};
static const struct device_id last = {{7, 8, 9}};

static void a_cursor_comes_back(void **state)
{
    (void)state;
    char text[CURSOR_TEXT_SIZE];
    struct device_id id;
    struct device_filter other_limit = plain;
    other_limit.limit = 3;
    assert_ok(cursor_format(&plain, &last, text));
    assert_ok(cursor_parse(&other_limit, text, &id));
    assert_memory_equal(id.b, last.b, sizeof id.b);
}

static void another_list_refuses_it(void **state)
{
    (void)state;
    char text[CURSOR_TEXT_SIZE];
    struct device_id id;
    struct device_filter others[4] = {plain, plain, plain, plain};
    others[0].tenant.b[0] = 2;
    others[1].has_batch = true;
    others[2].has_state = true; /* registered, whose number is 0 */
    others[3].has_batch = true;
    others[3].batch.b[0] = 9;
    assert_ok(cursor_format(&plain, &last, text));
    for (size_t i = 0; i < 4; i++) {
        assert_error(cursor_parse(&others[i], text, &id), ERR_BAD_REQUEST, "another list");
    }
}

static void a_forged_one_is_refused(void **state)
{
    (void)state;
    char text[CURSOR_TEXT_SIZE];
    struct device_id id;
    static const char *const bad[] = {"", "x", "00", "é"};
    for (size_t i = 0; i < 4; i++) {
        assert_error(cursor_parse(&plain, bad[i], &id), ERR_BAD_REQUEST, "cursor");
    }
    assert_ok(cursor_format(&plain, &last, text));
    for (size_t i = 0; i < CURSOR_TEXT_SIZE - 1; i++) {
        char kept = text[i];
        text[i] = kept == '0' ? '1' : '0';
        assert_error(cursor_parse(&plain, text, &id), ERR_BAD_REQUEST, "cursor");
        text[i] = kept;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cursor_comes_back),
        cmocka_unit_test(another_list_refuses_it),
        cmocka_unit_test(a_forged_one_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
