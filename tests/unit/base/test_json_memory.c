/* json.c without memory: a text is whole, or there is none. The linker hands malloc of our code to this
 * program (Makefile). */
#include "base/json.h"
#include "tests/unit/base/base_fixture.h"

static size_t refused_at, calls;

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);

void *__wrap_malloc(size_t n)
{
    return ++calls == refused_at ? NULL : __real_malloc(n);
}

typedef err_t (*append_fn)(struct buf *out, const json_t *value);

/* jansson goes on behind a key that could not be written: one growth fails, the next one does not. */
static void is_whole_or_not_there(append_fn append)
{
    char key[8] = "";
    AUTO(json_t) *object = json_object();
    AUTO_VAL(buf) whole = {0};
    for (int i = 0; i < 500; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        assert_ok(json_take(object, key, json_integer(i)));
    }
    refused_at = 0;
    calls = 0;
    assert_ok(append(&whole, object));
    size_t last = calls;
    assert_true(last > 3);
    for (size_t start = 0; start < 40; start++) { /* the growth falls on another part each time */
        for (refused_at = 1; refused_at <= last; refused_at++) {
            AUTO_VAL(buf) text = {0};
            calls = last; /* the start itself is not refused */
            for (size_t i = 0; i < start; i++) {
                assert_ok(buf_append(&text, " ", 1));
            }
            calls = 0;
            err_t error = append(&text, object);
            assert_true(error.code == ERR_NO_MEMORY ? text.n == start : text.n == start + whole.n);
        }
    }
    refused_at = 0;
}

static void in_any_order(void **state)
{
    (void)state;
    is_whole_or_not_there(json_append);
}

static void in_order(void **state)
{
    (void)state;
    is_whole_or_not_there(json_append_sorted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_any_order), cmocka_unit_test(in_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
