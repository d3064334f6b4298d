/* The temporary file without a name: written, gone back in, read; no trace in its folder. */
#include "tests/unit/base/base_fixture.h"

#include <dirent.h>

#include "base/spool.h"

static int entries_of(const char *folder)
{
    int count = 0;
    DIR *list = opendir(folder);
    assert_non_null(list);
    for (const struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        count += entry->d_name[0] != '.';
    }
    (void)closedir(list);
    return count;
}

static void what_was_written_is_read(void **state)
{
    AUTO_PTR(spool) *spool = NULL;
    char text[16] = "";
    assert_ok(spool_new(*state, &spool));
    assert_int_equal(entries_of(*state), 0);
    for (int i = 0; i < 20000; i++) {
        assert_ok(spool_write(spool, "0123456789", 10));
    }
    assert_int_equal(spool_at(spool), 200000);
    assert_ok(spool_go(spool, 199995));
    assert_ok(spool_read(spool, text, 5));
    assert_string_equal(text, "56789");
    assert_int_equal(spool_at(spool), 200000);
    assert_error(spool_read(spool, text, 1), ERR_IO);
    assert_ok(spool_go(spool, 10));
    assert_ok(spool_write(spool, "abc", 3));
    assert_ok(spool_go(spool, 9));
    assert_ok(spool_read(spool, text, 5));
    assert_memory_equal(text, "9abc3", 5);
}

static void a_folder_is_needed(void **state)
{
    AUTO(char) *path = NULL;
    struct spool *spool = NULL;
    assert_int_equal(asprintf(&path, "%s/none", (const char *)*state) > 0, 1);
    assert_error(spool_new(path, &spool), ERR_IO);
    assert_null(spool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_written_is_read, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(a_folder_is_needed, folder_setup, folder_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
