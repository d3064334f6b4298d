/* The traces of requests that run: found while they do, and by their own ids only. */
#include <stdio.h>
#include <string.h>

#include <pthread.h>

#include "base/ports.h"
#include "base/trace_table.h"
#include "tests/unit/base/base_fixture.h"

static void make(struct trace_entry *entry, unsigned number)
{
    *entry = (struct trace_entry){.is_in = false};
    (void)snprintf(entry->request_id, sizeof entry->request_id, "0190aaaa-bbbb-7ccc-8ddd-%012x", number);
    (void)snprintf(entry->trace.id, sizeof entry->trace.id, "%032x", number + 1);
    (void)snprintf(entry->trace.parent, sizeof entry->trace.parent, "%016x", number + 2);
}

static void found_while_they_run(void **state)
{
    (void)state;
    enum { MANY = 2000 };
    static struct trace_entry entries[MANY];
    AUTO_PTR(trace_table) *table = NULL;
    struct trace trace;
    assert_ok(trace_table_new(&table));
    assert_false(trace_table_find(table, "0190aaaa-bbbb-7ccc-8ddd-000000000000", &trace));
    for (unsigned i = 0; i < MANY; i++) {
        make(&entries[i], i);
        trace_table_put(table, &entries[i]);
        trace_table_put(table, &entries[i]); /* once */
    }
    for (unsigned i = 0; i < MANY; i++) {
        assert_true(trace_table_find(table, entries[i].request_id, &trace));
        assert_string_equal(trace.id, entries[i].trace.id);
        assert_string_equal(trace.parent, entries[i].trace.parent);
    }
    assert_false(trace_table_find(table, "", &trace));
    assert_false(trace_table_find(table, NULL, &trace));
    assert_false(trace_table_find(table, "0190aaaa-bbbb-7ccc-8ddd-00000000000", &trace));
    assert_string_equal(trace.id, "");
    for (unsigned i = 0; i < MANY; i += 2) {
        trace_table_drop(table, &entries[i]);
        trace_table_drop(table, &entries[i]);
    }
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(trace_table_find(table, entries[i].request_id, &trace), i % 2);
    }
    for (unsigned i = 1; i < MANY; i += 2) {
        trace_table_drop(table, &entries[i]);
    }
    assert_false(trace_table_find(table, entries[1].request_id, &trace));
}

static void without_a_table_nothing_is_kept(void **state)
{
    (void)state;
    struct trace_entry entry;
    struct trace trace;
    make(&entry, 7);
    trace_table_put(NULL, &entry);
    assert_false(entry.is_in);
    assert_false(trace_table_find(NULL, entry.request_id, &trace));
    trace_table_drop(NULL, &entry);
    trace_table_free(NULL);
}

/* --- requests come and go while others look ----------------------------------------------------------- */

struct crowd {
    struct trace_table *table;
    unsigned first;
};

static void *come_and_go(void *arg)
{
    const struct crowd *crowd = arg;
    struct trace_entry mine, others;
    struct trace trace;
    for (unsigned i = 0; i < 5000; i++) {
        make(&mine, crowd->first + i % 8);
        make(&others, (crowd->first ^ 8U) + i % 8);
        trace_table_put(crowd->table, &mine);
        assert_true(trace_table_find(crowd->table, mine.request_id, &trace));
        assert_string_equal(trace.id, mine.trace.id);
        if (trace_table_find(crowd->table, others.request_id, &trace)) {
            assert_string_equal(trace.id, others.trace.id);
        }
        trace_table_drop(crowd->table, &mine);
        assert_false(trace_table_find(crowd->table, mine.request_id, &trace));
    }
    return NULL;
}

static void come_and_go_at_once(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    AUTO_PTR(trace_table) *table = NULL;
    struct crowd crowds[THREADS];
    pthread_t threads[THREADS];
    assert_ok(trace_table_new(&table));
    for (unsigned i = 0; i < THREADS; i++) {
        crowds[i] = (struct crowd){.table = table, .first = 8 * i};
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &crowds[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_while_they_run),
        cmocka_unit_test(without_a_table_nothing_is_kept),
        cmocka_unit_test(come_and_go_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
