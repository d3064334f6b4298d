/* Deadlines expire in their order, are moved when they are armed again, and are gone when they are disarmed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/deadlines.h"

static void test_order_and_rearming(void **state)
{
    (void)state;
    struct deadlines all;
    struct deadline nodes[4] = {{.kind = DEADLINE_NONE}};
    deadlines_init(&all);
    all.duration_ms[DEADLINE_IDLE] = 100;
    all.duration_ms[DEADLINE_HEADERS] = 10;
    for (uint64_t i = 0; i < 4; i++) {
        deadline_arm(&all, &nodes[i], DEADLINE_IDLE, i);
    }
    assert_null(deadlines_expired(&all, 99));
    assert_ptr_equal(deadlines_expired(&all, 100), &nodes[0]);
    deadline_arm(&all, &nodes[0], DEADLINE_IDLE, 50);
    assert_null(deadlines_expired(&all, 100));
    assert_ptr_equal(deadlines_expired(&all, 101), &nodes[1]);
    deadline_arm(&all, &nodes[2], DEADLINE_NONE, 0); /* from the middle */
    deadline_arm(&all, &nodes[1], DEADLINE_NONE, 0); /* from the front */
    assert_ptr_equal(deadlines_expired(&all, 200), &nodes[3]);
    deadline_arm(&all, &nodes[3], DEADLINE_HEADERS, 60);
    assert_ptr_equal(deadlines_expired(&all, 70), &nodes[3]);
    deadline_arm(&all, &nodes[3], DEADLINE_NONE, 0);
    assert_null(deadlines_expired(&all, 149));
    assert_ptr_equal(deadlines_expired(&all, 150), &nodes[0]);
    deadline_arm(&all, &nodes[0], DEADLINE_NONE, 0); /* the only one */
    assert_null(deadlines_expired(&all, UINT64_MAX));
    deadline_arm(&all, &nodes[1], DEADLINE_IDLE, 0);
    assert_ptr_equal(deadlines_expired(&all, 100), &nodes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order_and_rearming)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
