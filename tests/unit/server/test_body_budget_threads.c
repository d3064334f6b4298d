/* The budget is never exceeded, large bodies leave room for small ones, and everything comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "server/body_budget.h"

enum { MIB = 1 << 20, THREADS = 4, ROUNDS = 20000 };

static void test_both_sides_of_the_limits(void **state)
{
    (void)state;
    struct body_budget budget;
    body_budget_init(&budget, 4 * MIB);
    assert_true(body_budget_take(&budget, 0, 3 * MIB));
    assert_false(body_budget_take(&budget, 0, BODY_SMALL + 1)); /* large ones have had their share */
    assert_false(body_budget_take(&budget, BODY_SMALL, 1));     /* and so has one that grows */
    for (int i = 0; i < MIB / BODY_SMALL; i++) {
        assert_true(body_budget_take(&budget, 0, BODY_SMALL));
    }
    assert_false(body_budget_take(&budget, 0, 1));
    assert_true(body_budget_take(&budget, 0, 0));
    body_budget_give(&budget, 1);
    assert_true(body_budget_take(&budget, 0, 1));
    body_budget_give(&budget, 4 * MIB);
    assert_false(body_budget_take(&budget, 0, SIZE_MAX));
    assert_false(body_budget_take(&budget, 0, 3 * MIB + 1));
    assert_true(body_budget_take(&budget, 0, 3 * MIB));
}

static void test_no_limit(void **state)
{
    (void)state;
    struct body_budget budget;
    body_budget_init(&budget, 0);
    assert_true(body_budget_take(&budget, 0, (size_t)1 << 40));
    assert_true(body_budget_fits(&budget, (size_t)1 << 40));
}

static void test_what_can_never_be_handled_is_known_before(void **state)
{
    (void)state;
    struct body_budget budget;
    body_budget_init(&budget, (size_t)4 * ((1 + BODY_PARSED) * MIB / 3 + 1));
    assert_true(body_budget_fits(&budget, MIB));
    assert_false(body_budget_fits(&budget, MIB + 1));
    body_budget_init(&budget, 1);
    assert_true(body_budget_fits(&budget, BODY_SMALL)); /* it may be told to come again, no more */
}

static void *take_and_give(void *context)
{
    struct body_budget *budget = context;
    for (size_t i = 0; i < ROUNDS; i++) {
        size_t n = i % 3 == 0 ? 700 : 400;
        if (body_budget_take(budget, 0, n)) {
            assert_true(atomic_load(&budget->held) <= 1000);
            body_budget_give(budget, n);
        }
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct body_budget budget;
    pthread_t threads[THREADS];
    body_budget_init(&budget, 1000);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, &budget), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&budget.held), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_sides_of_the_limits), cmocka_unit_test(test_no_limit),
        cmocka_unit_test(test_what_can_never_be_handled_is_known_before), cmocka_unit_test(test_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
