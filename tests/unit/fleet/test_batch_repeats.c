/* A batch once per Idempotency-Key: repeats, other requests, refusals. */
#include "tests/unit/fleet/registry_scene.h"

static void a_repeat_by_key_gets_the_first_answer(void **state)
{
    struct fleet_fixture f;
    struct batch_row first, again;
    struct batch_report report;
    fleet_fixture_init(&f, *state);
    struct device_entry *entries = entries_by_id(0, 3);
    struct batch_order order = order_of(f.tenant.id, "lot-1", entries, 3);
    order.idempotency_key = bytes_str("key-1");
    order.fingerprint.b[0] = 1;
    assert_ok(batch_register(f.fleet, &test_actor, &order, &first, &report));
    manual_clock_advance(&f.clock, hour_ms);
    assert_ok(batch_register(f.fleet, &test_actor, &order, &again, &report));
    assert_true(uuid_equal(first.id, again.id));
    assert_int_equal(again.created_at, fleet_now_ms);
    assert_int_equal(audit_of(&f, "batch.registered").count, 1);
    assert_int_equal(f.fleet->counters.registered, 3);

    order.fingerprint.b[0] = 2;
    assert_error(batch_register(f.fleet, &test_actor, &order, &again, &report), ERR_UNPROCESSABLE,
                 "Idempotency-Key");
    /* A key means something inside its tenant only, and a refused request leaves none behind. */
    struct tenant_row other = add_tenant(&f, "other");
    order.tenant = other.id;
    assert_ok(batch_register(f.fleet, &test_actor, &order, &again, &report));
    assert_false(uuid_equal(first.id, again.id));
    free(entries);
    fleet_fixture_clear(&f);
}

static void a_refused_request_leaves_its_key_free(void **state)
{
    struct fleet_fixture f;
    struct batch_row made;
    struct batch_report report;
    fleet_fixture_init(&f, *state);
    struct device_id known = device_id_of(0);
    register_devices(&f, f.tenant.id, "lot-1", &known, 1);
    struct device_entry *entries = entries_by_id(0, 2);
    struct batch_order order = order_of(f.tenant.id, "lot-2", entries, 2);
    order.idempotency_key = bytes_str("key-1");
    assert_error(batch_register(f.fleet, &test_actor, &order, &made, &report), ERR_CONFLICT, "devices[0]");
    order.fingerprint.b[0] = 1;
    order.devices = entries + 1;
    order.count = 1;
    assert_ok(batch_register(f.fleet, &test_actor, &order, &made, &report));
    free(entries);
    fleet_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repeat_by_key_gets_the_first_answer),
        cmocka_unit_test(a_refused_request_leaves_its_key_free),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
