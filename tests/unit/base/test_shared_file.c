/* An open file: what is read, what is not there, what is no file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/shared_file.h"

static char path[] = "/tmp/whorl-shared-file.XXXXXX";

static int setup(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "0123456789", 10), 10);
    close(fd);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path);
}

static void test_reads_regions(void **state)
{
    (void)state;
    uint8_t out[10] = {0};
    AUTO_PTR(shared_file) *file = NULL;
    assert_int_equal(shared_file_open(path, &file).code, ERR_OK);
    assert_int_equal(shared_file_size(file), 10);
    shared_file_expect(file, 0, 10);
    assert_int_equal(shared_file_read(file, 3, out, 4).code, ERR_OK);
    assert_memory_equal(out, "3456", 4);
    assert_int_equal(shared_file_read(file, 0, out, 10).code, ERR_OK);
    assert_int_equal(shared_file_read(file, 1, out, 10).code, ERR_IO);
    assert_int_equal(shared_file_read(file, 10, out, 0).code, ERR_OK);
    struct shared_file *other = shared_file_ref(file);
    shared_file_unref(TAKE(file));
    assert_int_equal(shared_file_read(other, 9, out, 1).code, ERR_OK);
    assert_int_equal(out[0], '9');
    assert_int_equal(truncate(path, 5), 0);
    assert_int_equal(shared_file_read(other, 4, out, 2).code, ERR_IO);
    shared_file_unref(other);
}

static void test_refuses_what_is_no_file(void **state)
{
    (void)state;
    static const char *const none[] = {"/tmp", "/dev/null", "/tmp/whorl-is-not-there", ""};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        struct shared_file *file = NULL;
        assert_int_equal(shared_file_open(none[i], &file).code, ERR_IO);
        assert_null(file);
    }
    char pipe_path[sizeof path + 2];
    (void)snprintf(pipe_path, sizeof pipe_path, "%s.p", path);
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    struct shared_file *file = NULL;
    assert_int_equal(shared_file_open(pipe_path, &file).code, ERR_IO); /* at once */
    unlink(pipe_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_regions),
        cmocka_unit_test(test_refuses_what_is_no_file),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
