/* Every older copy of an inventory, along a random life, with its journal: replayed, it is what the inventory
 * has become. And what replay never does: undo what is final, or forget what nobody can make again. */
#include "tests/unit/fleet/contact_scene.h"
#include "tests/unit/fleet/journal_life.h"

static void test_every_older_copy_becomes_the_inventory(void **state)
{
    static void (*const STEP[])(struct life *) = {
        step_identity, step_identity, step_operational, step_operational, step_use,  step_use,
        step_use,      step_revoke,   step_order,       step_order,       step_time, step_fresh_key};
    struct life *life = life_new(*state);
    for (int i = 0; i < STEPS; i++) {
        if (i % (STEPS / COPIES) == 0) {
            keep_copy(life);
        }
        STEP[pick(life, sizeof STEP / sizeof STEP[0])](life);
    }
    AUTO_VAL(buf) wanted = {0};
    describe(life->scene->db, &wanted);
    int64_t number = scene_number(life->scene, "SELECT COALESCE(MAX(number), 0) FROM crl");
    scene_stop(life->scene); /* one process appends to a journal */
    for (size_t i = 0; i < life->copies; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "copy-%zu", i);
        check_copy(life, name, &wanted, number);
    }
    scene_start(life->scene);
    print_message("%zu copies, %zu certificates\n", life->copies, life->count);
    assert_true(life->count > 0);
    life_clear(life);
}

/* --- what a copy does not know at all ---------------------------------------------------------------- */

struct listed {
    struct scene *scene;
    struct batch_row batch;
    struct device_row row;
    bool has_new_product;
};

static err_t list_device(struct db_tx *tx, void *arg)
{
    struct listed *listed = arg;
    struct product_row product = listed->scene->products[0];
    if (listed->has_new_product) {
        TRY(db_tx_uuid(tx, &product.id));
        (void)snprintf(product.name, sizeof product.name, "newer");
        TRY(product_rows_insert(tx, &product));
    }
    bool is_new = false;
    listed->batch =
        (struct batch_row){.tenant = product.tenant, .product = product.id, .name = "lot", .ver = 1};
    TRY(db_tx_uuid(tx, &listed->batch.id));
    listed->row.tenant = product.tenant;
    listed->row.product = product.id;
    listed->row.batch = listed->batch.id;
    TRY(batch_rows_insert(tx, &listed->batch));
    TRY(device_rows_insert(tx, &listed->row, BYTES_NONE, &is_new));
    TRY(batch_rows_add_devices(tx, &listed->batch, 1));
    return device_count_rows_add(tx, &listed->batch, DEVICE_REGISTERED, 1);
}

/* A device that was registered, enrolled and revoked after the copy. */
static void live_after_copy(struct life *life, bool has_new_product)
{
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) out = {0};
    AUTO_VAL(certificate_row) revoked = {0};
    unit_init(&unit);
    keep_copy(life);
    struct listed listed = {.scene = life->scene, .has_new_product = has_new_product};
    listed.row = (struct device_row){.id = unit.id,
                                     .serial = "SN-77",
                                     .model = "m",
                                     .attributes = "{}",
                                     .labels = "{}",
                                     .registered_at = SCENE_AT_MS,
                                     .ver = 1};
    assert_ok(db_write(life->scene->db, list_device, &listed));
    assert_ok(enrol_by_identity(life->scene, &unit, key, 0, &out));
    assert_int_equal(contact_by_certificate(life->scene, buf_view(&out.certificate.der)).proof,
                     PROOF_OPERATIONAL);
    assert_ok(revoke_in(life->scene, 0, out.certificate.serial, 1, &revoked));
}

static void test_a_device_of_a_list_that_the_copy_lacks_is_made_again(void **state)
{
    struct life *life = life_new(*state);
    AUTO_VAL(buf) wanted = {0};
    AUTO_VAL(buf) found = {0};
    struct replay_tally tally;
    live_after_copy(life, false);
    describe(life->scene->db, &wanted);
    scene_stop(life->scene);
    struct scene other = *life->scene;
    other.db = replay_copy(life, "copy-0", &tally);
    describe(other.db, &found);
    assert_same(&wanted, &found);
    assert_int_equal(tally.devices, 1);
    assert_int_equal(scene_number(&other, "SELECT device_count FROM batch WHERE name LIKE 'replayed-%'"), 1);
    db_close(other.db);
    scene_start(life->scene);
    life_clear(life);
}

