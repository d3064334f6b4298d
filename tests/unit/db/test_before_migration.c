/* The copy before a migration: made when the schema is about to change and only then, three schemas kept, no
 * migration without it, and the way back works. */
#include "tests/unit/db/db_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "db/snapshot.h"
#include "db/snapshot_internal.h"

struct stage {
    struct fixture f;
    char folder[96];
};

static int set_up(void **state)
{
    struct stage *s = calloc(1, sizeof *s);
    assert_non_null(s);
    fixture_make(&s->f);
    (void)snprintf(s->folder, sizeof s->folder, "%s/before", s->f.folder);
    s->f.options.before_migration = s->folder;
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *s = *state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", s->folder);
    assert_int_equal(system(command), 0);
    fixture_remove(&s->f);
    free(s);
    return 0;
}

/* An inventory as a program of that time left it. */
static void make_old(struct stage *s, size_t schema)
{
    AUTO_PTR(connection) *connection = NULL;
    const struct migration_list list = {db_migrations_sqlite, schema};
    assert_ok(connection_open(&s->f.options, CONNECTION_WRITE, &connection));
    assert_ok(migrate_run(connection, &list, 1));
    assert_ok(
        connection_script(connection, "INSERT INTO challenge_used (nonce, expires_at) VALUES (x'01', 1)"));
}

