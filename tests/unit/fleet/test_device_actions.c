/* Tests of orders about a device: what each leaves behind, in which states it is taken, and that a device
 * feels it with its next request. */
#include "tests/unit/fleet/contact_scene.h"
#include "tests/unit/fleet/order_scene.h"

#include "fleet/renewal.h"

struct enrolled {
    struct unit unit;
    EVP_PKEY *key;
    struct enrolment enrolment;
};

static void enrolled_init(struct scene *scene, struct enrolled *out)
{
    *out = (struct enrolled){.key = ec_key("P-256")};
    unit_init(&out->unit);
    scene_register(scene, 0, &out->unit.id);
    assert_ok(enrol_by_identity(scene, &out->unit, out->key, 0, &out->enrolment));
}

static void enrolled_clear(struct enrolled *enrolled)
{
    unit_clear(&enrolled->unit);
    EVP_PKEY_free(enrolled->key);
    enrolment_clear(&enrolled->enrolment);
}
DEFINE_AUTO_VAL(enrolled, enrolled_clear);

static enum proof_kind proof_of(struct scene *scene, const struct enrolled *device)
{
    return contact_by_certificate(scene, buf_view(&device->enrolment.certificate.der)).proof;
}

static void test_quarantine_and_release(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(enrolled) device;
    AUTO_VAL(unit) fresh;
    AUTO_VAL(enrolment) out = {0};
    struct device_row row;
    enrolled_init(scene, &device);
    assert_int_equal(proof_of(scene, &device), PROOF_OPERATIONAL);
    assert_ok(order_device(scene, &device.unit.id, ACTION_QUARANTINE, &row));
    assert_int_equal(row.state, DEVICE_QUARANTINED);
    assert_int_equal(proof_of(scene, &device), PROOF_NONE);
    assert_int_equal(enrol_by_identity(scene, &device.unit, device.key, 0, &out).code, ERR_DEVICE_REFUSED);
    assert_ok(order_device(scene, &device.unit.id, ACTION_RELEASE, &row));
    assert_int_equal(row.state, DEVICE_ENROLLED);
    assert_int_equal(proof_of(scene, &device), PROOF_OPERATIONAL);
    /* one that never enrolled goes back to where it was */
    unit_init(&fresh);
    scene_register(scene, 0, &fresh.id);
    assert_ok(order_device(scene, &fresh.id, ACTION_QUARANTINE, &row));
    assert_int_equal(enrol_by_identity(scene, &fresh, device.key, 0, &out).code, ERR_DEVICE_REFUSED);
    assert_ok(order_device(scene, &fresh.id, ACTION_RELEASE, &row));
    assert_int_equal(row.state, DEVICE_REGISTERED);
}

static void test_revoke_takes_what_brokers_may_still_take(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(enrolled) device;
    AUTO(EVP_PKEY) *next = ec_key("P-256");
    AUTO_VAL(enrolment) second = {0};
    struct device_row row;
    const struct terms terms = terms_of(scene, 0);
    enrolled_init(scene, &device);
    assert_ok(enrol_by_certificate(scene, buf_view(&device.enrolment.certificate.der), next, 0, &second));
    assert_int_equal(contact_by_certificate(scene, buf_view(&second.certificate.der)).proof,
                     PROOF_OPERATIONAL); /* the first one is superseded now, and on no list yet */
    const struct device_order order = {
        .id = device.unit.id, .action = ACTION_REVOKE, .reason = 9, .cause = NULL, .note = "\"sold\""};
    assert_ok(device_act(scene->fleet, &terms, &order, &row));
    assert_int_equal(row.state, DEVICE_REVOKED);
    assert_int_equal(
        scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 3 AND revocation_reason = 9"), 2);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'certificate.revoked'"), 2);
    assert_int_equal(scene_number(scene,
                                  "SELECT COUNT(*) FROM audit WHERE kind = 'device.revoked' AND body LIKE "
                                  "'%\"reason\":\"privilegeWithdrawn\"%\"note\":\"\\\"sold\\\"\"%'"),
                     1);
    assert_int_equal(scene_number(scene, "SELECT is_stale FROM crl WHERE authority = 'device'"), 1);
}

static void test_retired_is_a_tombstone(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(enrolled) device;
    AUTO_VAL(enrolment) out = {0};
    struct device_row row;
    enrolled_init(scene, &device);
    assert_ok(order_device(scene, &device.unit.id, ACTION_RETIRE, &row));
    assert_int_equal(row.state, DEVICE_RETIRED);
    assert_int_equal(scene_number(scene, "SELECT revocation_reason FROM certificate"), 5);
    assert_int_equal(proof_of(scene, &device), PROOF_NONE);
    assert_int_equal(enrol_by_identity(scene, &device.unit, device.key, 0, &out).code, ERR_DEVICE_REFUSED);
    for (int action = ACTION_QUARANTINE; action <= ACTION_COMPROMISED; action++) {
        assert_error(order_device(scene, &device.unit.id, (enum device_action)action, &row), ERR_WRONG_STATE,
                     "the device is retired");
    }
}

