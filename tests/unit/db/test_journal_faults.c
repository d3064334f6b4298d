/* The disk of the journal is full, or fails: nobody is told of what is not there. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/unit/db/journal_scene.h"

/* Puts another file in the place of the open journal: what is written to it goes nowhere. */
static bool replace_file(const char *path)
{
    bool is_done = false;
    for (int fd = 3; fd < 64; fd++) {
        char link[64];
        char target[256] = "";
        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, target, sizeof target - 1);
        if (n > 0 && strstr(target, ".journal") != NULL) {
            int other = open(path, O_RDWR | O_CLOEXEC);
            is_done = other >= 0 && dup2(other, fd) == fd;
        }
    }
    return is_done;
}

static int child_on_failing_disk(struct scene *s, const char *path)
{
    struct log *log = NULL;
    char name[160];
    (void)snprintf(name, sizeof name, "%s/log", s->f.folder);
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || log_new(fd, LOG_DEBUG, &s->f.clock.clock, &log).code != ERR_OK) {
        return 1;
    }
    s->f.options.log = log;
    int64_t number = 1;
    if (db_open(&s->f.options, &s->f.db).code != ERR_OK ||
        db_write(s->f.db, add_entry, &number).code != ERR_OK || !replace_file(path)) {
        return 2;
    }
    number = 2;
    err_ignore(db_write(s->f.db, add_entry, &number)); /* must not return */
    return 3;
}

static void failure_ends_the_process(struct scene *s, const char *path, const char *step)
{
    fixture_close(&s->f);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(child_on_failing_disk(s, path));
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 70);
    char line[512] = "";
    char name[160];
    (void)snprintf(name, sizeof name, "%s/log", s->f.folder);
    FILE *file = fopen(name, "re");
    assert_non_null(file);
    assert_true(fread(line, 1, sizeof line - 1, file) > 0);
    (void)fclose(file);
    assert_non_null(strstr(line, "journal_unsafe"));
    assert_non_null(strstr(line, step));
    /* the commit stands, and the next start completes the journal */
    fixture_open(&s->f);
    assert_int_equal(read_number(&s->f, "SELECT count(*) FROM challenge_used"), 2);
    assert_int_equal(verified(s).kinds[JOURNAL_CRL], 2);
}

static void test_a_failed_write_ends_the_process(void **state)
{
    failure_ends_the_process(*state, "/dev/full", "cannot append");
}

static void test_a_failed_sync_ends_the_process(void **state)
{
    failure_ends_the_process(*state, "/dev/null", "cannot sync");
}

/* A file system of its own is full: refused before the commit, and nothing is lost or half there. */
static void test_a_full_disk_is_told_before_the_commit(void **state)
{
    struct scene *s = *state;
    char command[400];
    fixture_close(&s->f);
    (void)snprintf(command, sizeof command,
                   "rm -rf '%s'/* && mount -t tmpfs -o size=64k whorl '%s' 2>/dev/null", s->folder,
                   s->folder);
    if (geteuid() != 0 || system(command) != 0) {
        print_message("no file system can be mounted here\n");
        skip();
    }
    (void)snprintf(command, sizeof command, "rm '%s' && umount '%s'", s->f.path, s->folder);
    err_t opened = db_open(&(struct db_options){.path = s->f.path,
                                                .node_name = "node-2", /* begins a journal of its own */
                                                .clock = s->f.options.clock,
                                                .random = s->f.options.random,
                                                .read_connections = 1,
                                                .queue_limit = 10,
                                                .journal = s->f.options.journal},
                           &s->f.db);
    int64_t stored = 0;
    err_t last = OK;
    for (int64_t i = 1; i < 2000 && opened.code == ERR_OK && last.code == ERR_OK; i++) {
        last = db_write(s->f.db, add_entry, &i);
        stored += last.code == ERR_OK ? 1 : 0;
    }
    int64_t rows = opened.code == ERR_OK ? read_number(&s->f, "SELECT count(*) FROM challenge_used") : -1;
    struct journal_report report = {.first = 0};
    err_t verified_now = journal_verify(s->folder, "node-2", &report);
    fixture_close(&s->f);
    run_command(command);
    assert_ok(opened);
    assert_int_equal(last.code, ERR_DISK_FULL);
    assert_true(stored > 100);
    assert_int_equal(rows, stored);
    assert_ok(verified_now);
    assert_int_equal(report.kinds[JOURNAL_CRL], stored);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        journal_test(test_a_failed_write_ends_the_process),
        journal_test(test_a_failed_sync_ends_the_process),
        journal_test(test_a_full_disk_is_told_before_the_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
