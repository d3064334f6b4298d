/* The process's own figures, against what this process knows of itself. */
#include "server/process_figures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static double value(const char *name)
{
    AUTO_VAL(buf) text = {0};
    assert_int_equal(process_figures_write(&text).code, ERR_OK);
    const char *found = strstr(buf_str(&text), name);
    assert_non_null(found);
    return strtod(found + strlen(name), NULL);
}

static void test_descriptors(void **state)
{
    (void)state;
    enum { MORE = 7 };
    int fds[MORE];
    double before = value("\nprocess_open_fds ");
    for (int i = 0; i < MORE; i++) {
        fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert_true(fds[i] >= 0);
    }
    assert_true(value("\nprocess_open_fds ") == before + (double)MORE);
    for (int i = 0; i < MORE; i++) {
        (void)close(fds[i]);
    }
    assert_true(value("\nprocess_open_fds ") == before);
    struct rlimit limit = {.rlim_cur = 0};
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 200;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(value("\nprocess_max_fds ") == 200.0);
}

static void test_time_and_memory(void **state)
{
    (void)state;
    assert_int_equal(prctl(PR_SET_NAME, "a) b (c"), 0); /* as hard to read as a name can be */
    double started = value("\nprocess_start_time_seconds ");
    double now = (double)time(NULL);
    assert_true(started > now - 600 && started < now + 2);
    double cpu = value("\nprocess_cpu_seconds_total ");
    for (volatile int i = 0; i < 3000000; i++) {
    }
    assert_true(value("\nprocess_cpu_seconds_total ") > cpu);
    double resident = value("\nprocess_resident_memory_bytes ");
    enum { MORE = 16 << 20 };
    char *more = malloc(MORE);
    assert_non_null(more);
    memset(more, 7, MORE);
    assert_true(value("\nprocess_resident_memory_bytes ") > resident + MORE / 2);
    free(more);
    assert_true(value("\nprocess_virtual_memory_bytes ") > resident);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_and_memory),
        cmocka_unit_test(test_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
