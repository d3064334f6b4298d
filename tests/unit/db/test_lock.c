/* The lock of an inventory: one process at a time is a node; a command may wait for its turn. */
#include "tests/unit/db/db_fixture.h"

#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

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

static void test_a_second_open_is_refused(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    struct db *second = NULL;
    err_t same = db_open(&f->options, &second);
    assert_int_equal(same.code, ERR_CONFLICT);
    assert_null(second);
    char holder[48];
    (void)snprintf(holder, sizeof holder, "process %ld has", (long)getpid());
    assert_non_null(strstr(same.detail, holder));
    assert_non_null(strstr(same.detail, f->path));

    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(db_open(&f->options, &second).code == ERR_CONFLICT ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(read_number(f, "SELECT epoch FROM node"), 1); /* the refused ones changed nothing */
    fixture_close(f);
    fixture_open(f); /* the file is still there, the lock is not */
    assert_int_equal(read_number(f, "SELECT epoch FROM node"), 2);
}

static void *close_soon(void *arg)
{
    struct fixture *f = arg;
    const struct timespec while_the_other_waits = {.tv_nsec = 200000000};
    (void)nanosleep(&while_the_other_waits, NULL);
    db_close(f->db);
    return NULL;
}

/* Commands beside a server take turns: the second waits for the first, but not for ever. */
static void test_a_second_open_may_wait(void **state)
{
    struct fixture *f = *state;
    AUTO_PTR(db) *second = NULL;
    pthread_t closer;
    fixture_open(f);
    struct db_options options = f->options;
    options.lock_wait_ms = 40;
    assert_err(ERR_CONFLICT, db_open(&options, &second));
    options.lock_wait_ms = 20000;
    assert_int_equal(pthread_create(&closer, NULL, close_soon, f), 0);
    assert_err(ERR_OK, db_open(&options, &second));
    assert_int_equal(pthread_join(closer, NULL), 0);
    f->db = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_second_open_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_second_open_may_wait, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
