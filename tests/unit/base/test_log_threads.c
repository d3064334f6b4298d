/* log.c under threads: every line arrives whole, while the level changes. Run under ThreadSanitizer too. */
#include <pthread.h>

#include "base/log.h"
#include "tests/unit/base/base_fixture.h"

enum { THREADS = 4, LINES = 200 };

static void *write_lines(void *context)
{
    struct log *log = context;
    for (int i = 0; i < LINES; i++) {
        LOG(log, LOG_WARN, "line", LOG_STR("text", "0123456789"), LOG_INT("i", i));
        log_set_level(log, i % 2 == 0 ? LOG_INFO : LOG_WARN);
    }
    return NULL;
}

static void lines_do_not_mix(void **state)
{
    AUTO_VAL(buf) path = {0};
    assert_ok(buf_printf(&path, "%s/log", (const char *)*state));
    FILE *file = fopen(buf_str(&path), "a+e");
    assert_non_null(file);
    struct log *log = NULL;
    assert_ok(log_new(fileno(file), LOG_INFO, clock_system(), &log));
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, log), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    rewind(file);
    char line[256];
    int count = 0;
    for (; fgets(line, sizeof line, file) != NULL; count++) {
        assert_memory_equal(line, "{\"ts\":", 6);
        assert_non_null(strstr(line, "\"text\":\"0123456789\",\"i\":"));
        assert_string_equal(line + strlen(line) - 2, "}\n");
    }
    assert_int_equal(count, THREADS * LINES);
    log_free(log);
    (void)fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_do_not_mix, folder_setup, folder_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
