/* Tests of recoveries by the identity key: the policies, who waits for an operator's word, and an allowance
 * that passes once and ends by itself. */
#include "tests/unit/fleet/contact_scene.h"
#include "tests/unit/fleet/order_scene.h"

#include "fleet/recovery.h"
#include "fleet/registry.h"

struct lost {
    struct unit unit;
    struct enrolment first;
};

static void lost_clear(struct lost *lost)
{
    unit_clear(&lost->unit);
    enrolment_clear(&lost->first);
}
DEFINE_AUTO_VAL(lost, lost_clear);

/* A device that used its certificate and has lost its key. */
static void lost_init(struct lost *lost, struct scene *scene)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    *lost = (struct lost){.unit.identity = NULL};
    unit_init(&lost->unit);
    scene_register(scene, 0, &lost->unit.id);
    assert_ok(enrol_by_identity(scene, &lost->unit, key, 0, &lost->first));
    (void)contact_by_certificate(scene, buf_view(&lost->first.certificate.der));
    manual_clock_advance(&scene->clock, 1000);
}

static err_code recover(struct scene *scene, const struct lost *lost)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) out = {0};
    err_t result = enrol_by_identity(scene, &lost->unit, key, 0, &out);
    manual_clock_advance(&scene->clock, 1000);
    return result.code;
}

static err_t allow(struct scene *scene, size_t tenant, const struct lost *lost, int64_t valid_for_s)
{
    const struct terms terms = terms_of(scene, tenant);
    const struct device_order order = {
        .id = lost->unit.id, .action = ACTION_ALLOW_RECOVERY, .valid_for_s = valid_for_s};
    struct device_row row;
    return device_act(scene->fleet, &terms, &order, &row);
}

static struct recovery_row recovery_of(struct scene *scene, const struct lost *lost)
{
    struct device_row device = scene_device(scene, 0, &lost->unit.id);
    struct recovery_row row;
    assert_ok(recovery_read(scene->fleet, &device, &row));
    return row;
}

static err_t count_device(const struct device_row *row, void *arg)
{
    (void)row;
    ++*(int *)arg;
    return OK;
}

static int count_waiting(struct scene *scene, size_t tenant, bool is_descending)
{
    const struct device_filter filter = {.tenant = scene->tenants[tenant].id,
                                         .is_recovery_requested = true,
                                         .is_descending = is_descending,
                                         .limit = 10};
    int count = 0;
    bool has_more = false;
    assert_ok(device_list(scene->fleet, &filter, count_device, &count, &has_more));
    return count;
}

static int64_t count_requested(struct scene *scene)
{
    return scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.recovery_requested'");
}

static const char APPROVE[] = "UPDATE product SET recovery = 3";

static void test_approve_waits_for_a_word(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(lost) lost;
    scene_change(scene, APPROVE);
    lost_init(&lost, scene);
    assert_int_equal(count_waiting(scene, 0, false), 0);
    assert_int_equal(recover(scene, &lost), ERR_DEVICE_REFUSED);
    assert_int_equal(count_waiting(scene, 0, false), 1);
    assert_int_equal(count_waiting(scene, 0, true), 1);
    assert_int_equal(count_waiting(scene, 1, false), 0);
    assert_int_equal(recovery_of(scene, &lost).requested_at, SCENE_AT_MS + 1000);
    assert_ok(allow(scene, 0, &lost, 3600));
    assert_int_equal(count_waiting(scene, 0, false), 0);
    assert_int_equal(recovery_of(scene, &lost).allowed_until, scene->clock.at_ms + 3600 * 1000);
    assert_int_equal(recover(scene, &lost), ERR_OK);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device_recovery"), 0);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.recovery_allowed'"),
                     1);
    assert_audit_verifies(scene);
}

/* Also after its time has ended: approve is no expired. */
static void test_approve_is_asked_after_expiry_too(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(lost) lost;
    scene_change(scene, APPROVE);
    lost_init(&lost, scene);
    manual_clock_advance(&scene->clock, 91 * DAY_MS);
    assert_int_equal(recover(scene, &lost), ERR_DEVICE_REFUSED);
    assert_int_equal(count_waiting(scene, 0, false), 1);
}

/* What was never used needs nobody: the first answer was lost. */
static void test_approve_lets_a_lost_first_answer_pass(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(lost) lost = {.unit.identity = NULL};
    scene_change(scene, APPROVE);
    unit_init(&lost.unit);
    scene_register(scene, 0, &lost.unit.id);
    assert_int_equal(recover(scene, &lost), ERR_OK);
    assert_int_equal(recover(scene, &lost), ERR_OK);
    assert_int_equal(count_requested(scene), 0);
}

