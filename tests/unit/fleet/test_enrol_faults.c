/* A disk that is full in the middle of a fleet: each device gets all or nothing, is told so, and comes back.
 */
#include "tests/unit/fleet/scene.h"

enum { DEVICES_MAX = 200 };

static void assert_whole(struct scene *scene, int64_t enrolled)
{
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate"), enrolled);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device WHERE state = 1"), enrolled);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device_key"), enrolled);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.enrolled'"),
                     enrolled);
    assert_audit_verifies(scene);
}

static void test_a_full_disk_leaves_nothing_half_written(void **state)
{
    struct scene *scene = *state;
    struct unit units[DEVICES_MAX];
    EVP_PKEY *keys[DEVICES_MAX];
    err_t result = OK;
    int count = 0;
    for (int i = 0; i < DEVICES_MAX; i++) {
        unit_init(&units[i]);
        keys[i] = ec_key("P-256");
        scene_register(scene, 0, &units[i].id);
    }
    scene_change(scene, "PRAGMA max_page_count = 1"); /* no page more than there are */
    for (; count < DEVICES_MAX && result.code == ERR_OK; count++) {
        AUTO_VAL(enrolment) out = {0};
        result = enrol_by_identity(scene, &units[count], keys[count], 0, &out);
    }
    assert_int_equal(result.code, ERR_DISK_FULL);
    assert_whole(scene, count - 1);
    scene_change(scene, "PRAGMA max_page_count = 1000000");
    AUTO_VAL(enrolment) back = {0};
    assert_ok(enrol_by_identity(scene, &units[count - 1], keys[count - 1], 0, &back));
    assert_false(back.is_repeat);
    assert_whole(scene, count);
    for (int i = 0; i < DEVICES_MAX; i++) {
        unit_clear(&units[i]);
        EVP_PKEY_free(keys[i]);
    }
}

static err_t random_fails(void *context, uint8_t *out, size_t n)
{
    (void)context;
    (void)out;
    return ERR(ERR_CRYPTO, "no %zu random bytes", n);
}

/* Randomness ends before a serial is drawn: no certificate, and the device may come again. */
static void test_randomness_that_fails_issues_nothing(void **state)
{
    static const struct random BROKEN = {.fill = random_fails};
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) out = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    const struct random *working = scene->fleet->random;
    scene->fleet->random = &BROKEN;
    assert_int_equal(enrol_by_identity(scene, &unit, key, 0, &out).code, ERR_CRYPTO);
    assert_whole(scene, 0);
    scene->fleet->random = working;
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &out));
    assert_whole(scene, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_a_full_disk_leaves_nothing_half_written),
        scene_test(test_randomness_that_fails_issues_nothing),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
