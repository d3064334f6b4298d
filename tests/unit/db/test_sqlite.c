/* Statements and rows: parameters by name, values that come back as they went in, texts that are kept, errors
 * that are mapped. */
#include "tests/unit/db/db_fixture.h"

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    fixture_make(f);
    fixture_open(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture_remove(*state);
    free(*state);
    return 0;
}

static err_t by_name(struct db_tx *tx, void *arg)
{
    (void)arg;
    TRY(db_run(tx,
               "INSERT INTO op (tenant, idem, fingerprint, at, kind, result) VALUES ($2, $1, $3, $4, $5, $5)",
               DB_VALUES(DB_B("idem", 4), DB_B("0123456789abcdef", 16), DB_B("f", 1), DB_I(7), DB_T("first")),
               NULL, NULL));
    /* SQLite numbers $2 as its first parameter here */
    int64_t changes = 0;
    TRY(db_change(tx, "UPDATE op SET result = $2 WHERE idem = $1", DB_VALUES(DB_B("idem", 4), DB_T("second")),
                  &changes));
    assert_int_equal(changes, 1);
    TRY(db_change(tx, "UPDATE op SET result = $2 WHERE idem = $1", DB_VALUES(DB_B("none", 4), DB_T("x")),
                  &changes));
    assert_int_equal(changes, 0);
    TRY(db_change(tx, "SELECT 1", NULL, 0, &changes));
    assert_int_equal(changes, 0);
    return OK;
}

static void test_parameters_are_bound_by_name(void **state)
{
    struct fixture *f = *state;
    assert_ok(db_write(f->db, by_name, NULL));
    assert_int_equal(
        read_number(f, "SELECT count(*) FROM op WHERE idem = CAST('idem' AS BLOB) AND result = 'second'"
                       " AND at = 7 AND kind = 'first'"),
        1);
}

static err_t check_values(const struct db_row *row, void *arg)
{
    ++*(int *)arg;
    assert_int_equal(db_row_int(row, 0), INT64_MIN);
    assert_true(db_row_is_null(row, 1));
    assert_null(db_row_bytes(row, 1).p);
    struct bytes blob = db_row_bytes(row, 2);
    assert_false(db_row_is_null(row, 2));
    assert_non_null(blob.p); /* empty is not NULL */
    assert_int_equal(blob.n, 0);
    struct bytes text = db_row_bytes(row, 3);
    assert_non_null(text.p);
    assert_int_equal(text.n, 0);
    assert_memory_equal(db_row_bytes(row, 4).p, "a\0b", 3);
    uint8_t three[3];
    assert_ok(db_row_copy(row, 4, three, 3));
    assert_memory_equal(three, "a\0b", 3);
    assert_err(ERR_DB, db_row_copy(row, 4, three, 2));
    char name[6];
    assert_ok(db_row_text(row, 5, name, sizeof name));
    assert_string_equal(name, "hello");
    assert_err(ERR_DB, db_row_text(row, 5, name, 5)); /* cut never */
    assert_err(ERR_DB, db_row_text(row, 4, name, sizeof name));
    assert_ok(db_row_text(row, 1, name, sizeof name));
    assert_string_equal(name, "");
    return OK;
}

static err_t values_come_back(struct db_tx *tx, void *arg)
{
    return db_run(
        tx, "SELECT $1, $2, $3, $4, $5, $6 FROM node WHERE typeof($3) = 'blob' AND typeof($4) = 'text'",
        DB_VALUES(DB_I(INT64_MIN), DB_N, DB_BYTES(BYTES_NONE),
                  ((struct db_value){.kind = DB_TEXT, .bytes = BYTES_NONE}), DB_B("a\0b", 3), DB_T("hello")),
        check_values, arg);
}

static void test_values_come_back_as_they_went_in(void **state)
{
    struct fixture *f = *state;
    int rows = 0;
    assert_ok(db_read(f->db, values_come_back, &rows));
    assert_int_equal(rows, 1);
}

static void test_bad_texts_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = {
        "SELECT $1::bigint",  "SELECT ?1",  "SELECT :a",          "SELECT $0", "SELECT $2",
        "SELECT $1, $3",      "SELECT $99", "SELECT 1; SELECT 2", "",          "SELEC 1",
        "SELECT \"no_such\"", "SELECT $1",  "SELECT * FROM nope",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_err(ERR_DB, write_sql(f, texts[i]));
    }
    assert_ok(write_sql(f, "SELECT 1;\n"));
}

static void test_errors_are_mapped(void **state)
{
    struct fixture *f = *state;
    const char *sql = "INSERT INTO tenant (id, name, created_at, updated_at, ver) VALUES "
                      "(CAST('0123456789abcde1' AS BLOB), 'a', 1, 1, 1)";
    assert_ok(write_sql(f, sql));
    err_t twice = write_sql(f, sql);
    assert_int_equal(twice.code, ERR_CONFLICT);
    assert_null(strstr(twice.detail, "tenant")); /* a caller sees this detail: no table, no column */
    assert_err(ERR_CONFLICT, write_sql(f, "INSERT INTO tenant (id, name, created_at, updated_at, ver) VALUES "
                                          "(CAST('0123456789abcde2' AS BLOB), 'a', 1, 1, 1)"));
    /* CHECK, NOT NULL and STRICT are our faults, not a caller's */
    assert_err(ERR_DB, write_sql(f, "INSERT INTO tenant (id, name, created_at, updated_at, ver) VALUES "
                                    "(CAST('short' AS BLOB), 'b', 1, 1, 1)"));
    assert_err(ERR_DB, write_sql(f, "INSERT INTO tenant (id, name, created_at, updated_at, ver) VALUES "
                                    "(CAST('0123456789abcde2' AS BLOB), NULL, 1, 1, 1)"));
    err_t strict = write_sql(f, "INSERT INTO tenant (id, name, created_at, updated_at, ver) VALUES "
                                "(CAST('0123456789abcde2' AS BLOB), 'b', 'x', 1, 1)");
    assert_int_equal(strict.code, ERR_DB);
    assert_non_null(strstr(strict.detail, "TEXT"));
    assert_int_equal(read_number(f, "SELECT count(*) FROM tenant"), 1);
}

