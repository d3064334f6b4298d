/* The pool: everything that was taken runs once, the bound holds, and the end waits for what is queued. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "server/workers.h"

enum { PRODUCERS = 4, TASKS = 2000 };

struct counted {
    struct task task;
    atomic_int *total;
    atomic_int runs;
};

static void count(struct task *task)
{
    struct counted *c = (struct counted *)(void *)task;
    atomic_fetch_add(&c->runs, 1);
    atomic_fetch_add(c->total, 1);
}

struct producer {
    struct workers *workers;
    struct counted *tasks;
};

static void *produce(void *context)
{
    struct producer *p = context;
    for (int i = 0; i < TASKS; i++) {
        workers_push(p->workers, &p->tasks[i].task);
    }
    return NULL;
}

static void test_every_task_runs_once(void **state)
{
    (void)state;
    static struct counted tasks[PRODUCERS][TASKS];
    atomic_int total = 0;
    struct workers *workers = NULL;
    assert_int_equal(workers_new(3, 1, clock_system(), &workers).code, ERR_OK);
    pthread_t threads[PRODUCERS];
    struct producer producers[PRODUCERS];
    for (int p = 0; p < PRODUCERS; p++) {
        for (int i = 0; i < TASKS; i++) {
            tasks[p][i] = (struct counted){.task = {.run = count}, .total = &total};
        }
        producers[p] = (struct producer){workers, tasks[p]};
        assert_int_equal(pthread_create(&threads[p], NULL, produce, &producers[p]), 0);
    }
    for (int p = 0; p < PRODUCERS; p++) {
        pthread_join(threads[p], NULL);
    }
    workers_free(workers);
    assert_int_equal(total, PRODUCERS * TASKS);
    for (int p = 0; p < PRODUCERS; p++) {
        for (int i = 0; i < TASKS; i++) {
            assert_int_equal(tasks[p][i].runs, 1);
        }
    }
}

struct gate {
    struct task task;
    atomic_int *open, *entered;
};

static void wait_at_gate(struct task *task)
{
    struct gate *gate = (struct gate *)(void *)task;
    const struct timespec pause = {.tv_nsec = 1000000};
    atomic_fetch_add(gate->entered, 1);
    while (atomic_load(gate->open) == 0) {
        nanosleep(&pause, NULL);
    }
}

static void test_queue_is_bounded(void **state)
{
    (void)state;
    atomic_int open = 0, entered = 0;
    const struct timespec pause = {.tv_nsec = 1000000};
    struct gate gates[6];
    struct workers *workers = NULL;
    assert_int_equal(workers_new(2, 3, clock_system(), &workers).code, ERR_OK);
    for (int i = 0; i < 6; i++) {
        gates[i] = (struct gate){.task = {.run = wait_at_gate}, .open = &open, .entered = &entered};
    }
    for (int i = 0; i < 2; i++) {
        assert_true(workers_offer(workers, &gates[i].task));
        while (atomic_load(&entered) <= i) {
            nanosleep(&pause, NULL);
        }
    }
    assert_int_equal(workers_busy(workers), 2);
    for (int i = 2; i < 5; i++) {
        assert_true(workers_offer(workers, &gates[i].task));
    }
    assert_int_equal(workers_waiting(workers), 3);
    assert_false(workers_offer(workers, &gates[5].task));
    workers_push(workers, &gates[5].task); /* the next step of something that was let in */
    assert_int_equal(workers_waiting(workers), 4);
    atomic_store(&open, 1);
    workers_free(workers);
    assert_int_equal(entered, 6);
}

/* What ran, one after the other by the only worker. */
struct noted {
    struct task task;
    int *order, *count, number;
};

static void note(struct task *task)
{
    struct noted *noted = (struct noted *)(void *)task;
    noted->order[(*noted->count)++] = noted->number;
}

