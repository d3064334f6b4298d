/* Devices that are due for too long: counted and reported once, by the job alone, and forgotten when they
 * have done it. */
#include "tests/unit/fleet/term_scene.h"

#include "fleet/device_terms.h"

static void set_plan(struct scene *scene, const struct product_change *change)
{
    struct faults faults = {.count = 0};
    struct terms terms = terms_of(scene, 0);
    terms.faults = &faults;
    assert_ok(product_change(scene->fleet, &terms, scene->products[0].id, change, &scene->products[0]));
    assert_ok(device_terms_walk(scene->fleet, scene->clock.at_ms));
}

static void pass(struct scene *scene, int64_t days)
{
    manual_clock_advance(&scene->clock, days * DAY_MS);
    assert_ok(device_terms_pass(scene->fleet, scene->clock.at_ms));
}

static void assert_overdue(struct scene *scene, int64_t overdue, int64_t reports)
{
    struct device_counts counts, of_batch;
    assert_ok(device_counts_read(scene->fleet, scene->products[0].id, &counts));
    assert_ok(device_counts_read(scene->fleet, (struct uuid){{0}}, &of_batch));
    assert_int_equal(counts.overdue, overdue);
    assert_int_equal(of_batch.overdue, overdue);
    assert_int_equal(scene_number(scene, "SELECT SUM(is_overdue) FROM device_term"), overdue);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.overdue'"),
                     reports);
    assert_audit_verifies(scene);
}

/* 90 days, to be renewed at 66 % exactly: day 59.4. */
static const struct product_change week = {
    .has_renew_spread_percent = true, .has_overdue_alert_after_s = true, .overdue_alert_after_s = 7 * 86400};

static void who_is_silent_is_reported_once(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) next = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    set_plan(scene, &week);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    pass(scene, 66);
    assert_overdue(scene, 0, 0);
    pass(scene, 1);
    assert_overdue(scene, 1, 1);
    for (int i = 0; i < 5; i++) {
        pass(scene, 1);
        assert_overdue(scene, 1, 1);
    }
    /* a clock that went back a little: nothing is said twice */
    pass(scene, -2);
    pass(scene, 2);
    assert_overdue(scene, 1, 1);
    /* renewed: forgotten when the new certificate is used */
    assert_ok(enrol_by_certificate(scene, buf_view(&first.certificate.der), key, 0, &next));
    assert_overdue(scene, 1, 1);
    (void)contact_by_certificate(scene, buf_view(&next.certificate.der));
    assert_overdue(scene, 0, 1);
    /* expired without a word: overdue too, and reported again, since that is another due period */
    pass(scene, 100);
    assert_overdue(scene, 1, 2);
    struct device_row row;
    assert_ok(order_device(scene, &unit.id, ACTION_REVOKE, &row));
    assert_overdue(scene, 0, 2);
}

static void policy_decides_what_is_overdue(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    pass(scene, 80);
    assert_overdue(scene, 0, 0); /* the scene's product never says so */
    set_plan(scene, &week);
    pass(scene, 0);
    assert_overdue(scene, 1, 1);
    set_plan(scene, &(struct product_change){.has_overdue_alert_after_s = true});
    assert_overdue(scene, 0, 1);
    set_plan(scene, &week);
    pass(scene, 0);
    assert_overdue(scene, 1, 1); /* counted again; it was reported before */
}

/* A client that never makes a new key: it renews, stays due and overdue, and is not reported for each
 * renewal. */
static void a_key_that_stays_is_overdue_over_renewals(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(EVP_PKEY) *next_key = ec_key("P-256");
    struct enrolment certificates[4] = {{.renew_after = 0}};
    struct product_change change = week;
    change.has_rekey_period_s = true;
    change.rekey_period_s = 30 * 86400;
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    set_plan(scene, &change);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &certificates[0]));
    pass(scene, 36);
    assert_overdue(scene, 0, 0);
    pass(scene, 1);
    assert_overdue(scene, 1, 1);
    for (int i = 1; i < 3; i++) {
        struct bytes before = buf_view(&certificates[i - 1].certificate.der);
        assert_ok(enrol_by_certificate(scene, before, key, 0, &certificates[i]));
        (void)contact_by_certificate(scene, buf_view(&certificates[i].certificate.der));
        pass(scene, 10);
        assert_overdue(scene, 1, 1);
        assert_true(certificates[i].needs_new_key);
    }
    struct bytes before = buf_view(&certificates[2].certificate.der);
    assert_ok(enrol_by_certificate(scene, before, next_key, 0, &certificates[3]));
    (void)contact_by_certificate(scene, buf_view(&certificates[3].certificate.der));
    assert_false(certificates[3].needs_new_key && certificates[3].renew_after <= scene->clock.at_ms);
    assert_overdue(scene, 0, 1);
    for (int i = 0; i < 4; i++) {
        enrolment_clear(&certificates[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(who_is_silent_is_reported_once),
        scene_test(policy_decides_what_is_overdue),
        scene_test(a_key_that_stays_is_overdue_over_renewals),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
