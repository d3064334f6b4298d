/* The writer on a disk that is full or that fails to sync: nothing half-written, nothing acknowledged that is
 * not there. */
#include "tests/unit/db/writer_scene.h"

#include <fcntl.h>
#include <sys/wait.h>

/* Larger than the writer's cache, so that it writes to the disk in the middle of its statement. */
enum { BIG = 40 * 1024 * 1024 };

struct big {
    struct shim *shim;
    uint8_t *bytes;
    int runs;
    bool swallows; /* goes on as if nothing had happened */
};

static err_t add_big(struct db_tx *tx, void *arg)
{
    struct big *big = arg;
    if (big->runs++ == 0) {
        atomic_store(&big->shim->full_at, 3);
    }
    err_t result = db_run(
        tx, "INSERT INTO op (tenant, idem, fingerprint, at, kind, result) VALUES ($1, $2, $3, 1, '', '')",
        DB_VALUES(DB_B("0123456789abcdef", 16), DB_B("big", 3), DB_B(big->bytes, BIG)), NULL, NULL);
    if (big->swallows) {
        int64_t number = 77; /* must not commit by itself, outside of any transaction */
        assert_int_equal(add_nonce(tx, &number).code, ERR_DISK_FULL);
        return OK;
    }
    return result;
}

static void full_disk_in_a_closure(struct scene *s, bool swallows)
{
    struct big big = {.shim = &s->shim, .bytes = calloc(1, BIG), .swallows = swallows};
    assert_non_null(big.bytes);
    struct gate gate;
    struct caller callers[5];
    int64_t numbers[5] = {1, 2, 0, 1, 4}; /* 3 conflicts with 0, before and after */
    gate_close(&gate, &s->f);
    for (int i = 0; i < 5; i++) {
        caller_start(&callers[i], &s->f, i == 2 ? add_big : add_nonce,
                     i == 2 ? (void *)&big : (void *)&numbers[i]);
        wait_for_queue(&s->f, i + 1);
    }
    gate_open(&gate);
    static const err_code expected[] = {ERR_OK, ERR_OK, ERR_DISK_FULL, ERR_CONFLICT, ERR_OK};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(caller_end(&callers[i]), expected[i]);
    }
    assert_int_equal(big.runs, 1);
    assert_int_equal(atomic_load(&s->shim.full_at), 0);
    assert_int_equal(read_number(&s->f, "SELECT sum(expires_at) FROM challenge_used"), 7);
    assert_int_equal(read_number(&s->f, "SELECT count(*) FROM op"), 0);
    assert_audit_ok(&s->f, 4);
    /* there is room again */
    big.swallows = false;
    assert_ok(db_write(s->f.db, add_big, &big));
    assert_int_equal(read_number(&s->f, "SELECT length(fingerprint) FROM op"), BIG);
    assert_ok(db_self_check(s->f.db));
    free(big.bytes);
}

static void test_a_full_disk_under_one_closure(void **state)
{
    full_disk_in_a_closure(*state, false);
}

static void test_a_closure_that_swallows_a_full_disk(void **state)
{
    full_disk_in_a_closure(*state, true);
}

static void test_a_full_disk_at_commit(void **state)
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
    atomic_store(&s->shim.is_full, true);
    gate_open(&gate);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(caller_end(&callers[i]), ERR_DISK_FULL);
    }
    assert_int_equal(read_number(&s->f, "SELECT count(*) FROM challenge_used"), 0); /* and it still reads */
    assert_err(ERR_DISK_FULL, db_write(s->f.db, add_nonce, &numbers[0]));
    atomic_store(&s->shim.is_full, false);
    for (int i = 0; i < 3; i++) {
        assert_ok(db_write(s->f.db, add_nonce, &numbers[i]));
    }
    assert_audit_ok(&s->f, 4);
    fixture_close(&s->f);
    fixture_open(&s->f);
    assert_int_equal(read_number(&s->f, "SELECT count(*) FROM challenge_used"), 3);
    assert_audit_ok(&s->f, 5);
}

static void test_a_full_disk_at_every_write_of_a_commit(void **state)
{
    struct scene *s = *state;
    int64_t stored = 0;
    bool was_full = true;
    for (int at = 1; was_full; at++) {
        assert_true(at < 100);
        atomic_store(&s->shim.full_at, at);
        int64_t number = at;
        err_t result = db_write(s->f.db, add_nonce, &number);
        was_full = atomic_exchange(&s->shim.full_at, 0) == 0;
        assert_int_equal(result.code, was_full ? ERR_DISK_FULL : ERR_OK);
        stored += result.code == ERR_OK ? 1 : 0;
        assert_int_equal(read_number(&s->f, "SELECT count(*) FROM challenge_used"), stored);
        assert_audit_ok(&s->f, 1 + stored);
    }
    assert_int_equal(stored, 1);
}

/* --- a disk that fails --- */

enum failure { SYNC_AT_COMMIT, WRITE_AT_COMMIT, SYNC_AT_CHECKPOINT };

static void log_path(const struct scene *s, char *out, size_t size)
{
    (void)snprintf(out, size, "%s/log", s->f.folder);
}

static int child_on_failing_disk(struct scene *s, enum failure failure)
{
    int64_t number = 5;
    struct log *log = NULL;
    char path[160];
    log_path(s, path, sizeof path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || log_new(fd, LOG_DEBUG, &s->f.clock.clock, &log).code != ERR_OK) {
        return 1;
    }
    s->f.options.log = log;
    if (db_open(&s->f.options, &s->f.db).code != ERR_OK) {
        return 2;
    }
    int64_t first = 4;
    if (db_write(s->f.db, add_nonce, &first).code != ERR_OK) {
        return 3;
    }
    atomic_store(failure == WRITE_AT_COMMIT ? &s->shim.fails_write : &s->shim.fails_sync, true);
    if (failure == SYNC_AT_CHECKPOINT) {
        err_ignore(db_checkpoint(s->f.db)); /* must not return */
    } else {
        err_ignore(db_write(s->f.db, add_nonce, &number));
    }
    return 4;
}

static void failure_ends_the_process(struct scene *s, enum failure failure)
{
    fixture_close(&s->f);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(child_on_failing_disk(s, failure));
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 70);
    char line[512] = "";
    char path[160];
    log_path(s, path, sizeof path);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    (void)fclose(file);
    assert_non_null(strstr(line, "database_unsafe"));
    /* what was acknowledged before is there */
    fixture_open(&s->f);
    assert_int_equal(read_number(&s->f, "SELECT count(*) FROM challenge_used WHERE expires_at = 4"), 1);
}

static void test_a_failed_sync_at_commit_ends_the_process(void **state)
{
    failure_ends_the_process(*state, SYNC_AT_COMMIT);
}

static void test_a_failed_write_at_commit_ends_the_process(void **state)
{
    failure_ends_the_process(*state, WRITE_AT_COMMIT);
}

static void test_a_failed_sync_at_checkpoint_ends_the_process(void **state)
{
    failure_ends_the_process(*state, SYNC_AT_CHECKPOINT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_full_disk_under_one_closure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_closure_that_swallows_a_full_disk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_full_disk_at_commit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_full_disk_at_every_write_of_a_commit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_failed_sync_at_commit_ends_the_process, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_failed_write_at_commit_ends_the_process, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_failed_sync_at_checkpoint_ends_the_process, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
