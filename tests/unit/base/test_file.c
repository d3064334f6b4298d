/* file.c: what reaches the disk, in which order, and what happens when the disk refuses. write, fsync and
 * rename of this program are the ones below: they keep a diary and can fail on demand. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/unit/base/base_fixture.h"

static char diary[64];
static int write_errno;
static size_t write_room = SIZE_MAX; /* bytes until write_errno */
static bool is_slow;                 /* each write is interrupted once, then takes one byte */
static bool was_interrupted;
static int fsync_errno;

static void note(char what)
{
    size_t n = strlen(diary);
    if (n + 1 < sizeof diary) {
        diary[n] = what;
        diary[n + 1] = '\0';
    }
}

ssize_t write(int fd, const void *p, size_t n)
{
    if (write_errno != 0 && fd > STDERR_FILENO) {
        note('w');
        if (write_room == 0) {
            errno = write_errno;
            return -1;
        }
        n = n < write_room ? n : write_room;
        write_room -= n;
    }
    if (is_slow && fd > STDERR_FILENO) {
        was_interrupted = !was_interrupted;
        if (was_interrupted) {
            errno = EINTR;
            return -1;
        }
        n = 1;
    }
    return syscall(SYS_write, fd, p, n);
}

int fsync(int fd)
{
    struct stat status;
    note(fstat(fd, &status) == 0 && S_ISDIR(status.st_mode) ? 'D' : 'F');
    if (fsync_errno != 0) {
        errno = fsync_errno;
        return -1;
    }
    return 0;
}

int rename(const char *from, const char *to)
{
    note('R');
    return (int)syscall(SYS_rename, from, to);
}

static int setup(void **state)
{
    diary[0] = '\0';
    write_errno = 0;
    fsync_errno = 0;
    is_slow = false;
    write_room = SIZE_MAX;
    return folder_setup(state);
}

static char *inside(void **state, const char *name)
{
    char *path = NULL;
    assert_ok(path_join(*state, name, &path));
    return path;
}

static size_t entries_of(const char *folder)
{
    AUTO_VAL(buf) command = {0};
    assert_ok(buf_printf(&command, "ls -A %s | wc -l", folder));
    FILE *out = popen(buf_str(&command), "re");
    char line[32] = "";
    assert_non_null(out);
    assert_non_null(fgets(line, sizeof line, out));
    (void)pclose(out);
    return (size_t)strtoul(line, NULL, 10);
}

static void assert_content(const char *path, const char *content)
{
    AUTO_VAL(buf) out = {0};
    assert_ok(file_read(path, 100, &out));
    assert_string_equal(buf_str(&out), content);
}

static void writes_in_the_durable_order(void **state)
{
    AUTO(char) *path = inside(state, "key");
    struct stat status;
    assert_false(file_exists(path));
    assert_ok(file_write_durable(path, bytes_str("one"), 0600));
    assert_string_equal(diary, "FRD");
    assert_content(path, "one");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_ok(file_write_durable(path, bytes_str("two"), 0644));
    assert_content(path, "two");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0644);
    assert_ok(file_write_durable(path, BYTES_NONE, 0644));
    assert_content(path, "");
    assert_true(file_exists(path));
    assert_int_equal(entries_of(*state), 1);
}

static void a_full_disk_keeps_the_old_file(void **state)
{
    AUTO(char) *path = inside(state, "key");
    assert_ok(file_write_durable(path, bytes_str("old"), 0600));
    static const struct {
        int number;
        err_code code;
    } rows[] = {{ENOSPC, ERR_DISK_FULL}, {EDQUOT, ERR_DISK_FULL}, {EIO, ERR_IO}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        write_errno = rows[i].number;
        write_room = 2;
        assert_error(file_write_durable(path, bytes_str("new content"), 0600), rows[i].code);
        write_errno = 0;
        assert_content(path, "old");
        assert_int_equal(entries_of(*state), 1);
    }
}