/* Also what was superseded and listed, or revoked for another reason, long ago. */
static void test_compromised_takes_every_generation(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(enrolled) device;
    struct device_row row;
    enrolled_init(scene, &device);
    AUTO_VAL(buf) der = {0};
    assert_ok(buf_append_bytes(&der, buf_view(&device.enrolment.certificate.der)));
    for (int i = 0; i < 20; i++) {
        AUTO(EVP_PKEY) *key = ec_key("P-256");
        AUTO_VAL(enrolment) next = {0};
        assert_ok(enrol_by_certificate(scene, buf_view(&der), key, 0, &next));
        buf_clear(&der);
        assert_ok(buf_append_bytes(&der, buf_view(&next.certificate.der)));
        (void)contact_by_certificate(scene, buf_view(&der));
    }
    manual_clock_advance(&scene->clock, 2 * DAY_MS);
    assert_ok(revocation_list_superseded(scene->fleet, scene->clock.at_ms));
    assert_ok(order_device(scene, &device.unit.id, ACTION_REVOKE, &row));
    int64_t revoked = scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'certificate.revoked'");
    assert_int_equal(revoked, 1);
    assert_ok(order_device(scene, &device.unit.id, ACTION_COMPROMISED, &row));
    assert_int_equal(row.state, DEVICE_COMPROMISED);
    assert_int_equal(
        scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 3 AND revocation_reason = 1"),
        21);
    assert_int_equal(
        scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'certificate.reason_changed'"), 1);
    assert_error(order_device(scene, &device.unit.id, ACTION_ALLOW_REENROL, &row), ERR_WRONG_STATE,
                 "compromised");
}

static struct device_status status_of(struct scene *scene, struct bytes der)
{
    struct device_status status;
    struct contact contact = contact_by_certificate(scene, der);
    assert_ok(contact_status(scene->fleet, &contact, &status));
    return status;
}

static void test_a_rekey_is_told_until_a_new_key_is_confirmed(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(enrolled) device;
    AUTO(EVP_PKEY) *next = ec_key("P-256");
    AUTO_VAL(enrolment) renewed = {0};
    AUTO_VAL(enrolment) rekeyed = {0};
    struct device_row row;
    enrolled_init(scene, &device);
    manual_clock_advance(&scene->clock, 1000);
    struct bytes der = buf_view(&device.enrolment.certificate.der);
    assert_true(status_of(scene, der).renew_after > scene->clock.at_ms);
    assert_ok(order_device(scene, &device.unit.id, ACTION_REKEY, &row));
    assert_int_equal(status_of(scene, der).renew_after, scene->clock.at_ms);
    assert_true(status_of(scene, der).needs_new_key);
    /* the same key again is not enough */
    assert_ok(enrol_by_certificate(scene, der, device.key, 0, &renewed));
    assert_true(renewed.needs_new_key && renewed.renew_after == scene->clock.at_ms);
    der = buf_view(&renewed.certificate.der);
    assert_true(status_of(scene, der).needs_new_key);
    assert_ok(enrol_by_certificate(scene, der, next, 0, &rekeyed));
    assert_true(!rekeyed.needs_new_key && rekeyed.renew_after > scene->clock.at_ms);
    assert_int_not_equal(scene_device(scene, 0, &device.unit.id).rekey_requested_at, 0);
    assert_false(status_of(scene, buf_view(&rekeyed.certificate.der)).needs_new_key);
    assert_int_equal(scene_device(scene, 0, &device.unit.id).rekey_requested_at, 0);
}

static void test_versions_keys_and_other_tenants(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(enrolled) device;
    struct device_row row;
    enrolled_init(scene, &device);
    const struct device_order order = {.id = device.unit.id, .action = ACTION_QUARANTINE};
    struct terms terms = terms_of(scene, 1);
    assert_int_equal(device_act(scene->fleet, &terms, &order, &row).code, ERR_NOT_FOUND);
    terms = terms_of(scene, 0);
    terms.has_versions = true;
    terms.version_count = 1;
    terms.versions[0] = scene_device(scene, 0, &device.unit.id).ver - 1;
    int64_t records = scene_number(scene, "SELECT COUNT(*) FROM audit");
    assert_int_equal(device_act(scene->fleet, &terms, &order, &row).code, ERR_PRECONDITION);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit"), records);
    terms.versions[0]++;
    terms.idempotency = (struct idempotency){.tenant = terms.tenant, .key = bytes_str("once")};
    assert_ok(device_act(scene->fleet, &terms, &order, &row));
    /* the answer was lost: the same again is the same; another order under that key is not */
    assert_ok(device_act(scene->fleet, &terms, &order, &row));
    assert_int_equal(row.state, DEVICE_QUARANTINED);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit"), records + 1);
    const struct device_order other = {.id = device.unit.id, .action = ACTION_RELEASE};
    assert_int_equal(device_act(scene->fleet, &terms, &other, &row).code, ERR_UNPROCESSABLE);
    assert_audit_verifies(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_quarantine_and_release),
        scene_test(test_revoke_takes_what_brokers_may_still_take),
        scene_test(test_retired_is_a_tombstone),
        scene_test(test_compromised_takes_every_generation),
        scene_test(test_a_rekey_is_told_until_a_new_key_is_confirmed),
        scene_test(test_versions_keys_and_other_tenants),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
