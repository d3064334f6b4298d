/* fleet_new's checks of its options, and owner salts. */
#include "tests/unit/fleet/fleet_fixture.h"

static void bad_options_are_refused(void **state)
{
    struct fleet_fixture f;
    fleet_fixture_init_empty(&f, *state);
    static const char *const bad_urls[] = {"", "http://", "ftp://x", "pki.example"};
    for (size_t i = 0; i < sizeof bad_urls / sizeof bad_urls[0]; i++) {
        struct fleet *fleet = NULL;
        struct fleet_options options = f.options;
        options.public_url = bad_urls[i];
        assert_error(fleet_new(&options, &fleet), ERR_UNPROCESSABLE, "public_url");
        assert_null(fleet);
    }
    static const int64_t bad_ttls[] = {0, 29999, 600001};
    for (size_t i = 0; i < sizeof bad_ttls / sizeof bad_ttls[0]; i++) {
        struct fleet *fleet = NULL;
        struct fleet_options options = f.options;
        options.challenge_ttl_ms = bad_ttls[i];
        assert_error(fleet_new(&options, &fleet), ERR_UNPROCESSABLE, "30 to 600");
    }
    struct fleet *fleet = NULL;
    struct fleet_options options = f.options;
    options.salt_secret.n = 31;
    assert_error(fleet_new(&options, &fleet), ERR_UNPROCESSABLE, "salt secret");
    options = f.options;
    options.supersede_overlap_ms = -1;
    assert_error(fleet_new(&options, &fleet), ERR_UNPROCESSABLE, "overlap");
    options = f.options;
    options.crl_lifetime_ms = 59999;
    assert_error(fleet_new(&options, &fleet), ERR_UNPROCESSABLE, "CRL");
    fleet_fixture_clear(&f);
}

static void the_public_url_loses_its_trailing_slash(void **state)
{
    struct fleet_fixture f;
    fleet_fixture_init_empty(&f, *state);
    assert_string_equal(f.fleet->options.public_url, "http://pki.example:8080");
    fleet_fixture_clear(&f);
}

static void owner_salts_depend_on_secret_tenant_and_device(void **state)
{
    struct fleet_fixture f;
    uint8_t salt[OWNER_SALT_SIZE], other[OWNER_SALT_SIZE];
    struct uuid a = {{1}}, b = {{2}};
    struct device_id first = device_id_of(1), second = device_id_of(2);
    fleet_fixture_init_empty(&f, *state);
    assert_ok(fleet_owner_salt(f.fleet, a, &first, salt));
    fleet_fixture_reopen(&f);
    assert_ok(fleet_owner_salt(f.fleet, a, &first, other));
    assert_memory_equal(salt, other, sizeof salt);
    assert_ok(fleet_owner_salt(f.fleet, b, &first, other));
    assert_memory_not_equal(salt, other, sizeof salt);
    assert_ok(fleet_owner_salt(f.fleet, a, &second, other));
    assert_memory_not_equal(salt, other, sizeof salt);
    f.fleet->salt_secret[31] ^= 1;
    assert_ok(fleet_owner_salt(f.fleet, a, &first, other));
    assert_memory_not_equal(salt, other, sizeof salt);
    fleet_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(the_public_url_loses_its_trailing_slash),
        cmocka_unit_test(owner_salts_depend_on_secret_tenant_and_device),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