/* A device that asks every minute makes one record an hour; so does one that expired refuses. */
static void test_a_request_is_recorded_once_an_hour(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(lost) lost;
    lost_init(&lost, scene);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(recover(scene, &lost), ERR_DEVICE_REFUSED);
    }
    assert_int_equal(count_requested(scene), 1);
    manual_clock_advance(&scene->clock, 3600 * 1000);
    assert_int_equal(recover(scene, &lost), ERR_DEVICE_REFUSED);
    assert_int_equal(count_requested(scene), 2);
    manual_clock_advance(&scene->clock, -30 * 60 * 1000); /* the clock goes back */
    assert_int_equal(recover(scene, &lost), ERR_DEVICE_REFUSED);
    assert_int_equal(count_requested(scene), 3);
}

static void test_an_allowance_passes_once(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(lost) lost;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) out = {0};
    scene_change(scene, "UPDATE product SET recovery = 0");
    lost_init(&lost, scene);
    assert_ok(allow(scene, 0, &lost, 3600));
    assert_int_equal(recover(scene, &lost), ERR_OK);
    assert_int_equal(recover(scene, &lost), ERR_OK); /* that answer was lost */
    assert_ok(enrol_by_identity(scene, &lost.unit, key, 0, &out));
    assert_int_equal(contact_by_certificate(scene, buf_view(&out.certificate.der)).proof, PROOF_OPERATIONAL);
    assert_int_equal(recover(scene, &lost), ERR_DEVICE_REFUSED); /* this one arrived and was used */
}

static void test_an_allowance_ends(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(lost) lost;
    lost_init(&lost, scene);
    assert_ok(allow(scene, 0, &lost, 60));
    manual_clock_advance(&scene->clock, 60 * 1000);
    assert_int_equal(recovery_of(scene, &lost).allowed_until, 0);
    assert_int_equal(recover(scene, &lost), ERR_DEVICE_REFUSED);
    assert_int_equal(count_waiting(scene, 0, false), 1); /* and it waits again */
    assert_ok(allow(scene, 0, &lost, 60));
    assert_ok(allow(scene, 0, &lost, 3600)); /* again: from now */
    manual_clock_advance(&scene->clock, 120 * 1000);
    assert_int_equal(recover(scene, &lost), ERR_OK);
}

static void test_who_may_be_allowed(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(lost) lost;
    AUTO_VAL(unit) registered;
    struct device_row row;
    unit_init(&registered);
    lost_init(&lost, scene);
    scene_register(scene, 0, &registered.id);
    assert_int_equal(order_device(scene, &registered.id, ACTION_ALLOW_RECOVERY, &row).code, ERR_WRONG_STATE);
    assert_int_equal(allow(scene, 1, &lost, 3600).code, ERR_NOT_FOUND);
    assert_ok(allow(scene, 0, &lost, 3600));
    assert_ok(order_device(scene, &lost.unit.id, ACTION_QUARANTINE, &row));
    assert_int_equal(allow(scene, 0, &lost, 3600).code, ERR_WRONG_STATE);
    assert_int_equal(recover(scene, &lost), ERR_DEVICE_REFUSED); /* no word against quarantine */
    assert_int_equal(count_requested(scene), 0);
    assert_int_equal(count_waiting(scene, 0, false), 0);
    assert_ok(order_device(scene, &lost.unit.id, ACTION_RELEASE, &row));
    assert_int_equal(recover(scene, &lost), ERR_OK);
}

/* Without the identity key nobody comes into the list; without a full handshake neither. */
static void test_nothing_waits_without_a_proof(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(lost) lost;
    AUTO_VAL(unit) stranger;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) out = {0};
    struct peer_identity peer;
    unit_init(&stranger);
    scene_change(scene, APPROVE);
    lost_init(&lost, scene);
    assert_int_equal(enrol_by_identity(scene, &stranger, key, 0, &out).code, ERR_DEVICE_REFUSED);
    peer_of_identity(&lost.unit, &peer);
    struct contact_facts facts = facts_of(&peer);
    facts.is_resumed = true;
    AUTO_PTR(csr) *csr = make_request(&(struct request_spec){.key = key});
    assert_int_equal(enrol_with(scene, &facts, csr, 0, &out).code, ERR_FULL_HANDSHAKE);
    peer_identity_clear(&peer);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device_recovery"), 0);
    assert_int_equal(count_requested(scene), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_approve_waits_for_a_word),
        scene_test(test_approve_is_asked_after_expiry_too),
        scene_test(test_approve_lets_a_lost_first_answer_pass),
        scene_test(test_a_request_is_recorded_once_an_hour),
        scene_test(test_an_allowance_passes_once),
        scene_test(test_an_allowance_ends),
        scene_test(test_who_may_be_allowed),
        scene_test(test_nothing_waits_without_a_proof),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
