/* Where a restore goes: an empty directory becomes an installation whole or stays what it was; what an
 * interrupted one left is taken over, at every step; nothing else is ever removed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/whorld/house.h"
#include "cmd/whorld/restore_target.h"

#define assert_code(expression, code_)                                                                       \
    do {                                                                                                     \
        err_t got_ = (expression);                                                                           \
        if (got_.code != (code_)) {                                                                          \
            fail_msg("%s: %s", err_slug(got_.code), got_.detail);                                            \
        }                                                                                                    \
    } while (0)
#define assert_ok(expression) assert_code((expression), ERR_OK)

static char folder[64];

/* A line of shell inside the folder; $1 is `name`. */
static void run(const char *line, const char *name)
{
    char command[512];
    (void)snprintf(command, sizeof command, "cd '%s' && set -- '%s' && %s", folder, name, line);
    assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/whorl-target.XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static void put(const struct restore_target *target, const char *name)
{
    AUTO(char) *path = NULL;
    assert_ok(restore_target_folders(target, name));
    assert_ok(path_join(target->staging, name, &path));
    assert_ok(file_write_durable(path, bytes_str(name), 0600));
}

static bool has(const char *name)
{
    AUTO(char) *path = NULL;
    assert_ok(path_join(folder, name, &path));
    return file_exists(path);
}

static void fill(const struct restore_target *target)
{
    put(target, "inventory.db");
    put(target, "keys/a.key");
    put(target, HOUSE_MARKER);
}

static void it_is_an_installation_when_all_is_there(void **state)
{
    (void)state;
    AUTO_VAL(restore_target) target = {.lock_fd = -1};
    assert_ok(restore_target_open(folder, &target));
    assert_code(house_check_marker(folder), ERR_UNPROCESSABLE);
    fill(&target);
    assert_code(house_check_marker(folder), ERR_UNPROCESSABLE);
    assert_ok(restore_target_publish(&target));
    assert_true(has("inventory.db") && has("keys/a.key") && has(HOUSE_MARKER));
    assert_false(has(HOUSE_RESTORING));
}

static void what_fails_leaves_nothing(void **state)
{
    (void)state;
    struct restore_target target;
    char inside[80];
    assert_ok(restore_target_open(folder, &target));
    fill(&target);
    restore_target_close(&target);
    run("test -z \"$(ls -A)\"$1", "");
    (void)snprintf(inside, sizeof inside, "%s/new", folder);
    assert_ok(restore_target_open(inside, &target)); /* made for it, so it goes with it */
    put(&target, "inventory.db");
    restore_target_close(&target);
    assert_false(has("new"));
}

static void others_are_refused(void **state)
{
    (void)state;
    struct restore_target target;
    struct restore_target second;
    run("touch $1", "mine");
    assert_code(restore_target_open(folder, &target), ERR_CONFLICT);
    assert_true(has("mine"));
    run("rm $1 && mkdir -p .restore/x", "mine"); /* not of a restore */
    assert_code(restore_target_open(folder, &target), ERR_CONFLICT);
    assert_true(has(".restore/x"));
    run("rm -r .restore && touch $1", HOUSE_MARKER);
    assert_code(restore_target_open(folder, &target), ERR_CONFLICT);
    run("rm $1 && mkdir lost+found", HOUSE_MARKER); /* a volume of its own is as good as empty */
    assert_ok(restore_target_open(folder, &target));
    assert_code(restore_target_open(folder, &second), ERR_CONFLICT);
    restore_target_close(&target);
    assert_true(has("lost+found"));
}

static void a_running_server_is_told_apart(void **state)
{
    (void)state;
    struct restore_target target;
    char lock[128];
    (void)snprintf(lock, sizeof lock, "%s/inventory.db.whorld.lock", folder);
    run("touch $1 inventory.db.whorld.lock", HOUSE_MARKER);
    int fd = open(lock, O_RDWR);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    err_t refused = restore_target_open(folder, &target);
    assert_int_equal(refused.code, ERR_CONFLICT);
    assert_non_null(strstr(refused.detail, "a server is running"));
    (void)close(fd);
    refused = restore_target_open(folder, &target);
    assert_non_null(strstr(refused.detail, "an installation"));
}

/* As if it was killed: the process is gone, the files are there. */
static void killed(struct restore_target *target)
{
    target->is_published = true; /* so that closing removes nothing */
    restore_target_close(target);
}

static void a_killed_one_is_taken_over(void **state)
{
    (void)state;
    struct restore_target target;
    run("mkdir $1", ".restore"); /* before its mark stood */
    assert_ok(restore_target_open(folder, &target));
    fill(&target);
    killed(&target);
    assert_code(house_check_marker(folder), ERR_UNPROCESSABLE);
    assert_ok(restore_target_open(folder, &target)); /* while files were made */
    assert_false(has(".restore/inventory.db"));
    fill(&target);
    killed(&target);
    run("printf 'keys\\ninventory.db\\n%s\\n' \"$1\" >.restore/.moving; mv .restore/keys .", HOUSE_MARKER);
    assert_code(house_check_marker(folder), ERR_UNPROCESSABLE);
    assert_ok(restore_target_open(folder, &target)); /* while they were moved up */
    assert_false(has("keys"));
    fill(&target);
    killed(&target);
    run("printf 'keys\\n' >.restore/.moving; mv .restore/keys .; rm -r .restore/inventory.db .restore/$1",
        HOUSE_MARKER);
    assert_ok(restore_target_open(folder, &target)); /* while a former one was cleared away */
    fill(&target);
    assert_ok(restore_target_publish(&target));
    restore_target_close(&target);
    assert_true(has("keys/a.key") && has(HOUSE_MARKER) && !has(HOUSE_RESTORING));
}

static void what_came_in_between_stays(void **state)
{
    (void)state;
    struct restore_target target;
    assert_ok(restore_target_open(folder, &target));
    fill(&target);
    killed(&target);
    run("touch $1", "mine");
    assert_code(restore_target_open(folder, &target), ERR_CONFLICT);
    assert_true(has("mine"));
    run("rm $1; mkdir -p .restore; touch .restore/.mark; printf '../x\\n' >.restore/.moving", "mine");
    assert_code(restore_target_open(folder, &target), ERR_CONFLICT); /* no name of ours */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_an_installation_when_all_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_fails_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(others_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_running_server_is_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_killed_one_is_taken_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_came_in_between_stays, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
