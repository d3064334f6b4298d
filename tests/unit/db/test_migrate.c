/* Migrations: in order, each whole or not at all, never backwards, never into somebody else's database. */
#include "tests/unit/db/db_fixture.h"

#include "db/internal.h"

struct stage {
    struct fixture f;
    struct connection *connection;
};

static int set_up(void **state)
{
    struct stage *s = calloc(1, sizeof *s);
    assert_non_null(s);
    fixture_make(&s->f);
    assert_ok(connection_open(&s->f.options, CONNECTION_WRITE, &s->connection));
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *s = *state;
    connection_free(s->connection);
    fixture_remove(&s->f);
    free(s);
    return 0;
}

static int64_t number(struct stage *s, const char *sql)
{
    struct number_query query = {.sql = sql, .number = -1};
    assert_ok(connection_run(s->connection,
                             &(struct statement_call){.sql = sql, .fn = take_number, .arg = &query}));
    return query.number;
}

static const struct db_migration steps[] = {
    {1, "0001_a", "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);"},
    {2, "0002_b", "CREATE TABLE b (x INTEGER) STRICT; UPDATE a SET x = x + 1;"},
    {3, "0003_add",
     "ALTER TABLE b ADD COLUMN y INTEGER; UPDATE schema_version SET min_reader = 2 WHERE v = 3;"},
};
static const struct migration_list one = {steps, 1}, two = {steps, 2}, three = {steps, 3};

static void test_each_step_runs_once(void **state)
{
    struct stage *s = *state;
    assert_ok(migrate_run(s->connection, &one, 100));
    assert_ok(migrate_run(s->connection, &two, 200));
    assert_ok(migrate_run(s->connection, &two, 300));
    assert_int_equal(number(s, "SELECT x FROM a"), 2);
    assert_int_equal(number(s, "SELECT count(*) FROM schema_version"), 2);
    assert_int_equal(number(s, "SELECT applied_at FROM schema_version WHERE v = 1"), 100);
    assert_int_equal(number(s, "SELECT applied_at FROM schema_version WHERE v = 2"), 200);
    assert_ok(migrate_check(s->connection, &two));
}

static void test_a_newer_schema_is_refused(void **state)
{
    struct stage *s = *state;
    assert_ok(migrate_run(s->connection, &two, 1));
    err_t refused = migrate_run(s->connection, &one, 2);
    assert_int_equal(refused.code, ERR_DB);
    assert_non_null(strstr(refused.detail, "schema 2"));
    assert_non_null(strstr(refused.detail, "newer"));
    assert_err(ERR_DB, migrate_check(s->connection, &one));
    assert_int_equal(number(s, "SELECT count(*) FROM schema_version"), 2);
}

static void test_a_step_that_only_adds_lets_older_readers_in(void **state)
{
    struct stage *s = *state;
    assert_ok(migrate_run(s->connection, &three, 1));
    assert_ok(migrate_check(s->connection, &two));
    assert_err(ERR_DB, migrate_check(s->connection, &one));
    assert_err(ERR_DB, migrate_run(s->connection, &two, 1)); /* but nobody older writes */
}

static void test_a_reader_waits_for_the_migration(void **state)
{
    struct stage *s = *state;
    assert_err(ERR_DB, migrate_check(s->connection, &one));
    assert_ok(migrate_run(s->connection, &one, 1));
    err_t refused = migrate_check(s->connection, &two);
    assert_int_equal(refused.code, ERR_DB);
    assert_non_null(strstr(refused.detail, "start the server once"));
}

static void test_a_step_that_fails_leaves_nothing(void **state)
{
    struct stage *s = *state;
    const struct db_migration broken[] = {
        steps[0],
        {2, "0002_broken",
         "CREATE TABLE b (x INTEGER) STRICT; UPDATE a SET x = 9; INSERT INTO nope VALUES (1);"}};
    err_t failed = migrate_run(s->connection, &(struct migration_list){broken, 2}, 1);
    assert_int_equal(failed.code, ERR_DB);
    assert_non_null(strstr(failed.detail, "0002_broken"));
    assert_non_null(strstr(failed.detail, "nope"));
    assert_false(connection_in_transaction(s->connection));
    assert_int_equal(number(s, "SELECT x FROM a"), 1);
    assert_int_equal(number(s, "SELECT count(*) FROM sqlite_schema WHERE name = 'b'"), 0);
    assert_int_equal(number(s, "SELECT max(v) FROM schema_version"), 1);
    assert_ok(migrate_run(s->connection, &two, 2));
}

static void test_a_first_step_that_fails_leaves_an_empty_file(void **state)
{
    struct stage *s = *state;
    const struct db_migration broken[] = {{1, "0001_broken", "CREATE TABLE a (x INTEGER) STRICT; nonsense;"}};
    assert_err(ERR_DB, migrate_run(s->connection, &(struct migration_list){broken, 1}, 1));
    assert_int_equal(number(s, "SELECT count(*) FROM sqlite_schema"), 0);
    assert_ok(migrate_run(s->connection, &three, 2));
}

