/* Devices that become due and expire: the kept counts follow what happens to a device, time, and the schedule
 * of its product. That they are right after any life is in test_invariants.c. */
#include "tests/unit/fleet/contact_scene.h"
#include "tests/unit/fleet/term_scene.h"

#include "fleet/device_terms.h"

static void assert_terms(struct scene *scene, int64_t current, int64_t due, int64_t expired)
{
    struct device_counts counts, of_batch;
    assert_ok(device_counts_read(scene->fleet, scene->products[0].id, &counts));
    assert_ok(device_counts_read(scene->fleet, (struct uuid){{0}}, &of_batch));
    assert_int_equal(counts.terms[TERM_CURRENT], current);
    assert_int_equal(counts.terms[TERM_DUE], due);
    assert_int_equal(counts.terms[TERM_EXPIRED], expired);
    assert_memory_equal(counts.terms, of_batch.terms, sizeof counts.terms);
}

static void pass(struct scene *scene, int64_t days)
{
    manual_clock_advance(&scene->clock, days * DAY_MS);
    assert_ok(device_terms_pass(scene->fleet, scene->clock.at_ms));
}

static void order(struct scene *scene, const struct unit *unit, enum device_action action)
{
    struct device_row row;
    assert_ok(order_device(scene, &unit->id, action, &row));
}

static void test_time_and_orders_move_a_device(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(EVP_PKEY) *next_key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) next = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_terms(scene, 0, 0, 0);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first)); /* 90 days, to be renewed after 66 % ± 10 */
    assert_terms(scene, 1, 0, 0);
    pass(scene, 50);
    assert_terms(scene, 1, 0, 0);
    pass(scene, 20);
    assert_terms(scene, 0, 1, 0);
    pass(scene, 20);
    assert_terms(scene, 0, 0, 1);
    pass(scene, 100);
    assert_terms(scene, 0, 0, 1);
    assert_ok(enrol_by_identity(scene, &unit, next_key, 0, &next));
    assert_terms(scene, 0, 0, 1); /* issued, but never used */
    (void)contact_by_certificate(scene, buf_view(&next.certificate.der));
    assert_terms(scene, 1, 0, 0);
    order(scene, &unit, ACTION_REKEY);
    assert_terms(scene, 0, 1, 0);
    order(scene, &unit, ACTION_QUARANTINE);
    assert_terms(scene, 0, 0, 0);
    pass(scene, 89);
    order(scene, &unit, ACTION_RELEASE);
    assert_terms(scene, 0, 1, 0);
    order(scene, &unit, ACTION_REVOKE);
    assert_terms(scene, 0, 0, 0);
    pass(scene, 30);
    assert_terms(scene, 0, 0, 0);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device_term"), 0);
}

static void test_nothing_passed_writes_nothing(void **state)
{
    struct scene *scene = *state;
    struct db_stats before, after;
    db_stats_read(scene->db, &before);
    pass(scene, 1);
    assert_ok(device_terms_walk(scene->fleet, scene->clock.at_ms));
    db_stats_read(scene->db, &after);
    assert_int_equal(after.commits, before.commits);
}

/* --- many ----------------------------------------------------------------------------------------------- */

enum { MANY = 1300 }; /* some steps of both walks */

static err_t insert_many(struct db_tx *tx, void *arg)
{
    struct scene *scene = arg;
    const struct batch_row batch = {.product = scene->products[0].id};
    for (int i = 0; i < MANY; i++) {
        bool is_new = false;
        struct device_row device = {.tenant = scene->tenants[0].id,
                                    .product = scene->products[0].id,
                                    .state = DEVICE_ENROLLED,
                                    .attributes = "{}",
                                    .enrolled_at = SCENE_AT_MS};
        struct certificate_row row = {.authority = "device",
                                      .tenant = device.tenant,
                                      .generation = 1,
                                      .state = CERTIFICATE_CONFIRMED,
                                      .issued_at = SCENE_AT_MS,
                                      .not_after = SCENE_AT_MS + 100 * DAY_MS,
                                      .revocation_reason = -1};
        device.id.b[0] = (uint8_t)(i >> 8);
        device.id.b[1] = (uint8_t)i;
        device.id.b[31] = 1;
        row.serial[0] = device.id.b[0];
        row.serial[1] = device.id.b[1];
        row.device = device.id;
        TRY(device_rows_insert(tx, &device, BYTES_NONE, &is_new));
        TRY(certificate_rows_insert(tx, &row, NULL));
    }
    return device_count_rows_add(tx, &batch, DEVICE_ENROLLED, MANY);
}

/* What the migration leaves to the job, then a changed schedule, then one day on which all expire. */
static void test_many_are_moved_in_steps(void **state)
{
    struct scene *scene = *state;
    assert_ok(db_write(scene->db, insert_many, scene));
    scene_change(scene, "INSERT INTO device_term_walk (product, after) SELECT id, zeroblob(32) FROM product");
    assert_terms(scene, 0, 0, 0);
    assert_ok(device_terms_walk(scene->fleet, scene->clock.at_ms));
    assert_terms(scene, MANY, 0, 0);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device_term_walk"), 0);
    pass(scene, 40);
    assert_terms(scene, MANY, 0, 0);
    set_renewal(scene, 0, 20);
    assert_terms(scene, MANY, 0, 0);
    assert_ok(device_terms_walk(scene->fleet, scene->clock.at_ms));
    assert_terms(scene, 0, MANY, 0);
    set_renewal(scene, 0, 80);
    assert_ok(device_terms_walk(scene->fleet, scene->clock.at_ms));
    assert_terms(scene, MANY, 0, 0);
    pass(scene, 60);
    assert_terms(scene, 0, 0, MANY);
    set_renewal(scene, 0, 80); /* as it is: nothing to go through */
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device_term_walk"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_time_and_orders_move_a_device),
        scene_test(test_nothing_passed_writes_nothing),
        scene_test(test_many_are_moved_in_steps),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
