/* What a server may take follows from its settings, and what there is from its control group. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/whorld/memory.h"

static void test_the_bound_grows_with_each_setting_that_it_follows_from(void **state)
{
    (void)state;
    struct config config;
    config_defaults(&config);
    int64_t usual = memory_bound(&config, 0, 4096);
    assert_int_equal(memory_bodies(&config, 4096), 1024);
    assert_in_range(usual, 20000 * 100 / 1024 + 1024 + 64 * 5, 5000);
    assert_in_range(memory_bound(&config, 1000, 4096), 1024, usual - 19000 * 100 / 1024);
    config.body_memory_mib = 100;
    assert_int_equal(memory_bound(&config, 0, 4096), usual - 924);
    config.connections = 1;
    config.workers = 1;
    config.header_bytes = 1024;
    assert_in_range(memory_bound(&config, 0, 4096), 190, 230);
    config.workers = 65;
    assert_in_range(memory_bound(&config, 0, 4096), 190 + 64 * 5, 230 + 64 * 5);
}

static void test_bodies_have_a_quarter_within_limits(void **state)
{
    (void)state;
    struct config config;
    config_defaults(&config);
    assert_int_equal(memory_bodies(&config, 10), 64);
    assert_int_equal(memory_bodies(&config, 2048), 512);
    assert_int_equal(memory_bodies(&config, INT64_MAX), 1536);
    config.body_memory_mib = 7;
    assert_int_equal(memory_bodies(&config, 2048), 7);
}

static void test_the_limit_of_a_group(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        int64_t mib;
    } rows[] = {
        {"memory.max", "1073741824\n", 1024}, {"memory.max", "max\n", INT64_MAX},
        {"memory.max", "", INT64_MAX},        {"memory.limit_in_bytes", "536870912\n", 512},
        {"memory.max", "-1\n", INT64_MAX},    {"other", "1", INT64_MAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char folder[] = "/tmp/whorl-memory.XXXXXX";
        char path[96];
        assert_non_null(mkdtemp(folder));
        (void)snprintf(path, sizeof path, "%s/%s", folder, rows[i].name);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_true(fputs(rows[i].text, file) >= 0 && fclose(file) == 0);
        assert_int_equal(memory_of_group(folder), rows[i].mib);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rmdir(folder), 0);
    }
    assert_true(memory_there() > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_bound_grows_with_each_setting_that_it_follows_from),
        cmocka_unit_test(test_bodies_have_a_quarter_within_limits),
        cmocka_unit_test(test_the_limit_of_a_group)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
