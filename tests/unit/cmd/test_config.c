/* The table of settings: defaults hold their own limits, files and environment are refused by name, what init
 * writes is read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/whorld/config.h"

static char folder[] = "/tmp/whorl-config.XXXXXX";

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/whorl.conf", folder);
    (void)unlink(path);
    return rmdir(folder);
}

static err_t load(const char *text, struct config *out)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/whorl.conf", folder);
    err_t written = file_write_durable(path, bytes_str(text), 0600);
    assert_int_equal(written.code, ERR_OK);
    return config_load(folder, out);
}

static void defaults_hold_their_own_limits(void **state)
{
    (void)state;
    struct config c;
    struct config loaded;
    config_defaults(&c);
    assert_int_equal(config_check(&c).code, ERR_OK);
    assert_int_equal(c.workers, 64);
    assert_string_equal(c.management_listen, "127.0.0.1:9443");
    assert_int_equal(load("", &loaded).code, ERR_OK);
    assert_memory_equal(&c, &loaded, sizeof c);
}

static void what_init_writes_is_read_back(void **state)
{
    (void)state;
    struct config c;
    struct config back;
    AUTO_VAL(buf) text = {0};
    config_defaults(&c);
    (void)snprintf(c.name, sizeof c.name, "Acme Sensors");
    (void)snprintf(c.hosts, sizeof c.hosts, "a.example,::1");
    c.crl_lifetime_h = 12;
    assert_int_equal(config_set(&c, "keystore", "pkcs11").code, ERR_OK);
    assert_int_equal(config_set(&c, "pkcs11_module", "/usr/lib/m.so").code, ERR_OK);
    assert_int_equal(config_set(&c, "pkcs11_slot", "7").code, ERR_OK);
    assert_int_equal(config_set(&c, "pkcs11_keys", "authorities").code, ERR_OK);
    assert_int_equal(config_set(&c, "pkcs11_pin", "1234").code, ERR_UNPROCESSABLE);
    assert_int_equal(config_render_file(&c, &text).code, ERR_OK);
    assert_int_equal(load(buf_str(&text), &back).code, ERR_OK);
    assert_memory_equal(&c, &back, sizeof c);
}

/* A value from the command line that would end its line, or become a comment. */
static void what_would_not_be_read_back_is_not_written(void **state)
{
    (void)state;
    static const char *const bad[] = {"Acme\nworkers = 3", ";Acme", "Acme ; Sensors", "Acme\t;", "a\rb"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct config c;
        AUTO_VAL(buf) text = {0};
        config_defaults(&c);
        assert_int_equal(config_set(&c, "name", bad[i]).code, ERR_OK);
        err_t error = config_render_file(&c, &text);
        assert_int_equal(error.code, ERR_UNPROCESSABLE);
        assert_non_null(strstr(error.detail, "name"));
    }
}

/* The rest of the file behind it would be passed over in silence. */
static void a_zero_byte_is_refused(void **state)
{
    (void)state;
    struct config c;
    AUTO_VAL(buf) text = {0};
    assert_int_equal(buf_append(&text, "workers = 3\n\0connections = 9\n", 29).code, ERR_OK);
    err_t error = config_read(&text, &c);
    assert_int_equal(error.code, ERR_UNPROCESSABLE);
    assert_non_null(strstr(error.detail, "byte 0"));
}

static void bad_lines_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *text, *named;
    } cases[] = {
        {"colour = red\n", "colour"},
        {"workers = 0\n", "workers"},
        {"workers = many\n", "workers"},
        {"workers = 99999999999999999999\n", "workers"},
        {"workers = 3 4\n", "workers"},
        {"workers =\n", "workers"},
        {"log_level = loud\n", "log_level"},
        {"public_url = ftp://x\n", "public_url"},
        {"public_url = http://x/\n", "slash"},
        {"[section]\nworkers = 3\n", "section"},
        {"hosts =\n", "hosts"},
        {"name =\n", "name"},
        {"device_listen =\n", "device_listen"},
        {"keystore = cloud\n", "keystore"},
        {"keystore = pkcs11\npkcs11_token = a\n", "pkcs11_module"},
        {"keystore = pkcs11\npkcs11_module = m.so\npkcs11_token = a\n", "pkcs11_module"},
        {"keystore = pkcs11\npkcs11_module = /m.so\n", "pkcs11_token"},
        {"pkcs11_keys = servers\n", "pkcs11_keys"},
        {"pkcs11_slot = -2\n", "pkcs11_slot"},
        {"just words\n", "line 1"},
        {"# fine\nworkers = 5\ncolour = red\n", "line 3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config c;
        err_t error = load(cases[i].text, &c);
        assert_int_equal(error.code, ERR_UNPROCESSABLE);
        if (strstr(error.detail, cases[i].named) == NULL) {
            fail_msg("\"%s\" is not named in \"%s\"", cases[i].named, error.detail);
        }
    }
}

static void environment_wins_and_is_checked(void **state)
{
    (void)state;
    struct config c;
    assert_int_equal(setenv("WHORL_WORKERS", "9", 1), 0);
    assert_int_equal(load("workers = 5\n", &c).code, ERR_OK);
    assert_int_equal(c.workers, 9);
    assert_int_equal(setenv("WHORL_WORKERS", "none", 1), 0);
    assert_int_equal(load("workers = 5\n", &c).code, ERR_UNPROCESSABLE);
    assert_int_equal(unsetenv("WHORL_WORKERS"), 0);
}

static void live_settings_change_and_fixed_ones_are_told(void **state)
{
    (void)state;
    struct config running;
    struct config fresh;
    config_defaults(&running);
    config_defaults(&fresh);
    assert_null(config_needs_restart(&running, &fresh));
    (void)snprintf(fresh.log_level, sizeof fresh.log_level, "debug");
    assert_null(config_needs_restart(&running, &fresh));
    fresh.workers = 3;
    assert_string_equal(config_needs_restart(&running, &fresh), "workers");
    config_take_live(&running, &fresh);
    assert_int_equal(config_log_level(&running), LOG_DEBUG);
    assert_int_equal(running.workers, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_hold_their_own_limits),
        cmocka_unit_test(what_init_writes_is_read_back),
        cmocka_unit_test(what_would_not_be_read_back_is_not_written),
        cmocka_unit_test(a_zero_byte_is_refused),
        cmocka_unit_test(bad_lines_are_refused_by_name),
        cmocka_unit_test(environment_wins_and_is_checked),
        cmocka_unit_test(live_settings_change_and_fixed_ones_are_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
