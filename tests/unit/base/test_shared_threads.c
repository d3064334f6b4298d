/* Counted bytes: a copy of what they were made from, alive until the last holder lets go, on whatever thread
 * that is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "base/shared.h"

static void test_copies(void **state)
{
    (void)state;
    char text[] = "content";
    AUTO_PTR(shared) *shared = NULL;
    assert_int_equal(shared_new(bytes_str(text), &shared).code, ERR_OK);
    memset(text, 'x', sizeof text - 1);
    assert_true(bytes_is(shared_view(shared), "content"));
    AUTO_PTR(shared) *empty = NULL;
    assert_int_equal(shared_new(BYTES_NONE, &empty).code, ERR_OK);
    assert_int_equal(shared_view(empty).n, 0);
    shared_unref(NULL);
}

static void *hold(void *context)
{
    for (int i = 0; i < 10000; i++) {
        struct shared *mine = shared_ref(context);
        assert_int_equal(shared_view(mine).n, 5);
        shared_unref(mine);
    }
    shared_unref(context);
    return NULL;
}

static void test_last_holder_frees(void **state)
{
    (void)state;
    struct shared *shared = NULL;
    pthread_t threads[4];
    assert_int_equal(shared_new(bytes_str("bytes"), &shared).code, ERR_OK);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hold, shared_ref(shared)), 0);
    }
    shared_unref(shared);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_copies),
                                       cmocka_unit_test(test_last_holder_frees)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
