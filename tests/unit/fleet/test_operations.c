/* Tests of work on many devices: the mass revocation, step by step, with what it passes over, its ends, and
 * what another run finds. */
#include "tests/unit/fleet/approval_scene.h"

enum { MANY = 250 };

static err_t insert_many(struct db_tx *tx, void *arg)
{
    const struct scene *scene = arg;
    for (int i = 0; i < MANY; i++) {
        struct sha256 hash;
        struct device_row row = {.tenant = scene->tenants[0].id,
                                 .batch = scene->tenants[0].id, /* some id: no batch is looked at */
                                 .product = scene->products[0].id,
                                 .state = DEVICE_ENROLLED,
                                 .attributes = "{}",
                                 .generation = 1,
                                 .registered_at = SCENE_AT_MS,
                                 .enrolled_at = SCENE_AT_MS,
                                 .updated_at = SCENE_AT_MS,
                                 .ver = 1};
        bool is_new = false;
        TRY(sha256_of((struct bytes){(const uint8_t *)&i, sizeof i}, &hash));
        memcpy(row.id.b, hash.b, sizeof row.id.b);
        TRY(device_rows_insert(tx, &row, BYTES_NONE, &is_new));
    }
    return OK;
}

/** 250 devices with a confirmed certificate each; of them 10 quarantined, 20 retired. */
static void enrol_many(struct scene *scene)
{
    assert_ok(db_write(scene->db, insert_many, scene));
    scene_change(scene, "INSERT INTO certificate (serial, authority, tenant, device, generation, state, "
                        "spki_sha256, not_before, not_after, issued_at, der, ver) SELECT randomblob(16), "
                        "'device', tenant, id, 1, 1, randomblob(32), 0, 9000000000000, 1, x'00', 1 FROM "
                        "device");
    scene_change(scene,
                 "UPDATE device SET state = 2 WHERE id IN (SELECT id FROM device ORDER BY id LIMIT 10)");
    scene_change(scene, "UPDATE device SET state = 4 WHERE id IN (SELECT id FROM device ORDER BY id DESC "
                        "LIMIT 20)");
    scene_change(scene,
                 "UPDATE device SET labels = '{\"site\":\"north\"}' WHERE id IN (SELECT id FROM device "
                 "ORDER BY id LIMIT 30)");
    scene_change(scene, "INSERT INTO device_count (owner, state, n) SELECT product, state, COUNT(*) FROM "
                        "device GROUP BY product, state");
}

static struct mass_order product_order(const struct scene *scene)
{
    return (struct mass_order){.is_product = true, .owner = scene->products[0].id, .reason = 1};
}

static struct operation_row start(struct scene *scene, const struct mass_order *order)
{
    struct guarded guarded = {.is_waiting = false};
    struct operation_row row;
    const struct terms terms = terms_by(scene, &ANNA, &guarded);
    assert_ok(mass_revoke(scene->fleet, &terms, order, &row));
    assert_false(guarded.is_waiting);
    return row;
}

static struct operation_row operation_now(struct scene *scene, struct uuid id)
{
    struct operation_row row;
    assert_ok(operation_get(scene->fleet, scene->tenants[0].id, id, &row));
    return row;
}

static void run_job(struct scene *scene)
{
    assert_ok(operations_run(scene->fleet, clock_now_ms(&scene->clock.clock)));
}

static void test_every_device_of_a_product(void **state)
{
    struct scene *scene = *state;
    enrol_many(scene);
    const struct mass_order order = product_order(scene);
    struct operation_row row = start(scene, &order);
    assert_int_equal(row.total, MANY - 20);
    assert_int_equal(row.state, OPERATION_RUNNING);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device WHERE state = 3"), 0); /* not before */
    run_job(scene);
    row = operation_now(scene, row.id);
    assert_int_equal(row.state, OPERATION_DONE);
    assert_int_equal(row.done, MANY - 20);
    assert_int_equal(row.skipped, 20);
    assert_int_equal(row.failed, 0);
    assert_true(row.finished_at > 0);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device WHERE state = 3"), MANY - 20);
    assert_int_equal(
        scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 3 AND revocation_reason = 1"),
        MANY - 20);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.revoked' AND "
                                         "device IS NOT NULL AND actor = 'token:a1' AND body LIKE "
                                         "'%\"cause\":\"operation %'"),
                     MANY - 20);
    assert_int_equal(scene_number(scene, "SELECT MAX(n) FROM device_count WHERE state = 3"), MANY - 20);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind LIKE 'operation.%'"), 2);
    /* again: nothing is left to do */
    row = start(scene, &order);
    assert_int_equal(row.total, 0);
    run_job(scene);
    row = operation_now(scene, row.id);
    assert_int_equal(row.done, 0);
    assert_int_equal(row.skipped, MANY);
    assert_audit_verifies(scene);
}

