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

/* --- what happens between the look and the transaction ---------------------------------------------- */

/* Drawing the serial is the step between them: this source of randomness changes the inventory there, once.
 */
struct meddler {
    struct random random;
    struct scene *scene;
    const char *sql; /* or NULL */
    const struct unit *unit;
    EVP_PKEY *key; /* somebody else enrols this device with it, or NULL */
    struct enrolment other;
    int calls;
};

static err_t meddle(void *context, uint8_t *out, size_t n)
{
    struct meddler *meddler = context;
    meddler->scene->fleet->random = random_system();
    if (meddler->sql != NULL) {
        scene_change(meddler->scene, meddler->sql);
    }
    if (meddler->key != NULL) {
        assert_ok(enrol_by_identity(meddler->scene, meddler->unit, meddler->key, 0, &meddler->other));
    }
    meddler->calls++;
    return random_fill(random_system(), out, n);
}

static err_t enrol_meddled(struct meddler *meddler, EVP_PKEY *key, struct enrolment *out)
{
    meddler->random = (struct random){.context = meddler, .fill = meddle};
    meddler->scene->fleet->random = &meddler->random;
    err_t result = enrol_by_identity(meddler->scene, meddler->unit, key, 0, out);
    meddler->scene->fleet->random = random_system();
    assert_int_equal(meddler->calls, 1);
    return result;
}

/* A policy that changed meanwhile: what was signed under the old one is not handed out. */
static void test_a_policy_that_changes_meanwhile(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) out = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    struct meddler meddler = {
        .scene = scene, .unit = &unit, .sql = "UPDATE product SET certificate_ttl_s = 86400, ver = ver + 1"};
    assert_ok(enrol_meddled(&meddler, key, &out));
    assert_int_equal(out.certificate.not_after, SCENE_AT_MS + DAY_MS);
    assert_whole(scene, 1);
}

static void test_a_device_that_is_quarantined_meanwhile(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) out = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    struct meddler meddler = {
        .scene = scene, .unit = &unit, .sql = "UPDATE device SET state = 2, ver = ver + 1"};
    assert_int_equal(enrol_meddled(&meddler, key, &out).code, ERR_DEVICE_REFUSED);
    assert_whole(scene, 0);
}

/* The loser of a race gets the winner's certificate; his own was never stored. */
static void test_the_same_key_enrolled_meanwhile(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) out = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    struct meddler meddler = {.scene = scene, .unit = &unit, .key = key};
    assert_ok(enrol_meddled(&meddler, key, &out));
    assert_true(out.is_repeat);
    assert_true(bytes_equal(buf_view(&out.certificate.der), buf_view(&meddler.other.certificate.der)));
    assert_whole(scene, 1);
    enrolment_clear(&meddler.other);
}

/* Another key of the same device was first: this one becomes the next generation and waits for its use. */
static void test_another_key_enrolled_meanwhile(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(EVP_PKEY) *faster = ec_key("P-256");
    AUTO_VAL(enrolment) out = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    struct meddler meddler = {.scene = scene, .unit = &unit, .key = faster};
    assert_ok(enrol_meddled(&meddler, key, &out));
    assert_int_equal(out.certificate.generation, 2);
    assert_int_equal(out.certificate.state, CERTIFICATE_UNCONFIRMED);
    assert_int_equal(meddler.other.certificate.state, CERTIFICATE_CONFIRMED);
    enrolment_clear(&meddler.other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_a_full_disk_leaves_nothing_half_written),
        scene_test(test_randomness_that_fails_issues_nothing),
        scene_test(test_a_policy_that_changes_meanwhile),
        scene_test(test_a_device_that_is_quarantined_meanwhile),
        scene_test(test_the_same_key_enrolled_meanwhile),
        scene_test(test_another_key_enrolled_meanwhile),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
