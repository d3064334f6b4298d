/* Copies of the inventory: one moment whatever is written meanwhile, a file that stands alone, refusals that
 * leave nothing. */
#include "tests/unit/db/db_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "db/snapshot.h"

struct stage {
    struct fixture f;
    char copy[112];
    struct db_options options; /* of the copy */
};

static int set_up(void **state)
{
    struct stage *s = calloc(1, sizeof *s);
    assert_non_null(s);
    fixture_make(&s->f);
    fixture_open(&s->f);
    (void)snprintf(s->copy, sizeof s->copy, "%s/copy.db", s->f.folder);
    s->options = s->f.options;
    s->options.path = s->copy;
    s->options.is_read_only = true;
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *s = *state;
    fixture_remove(&s->f);
    free(s);
    return 0;
}

static bool is_there(const struct stage *s, const char *name)
{
    char path[160];
    (void)snprintf(path, sizeof path, "%s/%s", s->f.folder, name);
    return access(path, F_OK) == 0;
}

static void add(struct stage *s, int64_t number)
{
    assert_ok(db_write(s->f.db, add_nonce, &number));
}

static int64_t count_in_copy(struct stage *s)
{
    struct number_query query = {.sql = "SELECT count(*) FROM challenge_used"};
    AUTO_PTR(db) *db = NULL;
    struct audit_report report;
    assert_ok(db_open(&s->options, &db));
    assert_ok(audit_verify(db, &report));
    assert_string_equal(report.first_bad, "");
    assert_ok(db_read(db, query_number, &query));
    return query.number;
}

static void test_a_copy_stands_alone(void **state)
{
    struct stage *s = *state;
    struct stat st;
    struct db_snapshot_facts facts;
    for (int64_t i = 0; i < 300; i++) {
        add(s, i);
    }
    assert_ok(db_snapshot_make(&s->f.options, s->copy)); /* most of it is in the WAL still */
    add(s, 1000);
    assert_int_equal(stat(s->copy, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_false(is_there(s, "copy.db-wal"));
    assert_false(is_there(s, "copy.db-journal"));
    assert_ok(db_snapshot_check(&s->options, &facts));
    assert_int_equal(facts.schema, read_number(&s->f, "SELECT max(v) FROM schema_version"));
    assert_int_equal(count_in_copy(s), 300);
    assert_int_equal(read_number(&s->f, "SELECT count(*) FROM challenge_used"), 301);
    assert_false(is_there(s, "copy.db-wal"));
}

static void test_what_is_there_stays(void **state)
{
    struct stage *s = *state;
    assert_ok(db_snapshot_make(&s->f.options, s->copy));
    assert_err(ERR_CONFLICT, db_snapshot_make(&s->f.options, s->copy));
    assert_int_equal(count_in_copy(s), 0);
    (void)unlink(s->copy);
    (void)snprintf(s->copy, sizeof s->copy, "%s/nowhere/copy.db", s->f.folder);
    assert_int_not_equal(db_snapshot_make(&s->f.options, s->copy).code, ERR_OK);
}

/* Writers go on while the copy is made: each writes two rows at once, and no copy has one of them alone. */
struct load {
    struct stage *s;
    atomic_bool is_over;
    atomic_int written;
};

static err_t add_two(struct db_tx *tx, void *arg)
{
    int64_t number = *(const int64_t *)arg;
    int64_t other = -number - 1;
    TRY(add_nonce(tx, &number));
    return add_nonce(tx, &other);
}

static void *write_on(void *arg)
{
    struct load *load = arg;
    for (int64_t i = 0; !atomic_load(&load->is_over); i++) {
        if (db_write(load->s->f.db, add_two, &i).code == ERR_OK) {
            (void)atomic_fetch_add(&load->written, 1);
        }
    }
    return NULL;
}

static void test_one_moment_under_load(void **state)
{
    struct stage *s = *state;
    struct load load = {.s = s};
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, write_on, &load), 0);
    while (atomic_load(&load.written) < 20) {
        sleep_ms(1);
    }
    for (int i = 0; i < 5; i++) {
        int before = atomic_load(&load.written);
        assert_ok(db_snapshot_make(&s->f.options, s->copy));
        int64_t rows = count_in_copy(s);
        assert_int_equal(rows % 2, 0);
        assert_true(rows >= 2 * before); /* what was acknowledged before is in it */
        assert_int_equal(unlink(s->copy), 0);
    }
    atomic_store(&load.is_over, true);
    assert_int_equal(pthread_join(writer, NULL), 0);
}

static void test_a_server_beside_it_may_be_another_process(void **state)
{
    struct stage *s = *state;
    add(s, 1);
    fixture_close(&s->f); /* nobody has it open: no WAL, no shared memory */
    assert_ok(db_snapshot_make(&s->f.options, s->copy));
    assert_int_equal(count_in_copy(s), 1);
}

static void overwrite(const char *path, off_t at, const char *text)
{
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, text, strlen(text), at), (ssize_t)strlen(text));
    (void)close(fd);
}

static void test_damage_is_found(void **state)
{
    struct stage *s = *state;
    struct db_snapshot_facts facts;
    struct stat st;
    assert_err(ERR_DB, db_snapshot_check(&s->options, &facts)); /* not there */
    for (int64_t i = 0; i < 300; i++) {
        add(s, i);
    }
    assert_ok(db_snapshot_make(&s->f.options, s->copy));
    assert_int_equal(stat(s->copy, &st), 0);
    for (off_t page = 4096; page < st.st_size; page += 4096) {
        overwrite(s->copy, page, "\xff\xff\xff\xff\xff\xff\xff\xff damaged");
    }
    assert_err(ERR_DB, db_snapshot_check(&s->options, &facts));
    overwrite(s->copy, 0, "no database at all");
    assert_err(ERR_DB, db_snapshot_check(&s->options, &facts));
}

static void test_a_foreign_database_is_refused(void **state)
{
    struct stage *s = *state;
    struct db_snapshot_facts facts;
    char other[112];
    char command[300];
    (void)snprintf(other, sizeof other, "%s/other.db", s->f.folder);
    (void)snprintf(command, sizeof command, "sqlite3 '%s' 'CREATE TABLE a (x)'", other);
    assert_int_equal(system(command), 0);
    struct db_options options = s->f.options;
    options.path = other;
    err_t refused = db_snapshot_make(&options, s->copy);
    assert_int_equal(refused.code, ERR_DB);
    assert_non_null(strstr(refused.detail, "not an inventory"));
    assert_false(is_there(s, "copy.db"));
    assert_err(ERR_DB, db_snapshot_check(&options, &facts));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_copy_stands_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_there_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_moment_under_load, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_server_beside_it_may_be_another_process, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damage_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_foreign_database_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
