/* Races of the registry and of tokens: several workers at once, one outcome. Run under ThreadSanitizer too.
 */
#include <pthread.h>

#include "tests/unit/fleet/registry_scene.h"

enum { WORKERS = 8, DEVICES = 200 };

struct worker {
    pthread_t thread;
    struct fleet_fixture *f;
    int number;
    struct batch_order order;
    struct batch_row made;
    err_t error;
};

static void *register_batch(void *arg)
{
    struct worker *worker = arg;
    struct batch_report report;
    worker->error = batch_register(worker->f->fleet, &test_actor, &worker->order, &worker->made, &report);
    return NULL;
}

static void run_all(struct worker *workers, void *(*fn)(void *))
{
    for (int i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_create(&workers[i].thread, NULL, fn, &workers[i]), 0);
    }
    for (int i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    }
}

/* The same devices under different names: one wins, the others import nothing. */
static void one_of_many_registers_a_device(void **state)
{
    struct fleet_fixture f;
    struct worker workers[WORKERS] = {0};
    char names[WORKERS][16];
    int won = 0;
    fleet_fixture_init(&f, *state);
    struct device_entry *entries = entries_by_id(0, DEVICES);
    for (int i = 0; i < WORKERS; i++) {
        (void)snprintf(names[i], sizeof names[i], "lot-%d", i);
        workers[i] = (struct worker){.f = &f, .order = order_of(f.tenant.id, names[i], entries, DEVICES)};
    }
    run_all(workers, register_batch);
    for (int i = 0; i < WORKERS; i++) {
        struct batch_row found;
        bool is_won = workers[i].error.code == ERR_OK;
        won += is_won ? 1 : 0;
        if (!is_won) {
            assert_int_equal(workers[i].error.code, ERR_CONFLICT);
            assert_error(batch_find(f.fleet, f.tenant.id, workers[i].made.id, &found), ERR_NOT_FOUND,
                         "batch");
        }
    }
    assert_int_equal(won, 1);
    assert_int_equal(audit_of(&f, "batch.registered").count, 1);
    assert_audit_verifies(&f);
    free(entries);
    fleet_fixture_clear(&f);
}

/* The same request with the same key, all at once: all get the one batch. */
static void one_key_makes_one_batch(void **state)
{
    struct fleet_fixture f;
    struct worker workers[WORKERS] = {0};
    fleet_fixture_init(&f, *state);
    struct device_entry *entries = entries_by_id(0, DEVICES);
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.f = &f, .order = order_of(f.tenant.id, "lot-1", entries, DEVICES)};
        workers[i].order.idempotency_key = bytes_str("key-1");
    }
    run_all(workers, register_batch);
    for (int i = 0; i < WORKERS; i++) {
        assert_ok(workers[i].error);
        assert_true(uuid_equal(workers[i].made.id, workers[0].made.id));
    }
    assert_int_equal(audit_of(&f, "batch.registered").count, 1);
    assert_int_equal(f.fleet->counters.registered, DEVICES);
    free(entries);
    fleet_fixture_clear(&f);
}

static void *use_token(void *arg)
{
    struct worker *worker = arg;
    struct token_row row;
    for (int i = 0; i < 200 && worker->error.code == ERR_OK; i++) {
        worker->error = token_check(worker->f->fleet, bytes_str(worker->f->token.text), &row);
        if (worker->number == 0 && worker->error.code == ERR_OK) {
            worker->error = token_uses_flush(worker->f->fleet, fleet_now_ms);
        }
    }
    return NULL;
}

static void uses_are_noted_while_others_are_written(void **state)
{
    struct fleet_fixture f;
    struct worker workers[WORKERS] = {0};
    struct token_row row;
    fleet_fixture_init(&f, *state);
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.f = &f, .number = i};
    }
    run_all(workers, use_token);
    for (int i = 0; i < WORKERS; i++) {
        assert_ok(workers[i].error);
    }
    assert_ok(token_uses_flush(f.fleet, fleet_now_ms));
    assert_ok(token_check(f.fleet, bytes_str(f.token.text), &row));
    assert_int_equal(row.last_used_at, fleet_now_ms);
    fleet_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_of_many_registers_a_device),
        cmocka_unit_test(one_key_makes_one_batch),
        cmocka_unit_test(uses_are_noted_while_others_are_written),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