static void short_and_interrupted_writes_go_on(void **state)
{
    AUTO(char) *path = inside(state, "key");
    is_slow = true;
    assert_ok(file_write_durable(path, bytes_str("new content"), 0600));
    is_slow = false;
    assert_true(file_exists(path));
    assert_content(path, "new content");
}

/* The exit code of a child that writes while fsync fails; the diary of the child is not seen, its file is. */
static int exit_code_with_failing_fsync(const char *path, bool folder_only)
{
    pid_t child = fork();
    if (child == 0) {
        fsync_errno = EIO;
        (void)close(STDERR_FILENO);
        err_ignore(folder_only ? folder_sync(path)
                               : file_write_durable(path, bytes_str("lost"), 0600)); /* must not return */
        _exit(77);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void a_failed_fsync_ends_the_process(void **state)
{
    AUTO(char) *path = inside(state, "key");
    assert_ok(file_write_durable(path, bytes_str("old"), 0600));
    assert_int_equal(exit_code_with_failing_fsync(path, false), EXIT_FAILURE);
    assert_content(path, "old");
    assert_int_equal(exit_code_with_failing_fsync(*state, true), EXIT_FAILURE);
}

static void missing_places(void **state)
{
    AUTO(char) *path = inside(state, "none/key");
    AUTO_VAL(buf) out = {0};
    assert_error(file_write_durable(path, bytes_str("x"), 0600), ERR_NOT_FOUND);
    assert_error(file_read(path, 10, &out), ERR_NOT_FOUND);
    assert_error(folder_sync(path), ERR_NOT_FOUND);
    assert_error(file_read(*state, 10, &out), ERR_IO);
    assert_error(file_write_durable(*state, bytes_str("x"), 0600), ERR_IO);
}

static void reading_is_limited_and_appends(void **state)
{
    AUTO(char) *path = inside(state, "text");
    AUTO_VAL(buf) out = {0};
    assert_ok(file_write_durable(path, bytes_str("12345"), 0600));
    assert_error(file_read(path, 4, &out), ERR_TOO_LARGE);
    assert_int_equal(out.n, 0);
    assert_ok(file_read(path, 5, &out));
    assert_ok(file_read(path, 5, &out));
    assert_string_equal(buf_str(&out), "1234512345");
    AUTO_VAL(buf) endless = {0};
    assert_error(file_read("/dev/zero", 100000, &endless), ERR_TOO_LARGE);
}

static void folders(void **state)
{
    AUTO(char) *path = inside(state, "sub");
    assert_ok(folder_make(path, 0700));
    assert_string_equal(diary, "D");
    assert_true(file_exists(path));
    assert_error(folder_make(path, 0700), ERR_CONFLICT);
    AUTO(char) *deep = inside(state, "a/b");
    assert_error(folder_make(deep, 0700), ERR_NOT_FOUND);
}

static void names_without_a_folder(void **state)
{
    char before[4096];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(*state), 0);
    assert_ok(file_write_durable("here", bytes_str("x"), 0600));
    assert_ok(folder_make("sub", 0700));
    assert_int_equal(chdir(before), 0);
    AUTO(char) *path = inside(state, "here");
    assert_content(path, "x");
    AUTO(char) *joined = NULL;
    assert_ok(path_join("/", "a", &joined));
    assert_string_equal(joined, "/a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_in_the_durable_order, setup, folder_teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_keeps_the_old_file, setup, folder_teardown),
        cmocka_unit_test_setup_teardown(short_and_interrupted_writes_go_on, setup, folder_teardown),
        cmocka_unit_test_setup_teardown(a_failed_fsync_ends_the_process, setup, folder_teardown),
        cmocka_unit_test_setup_teardown(missing_places, setup, folder_teardown),
        cmocka_unit_test_setup_teardown(reading_is_limited_and_appends, setup, folder_teardown),
        cmocka_unit_test_setup_teardown(folders, setup, folder_teardown),
        cmocka_unit_test_setup_teardown(names_without_a_folder, setup, folder_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
