/* The parts of the sandbox, each in a child of the test: what is refused, what is not, and with which error.
 * That all threads of a server have all of it, and what it needs still works, tests/e2e/test_sandbox.sh and
 * every other end-to-end test show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/whorld/sandbox_internal.h"

enum { UNAVAILABLE = 77 };

/* A child's verdict: 0, or the line that did not hold. */
#define HOLDS(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            _exit(__LINE__ % 64 + 1);                                                                        \
        }                                                                                                    \
    } while (0)

/* @return the status of waitpid() */
static int in_child(void (*try)(const char *folder), const char *folder)
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        try(folder);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void holds(void (*try)(const char *folder), const char *folder)
{
    int status = in_child(try, folder);
    if (WIFEXITED(status) && WEXITSTATUS(status) == UNAVAILABLE) {
        skip(); /* this kernel, or who runs us, has none of it */
    }
    assert_int_equal(status, 0);
}

static void begin(err_t error)
{
    if (error.code == ERR_UNAVAILABLE) {
        _exit(UNAVAILABLE);
    }
    HOLDS(error.code == ERR_OK);
}

/* --- calls ------------------------------------------------------------------------------------------ */

static void filter_or_skip(const struct syscall_rule *rules, size_t count)
{
    static const int refused[] = {SYS_getppid};
    struct syscall_filter filter;
    HOLDS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    syscall_filter_begin(&filter);
    syscall_filter_add(&filter, refused, 1, SYSCALL_FAIL(ENOLINK));
    for (size_t i = 0; i < count; i++) {
        syscall_filter_rule(&filter, &rules[i]);
    }
    syscall_filter_from(&filter, 5000, SYSCALL_FAIL(ENOSYS));
    begin(syscall_filter_install(&filter, SYSCALL_ALLOW, false));
}

static bool fails(long result, int error)
{
    return result == -1 && errno == error;
}

/* Each way through a rule, by calls that take any number: the kernel looks at it behind the filter. */
static void try_rules(const char *folder)
{
    static const uint32_t values[] = {3, 5};
    const struct syscall_rule rules[] = {
        {.call = SYS_getsid, .values = values, .count = 2, .otherwise = SYSCALL_FAIL(EDOM)},
        {.call = SYS_getpgid, .set = 6, .unset = 8, .otherwise = SYSCALL_FAIL(EXDEV)},
        {.call = SYS_lseek, .argument = 2, .values = values, .count = 1, .otherwise = SYSCALL_FAIL(ENOTTY)},
    };
    (void)folder;
    filter_or_skip(rules, 3);
    HOLDS(fails(syscall(SYS_getppid), ENOLINK));
    HOLDS(fails(syscall(SYS_getsid, 4), EDOM) && fails(syscall(SYS_getsid, 0), EDOM));
    HOLDS(!fails(syscall(SYS_getsid, 3), EDOM) && !fails(syscall(SYS_getsid, 5), EDOM));
    HOLDS(!fails(syscall(SYS_getpgid, 6), EXDEV) && !fails(syscall(SYS_getpgid, 7), EXDEV));
    HOLDS(fails(syscall(SYS_getpgid, 2), EXDEV) && fails(syscall(SYS_getpgid, 14), EXDEV));
    HOLDS(fails(syscall(SYS_lseek, -1, 0, 4), ENOTTY) && fails(syscall(SYS_lseek, -1, 0, 3), EBADF));
    HOLDS(fails(syscall(5001), ENOSYS) && syscall(SYS_getpid) > 0);
}

static void test_rules_decide_by_argument(void **state)
{
    (void)state;
    holds(try_rules, "");
}

static void test_a_filter_that_does_not_fit_is_none(void **state)
{
    static const int calls[SYSCALL_STEPS_MAX] = {0};
    struct syscall_filter filter;
    (void)state;
    syscall_filter_begin(&filter);
    syscall_filter_add(&filter, calls, SYSCALL_STEPS_MAX, SYSCALL_ALLOW);
    assert_int_equal(syscall_filter_install(&filter, SYSCALL_ALLOW, false).code, ERR_INTERNAL);
}

static void close_calls(void)
{
    HOLDS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    begin(sandbox_calls_close());
}