static void test_filters(void **state)
{
    struct scene *scene = *state;
    struct mass_preview preview;
    enrol_many(scene);
    struct mass_order order = product_order(scene);
    order.has_state = true;
    order.state = DEVICE_QUARANTINED;
    assert_ok(mass_revoke_preview(scene->fleet, scene->tenants[0].id, &order, &preview));
    assert_int_equal(preview.total, 10);
    assert_int_equal(preview.count, 10);
    struct operation_row row = start(scene, &order);
    run_job(scene);
    assert_int_equal(operation_now(scene, row.id).done, 10);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device WHERE state = 3"), 10);
    order = product_order(scene);
    order.label_name = "site";
    order.label_value = "north"; /* 30, of which the first 10 are revoked by now */
    assert_ok(mass_revoke_preview(scene->fleet, scene->tenants[0].id, &order, &preview));
    assert_int_equal(preview.total, MANY - 30); /* at most */
    assert_int_equal(preview.count, MASS_SAMPLE_MAX);
    row = start(scene, &order);
    run_job(scene);
    assert_int_equal(operation_now(scene, row.id).done, 20);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device WHERE state = 3"), 30);
    order.state = DEVICE_RETIRED;
    order.has_state = true;
    struct guarded guarded;
    const struct terms terms = terms_by(scene, &ANNA, &guarded);
    assert_error(mass_revoke(scene->fleet, &terms, &order, &row), ERR_UNPROCESSABLE, "retired");
    order.owner = scene->products[1].id;
    order.has_state = false;
    assert_int_equal(mass_revoke(scene->fleet, &terms, &order, &row).code, ERR_NOT_FOUND);
    order.is_product = false;
    assert_int_equal(mass_revoke(scene->fleet, &terms, &order, &row).code, ERR_NOT_FOUND);
}

static void test_cancelled_before_its_next_device(void **state)
{
    struct scene *scene = *state;
    const struct terms terms = terms_by(scene, &BEN, NULL);
    enrol_many(scene);
    const struct mass_order order = product_order(scene);
    struct operation_row row = start(scene, &order);
    assert_ok(operation_cancel(scene->fleet, &terms, row.id, &row));
    assert_int_equal(row.state, OPERATION_CANCELLED);
    assert_ok(operation_cancel(scene->fleet, &terms, row.id, &row)); /* changes nothing */
    run_job(scene);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device WHERE state = 3"), 0);
    row = start(scene, &order);
    run_job(scene);
    assert_error(operation_cancel(scene->fleet, &terms, row.id, &row), ERR_WRONG_STATE, "done");
    const struct terms other = terms_of(scene, 1);
    assert_int_equal(operation_cancel(scene->fleet, &other, row.id, &row).code, ERR_NOT_FOUND);
    assert_int_equal(operation_get(scene->fleet, other.tenant, row.id, &row).code, ERR_NOT_FOUND);
}

/* Its request is not readable (another version of the server wrote it): that would come again. */
static void test_what_cannot_go_on_has_failed(void **state)
{
    struct scene *scene = *state;
    enrol_many(scene);
    const struct mass_order order = product_order(scene);
    struct operation_row row = start(scene, &order);
    scene_change(scene, "UPDATE operation SET request = replace(request, 'keyCompromise', 'noReason')");
    run_job(scene);
    row = operation_now(scene, row.id);
    assert_int_equal(row.state, OPERATION_FAILED);
    assert_true(strlen(row.failure) > 0);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device WHERE state = 3"), 0);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'operation.failed'"), 1);
    run_job(scene); /* it is over */
}

