/* Group commit: one sync for many, failures that touch only their own closure, the queue's bound and its end.
 */
#include "tests/unit/db/writer_scene.h"

/* --- one sync for many --- */

static void test_many_writes_share_a_commit(void **state)
{
    struct scene *s = *state;
    enum { CALLERS = 64 };
    static struct caller callers[CALLERS];
    int64_t numbers[CALLERS];
    struct db_stats before, after;
    db_stats_read(s->f.db, &before);
    atomic_store(&s->shim.sync_delay_ms, 50);
    int syncs = atomic_load(&s->shim.syncs);
    for (int i = 0; i < CALLERS; i++) {
        numbers[i] = i;
        caller_start(&callers[i], &s->f, add_nonce, &numbers[i]);
    }
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(caller_end(&callers[i]), ERR_OK);
    }
    db_stats_read(s->f.db, &after);
    assert_int_equal(after.closures - before.closures, CALLERS);
    assert_true(after.largest_group >= 16);
    assert_true(after.commits - before.commits <= 1 + CALLERS / 16);
    /* and each commit was synced: nothing is answered from a cache */
    assert_true(atomic_load(&s->shim.syncs) - syncs >= after.commits - before.commits);
    assert_audit_ok(&s->f, 1 + CALLERS);
}

/* --- what it says of itself --- */

static double figure(struct scene *s, const char *name)
{
    AUTO_VAL(buf) text = {0};
    assert_ok(db_write_metrics(s->f.db, &text));
    const char *found = strstr(buf_str(&text), name);
    assert_non_null(found);
    return strtod(found + strlen(name), NULL);
}

#define assert_figure(name, value) assert_true(figure(s, name) == (double)(value))

static void test_groups_and_commits_are_told(void **state)
{
    struct scene *s = *state;
    enum { CALLERS = 3 };
    struct gate gate;
    struct caller callers[CALLERS];
    int64_t numbers[CALLERS] = {1, 2, 1}; /* the last one conflicts */
    gate_close(&gate, &s->f);
    for (int i = 0; i < CALLERS; i++) {
        caller_start(&callers[i], &s->f, add_nonce, &numbers[i]);
        wait_for_queue(&s->f, i + 1);
    }
    assert_figure("\nwhorl_db_queue ", CALLERS);
    assert_figure("\nwhorl_db_queue_limit ", s->f.options.queue_limit);
    atomic_store(&s->shim.sync_delay_ms, 30);
    gate_open(&gate);
    for (int i = 0; i < CALLERS; i++) {
        (void)caller_end(&callers[i]);
    }
    assert_figure("\nwhorl_db_queue ", 0);
    assert_figure("\nwhorl_db_group_transactions_bucket{le=\"1.0\"} ", 1); /* the gate */
    assert_figure("\nwhorl_db_group_transactions_bucket{le=\"2.0\"} ", 2);
    assert_figure("\nwhorl_db_group_transactions_sum ", 3);
    assert_figure("\nwhorl_db_transactions_total ", 3);
    assert_figure("\nwhorl_db_rollbacks_total ", 1);
    assert_figure("\nwhorl_db_commit_seconds_bucket{le=\"0.025\"} ", 1); /* the gate changed nothing */
    assert_figure("\nwhorl_db_commit_seconds_count ", 2);
    assert_true(figure(s, "\nwhorl_db_commit_seconds_sum ") >= 0.03);
}

/* --- failures --- */

static err_t add_then_refuse(struct db_tx *tx, void *arg)
{
    TRY(add_nonce(tx, arg));
    return ERR(ERR_FORBIDDEN, "no");
}

static void test_a_failure_is_its_own(void **state)
{
    struct scene *s = *state;
    struct gate gate;
    struct caller callers[4];
    int64_t numbers[4] = {1, 2, 1, 3}; /* the third conflicts with the first */
    gate_close(&gate, &s->f);
    for (int i = 0; i < 4; i++) {
        caller_start(&callers[i], &s->f, i == 1 ? add_then_refuse : add_nonce, &numbers[i]);
        wait_for_queue(&s->f, i + 1);
    }
    gate_open(&gate);
    static const err_code expected[] = {ERR_OK, ERR_FORBIDDEN, ERR_CONFLICT, ERR_OK};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(caller_end(&callers[i]), expected[i]);
    }
    struct db_stats stats;
    db_stats_read(s->f.db, &stats);
    assert_int_equal(stats.rollbacks, 2);
    assert_int_equal(stats.largest_group, 2);
    assert_int_equal(read_number(&s->f, "SELECT sum(expires_at) FROM challenge_used"), 4);
    assert_audit_ok(&s->f, 3);
    /* the head in memory went back with the savepoint: the chain goes on */
    int64_t next = 9;
    assert_ok(db_write(s->f.db, add_nonce, &next));
    assert_audit_ok(&s->f, 4);
}

/* --- the queue --- */

static void test_the_queue_is_bounded(void **state)
{
    struct scene *s = *state;
    fixture_close(&s->f);
    s->f.options.queue_limit = 3;
    fixture_open(&s->f);
    struct gate gate;
    struct caller callers[3];
    int64_t numbers[4] = {1, 2, 3, 4};
    gate_close(&gate, &s->f);
    for (int i = 0; i < 3; i++) {
        caller_start(&callers[i], &s->f, add_nonce, &numbers[i]);
        wait_for_queue(&s->f, i + 1);
    }
    assert_err(ERR_BUSY, db_write(s->f.db, add_nonce, &numbers[3]));
    gate_open(&gate);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(caller_end(&callers[i]), ERR_OK);
    }
    assert_ok(db_write(s->f.db, add_nonce, &numbers[3]));
}

static void *close_main(void *arg)
{
    fixture_close(arg);
    return NULL;
}

static void test_closing_runs_what_is_queued(void **state)
{
    struct scene *s = *state;
    struct gate gate;
    struct caller callers[3];
    int64_t numbers[3] = {1, 2, 3};
    gate_close(&gate, &s->f);
    for (int i = 0; i < 3; i++) {
        caller_start(&callers[i], &s->f, add_nonce, &numbers[i]);
        wait_for_queue(&s->f, i + 1);
    }
    pthread_t closer;
    assert_int_equal(pthread_create(&closer, NULL, close_main, &s->f), 0);
    sleep_ms(20);
    gate_open(&gate);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(caller_end(&callers[i]), ERR_OK);
    }
    assert_int_equal(pthread_join(closer, NULL), 0);
    fixture_open(&s->f);
    assert_int_equal(read_number(&s->f, "SELECT count(*) FROM challenge_used"), 3);
}

static err_t write_inside(struct db_tx *tx, void *arg)
{
    (void)tx;
    int64_t number = 1;
    return db_write(((struct fixture *)arg)->db, add_nonce, &number);
}

static err_t end_transaction(struct db_tx *tx, void *arg)
{
    (void)arg;
    return db_run(tx, "ROLLBACK", NULL, 0, NULL, NULL);
}

static void test_mistakes_of_a_closure_are_errors(void **state)
{
    struct scene *s = *state;
    assert_err(ERR_INTERNAL, db_write(s->f.db, write_inside, &s->f)); /* not a deadlock */
    assert_err(ERR_INTERNAL, db_write(s->f.db, end_transaction, NULL));
    int64_t number = 1;
    assert_ok(db_write(s->f.db, add_nonce, &number));
    assert_audit_ok(&s->f, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_many_writes_share_a_commit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_groups_and_commits_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_failure_is_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_queue_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_closing_runs_what_is_queued, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mistakes_of_a_closure_are_errors, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