static int count(const struct stage *s)
{
    DIR *folder = opendir(s->folder);
    int n = 0;
    for (const struct dirent *e = folder == NULL ? NULL : readdir(folder); e != NULL; e = readdir(folder)) {
        n += e->d_name[0] != '.' || strcmp(e->d_name, FILE_TEMPORARY "copy") == 0 ? 1 : 0;
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return n;
}

static bool has(const struct stage *s, const char *name)
{
    char path[160];
    (void)snprintf(path, sizeof path, "%s/%s", s->folder, name);
    return access(path, F_OK) == 0;
}

static void put(const struct stage *s, const char *name)
{
    char path[160];
    (void)snprintf(path, sizeof path, "%s/%s", s->folder, name);
    assert_ok(file_write_durable(path, bytes_str("x"), 0600));
}

static void test_a_new_inventory_needs_none(void **state)
{
    struct stage *s = *state;
    fixture_open(&s->f);
    fixture_close(&s->f);
    fixture_open(&s->f); /* nor one that is up to date */
    assert_int_equal(count(s), 0);
    assert_false(file_exists(s->folder));
}

static void test_an_older_schema_is_kept(void **state)
{
    struct stage *s = *state;
    struct db_snapshot_facts facts;
    char path[160];
    struct stat st;
    make_old(s, 8);
    fixture_open(&s->f);
    assert_int_equal(count(s), 1);
    assert_true(has(s, "0008-20231114T221320Z.db")); /* the fixture's clock */
    assert_int_equal(read_number(&s->f, "SELECT max(v) FROM schema_version"),
                     (int64_t)db_migrations_sqlite_count);
    assert_int_equal(read_number(&s->f, "SELECT count(*) FROM challenge_used"), 1);
    (void)snprintf(path, sizeof path, "%s/0008-20231114T221320Z.db", s->folder);
    assert_ok(db_snapshot_check(&(struct db_options){.path = path}, &facts));
    assert_int_equal(facts.schema, 8);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(s->folder, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

/* The copy takes the inventory's place: it is the older schema again, with its rows, and migrates again. */
static void test_the_way_back(void **state)
{
    struct stage *s = *state;
    AUTO_PTR(connection) *connection = NULL;
    char path[160];
    int64_t pending = 0;
    make_old(s, 8);
    fixture_open(&s->f);
    assert_ok(write_sql(&s->f, "INSERT INTO challenge_used (nonce, expires_at) VALUES (x'02', 1)"));
    fixture_close(&s->f);
    (void)snprintf(path, sizeof path, "%s/0008-20231114T221320Z.db", s->folder);
    assert_int_equal(rename(path, s->f.path), 0);
    const struct migration_list all = {db_migrations_sqlite, db_migrations_sqlite_count};
    assert_ok(connection_open(&s->f.options, CONNECTION_WRITE, &connection));
    assert_ok(migrate_pending(connection, &all, &pending));
    assert_int_equal(pending, 8);
    connection_free(TAKE(connection));
    fixture_open(&s->f);
    assert_int_equal(read_number(&s->f, "SELECT count(*) FROM challenge_used"), 1);
    assert_true(has(s, "0008-20231114T221320Z.db"));
}

static void test_three_schemas_are_kept(void **state)
{
    struct stage *s = *state;
    assert_ok(folder_make(s->folder, 0700));
    put(s, "0003-20210101T000000Z.db");
    put(s, "0004-20210101T000000Z.db");
    put(s, "0005-20210101T000000Z.db");
    put(s, "0005-20220101T000000Z.db");
    put(s, "0008-20220101T000000Z.db"); /* an upgrade that was tried before */
    put(s, "notes.txt");
    put(s, "0005-20220101T000000Z.db.mine");
    put(s, FILE_TEMPORARY "copy"); /* a crash in the middle of it */
    make_old(s, 8);
    fixture_open(&s->f);
    assert_true(has(s, "0008-20231114T221320Z.db"));
    assert_true(has(s, "0005-20220101T000000Z.db"));
    assert_true(has(s, "0004-20210101T000000Z.db"));
    assert_true(has(s, "notes.txt"));
    assert_true(has(s, "0005-20220101T000000Z.db.mine"));
    assert_int_equal(count(s), 5);
}

/* A start of a program that knows `steps`, whose power goes when the schema is `reached`. */
static void start_and_cut(struct stage *s, size_t steps, size_t reached)
{
    AUTO_PTR(connection) *connection = NULL;
    const struct migration_list known = {db_migrations_sqlite, steps};
    const struct migration_list done = {db_migrations_sqlite, reached};
    assert_ok(connection_open(&s->f.options, CONNECTION_WRITE, &connection));
    assert_ok(before_migration_keep(connection, &s->f.options, &known));
    assert_ok(migrate_run(connection, &done, 2));
}

/* Each start that is cut again would else put the copy of another half in the place of the one that counts.
 */
static void test_a_migration_that_was_cut_keeps_its_copy(void **state)
{
    struct stage *s = *state;
    make_old(s, 8);
    for (size_t reached = 8; reached < db_migrations_sqlite_count; reached += 3) {
        start_and_cut(s, db_migrations_sqlite_count, reached);
    }
    fixture_open(&s->f);
    assert_true(has(s, "0008-20231114T221320Z.db"));
    assert_int_equal(count(s), 1);
}

/* A program that came to its end left no half: the next one keeps what it made. */
static void test_each_program_that_came_to_its_end_has_a_copy(void **state)
{
    struct stage *s = *state;
    make_old(s, 8);
    start_and_cut(s, 10, 10);
    start_and_cut(s, 12, 12);
    assert_true(has(s, "0008-20231114T221320Z.db"));
    assert_true(has(s, "0010-20231114T221320Z.db"));
}

static void test_without_its_copy_another_one_is_made(void **state)
{
    struct stage *s = *state;
    char path[160];
    make_old(s, 8);
    start_and_cut(s, db_migrations_sqlite_count, 10);
    (void)snprintf(path, sizeof path, "%s/0008-20231114T221320Z.db", s->folder);
    assert_int_equal(unlink(path), 0);
    start_and_cut(s, db_migrations_sqlite_count, 11);
    assert_true(has(s, "0010-20231114T221320Z.db"));
    put(s, ".begun"); /* of which nothing can be read */
    start_and_cut(s, db_migrations_sqlite_count, 12);
    assert_true(has(s, "0011-20231114T221320Z.db"));
}

/* The copy was put back, the former program went on with it, and the newer one comes again: what was written
 * meanwhile is in the next copy. */
static void test_a_copy_that_was_put_back_is_made_anew(void **state)
{
    struct stage *s = *state;
    char path[160];
    make_old(s, 8);
    start_and_cut(s, db_migrations_sqlite_count, 10);
    (void)snprintf(path, sizeof path, "%s/0008-20231114T221320Z.db", s->folder);
    assert_int_equal(rename(path, s->f.path), 0);
    put(s, "0008-20231114T221320Z.db");
    start_and_cut(s, db_migrations_sqlite_count, 8);
    struct db_snapshot_facts facts;
    assert_ok(db_snapshot_check(&(struct db_options){.path = path}, &facts));
    assert_int_equal(facts.schema, 8);
}

/* Where no copy can be made nothing is migrated. */
static void test_no_migration_without_it(void **state)
{
    struct stage *s = *state;
    AUTO_PTR(connection) *connection = NULL;
    int64_t pending = 0;
    make_old(s, 8);
    assert_ok(file_write_durable(s->folder, bytes_str("a file where the folder should be"), 0600));
    assert_int_not_equal(db_open(&s->f.options, &s->f.db).code, ERR_OK);
    assert_null(s->f.db);
    const struct migration_list all = {db_migrations_sqlite, db_migrations_sqlite_count};
    assert_ok(connection_open(&s->f.options, CONNECTION_WRITE, &connection));
    assert_ok(migrate_pending(connection, &all, &pending));
    assert_int_equal(pending, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_new_inventory_needs_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_older_schema_is_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_way_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_three_schemas_are_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_migration_that_was_cut_keeps_its_copy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_each_program_that_came_to_its_end_has_a_copy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_its_copy_another_one_is_made, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_copy_that_was_put_back_is_made_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_migration_without_it, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
