/* Opening and closing: tools beside a server, snapshots, checkpoints, and kill -9 at a random time.
 */
#include "tests/unit/db/db_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"

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

/* --- beside each other --- */

static void test_another_node_may_write_too(void **state)
{
    struct fixture *f = *state;
    AUTO_PTR(db) *beside = NULL;
    struct audit_report report;
    fixture_open(f);
    struct db_options options = f->options;
    options.node_name = "admin";
    assert_err(ERR_OK, db_open(&options, &beside));
    assert_err(ERR_OK, audit_verify(beside, &report));
    assert_int_equal(report.chains, 2); /* each node began one */
    assert_string_equal(report.first_bad, "");
}

static void test_the_files_are_private(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    static const char *const ends[] = {"", "-wal", "-shm", ".node-1.lock"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char name[128];
        struct stat facts;
        (void)snprintf(name, sizeof name, "%s%s", f->path, ends[i]);
        assert_int_equal(stat(name, &facts), 0);
        assert_int_equal(facts.st_mode & 0777, 0600);
    }
}

static void test_a_path_that_cannot_be(void **state)
{
    struct fixture *f = *state;
    struct db *db = NULL;
    f->options.path = "/nonexistent/whorl.db";
    assert_err(ERR_IO, db_open(&f->options, &db));
    f->options.is_read_only = true;
    assert_err(ERR_DB, db_open(&f->options, &db));
    assert_null(db);
    f->options.path = f->path;
    assert_err(ERR_DB, db_open(&f->options, &db)); /* a reader makes no file */
    assert_false(file_exists(f->path));
}

/* --- tools --- */

static void test_a_tool_reads_beside_a_server_and_without_one(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    int64_t number = 3;
    assert_ok(db_write(f->db, add_nonce, &number));
    struct fixture tool = *f;
    tool.options.is_read_only = true;
    for (int round = 0; round < 2; round++) {
        fixture_open(&tool);
        assert_int_equal(read_number(&tool, "SELECT count(*) FROM challenge_used"), 1);
        assert_int_equal(read_number(&tool, "SELECT epoch FROM node"), 1); /* takes no epoch */
        assert_ok(db_self_check(tool.db));
        assert_audit_ok(&tool, 2);
        assert_err(ERR_INTERNAL, db_write(tool.db, add_nonce, &number));
        assert_err(ERR_INTERNAL, db_checkpoint(tool.db));
        struct db_stats stats;
        db_stats_read(tool.db, &stats);
        assert_int_equal(stats.commits, 0);
        fixture_close(&tool);
        fixture_close(f); /* and once more without the server */
    }
}

