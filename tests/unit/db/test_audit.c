/* The audit log: chains over epochs, and that every touched byte and every missing record is noticed. */
#include "tests/unit/db/db_fixture.h"

#include <sqlite3.h>

#include "db/audit_hash.h"

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    fixture_make(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture_remove(*state);
    free(*state);
    return 0;
}

static err_t add_full(struct db_tx *tx, void *arg)
{
    (void)arg;
    static const struct uuid tenant = {{1, 2, 3}};
    static const uint8_t device[32] = {4, 5, 6};
    return audit_append(tx, &(struct audit_entry){.kind = "device.enrolled",
                                                  .result = "ok",
                                                  .actor = "token:1",
                                                  .request_id = "r-1",
                                                  .tenant = &tenant,
                                                  .device_id = device,
                                                  .body = "{\"a\":1}"});
}

/* Two epochs: 1 + 3 records, then 1 + 3. */
static void make_log(struct fixture *f)
{
    for (int epoch = 0; epoch < 2; epoch++) {
        fixture_open(f);
        for (int i = 0; i < 3; i++) {
            manual_clock_advance(&f->clock, 1000);
            assert_ok(db_write(f->db, add_full, NULL));
        }
        fixture_close(f);
    }
}

/* As somebody with the file and sqlite3's shell. */
static void tamper(struct fixture *f, const char *sql)
{
    sqlite3 *handle = NULL;
    assert_int_equal(sqlite3_open(f->path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, "PRAGMA ignore_check_constraints = ON", NULL, NULL, NULL),
                     SQLITE_OK);
    if (sqlite3_exec(handle, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
    }
    assert_true(sqlite3_changes(handle) > 0);
    assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}

static struct audit_report verify_file(struct fixture *f)
{
    struct audit_report report;
    f->options.is_read_only = true;
    fixture_open(f);
    assert_ok(audit_verify(f->db, &report));
    fixture_close(f);
    f->options.is_read_only = false;
    return report;
}

static void assert_noticed(struct fixture *f, const char *sql, const char *what)
{
    make_log(f);
    struct audit_report report = verify_file(f);
    assert_string_equal(report.first_bad, "");
    assert_int_equal(report.records, 8);
    assert_int_equal(report.chains, 2);
    tamper(f, sql);
    report = verify_file(f);
    if (report.first_bad[0] == '\0' || strstr(report.first_bad, what) == NULL) {
        fail_msg("after %s: '%s', expected '%s'", sql, report.first_bad, what);
    }
    fixture_remove(f);
    fixture_make(f);
}

static void test_every_column_is_covered(void **state)
{
    static const struct {
        const char *change, *what;
    } cases[] = {
        {"node = CAST('0123456789abcdef' AS BLOB)", ""},
        {"epoch = 7", ""},
        {"lane = 1", ""},
        {"seq = 9", ""},
        {"at = at + 1", "is not what was hashed"},
        {"tenant = CAST('0123456789abcdef' AS BLOB)", "is not what was hashed"},
        {"tenant = NULL", "is not what was hashed"},
        {"tenant = zeroblob(0)", "is not what was hashed"},
        {"device = zeroblob(32)", "is not what was hashed"},
        {"device = NULL", "is not what was hashed"},
        {"actor = 'token:2'", "is not what was hashed"},
        {"request_id = ''", "is not what was hashed"},
        {"kind = 'device.enrollee'", "is not what was hashed"},
        {"result = 'oj'", "is not what was hashed"},
        {"body = '{\"a\":2}'", "is not what was hashed"},
        {"actor = 'token:1r', request_id = '-1'",
         "is not what was hashed"}, /* a moved border of two fields */
        {"prev = zeroblob(32)", "does not name the record before"},
        {"hash = zeroblob(32)", "is not what was hashed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char sql[200];
        (void)snprintf(sql, sizeof sql, "UPDATE audit SET %s WHERE epoch = 1 AND seq = 3", cases[i].change);
        assert_noticed(*state, sql, cases[i].what);
        (void)snprintf(sql, sizeof sql, "UPDATE audit SET %s WHERE epoch = 2 AND seq = 4", cases[i].change);
        assert_noticed(*state, sql, cases[i].what); /* the very last record */
    }
}

static void test_missing_records_are_noticed(void **state)
{
    struct fixture *f = *state;
    assert_noticed(f, "DELETE FROM audit WHERE epoch = 1 AND seq = 2",
                   "epoch 1 lane 0 record 3: the record before is missing");
    assert_noticed(f, "DELETE FROM audit WHERE epoch = 1 AND seq = 1",
                   "the first record of the epoch is missing");
    assert_noticed(f, "DELETE FROM audit WHERE epoch = 1 AND seq = 4",
                   "epoch 2 lane 0 record 1: does not name the end of the epoch before");
    assert_noticed(f, "DELETE FROM audit WHERE epoch = 1 AND seq > 1",
                   "does not name the end of the epoch before");
    assert_noticed(f, "DELETE FROM audit WHERE epoch = 1", "the epoch before is missing");
    assert_noticed(f, "DELETE FROM audit WHERE epoch = 2", "later epochs are missing");
    assert_noticed(f, "DELETE FROM audit", "the node has no record at all");
    assert_noticed(f, "DELETE FROM node", "no such node");
    assert_noticed(f, "UPDATE node SET epoch = epoch + 1", "later epochs are missing");
}

static void test_swapped_records_are_noticed(void **state)
{
    assert_noticed(*state,
                   "UPDATE audit SET seq = 99 WHERE epoch = 1 AND seq = 2;"
                   "UPDATE audit SET seq = 2 WHERE epoch = 1 AND seq = 3;"
                   "UPDATE audit SET seq = 3 WHERE epoch = 1 AND seq = 99",
                   "epoch 1 lane 0 record 2");
}

static void test_each_start_is_an_epoch(void **state)
{
    struct fixture *f = *state;
    for (int64_t epoch = 1; epoch <= 3; epoch++) {
        manual_clock_advance(&f->clock, 1000);
        fixture_open(f);
        assert_int_equal(read_number(f, "SELECT epoch FROM node WHERE name = 'node-1'"), epoch);
        assert_int_equal(read_number(f, "SELECT seen_at FROM node WHERE name = 'node-1'"), f->clock.at_ms);
        assert_int_equal(read_number(f, "SELECT count(*) FROM audit WHERE kind = 'node.started'"), epoch);
        fixture_close(f);
    }
    f->options.node_name = "node-2"; /* another node, another chain */
    fixture_open(f);
    assert_int_equal(read_number(f, "SELECT epoch FROM node WHERE name = 'node-2'"), 1);
    assert_audit_ok(f, 4);
    assert_int_equal(read_number(f, "SELECT count(DISTINCT node) FROM audit"), 2);
    assert_int_equal(read_number(f, "SELECT count(*) FROM audit WHERE prev = zeroblob(32)"), 2);
}

static err_t append_in_read(struct db_tx *tx, void *arg)
{
    return add_full(tx, arg);
}

static void test_only_writes_append(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    assert_err(ERR_INTERNAL, db_read(f->db, append_in_read, NULL));
    /* somebody else under our name: the key is the fence, and it is not a caller's conflict */
    assert_ok(write_sql(
        f, "INSERT INTO audit SELECT node, epoch, lane, 2, at, tenant, device, actor, request_id, kind,"
           " result, body, prev, hash, NULL FROM audit WHERE seq = 1"));
    assert_err(ERR_DB, db_write(f->db, add_full, NULL));
}

static struct bytes column(sqlite3_stmt *row, int at)
{
    return (struct bytes){sqlite3_column_blob(row, at), (size_t)sqlite3_column_bytes(row, at)};
}

static struct bytes text_column(sqlite3_stmt *row, int at)
{
    struct bytes text = column(row, at);
    return text.p == NULL ? bytes_str("") : text;
}

/* Hashes a record as it was done before, behind `prev`. */
static void hash_before(sqlite3_stmt *row, struct sha256 *prev)
{
    struct audit_record record = {.link = {.epoch = sqlite3_column_int64(row, 1),
                                           .lane = sqlite3_column_int64(row, 2),
                                           .seq = sqlite3_column_int64(row, 3),
                                           .prev = *prev},
                                  .at_ms = sqlite3_column_int64(row, 4),
                                  .tenant = column(row, 5),
                                  .device = column(row, 6),
                                  .actor = text_column(row, 7),
                                  .request_id = text_column(row, 8),
                                  .kind = text_column(row, 9),
                                  .result = text_column(row, 10),
                                  .body = text_column(row, 11)};
    memcpy(record.link.node.b, column(row, 0).p, sizeof record.link.node.b);
    assert_ok(audit_hash_first_form(&record, prev));
}

/* The log as a server of before wrote it. */
static void rewrite_as_before(struct fixture *f)
{
    sqlite3 *handle = NULL;
    sqlite3_stmt *row = NULL, *change = NULL;
    struct sha256 prev = {{0}};
    assert_int_equal(sqlite3_open(f->path, &handle), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(handle,
                           "SELECT node, epoch, lane, seq, at, tenant, device, actor, request_id, kind, "
                           "result, body FROM audit ORDER BY node, epoch, lane, seq",
                           -1, &row, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(handle,
                                        "UPDATE audit SET prev = ?1, hash = ?2 WHERE epoch = ?3 AND seq = ?4",
                                        -1, &change, NULL),
                     SQLITE_OK);
    while (sqlite3_step(row) == SQLITE_ROW) {
        struct sha256 before = prev;
        hash_before(row, &prev);
        (void)sqlite3_bind_blob(change, 1, before.b, sizeof before.b, SQLITE_TRANSIENT);
        (void)sqlite3_bind_blob(change, 2, prev.b, sizeof prev.b, SQLITE_TRANSIENT);
        (void)sqlite3_bind_int64(change, 3, sqlite3_column_int64(row, 1));
        (void)sqlite3_bind_int64(change, 4, sqlite3_column_int64(row, 3));
        assert_int_equal(sqlite3_step(change), SQLITE_DONE);
        assert_int_equal(sqlite3_reset(change), SQLITE_OK);
    }
    assert_int_equal(sqlite3_finalize(row), SQLITE_OK);
    assert_int_equal(sqlite3_finalize(change), SQLITE_OK);
    assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}

static void test_a_log_that_was_begun_before_verifies(void **state)
{
    struct fixture *f = *state;
    make_log(f);
    rewrite_as_before(f);
    make_log(f); /* and goes on as it is hashed today */
    struct audit_report report = verify_file(f);
    assert_string_equal(report.first_bad, "");
    assert_int_equal(report.records, 16);
    tamper(f, "UPDATE audit SET body = '{}' WHERE epoch = 1 AND seq = 3");
    report = verify_file(f);
    assert_non_null(strstr(report.first_bad, "is not what was hashed"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_column_is_covered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_missing_records_are_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_swapped_records_are_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_each_start_is_an_epoch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_only_writes_append, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_log_that_was_begun_before_verifies, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