/* An error of ours in the third step: the steps before it are durable, and the next run goes on from there,
 * also in another process. */
static void test_a_run_that_breaks_off_is_gone_on_with(void **state)
{
    struct scene *scene = *state;
    enrol_many(scene);
    const struct mass_order order = product_order(scene);
    struct operation_row row = start(scene, &order);
    scene_change(
        scene, "CREATE TRIGGER broken BEFORE UPDATE ON device WHEN old.id = (SELECT id FROM device "
               "ORDER BY id LIMIT 1 OFFSET 210) BEGIN SELECT abs(-9223372036854775807 - (old.ver > 0)); END");
    err_t error = operations_run(scene->fleet, 0);
    assert_true(err_status(error.code) >= 500);
    row = operation_now(scene, row.id);
    assert_int_equal(row.state, OPERATION_RUNNING);
    assert_int_equal(row.done, 200);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device WHERE state = 3"), 200);
    scene_stop(scene);
    scene_start(scene);
    scene_change(scene, "DROP TRIGGER broken");
    run_job(scene);
    row = operation_now(scene, row.id);
    assert_int_equal(row.state, OPERATION_DONE);
    assert_int_equal(row.done, MANY - 20);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.revoked'"),
                     MANY - 20);
}

static void test_one_key_starts_one(void **state)
{
    struct scene *scene = *state;
    struct guarded guarded = {.is_waiting = false};
    struct operation_row first;
    struct operation_row second;
    struct terms terms = terms_by(scene, &ANNA, &guarded);
    terms.idempotency = (struct idempotency){.tenant = terms.tenant, .key = bytes_str("k")};
    const struct mass_order order = product_order(scene);
    assert_ok(mass_revoke(scene->fleet, &terms, &order, &first));
    run_job(scene); /* no device: done at once */
    assert_ok(mass_revoke(scene->fleet, &terms, &order, &second));
    assert_true(uuid_equal(first.id, second.id));
    assert_int_equal(second.state, OPERATION_DONE);
    terms.has_versions = true;
    terms.idempotency.key = BYTES_NONE;
    assert_int_equal(mass_revoke(scene->fleet, &terms, &order, &second).code, ERR_PRECONDITION);
}

static void test_where_a_second_person_is_asked_for(void **state)
{
    struct scene *scene = *state;
    struct guarded guarded = {.is_waiting = false};
    struct operation_row row;
    struct terms terms = terms_by(scene, &ANNA, &guarded);
    enrol_many(scene);
    set_dual_control(scene, NULL, APPROVAL_REVOKE_MANY);
    const struct mass_order order = product_order(scene);
    terms.idempotency = (struct idempotency){.tenant = terms.tenant, .key = bytes_str("k")};
    assert_ok(mass_revoke(scene->fleet, &terms, &order, &row));
    assert_true(guarded.is_waiting);
    run_job(scene);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM operation"), 0);
    guarded.is_waiting = false;
    assert_ok(mass_revoke(scene->fleet, &terms, &order, &row)); /* by its key */
    assert_true(guarded.is_waiting);
    /* devices come into the product: it is not what was asked for any more */
    AUTO_VAL(unit) unit;
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_error(decide_by(scene, &BEN, guarded.approval, VERB_APPROVE), ERR_WRONG_STATE, "void");
    terms.idempotency.key = BYTES_NONE;
    assert_ok(mass_revoke(scene->fleet, &terms, &order, &row));
    assert_ok(decide_by(scene, &BEN, guarded.approval, VERB_APPROVE));
    run_job(scene);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device WHERE state = 3"), MANY - 20);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM approval, operation WHERE approval.state = 1 "
                                         "AND replace(result, '-', '') = lower(hex(operation.id))"),
                     1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_every_device_of_a_product),
        scene_test(test_filters),
        scene_test(test_cancelled_before_its_next_device),
        scene_test(test_what_cannot_go_on_has_failed),
        scene_test(test_a_run_that_breaks_off_is_gone_on_with),
        scene_test(test_one_key_starts_one),
        scene_test(test_where_a_second_person_is_asked_for),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