static void try_server_calls(const char *folder)
{
    (void)folder;
    close_calls();
    HOLDS(socket(AF_INET, SOCK_STREAM, 0) >= 0 && socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
    HOLDS(fails(socket(AF_NETLINK, SOCK_RAW, 0), EAFNOSUPPORT));
    HOLDS(fails(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0), EPERM)); /* a process */
    HOLDS(fails(syscall(SYS_clone3, 0, 0), ENOSYS));
    HOLDS(fails(syscall(SYS_setuid, 0), EPERM) && fails(syscall(SYS_personality, 0), EPERM));
    HOLDS(fails(listen(-1, 1), EBADF)); /* until all are bound: */
    HOLDS(sandbox_calls_settle().code == ERR_OK);
    HOLDS(fails(listen(-1, 1), EPERM) && fails(syscall(SYS_seccomp, 0, 0, 0), EPERM));
}

static void test_calls_of_the_server(void **state)
{
    (void)state;
    holds(try_server_calls, "");
}

static void try_program(const char *folder)
{
    (void)folder;
    close_calls();
    (void)execl("/bin/true", "true", (char *)NULL);
}

static void try_trace(const char *folder)
{
    (void)folder;
    close_calls();
    (void)syscall(SYS_ptrace, 0, 0, 0, 0);
}

static void test_what_only_an_intruder_calls_ends_the_process(void **state)
{
    void (*const tries[])(const char *) = {try_program, try_trace};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        int status = in_child(tries[i], "");
        if (WIFEXITED(status) && WEXITSTATUS(status) == UNAVAILABLE) {
            skip();
        }
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    }
}

/* --- files ------------------------------------------------------------------------------------------ */

/* A folder with data/, journal/, elsewhere/ca/, and a link data/firmware to elsewhere/disk. */
struct tree {
    char top[32], text[512];
};

static const char *in(struct tree *tree, const char *name)
{
    (void)snprintf(tree->text, sizeof tree->text, "%s/%s", tree->top, name);
    return tree->text;
}

static void make_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
}

static void tree_make(struct tree *tree)
{
    static const char *const folders[] = {"data",      "data/keys",    "journal",
                                          "elsewhere", "elsewhere/ca", "elsewhere/disk"};
    char target[512];
    (void)snprintf(tree->top, sizeof tree->top, "/tmp/whorl-sandbox.XXXXXX");
    assert_non_null(mkdtemp(tree->top));
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        assert_int_equal(mkdir(in(tree, folders[i]), 0700), 0);
    }
    make_file(in(tree, "data/inventory.db"));
    make_file(in(tree, "elsewhere/secret"));
    make_file(in(tree, "elsewhere/ca/anchors.pem"));
    (void)snprintf(target, sizeof target, "%s/elsewhere/disk", tree->top);
    assert_int_equal(symlink(target, in(tree, "data/firmware")), 0);
}

static void tree_remove(struct tree *tree)
{
    char command[64];
    (void)snprintf(command, sizeof command, "rm -r %s", tree->top);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a folder of this test */
}

static bool can_open(const char *path, int flags)
{
    int fd = open(path, flags, 0600);
    return fd >= 0 && close(fd) == 0;
}

