/* The delegates that sign: how long each lives, what a clock that is set does to them, and an authority
 * without key. */
#include "tests/unit/fleet/ocsp_scene.h"

static void test_signers(void **state)
{
    struct scene *scene = *state;
    int64_t from_ms = 0, to_ms = 0;
    uint8_t serial[SERIAL_SIZE];
    assert_false(ocsp_signer_life(scene->fleet, "device", &from_ms, &to_ms));
    assert_ok(ocsp_refresh(scene->fleet, scene->clock.at_ms));
    assert_true(ocsp_signer_life(scene->fleet, "device", &from_ms, &to_ms));
    assert_int_equal(to_ms, SCENE_AT_MS + 7 * DAY_MS);
    assert_false(ocsp_signer_life(scene->fleet, "nobody", &from_ms, &to_ms));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'ocsp.signer_certified'"),
                     3);
    memcpy(serial, ocsp_signer_facts(scene->fleet->ocsp->places[0]->signer)->serial, sizeof serial);
    manual_clock_advance(&scene->clock, 3 * DAY_MS);
    assert_ok(ocsp_refresh(scene->fleet, scene->clock.at_ms));
    assert_memory_equal(serial, ocsp_signer_facts(scene->fleet->ocsp->places[0]->signer)->serial,
                        sizeof serial);
    manual_clock_advance(&scene->clock, DAY_MS / 2); /* half of its life */
    assert_ok(ocsp_refresh(scene->fleet, scene->clock.at_ms));
    assert_memory_not_equal(serial, ocsp_signer_facts(scene->fleet->ocsp->places[0]->signer)->serial,
                            sizeof serial);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'ocsp.signer_certified'"),
                     6);
    assert_audit_verifies(scene);
}

/* No job has run for long, or the clock was set: who asks has an answer of today all the same. */
static void test_a_signer_of_another_time(void **state)
{
    static const int64_t STEPS[] = {8, 300, -300, -8};
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO_VAL(enrolment) first = {0};
    enrol_one(scene, &unit, &first);
    (void)status_of(scene, scene->house.device, serial_of(&first));
    for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++) {
        manual_clock_advance(&scene->clock, STEPS[i] * DAY_MS);
        struct ocsp_seen seen = status_of(scene, scene->house.device, serial_of(&first));
        assert_int_equal(seen.status, V_OCSP_CERTSTATUS_GOOD);
        assert_int_equal(seen.this_update_s, scene->clock.at_ms / 1000);
    }
}

static void test_an_answer_never_outlives_its_signer(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO_VAL(enrolment) first = {0};
    enrol_one(scene, &unit, &first);
    (void)status_of(scene, scene->house.device, serial_of(&first));
    manual_clock_advance(&scene->clock, 7 * DAY_MS - 3600000); /* as if every renewal had failed */
    struct ocsp_seen seen = status_of(scene, scene->house.device, serial_of(&first));
    assert_int_equal(seen.next_update_s, (SCENE_AT_MS + 7 * DAY_MS) / 1000);
}

/* The root's key is elsewhere: nobody signs for it, and the others go on. */
static void test_an_authority_without_key(void **state)
{
    static const uint8_t serial[SERIAL_SIZE] = {1, 2};
    struct scene *scene = *state;
    struct authority *with_key = scene->house.root;
    AUTO_PTR(authority) *offline = NULL;
    AUTO_VAL(buf) der = {0};
    assert_ok(authority_load("root", AUTHORITY_ROOT, authority_borrow_der(with_key), NULL, &offline));
    scene_stop(scene);
    scene->house.root = offline;
    scene_start(scene);
    assert_ok(ocsp_refresh(scene->fleet, scene->clock.at_ms)); /* no failure of a job */
    int64_t from_ms = 0, to_ms = 0;
    assert_false(ocsp_signer_life(scene->fleet, "root", &from_ms, &to_ms));
    assert_true(ocsp_signer_life(scene->fleet, "device", &from_ms, &to_ms));
    ocsp_ask(offline, EVP_sha256(), BYTES_OF(serial), 0, &der);
    assert_int_equal(error_for(scene, buf_view(&der)), OCSP_UNAUTHORIZED);
    scene_stop(scene);
    scene->house.root = with_key;
    scene_start(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_signers),
        scene_test(test_a_signer_of_another_time),
        scene_test(test_an_answer_never_outlives_its_signer),
        scene_test(test_an_authority_without_key),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