static void test_lanes_take_turns(void **state)
{
    (void)state;
    atomic_int open = 0, entered = 0;
    const struct timespec pause = {.tv_nsec = 2000000};
    struct gate gate = {.task = {.run = wait_at_gate}, .open = &open, .entered = &entered};
    static const enum admission_lane lanes[] = {LANE_DEVICE, LANE_DEVICE,     LANE_DEVICE,
                                                LANE_DEVICE, LANE_MANAGEMENT, LANE_PUBLIC,
                                                LANE_PUBLIC, LANE_MANAGEMENT, LANE_MANAGEMENT};
    static const int expected[] = {4, 5, 0, 7, 6, 1, 8, 2, 3};
    enum { COUNT = sizeof lanes / sizeof lanes[0] };
    int order[COUNT], count = 0;
    int64_t wait_ms = 0;
    struct noted noted[COUNT], refused = {.task = {.run = note, .lane = LANE_DEVICE}};
    struct workers *workers = NULL;
    assert_int_equal(workers_new(1, 4, clock_system(), &workers).code, ERR_OK);
    assert_true(workers_offer(workers, &gate.task));
    while (atomic_load(&entered) == 0) {
        nanosleep(&pause, NULL);
    }
    for (int i = 0; i < COUNT; i++) {
        noted[i] = (struct noted){{.run = note, .lane = lanes[i]}, order, &count, i};
        assert_int_equal(workers_lane(workers, LANE_MANAGEMENT, &wait_ms), i < 5 ? 0 : i < 8 ? 1 : 2);
        assert_true(i >= 5 || wait_ms == 0);
        assert_true(workers_offer(workers, &noted[i].task)); /* each lane has its own room */
    }
    assert_false(workers_offer(workers, &refused.task));
    nanosleep(&pause, NULL);
    assert_int_equal(workers_lane(workers, LANE_DEVICE, &wait_ms), 4);
    assert_true(wait_ms >= 1);
    assert_int_equal(workers_waiting(workers), COUNT);
    atomic_store(&open, 1);
    workers_free(workers);
    assert_int_equal(count, COUNT);
    assert_memory_equal(order, expected, sizeof expected);
}

/* A millisecond of a core. */
static void compute(struct task *task)
{
    struct counted *c = (struct counted *)(void *)task;
    struct timespec from, now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    do {
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    } while ((now.tv_sec - from.tv_sec) * 1000000000 + now.tv_nsec - from.tv_nsec < 1000000);
    atomic_fetch_add(c->total, 1);
}

static int64_t told_ms(void *context)
{
    return atomic_load((atomic_llong *)context);
}

/* Time stands still but for what is told here, so that no task of this test is a long one before. */
static void test_of_those_that_compute_only_few_work_at_once_and_long_ones_hold_nobody_up(void **state)
{
    (void)state;
    enum { LEARN = 400, THREADS_MAX = 1024 };
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    int least = 4 * CPU_COUNT(&set);
    int threads = 2 * least < THREADS_MAX ? 2 * least : THREADS_MAX;
    const struct timespec pause = {.tv_nsec = 2000000};
    static struct counted tasks[LEARN];
    static struct gate gates[THREADS_MAX];
    atomic_llong time_ms = 1000;
    atomic_int total = 0, open = 0, entered = 0;
    const struct clock clock = {.context = &time_ms, .now_ms = told_ms, .monotonic_ms = told_ms};
    struct workers *workers = NULL;
    assert_int_equal(workers_new(threads, LEARN, &clock, &workers).code, ERR_OK);
    for (int i = 0; i < LEARN; i++) {
        tasks[i] = (struct counted){.task = {.run = compute}, .total = &total};
        assert_true(workers_offer(workers, &tasks[i].task));
    }
    while (atomic_load(&total) < LEARN || workers_busy(workers) > 0) {
        nanosleep(&pause, NULL);
    }
    for (int i = 0; i < threads; i++) {
        gates[i] = (struct gate){.task = {.run = wait_at_gate}, .open = &open, .entered = &entered};
        assert_true(workers_offer(workers, &gates[i].task));
    }
    while (atomic_load(&entered) < least) {
        nanosleep(&pause, NULL);
    }
    for (int i = 0; i < 10; i++) {
        workers_tick(workers);
        nanosleep(&pause, NULL);
    }
    assert_in_range(atomic_load(&entered), least, least + least / 2);
    atomic_fetch_add(&time_ms, 100);
    while (atomic_load(&entered) < threads) {
        workers_tick(workers);
        nanosleep(&pause, NULL);
    }
    atomic_store(&open, 1);
    workers_free(workers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_those_that_compute_only_few_work_at_once_and_long_ones_hold_nobody_up),
        cmocka_unit_test(test_lanes_take_turns), cmocka_unit_test(test_every_task_runs_once),
        cmocka_unit_test(test_queue_is_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
