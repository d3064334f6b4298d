/* arena.c: alignment, zeroes, the cap, pieces larger than a block. */
#include "base/arena.h"
#include "tests/unit/base/base_fixture.h"

static void pieces_are_apart_aligned_and_zero(void **state)
{
    (void)state;
    AUTO_PTR(arena) *arena = NULL;
    assert_ok(arena_new(1 << 20, &arena));
    for (size_t n = 0; n < 300; n++) {
        void *p = NULL;
        assert_ok(arena_alloc(arena, n, &p));
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        const uint8_t *bytes = p;
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(bytes[i], 0);
        }
        memset(p, 0xff, n);
    }
    void *large = NULL;
    assert_ok(arena_alloc(arena, 100000, &large));
    memset(large, 0xff, 100000);
}

static void cap_is_hard(void **state)
{
    (void)state;
    AUTO_PTR(arena) *arena = NULL;
    void *p = NULL;
    assert_ok(arena_new(1024, &arena));
    assert_error(arena_alloc(arena, 1025, &p), ERR_TOO_LARGE);
    assert_null(p);
    assert_error(arena_alloc(arena, SIZE_MAX, &p), ERR_TOO_LARGE);
    for (int i = 0; i < 64; i++) {
        assert_ok(arena_alloc(arena, 1, &p));
    }
    assert_error(arena_alloc(arena, 0, &p), ERR_TOO_LARGE);
    assert_error(arena_alloc(arena, 1, &p), ERR_TOO_LARGE);
}

static void texts_are_copied(void **state)
{
    (void)state;
    AUTO_PTR(arena) *arena = NULL;
    const char *copy = NULL;
    char text[] = "hello";
    assert_ok(arena_new(1024, &arena));
    assert_ok(arena_dup_str(arena, (struct bytes){(const uint8_t *)text, 4}, &copy));
    text[0] = 'J';
    assert_string_equal(copy, "hell");
    assert_ok(arena_dup_str(arena, BYTES_NONE, &copy));
    assert_string_equal(copy, "");
    arena_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_apart_aligned_and_zero),
        cmocka_unit_test(cap_is_hard),
        cmocka_unit_test(texts_are_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