/* Its policy is not known, so it is not let in; but what was revoked goes on the list. */
static void test_certificates_of_an_unknown_product_are_known(void **state)
{
    struct life *life = life_new(*state);
    struct replay_tally tally;
    live_after_copy(life, true);
    scene_stop(life->scene);
    struct scene other = *life->scene;
    other.db = replay_copy(life, "copy-0", &tally);
    assert_int_equal(tally.certificates, 1);
    assert_int_equal(tally.devices, 0);
    assert_true(tally.unknown_devices > 0);
    assert_int_equal(scene_number(&other, "SELECT COUNT(*) FROM certificate WHERE state = 3 AND "
                                          "revocation_reason = 1"),
                     1);
    assert_int_equal(scene_number(&other, "SELECT is_stale FROM crl WHERE authority = 'device'"), 1);
    db_close(other.db);
    scene_start(life->scene);
    life_clear(life);
}

/* --- entries that come again, or too late ------------------------------------------------------------ */

struct told {
    struct journal_entry entry;
    struct replay_tally tally;
};

static err_t tell(struct db_tx *tx, void *arg)
{
    struct told *told = arg;
    return journal_replay_entry(tx, &told->entry, &told->tally);
}

/* A restored copy can never publish below what was once published. */
static void test_lines_of_firmware_only_rise(void **state)
{
    struct scene *scene = *state;
    struct told told = {.entry = {.kind = JOURNAL_LINE, .tenant = scene->tenants[0].id}};
    told.entry.line.sequence = 12;
    told.entry.line.counter = 3;
    memset(told.entry.line.product.b, 7, sizeof told.entry.line.product.b);
    (void)snprintf(told.entry.line.version, sizeof told.entry.line.version, "1.4.2");
    assert_ok(db_write(scene->db, tell, &told));
    told.entry.line.sequence = 13; /* a rollback: its images have a lower counter */
    told.entry.line.counter = 2;
    (void)snprintf(told.entry.line.version, sizeof told.entry.line.version, "1.4.1");
    assert_ok(db_write(scene->db, tell, &told));
    told.entry.line.sequence = 5; /* told late */
    told.entry.line.counter = 4;
    assert_ok(db_write(scene->db, tell, &told));
    assert_int_equal(scene_number(scene, "SELECT sequence FROM firmware_line"), 13);
    assert_int_equal(scene_number(scene, "SELECT counter FROM firmware_line"), 4);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM firmware_line WHERE version = '1.4.1'"), 1);
    assert_int_equal(told.tally.lines, 3);
}

static void test_what_is_final_stays(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) out = {0};
    struct device_row row;
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &out));
    assert_ok(order_device(scene, &unit.id, ACTION_COMPROMISED, &row));
    struct told told = {.entry = {.kind = JOURNAL_DEVICE, .seq = 9, .device = unit.id, .tenant = row.tenant}};
    told.entry.change.batch = row.batch;
    told.entry.change.product = row.product;
    told.entry.change.state = DEVICE_ENROLLED;
    assert_ok(db_write(scene->db, tell, &told));
    struct device_row after = scene_device(scene, 0, &unit.id);
    assert_int_equal(after.state, DEVICE_COMPROMISED);  /* I9 */
    assert_int_equal(after.generation, row.generation); /* I3 */
    told.entry = (struct journal_entry){.kind = JOURNAL_CONFIRM, .device = unit.id, .tenant = row.tenant};
    told.entry.certificate.state = CERTIFICATE_CONFIRMED;
    told.entry.certificate.reason = -1;
    memcpy(told.entry.certificate.serial, out.certificate.serial, CERTIFICATE_SERIAL_SIZE);
    (void)snprintf(told.entry.certificate.authority, AUTHORITY_ID_SIZE, "device");
    assert_ok(db_write(scene->db, tell, &told));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 3 AND "
                                         "revocation_reason = 1 AND revoked_at > 0"),
                     1); /* I6 */
    told.entry.certificate.serial[0] ^= 1;
    assert_ok(db_write(scene->db, tell, &told));
    assert_int_equal(told.tally.unknown_certificates, 1);
    assert_audit_verifies(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_every_older_copy_becomes_the_inventory),
        scene_test(test_a_device_of_a_list_that_the_copy_lacks_is_made_again),
        scene_test(test_certificates_of_an_unknown_product_are_known),
        scene_test(test_lines_of_firmware_only_rise),
        scene_test(test_what_is_final_stays),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
