/* The invariants of docs/identity.md: random lives of some devices in two tenants, checked after each step.
 * The seed is printed; WHORL_TEST_SEED repeats a run. Whoever breaks a rule is told which. */
#include "tests/unit/fleet/contact_scene.h"
#include "tests/unit/fleet/life_checks.h"
#include "tests/unit/fleet/life_orders.h"
#include "tests/unit/fleet/life_steps.h"

static void test_invariants_hold_in_random_lives(void **state)
{
    static void (*const STEP[])(struct life *) = {
        step_identity,    step_identity,    step_identity, step_operational, step_operational,
        step_operational, step_operational, step_use,      step_use,         step_use,
        step_revoke,      step_order,       step_order,    step_order,       step_challenge,
        step_time,        step_time,        step_restart,  step_crash,       step_forged,
        step_stranger,    step_stranger,    step_policy,   step_squatter,    step_use,
        step_operational, step_identity};
    struct life *life = calloc(1, sizeof *life);
    assert_non_null(life);
    life_init(life, *state);
    for (life->step = 0; life->step < STEPS; life->step++) {
        STEP[pick(life, sizeof STEP / sizeof STEP[0])](life);
        check_life(life);
    }
    check_crl(life);
    assert_audit_verifies(life->scene);
    print_message(
        "%lld certificates, %lld repeats, %lld lost, %lld refusals, %lld crashes, %lld suspicions\n",
        (long long)life->enrolled, (long long)life->repeated, (long long)life->lost, (long long)life->refused,
        (long long)life->crashed, (long long)life->suspected);
    assert_true(life->enrolled >= UNITS);
    assert_true(life->refused > 0 && life->strangers.admitted > 0);
    life_free(life);
}

/* I9: nothing leads out of compromised and retired. */
static void test_final_states_are_final(void **state)
{
    static const char *const FINAL[] = {"UPDATE device SET state = 4", "UPDATE device SET state = 5"};
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    struct actor actor = {.name = "token:test", .request_id = ""};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    for (size_t i = 0; i < sizeof FINAL / sizeof FINAL[0]; i++) {
        AUTO_VAL(enrolment) out = {0};
        AUTO_VAL(certificate_row) revoked = {0};
        struct device_row row;
        scene_change(scene, FINAL[i]);
        enum device_state before = scene_device(scene, 0, &unit.id).state;
        assert_error(allow_reenrol(scene->fleet, &actor, scene->tenants[0].id, &unit.id, &row),
                     ERR_WRONG_STATE, "enrolled");
        assert_int_equal(enrol_by_identity(scene, &unit, key, 0, &out).code, ERR_DEVICE_REFUSED);
        assert_int_equal(contact_by_certificate(scene, buf_view(&first.certificate.der)).proof, PROOF_NONE);
        assert_ok(revoke_in(scene, 0, first.certificate.serial, 0, &revoked));
        assert_int_equal(scene_device(scene, 0, &unit.id).state, before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_invariants_hold_in_random_lives),
        scene_test(test_final_states_are_final),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
