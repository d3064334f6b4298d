/* What is kept between calls: the file, its mode, its profiles; servers and tokens as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "cmd/whorl/config.h"

static void servers(void **state)
{
    (void)state;
    static const struct {
        const char *text, *url; /* NULL: refused */
    } rows[] = {{"https://a.example:9000", "https://a.example:9000"},
                {"https://a.example/", "https://a.example:9443"},
                {"a.example", "https://a.example:9443"},
                {"localhost:1", "https://localhost:1"},
                {"127.0.0.1:65535/", "https://127.0.0.1:65535"},
                {"https://[::1]:9443", "https://[::1]:9443"},
                {"[fe80::1]", "https://[fe80::1]:9443"},
                {"http://a.example", NULL},
                {"ftp://a.example", NULL},
                {"https://", NULL},
                {"", NULL},
                {"https://user@a.example", NULL},
                {"https://user:1@a.example", NULL},
                {"https://a.example/path", NULL},
                {"https://a.example:1/path", NULL},
                {"https://a.example?x", NULL},
                {"https://a.example#x", NULL},
                {"https://a b", NULL},
                {"https://a\n", NULL},
                {"a:0", NULL},
                {"a:65536", NULL},
                {"a:1x", NULL},
                {"a:", NULL},
                {"[::1", NULL},
                {"[]", NULL},
                {"[a.example]", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO_VAL(buf) out = {0};
        err_t error = cli_server_parse(rows[i].text, &out);
        assert_int_equal(error.code, rows[i].url == NULL ? ERR_BAD_REQUEST : ERR_OK);
        if (rows[i].url != NULL) {
            assert_string_equal(buf_str(&out), rows[i].url);
        }
    }
}

static void tokens(void **state)
{
    (void)state;
    static const struct {
        const char *text, *token; /* NULL: refused */
    } rows[] = {{"whorl_a_b_c\n", "whorl_a_b_c"},
                {"x \r\n\t", "x"},
                {"a b", NULL},
                {" a", NULL},
                {"", NULL},
                {"\n", NULL},
                {"a\nb", NULL},
                {"\xc3\xbc", NULL},
                {"a\001", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO_VAL(buf) token = {0};
        assert_int_equal(buf_append_str(&token, rows[i].text).code, ERR_OK);
        err_t error = cli_token_trim(&token);
        assert_int_equal(error.code, rows[i].token == NULL ? ERR_BAD_REQUEST : ERR_OK);
        if (rows[i].token != NULL) {
            assert_string_equal(buf_str(&token), rows[i].token);
        }
    }
}

static void texts_of_a_file(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        err_code code;
    } rows[] = {
        {"", ERR_OK},
        {"{}", ERR_OK},
        {"{\"later\":1}", ERR_OK},
        {"{\"profile\":\"a\",\"profiles\":{\"a\":{\"server\":\"https://a:1\",\"token\":\"t\",\"later\":[]}}}",
         ERR_OK},
        {"{", ERR_BAD_JSON},
        {"[]", ERR_UNPROCESSABLE},
        {"{\"profile\":1}", ERR_UNPROCESSABLE},
        {"{\"profiles\":[]}", ERR_UNPROCESSABLE},
        {"{\"profiles\":{\"a\":1}}", ERR_UNPROCESSABLE},
        {"{\"profiles\":{\"a\":{}}}", ERR_UNPROCESSABLE},
        {"{\"profiles\":{\"a\":{\"server\":\"http://a:1\"}}}", ERR_BAD_REQUEST},
        {"{\"profiles\":{\"a\":{\"server\":\"a\"}}}", ERR_UNPROCESSABLE},
        {"{\"profiles\":{\"a/b\":{\"server\":\"https://a:1\"}}}", ERR_UNPROCESSABLE},
        {"{\"profiles\":{\"a\":{\"server\":\"https://a:1\",\"token\":7}}}", ERR_UNPROCESSABLE},
        {"{\"profiles\":{\"a\":{\"server\":\"https://a:1\",\"token\":\"a\\nb\"}}}", ERR_UNPROCESSABLE},
        {"{\"profiles\":{\"a\":{\"server\":\"https://a:1\"},\"a\":{\"server\":\"https://a:2\"}}}",
         ERR_BAD_JSON}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO(json_t) *document = NULL;
        assert_int_equal(cli_config_parse(bytes_str(rows[i].text), &document).code, rows[i].code);
        assert_int_equal(document != NULL, rows[i].code == ERR_OK);
    }
}

/* --- the file --------------------------------------------------------------------------------------- */

static char folder[64]; /* of one test */

static int open_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/whorl-cli-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return setenv("XDG_CONFIG_HOME", folder, 1);
}

static int remove_folder(void **state)
{
    AUTO_VAL(buf) command = {0};
    (void)state;
    assert_int_equal(buf_printf(&command, "rm -rf '%s'", folder).code, ERR_OK);
    return system(buf_str(&command));
}

