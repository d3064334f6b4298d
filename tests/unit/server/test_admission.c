/* The decisions about load, with numbers from both sides of each limit. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/admission.h"

static void test_a_turn_has_room_for_one_step_and_for_no_more_than_its_time(void **state)
{
    (void)state;
    assert_true(admission_has_turn(UINT64_MAX, 0)); /* whatever the rest of the turn took, it goes on */
    assert_true(admission_has_turn(0, 1000));
    assert_true(admission_has_turn(1999, 4));
    assert_false(admission_has_turn(2000, 4));
    assert_false(admission_has_turn(UINT64_MAX, 1));
}

static void test_a_listener_is_open_while_nothing_waits(void **state)
{
    (void)state;
    static const struct {
        enum admission_lane lane;
        struct admission_load load;
        bool is_open;
    } rows[] = {
        {LANE_DEVICE, {0, 0}, true},          {LANE_DEVICE, {1, 0}, false},
        {LANE_DEVICE, {0, 99}, true},         {LANE_DEVICE, {0, 100}, false},
        {LANE_DEVICE, {0, INT64_MAX}, false}, {LANE_MANAGEMENT, {0, INT64_MAX}, true},
        {LANE_MANAGEMENT, {1, 0}, false},     {LANE_PUBLIC, {INT_MAX, INT64_MAX}, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(admission_is_open(rows[i].lane, &rows[i].load), rows[i].is_open);
    }
}

static void test_who_left_or_waited_too_long_gets_no_handshake(void **state)
{
    (void)state;
    static const struct {
        struct admission_arrival arrival;
        int wait_ms;
        enum admission_verdict verdict;
    } rows[] = {
        {{true, 0}, 3000, ADMISSION_TAKE},     {{true, 3000}, 3000, ADMISSION_TAKE},
        {{true, 3001}, 3000, ADMISSION_STALE}, {{true, INT64_MAX}, 0, ADMISSION_TAKE},
        {{false, 0}, 3000, ADMISSION_GONE},    {{false, 9999}, 3000, ADMISSION_GONE},
        {{false, 0}, 0, ADMISSION_GONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(admission_judge(&rows[i].arrival, rows[i].wait_ms), rows[i].verdict);
    }
}

static void test_places_are_kept_for_those_who_look_and_act(void **state)
{
    (void)state;
    static const int totals[] = {1, 8, 16, 200, 1024, 20000, 1000000};
    for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++) {
        int device = admission_places(LANE_DEVICE, totals[i]);
        int public = admission_places(LANE_PUBLIC, totals[i]);
        int management = admission_places(LANE_MANAGEMENT, totals[i]);
        assert_int_equal(management, totals[i]);
        assert_true(device >= 1 && device <= public && public <= management);
        assert_true(device >= totals[i] - totals[i] / 8 && device >= totals[i] - 128);
        assert_true(totals[i] < 16 || (device < public && public < management));
    }
    assert_int_equal(admission_places(LANE_DEVICE, 20000), 20000 - 128);
}

static void test_unfinished_handshakes_are_shared_by_the_loops(void **state)
{
    (void)state;
    static const int rows[][4] = {
        /* wanted, connections, loops, of one loop */
        {0, 20000, 2, 2500}, {0, 20000, 1, 5000}, {0, 8, 4, 16}, {0, 1, 0, 16},
        {100, 20000, 4, 25}, {1, 20000, 4, 1},    {3, 10, 2, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(admission_handshakes(rows[i][0], rows[i][1], rows[i][2]), rows[i][3]);
    }
}

static void test_so_many_work_that_few_are_able_to_run(void **state)
{
    (void)state;
    static const struct {
        int64_t able_us, took_us;
        int cores, most, expected;
    } rows[] = {
        {0, 0, 1, 64, 64},
        {0, 5000, 1, 64, 64},
        {5000, 0, 1, 64, 64}, /* not known */
        {1000, 1000, 1, 64, 4},
        {1000, 1000, 2, 64, 8},
        {1000, 1000, 0, 64, 4},
        {1000, 1000, 1, 2, 2},
        {1000, 4000, 1, 64, 16},
        {1000, 50000, 1, 64, 64},
        {1000, 900, 1, 64, 4}, /* the kernel counts late */
        {3200000, 3200000, 64, 1024, 256},
        {1, 3200000, 64, 1024, 1024},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(admission_workers(rows[i].able_us, rows[i].took_us, rows[i].cores, rows[i].most),
                         rows[i].expected);
    }
}

static void test_those_refused_together_do_not_come_back_together(void **state)
{
    (void)state;
    static const struct {
        int waiting, waiting_max;
        int64_t wait_ms;
        int most;
    } rows[] = {
        {0, 1024, 0, 1},     {1024, 1024, 0, 16},       {512, 1024, 0, 8},
        {5000, 1024, 0, 16}, {1024, 1024, 5000, 26},    {1024, 1024, 1000000, 60},
        {0, 0, -5, 1},       {INT_MAX, INT_MAX, 0, 16}, {4, 4, INT64_MAX / 4, 60},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int seen[61] = {0};
        for (uint32_t random = 0; random < 6000; random++) {
            int after_s =
                admission_retry_after_s(rows[i].waiting, rows[i].waiting_max, rows[i].wait_ms, random);
            assert_in_range(after_s, 1, rows[i].most);
            seen[after_s]++;
        }
        for (int s = 1; s <= rows[i].most; s++) { /* evenly, so that none of the seconds is a crowd */
            assert_in_range(seen[s], 6000 / rows[i].most, 6000 / rows[i].most + 1);
        }
        assert_in_range(
            admission_retry_after_s(rows[i].waiting, rows[i].waiting_max, rows[i].wait_ms, UINT32_MAX), 1,
            rows[i].most);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_turn_has_room_for_one_step_and_for_no_more_than_its_time),
        cmocka_unit_test(test_a_listener_is_open_while_nothing_waits),
        cmocka_unit_test(test_who_left_or_waited_too_long_gets_no_handshake),
        cmocka_unit_test(test_places_are_kept_for_those_who_look_and_act),
        cmocka_unit_test(test_unfinished_handshakes_are_shared_by_the_loops),
        cmocka_unit_test(test_so_many_work_that_few_are_able_to_run),
        cmocka_unit_test(test_those_refused_together_do_not_come_back_together)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
