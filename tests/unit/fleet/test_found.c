/* The first rows: all of them, once, and never half. */
#include "fleet/tokens.h"
#include "tests/unit/fleet/fleet_fixture.h"

#include "db/authority_rows.h"

struct seen {
    struct test_house *house;
    int count, matching;
};

static err_t on_authority(const struct authority_row *row, void *arg)
{
    struct seen *seen = arg;
    const struct authority *all[] = {seen->house->root, seen->house->device, seen->house->infrastructure};
    seen->count++;
    for (size_t i = 0; i < 3; i++) {
        bool is_same = strcmp(row->id, authority_id(all[i])) == 0 && strcmp(row->role, row->id) == 0 &&
                       row->state == AUTHORITY_ACTIVE &&
                       bytes_equal(row->certificate, authority_borrow_der(all[i]));
        seen->matching += is_same ? 1 : 0;
    }
    return OK;
}

static err_t read_authorities(struct db_tx *tx, void *arg)
{
    return authority_rows_each(tx, on_authority, arg);
}

static void founding_makes_every_row(void **state)
{
    struct fleet_fixture f;
    fleet_fixture_init(&f, *state);
    struct seen seen = {.house = f.house};
    assert_ok(db_read(f.db, read_authorities, &seen));
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.matching, 3);

    struct product_row product;
    assert_ok(product_find(f.fleet, f.tenant.id, bytes_str("default"), &product));
    assert_int_equal(product.certificate_ttl_s, 365 * 86400);
    assert_int_equal(product.renew_percent, 66);
    assert_int_equal(product.recovery, RECOVERY_EXPIRED);
    assert_false(product.identity_key_certificates || product.allow_rsa_2048 ||
                 product.require_channel_binding || product.allow_unbound_challenge);

    struct token_row token;
    assert_ok(token_check(f.fleet, bytes_str(f.token.text), &token));
    assert_true(uuid_equal(token.tenant, f.tenant.id));
    assert_int_equal(token.scopes, SCOPE_ADMIN | SCOPE_INSTALLATION);
    assert_int_equal(token.expires_at, fleet_now_ms + 365 * day_ms);
    fleet_fixture_clear(&f);
}

static void founding_is_recorded(void **state)
{
    struct fleet_fixture f;
    fleet_fixture_init(&f, *state);
    assert_int_equal(audit_of(&f, "authority.added").count, 3);
    assert_int_equal(audit_of(&f, "tenant.added").count, 1);
    assert_int_equal(audit_of(&f, "product.added").count, 1);
    assert_int_equal(audit_of(&f, "token.added").count, 1);
    assert_int_equal(audit_of(&f, "installation.founded").count, 1);
    assert_audit_verifies(&f);
    fleet_fixture_clear(&f);
}

/* A secret that somebody keeps already; nothing else has the form of one. */
static void the_first_token_may_be_given(void **state)
{
    static const char *const bad[] = {"", "whorl_", "hunter2", "whorl_0000000000000000_0000"};
    struct fleet_fixture f;
    struct first_token token;
    struct token_row row;
    char given[TOKEN_TEXT_SIZE];
    fleet_fixture_init_empty(&f, *state);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_error(fleet_found(f.fleet, bad[i], &token), ERR_UNPROCESSABLE, "token make");
        assert_int_equal(token.text[0], '\0');
    }
    assert_int_equal(audit_of(&f, "authority.added").count, 0);
    assert_ok(token_generate(f.fleet, given, &row));
    assert_ok(fleet_found(f.fleet, given, &token));
    assert_string_equal(token.text, given);
    assert_ok(token_check(f.fleet, bytes_str(given), &row));
    assert_int_equal(row.scopes & (uint32_t)SCOPE_INSTALLATION, SCOPE_INSTALLATION);
    fleet_fixture_clear(&f);
}

static void founding_twice_is_refused_and_changes_nothing(void **state)
{
    struct fleet_fixture f;
    struct first_token second;
    struct token_row token;
    fleet_fixture_init(&f, *state);
    assert_error(fleet_found(f.fleet, NULL, &second), ERR_CONFLICT, "root");
    assert_int_equal(second.text[0], '\0');
    assert_int_equal(audit_of(&f, "token.added").count, 1);
    assert_ok(token_check(f.fleet, bytes_str(f.token.text), &token));
    fleet_fixture_clear(&f);
}

/* The tenant is there, so the last steps fail: the authorities of the first steps must be gone too. */
static void a_failed_founding_leaves_nothing(void **state)
{
    struct fleet_fixture f;
    struct first_token token;
    struct tenant_row tenant;
    fleet_fixture_init_empty(&f, *state);
    assert_ok(tenant_add(f.fleet, &test_actor, "default", &tenant));
    assert_error(fleet_found(f.fleet, NULL, &token), ERR_CONFLICT, "default");
    struct seen seen = {.house = f.house};
    assert_ok(db_read(f.db, read_authorities, &seen));
    assert_int_equal(seen.count, 0);
    assert_int_equal(audit_of(&f, "authority.added").count, 0);
    fleet_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(founding_makes_every_row),
        cmocka_unit_test(founding_is_recorded),
        cmocka_unit_test(the_first_token_may_be_given),
        cmocka_unit_test(founding_twice_is_refused_and_changes_nothing),
        cmocka_unit_test(a_failed_founding_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