static void test_the_check_finds_damage(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    for (int64_t number = 1; number <= 300; number++) {
        assert_ok(db_write(f->db, add_nonce, &number));
    }
    assert_ok(db_self_check(f->db));
    fixture_close(f);
    int fd = open(f->path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    struct stat facts;
    assert_int_equal(fstat(fd, &facts), 0);
    char junk[4096];
    memset(junk, 0x5a, sizeof junk);
    assert_int_equal(pwrite(fd, junk, sizeof junk, facts.st_size - 4096), 4096);
    assert_int_equal(close(fd), 0);
    f->options.is_read_only = true;
    fixture_open(f);
    err_t damage = db_self_check(f->db);
    assert_int_equal(damage.code, ERR_DB);
    assert_true(damage.detail[0] != '\0');
}

/* --- reads --- */

struct pause {
    struct fixture *f;
    int64_t before, after;
};

static err_t read_write_read(struct db_tx *tx, void *arg)
{
    struct pause *pause = arg;
    struct number_query query = {.sql = "SELECT count(*) FROM challenge_used"};
    TRY(query_number(tx, &query));
    pause->before = query.number;
    int64_t number = 10;
    TRY(db_write(pause->f->db, add_nonce, &number)); /* an open snapshot does not hold the writer up */
    TRY(query_number(tx, &query));
    pause->after = query.number;
    return OK;
}

static void test_a_read_is_one_snapshot(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    struct pause pause = {.f = f};
    assert_ok(db_read(f->db, read_write_read, &pause));
    assert_int_equal(pause.before, 0);
    assert_int_equal(pause.after, 0);
    assert_int_equal(read_number(f, "SELECT count(*) FROM challenge_used"), 1);
}

static err_t delete_nodes(struct db_tx *tx, void *arg)
{
    (void)arg;
    return db_change(tx, "DELETE FROM node", NULL, 0, NULL);
}

static void test_a_read_changes_nothing(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    assert_err(ERR_DB, db_read(f->db, delete_nodes, NULL));
    assert_int_equal(read_number(f, "SELECT count(*) FROM node"), 1);
}

/* --- the WAL --- */

static int64_t file_size(const struct fixture *f, const char *end)
{
    char name[128];
    struct stat facts;
    (void)snprintf(name, sizeof name, "%s%s", f->path, end);
    return stat(name, &facts) == 0 ? (int64_t)facts.st_size : 0;
}

static int64_t wal_size(const struct fixture *f)
{
    return file_size(f, "-wal");
}

static err_t add_megabytes(struct db_tx *tx, void *arg)
{
    struct bytes *content = arg;
    return db_run(
        tx,
        "INSERT INTO op (tenant, idem, fingerprint, at, kind, result) VALUES ($1, $2, $3, 1, '', '')"
        " ON CONFLICT (tenant, idem) DO UPDATE SET fingerprint = excluded.fingerprint",
        DB_VALUES(DB_B("0123456789abcdef", 16), DB_B("big", 3), DB_BYTES(*content)), NULL, NULL);
}

static void test_the_wal_is_bounded_without_any_checkpoint(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    enum { SIZE = 8 * 1024 * 1024 };
    struct buf content = {0};
    assert_ok(buf_reserve(&content, SIZE));
    struct bytes view = {content.p, SIZE};
    int64_t largest = 0;
    for (int i = 0; i < 24; i++) {
        memset(content.p, i, SIZE); /* SQLite does not write what is there already */
        assert_ok(db_write(f->db, add_megabytes, &view));
        if (i == 0) { /* no automatic checkpoint, whose errors nobody would see */
            assert_true(file_size(f, "") < SIZE);
        }
        largest = wal_size(f) > largest ? wal_size(f) : largest;
    }
    buf_clear(&content);
    assert_true(largest < 100 * 1024 * 1024); /* of 192 MB written */
}

static void test_a_checkpoint_lets_the_wal_start_again(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    int64_t grown = 0;
    for (int64_t number = 1; number <= 200; number++) {
        assert_ok(db_write(f->db, add_nonce, &number));
        if (number == 20) {
            grown = wal_size(f);
        }
        assert_ok(db_checkpoint(f->db));
    }
    assert_true(grown > 0);
    assert_true(wal_size(f) < 2 * grown); /* as long as the largest write, not ten times as long */
    fixture_close(f);
    assert_int_equal(wal_size(f), 0);
}

static void test_closing_empties_the_wal_beside_a_tool(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    struct fixture tool = *f;
    tool.options.is_read_only = true;
    fixture_open(&tool);
    assert_int_equal(read_number(&tool, "SELECT count(*) FROM node"), 1);
    assert_true(wal_size(f) > 0);
    fixture_close(f);
    assert_int_equal(wal_size(f), 0);
    assert_int_equal(read_number(&tool, "SELECT count(*) FROM node"), 1);
    fixture_close(&tool);
}

/* --- kill -9 --- */

struct teller {
    struct fixture *f;
    int pipe_end;
};

/* Writes for ever and tells each acknowledged number. */
static void *write_and_tell(void *arg)
{
    const struct teller *teller = arg;
    for (int64_t i = 0;; i++) {
        int64_t number = i * 1000000 + (int64_t)(gettid() % 1000000);
        if (db_write(teller->f->db, add_nonce, &number).code == ERR_OK &&
            write(teller->pipe_end, &number, sizeof number) != (ssize_t)sizeof number) {
            _exit(3);
        }
    }
    return NULL;
}

static void child_writes(struct fixture *f, int pipe_end)
{
    if (db_open(&f->options, &f->db).code != ERR_OK) {
        _exit(1);
    }
    struct teller teller = {.f = f, .pipe_end = pipe_end};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        if (pthread_create(&threads[i], NULL, write_and_tell, &teller) != 0) {
            _exit(2);
        }
    }
    for (;;) {
        err_ignore(db_checkpoint(f->db));
        sleep_ms(3);
    }
}