static void a_profile_is_kept_for_its_owner(void **state)
{
    (void)state;
    struct stat facts;
    struct cli_profile found;
    AUTO_VAL(cli_config) config = {.path = NULL};
    AUTO_VAL(cli_config) again = {.path = NULL};
    const struct cli_profile profile = {
        .server = "https://a:1", .ca = "-----BEGIN\nx\n", .token = "secret", .is_session = true};
    assert_int_equal(cli_config_load(&config).code, ERR_OK);
    assert_string_equal(cli_config_chosen(&config), "default");
    assert_false(cli_config_find(&config, "a", &found));
    assert_int_equal(cli_config_set(&config, "a", &profile).code, ERR_OK);
    assert_int_equal(cli_config_choose(&config, "a").code, ERR_OK);
    assert_int_equal(cli_config_save(&config).code, ERR_OK);
    assert_int_equal(stat(config.path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
    assert_int_equal(cli_config_load(&again).code, ERR_OK);
    assert_string_equal(cli_config_chosen(&again), "a");
    assert_true(cli_config_find(&again, "a", &found));
    assert_string_equal(found.server, "https://a:1");
    assert_string_equal(found.ca, "-----BEGIN\nx\n");
    assert_string_equal(found.token, "secret");
    assert_true(found.is_session);
    assert_null(found.key);
}

static void what_is_not_given_is_taken_away(void **state)
{
    (void)state;
    struct cli_profile found;
    AUTO_VAL(cli_config) config = {.path = NULL};
    assert_int_equal(cli_config_load(&config).code, ERR_OK);
    const struct cli_profile with = {.server = "https://a:1", .token = "t"};
    const struct cli_profile without = {.server = "https://a:2"};
    assert_int_equal(cli_config_set(&config, "a", &with).code, ERR_OK);
    json_t *kept = json_object_get(json_object_get(config.document, "profiles"), "a");
    assert_int_equal(json_object_set_new(kept, "later", json_true()), 0);
    assert_int_equal(cli_config_set(&config, "a", &without).code, ERR_OK);
    assert_true(cli_config_find(&config, "a", &found));
    assert_string_equal(found.server, "https://a:2");
    assert_null(found.token);
    kept = json_object_get(json_object_get(config.document, "profiles"), "a");
    assert_true(json_is_true(json_object_get(kept, "later")));
    assert_true(cli_config_remove(&config, "a"));
    assert_false(cli_config_remove(&config, "a"));
    assert_false(cli_config_find(&config, "a", &found));
}

static void a_file_that_others_may_read_is_refused(void **state)
{
    (void)state;
    AUTO_VAL(cli_config) config = {.path = NULL};
    AUTO_VAL(cli_config) open = {.path = NULL};
    AUTO_VAL(cli_config) broken = {.path = NULL};
    assert_int_equal(cli_config_load(&config).code, ERR_OK);
    assert_int_equal(cli_config_save(&config).code, ERR_OK);
    assert_int_equal(chmod(config.path, 0640), 0);
    assert_int_equal(cli_config_load(&open).code, ERR_FORBIDDEN);
    assert_int_equal(chmod(config.path, 0600), 0);
    assert_int_equal(
        file_write_durable(config.path, bytes_str("{\"profiles\":{\"a\":{\"server\":\"http://x\"}}}"), 0600)
            .code,
        ERR_OK);
    assert_int_equal(cli_config_load(&broken).code,
                     ERR_UNPROCESSABLE); /* a broken file is no matter of usage */
}

static void the_folder_of_the_settings(void **state)
{
    (void)state;
    AUTO_VAL(cli_config) relative = {.path = NULL};
    AUTO_VAL(cli_config) none = {.path = NULL};
    AUTO_VAL(buf) expected = {0};
    assert_int_equal(setenv("HOME", folder, 1), 0);
    assert_int_equal(setenv("XDG_CONFIG_HOME", "relative", 1), 0);
    assert_int_equal(cli_config_load(&relative).code, ERR_OK);
    assert_int_equal(buf_printf(&expected, "%s/.config/whorl/config.json", folder).code, ERR_OK);
    assert_string_equal(relative.path, buf_str(&expected));
    assert_int_equal(unsetenv("HOME"), 0);
    assert_int_equal(cli_config_load(&none).code, ERR_IO);
}

static void names_of_profiles(void **state)
{
    (void)state;
    assert_true(cli_profile_name_is_good("a"));
    assert_true(cli_profile_name_is_good("A-z.0_9"));
    assert_false(cli_profile_name_is_good(""));
    assert_false(cli_profile_name_is_good("a b"));
    assert_false(cli_profile_name_is_good("../a"));
    assert_false(
        cli_profile_name_is_good("1234567890123456789012345678901234567890123456789012345678901234x"));
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, open_folder, remove_folder)
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers),
        cmocka_unit_test(tokens),
        cmocka_unit_test(texts_of_a_file),
        WITH_FOLDER(a_profile_is_kept_for_its_owner),
        WITH_FOLDER(what_is_not_given_is_taken_away),
        WITH_FOLDER(a_file_that_others_may_read_is_refused),
        WITH_FOLDER(the_folder_of_the_settings),
        cmocka_unit_test(names_of_profiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
