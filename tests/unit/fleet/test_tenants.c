/* Tenants, their default product, and names. */
#include "tests/unit/fleet/registry_scene.h"

#include "fleet/names.h"

static void a_tenant_comes_with_a_product(void **state)
{
    struct fleet_fixture f;
    struct tenant_row found;
    struct product_row product, same;
    fleet_fixture_init(&f, *state);
    struct tenant_row made = add_tenant(&f, "acme-2");
    assert_ok(tenant_find(f.fleet, "acme-2", &found));
    assert_true(uuid_equal(made.id, found.id));
    assert_int_equal(found.created_at, fleet_now_ms);
    assert_ok(product_find(f.fleet, made.id, bytes_str("default"), &product));
    assert_ok(product_by_id(f.fleet, product.id, &same));
    assert_string_equal(same.name, "default");
    assert_true(uuid_equal(same.tenant, made.id));
    assert_string_equal(audit_of(&f, "tenant.added").last_body, "{\"name\":\"acme-2\"}");
    assert_int_equal(audit_of(&f, "product.added").count, 2);
    assert_audit_verifies(&f);
    fleet_fixture_clear(&f);
}

static void a_taken_name_is_refused_and_changes_nothing(void **state)
{
    struct fleet_fixture f;
    struct tenant_row row;
    fleet_fixture_init(&f, *state);
    assert_error(tenant_add(f.fleet, &test_actor, "default", &row), ERR_CONFLICT, "default");
    assert_int_equal(audit_of(&f, "product.added").count, 1);
    assert_error(tenant_find(f.fleet, "nobody", &row), ERR_NOT_FOUND, "tenant");
    fleet_fixture_clear(&f);
}

static void tenant_names_are_labels(void **state)
{
    struct fleet_fixture f;
    struct tenant_row row;
    static const char *const bad[] = {
        "",    "-a",       "A",
        "a.b", "a_b",      "a b",
        "a/b", "\xc3\xa4", "0123456789012345678901234567890123456789012345678901234567890123"};
    fleet_fixture_init(&f, *state);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_error(tenant_add(f.fleet, &test_actor, bad[i], &row), ERR_UNPROCESSABLE, "tenant name");
    }
    assert_ok(tenant_add(f.fleet, &test_actor, "0", &row));
    assert_ok(tenant_add(f.fleet, &test_actor,
                         "012345678901234567890123456789012345678901234567890123456789-12", &row));
    fleet_fixture_clear(&f);
}

static err_t on_tenant(const struct tenant_row *row, void *arg)
{
    return buf_printf(arg, "%s ", row->name);
}

static void tenants_are_listed_by_name(void **state)
{
    struct fleet_fixture f;
    AUTO_VAL(buf) names = {0};
    fleet_fixture_init(&f, *state);
    (void)add_tenant(&f, "zebra");
    (void)add_tenant(&f, "acme");
    assert_ok(tenant_list(f.fleet, on_tenant, &names));
    assert_string_equal(buf_str(&names), "acme default zebra ");
    fleet_fixture_clear(&f);
}

static void names_have_one_alphabet(void **state)
{
    (void)state;
    char text[8];
    assert_ok(name_check(bytes_str("Lot_7.b-2"), "batch name"));
    static const char *const bad[] = {"", "a b", "a/b", "a\"b", "a\nb", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_error(name_check(bytes_str(bad[i]), "batch name"), ERR_UNPROCESSABLE, "batch name");
    }
    assert_ok(text_copy(bytes_str("1234567"), "serial", text, sizeof text));
    assert_string_equal(text, "1234567");
    assert_error(text_copy(bytes_str("12345678"), "serial", text, sizeof text), ERR_UNPROCESSABLE,
                 "more than 7");
    assert_error(text_copy(bytes_str("a\x01"), "serial", text, sizeof text), ERR_UNPROCESSABLE, "control");
    assert_error(text_copy(bytes_str("\xff"), "serial", text, sizeof text), ERR_UNPROCESSABLE, "UTF-8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tenant_comes_with_a_product),
        cmocka_unit_test(a_taken_name_is_refused_and_changes_nothing),
        cmocka_unit_test(tenant_names_are_labels),
        cmocka_unit_test(tenants_are_listed_by_name),
        cmocka_unit_test(names_have_one_alphabet),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