static err_t find_nonce(struct db_tx *tx, void *arg)
{
    int64_t number = *(const int64_t *)arg;
    struct number_query found = {.number = 0};
    TRY(db_run(tx, "SELECT 1 FROM challenge_used WHERE nonce = $1", DB_VALUES(DB_B(&number, sizeof number)),
               take_number, &found));
    ENSURE(found.number == 1, ERR_NOT_FOUND, "%lld was acknowledged and is lost", (long long)number);
    return OK;
}

static int64_t one_life(struct fixture *f, long life_ms)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        child_writes(f, ends[1]);
    }
    assert_int_equal(close(ends[1]), 0);
    sleep_ms(life_ms);
    assert_int_equal(kill(child, SIGKILL), 0);
    static int64_t acknowledged[100000];
    int64_t count = 0;
    while (count < 100000 &&
           read(ends[0], &acknowledged[count], sizeof(int64_t)) == (ssize_t)sizeof(int64_t)) {
        count++;
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status)); /* it had not ended by itself */
    assert_int_equal(close(ends[0]), 0);
    fixture_open(f);
    for (int64_t i = 0; i < count; i++) {
        assert_ok(db_read(f->db, find_nonce, &acknowledged[i]));
    }
    assert_ok(db_self_check(f->db));
    struct audit_report report;
    assert_ok(audit_verify(f->db, &report));
    assert_string_equal(report.first_bad, "");
    assert_int_equal(read_number(f, "SELECT count(*) FROM audit WHERE kind = 'nonce.used'"),
                     read_number(f, "SELECT count(*) FROM challenge_used"));
    fixture_close(f);
    return count;
}

static void test_kill_9_loses_nothing_acknowledged(void **state)
{
    struct fixture *f = *state;
    int64_t acknowledged = 0;
    for (int round = 0; round < 8; round++) {
        uint8_t random = 0;
        assert_ok(random_fill(random_system(), &random, 1));
        acknowledged += one_life(f, 20 + random); /* the first ones die while the schema is made */
    }
    assert_true(acknowledged > 0);
}

static void count_commit(void *context)
{
    atomic_fetch_add((atomic_int *)context, 1);
}

/* Told soon after the caller is, and to nobody who has gone. */
static void test_a_watcher_is_told_of_commits(void **state)
{
    struct fixture *f = *state;
    atomic_int told = 0;
    fixture_open(f);
    db_watch(f->db, count_commit, &told);
    for (int64_t number = 1; number <= 3; number++) {
        int before = atomic_load(&told);
        assert_ok(db_write(f->db, add_nonce, &number));
        for (int i = 0; i < 1000 && atomic_load(&told) == before; i++) {
            sleep_ms(5);
        }
        assert_int_equal(atomic_load(&told), before + 1);
    }
    db_watch(f->db, NULL, NULL);
    int64_t last = 4;
    assert_ok(db_write(f->db, add_nonce, &last));
    sleep_ms(20);
    assert_int_equal(atomic_load(&told), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_another_node_may_write_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_files_are_private, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_path_that_cannot_be, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_tool_reads_beside_a_server_and_without_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_check_finds_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_watcher_is_told_of_commits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_read_is_one_snapshot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_read_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_wal_is_bounded_without_any_checkpoint, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_checkpoint_lets_the_wal_start_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_closing_empties_the_wal_beside_a_tool, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_kill_9_loses_nothing_acknowledged, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
