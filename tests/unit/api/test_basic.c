/* HTTP Basic credentials as clients send them, and what only looks like them. */
#include "tests/unit/pki/pki_fixture.h"

#include "api/basic.h"

static void the_password_is_what_follows_the_first_colon(void **state)
{
    (void)state;
    static const struct {
        const char *value, *password;
    } rows[] = {
        {"Basic OnNlY3JldA==", "secret"},
        {"basic dXNlcjpzZWNyZXQ=", "secret"},
        {"BASIC   dXNlcjphOmI=", "a:b"},
        {"Basic dXNlcjo=", ""},
        {"Bearer dXNlcjpzZWNyZXQ=", ""},
        {"Basicdx", ""},
        {"", ""},
        {"Basic", ""},
        {"Digest username=\"x\"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO_VAL(buf) password = {0};
        assert_ok(basic_password(bytes_str(rows[i].value), &password));
        assert_true(bytes_is(buf_view(&password), rows[i].password));
    }
}

static void malformed_credentials_are_refused(void **state)
{
    (void)state;
    static const char *const values[] = {
        "Basic ", "Basic dXNlcg==", "Basic dXNlcjp*", "Basic dXNlcjpzZWNyZXQ", "Basic dXNlcjpzZWNyZXQ= x",
        "Basic  "};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        AUTO_VAL(buf) password = {0};
        assert_error(basic_password(bytes_str(values[i]), &password), ERR_BAD_REQUEST, "Basic");
        assert_int_equal(password.n, 0);
    }
    AUTO_VAL(buf) value = {0};
    AUTO_VAL(buf) password = {0};
    assert_ok(buf_append_str(&value, "Basic "));
    for (int i = 0; i < 300; i++) {
        assert_ok(buf_append_str(&value, i == 0 ? "Ojpp" : "aWlp"));
    }
    assert_error(basic_password(buf_view(&value), &password), ERR_BAD_REQUEST, "Basic");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_password_is_what_follows_the_first_colon),
        cmocka_unit_test(malformed_credentials_are_refused),
    };
    return cmocka_run_group_tests_name("basic", tests, NULL, NULL);
}
