/* Tests of the two phases of a certificate: what an issue leaves alone, what a use ends, what a lost answer
 * costs. */
#include "tests/unit/fleet/born_scene.h"
#include "tests/unit/fleet/contact_scene.h"

static bool works(struct scene *scene, const struct enrolment *enrolment)
{
    return contact_by_certificate(scene, der_of(enrolment)).proof == PROOF_OPERATIONAL;
}

/* Both rekeys of a device that makes its keys at random. */
static void rekey(struct scene *scene, const struct enrolment *by, struct enrolment *out)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    assert_ok(enrol_by_certificate(scene, der_of(by), key, 0, out));
    manual_clock_advance(&scene->clock, 1000);
}

static void recover(struct scene *scene, const struct unit *unit, struct enrolment *out)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    assert_ok(enrol_by_identity(scene, unit, key, 0, out));
    manual_clock_advance(&scene->clock, 1000);
}

static void test_time_alone_takes_nothing(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(born) born;
    AUTO_VAL(enrolment) next = {0};
    born_init(&born, scene);
    rekey(scene, &born.first, &next);
    for (int day = 0; day < 88; day += 8) {
        manual_clock_advance(&scene->clock, 8 * DAY_MS);
        assert_ok(revocation_list_superseded(scene->fleet, scene->clock.at_ms));
        assert_ok(device_terms_pass(scene->fleet, scene->clock.at_ms));
    }
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 0"), 1);
    assert_true(works(scene, &born.first));
    assert_true(works(scene, &next));
    assert_true(contact_by_certificate(scene, der_of(&born.first)).is_superseded);
}

/* Brokers may take the old certificate for the overlap, then the CRL names it with reason superseded (4). */
static void test_the_old_one_is_listed_after_the_overlap(void **state)
{
    static const char LISTED[] =
        "SELECT COUNT(*) FROM certificate WHERE state = 2 AND revoked_at IS NOT NULL "
        "AND revocation_reason = 4";
    struct scene *scene = *state;
    AUTO_VAL(born) born;
    AUTO_VAL(enrolment) next = {0};
    born_init(&born, scene);
    rekey(scene, &born.first, &next);
    assert_true(works(scene, &next));
    assert_false(works(scene, &born.first)); /* here at once */
    manual_clock_advance(&scene->clock, DAY_MS - 1);
    assert_ok(revocation_list_superseded(scene->fleet, scene->clock.at_ms));
    assert_int_equal(scene_number(scene, LISTED), 0);
    manual_clock_advance(&scene->clock, 1);
    assert_ok(revocation_list_superseded(scene->fleet, scene->clock.at_ms));
    assert_int_equal(scene_number(scene, LISTED), 1);
    assert_ok(publication_refresh(scene->fleet, scene->clock.at_ms));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'certificate.listed'"), 1);
}

/* The old key asks again with a fresh key: the answer before was lost. */
static void test_a_lost_rekey_is_replaced(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(born) born;
    AUTO_VAL(enrolment) lost = {0};
    AUTO_VAL(enrolment) next = {0};
    born_init(&born, scene);
    rekey(scene, &born.first, &lost);
    rekey(scene, &born.first, &next);
    assert_int_equal(lost.certificate.generation, 2);
    assert_int_equal(next.certificate.generation, 3);
    assert_false(works(scene, &lost));
    assert_true(works(scene, &born.first));
    assert_true(works(scene, &next));
    assert_false(works(scene, &born.first));
    assert_int_equal(scene_device(scene, 0, &born.unit.id).state, DEVICE_ENROLLED);
}

static void test_a_lost_recovery_is_replaced(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(born) born;
    AUTO_VAL(enrolment) lost = {0};
    AUTO_VAL(enrolment) next = {0};
    scene_change(scene, "UPDATE product SET recovery = 2");
    born_init(&born, scene);
    recover(scene, &born.unit, &lost);
    recover(scene, &born.unit, &next);
    assert_int_equal(next.certificate.generation, 3);
    assert_false(works(scene, &lost));
    assert_true(works(scene, &born.first)); /* a recovery takes nothing until it is used */
    assert_true(works(scene, &next));
    assert_false(works(scene, &born.first));
}

/* Who rekeys with a stolen key cannot take the owner's recovery away; who recovers ends what the old key
 * asked for, though that is newer. */
static void test_a_recovery_and_a_rekey_under_way(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(born) born;
    AUTO_VAL(enrolment) recovered = {0};
    AUTO_VAL(enrolment) rekeyed = {0};
    scene_change(scene, "UPDATE product SET recovery = 2");
    born_init(&born, scene);
    recover(scene, &born.unit, &recovered);
    rekey(scene, &born.first, &rekeyed);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 0"), 2);
    assert_true(works(scene, &recovered));
    assert_false(works(scene, &born.first));
    assert_false(works(scene, &rekeyed));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 1"), 1);
}

/* The other way round: the rekey is used first, and the recovery after it still ends it. */
static void test_a_recovery_outlives_a_rekey_before_it(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(born) born;
    AUTO_VAL(enrolment) recovered = {0};
    AUTO_VAL(enrolment) rekeyed = {0};
    scene_change(scene, "UPDATE product SET recovery = 2");
    born_init(&born, scene);
    rekey(scene, &born.first, &rekeyed);
    recover(scene, &born.unit, &recovered);
    assert_true(works(scene, &rekeyed));
    assert_true(works(scene, &recovered));
    assert_false(works(scene, &rekeyed));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 1"), 1);
}

/* A rekey that is used ends the recovery that the identity key asked for before it. */
static void test_a_rekey_ends_a_recovery_before_it(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(born) born;
    AUTO_VAL(enrolment) recovered = {0};
    AUTO_VAL(enrolment) rekeyed = {0};
    scene_change(scene, "UPDATE product SET recovery = 2");
    born_init(&born, scene);
    recover(scene, &born.unit, &recovered);
    rekey(scene, &born.first, &rekeyed);
    assert_true(works(scene, &rekeyed));
    assert_false(works(scene, &recovered));
    assert_true(works(scene, &rekeyed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_time_alone_takes_nothing),
        scene_test(test_the_old_one_is_listed_after_the_overlap),
        scene_test(test_a_lost_rekey_is_replaced),
        scene_test(test_a_lost_recovery_is_replaced),
        scene_test(test_a_recovery_and_a_rekey_under_way),
        scene_test(test_a_recovery_outlives_a_rekey_before_it),
        scene_test(test_a_rekey_ends_a_recovery_before_it),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