struct walk {
    struct db_tx *tx;
    int depth, rows;
};

static const char walk_sql[] = "SELECT 1 UNION ALL SELECT 2";

static err_t walk_row(const struct db_row *row, void *arg)
{
    struct walk *walk = arg;
    int64_t number = db_row_int(row, 0);
    walk->rows++;
    if (walk->depth < 3) {
        walk->depth++;
        TRY(db_run(walk->tx, walk_sql, NULL, 0, walk_row, walk));
        walk->depth--;
    }
    assert_int_equal(db_row_int(row, 0), number); /* the outer statement still stands on its row */
    return OK;
}

static err_t walk_all(struct db_tx *tx, void *arg)
{
    struct walk *walk = arg;
    walk->tx = tx;
    return db_run(tx, walk_sql, NULL, 0, walk_row, walk);
}

static void test_a_text_may_run_inside_itself(void **state)
{
    struct fixture *f = *state;
    struct walk walk = {0};
    assert_ok(db_read(f->db, walk_all, &walk));
    assert_int_equal(walk.rows, 2 + 4 + 8 + 16);
}

static err_t many_texts(struct db_tx *tx, void *arg)
{
    (void)arg;
    static char texts[1000][24]; /* more than a connection keeps */
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 1000; i++) {
            (void)snprintf(texts[i], sizeof texts[i], "SELECT %d",
                           i * (round + 1)); /* an address with a new text */
            struct number_query query = {.sql = texts[i]};
            TRY(query_number(tx, &query));
            assert_int_equal(query.number, i * (round + 1));
        }
    }
    return OK;
}

static err_t one_address(struct db_tx *tx, void *arg)
{
    (void)arg;
    char text[24];
    for (int i = 0; i < 5; i++) {
        (void)snprintf(text, sizeof text, "SELECT %d", i);
        struct number_query query = {.sql = text};
        TRY(query_number(tx, &query));
        assert_int_equal(query.number, i);
    }
    return OK;
}

static void test_an_address_may_come_again_with_another_text(void **state)
{
    struct fixture *f = *state;
    assert_ok(db_read(f->db, one_address, NULL));
}

static void test_more_texts_than_are_kept(void **state)
{
    struct fixture *f = *state;
    assert_ok(db_read(f->db, many_texts, NULL));
}

static err_t refuse_row(const struct db_row *row, void *arg)
{
    (void)row;
    ++*(int *)arg;
    return ERR(ERR_NOT_FOUND, "refused");
}

static err_t refuse_query(struct db_tx *tx, void *arg)
{
    return db_run(tx, walk_sql, NULL, 0, refuse_row, arg);
}

static err_t refuse_returning(struct db_tx *tx, void *arg)
{
    err_t refused = db_run(
        tx,
        "INSERT INTO challenge_used VALUES (CAST('a' AS BLOB), 1), (CAST('b' AS BLOB), 1) RETURNING nonce",
        NULL, 0, refuse_row, arg);
    assert_int_equal(refused.code, ERR_NOT_FOUND);
    return OK;
}

static void test_a_callback_may_refuse_a_row(void **state)
{
    struct fixture *f = *state;
    int calls = 0;
    assert_err(ERR_NOT_FOUND, db_read(f->db, refuse_query, &calls));
    assert_int_equal(calls, 1);
    calls = 0;
    /* stepped to its end all the same: else the COMMIT would fail */
    assert_ok(db_write(f->db, refuse_returning, &calls));
    assert_int_equal(calls, 1);
    assert_int_equal(read_number(f, "SELECT count(*) FROM challenge_used"), 2);
}

static err_t two_ids(struct db_tx *tx, void *arg)
{
    struct uuid *ids = arg;
    TRY(db_tx_uuid(tx, &ids[0]));
    TRY(db_tx_uuid(tx, &ids[1]));
    assert_int_equal(db_tx_now_ms(tx), 1700000000000);
    return OK;
}

static void test_ids_carry_the_time_of_the_transaction(void **state)
{
    struct fixture *f = *state;
    struct uuid ids[2];
    assert_ok(db_write(f->db, two_ids, ids));
    assert_false(uuid_equal(ids[0], ids[1]));
    for (int i = 0; i < 2; i++) {
        int64_t at = 0;
        for (int b = 0; b < 6; b++) {
            at = at * 256 + ids[i].b[b];
        }
        assert_int_equal(at, 1700000000000);
        assert_int_equal(ids[i].b[6] >> 4, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_parameters_are_bound_by_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_values_come_back_as_they_went_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_texts_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_errors_are_mapped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_text_may_run_inside_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_address_may_come_again_with_another_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_more_texts_than_are_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_callback_may_refuse_a_row, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ids_carry_the_time_of_the_transaction, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
