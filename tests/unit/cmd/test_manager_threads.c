/* Messages to a service manager, read at the other end: a path and a name without a file, the watchdog that
 * speaks while all is well, falls silent when it is not, and speaks again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "cmd/whorld/manager.h"

struct inbox {
    int fd;
    char name[64]; /* as NOTIFY_SOCKET has it */
};

static void inbox_open(struct inbox *inbox, char first)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval wait = {.tv_sec = 10};
    (void)snprintf(inbox->name, sizeof inbox->name, "%c%swhorl-manager.%ld", first,
                   first == '/' ? "tmp/" : "", (long)getpid());
    size_t n = strlen(inbox->name);
    memcpy(address.sun_path, inbox->name, n);
    if (first == '@') {
        address.sun_path[0] = '\0';
    }
    inbox->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    (void)unlink(inbox->name);
    assert_int_equal(
        bind(inbox->fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
        0);
    assert_int_equal(setsockopt(inbox->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", inbox->name, 1), 0);
}

static void inbox_close(struct inbox *inbox)
{
    close(inbox->fd);
    (void)unlink(inbox->name);
    (void)unsetenv("NOTIFY_SOCKET");
}

static void expect_message(const struct inbox *inbox, const char *beginning)
{
    char text[256] = "";
    ssize_t n = recv(inbox->fd, text, sizeof text - 1, 0);
    assert_true(n > 0);
    text[n] = '\0';
    if (strncmp(text, beginning, strlen(beginning)) != 0) {
        fail_msg("\"%s\" does not begin with \"%s\"", text, beginning);
    }
}

static void test_messages(void **state)
{
    (void)state;
    manager_tell("READY=1"); /* to nobody */
    assert_int_equal(setenv("NOTIFY_SOCKET", "no path", 1), 0);
    manager_tell("READY=1");
    assert_int_equal(setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1), 0);
    manager_tell("READY=1");
    static const char kinds[] = {'/', '@'};
    for (size_t i = 0; i < sizeof kinds; i++) {
        struct inbox inbox;
        inbox_open(&inbox, kinds[i]);
        manager_tell("READY=1\nSTATUS=serving");
        expect_message(&inbox, "READY=1\nSTATUS=serving");
        manager_tell_reloading();
        expect_message(&inbox, "RELOADING=1\nMONOTONIC_USEC=");
        inbox_close(&inbox);
    }
}

/* A manager that has stopped reading stops nobody. */
static void test_full_inbox_does_not_block(void **state)
{
    (void)state;
    struct inbox inbox;
    inbox_open(&inbox, '@');
    for (int i = 0; i < 2000; i++) {
        manager_tell("STATUS=again");
    }
    inbox_close(&inbox);
}

static bool ask(const void *context, int64_t within_ms)
{
    assert_int_equal(within_ms, 40);
    return atomic_load((const atomic_bool *)context);
}

static bool is_silent(const struct inbox *inbox)
{
    char byte;
    usleep(60000);
    while (recv(inbox->fd, &byte, 1, MSG_DONTWAIT) > 0) { /* what was under way */
    }
    usleep(100000);
    return recv(inbox->fd, &byte, 1, MSG_DONTWAIT) < 0;
}

static void test_watchdog(void **state)
{
    (void)state;
    struct inbox inbox;
    struct watchdog *watchdog = NULL;
    atomic_bool is_well = true;
    char own[32];
    inbox_open(&inbox, '@');
    (void)snprintf(own, sizeof own, "%ld", (long)getpid());
    assert_int_equal(setenv("WATCHDOG_USEC", "40000", 1), 0);
    assert_int_equal(setenv("WATCHDOG_PID", own, 1), 0);
    assert_int_equal(watchdog_start(ask, &is_well, NULL, &watchdog).code, ERR_OK);
    assert_non_null(watchdog);
    for (int i = 0; i < 3; i++) {
        expect_message(&inbox, "WATCHDOG=1");
    }
    atomic_store(&is_well, false);
    assert_true(is_silent(&inbox));
    atomic_store(&is_well, true);
    expect_message(&inbox, "WATCHDOG=1");
    watchdog_stop(watchdog);
    inbox_close(&inbox);
}

static void test_no_watchdog(void **state)
{
    (void)state;
    struct watchdog *watchdog = NULL;
    const atomic_bool is_well = true;
    assert_int_equal(setenv("WATCHDOG_USEC", "40000", 1), 0);
    assert_int_equal(setenv("WATCHDOG_PID", "1", 1), 0); /* another's */
    assert_int_equal(watchdog_start(ask, &is_well, NULL, &watchdog).code, ERR_OK);
    assert_null(watchdog);
    assert_int_equal(unsetenv("WATCHDOG_PID"), 0);
    assert_int_equal(setenv("WATCHDOG_USEC", "soon", 1), 0);
    assert_int_equal(watchdog_start(ask, &is_well, NULL, &watchdog).code, ERR_UNPROCESSABLE);
    assert_int_equal(unsetenv("WATCHDOG_USEC"), 0);
    assert_int_equal(watchdog_start(ask, &is_well, NULL, &watchdog).code, ERR_OK);
    assert_null(watchdog);
    watchdog_stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_full_inbox_does_not_block),
        cmocka_unit_test(test_watchdog),
        cmocka_unit_test(test_no_watchdog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
