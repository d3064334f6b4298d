/* What a product's policy and its hub mean to the devices: the hub that they are told, the keys that they may
 * bring. And that each change leaves its record. The interface's side is in tests/unit/api/test_products.c.
 */
#include "tests/unit/fleet/scene.h"

#include "fleet/hubs.h"
#include "fleet/products.h"

static struct terms terms_of(const struct scene *scene, struct faults *faults)
{
    *faults = (struct faults){.count = 0};
    return (struct terms){.tenant = scene->tenants[0].id,
                          .actor = {.name = "token:test", .request_id = "r-1"},
                          .faults = faults};
}

static void a_device_is_told_its_hub(void **state)
{
    struct scene *scene = *state;
    struct faults faults;
    struct terms terms = terms_of(scene, &faults);
    AUTO_VAL(unit) unit;
    AUTO_VAL(buf) pem = {0};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) enrolment = {0};
    AUTO_VAL(enrolment) again = {0};
    struct hub_row hub;
    struct product_row product;
    assert_ok(certificate_to_pem(authority_borrow_der(scene->house.root), &pem));
    const struct hub_change new_hub = {
        .name = bytes_str("main"), .host = bytes_str("hub.example"), .ca = buf_view(&pem)};
    assert_ok(hub_add(scene->fleet, &terms, &new_hub, &hub));
    const struct product_change to_hub = {.has_hub = true, .hub = bytes_str("main")};
    assert_ok(product_change(scene->fleet, &terms, scene->products[0].id, &to_hub, &product));
    assert_string_equal(product.hub_name, "main");
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &enrolment));
    assert_string_equal(enrolment.hub_url, "mqtts://hub.example:8883");
    assert_string_equal(enrolment.hub_ca, buf_str(&pem));
    const struct hub_change elsewhere = {.host = bytes_str("::1"), .has_port = true, .port = 1883};
    assert_ok(hub_change(scene->fleet, &terms, hub.id, &elsewhere, &hub));
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &again));
    assert_string_equal(again.hub_url, "mqtts://[::1]:1883");
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'hub.added'"), 1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'hub.changed'"), 1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'product.changed'"), 1);
    assert_audit_verifies(scene);
}

static void only_accepted_kinds_of_keys_are_certified(void **state)
{
    struct scene *scene = *state;
    struct faults faults;
    struct terms terms = terms_of(scene, &faults);
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *small = ec_key("P-256");
    AUTO(EVP_PKEY) *large = ec_key("P-384");
    AUTO_VAL(enrolment) refused = {0};
    AUTO_VAL(enrolment) taken = {0};
    struct product_row product;
    const struct product_change only_large = {.has_key_algorithms = true, .key_algorithms = 2};
    assert_ok(product_change(scene->fleet, &terms, scene->products[0].id, &only_large, &product));
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    err_t error = enrol_by_identity(scene, &unit, small, 0, &refused);
    assert_int_equal(error.code, ERR_UNPROCESSABLE);
    assert_non_null(strstr(error.detail, "P-384"));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate"), 0);
    assert_ok(enrol_by_identity(scene, &unit, large, 0, &taken));
}

static void a_change_that_is_refused_changes_nothing(void **state)
{
    struct scene *scene = *state;
    struct faults faults;
    struct terms terms = terms_of(scene, &faults);
    struct product_row product;
    const struct product_change bad = {
        .has_renew_percent = true, .renew_percent = 10, .has_hub = true, .hub = bytes_str("nowhere")};
    assert_int_equal(product_change(scene->fleet, &terms, scene->products[0].id, &bad, &product).code,
                     ERR_UNPROCESSABLE);
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.items[0].pointer, "/hub");
    terms = terms_of(scene, &faults);
    terms.has_versions = true;
    terms.versions[0] = 7;
    terms.version_count = 1;
    const struct product_change good = {.has_renew_percent = true, .renew_percent = 10};
    assert_int_equal(product_change(scene->fleet, &terms, scene->products[0].id, &good, &product).code,
                     ERR_PRECONDITION);
    assert_int_equal(product_change(scene->fleet, &terms, scene->products[1].id, &good, &product).code,
                     ERR_NOT_FOUND); /* another tenant's */
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM product WHERE renew_percent = 10"), 0);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'product.changed'"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_device_is_told_its_hub),
        TEST(only_accepted_kinds_of_keys_are_certified),
        TEST(a_change_that_is_refused_changes_nothing),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