static void try_files(const char *top)
{
    struct tree tree;
    struct config config;
    char data[64], journal[64], from[128];
    (void)snprintf(tree.top, sizeof tree.top, "%s", top);
    (void)snprintf(data, sizeof data, "%s/data", top);
    (void)snprintf(journal, sizeof journal, "%s/journal", top);
    config_defaults(&config);
    (void)snprintf(config.outbound_ca_file, sizeof config.outbound_ca_file, "%s/elsewhere/ca/anchors.pem",
                   top);
    HOLDS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    begin(sandbox_files_close(data, journal, &config));
    HOLDS(can_open(in(&tree, "data/inventory.db"), O_RDWR | O_TRUNC));
    HOLDS(can_open(in(&tree, "data/inventory.db-wal"), O_RDWR | O_CREAT));
    (void)snprintf(from, sizeof from, "%s/data/inventory.db-wal", top);
    HOLDS(rename(from, in(&tree, "data/keys/moved")) == 0 && unlink(in(&tree, "data/keys/moved")) == 0);
    HOLDS(can_open(in(&tree, "journal/1"), O_WRONLY | O_CREAT));
    HOLDS(can_open(in(&tree, "data/firmware/blob"), O_WRONLY | O_CREAT)); /* where the link leads */
    HOLDS(can_open(in(&tree, "elsewhere/ca/anchors.pem"), O_RDONLY));
    HOLDS(!can_open(in(&tree, "elsewhere/ca/anchors.pem"), O_WRONLY) && errno == EACCES);
    HOLDS(!can_open(in(&tree, "elsewhere/secret"), O_RDONLY) && errno == EACCES);
    HOLDS(!can_open(in(&tree, "elsewhere/new"), O_WRONLY | O_CREAT) && errno == EACCES);
    HOLDS(unlink(in(&tree, "elsewhere/secret")) == -1 && errno == EACCES);
    HOLDS(symlink("/etc", in(&tree, "data/out")) == -1 && errno == EACCES);
    HOLDS(mkfifo(in(&tree, "data/fifo"), 0600) == -1 && errno == EACCES);
    HOLDS(can_open("/etc/hosts", O_RDONLY) && can_open("/dev/null", O_RDWR) &&
          can_open("/dev/urandom", O_RDONLY));
    HOLDS(!can_open("/proc/1/status", O_RDONLY) && errno == EACCES);
}

static void test_files(void **state)
{
    struct tree tree;
    (void)state;
    tree_make(&tree);
    int status = in_child(try_files, tree.top);
    tree_remove(&tree);
    if (WIFEXITED(status) && WEXITSTATUS(status) == UNAVAILABLE) {
        skip();
    }
    assert_int_equal(status, 0);
}

static void try_no_folder(const char *folder)
{
    struct config config;
    config_defaults(&config);
    HOLDS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    err_t error = sandbox_files_close(folder, folder, &config);
    begin(error.code == ERR_IO && strstr(error.detail, "No such file") != NULL ? OK : error);
    HOLDS(error.code == ERR_IO);
}

static void test_a_folder_that_is_not_there(void **state)
{
    (void)state;
    holds(try_no_folder, "/nowhere/at/all");
}

/* --- rights ----------------------------------------------------------------------------------------- */

static void try_rights(const char *folder)
{
    struct config config;
    struct sockets sockets = {.count = 0};
    char line[256];
    bool is_root = false;
    config_defaults(&config);
    err_t dropped = sandbox_rights_drop(folder, &config, &sockets, &is_root);
    HOLDS(dropped.code == ERR_OK && is_root == (geteuid() == 0) && sockets.count == 0);
    HOLDS(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && prctl(PR_GET_DUMPABLE) == 0);
    FILE *facts = fopen("/proc/self/status", "re");
    HOLDS(facts != NULL);
    while (fgets(line, sizeof line, facts) != NULL) {
        bool is_held = strncmp(line, "CapEff", 6) == 0 || strncmp(line, "CapPrm", 6) == 0;
        HOLDS(!is_held || strstr(line, "0000000000000000") != NULL);
    }
}

static void try_nobody(const char *folder)
{
    struct config config;
    struct sockets sockets = {.count = 0};
    bool is_root = false;
    config_defaults(&config);
    (void)snprintf(config.user, sizeof config.user, "no-such-user-at-all");
    HOLDS(sandbox_rights_drop(folder, &config, &sockets, &is_root).code == ERR_NOT_FOUND);
    (void)snprintf(config.user, sizeof config.user, "nobody");
    err_code expected = geteuid() == 0 ? ERR_UNPROCESSABLE : ERR_FORBIDDEN; /* its folder; its process */
    HOLDS(sandbox_rights_drop(folder, &config, &sockets, &is_root).code == expected);
}

static void test_rights(void **state)
{
    struct tree tree;
    (void)state;
    tree_make(&tree);
    int first = in_child(try_rights, tree.top);
    int second = in_child(try_nobody, tree.top);
    tree_remove(&tree);
    assert_int_equal(first, 0);
    assert_int_equal(second, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_decide_by_argument),
        cmocka_unit_test(test_a_filter_that_does_not_fit_is_none),
        cmocka_unit_test(test_calls_of_the_server),
        cmocka_unit_test(test_what_only_an_intruder_calls_ends_the_process),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_a_folder_that_is_not_there),
        cmocka_unit_test(test_rights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