static void test_a_foreign_database_is_left_alone(void **state)
{
    struct stage *s = *state;
    assert_ok(connection_script(s->connection, "CREATE TABLE recipes (name TEXT)"));
    err_t refused = migrate_run(s->connection, &one, 1);
    assert_int_equal(refused.code, ERR_DB);
    assert_non_null(strstr(refused.detail, "not an inventory"));
    assert_int_equal(number(s, "SELECT count(*) FROM sqlite_schema"), 1);
}

static void test_numbers_have_no_gap(void **state)
{
    struct stage *s = *state;
    const struct db_migration gap[] = {steps[0], steps[2]};
    assert_err(ERR_INTERNAL, migrate_run(s->connection, &(struct migration_list){gap, 2}, 1));
}

static void test_the_schema_of_the_program(void **state)
{
    struct stage *s = *state;
    struct migration_list list = {db_migrations_sqlite, db_migrations_sqlite_count};
    assert_true(list.count > 0);
    assert_ok(migrate_run(s->connection, &list, 1));
    assert_int_equal(number(s, "SELECT max(v) FROM schema_version"), (int64_t)list.count);
    /* every table is STRICT */
    assert_int_equal(number(s, "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND strict = 0"
                               " AND name NOT LIKE 'sqlite_%'"),
                     0);
}

/* 0002: what products held of a hub became a hub of the same name. */
static void test_hubs_are_carried_over(void **state)
{
    struct stage *s = *state;
    const struct migration_list before = {db_migrations_sqlite, 1}, after = {db_migrations_sqlite, 2};
    assert_ok(migrate_run(s->connection, &before, 1));
    assert_ok(connection_script(
        s->connection,
        "INSERT INTO product VALUES"
        " (x'01000000000000000000000000000000', zeroblob(16), 'a', 9, 66, 1, 0, 0, 1, 0, "
        "'mqtts://h.example:99/x', 'PEM', 5, 6, 7),"
        " (x'02000000000000000000000000000000', zeroblob(16), 'b', 9, 66, 1, 0, 0, 1, 0, 'mqtts://[::1]', "
        "'', 5, 6, 7),"
        " (x'03000000000000000000000000000000', zeroblob(16), 'c', 9, 66, 1, 0, 0, 1, 0, '', '', 5, 6, 7);"));
    assert_ok(migrate_run(s->connection, &after, 2));
    assert_int_equal(number(s, "SELECT count(*) FROM hub"), 2);
    assert_int_equal(
        number(s, "SELECT count(*) FROM product JOIN hub ON hub.id = product.hub WHERE product.name = 'a'"
                  " AND hub.name = 'a' AND host = 'h.example' AND port = 99 AND ca = 'PEM'"),
        1);
    assert_int_equal(
        number(s, "SELECT count(*) FROM product JOIN hub ON hub.id = product.hub WHERE product.name = 'b'"
                  " AND host = '::1' AND port = 8883 AND ca = ''"),
        1);
    assert_int_equal(number(s, "SELECT count(*) FROM product WHERE name = 'c' AND hub IS NULL"), 1);
    assert_int_equal(number(s, "SELECT count(*) FROM product WHERE key_algorithms = 15 AND ver = 7"
                               " AND require_channel_binding = 1"),
                     3);
}

/* The step that brings people, whatever its number. */
static size_t step_of_people(void)
{
    size_t i = 0;
    while (strstr(db_migrations_sqlite[i].name, "_people") == NULL) {
        i++;
        assert_true(i < db_migrations_sqlite_count);
    }
    return i;
}

static void test_standing_tenants_get_the_roles(void **state)
{
    struct stage *s = *state;
    const struct migration_list before = {db_migrations_sqlite, step_of_people()};
    const struct migration_list after = {db_migrations_sqlite, step_of_people() + 1};
    assert_ok(migrate_run(s->connection, &before, 1));
    assert_ok(connection_script(s->connection, "INSERT INTO tenant VALUES"
                                               " (x'01000000000000000000000000000000', 'a', 5, 6, 7),"
                                               " (x'02000000000000000000000000000000', 'b', 8, 9, 1);"));
    assert_ok(migrate_run(s->connection, &after, 2));
    assert_int_equal(number(s, "SELECT count(*) FROM role"), 10);
    assert_int_equal(number(s, "SELECT count(*) FROM role JOIN tenant ON tenant.id = role.tenant"
                               " WHERE tenant.name = 'a' AND role.created_at = 5 AND is_builtin = 1"
                               " AND role.ver = 1 AND scopes > 0"),
                     5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_standing_tenants_get_the_roles, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_each_step_runs_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_newer_schema_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_step_that_only_adds_lets_older_readers_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_reader_waits_for_the_migration, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_step_that_fails_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_first_step_that_fails_leaves_an_empty_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_foreign_database_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_numbers_have_no_gap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_schema_of_the_program, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hubs_are_carried_over, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
