/* Manifests of backups, read before anybody vouched for them: what was written comes back, every wrong field
 * is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "cmd/whorld/backup_manifest.h"

#define assert_ok(expression) assert_int_equal((expression).code, ERR_OK)

static void add(struct backup_manifest *manifest, const char *name, int64_t size)
{
    assert_ok(backup_list_add(&manifest->files, name, NULL, size % 2 == 1));
    struct backup_file *file = &manifest->files.files[manifest->files.count - 1];
    file->size = size;
    memset(file->sha256.b, name[0], sizeof file->sha256.b);
}

static void make(struct backup_manifest *out)
{
    *out = (struct backup_manifest){.at_ms = 1767225600000,
                                    .schema = 17,
                                    .has_keys = true,
                                    .heads = json_array(),
                                    .journal = json_array()};
    memset(out->installation.b, 0xab, sizeof out->installation.b);
    add(out, "tls/server.pem", 10);
    add(out, "inventory.db", 4097);
    add(out, "whorl.conf", 0);
    add(out, "ca.pem", 2);
    add(out, "installation.json", 4);
    backup_list_sort(&out->files);
}

static void what_is_written_comes_back(void **state)
{
    (void)state;
    AUTO_VAL(backup_manifest) manifest = {.heads = NULL};
    AUTO_VAL(backup_manifest) again = {.heads = NULL};
    AUTO_VAL(buf) text = {0};
    make(&manifest);
    assert_ok(backup_manifest_write(&manifest, &text));
    assert_ok(backup_manifest_read(buf_view(&text), &again));
    assert_memory_equal(again.installation.b, manifest.installation.b, SHA256_SIZE);
    assert_int_equal(again.at_ms, manifest.at_ms);
    assert_int_equal(again.schema, 17);
    assert_true(again.has_keys);
    assert_int_equal(again.files.count, 5);
    assert_string_equal(again.files.files[0].name, "ca.pem");
    const struct backup_file *inventory = backup_list_find(&again.files, "inventory.db");
    assert_non_null(inventory);
    assert_int_equal(inventory->size, 4097);
    assert_true(inventory->is_secret);
    assert_int_equal(inventory->sha256.b[31], 'i');
    assert_false(backup_list_find(&again.files, "ca.pem")->is_secret);
    assert_int_equal(backup_manifest_size(&again), 4113);
    assert_null(backup_list_find(&again.files, "ca"));
}

/* The good text with one place changed. */
static err_t read_with(const char *what, const char *instead)
{
    AUTO_VAL(backup_manifest) manifest = {.heads = NULL};
    AUTO_VAL(backup_manifest) again = {.heads = NULL};
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) changed = {0};
    make(&manifest);
    assert_ok(backup_manifest_write(&manifest, &text));
    const char *at = strstr(buf_str(&text), what);
    assert_non_null(at);
    assert_ok(buf_append(&changed, text.p, (size_t)(at - buf_str(&text))));
    assert_ok(buf_append_str(&changed, instead));
    assert_ok(buf_append_str(&changed, at + strlen(what)));
    return backup_manifest_read(buf_view(&changed), &again);
}

static void wrong_ones_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what, *instead;
    } changes[] = {
        {"\"backup\"", "\"audit-checkpoint\""},
        {"\"version\":1", "\"version\":2"},
        {"\"schema\":17", "\"schema\":0"},
        {"\"schema\":17", "\"schema\":\"17\""},
        {"\"keys\":true", "\"keys\":1"},
        {"\"heads\":[]", "\"heads\":{}"},
        {"\"heads\":[]", "\"heads\":[],\"more\":1"},
        {"\"journal\":[]", "\"journal\":0"},
        {",\"journal\":[]", ""},
        {"abab", "xyab"},
        {"\"size\":4097", "\"size\":-1"},
        {"\"size\":4097", "\"size\":9007199254740992"},
        {"\"secret\":true", "\"secret\":null"},
        {"\"ca.pem\"", "\"zz.pem\""},            /* out of order */
        {"\"installation.json\"", "\"ca.pem\""}, /* twice */
        {"\"inventory.db\"", "\"inventory.db-wal\""},
        {"\"inventory.db\"", "\"inventory\""}, /* none */
        {"\"whorl.conf\"", "\"whorl.cnf\""},
        {"\"tls/server.pem\"", "\"tls/../x\""},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        if (read_with(changes[i].what, changes[i].instead).code == ERR_OK) {
            fail_msg("accepted %s for %s", changes[i].instead, changes[i].what);
        }
    }
    assert_ok(read_with("\"schema\":17", "\"schema\":18"));
    struct backup_manifest none;
    assert_int_not_equal(backup_manifest_read(BYTES_NONE, &none).code, ERR_OK);
    backup_manifest_clear(&none);
}

static void names_are_safe_or_refused(void **state)
{
    (void)state;
    static const char *const good[] = {"inventory.db", "tls/server.pem", "firmware/ab/cdef", "a.b-c_D9"};
    static const char *const bad[] = {"",
                                      "/etc/passwd",
                                      "..",
                                      "a/../b",
                                      ".restore/x",
                                      "a//b",
                                      "a/",
                                      "a/.b",
                                      "a b",
                                      "a\nb",
                                      "a\\b",
                                      "inventory.db-journal",
                                      "inventory.db.admin.lock",
                                      "a/b/c/d/e/f/g/h/i",
                                      "\xc3\xa4"};
    char long_name[300];
    memset(long_name, 'a', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(backup_name_is_safe(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (backup_name_is_safe(bad[i])) {
            fail_msg("\"%s\" is called safe", bad[i]);
        }
    }
    assert_false(backup_name_is_safe(long_name));
    struct backup_list list = {.files = NULL};
    assert_int_equal(backup_list_add(&list, "../x", NULL, false).code, ERR_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_comes_back),
        cmocka_unit_test(wrong_ones_are_refused),
        cmocka_unit_test(names_are_safe_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
