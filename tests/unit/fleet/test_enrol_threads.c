/* Races for keys, certificates and places in the queue: whoever wins, the inventory holds one answer. */
#include "tests/unit/fleet/contact_scene.h"

#include <pthread.h>

enum { RACERS = 8, ROUNDS = 6 };

struct racer {
    struct scene *scene;
    const struct unit *unit;
    EVP_PKEY *key;
    struct bytes certificate; /* to use, or none */
    pthread_barrier_t *start;
    struct enrolment out;
    struct contact contact;
    err_t result;
};

static void *race_identity(void *arg)
{
    struct racer *racer = arg;
    (void)pthread_barrier_wait(racer->start);
    racer->result = enrol_by_identity(racer->scene, racer->unit, racer->key, 0, &racer->out);
    while (racer->result.code == ERR_BUSY) { /* a full queue: nothing was done, so it may come again */
        racer->result = enrol_by_identity(racer->scene, racer->unit, racer->key, 0, &racer->out);
    }
    return NULL;
}

static void *race_use(void *arg)
{
    struct racer *racer = arg;
    (void)pthread_barrier_wait(racer->start);
    racer->contact = contact_by_certificate(racer->scene, racer->certificate);
    return NULL;
}

static void *race_rekey(void *arg)
{
    struct racer *racer = arg;
    (void)pthread_barrier_wait(racer->start);
    racer->result = enrol_by_certificate(racer->scene, racer->certificate, racer->key, 0, &racer->out);
    return NULL;
}

static void run(struct racer *racers, size_t count, void *(*const mains[])(void *))
{
    pthread_barrier_t start;
    pthread_t threads[RACERS];
    assert_int_equal(pthread_barrier_init(&start, NULL, (unsigned)count), 0);
    for (size_t i = 0; i < count; i++) {
        racers[i].start = &start;
        assert_int_equal(pthread_create(&threads[i], NULL, mains[i], &racers[i]), 0);
    }
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    (void)pthread_barrier_destroy(&start);
}

static void run_all(struct racer *racers, size_t count, void *(*main_of_all)(void *))
{
    void *(*mains[RACERS])(void *);
    for (size_t i = 0; i < count; i++) {
        mains[i] = main_of_all;
    }
    run(racers, count, mains);
}

/* One device asks on many connections for one key: one certificate. */
static void test_one_key_one_certificate(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    struct racer racers[RACERS] = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    for (size_t i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.scene = scene, .unit = &unit, .key = key};
    }
    run_all(racers, RACERS, race_identity);
    for (size_t i = 0; i < RACERS; i++) {
        assert_ok(racers[i].result);
        assert_true(
            bytes_equal(buf_view(&racers[i].out.certificate.der), buf_view(&racers[0].out.certificate.der)));
    }
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate"), 1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.enrolled'"), 1);
    for (size_t i = 0; i < RACERS; i++) {
        enrolment_clear(&racers[i].out);
    }
}

/* Many devices ask for one key: one gets it, the others' certificates were never stored. */
static void test_two_devices_race_for_one_key(void **state)
{
    struct scene *scene = *state;
    struct unit units[RACERS];
    struct racer racers[RACERS] = {0};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    int won = 0;
    for (size_t i = 0; i < RACERS; i++) {
        unit_init(&units[i]);
        scene_register(scene, i % TENANTS, &units[i].id);
        racers[i] = (struct racer){.scene = scene, .unit = &units[i], .key = key};
    }
    run_all(racers, RACERS, race_identity);
    for (size_t i = 0; i < RACERS; i++) {
        won += racers[i].result.code == ERR_OK ? 1 : 0;
        assert_true(racers[i].result.code == ERR_OK || racers[i].result.code == ERR_CONFLICT);
        enrolment_clear(&racers[i].out);
        unit_clear(&units[i]);
    }
    assert_int_equal(won, 1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate"), 1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device WHERE state = 1"), 1);
}

/* The first use of a new certificate races with a rekey under the old one: either the old key was in time and
 * the new certificate is replaced, or it is confirmed and the old key is refused. Never both, never none. */
static void race_use_and_rekey(struct scene *scene)
{
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *first_key = ec_key("P-256");
    AUTO(EVP_PKEY) *second_key = ec_key("P-256");
    AUTO(EVP_PKEY) *third_key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) second = {0};
    struct racer racers[2] = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, first_key, 0, &first));
    assert_ok(enrol_by_certificate(scene, buf_view(&first.certificate.der), second_key, 0, &second));
    racers[0] = (struct racer){.scene = scene, .certificate = buf_view(&second.certificate.der)};
    racers[1] =
        (struct racer){.scene = scene, .certificate = buf_view(&first.certificate.der), .key = third_key};
    run(racers, 2, (void *(*const[])(void *)){race_use, race_rekey});
    bool is_confirmed = racers[0].contact.proof == PROOF_OPERATIONAL;
    bool is_rekeyed = racers[1].result.code == ERR_OK;
    assert_true(is_confirmed != is_rekeyed);
    assert_true(is_rekeyed || racers[1].result.code == ERR_DEVICE_REFUSED);
    assert_true(is_confirmed || racers[0].contact.is_superseded);
    enrolment_clear(&racers[1].out);
}

static void test_first_use_races_with_a_rekey(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < ROUNDS; i++) {
        race_use_and_rekey(scene);
    }
    assert_audit_verifies(scene);
}

/* Many connections with the new certificate at once confirm it once. */
static void test_first_use_is_counted_once(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) renewed = {0};
    struct racer racers[RACERS] = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    assert_ok(enrol_by_certificate(scene, buf_view(&first.certificate.der), key, 0, &renewed));
    for (size_t i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.scene = scene, .certificate = buf_view(&renewed.certificate.der)};
    }
    run_all(racers, RACERS, race_use);
    for (size_t i = 0; i < RACERS; i++) {
        assert_int_equal(racers[i].contact.proof, PROOF_OPERATIONAL);
    }
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'certificate.confirmed'"),
                     1);
}

/* A queue with one place: who finds it full is told so, and nothing of the attempt stays. */
static void test_a_full_queue_leaves_nothing(void **state)
{
    struct scene *scene = *state;
    struct unit units[RACERS];
    EVP_PKEY *keys[RACERS];
    struct racer racers[RACERS] = {0};
    for (size_t i = 0; i < RACERS; i++) {
        unit_init(&units[i]);
        scene_register(scene, 0, &units[i].id);
        keys[i] = ec_key("P-256");
        racers[i] = (struct racer){.scene = scene, .unit = &units[i], .key = keys[i]};
    }
    scene_stop(scene);
    scene->db_options.queue_limit = 1;
    scene_start(scene);
    run_all(racers, RACERS, race_identity);
    for (size_t i = 0; i < RACERS; i++) {
        assert_ok(racers[i].result);
        enrolment_clear(&racers[i].out);
        unit_clear(&units[i]);
        EVP_PKEY_free(keys[i]);
    }
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate"), RACERS);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.enrolled'"),
                     RACERS);
    assert_audit_verifies(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_one_key_one_certificate),      scene_test(test_two_devices_race_for_one_key),
        scene_test(test_first_use_races_with_a_rekey), scene_test(test_first_use_is_counted_once),
        scene_test(test_a_full_queue_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
