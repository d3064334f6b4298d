/* The process that starts signers: what it starts is a child of ours with the descriptors that were sent; it
 * starts nothing else, and nothing when it is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pki/signer_nursery.h"
#include "pki/signer_process.h"

/* Says on its control channel who its parent is, and ends with 7. */
static const char *const telling[] = {"/bin/sh", "sh", "-c", "echo $PPID >&3; exec 3>&- 4>&-; exit 7", NULL};

static void start(const char *const *arguments, struct signer_nursery *nursery)
{
    assert_int_equal(signer_nursery_start(arguments, 1, nursery).code, ERR_OK);
    assert_true(nursery->pid > 0 && nursery->fd > 0);
}

static void run_once(int nursery)
{
    const struct signer_program program = {.arguments = telling, .count = 1, .nursery = nursery};
    struct signer_process process;
    char said[32] = "";
    char expected[32];
    int status = 0;
    assert_int_equal(signer_process_start(&program, &process).code, ERR_OK);
    assert_true(read(process.control, said, sizeof said - 1) > 0);
    (void)snprintf(expected, sizeof expected, "%d\n", (int)getpid());
    assert_string_equal(said, expected);
    signer_process_end(&process, 5000, &status);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void test_what_it_starts_is_ours(void **state)
{
    struct signer_nursery nursery;
    (void)state;
    start(telling, &nursery);
    run_once(nursery.fd);
    run_once(nursery.fd); /* and again */
    signer_nursery_end(&nursery);
    run_once(0); /* as without it */
}

static void test_another_count_is_refused(void **state)
{
    struct signer_nursery nursery;
    int ends[3] = {0, 0, 0};
    pid_t pid = 0;
    (void)state;
    start(telling, &nursery);
    assert_int_equal(signer_nursery_ask(nursery.fd, ends, 3, &pid).code, ERR_IO);
    assert_int_equal(signer_nursery_ask(nursery.fd, ends, 1, &pid).code, ERR_IO);
    assert_int_equal(signer_nursery_ask(nursery.fd, ends, 0, &pid).code, ERR_INTERNAL);
    run_once(nursery.fd); /* it goes on */
    signer_nursery_end(&nursery);
}

static void test_a_program_that_is_not_there(void **state)
{
    static const char *const nowhere[] = {"/nowhere/whorld", "whorld", NULL};
    const struct signer_program program = {.arguments = nowhere, .count = 1};
    struct signer_program by_nursery = program;
    struct signer_nursery nursery;
    struct signer_process process;
    int status = 0;
    (void)state;
    start(nowhere, &nursery);
    by_nursery.nursery = nursery.fd;
    assert_int_equal(signer_process_start(&by_nursery, &process).code, ERR_OK);
    signer_process_end(&process, 5000, &status);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 127);
    signer_nursery_end(&nursery);
}

static void test_when_it_is_gone(void **state)
{
    const struct signer_program base = {.arguments = telling, .count = 1};
    struct signer_program program = base;
    struct signer_nursery nursery;
    struct signer_process process;
    (void)state;
    start(telling, &nursery);
    assert_int_equal(kill(nursery.pid, SIGKILL), 0);
    program.nursery = nursery.fd;
    err_t error = signer_process_start(&program, &process);
    assert_int_equal(error.code, ERR_IO);
    assert_non_null(strstr(error.detail, "process that starts signers"));
    signer_nursery_end(&nursery);
    signer_nursery_end(&nursery); /* none: no error */
}

/* No request, another number of descriptors, something else: nothing is started; what it cannot read ends it.
 */
static void test_nonsense_ends_it(void **state)
{
    struct signer_nursery nursery;
    int status = 0;
    (void)state;
    start(telling, &nursery);
    assert_int_equal(send(nursery.fd, "run /bin/sh", 11, MSG_NOSIGNAL), 11);
    assert_int_equal(waitpid(nursery.pid, &status, 0), nursery.pid);
    assert_int_equal(status, 0);
    (void)close(nursery.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_it_starts_is_ours),
        cmocka_unit_test(test_another_count_is_refused),
        cmocka_unit_test(test_a_program_that_is_not_there),
        cmocka_unit_test(test_when_it_is_gone),
        cmocka_unit_test(test_nonsense_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
