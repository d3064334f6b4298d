/* Tests of revocation: what it takes with it, what it leaves, and the way back. */
#include "tests/unit/fleet/contact_scene.h"
#include "tests/unit/fleet/order_scene.h"

static const struct actor ACTOR = {.name = "token:test", .request_id = "r-2"};

static void test_reasons(void **state)
{
    static const struct {
        const char *name;
        int reason; /* -1: refused */
    } CASES[] = {{"unspecified", 0},          {"keyCompromise", 1},
                 {"cACompromise", 2},         {"superseded", 4},
                 {"cessationOfOperation", 5}, {"privilegeWithdrawn", 9},
                 {"certificateHold", -1},     {"removeFromCRL", -1},
                 {"KeyCompromise", -1},       {"", -1}};
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        int reason = -1;
        err_t result = revocation_reason_parse(bytes_str(CASES[i].name), &reason);
        assert_int_equal(result.code, CASES[i].reason < 0 ? ERR_UNPROCESSABLE : ERR_OK);
        assert_int_equal(reason, CASES[i].reason);
        if (reason >= 0) {
            assert_string_equal(revocation_reason_name(reason), CASES[i].name);
        }
    }
}

static err_t revoke_one(struct scene *scene, size_t tenant, const struct enrolment *enrolment, int reason)
{
    AUTO_VAL(certificate_row) row = {0};
    return revoke_in(scene, tenant, enrolment->certificate.serial, reason, &row);
}

/* Who had the key may have asked for the next certificate with it. */
static void test_the_current_certificate_takes_all_with_it(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(EVP_PKEY) *next = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) second = {0};
    AUTO_VAL(enrolment) out = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    assert_ok(enrol_by_certificate(scene, buf_view(&first.certificate.der), next, 0, &second));
    assert_int_equal(revoke_one(scene, 1, &first, 1).code, ERR_NOT_FOUND); /* another tenant's */
    assert_ok(revoke_one(scene, 0, &first, 1));
    assert_int_equal(scene_device(scene, 0, &unit.id).state, DEVICE_REVOKED);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 3"), 2);
    struct contact contact = contact_by_certificate(scene, buf_view(&second.certificate.der));
    assert_true(contact.proof == PROOF_NONE && contact.is_revoked);
    assert_int_equal(enrol_by_certificate(scene, buf_view(&first.certificate.der), key, 0, &out).code,
                     ERR_DEVICE_REFUSED);
    assert_int_equal(enrol_by_identity(scene, &unit, key, 0, &out).code, ERR_DEVICE_REFUSED);
    /* again: nothing changes */
    int64_t records = scene_number(scene, "SELECT COUNT(*) FROM audit");
    manual_clock_advance(&scene->clock, 1000);
    assert_ok(revoke_one(scene, 0, &first, 5));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit"), records);
    assert_int_equal(scene_number(scene, "SELECT MAX(revocation_reason) FROM certificate"), 1);
}

/* One that waits beside a confirmed one goes alone; alone, it was the device's place. */
static void test_an_unconfirmed_certificate(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(EVP_PKEY) *next = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) second = {0};
    AUTO_VAL(enrolment) third = {0};
    struct device_row row;
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    assert_ok(enrol_by_certificate(scene, buf_view(&first.certificate.der), next, 0, &second));
    assert_ok(revoke_one(scene, 0, &second, 0));
    assert_int_equal(scene_device(scene, 0, &unit.id).state, DEVICE_ENROLLED);
    assert_int_equal(contact_by_certificate(scene, buf_view(&first.certificate.der)).proof,
                     PROOF_OPERATIONAL);
    assert_ok(revoke_one(scene, 0, &first, 0));
    assert_ok(allow_reenrol(scene->fleet, &ACTOR, scene->tenants[0].id, &unit.id, &row));
    assert_ok(enrol_by_identity(scene, &unit, next, 0, &third));
    assert_int_equal(third.certificate.state, CERTIFICATE_UNCONFIRMED);
    assert_ok(revoke_one(scene, 0, &third, 0));
    assert_int_equal(scene_device(scene, 0, &unit.id).state, DEVICE_REVOKED);
}

static void test_states_that_allow_the_way_back(void **state)
{
    static const struct {
        const char *sql;
        err_code expected;
    } CASES[] = {{"UPDATE device SET state = 0", ERR_WRONG_STATE},
                 {"UPDATE device SET state = 1", ERR_OK},
                 {"UPDATE device SET state = 2, reenrol_allowed = 0", ERR_WRONG_STATE},
                 {"UPDATE device SET state = 3, reenrol_allowed = 0", ERR_OK},
                 {"UPDATE device SET state = 4, reenrol_allowed = 0", ERR_WRONG_STATE},
                 {"UPDATE device SET state = 5, reenrol_allowed = 0", ERR_WRONG_STATE}};
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    struct device_row row;
    unit_init(&unit);
    assert_int_equal(allow_reenrol(scene->fleet, &ACTOR, scene->tenants[0].id, &unit.id, &row).code,
                     ERR_NOT_FOUND);
    scene_register(scene, 0, &unit.id);
    assert_int_equal(allow_reenrol(scene->fleet, &ACTOR, scene->tenants[1].id, &unit.id, &row).code,
                     ERR_NOT_FOUND);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        scene_change(scene, CASES[i].sql);
        err_t result = allow_reenrol(scene->fleet, &ACTOR, scene->tenants[0].id, &unit.id, &row);
        assert_int_equal(result.code, CASES[i].expected);
        if (result.code == ERR_WRONG_STATE) {
            assert_has(result.detail, "revoked"); /* what would be allowed */
        }
    }
}

/* Superseded ones are listed after the overlap, not before; a later revocation by the operator stays one. */
static void test_superseded_ones_are_listed_after_the_overlap(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(EVP_PKEY) *next = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) second = {0};
    AUTO_VAL(certificate_row) row = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    assert_ok(enrol_by_certificate(scene, buf_view(&first.certificate.der), next, 0, &second));
    (void)contact_by_certificate(scene, buf_view(&second.certificate.der));
    manual_clock_advance(&scene->clock, DAY_MS - 1);
    assert_ok(revocation_list_superseded(scene->fleet, scene->clock.at_ms));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE revoked_at IS NOT NULL"), 0);
    manual_clock_advance(&scene->clock, 1);
    for (int i = 0; i < 2; i++) {
        assert_ok(revocation_list_superseded(scene->fleet, scene->clock.at_ms));
    }
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 2 AND "
                                         "revocation_reason = 4 AND revoked_at IS NOT NULL"),
                     1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'certificate.listed'"), 1);
    manual_clock_advance(&scene->clock, 1000);
    assert_ok(revoke_in(scene, 0, first.certificate.serial, 1, &row));
    assert_int_equal(row.state, CERTIFICATE_REVOKED);
    assert_int_equal(row.revocation_reason, 1);
    assert_int_equal(row.revoked_at, SCENE_AT_MS + DAY_MS);
    assert_int_equal(scene_device(scene, 0, &unit.id).state, DEVICE_ENROLLED);
    assert_audit_verifies(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reasons),
        scene_test(test_the_current_certificate_takes_all_with_it),
        scene_test(test_an_unconfirmed_certificate),
        scene_test(test_states_that_allow_the_way_back),
        scene_test(test_superseded_ones_are_listed_after_the_overlap),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
