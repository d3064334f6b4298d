/* The pool: everything that was taken runs once, the bound holds, and the end waits for what is queued. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_task_runs_once),
                                       cmocka_unit_test(test_queue_is_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
