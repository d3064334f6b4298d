/* The table of jobs, and the steps that this half of fleet/ owns: last uses of tokens, old idempotency keys.
 */
#include "tests/unit/fleet/fleet_fixture.h"

#include "db/op_rows.h"
#include "db/token_rows.h"
#include "fleet/jobs.h"

static const struct job *job_named(const char *name)
{
    size_t count = 0;
    const struct job *jobs = fleet_jobs(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(jobs[i].name, name) == 0) {
            return &jobs[i];
        }
    }
    fail_msg("no job %s", name);
    return NULL;
}

static void the_table_has_every_job_at_its_period(void **state)
{
    (void)state;
    assert_int_equal(job_named("publication")->period_ms, 1000);
    assert_int_equal(job_named("checkpoint")->period_ms, 30000);
    assert_int_equal(job_named("token-uses")->period_ms, 60000);
    assert_int_equal(job_named("challenge-sweep")->period_ms, 60000);
    assert_int_equal(job_named("superseded")->period_ms, 10000);
    assert_int_equal(job_named("operation-sweep")->period_ms, 3600000);
    assert_int_equal(job_named("audit-anchor")->period_ms, 3600000);
    assert_int_equal(job_named("device-terms")->period_ms, 10000);
    assert_int_equal(job_named("device-terms-walk")->period_ms, 1000);
    assert_int_equal(job_named("operations")->period_ms, 1000);
    assert_int_equal(job_named("approvals")->period_ms, 60000);
    assert_int_equal(job_named("transfers")->period_ms, 60000);
    assert_int_equal(job_named("expiries")->period_ms, 60000);
    assert_int_equal(job_named("ocsp-signers")->period_ms, 60000);
    assert_false(job_named("ocsp-signers")->waits_for_clock);
}

static void every_job_runs_on_a_founded_inventory(void **state)
{
    struct fleet_fixture f;
    size_t count = 0;
    fleet_fixture_init(&f, *state);
    const struct job *jobs = fleet_jobs(&count);
    for (size_t i = 0; i < count; i++) {
        assert_ok(jobs[i].run(f.fleet, clock_now_ms(&f.clock.clock)));
    }
    fleet_fixture_clear(&f);
}

static int64_t last_use_of(struct fleet_fixture *f)
{
    struct token_row row;
    assert_ok(token_check(f->fleet, bytes_str(f->token.text), &row));
    return row.last_used_at;
}

static int64_t commits_of(struct fleet_fixture *f)
{
    struct db_stats stats;
    db_stats_read(f->db, &stats);
    return stats.commits;
}

static void the_last_use_is_written_by_the_job_only(void **state)
{
    struct fleet_fixture f;
    fleet_fixture_init(&f, *state);
    int64_t commits = commits_of(&f);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(last_use_of(&f), 0);
    }
    assert_int_equal(commits_of(&f), commits);
    manual_clock_advance(&f.clock, 5000);
    assert_int_equal(last_use_of(&f), 0);
    assert_ok(job_named("token-uses")->run(f.fleet, fleet_now_ms));
    assert_int_equal(commits_of(&f), commits + 1);
    assert_int_equal(last_use_of(&f), fleet_now_ms + 5000);
    fleet_fixture_clear(&f);
}

static void nothing_to_write_writes_nothing(void **state)
{
    struct fleet_fixture f;
    fleet_fixture_init(&f, *state);
    int64_t commits = commits_of(&f);
    assert_ok(job_named("token-uses")->run(f.fleet, fleet_now_ms));
    assert_int_equal(commits_of(&f), commits);
    fleet_fixture_clear(&f);
}

static void the_last_use_never_goes_back(void **state)
{
    struct fleet_fixture f;
    struct token_row row;
    fleet_fixture_init(&f, *state);
    assert_ok(token_check(f.fleet, bytes_str(f.token.text), &row));
    token_uses_note(f.fleet->token_uses, row.id, fleet_now_ms + 9000);
    token_uses_note(f.fleet->token_uses, row.id, fleet_now_ms + 10);
    assert_ok(fleet_settle(f.fleet));
    token_uses_note(f.fleet->token_uses, row.id, fleet_now_ms + 20);
    assert_ok(token_uses_flush(f.fleet, fleet_now_ms));
    assert_int_equal(last_use_of(&f), fleet_now_ms + 9000);
    fleet_fixture_clear(&f);
}

/* Forged ids cannot reach the table (a check comes first), but even 100,000 of them leave it bounded and
 * whole. */
static void a_full_table_drops_uses_and_goes_on(void **state)
{
    struct fleet_fixture f;
    struct token_row row;
    fleet_fixture_init(&f, *state);
    assert_ok(token_check(f.fleet, bytes_str(f.token.text), &row));
    for (int i = 0; i < 100000; i++) {
        struct device_id id = device_id_of(i);
        token_uses_note(f.fleet->token_uses, id.b, fleet_now_ms);
    }
    assert_ok(token_uses_flush(f.fleet, fleet_now_ms));
    assert_int_equal(last_use_of(&f), fleet_now_ms);
    assert_ok(token_uses_flush(f.fleet, fleet_now_ms));
    fleet_fixture_clear(&f);
}

struct ops {
    struct uuid tenant;
    int64_t at;
    int first, count;
};

static err_t insert_ops(struct db_tx *tx, void *arg)
{
    const struct ops *ops = arg;
    for (int i = ops->first; i < ops->first + ops->count; i++) {
        struct op_row row = {.at = ops->at, .kind = "test", .result = "x"};
        TRY(op_rows_insert(tx, ops->tenant, (struct bytes){(const uint8_t *)&i, sizeof i}, &row));
    }
    return OK;
}

static const char sql_count_ops[] = "SELECT idem FROM op";

static err_t on_op(const struct db_row *row, void *arg)
{
    (void)row;
    int *count = arg;
    ++*count;
    return OK;
}

static err_t count_ops(struct db_tx *tx, void *arg)
{
    return db_run(tx, sql_count_ops, NULL, 0, on_op, arg);
}

static void old_operations_are_forgotten_and_young_ones_kept(void **state)
{
    struct fleet_fixture f;
    int left = 0;
    fleet_fixture_init(&f, *state);
    struct ops old = {.tenant = f.tenant.id, .at = fleet_now_ms - 49 * hour_ms, .count = 5000};
    struct ops young = {.tenant = f.tenant.id, .at = fleet_now_ms - 25 * hour_ms, .first = 5000, .count = 7};
    assert_ok(db_write(f.db, insert_ops, &old));
    assert_ok(db_write(f.db, insert_ops, &young));
    assert_ok(job_named("operation-sweep")->run(f.fleet, fleet_now_ms));
    assert_ok(db_read(f.db, count_ops, &left));
    assert_int_equal(left, 7);
    fleet_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_has_every_job_at_its_period),
        cmocka_unit_test(every_job_runs_on_a_founded_inventory),
        cmocka_unit_test(the_last_use_is_written_by_the_job_only),
        cmocka_unit_test(nothing_to_write_writes_nothing),
        cmocka_unit_test(the_last_use_never_goes_back),
        cmocka_unit_test(a_full_table_drops_uses_and_goes_on),
        cmocka_unit_test(old_operations_are_forgotten_and_young_ones_kept),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
